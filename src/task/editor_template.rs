//! The text that an editor opens: a task file with help in it; and reading it back. Pure.
//!
//! The file `aitask/task-*.md` of the private records is a task file with lines of help (`#|`) above its fields and
//! lines about errors (`#!`) above the field that they are about. Both are removed when it is read, but only within the
//! frontmatter; other lines stay.

use super::change;
use super::fields;
use super::frontmatter::Document;
use super::id::TaskId;
use super::model::{Level, Status};
use super::text::is_unsafe;
use crate::error::{Error, Kind, Payload, Result};

/// The beginnings of the lines that are added, and removed again. Comments of the user are kept.
const HELP: &str = "#|";
const ERROR: &str = "#!";

/// The values that a project offers for fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldChoices {
    /// The issue types.
    pub(crate) types: Vec<String>,
    /// The labels.
    pub(crate) labels: Vec<String>,
}

impl FieldChoices {
    /// From the issue types and the content of the file of labels.
    pub(crate) fn new(types: Vec<String>, labels: &str) -> Self {
        Self { types, labels: super::labels::vocabulary(labels).into_iter().map(str::to_owned).collect() }
    }
}

/// The template: the file, with these lines of help above its fields.
pub(crate) fn with_help(document: &Document, help: &[String]) -> Vec<u8> {
    let bytes = document.to_bytes();
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
    let help: String = help.iter().flat_map(|line| [HELP, " ", line, "\n"]).collect();
    [&bytes[..end], help.as_bytes(), &bytes[end..]].concat()
}

/// The help about the fields.
pub(crate) fn help(words: &FieldChoices) -> Vec<String> {
    let list = |words: &[String]| if words.is_empty() { "none yet".to_owned() } else { words.join(", ") };
    vec![
        "priority, effort: high, medium or low".to_owned(),
        format!("issue_type: {}", list(&words.types)),
        "status: Ready, Editing, Implementing, Postponed, Done or Folded".to_owned(),
        format!("labels, as [a, b]: {}; new ones may be added", list(&words.labels)),
        "depends, as [12, t12_3]: the tasks it waits for".to_owned(),
        "The text follows the second line of dashes.".to_owned(),
    ]
}

/// The document in a template, without the added lines.
///
/// # Errors
/// [`Kind::Usage`] when a line of dashes is missing.
pub(crate) fn read(sheet: &[u8]) -> Result<Document> {
    let kept = lines(sheet).filter(|(line, in_head)| !in_head || !is_ours(line)).flat_map(|(line, _)| line.to_vec());
    let kept: Vec<_> = kept.collect();
    let document = Document::parse(&kept);
    if document.has_frontmatter() {
        return Ok(document);
    }
    Err(Error::new(Kind::Usage, "the fields must stand between two lines of three dashes, the first of them on top"))
}

/// The lines, and whether each is part of the fields; without lines of dashes all are.
fn lines(sheet: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rules = 0;
    sheet.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let in_head = rules < 2;
        rules += u8::from(in_head && is_rule(line));
        (line, in_head)
    })
}

fn is_rule(line: &[u8]) -> bool {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    matches!(line, b"---" | b"---\n" | b"---\r\n" | b"---\r")
}

fn is_ours(line: &[u8]) -> bool {
    line.starts_with(HELP.as_bytes()) || line.starts_with(ERROR.as_bytes())
}

/// A template with an error in it.
#[derive(Debug)]
pub(crate) struct MarkedTemplate {
    /// Its text.
    pub(crate) text: Vec<u8>,
    /// The line below the error, counted from 1.
    pub(crate) line: usize,
}

/// The template with the error above the field that it is about.
pub(crate) fn with_error(sheet: &[u8], error: &Error) -> MarkedTemplate {
    let key = error.payloads().iter().find_map(|payload| match payload {
        Payload::Field { key } => Some(format!("{key}:")),
        _ => None,
    });
    let lines: Vec<_> =
        lines(sheet).filter(|(line, in_head)| !in_head || !line.starts_with(ERROR.as_bytes())).collect();
    let of_key =
        |(line, in_head): &(&[u8], bool)| *in_head && key.as_ref().is_some_and(|key| line.starts_with(key.as_bytes()));
    let first = usize::from(lines.first().is_some_and(|(line, _)| is_rule(line)));
    let at = lines.iter().position(of_key).unwrap_or(first);
    let lines: Vec<_> = lines.into_iter().map(|(line, _)| line).collect();
    let said = format!("{ERROR} {}\n", super::text::sanitise(&error.to_string()));
    let text = [lines[..at].concat(), said.into_bytes(), lines[at..].concat()].concat();
    MarkedTemplate { text, line: at + 2 }
}

/// An error about a field.
pub(crate) fn wrong(key: &str, message: impl Into<String>) -> Error {
    Error::new(Kind::Usage, message).with(Payload::Field { key: key.to_owned() })
}

