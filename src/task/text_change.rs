//! Changes of the text of a task, which stands below its fields: another text, more text, a dated note, a box that is
//! ticked. Pure. Each changes the lines that it names and no other byte, in the line ends of the file.

use super::checklist::box_line;
use super::dialect::{content, lines};
use super::frontmatter::Document;
use crate::error::{Error, Kind, Result};
use std::ops::Range;

/// The heading of the section with the notes.
const NOTES: &[u8] = b"## Notes";

/// The length of the beginning of a note that has the day: `- YYYY-MM-DD`.
const DAY: usize = 12;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextChange {
    /// Another text below the title; a text that begins with a title of its own replaces that, too.
    Replace(String),
    /// More text, at the end.
    Append(String),
    /// An item at the end of the notes.
    Note {
        /// The time, as `YYYY-MM-DD HH:MM`.
        at: String,
        /// Who writes it.
        by: String,
        /// The words.
        text: String,
    },
    /// A box is ticked or cleared.
    Box {
        /// Its number in the text, counted from 1.
        number: usize,
        /// Whether it is ticked.
        ticked: bool,
    },
}

/// Makes the changes, the notes last. What the text ends with already is not written again, so that a command which was cut
/// off after it was published can be given again. The same words further up are no reason to leave any out.
///
/// # Errors
/// [`Kind::Usage`] for a box that is not there; [`Kind::Unparsable`] for a file whose fields cannot be read.
pub(crate) fn apply(document: &mut Document, changes: &[TextChange]) -> Result<()> {
    for change in changes {
        document.require_readable()?;
        document.require_head();
        let eol = document.eol();
        let notes = notes(changes, eol);
        match change {
            TextChange::Replace(text) => {
                let text = replaced(document.body(), &with_eol(text, eol), eol);
                document.set_body(&text);
            }
            TextChange::Append(text) => {
                let text = with_eol(text, eol);
                if !ends_with(document.raw_body(), &text, eol, &notes) {
                    append(document, &text, eol);
                }
            }
            TextChange::Note { .. } => {}
            TextChange::Box { number, ticked } => {
                let mut all = boxes(document.raw_body());
                let count = all.len();
                let found = number.checked_sub(1).filter(|at| *at < count).map(|at| all.swap_remove(at));
                let found = found.ok_or_else(|| no_such_box(*number, count))?;
                if found.state != State::of(*ticked) {
                    let state = if *ticked { "x" } else { " " };
                    let mut body = document.raw_body().to_vec();
                    drop(body.splice(found.place, state.bytes()));
                    document.set_raw_body(&body);
                }
            }
        }
    }
    let eol = document.eol();
    let notes = notes(changes, eol);
    if !notes.is_empty() && !has_notes(document.raw_body(), &notes) {
        for note in &notes {
            add_note(document, note, eol);
        }
    }
    Ok(())
}

/// What of the changes is not made, since the text has it already at its end, in sentences.
pub(crate) fn left_out(document: &Document, changes: &[TextChange]) -> Vec<String> {
    let (body, eol) = (document.raw_body(), document.eol());
    let notes = notes(changes, eol);
    let appended = changes.iter().filter_map(|change| match change {
        TextChange::Append(text) => Some(with_eol(text, eol)),
        _ => None,
    });
    let replaces = changes.iter().any(|change| matches!(change, TextChange::Replace(_)));
    let mut said: Vec<_> = appended
        .filter(|text| ends_with(body, text, eol, &notes))
        .map(|_| "the text ends with it already, so nothing was added to it".to_owned())
        .collect();
    if !notes.is_empty() && !replaces && has_notes(body, &notes) {
        let they = if notes.len() == 1 { "the last note says it" } else { "the last notes say it" };
        said.push(format!("{they} already, so no note was added"));
    }
    said
}

/// A text in these line ends, without empty lines around it.
fn with_eol(text: &str, eol: &str) -> String {
    text.replace("\r\n", "\n").trim_end().trim_start_matches(['\n', '\r']).replace('\n', eol)
}

