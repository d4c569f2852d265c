//! What a filing does and comes across, for those who tell it.

use crate::task::{Status, TaskId};

/// Whose links are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The task's own.
    Own,
    /// Those of the parent that goes along.
    Parent,
    /// Those of a task that was folded into it.
    Folded,
}

/// Something a filing does or comes across, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArchiveEvent {
    /// It begins with this file, the child of that one.
    Begin(String, Option<String>),
    /// A link of a task: `ISSUE`, `RELATED_ISSUE` or `PR`.
    Link(Relation, TaskId, &'static str, String),
    /// A parent's list was gone through.
    ParentEdited(String, TaskId),
    /// A folded task goes.
    FoldedDeleted(TaskId, String),
    /// A folded task stays, because of this status.
    FoldedKept(TaskId, Status),
    /// A task's file moves.
    Moved(Relation, TaskId, String, String),
    /// A plan moves.
    PlanMoved(String, String),
    /// The parent goes along.
    LastChild,
    /// The parent's list is empty, but these children are still active.
    StillOpen(TaskId, Vec<TaskId>),
    /// Nobody needs to hold this task any more.
    Released(TaskId),
}
