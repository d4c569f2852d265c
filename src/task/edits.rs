//! The changes that verbs make to a task file. Pure: `now` is `YYYY-MM-DD HH:MM`. Each changes the lines that it names
//! and no other byte.

use super::frontmatter::Document;
use super::id::TaskId;
use super::model::{Reference, Status};
use crate::error::Result;

/// The key with the unfinished children of a parent.
const CHILDREN: &str = "children_to_implement";

/// Starts work on a task: status `Implementing`, assignee, `updated_at`.
pub(crate) fn start(document: &mut Document, email: &str, now: &str) -> Result<()> {
    document.set("status", Status::Implementing.as_str())?;
    if email.is_empty() {
        document.remove("assigned_to");
    } else {
        document.set("assigned_to", email)?;
    }
    document.set("updated_at", now)
}

/// Whether a published file is the result of [`start`] on this content.
pub(crate) fn is_start_of(here: &[u8], published: &[u8]) -> bool {
    let (mut document, published) = (Document::parse(here), Document::parse(published));
    let text = |key| published.scalar(key).unwrap_or_default().to_owned();
    let started = start(&mut document, &text("assigned_to"), &text("updated_at"));
    let started = started.and_then(|()| document.canonical(&text("updated_at")));
    started.is_ok_and(|started| started.to_bytes() == published.to_bytes())
}

/// Stops work on a task: the given status, no assignee, `updated_at`.
pub(crate) fn revert(document: &mut Document, status: &Status, now: &str) -> Result<()> {
    document.set("status", status.as_str())?;
    document.remove("assigned_to");
    document.set("updated_at", now)
}

/// Why a task is archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its work is done.
    #[default]
    Completed,
    /// Another task has replaced it.
    Superseded,
}

/// Archives a task: status `Done`, `updated_at`, then `completed_at` unless it exists, and `archived_reason:
/// superseded` after the status unless it exists, for [`Ending::Superseded`]. Missing keys are added at the end, since
/// statistics look for them; a file without frontmatter stays as it is.
pub(crate) fn complete(document: &mut Document, now: &str, ending: Ending) -> Result<()> {
    if !document.has_frontmatter() || document.trouble().is_some() {
        return Ok(());
    }
    document.append("status", Status::Done.as_str())?;
    if ending == Ending::Superseded && !document.contains("archived_reason") {
        document.insert_after("status", "archived_reason", "superseded")?;
    }
    document.append("updated_at", now)?;
    if !document.contains("completed_at") {
        document.insert_after("updated_at", "completed_at", now)?;
    }
    Ok(())
}

/// Opens an archived task again: status `Ready`, without what its end and its last assignee left, `updated_at`.
pub(crate) fn reopen(document: &mut Document, now: &str) -> Result<()> {
    document.set("status", Status::Ready.as_str())?;
    for key in ["archived_reason", "completed_at", "assigned_to"] {
        document.remove(key);
    }
    document.set("updated_at", now)
}

/// Adds a child to its parent: `children_to_implement` and `updated_at`. Returns whether anything changed.
pub(crate) fn add_child(document: &mut Document, child: TaskId, now: &str) -> Result<bool> {
    let mut children = document.list_last(CHILDREN);
    if children.iter().any(|item| TaskId::try_parse(item) == Some(child)) {
        return Ok(false);
    }
    children.push(child.in_list());
    write_children(document, &children, now)
}

/// Removes a child from its parent's list; the key is removed with the last child. Returns whether anything changed;
/// without the child in the list the parent stays as it is, `updated_at` included.
pub(crate) fn remove_child(document: &mut Document, child: TaskId, now: &str) -> Result<bool> {
    let mut children = document.list_last(CHILDREN);
    let count = children.len();
    children.retain(|item| TaskId::try_parse(item) != Some(child));
    if children.len() == count {
        return Ok(false);
    }
    write_children(document, &children, now)
}