/// A text whose lines after the first belong to the same item of a list.
fn indented(text: &str, eol: &str) -> String {
    let text = with_eol(text.trim(), "\n");
    let lines = text.split('\n').enumerate();
    let lines = lines.map(|(n, line)| if n == 0 || line.is_empty() { line.to_owned() } else { format!("  {line}") });
    lines.collect::<Vec<_>>().join(eol)
}

fn replaced(body: &[u8], text: &str, eol: &str) -> Vec<u8> {
    let title = lines(body).next().map(content).filter(|line| line.starts_with(b"# ") && !text.starts_with("# "));
    title
        .map_or_else(Vec::new, |title| [title, eol.as_bytes(), eol.as_bytes()].concat())
        .into_iter()
        .chain(text.bytes())
        .collect()
}

fn append(document: &mut Document, text: &str, eol: &str) {
    let kept = document.raw_body().trim_ascii_end();
    if kept.is_empty() {
        document.set_body(text.as_bytes());
    } else {
        let body = [kept, eol.as_bytes(), eol.as_bytes(), text.as_bytes(), eol.as_bytes()].concat();
        document.set_raw_body(&body);
    }
}

/// Whether this text is the last of a body, below an empty line; these notes of the same command may follow it, and the
/// heading that came with them.
fn ends_with(body: &[u8], text: &str, eol: &str, notes: &[Note<'_>]) -> bool {
    let is_last = |body: &[u8]| {
        let before = body.trim_ascii_end().strip_suffix(text.trim_ascii_end().as_bytes());
        let gap = [eol, eol].concat();
        before.is_some_and(|before| before.trim_ascii_start().is_empty() || before.ends_with(gap.as_bytes()))
    };
    let above = Some(notes).filter(|notes| !notes.is_empty()).and_then(|notes| without(body, notes));
    let is_above = |above: &[u8]| {
        let above = above.trim_ascii_end();
        is_last(above) || above.strip_suffix(NOTES).is_some_and(is_last)
    };
    is_last(body) || above.is_some_and(is_above)
}

/// An item of the notes.
struct Note<'c> {
    at: &'c str,
    /// What follows its time.
    rest: String,
}

impl Note<'_> {
    fn item(&self) -> String {
        format!("- {}{}", self.at, self.rest)
    }

    /// What stands before it in a text that ends with the same words of the same author and day.
    fn before<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (text, item) = (text.trim_ascii_end(), self.item());
        let (before, last) = text.split_at_checked(text.len().checked_sub(item.len())?)?;
        let is_same = last.get(..DAY) == item.as_bytes().get(..DAY) && last.ends_with(self.rest.as_bytes());
        (is_same && (before.is_empty() || before.ends_with(b"\n"))).then_some(before)
    }
}

fn notes<'c>(changes: &'c [TextChange], eol: &str) -> Vec<Note<'c>> {
    let notes = changes.iter().filter_map(|change| match change {
        TextChange::Note { at, by, text } => Some(Note { at, rest: format!(" {by}: {}", indented(text, eol)) }),
        _ => None,
    });
    notes.collect()
}

