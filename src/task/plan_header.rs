//! The header of a plan, the lasting record of the decisions about branches. Its keys contain blanks, so it is not the
//! dialect of the task files.

/// A change of one line of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderEdit {
    /// The line stays.
    Leave,
    /// The line gets this value.
    Set(String),
    /// The line is removed.
    Delete,
}

/// Whether a text begins with a header.
pub(crate) fn has_header(text: &str) -> bool {
    split(text).is_some()
}

/// The value of a key in the header, however a person wrote it: after a byte order mark or empty lines, in upper or
/// lower case, without a blank, or in a header that is not closed. A line that is there must not be taken for missing.
pub(crate) fn value_as_written<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().skip_while(|line| line.trim().is_empty());
    lines.next().filter(|line| line.trim_end() == "---")?;
    let header = lines.take_while(|line| !matches!(line.trim_end(), "---" | "...") && !line.starts_with('#'));
    let mut pairs = header.filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(key)).map(|(_, value)| value.trim())
}

/// The text with a new header above it.
pub(crate) fn with_header(lines: &[(&str, String)], text: &str) -> String {
    let mut header = String::from("---\n");
    for (key, value) in lines {
        header.extend([key, ": ", value, "\n"]);
    }
    format!("{header}---\n\n{}", text.trim_start_matches('\n'))
}

/// The text with one line of its header changed. A new line is inserted before `plan_verified`, else at the end.
pub(crate) fn splice(text: &str, key: &str, claim: &HeaderEdit) -> String {
    let (Some((header, rest)), true) = (split(text), *claim != HeaderEdit::Leave) else { return text.to_owned() };
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    let mut lines: Vec<String> = header.lines().filter(|line| !is_key(line)).map(str::to_owned).collect();
    if let HeaderEdit::Set(value) = claim {
        let at = header.lines().take_while(|line| !is_key(line)).count();
        let end = lines.iter().position(|line| line.starts_with("plan_verified:")).unwrap_or(lines.len());
        let at = if header.lines().any(is_key) { at } else { end };
        lines.insert(at.min(lines.len()), format!("{key}: {value}"));
    }
    let ending = if text.starts_with("---\r") { "\r\n" } else { "\n" };
    let header: String = lines.iter().flat_map(|line| [line.as_str(), ending]).collect();
    format!("---{ending}{header}{rest}")
}

/// The text between the two lines `---`, and the rest from the second one on.
fn split(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return body.split_at_checked(at);
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_written_by_hand_is_read() {
        for (text, found) in [
            ("---\nOutput branch: dev\n---\n", Some("dev")),
            ("\u{feff}\n---\nTask: x\n output branch:\tdev  \n", Some("dev")),
            ("---\r\nOutput branch:dev\r\n---\r\n", Some("dev")),
            ("---\nTask: x\n---\nOutput branch: dev\n", None),
            ("Output branch: dev\n", None),
            ("---\nTask: x\n# Plan\nOutput branch: dev\n", None),
        ] {
            assert_eq!(value_as_written(text, "Output branch"), found, "{text:?}");
        }
    }

    const PLAN: &str = "---\nTask: t1_a.md\nBase branch: main\nplan_verified: []\n---\n\nText\n";

    #[test]
    fn lines_of_a_header() {
        assert_eq!(value_as_written(PLAN, "Base branch"), Some("main"));
        assert_eq!(value_as_written("Base branch: x\n", "Base branch"), None);
        let set = splice(PLAN, "Base branch", &HeaderEdit::Set("dev".to_owned()));
        assert_eq!(set, PLAN.replace("main", "dev"));
        let added = splice(PLAN, "Worktree", &HeaderEdit::Set("aiwork/t1_a".to_owned()));
        assert_eq!(added, PLAN.replace("plan_verified", "Worktree: aiwork/t1_a\nplan_verified"));
        assert_eq!(splice(&added, "Worktree", &HeaderEdit::Delete), PLAN);
        assert_eq!(splice(PLAN, "Worktree", &HeaderEdit::Leave), PLAN);
        assert_eq!(splice("Text\n", "Worktree", &HeaderEdit::Delete), "Text\n");
        let dos = PLAN.replace('\n', "\r\n");
        assert_eq!(value_as_written(&dos, "Base branch"), Some("main"));
        assert_eq!(splice(&dos, "Base branch", &HeaderEdit::Set("dev".to_owned())), dos.replace("main", "dev"));
    }

    proptest! {
        #[test]
        fn what_is_set_is_read(lines in "([A-Za-z ]{1,8}: [a-z/]{0,8}\n){0,5}", value_set in "[a-z/]{1,12}") {
            let plan = format!("---\n{lines}---\nText\n");
            let set = splice(&plan, "Output branch", &HeaderEdit::Set(value_set.clone()));
            prop_assert_eq!(value_as_written(&set, "Output branch"), Some(value_set.as_str()));
            prop_assert!(set.ends_with("---\nText\n"));
        }
    }
}