fn write_children(document: &mut Document, children: &[String], now: &str) -> Result<bool> {
    if children.is_empty() {
        document.remove(CHILDREN);
    } else {
        let children: Vec<String> = children.iter().map(|item| Reference::parse(item).to_string()).collect();
        document.set_list(CHILDREN, &children)?;
    }
    document.set("updated_at", now)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "---\npriority: medium\ndepends: [1,\n  2]\nstatus: Ready\nlabels: []\ncustom: 'x'\ncreated_at: c\nupdated_at: u\n---\n\nstatus: Ready\nupdated_at: then\n";

    fn edit(before: &str, change: impl FnOnce(&mut Document)) -> String {
        let mut document = Document::parse(before.as_bytes());
        change(&mut document);
        String::from_utf8(document.to_bytes()).unwrap()
    }

    #[test]
    fn start_and_revert() {
        let started = edit(FILE, |d| start(d, "a@example.com", "<now>").unwrap());
        let expected = FILE
            .replacen("status: Ready", "status: Implementing", 1)
            .replacen("labels: []\n", "labels: []\nassigned_to: a@example.com\n", 1)
            .replacen("updated_at: u", "updated_at: <now>", 1);
        assert_eq!(started, expected);
        let reverted = edit(&started, |d| revert(d, &Status::Ready, "u").unwrap());
        assert_eq!(reverted, FILE);
        assert!(start(&mut Document::parse(FILE.as_bytes()), "a\nb", "<now>").is_err());
    }

    /// As recorded from the script, but missing keys are added; and with `--superseded`.
    #[test]
    fn complete_changes_the_frontmatter_only() {
        let expected = FILE.replacen("status: Ready", "status: Done", 1).replacen(
            "updated_at: u",
            "updated_at: <now>\ncompleted_at: <now>",
            1,
        );
        assert_eq!(edit(FILE, |d| complete(d, "<now>", Ending::Completed).unwrap()), expected);
        let superseded = expected.replacen("status: Done\n", "status: Done\narchived_reason: superseded\n", 1);
        assert_eq!(edit(FILE, |d| complete(d, "<now>", Ending::Superseded).unwrap()), superseded);
        // A second time the first date and reason stay.
        let later = superseded.replacen("updated_at: <now>", "updated_at: later", 1);
        assert_eq!(edit(&superseded, |d| complete(d, "later", Ending::Superseded).unwrap()), later);
    }

    #[test]
    fn complete_adds_what_is_missing_at_the_end() {
        assert_eq!(
            edit("---\npriority: low\nboardidx: 1\n---\nx", |d| complete(d, "<now>", Ending::Superseded).unwrap()),
            "---\npriority: low\nboardidx: 1\nstatus: Done\narchived_reason: superseded\nupdated_at: <now>\ncompleted_at: <now>\n---\nx"
        );
        assert_eq!(edit("no frontmatter", |d| complete(d, "<now>", Ending::Superseded).unwrap()), "no frontmatter");
    }

    /// As recorded from the script: the side of the parent.
    #[test]
    fn children_come_and_go() {
        let (first, second) = (TaskId::child(1, 1), TaskId::child(1, 2));
        let one = edit(FILE, |d| assert!(add_child(d, first, "<now>").unwrap()));
        let expected = FILE.replacen("labels: []\n", "labels: []\nchildren_to_implement: [t1_1]\n", 1).replacen(
            "updated_at: u",
            "updated_at: <now>",
            1,
        );
        assert_eq!(one, expected);
        assert_eq!(edit(&one, |d| assert!(!add_child(d, first, "later").unwrap())), one);
        let two = edit(&one, |d| assert!(add_child(d, second, "<now>").unwrap()));
        assert_eq!(two, one.replacen("[t1_1]", "[t1_1, t1_2]", 1));
        assert_eq!(edit(&two, |d| assert!(remove_child(d, second, "<now>").unwrap())), one);
        assert_eq!(edit(&one, |d| assert!(!remove_child(d, second, "later").unwrap())), one);
        assert_eq!(edit(&one, |d| assert!(remove_child(d, first, "u").unwrap())), FILE);
    }

    #[test]
    fn block_lists_of_children_are_read() {
        let file = "---\nchildren_to_implement:\n- 1_1\n- odd\n- t1_2\nupdated_at: u\n---\n";
        assert_eq!(
            edit(file, |d| assert!(remove_child(d, TaskId::child(1, 2), "<now>").unwrap())),
            "---\nchildren_to_implement: [t1_1, odd]\nupdated_at: <now>\n---\n"
        );
    }
}
