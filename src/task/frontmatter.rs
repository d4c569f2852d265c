//! The text of a task file: frontmatter and body, with every byte kept.
//!
//! A task file is UTF-8 text. Its first line is `---`; the frontmatter ends at the next line that is `---`, and the body
//! begins after an empty line. Read as well: blanks after these lines, `...` for the second, and before the first a byte
//! order mark, empty lines and comments (`<!-- -->`), or one other line where the frontmatter has a status. The frontmatter has one `key: value` a line, where the value is the raw text to
//! the end of the line; a list is `[a, b]`, or `- a` lines below the key. Lines with unknown keys, comments (`#`) and
//! everything else are kept. The order of the keys when a file is written is that of `task::order`; readers accept any
//! order.

use super::dialect::{self, BOM, FrontmatterEntry, are_markers_in, content, eol, lines};
use super::order::place;
use super::text::is_unsafe;
use crate::error::{Error, Kind, Result};

/// The largest header that is read, in bytes. One of a hundred children has 2 KiB; what is done with a header may take the
/// square of its length.
const LARGEST_HEADER: usize = 64 << 10;
/// So many lines may a header have that does not begin as one.
const LINES_OF_A_HEADER: usize = 40;

/// Why a frontmatter cannot be read.
pub(super) const TROUBLES: [&str; 4] = [TOO_LARGE, IN_CONFLICT, WITHOUT_END, WITHOUT_BEGINNING];
const TOO_LARGE: &str = "its header is larger than 64 KiB";
const IN_CONFLICT: &str = "it has conflict markers";
const WITHOUT_END: &str = "no line --- ends its header";
const WITHOUT_BEGINNING: &str = "its header does not begin with a line ---";

/// A task file as an ordered list of frontmatter entries and a body. What is not changed is written as it was read,
/// byte for byte, so that a change of one field is one changed line in the history.
///
/// Of a repeated key the scripts take the first in some readers and the last in others:
/// [`Document::scalar`] and [`Document::list`] take the first, [`Document::scalar_last`] and
/// [`Document::list_last`] the last. Writing changes all of them, so that the readers agree afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    pub(super) head: Option<Frontmatter>,
    body: Vec<u8>,
}

/// The frontmatter with the two lines around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frontmatter {
    open: Vec<u8>,
    pub(super) entries: Vec<FrontmatterEntry>,
    close: Vec<u8>,
}

impl Frontmatter {
    /// The default frontmatter, for a file without one.
    fn with_defaults(created_at: &str, updated_at: &str, bom: &[u8], eol: &str) -> Self {
        let entries = [
            ("priority", "medium"),
            ("effort", "medium"),
            ("depends", "[]"),
            ("issue_type", "feature"),
            ("status", "Ready"),
            ("labels", "[]"),
            ("created_at", created_at),
            ("updated_at", updated_at),
        ];
        let rule = format!("---{eol}").into_bytes();
        let entries = entries.iter().map(|(key, value)| FrontmatterEntry::line(key, value, eol)).collect();
        Self { open: [bom, &rule].concat(), entries, close: rule }
    }

    pub(super) fn eol(&self) -> &'static str {
        eol(&self.open)
    }

    /// Makes every line end LF and drops a byte order mark (the entries have LF already).
    pub(super) fn use_plain_newlines(&mut self) {
        let before = before_rule(&self.open).map_or(0, |before| before.len);
        let before = self.open.get(..before).map(|before| before.strip_prefix(BOM).unwrap_or(before));
        let kept = lines(before.unwrap_or_default()).filter(|line| !line.trim_ascii().is_empty());
        self.open = kept.flat_map(|line| [content(line), b"\n"]).collect::<Vec<_>>().concat();
        self.open.extend_from_slice(b"---\n");
        self.close = b"---\n".to_vec();
    }

    fn insert(&mut self, at: usize, key: &str, value: &str) {
        let entry = FrontmatterEntry::line(key, value, self.eol());
        self.entries.insert(at.min(self.entries.len()), entry);
    }
}