/// Checks the fields of a task.
///
/// # Errors
/// [`Kind::Usage`], with the field that it is about.
pub(crate) fn check(document: &Document, types: &[String]) -> Result<()> {
    for key in document.keys() {
        if document.scalar(key).is_some_and(|value| value.chars().any(is_unsafe)) {
            return Err(wrong(key, format!("{key} has a control character in it")));
        }
    }
    let filled = |key: &str| document.scalar_last(key).filter(|value| !value.is_empty());
    for key in ["priority", "effort", "risk_code_health", "risk_goal_achievement"] {
        if filled(key).is_some_and(|value| Level::try_parse(value).is_none()) {
            return Err(wrong(key, format!("{key} must be high, medium or low")));
        }
    }
    if let Some(status) = filled("status") {
        Status::parse_known(status)
            .map_err(|_| wrong("status", "status must be Ready, Editing, Implementing, Postponed, Done or Folded"))?;
    }
    if let Some(issue_type) = filled("issue_type").filter(|word| !types.iter().any(|known| known == word)) {
        let known = types.join(", ");
        return Err(wrong(
            "issue_type",
            format!("{issue_type:?} is no issue type of this project; use one of: {known}"),
        ));
    }
    for key in ["depends", "children_to_implement", "verifies"] {
        if let Some(item) = document.list_last(key).iter().find(|item| TaskId::try_parse(item).is_none()) {
            return Err(wrong(key, format!("{item:?} is the id of no task; write 12 or t12_3")));
        }
    }
    if let Some(kind) = filled("followup_kind").filter(|kind| !fields::FOLLOWUP_KINDS.contains(kind)) {
        let known = fields::FOLLOWUP_KINDS.join(", ");
        return Err(wrong("followup_kind", format!("{kind:?} is no kind of follow-up; use one of: {known}")));
    }
    let dropped = super::labels::sanitise_list(&document.list_last("labels").join(",")).dropped;
    if let Some(label) = dropped.first() {
        return Err(wrong("labels", format!("no label can be made of {label:?}; use letters, digits, _ and -")));
    }
    change::check(document).map_err(|error| wrong("status", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "---\n# mine\npriority: medium\nstatus: Ready\ndepends: [1]\n---\n\n#| kept\n---\n#! kept\n";

    fn words() -> Vec<String> {
        vec!["bug".to_owned()]
    }

    #[test]
    fn help_and_errors_come_and_go() {
        let document = Document::parse(FILE.as_bytes());
        let sheet = with_help(&document, &help(&FieldChoices::default()));
        assert!(
            String::from_utf8_lossy(&sheet).starts_with("---\n#| priority, effort: high, medium or low\n#| issue_type")
        );
        assert_eq!(read(&sheet).unwrap(), document);
        let MarkedTemplate { text: sheet, line } = with_error(&sheet, &wrong("status", "no"));
        let text = String::from_utf8(sheet.clone()).unwrap();
        assert!(text.contains("\n#! no\nstatus: Ready\n"));
        assert_eq!(text.lines().nth(line - 1), Some("status: Ready"));
        assert_eq!(read(&sheet).unwrap(), document);
        assert!(read(b"no dashes").is_err());
        assert_eq!(with_error(b"no dashes", &read(b"no dashes").unwrap_err()).line, 2);
    }

    #[test]
    fn each_field_is_checked() {
        for (line, key) in [
            ("priority: urgent", "priority"),
            ("status: ready", "status"),
            ("issue_type: epic", "issue_type"),
            ("depends: [x]", "depends"),
            ("labels: ['!!!']", "labels"),
            ("followup_kind: sequel", "followup_kind"),
            ("followup_kind: manual_verification", "status"),
            ("issue: a\u{1b}b", "issue"),
            ("children_to_implement: [1_1]\nstatus: Done", "status"),
        ] {
            let error = check(&Document::parse(format!("---\n{line}\n---\n").as_bytes()), &words()).unwrap_err();
            assert_eq!(error.payloads(), [Payload::Field { key: key.to_owned() }], "{line}");
        }
        assert!(check(&Document::parse(FILE.as_bytes()), &words()).is_ok());
    }

    proptest! {
        #[test]
        fn a_sheet_reads_back_as_the_file(text in crate::task::frontmatter::tests::frontmatter_like()) {
            let document = Document::parse(text.as_bytes());
            let ours = text.lines().any(|line| line.starts_with(HELP) || line.starts_with(ERROR));
            if document.has_frontmatter() && !ours {
                let sheet = with_help(&document, &help(&FieldChoices::default()));
                prop_assert_eq!(read(&sheet).unwrap(), document.clone());
                prop_assert_eq!(read(&with_error(&sheet, &wrong("status", "x")).text).unwrap(), document);
            }
        }

        #[test]
        fn no_sheet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(document) = read(&bytes) {
                let _ = check(&document, &words());
            }
            let _ = with_error(&bytes, &wrong("status", "x"));
        }
    }
}
