//! Whether a task is archived, and what that does: by what is known and what is asked, and by nothing else.

use crate::archive::archiver::ArchiveChanges;
use crate::archive::gates::PendingGates;
use crate::archive::request::{ArchiveRefusal, ArchiveRequest, ArchiveRules, Gates};
use crate::archive::task_store::{TaskStore, path_of};
use crate::coordination::Locks;
use crate::error::Error;
use crate::task::TaskId;

/// How far a task is on its way to the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveState {
    /// It is active.
    Active,
    /// Its file is in the archive of a checkout, and the last commit does not have it there.
    Moved,
    /// It is archived.
    Archived,
    /// It is archived, by a run that was cut off before it said so.
    CutOff,
}

/// What is known of a task that is to be archived.
#[derive(Debug)]
pub(crate) struct ArchiveView {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: String,
    /// How far it is.
    pub(crate) state: ArchiveState,
    /// The refusal, where it is not the caller's to archive.
    pub(crate) not_holder: Option<Error>,
    /// Which tasks are held, where that matters.
    pub(crate) locks: Locks,
    /// What keeps it from being archived.
    pub(crate) pending: Option<PendingGates>,
    /// The task data; empty for a task that is archived.
    pub(crate) store: TaskStore,
    /// The time.
    pub(crate) now: String,
}

/// What becomes of it.
#[derive(Debug, Clone)]
pub(crate) enum ArchiveDecision {
    /// Nothing is left to do.
    Already,
    /// This.
    File(Box<ArchiveChanges>),
}

/// Decides. Reads nothing and asks nobody.
///
/// # Errors
/// A [`ArchiveRefusal`]; the first of several in the order that both faces have always told them.
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
