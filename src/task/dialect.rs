//! The line dialect of the frontmatter, entry by entry. It is not YAML: a scalar is the raw text to the end of the
//! line, and the scripts read files by line patterns, so a YAML writer would change what they see.

/// The byte order mark that some editors put before a text.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// One entry: a key line with the lines that belong to it, or a single line without a key (a comment, an empty line,
/// anything else). All bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrontmatterEntry {
    key: Option<String>,
    value: String,
    raw: Vec<u8>,
}

impl FrontmatterEntry {
    /// A new entry of one line.
    pub(super) fn line(key: &str, value: &str, eol: &str) -> Self {
        Self { key: Some(key.to_owned()), value: value.to_owned(), raw: format!("{key}: {value}{eol}").into_bytes() }
    }

    /// Lines without a key.
    pub(super) fn verbatim(raw: Vec<u8>) -> Self {
        Self { key: None, value: String::new(), raw }
    }

    fn start(line: &[u8]) -> Self {
        let key = key_of(content(line)).map(str::to_owned);
        let value = key.as_ref().and_then(|key| content(line).get(key.len() + 1..)).unwrap_or_default();
        Self { value: String::from_utf8_lossy(value).trim().to_owned(), key, raw: line.to_vec() }
    }

    /// The same entry with LF for CRLF.
    pub(super) fn with_plain_newlines(&self) -> Self {
        let mut raw = Vec::with_capacity(self.raw.len());
        for line in lines(&self.raw) {
            let end = line.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |end| end + 1);
            raw.extend_from_slice(line.get(..end).unwrap_or(line));
            raw.push(b'\n');
        }
        Self { raw, ..self.clone() }
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The trimmed text after the colon on the key's own line.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn split_first_line(&self) -> (&[u8], &[u8]) {
        let end = self.raw.iter().position(|b| *b == b'\n').map_or(self.raw.len(), |end| end + 1);
        self.raw.split_at_checked(end).unwrap_or((&self.raw, &[]))
    }

    fn has_empty_value(&self) -> bool {
        self.value.is_empty() || self.value.starts_with('#')
    }

    /// Whether the value continues below the key's line: a wrapped flow list, a block list or mapping, a block scalar.
    /// Other lines below the key belong to the entry, but not to its value.
    pub(super) fn continues(&self) -> bool {
        if self.value.starts_with('[') {
            return depth(self.value.as_bytes()) > 0;
        }
        let is_marker = |text: &str| text.bytes().all(|b| matches!(b, b'-' | b'+' | b'0'..=b'9'));
        if self.value.strip_prefix(['|', '>']).is_some_and(is_marker) {
            return !self.split_first_line().1.is_empty();
        }
        self.has_empty_value() && lines(self.split_first_line().1).any(|line| !is_blank(line) && !is_comment(line))
    }

    /// Replaces the value. The lines below stay unless they are part of the old value.
    pub(super) fn replace(&mut self, value: &str) {
        let Some(key) = self.key.clone() else { return };
        if self.value == value && !self.continues() {
            return;
        }
        let (first, rest) = self.split_first_line();
        let rest = if self.continues() { Vec::new() } else { rest.to_vec() };
        let mut replaced = Self::line(&key, value, eol(first));
        replaced.raw.extend(rest);
        *self = replaced;
    }

    /// The value as a list: a flow list on one or several lines, a block list, or comma-separated text. Surrounding
    /// quotes and blanks are removed, and empty items.
    pub(super) fn items(&self) -> Vec<String> {
        let below = self.split_first_line().1;
        if self.value.starts_with('[') {
            let mut text = self.value.clone();
            if self.continues() {
                for line in lines(below) {
                    text.push(' ');
                    text.push_str(&String::from_utf8_lossy(content(line)));
                }
            }
            clean(inside_brackets(&text).split(','))
        } else if self.has_empty_value() {
            let below = String::from_utf8_lossy(below);
            clean(below.lines().filter_map(block_item).flat_map(|item| item.split(',')))
        } else {
            clean(self.value.split(','))
        }
    }
}

