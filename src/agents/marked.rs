//! The stanza between two marker lines in a file of the user. Everything outside of the markers stays byte for byte,
//! whatever the line ends, and removing the stanza gives back the file as it was before.
//!
//! Nothing is noted elsewhere about that file: whether it ended with a newline shows in whether the stanza does, and a
//! file that has nothing but the stanza and a newline was made for it. A blank line before the stanza belongs to it.

use crate::agents::texts::digest;

const BEGIN: &str = "<!-- BEGIN git-aitask";
const END: &str = "<!-- END git-aitask -->";
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A stanza in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stanza {
    /// Where its first marker begins.
    start: usize,
    /// Where its last marker ends, before the newline.
    end: usize,
    /// The line ends.
    newline: &'static [u8],
    /// Whether the text between the markers is what this program wrote there, in any version.
    pub(crate) is_own: bool,
}

/// What is left of a file without its stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The file was made for the stanza.
    Nothing,
    /// The file as it was before.
    Bytes(Vec<u8>),
}

/// Finds the stanza of a file.
///
/// # Errors
/// Why the markers are no pair: only a person can tell what is meant.
pub(crate) fn find(bytes: &[u8]) -> Result<Option<Stanza>, &'static str> {
    let (mut begins, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let skipped = if at == 0 && line.starts_with(BOM) { BOM.len() } else { 0 };
        let text = line.get(skipped..).unwrap_or_default();
        let place = (at + skipped, at + line.trim_ascii_end().len(), at + line.len());
        if text.trim_ascii().starts_with(BEGIN.as_bytes()) {
            begins.push(place);
        } else if text.trim_ascii() == END.as_bytes() {
            ends.push(place);
        }
        at += line.len();
    }
    let (begin, end) = match (begins.as_slice(), ends.as_slice()) {
        ([], []) => return Ok(None),
        ([begin], [end]) if begin.2 <= end.0 => (*begin, *end),
        ([_], [_]) => return Err("its end marker stands before its begin marker"),
        ([_], []) => return Err("it has a begin marker and no end marker"),
        ([], [_]) => return Err("it has an end marker and no begin marker"),
        _ => return Err("it has more than one pair of markers"),
    };
    let [marker, body] = [begin.0..begin.1, begin.2..end.0].map(|range| bytes.get(range).unwrap_or_default());
    let newline: &[u8] =
        if bytes.get(begin.1..begin.2).is_some_and(|end| end.ends_with(b"\r\n")) { b"\r\n" } else { b"\n" };
    let is_own = marker.trim_ascii() == marker_of(body).as_bytes();
    Ok(Some(Stanza { start: begin.0, end: end.1, newline, is_own }))
}

/// The first marker for a text, in this version.
fn marker_of(body: &[u8]) -> String {
    format!("{BEGIN} v1 sha256:{} -->", digest(body))
}

/// The markers and the text between them, with these line ends.
fn rendered(body: &str, newline: &[u8]) -> Vec<u8> {
    let text = format!("{}\n{body}{END}", marker_of(body.as_bytes()));
    if newline == b"\n" { text.into_bytes() } else { text.replace('\n', "\r\n").into_bytes() }
}

/// The file that is made for a stanza.
pub(crate) fn created(body: &str) -> Vec<u8> {
    [&rendered(body, b"\n")[..], b"\n"].concat()
}

/// A file with a stanza at its end; `bytes` has none.
pub(crate) fn added(bytes: &[u8], body: &str) -> Vec<u8> {
    let first = bytes.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let newline: &[u8] = if first.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
    let stanza = rendered(body, newline);
    if bytes.is_empty() || bytes == BOM {
        [bytes, &stanza].concat()
    } else if bytes.ends_with(b"\n") {
        [bytes, newline, &stanza, newline].concat()
    } else {
        [bytes, newline, newline, &stanza].concat()
    }
}

impl Stanza {
    /// The file with another text between the markers.
    pub(crate) fn replaced(&self, bytes: &[u8], body: &str) -> Vec<u8> {
        let (before, after) = self.around(bytes);
        [before, &rendered(body, self.newline), after].concat()
    }