/// What stands before these notes in a text that ends with them.
fn without<'t>(text: &'t [u8], notes: &[Note<'_>]) -> Option<&'t [u8]> {
    notes.iter().rev().try_fold(text, |text, note| note.before(text))
}

/// Whether these are the last notes.
fn has_notes(body: &[u8], notes: &[Note<'_>]) -> bool {
    let section = section(body, &text_lines(body)).map_or(body, |section| &body[..section.end]);
    without(body, notes).or_else(|| without(section, notes)).is_some()
}

/// The section with the notes.
struct Section {
    /// Where its last line that is not empty ends.
    end: usize,
    /// Whether that line is one of a list.
    is_list: bool,
}

fn section(body: &[u8], all: &[TextLine<'_>]) -> Option<Section> {
    let heading = all.iter().position(|line| !line.is_code && line.content.trim_ascii_end() == NOTES)?;
    let is_heading =
        |line: &TextLine<'_>| !line.is_code && (line.content.starts_with(b"# ") || line.content.starts_with(b"## "));
    let lines = all.get(heading + 1..)?.split(|line| is_heading(line)).next().unwrap_or_default();
    let last = lines.iter().rfind(|line| !line.content.trim_ascii().is_empty());
    let is_list = last.is_some_and(|last| last.content.starts_with(b"- ") || last.content.starts_with(b" "));
    let last = last.or(all.get(heading))?;
    Some(Section { end: (last.start + last.content.len()).min(body.len()), is_list })
}

/// Adds an item to the notes.
fn add_note(document: &mut Document, note: &Note<'_>, eol: &str) {
    let (item, body) = (note.item(), document.raw_body());
    let Some(Section { end, is_list }) = section(body, &text_lines(body)) else {
        return append(document, &[&*String::from_utf8_lossy(NOTES), eol, eol, &item].concat(), eol);
    };
    let rest = &body[end..];
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    // A heading that follows at once gets an empty line before it.
    let after = if rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n") { "" } else { eol };
    let before = if is_list { "" } else { eol };
    let body =
        [&body[..end], eol.as_bytes(), before.as_bytes(), item.as_bytes(), eol.as_bytes(), after.as_bytes(), rest];
    let body = body.concat();
    document.set_raw_body(&body);
}

/// A line of a text, without its line end.
struct TextLine<'t> {
    start: usize,
    content: &'t [u8],
    /// Whether it is within a block of code between fences, or a fence.
    is_code: bool,
}

/// The lines of a text. A fence that nothing closes is none; one within an item of a list is closed by the end of the item.
fn text_lines(text: &[u8]) -> Vec<TextLine<'_>> {
    let mut all: Vec<TextLine<'_>> = Vec::new();
    let (mut start, mut open) = (0, None::<(usize, Fence)>);
    for line in lines(text) {
        let content = content(line);
        let is_outer = !content.starts_with(b" ") && !content.trim_ascii().is_empty();
        open = open.filter(|(_, begin)| !(begin.is_within_item && is_outer));
        let is_code = match (&open, fence(content)) {
            (None, Some(begin)) => {
                open = Some((all.len(), begin));
                true
            }
            (Some((_, begin)), Some(end)) if end.closes(begin) => {
                open = None;
                true
            }
            (open, _) => open.is_some(),
        };
        all.push(TextLine { start, content, is_code });
        start += line.len();
    }
    if let Some((from, _)) = open {
        all[from..].iter_mut().for_each(|line| line.is_code = false);
    }
    all
}

/// A line that may begin or end a block of code.
struct Fence {
    mark: u8,
    length: usize,
    /// Whether nothing follows, so that it may end one.
    is_bare: bool,
    /// Whether it is indented as what belongs to an item of a list.
    is_within_item: bool,
}

impl Fence {
    /// Whether it ends the block that another one began; one within an item of a list ends none outside of it.
    fn closes(&self, begin: &Self) -> bool {
        self.is_bare
            && self.mark == begin.mark
            && self.length >= begin.length
            && self.is_within_item == begin.is_within_item
    }
}

fn fence(line: &[u8]) -> Option<Fence> {
    let words = line.trim_ascii();
    let mark = *words.first().filter(|mark| matches!(mark, b'`' | b'~'))?;
    let length = words.iter().take_while(|byte| **byte == mark).count();
    let rest = words.get(length..)?;
    let fence = Fence { mark, length, is_bare: rest.is_empty(), is_within_item: line.starts_with(b" ") };
    // With a backtick after them these are marks within a line.
    (length >= 3 && !(mark == b'`' && rest.contains(&b'`'))).then_some(fence)
}

/// A box of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextBox {
    /// Where its state stands.
    place: Range<usize>,
    state: State,
    /// The words after it.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ticked,
    /// As in the checklist of a manual verification: deferred, skipped or failed.
    Other,
}