/// What stands before the first line `---` of a file.
struct BeforeRule {
    /// Its length in bytes.
    len: usize,
    /// Whether there is anything but a byte order mark, empty lines and comments.
    has_text: bool,
}

/// Finds the line that may open a frontmatter; `None` behind more than one line of text.
fn before_rule(bytes: &[u8]) -> Option<BeforeRule> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut found = BeforeRule { len: bytes.len() - text.len(), has_text: false };
    for line in lines(text) {
        if is_rule(line) {
            return Some(found);
        }
        let body = line.trim_ascii();
        if !(body.is_empty() || (body.starts_with(b"<!--") && body.ends_with(b"-->"))) {
            if found.has_text {
                return None;
            }
            found.has_text = true;
        }
        found.len += line.len();
    }
    None
}

fn is_rule(line: &[u8]) -> bool {
    content(line).trim_ascii_end() == b"---"
}

impl Document {
    /// A new document: default frontmatter, both timestamps `now` (`YYYY-MM-DD HH:MM`), empty body.
    pub(crate) fn new(now: &str) -> Result<Self> {
        check_value("created_at", now)?;
        let mut document = Self { head: Some(Frontmatter::with_defaults(now, now, &[], "\n")), body: Vec::new() };
        document.set_body(b"");
        Ok(document)
    }