    /// The file without the stanza.
    pub(crate) fn removed(&self, bytes: &[u8]) -> Rest {
        let (before, after) = self.around(bytes);
        let tail = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n")).unwrap_or_default();
        if before.is_empty() && tail.is_empty() && !after.is_empty() {
            return Rest::Nothing;
        }
        let blank = before.strip_suffix(self.newline).filter(|before| before.ends_with(b"\n"));
        let mut before = blank.unwrap_or(before);
        if after.is_empty() {
            before = before.strip_suffix(self.newline).unwrap_or(before);
        }
        Rest::Bytes([before, tail].concat())
    }

    fn around<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        (bytes.get(..self.start).unwrap_or_default(), bytes.get(self.end..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "## Tasks\n\n- one\n";

    fn found(bytes: &[u8]) -> Stanza {
        find(bytes).unwrap().unwrap_or_else(|| panic!("no stanza in {}", String::from_utf8_lossy(bytes)))
    }

    #[test]
    fn files_of_all_kinds_come_back_byte_for_byte() {
        for file in [
            "",
            "\n",
            "\n\n",
            "text",
            "text\n",
            "text\n\n",
            "text\r\n",
            "a\r\nb",
            "a\nb\r\n",
            "a\r\n\nb\r",
            "\u{feff}",
            "\u{feff}\n",
            "\u{feff}text",
            "\r",
            "text\r",
            "<!-- BEGIN other -->\n<!-- END other -->\n",
        ] {
            let added = added(file.as_bytes(), TEXT);
            assert!(found(&added).is_own, "{file:?}");
            assert_eq!(found(&added).removed(&added), Rest::Bytes(file.into()), "{file:?}");
        }
        let made = created(TEXT);
        assert_eq!(found(&made).removed(&made), Rest::Nothing);
    }

    #[test]
    fn text_of_the_user_around_it_stays() {
        for (file, rest) in [
            ("{}\nafter\n", "after\n"),
            ("before\n\n{}\n\nafter\n", "before\n\nafter\n"),
            ("before\n{}\nafter", "before\nafter"),
            ("before\n\n\n{}\n", "before\n\n"),
            ("\u{feff}{}\n", "\u{feff}"),
        ] {
            let file = file.replace("{}", &String::from_utf8(rendered(TEXT, b"\n")).unwrap());
            assert_eq!(found(file.as_bytes()).removed(file.as_bytes()), Rest::Bytes(rest.into()), "{file}");
        }
    }

    #[test]
    fn one_that_was_changed_by_hand_is_told_from_one_of_another_version() {
        let older = String::from_utf8(added(b"text\n", "- older\n")).unwrap();
        assert!(found(older.as_bytes()).is_own);
        assert!(found(older.replace('\n', "\r\n").as_bytes()).is_own, "git may change the line ends");
        assert!(!found(older.replace("older", "mine").as_bytes()).is_own);
        assert!(!found(older.replace("v1 sha256", "v2 sha256").as_bytes()).is_own, "of a newer program");
    }

    #[test]
    fn markers_that_are_no_pair_are_left_to_a_person() {
        let one = String::from_utf8(created(TEXT)).unwrap();
        let (begin, end) = (one.lines().next().unwrap(), one.lines().last().unwrap());
        for (file, why) in [
            (format!("{one}{one}"), "more than one"),
            (format!("{begin}\n{one}"), "more than one"),
            (begin.to_owned(), "no end"),
            (end.to_owned(), "no begin"),
            (format!("{end}\n{begin}\n"), "before"),
        ] {
            assert!(find(file.as_bytes()).unwrap_err().contains(why), "{file}");
        }
        assert_eq!(find(b"a line with <!-- BEGIN git-aitask --> in it\n"), Ok(None));
    }

    proptest! {
        #[test]
        fn whatever_the_file_is_it_comes_back(
            parts in proptest::collection::vec("(\u{feff}|\n|\r\n|\r|[a-z#é ]{1,5}|<!-- BEGIN|-->|```)", 0..12),
            other in "[a-z\n]{0,20}",
        ) {
            let file = parts.concat().into_bytes();
            let older = added(&file, &format!("{other}\n"));
            prop_assert!(found(&older).is_own);
            let newer = found(&older).replaced(&older, TEXT);
            prop_assert_eq!(&newer, &added(&file, TEXT), "an older one is replaced in its place");
            prop_assert_eq!(found(&newer).replaced(&newer, TEXT), newer.clone());
            prop_assert_eq!(found(&newer).removed(&newer), Rest::Bytes(file));
        }
    }
}
