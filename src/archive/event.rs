//! The events of archiving a task, for the report of either face.

use crate::task::{Status, TaskId};

/// Which task an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventTask {
    /// The task that is archived.
    Own,
    /// Its parent, which is archived with it.
    Parent,
    /// A task that was folded into it.
    Folded,
}

/// An event, in the order of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArchiveEvent {
    /// This new task takes over the deferred items of the checklist.
    CarriedOver(TaskId, String),
    /// The archiving of this file begins; the second is the file of its parent.
    Begin(String, Option<String>),
    /// A link of a task: `ISSUE`, `RELATED_ISSUE` or `PR`.
    Link(EventTask, TaskId, &'static str, String),
    /// A child was removed from the list of its parent.
    ParentEdited(String, TaskId),
    /// A folded task is deleted.
    FoldedDeleted(TaskId, String),
    /// A folded task is kept, because of this status.
    FoldedKept(TaskId, Status),
    /// A task's file moves.
    Moved(EventTask, TaskId, String, String),
    /// A plan moves.
    PlanMoved(String, String),
    /// The parent is archived, too.
    LastChild,
    /// The parent's list is empty, but these children are still active.
    StillOpen(TaskId, Vec<TaskId>),
    /// No child of the parent is open any more, but it stays active until this.
    ParentStays(TaskId, String),
    /// The lock of this task is no longer needed.
    Released(TaskId),
}