    /// Parses a task file. It never fails: without the two lines around a frontmatter all of it is body.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self::parse_head(bytes).unwrap_or_else(|| Self { head: None, body: bytes.to_vec() })
    }

    fn parse_head(bytes: &[u8]) -> Option<Self> {
        let before = before_rule(bytes)?;
        let mut all = lines(bytes.get(before.len..)?);
        let open_end = before.len + all.next().filter(|line| is_rule(line))?.len();
        let mut close_start = open_end;
        for line in all {
            let close_end = close_start + line.len();
            if is_rule(line) || content(line).trim_ascii_end() == b"..." {
                let head = Frontmatter {
                    open: bytes.get(..open_end)?.to_vec(),
                    entries: dialect::entries(bytes.get(open_end..close_start)?),
                    close: line.to_vec(),
                };
                let document = Self { head: Some(head), body: bytes.get(close_end..)?.to_vec() };
                return (!before.has_text || document.contains("status")).then_some(document);
            }
            close_start = close_end;
        }
        None
    }

    /// Why the frontmatter cannot be read, where the file seems to have one: what it says about the task is not known
    /// then, and must not be guessed. A file with nothing that looks like a frontmatter has none, which is allowed.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        let bytes = self.head.is_none().then_some(self.body.as_slice());
        if self.entries().iter().map(|entry| entry.raw().len()).sum::<usize>() > LARGEST_HEADER {
            return Some(TOO_LARGE);
        }
        if are_markers_in(self.entries().iter().flat_map(|entry| lines(entry.raw())).chain(lines(&self.body))) {
            return Some(IN_CONFLICT);
        }
        let all = lines(bytes?.strip_prefix(BOM).unwrap_or(bytes?));
        let first: Vec<_> = all.filter(|line| !line.trim_ascii().is_empty()).take(LINES_OF_A_HEADER).collect();
        if first.first().is_some_and(|line| is_rule(line)) {
            return Some(WITHOUT_END);
        }
        let has_status = first.iter().any(|line| line.starts_with(b"status:"));
        has_status.then_some(WITHOUT_BEGINNING)
    }

    /// Refuses to change a file whose frontmatter cannot be read: a second one would be put on top of it.
    pub(super) fn require_readable(&self) -> Result<()> {
        let Some(why) = self.trouble() else { return Ok(()) };
        Err(Error::new(Kind::Unparsable, format!("the task file cannot be read, so it is not changed: {why}"))
            .advice("correct the file, then git aitask sync"))
    }

    /// The file's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(head) = &self.head {
            bytes.extend_from_slice(&head.open);
            for entry in &head.entries {
                bytes.extend_from_slice(entry.raw());
            }
            bytes.extend_from_slice(&head.close);
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The bytes of the frontmatter with the two lines around it.
    pub(super) fn head_bytes(&self) -> Vec<u8> {
        let mut bytes = self.to_bytes();
        bytes.truncate(bytes.len() - self.body.len());
        bytes
    }

    /// Whether the file has a frontmatter.
    pub(crate) fn has_frontmatter(&self) -> bool {
        self.head.is_some()
    }

    fn entries(&self) -> &[FrontmatterEntry] {
        self.head.as_ref().map_or(&[], |head| &head.entries)
    }

    fn first(&self, key: &str) -> Option<&FrontmatterEntry> {
        self.entries().iter().find(|entry| entry.key() == Some(key))
    }

    pub(super) fn last(&self, key: &str) -> Option<&FrontmatterEntry> {
        self.entries().iter().rfind(|entry| entry.key() == Some(key))
    }

    /// The keys in file order, duplicates included.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().filter_map(FrontmatterEntry::key)
    }

    /// The keys with their values in file order, duplicates included.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries().iter().filter_map(|entry| Some((entry.key()?, entry.value())))
    }

    /// Whether the frontmatter has this key, perhaps with an empty value.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.first(key).is_some()
    }

    /// The trimmed text after the first `key:`, as the scripts read a single key. Bytes that are not UTF-8 are
    /// replaced.
    pub(crate) fn scalar(&self, key: &str) -> Option<&str> {
        self.first(key).map(FrontmatterEntry::value)
    }

    /// The trimmed text after the last `key:`, as the listing and updating scripts read it.
    pub(crate) fn scalar_last(&self, key: &str) -> Option<&str> {
        self.last(key).map(FrontmatterEntry::value)
    }

    /// The items of the first `key:`: a flow list, a wrapped flow list, a block list, or comma-separated text. People
    /// and other tools write all four.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        self.first(key).map(FrontmatterEntry::items).unwrap_or_default()
    }

    /// The items of the last `key:`.
    pub(crate) fn list_last(&self, key: &str) -> Vec<String> {
        self.last(key).map(FrontmatterEntry::items).unwrap_or_default()
    }

    /// The text after the frontmatter, without empty lines at its beginning and newlines at its end.
    pub(crate) fn body(&self) -> &[u8] {
        let body = if self.head.is_some() { &self.body } else { self.body.strip_prefix(BOM).unwrap_or(&self.body) };
        trim_empty_lines(body)
    }

    /// The line end of the file.
    pub(crate) fn eol(&self) -> &'static str {
        self.head.as_ref().map_or_else(|| lines(&self.body).next().map_or("\n", eol), Frontmatter::eol)
    }

    /// Everything after the frontmatter, unchanged.
    pub(crate) fn raw_body(&self) -> &[u8] {
        &self.body
    }

    /// Replaces everything after the frontmatter.
    pub(super) fn set_raw_body(&mut self, body: &[u8]) {
        self.body = body.to_vec();
    }

    /// Sets a key and changes no other byte; a new key is inserted at its canonical place. A file without frontmatter
    /// gets the default one first. A value must be one line, and control characters are refused: a newline in a title
    /// could otherwise add a line such as `status: Done`.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.require_readable()?;
        let value = check_value(key, value)?;
        let head = self.require_head();
        if !replace(head, key, value) {
            head.insert(place(&head.entries, key), key, value);
        }
        Ok(())
    }

    /// [`Document::set`] with a list in flow style: `[a, b]`. Blanks around the items and empty items are dropped.
    pub(crate) fn set_list<T: AsRef<str>>(&mut self, key: &str, items: &[T]) -> Result<()> {
        let items: Vec<&str> = items.iter().map(|item| item.as_ref().trim()).filter(|item| !item.is_empty()).collect();
        if let Some(item) = items.iter().find(|item| item.contains(',')) {
            return Err(Error::new(Kind::Usage, format!("an item of {key} cannot have a comma in it: {item:?}")));
        }
        if let Some(item) = items.iter().find(|item| !dialect::is_balanced(item)) {
            return Err(Error::new(Kind::Usage, format!("an item of {key} has brackets that do not match: {item:?}")));
        }
        self.set(key, &format!("[{}]", items.join(", ")))
    }

    /// Removes a key with the lines that belong to it. Returns whether it existed.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Some(head) = &mut self.head else { return false };
        let count = head.entries.len();
        head.entries.retain(|entry| entry.key() != Some(key));
        head.entries.len() != count
    }

    /// Inserts a new key directly after another one, or at its canonical place when that one is missing. An existing
    /// key only gets the new value.
    pub(crate) fn insert_after(&mut self, key: &str, new_key: &str, value: &str) -> Result<()> {
        self.require_readable()?;
        let value = check_value(new_key, value)?;
        let head = self.require_head();
        if !replace(head, new_key, value) {
            let after = head.entries.iter().position(|entry| entry.key() == Some(key)).map(|at| at + 1);
            head.insert(after.unwrap_or_else(|| place(&head.entries, new_key)), new_key, value);
        }
        Ok(())
    }

    /// Adds a key at the end of the frontmatter. An existing key only gets the new value.
    pub(crate) fn append(&mut self, key: &str, value: &str) -> Result<()> {
        self.require_readable()?;
        let value = check_value(key, value)?;
        let head = self.require_head();
        if !replace(head, key, value) {
            head.insert(head.entries.len(), key, value);
        }
        Ok(())
    }

    /// Replaces the body: an empty line, the text, one newline. Newlines at the end of the text are dropped, those at
    /// its beginning stay. A file without frontmatter gets the default one.
    pub(crate) fn set_body(&mut self, text: &[u8]) {
        let head = self.require_head();
        let eol = head.eol();
        if !head.close.ends_with(b"\n") {
            head.close.extend_from_slice(eol.as_bytes());
        }
        let text = trim_newlines(text);
        let end = if text.is_empty() { "" } else { eol };
        self.body = [eol.as_bytes(), text, end.as_bytes()].concat();
    }

    /// The frontmatter; where there is none, the default one, with the whole file as body.
    pub(super) fn require_head(&mut self) -> &mut Frontmatter {
        let body = &mut self.body;
        self.head.get_or_insert_with(|| {
            let (bom, text) = body.strip_prefix(BOM).map_or((&[][..], body.as_slice()), |text| (BOM, text));
            let eol = lines(text).next().map_or("\n", eol);
            let text = trim_empty_lines(text).to_vec();
            let end = if text.is_empty() { "" } else { eol };
            *body = [eol.as_bytes(), &text, end.as_bytes()].concat();
            Frontmatter::with_defaults("", "", bom, eol)
        })
    }
}

