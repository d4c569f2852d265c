//! Whether a task can be dropped, and what that changes: a pure function of the view and the request.

use crate::coordination::locks::unlock_step;
use crate::error::{Error, Result};
use crate::git::objects::Edit;
use crate::git::{Branch, Oid};
use crate::ledger::Plan;
use crate::ledger::plan::Step;
use crate::task::{Document, Status, Task, TaskPath, edits};

/// A task that is to be dropped, as it was read.
#[derive(Debug)]
pub(crate) struct DropView {
    /// Its file.
    pub(crate) path: TaskPath,
    /// What is in it.
    pub(crate) document: Document,
    /// Whether it is locked; `not_holder` says whether the caller holds it.
    pub(crate) is_held: bool,
    /// The refusal, where the caller does not hold it.
    pub(crate) not_holder: Option<Error>,
    /// The refusal, where removing the worktree would lose work.
    pub(crate) loss: Option<Error>,
    /// The task branch and its tip, where that has commits to publish.
    pub(crate) work: Option<(Branch, Oid)>,
}

/// The request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropRequest<'a> {
    /// The status that it gets.
    pub(crate) status: &'a Status,
    /// The branch of locks.
    pub(crate) locks: &'a Branch,
    /// The branch of the task data.
    pub(crate) data: &'a Branch,
    /// The time, as task files write it.
    pub(crate) now: &'a str,
}

/// The decision: a task that can be dropped.
#[derive(Debug)]
pub(crate) struct DropDecision {
    /// The task after the drop.
    pub(crate) task: Task,
    /// What to publish; empty where it was dropped before.
    pub(crate) plan: Plan,
}

/// Whether a task has this status and no assignee, as after a drop.
pub(crate) fn is_dropped(task: &Task, status: &Status) -> bool {
    task.status == *status && task.assigned_to.is_none()
}

/// Decides whether a task can be dropped.
///
/// # Errors
/// The first refusal: another holder, then work that would be lost.
pub(crate) fn decide(seen: DropView, request: &DropRequest<'_>) -> Result<DropDecision> {
    let DropView { path, mut document, is_held, not_holder, loss, work } = seen;
    if let Some(refusal) = not_holder.or(loss) {
        return Err(refusal);
    }
    let mut plan = Plan::new();
    if !is_dropped(&Task::from_document(path.clone(), &document), request.status) {
        plan = plan.step(request.data, revert_step(&path, &mut document, request.status, request.now)?);
    }
    // Before the lock is released: on a server that takes one branch after the other, nobody may pick the task without the
    // commits.
    if let Some((branch, tip)) = work.filter(|_| is_held) {
        plan = plan.advance(&branch, tip);
    }
    if is_held {
        plan = plan.step(request.locks, unlock_step(path.id()));
    }
    Ok(DropDecision { task: Task::from_document(path, &document), plan })
}

/// The commit that sets the status and removes the assignee.
pub(crate) fn revert_step(path: &TaskPath, document: &mut Document, status: &Status, now: &str) -> Result<Step> {
    edits::revert(document, status, now)?;
    let edit = Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() };
    Ok(Step::edit(format!("ait: Abort {}: revert status to {status}", path.id().prefixed()), vec![edit]))
}

#[cfg(test)]
mod tests;
