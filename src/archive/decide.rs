//! Whether a task can be archived, and what that changes: a pure function of what was read and what is requested.

use crate::archive::archiver::ArchiveChanges;
use crate::archive::carry_over::CarryOver;
use crate::archive::gates::PendingGates;
use crate::archive::request::{ArchiveRefusal, ArchiveRequest, ArchiveRules, Gates};
use crate::archive::task_store::{TaskStore, path_of};
use crate::coordination::Locks;
use crate::error::Error;
use crate::task::TaskId;

/// Whether a task is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveState {
    /// It is active.
    Active,
    /// The checkout has its file in the archive, and the last commit does not.
    Moved,
    /// It is archived.
    Archived,
    /// It is archived, by a run that was interrupted before it reported that.
    CutOff,
}

/// A task that is to be archived, as it was read.
#[derive(Debug)]
pub(crate) struct ArchiveView {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: String,
    /// Whether it is archived.
    pub(crate) state: ArchiveState,
    /// The refusal, where another session holds it.
    pub(crate) not_holder: Option<Error>,
    /// The tasks that are locked; read for published task data only.
    pub(crate) locks: Locks,
    /// The gates or checklist items that have not passed.
    pub(crate) pending: Option<PendingGates>,
    /// The task that takes over the deferred items of its checklist.
    pub(crate) carry_over: Option<CarryOver>,
    /// The task data; empty for a task that is archived.
    pub(crate) store: TaskStore,
    /// The time, as task files write it.
    pub(crate) now: String,
}

/// The decision.
#[derive(Debug, Clone)]
pub(crate) enum ArchiveDecision {
    /// It is archived already.
    Already,
    /// It is archived by these changes.
    File(Box<ArchiveChanges>),
}

/// Decides whether a task can be archived.
///
/// # Errors
/// The first [`ArchiveRefusal`] that applies. Callers of the scripts depend on their order.
pub(crate) fn decide(known: &ArchiveView, request: ArchiveRequest) -> Result<ArchiveDecision, ArchiveRefusal> {
    if known.not_holder.is_some() {
        return Err(ArchiveRefusal::NotHolder);
    }
    match (known.state, request.rules) {
        (ArchiveState::CutOff, _) | (ArchiveState::Archived, ArchiveRules::Published) => {
            return Ok(ArchiveDecision::Already);
        }
        (ArchiveState::Archived, ArchiveRules::Checkout) => return Err(ArchiveRefusal::Archived(known.path.clone())),
        (ArchiveState::Active | ArchiveState::Moved, _) => {}
    }
    if request.rules == ArchiveRules::Published {
        require_no_children(known.store.open_children(known.id, &[]))?;
    }
    if let (Gates::Count, Some(pending)) = (request.gates, &known.pending) {
        return Err(ArchiveRefusal::Pending(pending.clone()));
    }
    let mut changes = ArchiveChanges::of(&known.store, &known.path, known.id, request, &known.now)?;
    if let Some(carry_over) = known.carry_over {
        let document = known.store.document(&known.path);
        carry_over.create(&mut changes, known.id, &known.path, &document, &known.now)?;
    }
    if request.rules == ArchiveRules::Checkout {
        require_no_children(known.store.open_children(known.id, &changes.edits))?;
    }
    if changes.tasks.iter().any(|task| !task.is_child()) {
        let staged = known.store.staged.iter();
        let staged = staged.filter(|staged| changes.edits.iter().all(|edit| path_of(edit) != path_of(staged)));
        let staged: Vec<_> = staged.cloned().collect();
        changes.edits.extend(staged);
    }
    Ok(ArchiveDecision::File(Box::new(changes)))
}

fn require_no_children(open: Vec<TaskId>) -> Result<(), ArchiveRefusal> {
    if open.is_empty() { Ok(()) } else { Err(ArchiveRefusal::OpenChildren(open)) }
}

#[cfg(test)]
mod tests;