/// Sets the value of every entry with the key. Returns whether there is one.
fn replace(head: &mut Frontmatter, key: &str, value: &str) -> bool {
    let mut found = false;
    for entry in head.entries.iter_mut().filter(|entry| entry.key() == Some(key)) {
        entry.replace(value);
        found = true;
    }
    found
}

/// Checks that a value can be written on one line and read back unchanged.
fn check_value<'a>(key: &str, value: &'a str) -> Result<&'a str> {
    let refuse = |why: &str| Err(Error::new(Kind::Usage, format!("the value of {key:?} {why}: {value:?}")));
    if !dialect::is_key(key) {
        return Err(Error::new(Kind::Usage, format!("{key:?} cannot be a key of a task file")));
    }
    if value.chars().any(is_unsafe) {
        return refuse("has a line break or control character in it");
    }
    let value = value.trim();
    if value.starts_with('[') && dialect::depth(value.as_bytes()) != 0 {
        return refuse("has brackets that do not match");
    }
    Ok(value)
}

fn trim_newlines(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = text {
        text = rest;
    }
    text
}

fn trim_empty_lines(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(b"\n").or_else(|| text.strip_prefix(b"\r\n")) {
        text = rest;
    }
    trim_newlines(text)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text that resembles a task file.
    pub(in crate::task) fn frontmatter_like() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            4 => "(status|priority|depends|labels|assigned_to|created_at|updated_at|boardidx|custom|X-Y|attachments|gates): {0,2}[ -~]{0,12}",
            1 => "(depends|labels|children_to_implement): ?\\[[a-z0-9_, '\"]{0,10}\\]?",
            1 => "[ \t]{1,3}(- )?[ -~]{0,8}",
            1 => "- [ -~]{0,8}",
            1 => Just("---".to_owned()),
            1 => Just(String::new()),
            1 => "#[ -~]{0,8}",
            1 => "\\PC{0,8}",
        ];
        let eol = prop_oneof![8 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r")];
        let lines = proptest::collection::vec((line, eol), 0..20);
        let start = prop_oneof![8 => Just("---\n"), 2 => Just("---\r\n"), 1 => Just("\u{feff}---\n"), 1 => Just(""), 1 => Just("--- x\n")];
        (start, lines, any::<bool>()).prop_map(|(start, lines, cut)| {
            let mut text: String = start.to_owned();
            text.extend(lines.into_iter().map(|(line, eol)| line + eol));
            if cut {
                text.pop();
            }
            text
        })
    }

    fn text(document: &Document) -> String {
        String::from_utf8(document.to_bytes()).unwrap()
    }

    fn edit(before: &str, change: impl FnOnce(&mut Document)) -> String {
        let mut document = Document::parse(before.as_bytes());
        change(&mut document);
        text(&document)
    }

    #[test]
    fn odd_files_survive() {
        for file in [
            "",
            "---",
            "---\n",
            "---\n---",
            "---\n---\n",
            "---\r\nstatus: Ready\r\n---\r\n\r\nbody\r\n",
            "\u{feff}---\nstatus: Ready\n---\nbody",
            "---\nstatus: Ready\nno end\n",
            "--- priority:high effort:low depends:1,4\nbody\n",
            "---\nstatus: Ready\n---\nbody\n---\nstatus: Done\n---\n",
            "\n---\nstatus: Ready\n---\n",
        ] {
            assert_eq!(edit(file, |_| ()), file, "{file:?}");
        }
        let bytes = b"---\nstatus: \xff\xfe\n\xff: x\n---\n\xff";
        let mut document = Document::parse(bytes);
        assert_eq!(document.to_bytes(), bytes);
        assert_eq!(document.scalar("status"), Some("\u{fffd}\u{fffd}"));
        document.set("status", "Done").unwrap();
        assert_eq!(document.to_bytes(), b"---\nstatus: Done\n\xff: x\n---\n\xff");
    }

    #[test]
    fn what_is_frontmatter() {
        for (file, has) in [
            ("---\n---", true),
            ("---\r\n---\r\n", true),
            ("\u{feff}---\n---\n", true),
            ("---\n", false),
            ("--- \n---\t\n", true),
            ("---\n...\n", true),
            ("\n<!-- note -->\n\n---\n---\n", true),
            ("\u{feff}\r\n---\r\n---\r\n", true),
            (" ---\n---\n", false),
            ("----\n---\n", false),
            ("text\n---\n---\n", false),
            ("text\n---\nstatus: Done\n---\n", true),
            ("text\nmore\n---\nstatus: Done\n---\n", false),
        ] {
            assert_eq!(Document::parse(file.as_bytes()).has_frontmatter(), has, "{file:?}");
        }
    }

    #[test]
    fn reading() {
        let document = Document::parse(
            b"---\nstatus:  Ready \nissue_type: bug   # note\nassigned_to: ''\nlabels: [a]\nstatus: Done\nlabels:\n  - b\n---\n\n\n \nbody\nstatus: x\n\n",
        );
        assert_eq!((document.scalar("status"), document.scalar_last("status")), (Some("Ready"), Some("Done")));
        assert_eq!(
            (document.list("labels"), document.list_last("labels")),
            (vec!["a".to_owned()], vec!["b".to_owned()])
        );
        assert_eq!(document.scalar("issue_type"), Some("bug   # note"));
        assert_eq!(document.scalar("assigned_to"), Some("''"));
        assert_eq!((document.scalar("nothing"), document.list("nothing")), (None, vec![]));
        assert_eq!(document.body(), b" \nbody\nstatus: x");
        assert_eq!(document.keys().count(), 6);
    }

    #[test]
    fn setting_replaces_one_line() {
        let file = "---\r\n# c\r\nstatus:Ready\r\n  stray\r\ncustom: 1\r\n---\r\nstatus: x\r\n";
        assert_eq!(
            edit(file, |d| d.set("status", " Done ").unwrap()),
            "---\r\n# c\r\nstatus: Done\r\n  stray\r\ncustom: 1\r\n---\r\nstatus: x\r\n"
        );
        assert_eq!(edit(file, |d| d.set("status", "Ready").unwrap()), file);
        let file = "---\ndepends: [1,\n  2]\nlabels:\n- a\n# c\n- b\n# d\nlabels: x\n---\n";
        assert_eq!(
            edit(file, |d| {
                d.set_list("depends", &["3", " t4_1 ", ""]).unwrap();
                d.set_list::<&str>("labels", &[]).unwrap();
            }),
            "---\ndepends: [3, t4_1]\nlabels: []\n# d\nlabels: []\n---\n"
        );
        assert_eq!(edit(file, |d| assert!(d.remove("labels"))), "---\ndepends: [1,\n  2]\n# d\n---\n");
        assert_eq!(edit(file, |d| assert!(!d.remove("status"))), file);
    }

    #[test]
    fn new_keys_go_to_their_canonical_place() {
        let file = "---\nx: 1\npriority: low\nstatus: Ready\nlabels: []\nissue: u\ncustom: 1\ncreated_at: c\nupdated_at: u\ncompleted_at: d\nodd: 1\nboardidx: 4\n---\n";
        for (key, after) in [
            ("effort", "priority: low\n"),
            ("depends", "priority: low\n"),
            ("archived_reason", "status: Ready\n"),
            ("assigned_to", "labels: []\n"),
            ("implemented_with", "issue: u\n"),
            ("other", "custom: 1\n"),
            ("boardcol", "odd: 1\n"),
            ("boardgroup", "boardidx: 4\n"),
        ] {
            let expected = file.replacen(after, &format!("{after}{key}: v\n"), 1);
            assert_eq!(edit(file, |d| d.set(key, "v").unwrap()), expected, "{key}");
        }
        for (file, key, expected) in [
            ("---\n---\n", "status", "---\nstatus: v\n---\n"),
            ("---\nx: 1\n---", "status", "---\nx: 1\nstatus: v\n---"),
            ("---\nx: 1\ncreated_at: c\n---\n", "status", "---\nx: 1\nstatus: v\ncreated_at: c\n---\n"),
            ("---\nstatus: s\nx: 1\n---\n", "updated_at", "---\nstatus: s\nx: 1\nupdated_at: v\n---\n"),
            (
                "---\nupdated_at: u\nboardcol: b\n---\n",
                "created_at",
                "---\ncreated_at: v\nupdated_at: u\nboardcol: b\n---\n",
            ),
            ("---\nboardcol: b\n---\n", "created_at", "---\ncreated_at: v\nboardcol: b\n---\n"),
            ("---\nlabels:\n- a\n---\n", "gates", "---\nlabels:\n- a\ngates: v\n---\n"),
        ] {
            assert_eq!(edit(file, |d| d.set(key, "v").unwrap()), expected, "{file:?} {key}");
        }
    }

    #[test]
    fn inserting_at_a_given_place() {
        let file = "---\nupdated_at: u\nx: 1\n---\n";
        assert_eq!(
            edit(file, |d| d.insert_after("updated_at", "completed_at", "c").unwrap()),
            "---\nupdated_at: u\ncompleted_at: c\nx: 1\n---\n"
        );
        assert_eq!(
            edit(file, |d| d.append("status", "Done").unwrap()),
            "---\nupdated_at: u\nx: 1\nstatus: Done\n---\n"
        );
        assert_eq!(edit(file, |d| d.insert_after("none", "x", "2").unwrap()), "---\nupdated_at: u\nx: 2\n---\n");
    }

    #[test]
    fn refused_values() {
        let mut document = Document::parse(b"---\nstatus: Ready\n---\n");
        for value in ["a\nb", "a\n", "a\tb", "a\u{1b}", "a\u{85}", "a\u{2028}b", "\u{202e}a", "[a", "[a]]", "[[a]"] {
            let error = document.set("issue", value).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{value:?}");
            assert!(!error.to_string().chars().any(is_unsafe));
        }
        for key in ["", "a b", "-a", "a:", "é"] {
            assert_eq!(document.set(key, "x").unwrap_err().kind(), Kind::Usage, "{key:?}");
        }
        assert_eq!(document.set_list("labels", &["a,b"]).unwrap_err().kind(), Kind::Usage);
        assert_eq!(text(&document), "---\nstatus: Ready\n---\n");
    }

    #[test]
    fn bodies() {
        let file = "---\nstatus: Ready\n---";
        assert_eq!(edit(file, |d| d.set_body(b"l1\n\nl2\n\n\n")), "---\nstatus: Ready\n---\n\nl1\n\nl2\n");
        assert_eq!(edit(file, |d| d.set_body(b"")), "---\nstatus: Ready\n---\n\n");
        assert_eq!(edit(file, |d| d.set_body(b"\n-n")), "---\nstatus: Ready\n---\n\n\n-n\n");
        assert_eq!(edit("---\r\n---\r\nx", |d| d.set_body(b"y\r\n\r\n")), "---\r\n---\r\n\r\ny\r\n");
    }

    #[test]
    fn a_file_without_frontmatter_gets_one() {
        let defaults = "priority: medium\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Done\nlabels: []\ncreated_at: \nupdated_at: \n";
        for (before, start, body) in [
            ("", "---\n", "\n"),
            ("\n\ntext\nmore\n\n", "---\n", "\ntext\nmore\n"),
            ("\u{feff}text", "\u{feff}---\n", "\ntext\n"),
        ] {
            assert_eq!(edit(before, |d| d.set("status", "Done").unwrap()), format!("{start}{defaults}---\n{body}"));
        }
        let windows = edit("text\r\nmore\r\n", |d| d.set("status", "Done").unwrap());
        assert_eq!(windows, format!("---\n{defaults}---\n\ntext\nmore\n").replace('\n', "\r\n"));
    }

    #[test]
    fn what_seems_to_have_a_header_and_cannot_be_read_is_said_and_not_changed() {
        for (file, is_readable) in [
            ("", true),
            ("text\n", true),
            ("---\nstatus: Ready\n---\ntext\n", true),
            ("--- priority:high effort:low depends:1,4\nbody\n", true),
            ("Title\n---\ntext\n---\n", true),
            ("---\nstatus: Done\n", false),
            ("\n---\nstatus: Done\n", false),
            ("status: Done\n---\n\ntext\n", false),
            ("one\ntwo\n---\nstatus: Done\n---\n", false),
            ("---\n<<<<<<< a\nstatus: Done\n=======\nstatus: Ready\n>>>>>>> b\n---\n", false),
            ("---\nstatus: Ready\n---\n<<<<<<< a\none\n=======\ntwo\n>>>>>>> b\n", false),
        ] {
            let mut document = Document::parse(file.as_bytes());
            assert_eq!(document.trouble().is_none(), is_readable, "{file:?}");
            if !is_readable {
                assert_eq!(document.set("priority", "low").unwrap_err().kind(), Kind::Unparsable, "{file:?}");
                assert_eq!(text(&document), file);
            }
        }
    }

    #[test]
    fn a_header_of_any_size_is_refused_with_the_limit() {
        let keys = (0..100_000).map(|at| format!("key{at}: v\n")).collect::<Vec<_>>().concat();
        let labels = (0..100_000).map(|at| format!("l{at}")).collect::<Vec<_>>().join(", ");
        let labels = format!("labels: [{labels}]\n");
        for header in [keys, labels, "status: Ready\n".repeat(100_000), "labels: [\n".repeat(100_000)] {
            let document = Document::parse(format!("---\n{header}---\n").as_bytes());
            assert_eq!(document.trouble(), Some("its header is larger than 64 KiB"));
        }
        let children = (1..1_000).map(|at| format!("t12_{at}")).collect::<Vec<_>>().join(", ");
        let large = format!("---\nchildren_to_implement: [{children}]\n---\n{}", "text\n".repeat(100_000));
        assert_eq!(Document::parse(large.as_bytes()).trouble(), None);
    }

    fn check_set(before: &[u8], key: &str, value: &str) -> Result<(), TestCaseError> {
        let mut document = Document::parse(before);
        let has_frontmatter = document.has_frontmatter();
        if document.set(key, value).is_err() {
            prop_assert_eq!(document.to_bytes(), before);
            return Ok(());
        }
        let after = document.to_bytes();
        let read = Document::parse(&after);
        prop_assert_eq!(read.scalar(key), Some(value.trim()));
        prop_assert_eq!(read.scalar_last(key), Some(value.trim()));
        if !has_frontmatter {
            return Ok(());
        }
        let old = Document::parse(before);
        prop_assert_eq!(read.raw_body(), old.raw_body());
        // Every entry of another key is still there, in order and unchanged.
        let others = |document: &Document| -> Vec<Vec<u8>> {
            let entries = document.entries().iter().filter(|entry| entry.key() != Some(key));
            entries.map(|entry| entry.raw().to_vec()).collect()
        };
        prop_assert_eq!(others(&document), others(&old));
        let count = old.keys().filter(|other| *other == key).count();
        prop_assert_eq!(document.keys().filter(|other| *other == key).count(), count.max(1));
        // A value of one line changes one line.
        if let (1, Some(entry)) = (count, old.first(key))
            && !entry.continues()
        {
            let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(before).collect(), lines(&after).collect());
            prop_assert_eq!(old.len(), new.len());
            prop_assert!(old.iter().zip(&new).filter(|(old, new)| old != new).count() <= 1);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let document = Document::parse(&bytes);
            prop_assert_eq!(document.to_bytes(), bytes);
            let _ = (document.body(), document.list("a"), document.scalar("a"));
        }

        #[test]
        fn frontmatter_survives(file in frontmatter_like()) {
            let document = Document::parse(file.as_bytes());
            prop_assert_eq!(document.to_bytes(), file.as_bytes());
            for key in document.keys() {
                let _ = (document.scalar(key), document.list(key), document.list_last(key));
            }
        }

        #[test]
        fn one_set_changes_one_entry(
            file in frontmatter_like(),
            key in "status|priority|depends|labels|assigned_to|updated_at|boardcol|custom|new-key|completed_at",
            value in prop_oneof![2 => "[ -~]{0,12}", 1 => "\\[[a-z, ]{0,8}\\]", 1 => any::<String>()],
        ) {
            check_set(file.as_bytes(), &key, &value)?;
        }

        #[test]
        fn one_set_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..80), value in "[ -~]{0,12}") {
            let file = [b"---\n".as_slice(), &bytes, b"\n---\n", &bytes].concat();
            check_set(&file, "status", &value)?;
        }

        #[test]
        fn lists_come_back(file in frontmatter_like(), items in proptest::collection::vec("[a-zA-Z0-9_./:^-]{1,8}", 0..5)) {
            let mut document = Document::parse(file.as_bytes());
            prop_assume!(document.trouble().is_none());
            document.set_list("labels", &items).unwrap();
            prop_assert_eq!(Document::parse(&document.to_bytes()).list("labels"), items);
        }

        #[test]
        fn removing_removes(file in frontmatter_like()) {
            let mut document = Document::parse(file.as_bytes());
            let had = document.contains("status");
            prop_assert_eq!(document.remove("status"), had);
            prop_assert!(had || document.to_bytes() == file.as_bytes());
            prop_assert!(!Document::parse(&document.to_bytes()).contains("status"));
        }
    }
}
