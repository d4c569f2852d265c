//! Whether a task is archived, and what that does: by what is known and what is asked, and by nothing else.

use crate::archive::archiver::Filing;
use crate::archive::gates::Pending;
use crate::archive::request::{Gates, Refusal, Request, Rules};
use crate::archive::shelf::{Shelf, path_of};
use crate::coordination::Locks;
use crate::error::Error;
use crate::task::TaskId;

/// How far a task is on its way to the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
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
pub(crate) struct Known {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: String,
    /// How far it is.
    pub(crate) state: Progress,
    /// The refusal, where it is not the caller's to archive.
    pub(crate) not_holder: Option<Error>,
    /// Which tasks are held, where that matters.
    pub(crate) locks: Locks,
    /// What keeps it from being archived.
    pub(crate) pending: Option<Pending>,
    /// The task data; empty for a task that is archived.
    pub(crate) shelf: Shelf,
    /// The time.
    pub(crate) now: String,
}

/// What becomes of it.
#[derive(Debug, Clone)]
pub(crate) enum Decided {
    /// Nothing is left to do.
    Already,
    /// This.
    File(Box<Filing>),
}

/// Decides. Reads nothing and asks nobody.
///
/// # Errors
/// A [`Refusal`]; the first of several in the order that both faces have always told them.
pub(crate) fn decide(known: &Known, request: Request) -> Result<Decided, Refusal> {
    if known.not_holder.is_some() {
        return Err(Refusal::NotHolder);
    }
    match (known.state, request.rules) {
        (Progress::CutOff, _) | (Progress::Archived, Rules::Published) => return Ok(Decided::Already),
        (Progress::Archived, Rules::Checkout) => return Err(Refusal::Archived(known.path.clone())),
        (Progress::Active | Progress::Moved, _) => {}
    }
    if request.rules == Rules::Published {
        require_no_children(known.shelf.open_children(known.id, &[]))?;
    }
    if let (Gates::Count, Some(pending)) = (request.gates, &known.pending) {
        return Err(Refusal::Pending(pending.clone()));
    }
    let mut filing = Filing::of(&known.shelf, &known.path, known.id, request, &known.now)?;
    if request.rules == Rules::Checkout {
        require_no_children(known.shelf.open_children(known.id, &filing.edits))?;
    }
    if filing.tasks.iter().any(|task| !task.is_child()) {
        let staged = known.shelf.staged.iter();
        let staged = staged.filter(|staged| filing.edits.iter().all(|edit| path_of(edit) != path_of(staged)));
        let staged: Vec<_> = staged.cloned().collect();
        filing.edits.extend(staged);
    }
    Ok(Decided::File(Box::new(filing)))
}

fn require_no_children(open: Vec<TaskId>) -> Result<(), Refusal> {
    if open.is_empty() { Ok(()) } else { Err(Refusal::OpenChildren(open)) }
}

#[cfg(test)]
mod tests;
