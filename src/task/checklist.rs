//! The checklist of a task that a person verifies by hand: the boxes in one section of its text.

use super::fields::MANUAL_VERIFICATION;
use super::frontmatter::Document;

/// The heading of the section.
pub(crate) const CHECKLIST: &str = "## Verification Checklist";

/// The items of a checklist that are not done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checklist {
    /// How many are open.
    pub(crate) open: usize,
    /// The texts of the deferred ones.
    pub(crate) deferred: Vec<String>,
}

impl Checklist {
    /// The checklist of a task; empty for a task of another type.
    pub(crate) fn of(document: &Document) -> Self {
        if document.scalar("issue_type") == Some(MANUAL_VERIFICATION) {
            Self::parse(&String::from_utf8_lossy(document.body()))
        } else {
            Self::default()
        }
    }

    fn parse(text: &str) -> Self {
        let mut within = false;
        let section = text.lines().filter(|line| {
            if line.starts_with("# ") || line.starts_with("## ") {
                within = line.trim_end() == CHECKLIST;
            }
            within && !line.trim().is_empty()
        });
        let items: Vec<_> = section.map(item).collect();
        let mut list = Self::default();
        for (at, item) in items.iter().enumerate() {
            let Some((state, text)) = *item else { continue };
            // It is done when the items below it are.
            let is_heading = text.ends_with(':') && matches!(items.get(at + 1), Some(Some(_)));
            match state {
                _ if is_heading => {}
                " " => list.open += 1,
                "defer" => list.deferred.push(text.to_owned()),
                _ => {}
            }
        }
        list
    }
}

/// The state and the text of an item; `None` for another line.
fn item(line: &str) -> Option<(&str, &str)> {
    box_line(line).filter(|found| found.marker == "-").map(|found| (found.state, found.text))
}

/// An item of a list that begins with a box.
pub(super) struct BoxLine<'l> {
    /// What makes it an item: `-`, `*`, `+`, `1.` or `1)`.
    marker: &'l str,
    /// What is in the box.
    pub(super) state: &'l str,
    /// Where that begins in the line.
    pub(super) place: usize,
    /// What follows the box.
    pub(super) text: &'l str,
}

/// The box of a line; `None` for another line.
pub(super) fn box_line(line: &str) -> Option<BoxLine<'_>> {
    let (marker, rest) = line.trim_start().split_once(' ')?;
    let number = || marker.strip_suffix(['.', ')']).unwrap_or_default();
    let is_number = || !number().is_empty() && number().bytes().all(|byte| byte.is_ascii_digit());
    let (state, text) = rest.strip_prefix('[')?.split_once(']')?;
    let is_item = matches!(marker, "-" | "*" | "+") || is_number();
    (is_item && (text.is_empty() || text.starts_with(' '))).then(|| BoxLine {
        marker,
        state,
        place: line.len() - rest.len() + 1,
        text: text.trim(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(text: &str) -> (usize, Vec<String>) {
        let Checklist { open, deferred } = Checklist::parse(text);
        (open, deferred)
    }

    #[test]
    fn only_boxes_of_the_section_count() {
        let text = "- [ ] prose\n\n## Verification Checklist\n\n- [ ] a\n  - [defer] b — later\n- [x] c\n- [skip] d\n- [fail] e\n\
                    ### Part\n- [ ] f\n- g\n- [defer](url)\n\n## Notes\n- [ ] h\n";
        assert_eq!(counted(text), (2, vec!["b — later".to_owned()]));
        assert_eq!(counted(&text.replace('\n', "\r\n")), (2, vec!["b — later".to_owned()]));
        assert_eq!(counted("- [ ] a\n- [defer] b\n"), (0, vec![]));
    }

    #[test]
    fn a_heading_is_no_item_and_a_colon_at_the_end_is() {
        let text = |rest: &str| format!("{CHECKLIST}\n- [ ] Group:\n{rest}");
        assert_eq!(counted(&text("\n  - [x] a\n")).0, 0);
        assert_eq!(counted(&text("  - [ ] a\n- [ ] last:\n")).0, 2);
        assert_eq!(counted(&text("some words\n")).0, 1);
    }

    #[test]
    fn only_a_manual_verification_has_one() {
        let of = |kind: &str| {
            let text = format!("---\nissue_type: {kind}\n---\n\n{CHECKLIST}\n- [ ] a\n");
            Checklist::of(&Document::parse(text.as_bytes())).open
        };
        assert_eq!((of("manual_verification"), of("feature")), (1, 0));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\PC|[\n -]|\\[|\\]){0,60}") {
            let _ = Checklist::parse(&format!("{CHECKLIST}\n{text}"));
        }
    }
}
