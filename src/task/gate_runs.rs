//! The section `## Gate Runs` of a task's body. Entries are only ever appended to it, so two versions of it can be
//! joined without a conflict.

use std::collections::{BTreeMap, BTreeSet};

const HEADING: &[u8] = b"## Gate Runs";

/// Two texts with their gate runs joined.
pub(super) struct Union<'a> {
    /// Our text above the section.
    pub(super) local: &'a [u8],
    /// Their text above the section.
    pub(super) remote: &'a [u8],
    /// The joined section.
    pub(super) section: Vec<u8>,
}

/// Joins the gate runs of two texts; `None` where one has none, or where it is not certain how they are to be joined.
pub(super) fn union<'a>(local: &'a [u8], remote: &'a [u8]) -> Option<Union<'a>> {
    let ((local, ours), (remote, theirs)) = (split(local)?, split(remote)?);
    let ours = Section::parse(ours)?;
    let theirs = Section::parse(theirs)?;
    let mut by_key: BTreeMap<(&str, &str, u64), &str> = BTreeMap::new();
    let mut blocks = BTreeSet::new();
    for block in ours.blocks.iter().chain(&theirs.blocks) {
        let key = (block.run, block.name, block.attempt);
        if by_key.insert(key, &block.text).is_some_and(|known| known != block.text) {
            return None;
        }
        blocks.insert((key, block.text.as_str()));
    }
    let mut section = ours.top.to_owned();
    for (n, (_, text)) in blocks.into_iter().enumerate() {
        section.push_str(if n == 0 && ours.top.ends_with("\n\n") { "" } else { "\n" });
        section.push_str(text);
    }
    Some(Union { local, remote, section: section.into_bytes() })
}

/// The text above the section.
pub(super) fn head(text: &[u8]) -> &[u8] {
    split(text).map_or(text, |(head, _)| head)
}

/// When a gate ran last, as `YYYY-MM-DDTHH:MM:SSZ`.
pub(crate) fn last_run<'a>(text: &'a [u8], gate: &str) -> Option<&'a str> {
    let (_, section) = split(text)?;
    let blocks = std::str::from_utf8(section).ok()?.lines().filter_map(Block::start);
    blocks.filter(|block| block.name == gate && is_time(block.run)).map(|block| block.run).max()
}

/// A text without the newlines at its end.
pub(super) fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n'] = text {
        text = rest;
    }
    text
}

fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_end() == HEADING {
            return text.split_at_checked(at);
        }
        at += line.len();
    }
    None
}

struct Section<'a> {
    /// The heading and the comments below it.
    top: &'a str,
    blocks: Vec<Block<'a>>,
}

struct Block<'a> {
    name: &'a str,
    run: &'a str,
    attempt: u64,
    text: String,
}

impl<'a> Section<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut blocks: Vec<Block<'a>> = Vec::new();
        let (mut at, mut top) = (0, text.len());
        for line in text.split_inclusive('\n') {
            let shown = line.trim_end();
            if at > 0 && !shown.is_empty() && !shown.starts_with("<!--") {
                let quoted = shown.starts_with('>').then_some(shown)?;
                top = top.min(at);
                if let Some(block) = Block::start(quoted) {
                    blocks.push(block);
                } else {
                    let block = blocks.last_mut()?;
                    block.text.extend([quoted, "\n"]);
                }
            }
            at += line.len();
        }
        let all_timed = blocks.iter().all(|block| is_time(block.run));
        all_timed.then_some(Self { top: text.get(..top)?, blocks })
    }
}

impl<'a> Block<'a> {
    /// A line `> **<icon> gate:<name>** key=value ...`.
    fn start(line: &'a str) -> Option<Self> {
        let (title, fields) = line.strip_prefix("> **")?.split_once("**")?;
        let (_, name) = title.split_once("gate:")?;
        let field = |key: &str| fields.split_whitespace().find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
        let attempt = field("attempt").and_then(|text| text.parse().ok()).unwrap_or(0);
        Some(Self { name, run: field("run").unwrap_or_default(), attempt, text: format!("{line}\n") })
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`.
fn is_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: &str = "Text\n\n## Gate Runs\n<!-- only appended to -->\n\n";
    const ONE: &str = "> **✅ gate:tests** run=2026-01-01T10:00:00Z attempt=1\n> fine\n";
    const TWO: &str = "> **❌ gate:lint** run=2026-01-02T10:00:00Z attempt=1\n";

    fn joined(local: &str, remote: &str) -> Option<String> {
        union(local.as_bytes(), remote.as_bytes()).map(|union| String::from_utf8(union.section).unwrap())
    }

    #[test]
    fn runs_of_both_sides_in_the_order_of_time() {
        let section = "## Gate Runs\n<!-- only appended to -->\n\n";
        let both = format!("{section}{ONE}\n{TWO}");
        assert_eq!(joined(&format!("{TOP}{TWO}"), &format!("{TOP}{ONE}")), Some(both.clone()));
        assert_eq!(joined(&format!("{TOP}{ONE}\n{TWO}"), &format!("{TOP}{ONE}")), Some(both));
    }

    #[test]
    fn the_last_run_of_a_gate() {
        let text = format!("{TOP}{ONE}\n{}\n{TWO}", ONE.replace("-01T", "-03T"));
        let last = |gate| last_run(text.as_bytes(), gate);
        assert_eq!((last("tests"), last("lint")), (Some("2026-01-03T10:00:00Z"), Some("2026-01-02T10:00:00Z")));
        assert_eq!((last("other"), last_run(ONE.as_bytes(), "tests")), (None, None));
        assert_eq!(last_run(format!("{TOP}> **x gate:y** run=today\n").as_bytes(), "y"), None);
    }

    #[test]
    fn a_doubt_joins_nothing() {
        let other = ONE.replace("fine", "not fine");
        for odd in [other.as_str(), "prose\n", "> a quote first\n", "> **x gate:y** run=today\n"] {
            assert_eq!(joined(&format!("{TOP}{ONE}"), &format!("{TOP}{odd}")), None, "{odd}");
        }
        assert_eq!(joined(&format!("{TOP}{ONE}"), "Text\n"), None);
    }
}