impl State {
    fn of(ticked: bool) -> Self {
        if ticked { Self::Ticked } else { Self::Open }
    }
}

impl TextBox {
    /// Whether it is as wanted already.
    pub(crate) fn is(&self, ticked: bool) -> bool {
        self.state == State::of(ticked)
    }
}

/// The boxes of a text, without those in blocks of code.
pub(crate) fn boxes(text: &[u8]) -> Vec<TextBox> {
    let all = text_lines(text).into_iter().filter(|line| !line.is_code);
    let found = all.filter_map(|line| {
        // What stands before the state is valid wherever a box is found, so the places are those of the bytes.
        let words = String::from_utf8_lossy(line.content);
        let found = box_line(&words)?;
        let state = match found.state {
            " " => State::Open,
            "x" | "X" => State::Ticked,
            "defer" | "skip" | "fail" => State::Other,
            _ => return None,
        };
        let start = line.start + found.place;
        Some(TextBox { place: start..start + found.state.len(), state, text: found.text.to_owned() })
    });
    found.collect()
}

fn no_such_box(number: usize, count: usize) -> Error {
    let has = match count {
        0 => "no box".to_owned(),
        1 => "one box".to_owned(),
        count => format!("{count} boxes"),
    };
    Error::new(Kind::Usage, format!("there is no box {number}: the text has {has} (`- [ ]`)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "---\nstatus: Ready\n---\n";

    fn changed(body: &str, changes: &[TextChange]) -> String {
        let mut document = Document::parse(format!("{HEAD}{body}").as_bytes());
        apply(&mut document, changes).unwrap();
        String::from_utf8(document.to_bytes()).unwrap().strip_prefix(HEAD).unwrap().to_owned()
    }

    fn replace(text: &str) -> TextChange {
        TextChange::Replace(text.to_owned())
    }

    fn append(text: &str) -> TextChange {
        TextChange::Append(text.to_owned())
    }

    fn note(at: &str, text: &str) -> TextChange {
        TextChange::Note { at: at.to_owned(), by: "ann".to_owned(), text: text.to_owned() }
    }

    fn tick(number: usize, ticked: bool) -> TextChange {
        TextChange::Box { number, ticked }
    }

    #[test]
    fn another_text_leaves_the_title_unless_it_brings_one() {
        assert_eq!(changed("\n# Title\n\nold\n\nmore\n", &[replace("new\n\n")]), "\n# Title\n\nnew\n");
        assert_eq!(changed("\n# Title\n\nold\n", &[replace("# Other\n\nnew")]), "\n# Other\n\nnew\n");
        assert_eq!(changed("\nold\n", &[replace("\nnew")]), "\nnew\n");
        assert_eq!(changed("", &[replace("---\nstatus: Done\n---")]), "\n---\nstatus: Done\n---\n");
    }

    #[test]
    fn more_text_stands_after_an_empty_line_and_is_not_written_twice() {
        let once = changed("\n# Title\n\nold\n\n\n", &[append("new\nline")]);
        assert_eq!(once, "\n# Title\n\nold\n\nnew\nline\n");
        assert_eq!(changed(&once, &[append("new\nline")]), once);
        assert_eq!(changed("", &[append("new")]), "\nnew\n");
        assert_eq!(changed("\nnew", &[append("new")]), "\nnew");
    }

    #[test]
    fn notes_stand_at_the_end_of_their_section() {
        let day = "2026-01-02 03:04";
        let one = changed("\n# Title\n", &[note(day, "one")]);
        assert_eq!(one, "\n# Title\n\n## Notes\n\n- 2026-01-02 03:04 ann: one\n");
        let two = changed(&one, &[note(day, "two\nlines\n\n## no heading")]);
        assert_eq!(two, format!("{one}- {day} ann: two\n  lines\n\n  ## no heading\n"));
        let three = changed(&format!("{two}\n## More\n"), &[note(day, "three")]);
        assert_eq!(three, format!("{two}- {day} ann: three\n\n## More\n"));
        for (body, expected) in [
            ("\n## Notes", format!("\n## Notes\n\n- {day} ann: x\n")),
            ("\n## Notes\n# Next\n", format!("\n## Notes\n\n- {day} ann: x\n\n# Next\n")),
            (
                "\n## Notes \nwords\n\n\nwords\n\n\n## B",
                format!("\n## Notes \nwords\n\n\nwords\n\n- {day} ann: x\n\n\n## B"),
            ),
            ("\n```\n## Notes\n```\n", format!("\n```\n## Notes\n```\n\n## Notes\n\n- {day} ann: x\n")),
            ("\n## Notes\n- a\n  ```\n## B", format!("\n## Notes\n- a\n  ```\n- {day} ann: x\n\n## B")),
            ("\n```\n## Notes\n", format!("\n```\n## Notes\n\n- {day} ann: x\n")),
            (
                "\n## Notes\n- a\n\n```sh\n## code\n```\n\nend",
                format!("\n## Notes\n- a\n\n```sh\n## code\n```\n\nend\n\n- {day} ann: x\n"),
            ),
        ] {
            assert_eq!(changed(body, &[note(day, "x")]), expected, "{body}");
        }
    }

    #[test]
    fn the_same_note_is_written_once_a_day() {
        let one = changed("\n# Title\n", &[note("2026-01-02 03:04", "one\ntwo")]);
        assert_eq!(changed(&one, &[note("2026-01-02 03:05", "one\ntwo")]), one);
        assert_ne!(changed(&one, &[note("2026-01-03 03:04", "one\ntwo")]), one);
        assert_ne!(changed(&one, &[note("2026-01-02 03:05", "one")]), one);
    }

    #[test]
    fn words_that_stand_further_up_are_added_at_the_end() {
        let code = "\n```\n\ndo it\n\n```\n\nEnd.\n";
        assert_eq!(changed(code, &[append("do it")]), format!("{code}\ndo it\n"));
        assert_eq!(changed("\na\n\nb\n", &[append("a")]), "\na\n\nb\n\na\n");
        assert_eq!(changed("\nnot a\n", &[append("a")]), "\nnot a\n\na\n");
        let day = "2026-01-02 03:04";
        let all = ["one", "two", "one"].iter().fold(String::new(), |body, text| changed(&body, &[note(day, text)]));
        assert_eq!(all.matches(": one\n").count(), 2, "{all}");
    }

    #[test]
    fn the_same_command_again_adds_nothing_and_says_why() {
        let day = "2026-01-02 03:04";
        let both = [append("more"), note(day, "one"), note(day, "two")];
        for body in ["", "\n# T\n\nx\n", "\n## Notes\n\n- a\n", "\n## Notes\n\n- a\n\n## B\n\nx\n"] {
            let once = changed(body, &both);
            assert_eq!(once.matches("more").count(), 1, "{once}");
            assert_eq!(changed(&once, &both), once, "{body:?}");
            let said = |body: &str, changes: &[TextChange]| {
                left_out(&Document::parse(format!("{HEAD}{body}").as_bytes()), changes)
            };
            assert_eq!(said(body, &both), [""; 0]);
            let [text, notes] = <[String; 2]>::try_from(said(&once, &both)).unwrap();
            assert!(text.contains("ends with it already") && notes.contains("last notes say it already"));
        }
    }

    #[test]
    fn boxes_of_every_list_are_counted_and_those_in_code_are_not() {
        let body = "\n- [ ] a\n```\n- [ ] code\n```\n  * [x] b\n1. [ ] c\n- [link] no\n- [x](url)\n- [] no\n~~~ md\n```\n- [ ] code\n~~~~\n- [defer] d\n+ [ ]\n";
        let texts: Vec<_> = boxes(body.as_bytes()).into_iter().map(|found| found.text).collect();
        assert_eq!(texts, ["a", "b", "c", "d", ""]);
        assert_eq!(changed(body, &[tick(3, true)]), body.replace("1. [ ] c", "1. [x] c"));
        assert_eq!(
            changed(body, &[tick(4, true), tick(2, false)]),
            body.replace("[defer] d", "[x] d").replace("[x] b", "[ ] b")
        );
        assert_eq!(changed(body, &[tick(2, true), tick(1, false)]), body);
        let mut document = Document::parse(body.as_bytes());
        for number in [0, 6] {
            let error = apply(&mut document, &[tick(number, true)]).unwrap_err();
            assert!(error.kind() == Kind::Usage && error.to_string().contains("5 boxes"), "{error}");
        }
    }

    #[test]
    fn a_file_keeps_its_line_ends() {
        let text = "---\r\nstatus: Ready\r\n---\r\n\r\n# Title\r\n\r\n- [ ] a\r\n";
        let mut document = Document::parse(text.as_bytes());
        let changes = [tick(1, true), append("x\ny"), note("2026-01-02 03:04", "n\nm"), note("2026-01-02 03:04", "o")];
        apply(&mut document, &changes).unwrap();
        let written = String::from_utf8(document.to_bytes()).unwrap();
        assert!(written.ends_with("m\r\n- 2026-01-02 03:04 ann: o\r\n"), "{written:?}");
        assert_eq!(written.matches('\n').count(), written.matches("\r\n").count(), "{written:?}");
        apply(&mut document, &[replace("x\r\ny\n")]).unwrap();
        assert!(document.to_bytes().ends_with(b"---\r\n\r\n# Title\r\n\r\nx\r\ny\r\n"));
        let mut plain = Document::parse(format!("{HEAD}\n# Title\n").as_bytes());
        apply(&mut plain, &[replace("x\r\ny")]).unwrap();
        assert!(plain.to_bytes().ends_with(b"# Title\n\nx\ny\n"));
    }

    #[test]
    fn a_file_whose_fields_cannot_be_read_stays_as_it_is() {
        let mut document = Document::parse(b"---\nstatus: Ready\n\ntext\n");
        assert_eq!(apply(&mut document, &[append("x")]).unwrap_err().kind(), Kind::Unparsable);
    }

    proptest! {
        /// Whatever the text is, the fields are those that were there, and nothing of it is lost.
        #[test]
        fn no_text_reaches_the_fields(
            before in "(\\PC|[\n\r`#\\[\\] -]|## Notes\n|```\n|- \\[ \\] ){0,40}",
            text in "(\\PC|[\n\r\u{1b}\u{7}`#-]|---\n|status: Done\n){1,30}",
        ) {
            prop_assume!(!text.trim().is_empty());
            for change in [replace(&text), append(&text), note("2026-01-02 03:04", &text)] {
                let mut document = Document::parse(format!("{HEAD}\n{before}").as_bytes());
                apply(&mut document, std::slice::from_ref(&change)).unwrap();
                let again = Document::parse(&document.to_bytes());
                prop_assert_eq!(again.scalars().collect::<Vec<_>>(), [("status", "Ready")]);
                let written = String::from_utf8_lossy(again.body()).into_owned();
                for line in text.lines() {
                    prop_assert!(written.contains(line.trim()), "{:?} in {:?}", line, written);
                }
                apply(&mut document, &[change]).unwrap();
                prop_assert_eq!(document.to_bytes(), again.to_bytes());
            }
        }

        /// A box that is ticked changes its own byte.
        #[test]
        fn a_tick_changes_one_box(text in "(\\PC|\n|- \\[ \\] |\\* \\[x\\] |```\n){0,40}") {
            let all = boxes(text.as_bytes());
            for number in 1..=all.len() {
                let ticked = !all[number - 1].is(true);
                let after = changed(&text, &[tick(number, ticked)]);
                let now = boxes(after.as_bytes());
                prop_assert_eq!(now.len(), all.len());
                prop_assert!(now[number - 1].is(ticked));
                prop_assert_eq!(changed(&after, &[tick(number, !ticked)]).replace("[X]", "[x]"), text.replace("[X]", "[x]"));
            }
        }
    }
}
