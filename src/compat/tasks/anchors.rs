//! The anchor of a task: the id of the task that a topic started with. Follow-ups and children share it.

use crate::error::{Error, Kind, Result};
use crate::project::task_files::TaskFiles;
use crate::task::{Document, TaskId, fields};

/// The task that is given as an anchor, and its file.
///
/// # Errors
/// [`Kind::Usage`] for what is no id, [`Kind::NoSuchTask`] for an id that no task has.
fn target(checkout: &TaskFiles<'_>, raw: &str) -> Result<(TaskId, Document)> {
    let id = fields::parse_anchor(raw)?;
    let none = |_: Error| Error::new(Kind::NoSuchTask, format!("anchor target '{id}' not found."));
    let document = Document::parse(&checkout.find_anywhere(id).map_err(none)?);
    let is_active = !checkout.active(&id.to_string()).is_empty();
    if is_active && document.scalar("status").is_none_or(str::is_empty) {
        return Err(none(Error::new(Kind::Unparsable, "it has no status")));
    }
    Ok((id, document))
}

/// The id for `--anchor`, which names the anchor itself.
pub(crate) fn given(checkout: &TaskFiles<'_>, raw: &str) -> Result<TaskId> {
    target(checkout, raw).map(|(id, _)| id)
}

/// The anchor of a follow-up of a task: the task's own anchor, else its parent, else the task. It is always the start
/// of the topic, so anchors form no chains.
pub(crate) fn followed(checkout: &TaskFiles<'_>, raw: &str) -> Result<String> {
    let (id, document) = target(checkout, raw)?;
    Ok(own_anchor(&document).unwrap_or_else(|| id.parent().unwrap_or(id).to_string()))
}

/// The anchor of a child: its parent's, else the parent.
///
/// # Errors
/// [`Kind::NoSuchTask`] when no file of the parent is anywhere.
pub(crate) fn inherited(checkout: &TaskFiles<'_>, parent: TaskId) -> Result<String> {
    let none = |_| Error::new(Kind::NoSuchTask, format!("Parent task t{parent} not found"));
    let document = Document::parse(&checkout.find_anywhere(parent).map_err(none)?);
    Ok(own_anchor(&document).unwrap_or_else(|| parent.to_string()))
}

fn own_anchor(document: &Document) -> Option<String> {
    document.scalar("anchor").filter(|anchor| !anchor.is_empty()).map(str::to_owned)
}