/// Removes quotes and blanks around the items and drops empty items. Brackets of an item that do not match are removed:
/// they would end a flow list.
fn clean<'a>(items: impl Iterator<Item = &'a str>) -> Vec<String> {
    let matched = |item: &str| if is_balanced(item) { item.to_owned() } else { item.replace(['[', ']'], "") };
    items.map(matched).map(|item| bare(&item).to_owned()).filter(|item| !item.is_empty()).collect()
}

fn bare(item: &str) -> &str {
    item.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
}

/// Whether all brackets in a text match.
pub(super) fn is_balanced(text: &str) -> bool {
    let step = |open: i64, b: u8| Some(open + i64::from(b == b'[') - i64::from(b == b']')).filter(|open| *open >= 0);
    text.bytes().try_fold(0, step) == Some(0)
}

/// The text between the first bracket and the one that closes it (or the end).
fn inside_brackets(text: &str) -> &str {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => open += 1,
            ']' if open == 1 => return text.get(1..at).unwrap_or_default(),
            ']' => open -= 1,
            _ => {}
        }
    }
    text.get(1..).unwrap_or_default()
}

/// The text of a `- item` line without a comment after an unquoted item.
fn block_item(line: &str) -> Option<&str> {
    let item = line.trim().strip_prefix('-').filter(|item| item.is_empty() || item.starts_with([' ', '\t']))?.trim();
    let quoted = |quote| item.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).map(|(inside, _)| inside);
    let bare = || item.split_once(" #").map_or(item, |(item, _)| item);
    (!item.starts_with('#')).then(|| quoted('"').or_else(|| quoted('\'')).unwrap_or_else(bare))
}

/// The number of brackets that are still open.
pub(super) fn depth(text: &[u8]) -> i64 {
    text.iter().fold(0, |depth, b| depth + i64::from(*b == b'[') - i64::from(*b == b']'))
}

/// The lines of a text with their line ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|b| *b == b'\n')
}

/// A line without its line end.
pub(super) fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The line end of a line; `\n` for a last line without one.
pub(super) fn eol(line: &[u8]) -> &'static str {
    if line.ends_with(b"\r\n") { "\r\n" } else { "\n" }
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"#")
}

/// The key of a key line: `^[A-Za-z0-9_-]+:` in column 0. A URL (`https://...`) is no key.
fn key_of(line: &[u8]) -> Option<&str> {
    let end = line.iter().position(|b| *b == b':')?;
    let (key, rest) = line.split_at_checked(end)?;
    let key = std::str::from_utf8(key).ok().filter(|key| is_key(key))?;
    (!rest.starts_with(b"://")).then_some(key)
}

/// Whether a text contains conflict markers: all three, each at the start of a line, in their order.
pub(crate) fn has_markers(text: &[u8]) -> bool {
    are_markers_in(lines(text))
}

/// As [`has_markers`], for a text in several parts.
pub(super) fn are_markers_in<'t>(lines: impl Iterator<Item = &'t [u8]>) -> bool {
    let mut wanted = [&b"<<<<<<< "[..], b"=======", b">>>>>>> "].into_iter().peekable();
    for line in lines {
        if wanted.peek().is_some_and(|marker| line.starts_with(marker)) {
            wanted.next();
        }
    }
    wanted.peek().is_none()
}

