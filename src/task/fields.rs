//! The values that the fields of a task may have.

use super::id::TaskId;
use crate::error::{Error, Kind, Result};

/// The issue types of a project whose `task_types.txt` names none.
pub(crate) const DEFAULT_TYPES: [&str; 3] = ["bug", "feature", "refactor"];

/// The issue types in a `task_types.txt`, in its order.
pub(crate) fn issue_types(text: &str) -> Vec<String> {
    let types: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if types.is_empty() { DEFAULT_TYPES.map(str::to_owned).to_vec() } else { types }
}

/// The statuses that a new task may have.
pub(crate) const NEW_STATUSES: [&str; 4] = ["Ready", "Editing", "Implementing", "Postponed"];

/// The kinds of follow-up, sorted.
pub(crate) const FOLLOWUP_KINDS: [&str; 8] = [
    "carry_over",
    "docs_gap",
    "manual_verification",
    "qa_test_gap",
    "review_finding",
    "risk_mitigation",
    "upstream_defect",
    "verification_failure",
];

/// The issue type, and the kind of follow-up, of a task that a person verifies by hand.
pub(crate) const MANUAL_VERIFICATION: &str = "manual_verification";

/// The gates that such a task can pass.
const REACHABLE_GATES: [&str; 3] = ["build_verified", "tests_pass", "lint"];

/// The items of comma-separated text, trimmed, without empty ones.
pub(crate) fn items(csv: &str) -> Vec<String> {
    csv.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Checks a reference to a file: `PATH`, `PATH:L`, `PATH:L-L`, several ranges joined by `^`.
pub(crate) fn check_file_reference(text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::new(Kind::Usage, "Empty file reference"));
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let range = |text: &str| match text.split_once('-') {
        Some((from, to)) => number(from) && number(to),
        None => number(text),
    };
    let good = match text.split_once(':') {
        Some((path, ranges)) => !path.is_empty() && ranges.split('^').all(range),
        None => true,
    };
    if good {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("Invalid file reference: '{text}' (expected PATH[:N[-M][^N[-M]]...])")))
}

/// The path in a reference to a file.
pub(crate) fn referenced_path(reference: &str) -> &str {
    reference.split_once(':').map_or(reference, |(path, _)| path)
}

/// Gates, split by whether a task can pass them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartedGates {
    /// The gates that it may declare.
    pub(crate) reachable: Vec<String>,
    /// The others.
    pub(crate) dropped: Vec<String>,
}

/// Splits gates by whether a task of this type can pass them.
pub(crate) fn reachable_gates(issue_type: &str, gates: Vec<String>) -> PartedGates {
    let can_reach = |gate: &String| issue_type != MANUAL_VERIFICATION || REACHABLE_GATES.contains(&gate.as_str());
    let (reachable, dropped) = gates.into_iter().partition(can_reach);
    PartedGates { reachable, dropped }
}

/// Checks the kind of follow-up against the issue type of the task.
pub(crate) fn check_followup(kind: &str, issue_type: &str) -> Result<()> {
    if kind != MANUAL_VERIFICATION || issue_type == MANUAL_VERIFICATION {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!(
            "followup_kind 'manual_verification' requires issue_type 'manual_verification' (resulting issue_type would be \
             '{issue_type}'). Set both together, or choose a different followup_kind."
        ),
    ))
}

/// The id in an anchor, without its `t`: `N` or `N_M`.
pub(crate) fn parse_anchor(raw: &str) -> Result<TaskId> {
    let bare = raw.strip_prefix('t').unwrap_or(raw);
    TaskId::try_parse(bare).filter(|_| !bare.starts_with('t')).ok_or_else(|| {
        Error::new(Kind::Usage, format!("anchor target '{raw}' is not a valid task id (expected N or N_M)."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_of_a_project() {
        assert_eq!(issue_types("\n"), ["bug", "feature", "refactor"]);
        assert_eq!(issue_types("test\n bug \r\n\n"), ["test", "bug"]);
    }

    #[test]
    fn file_references() {
        for good in ["a.rs", "src/a.rs:3", "a:1-2", "a b:3^9-12", "a:1-2^3^4-5"] {
            assert!(check_file_reference(good).is_ok(), "{good}");
        }
        for bad in ["", ":1", "a:", "a:1-", "a:-1", "a:x", "a:1^", "a:1:2", "a:1-2-3"] {
            assert!(check_file_reference(bad).is_err(), "{bad}");
        }
        assert_eq!(referenced_path("src/a.rs:3^4"), "src/a.rs");
    }

    #[test]
    fn gates_and_followups() {
        let gates = || items(" tests_pass,, risk ");
        assert_eq!(reachable_gates("bug", gates()).dropped.len(), 0);
        let parted = PartedGates { reachable: vec!["tests_pass".into()], dropped: vec!["risk".into()] };
        assert_eq!(reachable_gates(MANUAL_VERIFICATION, gates()), parted);
        assert!(check_followup(MANUAL_VERIFICATION, "bug").is_err());
        assert!(check_followup("docs_gap", "bug").is_ok());
        assert_eq!(parse_anchor("t3_1").unwrap(), TaskId::child(3, 1));
        assert!(parse_anchor("tt3").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (check_file_reference(&text), parse_anchor(&text), items(&text), referenced_path(&text));
        }
    }
}
