//! Whether a task is given back, and what that changes: from what was seen of it, without a process or a file.

use crate::coordination::locks::unlock_step;
use crate::error::{Error, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::Plan;
use crate::ledger::plan::Step;
use crate::task::{Document, Status, Task, TaskPath, edits};

/// A task as it was found.
#[derive(Debug)]
pub(crate) struct DropView {
    /// Its file.
    pub(crate) path: TaskPath,
    /// What is in it.
    pub(crate) document: Document,
    /// Whether somebody holds it; `not_holder` says whether that is the caller.
    pub(crate) is_held: bool,
    /// Why it is not the caller's to give back.
    pub(crate) not_holder: Option<Error>,
    /// What would be lost with the worktree.
    pub(crate) loss: Option<Error>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropRequest<'a> {
    /// The status it is to have.
    pub(crate) status: &'a Status,
    /// The branch of locks.
    pub(crate) locks: &'a Branch,
    /// The branch of the task data.
    pub(crate) data: &'a Branch,
    /// The time, as task files write it.
    pub(crate) now: &'a str,
}

/// A task that can be given back.
#[derive(Debug)]
pub(crate) struct DropDecision {
    /// The task, as it is then.
    pub(crate) task: Task,
    /// What to publish; nothing where it was given back before.
    pub(crate) plan: Plan,
}

/// Whether a task is as one that is given back with this status.
pub(crate) fn is_dropped(task: &Task, status: &Status) -> bool {
    task.status == *status && task.assigned_to.is_none()
}

/// Decides on a task that is to be given back.
///
/// # Errors
/// First that it is not the caller's, then what would be lost.
pub(crate) fn decide(seen: DropView, request: &DropRequest<'_>) -> Result<DropDecision> {
    let DropView { path, mut document, is_held, not_holder, loss } = seen;
    if let Some(refusal) = not_holder.or(loss) {
        return Err(refusal);
    }
    let mut plan = Plan::new();
    if !is_dropped(&Task::from_document(path.clone(), &document), request.status) {
        plan = plan.step(request.data, revert_step(&path, &mut document, request.status, request.now)?);
    }
    if is_held {
        plan = plan.step(request.locks, unlock_step(path.id()));
    }
    Ok(DropDecision { task: Task::from_document(path, &document), plan })
}

/// The commit that takes back the status and the assignee.
pub(crate) fn revert_step(path: &TaskPath, document: &mut Document, status: &Status, now: &str) -> Result<Step> {
    edits::revert(document, status, now)?;
    let edit = Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() };
    Ok(Step::edit(format!("ait: Abort {}: revert status to {status}", path.id().t()), vec![edit]))
}

#[cfg(test)]
mod tests;