/// Whether a text can be a key.
pub(super) fn is_key(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b != b'-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Splits the text between the `---` lines into entries. Indented lines and `- ` items belong to the key above them,
/// and so does everything up to the closing bracket of a flow list, but never another key line.
pub(super) fn entries(text: &[u8]) -> Vec<FrontmatterEntry> {
    let mut entries: Vec<FrontmatterEntry> = Vec::new();
    // Empty lines and comments belong to the key above only when a line of its value follows; until then they wait.
    let mut waiting: Vec<&[u8]> = Vec::new();
    let mut open = 0;
    for line in lines(text) {
        let body = content(line);
        let is_below = matches!(body, [b' ' | b'\t', ..] | [b'-'] | [b'-', b' ' | b'\t', ..]) && !is_blank(body);
        let is_key = key_of(body).is_some();
        match entries.last_mut().filter(|entry| entry.key.is_some()) {
            Some(entry) if !is_key && (is_below || open > 0) => {
                for waited in waiting.drain(..) {
                    entry.raw.extend_from_slice(waited);
                }
                entry.raw.extend_from_slice(line);
                open += if open > 0 { depth(body) } else { 0 };
            }
            Some(_) if is_blank(body) || body.starts_with(b"#") => waiting.push(line),
            _ => {
                entries.extend(waiting.drain(..).map(FrontmatterEntry::start));
                let entry = FrontmatterEntry::start(line);
                open = if entry.value.starts_with('[') { depth(entry.value.as_bytes()) } else { 0 };
                entries.push(entry);
            }
        }
    }
    entries.extend(waiting.into_iter().map(FrontmatterEntry::start));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<String> {
        entries(text.as_bytes()).first().unwrap().items()
    }

    #[test]
    fn lists_in_every_shape() {
        for (text, expected) in [
            ("a: []\n", vec![]),
            ("a:\n", vec![]),
            ("a: # none\n", vec![]),
            ("a: [x]\n", vec!["x"]),
            ("a:[x,y]\n", vec!["x", "y"]),
            ("a: ['3', 4_1, \"t5\"]\n", vec!["3", "4_1", "t5"]),
            ("a: [x, , y,]\n", vec!["x", "y"]),
            ("a: [my file.rs:1-2, app/[id]/p.ts] # note\n", vec!["my file.rs:1-2", "app/[id]/p.ts"]),
            ("a: [x,\n  y,\n  z]\nb: q\n", vec!["x", "y", "z"]),
            ("a: [\n  x,\n  y\n]\nb: q\n", vec!["x", "y"]),
            ("a: [x,\ny]\nb: q\n", vec!["x", "y"]),
            ("a: [x,\r\n  y]\r\n", vec!["x", "y"]),
            ("a: [x, y\nb: q\n", vec!["x", "y"]),
            ("a:\n  - x\n  - 'y z' # c\n", vec!["x", "y z"]),
            ("a:\n- x\n\n# c\n- y # c\n-\nb: q\n", vec!["x", "y"]),
            ("a:\n- ]x[\n- [\n- \' \"y\" \'\n", vec!["x", "y"]),
            ("a: [x, [y\nb: q\n", vec!["x", "y"]),
            ("a: x, y\n", vec!["x", "y"]),
            ("a: x\n  - y\n", vec!["x"]),
        ] {
            assert_eq!(items(text), expected, "{text:?}");
        }
    }

    #[test]
    fn keys() {
        for (line, key) in [
            ("status: x", Some("status")),
            ("status:x", Some("status")),
            ("X-Key2:", Some("X-Key2")),
            (" status: x", None),
            ("- a: x", None),
            ("https://x/1", None),
            ("# a: x", None),
            ("a b: x", None),
            (": x", None),
            ("", None),
        ] {
            assert_eq!(key_of(line.as_bytes()), key, "{line:?}");
        }
    }

    #[test]
    fn what_belongs_to_an_entry() {
        let text = "# top\na: x\n  below\n\n# c\nb:\n- 1\n\n- 2\n\nstray\n  more\nc: [1,\n# in\n2]\nd: [\ne: y\n";
        let parts: Vec<String> =
            entries(text.as_bytes()).iter().map(|e| String::from_utf8_lossy(e.raw()).into_owned()).collect();
        assert_eq!(
            parts,
            [
                "# top\n",
                "a: x\n  below\n",
                "\n",
                "# c\n",
                "b:\n- 1\n\n- 2\n",
                "\n",
                "stray\n",
                "  more\n",
                "c: [1,\n# in\n2]\n",
                "d: [\n",
                "e: y\n"
            ]
        );
    }
}
