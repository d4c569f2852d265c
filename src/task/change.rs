//! Changes of single fields of a task file, as a person or a script requests them. Pure. The scripts combine them with
//! the canonical rewrite, [`Document::canonical`].

use super::frontmatter::Document;
use super::model::{Reference, Status};
use crate::error::{Error, Kind, Result};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldChange {
    /// Sets a scalar; an empty value removes the key.
    Set(&'static str, String),
    /// Sets a list; an empty one removes the key.
    List(&'static str, Vec<String>),
    /// Sets the exact text after the key (`[]`, `""`).
    Exact(&'static str, String),
    /// Adds those items to a list that it lacks.
    Add(&'static str, Vec<String>),
    /// Removes items from a list.
    Take(&'static str, Vec<String>),
    /// Sets the body.
    Body(Vec<u8>),
}

impl FieldChange {
    /// The key that is changed; `None` for the body.
    pub(crate) fn key(&self) -> Option<&'static str> {
        match self {
            Self::Set(key, _) | Self::List(key, _) | Self::Exact(key, _) | Self::Add(key, _) | Self::Take(key, _) => {
                Some(key)
            }
            Self::Body(_) => None,
        }
    }
}

/// Whether the items of a list are ids: then `N_M` is written `tN_M`, and both are the same item.
fn holds_ids(key: &str) -> bool {
    matches!(key, "depends" | "xdeps" | "verifies" | "risk_mitigation_tasks" | "children_to_implement")
}

fn normal(key: &str, items: Vec<String>) -> Vec<String> {
    if holds_ids(key) { items.iter().map(|item| Reference::parse(item).to_string()).collect() } else { items }
}

/// Makes the changes, in order.
///
/// # Errors
/// [`Kind::Usage`] for a value that does not fit on one line.
pub(crate) fn apply(document: &mut Document, changes: &[FieldChange]) -> Result<()> {
    for change in changes {
        match change {
            FieldChange::Set(key, value) if value.trim().is_empty() => drop(document.remove(key)),
            FieldChange::Set(key, value) | FieldChange::Exact(key, value) => document.set(key, value)?,
            FieldChange::List(key, items) => write_list(document, key, &normal(key, items.clone()))?,
            FieldChange::Add(key, more) => {
                let mut items = normal(key, document.list_last(key));
                for item in normal(key, more.clone()) {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
                write_list(document, key, &items)?;
            }
            FieldChange::Take(key, gone) => {
                let gone = normal(key, gone.clone());
                let mut items = normal(key, document.list_last(key));
                items.retain(|item| !gone.contains(item));
                write_list(document, key, &items)?;
            }
            FieldChange::Body(text) => document.set_body(text),
        }
    }
    Ok(())
}

fn write_list(document: &mut Document, key: &str, items: &[String]) -> Result<()> {
    if items.is_empty() {
        document.remove(key);
        return Ok(());
    }
    document.set_list(key, items)
}

/// Checks the task with the changes: a parent cannot be done before its children, and the kind of follow-up must fit
/// the issue type.
pub(crate) fn check(document: &Document) -> Result<()> {
    let text = |key: &str| document.scalar_last(key).unwrap_or_default();
    let issue_type = Some(text("issue_type")).filter(|text| !text.is_empty()).unwrap_or("feature");
    super::fields::check_followup(text("followup_kind"), issue_type)?;
    let children = normal("children_to_implement", document.list_last("children_to_implement"));
    if is_done(document) && !children.is_empty() {
        let children = children.join(",");
        let message = format!("Cannot complete parent task: children_to_implement still contains: {children}");
        return Err(Error::new(Kind::NotClaimable, message));
    }
    Ok(())
}

/// Whether the file says that the task is done.
pub(crate) fn is_done(document: &Document) -> bool {
    document.scalar_last("status").map(Status::parse) == Some(Status::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "---\npriority: medium\ndepends: ['1', 2_1]\nlabels:\n  - ui\ngates: []\nX-Y: 'kept'\n# why\nverifies: [3_1]\ncreated_at: c\nupdated_at: u\n---\n\nlabels: [body]\n";

    fn changed(changes: &[FieldChange]) -> String {
        let mut document = Document::parse(FILE.as_bytes());
        apply(&mut document, changes).unwrap();
        String::from_utf8(document.to_bytes()).unwrap()
    }

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn each_change_touches_its_own_lines() {
        assert_eq!(changed(&[]), FILE);
        let set = changed(&[FieldChange::Set("priority", "high".into())]);
        assert_eq!(set, FILE.replace("priority: medium", "priority: high"));
        let added = changed(&[FieldChange::Add("labels", list(&["x", "ui", "x"]))]);
        assert_eq!(added, FILE.replace("labels:\n  - ui", "labels: [ui, x]"));
        let body = changed(&[FieldChange::Body(b"new\n".to_vec())]);
        assert_eq!(body, FILE.replace("labels: [body]", "new"));
        assert_eq!(changed(&[FieldChange::List("gates", vec![])]), FILE.replace("gates: []\n", ""));
        assert_eq!(changed(&[FieldChange::Exact("gates", "[]".into())]), FILE);
    }

    #[test]
    fn ids_are_the_same_with_and_without_t() {
        assert_eq!(changed(&[FieldChange::Take("verifies", list(&["3_1"]))]), FILE.replace("verifies: [3_1]\n", ""));
        let added = changed(&[FieldChange::Add("verifies", list(&["3_1", "t3_1", "4"]))]);
        assert_eq!(added, FILE.replace("[3_1]", "[t3_1, 4]"));
    }

    #[test]
    fn a_parent_waits_for_its_children() {
        let mut document = Document::parse(b"---\nstatus: Done\nchildren_to_implement: [2_1, t2_2]\n---\n");
        assert_eq!(
            check(&document).unwrap_err().to_string(),
            "Cannot complete parent task: children_to_implement still contains: t2_1,t2_2"
        );
        apply(&mut document, &[FieldChange::List("children_to_implement", vec![])]).unwrap();
        assert!(check(&document).is_ok());
    }

    // PROPTEST_CASES=100000 runs that many of each.
    proptest! {
        /// Any bytes are parsed and written unchanged.
        #[test]
        fn parsing_and_printing_is_the_identity(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(Document::parse(&bytes).to_bytes(), bytes);
        }

        #[test]
        fn printing_what_looks_like_a_task_is_the_identity(text in crate::task::frontmatter::tests::frontmatter_like()) {
            prop_assert_eq!(Document::parse(text.as_bytes()).to_bytes(), text.into_bytes());
        }

        /// One change leaves every other key and the body unchanged.
        #[test]
        fn one_change_changes_one_key(text in crate::task::frontmatter::tests::frontmatter_like(), value in "[a-z]{1,8}") {
            let before = Document::parse(text.as_bytes());
            prop_assume!(before.trouble().is_none());
            let mut after = before.clone();
            apply(&mut after, &[FieldChange::Set("assigned_to", value.clone())]).unwrap();
            prop_assert_eq!(after.scalar("assigned_to"), Some(value.as_str()));
            prop_assert_eq!(after.body(), before.body());
            for key in before.keys().filter(|key| *key != "assigned_to") {
                prop_assert_eq!(after.scalar(key), before.scalar(key));
                prop_assert_eq!(after.list_last(key), before.list_last(key));
            }
            let again = Document::parse(&after.to_bytes());
            prop_assert_eq!(again.scalar("assigned_to"), Some(value.as_str()));
        }

        /// A value never gets a line of its own: it is refused, or read back as one value.
        #[test]
        fn no_value_forges_a_line(value in any::<String>(), text in crate::task::frontmatter::tests::frontmatter_like()) {
            let mut document = Document::parse(text.as_bytes());
            let keys = document.keys().filter(|key| *key != "issue").count();
            if apply(&mut document, &[FieldChange::Set("issue", value.clone())]).is_ok() && document.has_frontmatter() {
                let again = Document::parse(&document.to_bytes());
                prop_assert_eq!(again.scalar("issue").unwrap_or_default(), value.trim());
                if Document::parse(text.as_bytes()).has_frontmatter() {
                    prop_assert_eq!(again.keys().filter(|key| *key != "issue").count(), keys);
                }
            }
        }

        /// The rewrite keeps every unknown key, and the bytes of the body.
        #[test]
        fn the_rewrite_keeps_what_it_does_not_know(text in crate::task::frontmatter::tests::frontmatter_like()) {
            let before = Document::parse(text.as_bytes());
            prop_assume!(before.trouble().is_none());
            let after = before.canonical("2026-01-01 00:00").unwrap();
            prop_assert_eq!(after.body(), before.body());
            for key in ["custom", "X-Y"] {
                prop_assert_eq!(after.scalar(key), before.scalar(key));
                prop_assert_eq!(after.list(key), before.list(key));
            }
        }
    }
}
