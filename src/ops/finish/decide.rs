//! Whether a task is finished, and what that changes: from what was seen of the task, its lock and its work, without a
//! process or a file.

use crate::archive::archiver::ArchiveChanges;
use crate::archive::gates::PendingGates;
use crate::archive::request;
use crate::archive::task_store::TaskStore;
use crate::coordination::Locks;
use crate::coordination::locks::unlock_step;
use crate::error::{Error, Hint, Result};
use crate::git::{Branch, Oid};
use crate::landing::merge::{self, Merge, MergeMode};
use crate::landing::task_branch;
use crate::ledger::Plan;
use crate::ops::finish::FinishOptions;
use crate::task::{Document, Task, TaskId, harmless};
use std::path::Path;

/// A task as it was found. What comes after a refusal is not looked at.
#[derive(Debug)]
pub(crate) struct FinishView {
    /// The task.
    pub(crate) task: Task,
    /// Its file.
    pub(crate) document: Document,
    /// Its branch.
    pub(crate) branch: Branch,
    /// Which tasks are held; `not_holder` says whether this one is held by the caller.
    pub(crate) locks: Locks,
    /// Why it is not the caller's to finish.
    pub(crate) not_holder: Option<Error>,
    /// What would be lost with the worktree.
    pub(crate) loss: Option<Error>,
    /// What keeps it from being over.
    pub(crate) pending: Option<PendingGates>,
    /// The work; none where this clone has no branch of the task.
    pub(crate) work: Option<TaskWork>,
    /// This clone's record says that the work has landed already.
    pub(crate) has_landed: bool,
    /// The task data; empty for a task that is archived or stays.
    pub(crate) store: TaskStore,
}

/// The commits of a task branch, and where they are.
#[derive(Debug)]
pub(crate) struct TaskWork {
    /// The tip.
    pub(crate) tip: Oid,
    /// What merging it comes to; `None` for a task that was archived without it.
    pub(crate) merge: Option<Merge>,
    /// The commit that proves that it is in the output branch already.
    pub(crate) proof: Option<Oid>,
    /// Whether a pull request needs it pushed.
    pub(crate) needs_push: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FinishRequest<'a> {
    /// How to finish.
    pub(crate) options: &'a FinishOptions,
    /// How to merge.
    pub(crate) mode: MergeMode,
    /// The output branch.
    pub(crate) into: &'a Branch,
    /// The branch of locks.
    pub(crate) locks: &'a Branch,
    /// The branch of the task data.
    pub(crate) data: &'a Branch,
    /// The time, as task files write it.
    pub(crate) now: &'a str,
}

/// A task that can be finished.
#[derive(Debug)]
pub(crate) struct FinishDecision {
    /// The task.
    pub(crate) task: Task,
    /// Its work.
    pub(crate) work: Option<TaskWork>,
    /// Where the archived files are then.
    pub(crate) archived: Vec<String>,
    /// Whether the lock goes.
    pub(crate) unlocked: bool,
    /// What to publish; nothing where all of it is so already.
    pub(crate) plan: Plan,
}

impl FinishOptions {
    /// Whether the task is over then; else it stays the caller's.
    fn ends_task(&self) -> bool {
        !self.no_archive && !self.no_push
    }

    /// Whether gates that have not passed count.
    pub(super) fn asks_gates(&self) -> bool {
        !self.no_push && !self.override_gates
    }
}

impl FinishView {
    /// Whether its files are moved, so that the task data must be read.
    pub(super) fn needs_task_store(&self, options: &FinishOptions) -> bool {
        options.ends_task() && (self.work.is_some() || self.has_landed)
    }

    /// Where the work of a task is that somebody ended, for whoever has it in the folder `dir`.
    pub(super) fn work_location(&self, into: &Branch, dir: &Path) -> String {
        match &self.work {
            Some(TaskWork { proof: Some(proof), .. }) => format!("your commits are in {into} ({})", proof.short()),
            Some(TaskWork { tip, .. }) => {
                let (branch, tip, dir) = (&self.branch, tip.short(), dir.display());
                format!("your commits are on {branch} ({tip}) in {dir}, and not in {into}")
            }
            None => "this clone has no branch of it".to_owned(),
        }
    }
}

/// The command that finishes a task whatever its gates say.
pub(super) fn overriding(task: TaskId) -> Hint {
    command!["git aitask finish", task, "--override-gates"]
}

/// Decides on a task that is to be finished.
///
/// # Errors
/// The first refusal: not the caller's, work that would be lost, gates, no branch, files in the archive's way.
pub(crate) fn decide(seen: FinishView, request: &FinishRequest<'_>) -> Result<FinishDecision> {
    let FinishRequest { options, mode, into, .. } = *request;
    let FinishView { task, branch, locks, work, .. } = seen;
    let (id, path) = (task.id, task.path.as_str());
    if let Some(refusal) = seen.not_holder.or(seen.loss) {
        return Err(refusal);
    }
    if let Some(pending) = seen.pending.filter(|_| options.asks_gates()) {
        return Err(pending.refusal(id, overriding(id)));
    }
    let mut plan = Plan::new();
    match &work {
        _ if task.path.is_archived() => {}
        None if !seen.has_landed => return Err(task_branch::missing(&task, &branch)),
        Some(work) if options.no_push && work.needs_push => plan = plan.advance(&branch, work.tip.clone()),
        Some(TaskWork { tip, merge: Some(merge), .. }) if !options.no_push => {
            let subject = subject(&task, &seen.document, &branch, request);
            plan = merge::add(plan, into, merge, mode, tip, &subject);
        }
        Some(_) | None => {}
    }
    let unlocked = options.ends_task() && locks.is_held(id);
    let mut archived = Vec::new();
    if task.path.is_archived() {
        archived.push(path.to_owned());
        if unlocked {
            plan = plan.step(request.locks, unlock_step(id));
        }
    } else if options.ends_task() {
        let changes = ArchiveChanges::of(&seen.store, path, id, request::ArchiveRequest::default(), request.now)?;
        plan = changes.plan(plan, request.data, request.locks, &locks);
        archived = changes.targets;
    }
    let plan = plan.fenced(request.locks, id);
    Ok(FinishDecision { task, work, archived, unlocked, plan })
}

fn subject(task: &Task, document: &Document, branch: &Branch, request: &FinishRequest<'_>) -> String {
    let kind = document.scalar("issue_type").filter(|kind| !kind.is_empty()).unwrap_or("feature");
    match (&request.options.message, request.mode) {
        (Some(message), _) => message.clone(),
        (None, MergeMode::Squash) => format!("{}: {} ({})", harmless(kind), task.title, task.id.t()),
        (None, _) => format!("Merge branch '{branch}' into {}", request.into),
    }
}

#[cfg(test)]
mod tests;
