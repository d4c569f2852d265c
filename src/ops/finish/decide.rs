//! Whether a task can be finished, and what that changes: a pure function of the view and the request.

use crate::archive::archiver::ArchiveChanges;
use crate::archive::carry_over::CarryOver;
use crate::archive::gates::PendingGates;
use crate::archive::request::{ArchiveRequest, Deferred, has_open_children};
use crate::archive::task_store::TaskStore;
use crate::coordination::Locks;
use crate::coordination::locks::unlock_step;
use crate::error::{Error, Result};
use crate::git::{Branch, Oid};
use crate::landing::merge::{self, Merge, MergeMode};
use crate::landing::task_branch;
use crate::ledger::Plan;
use crate::ops::finish::FinishOptions;
use crate::task::{Document, Task, TaskId, sanitise};
use std::path::Path;

/// A task that is to be finished, as it was read. What comes after the first refusal was not read.
#[derive(Debug)]
pub(crate) struct FinishView {
    /// The task.
    pub(crate) task: Task,
    /// Its file.
    pub(crate) document: Document,
    /// Its branch.
    pub(crate) branch: Branch,
    /// The tasks that are locked; `not_holder` says whether the caller holds this one.
    pub(crate) locks: Locks,
    /// The refusal, where the caller does not hold it.
    pub(crate) not_holder: Option<Error>,
    /// The refusal, where removing the worktree would lose work.
    pub(crate) loss: Option<Error>,
    /// The gates or checklist items that have not passed.
    pub(crate) pending: Option<PendingGates>,
    /// The task that takes over the deferred items of its checklist.
    pub(crate) carry_over: Option<CarryOver>,
    /// The work; none where this clone has no branch of the task, and what is published of it has not landed.
    pub(crate) work: Option<TaskWork>,
    /// Whether this clone's record says that the work has landed.
    pub(crate) has_landed: bool,
    /// The published tip of the task branch, where neither this clone has the branch nor the output its work.
    pub(crate) published: Option<Oid>,
    /// The task data; empty for a task that is archived already or not archived now.
    pub(crate) store: TaskStore,
}

/// The commits of a task branch, and where they are.
#[derive(Debug)]
pub(crate) struct TaskWork {
    /// The tip.
    pub(crate) tip: Oid,
    /// Its merge; `None` for a task that was archived without it.
    pub(crate) merge: Option<Merge>,
    /// The commit that proves that the output branch contains it.
    pub(crate) proof: Option<Oid>,
    /// Whether the published task branch is behind it.
    pub(crate) needs_push: bool,
    /// Whether the task branch is published; all its commits are in the tip or the output branch, or were replaced here.
    pub(crate) is_published: bool,
    /// The published tip, where the work was pushed by another clone and has landed: this clone has no branch, and `tip` is
    /// the published one; or its branch has no commits.
    pub(crate) elsewhere: Option<Oid>,
}

/// The request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FinishRequest<'a> {
    /// The options.
    pub(crate) options: &'a FinishOptions,
    /// The merge mode.
    pub(crate) mode: MergeMode,
    /// The output branch.
    pub(crate) into: &'a Branch,
    /// The branch of locks.
    pub(crate) locks: &'a Branch,
    /// The branch of the task data.
    pub(crate) data: &'a Branch,
    /// The branch of the id counter.
    pub(crate) ids: &'a Branch,
    /// The time, as task files write it.
    pub(crate) now: &'a str,
    /// Whether the published task branch stays, since the server refuses to remove it.
    pub(crate) keeps_published: bool,
}

/// The decision: a task that can be finished.
#[derive(Debug)]
pub(crate) struct FinishDecision {
    /// The task after the finish.
    pub(crate) task: Task,
    /// Its work.
    pub(crate) work: Option<TaskWork>,
    /// The paths of the archived files.
    pub(crate) archived: Vec<String>,
    /// The tasks that are active no more.
    pub(crate) ended: Vec<TaskId>,
    /// Notes on what archiving it changes of other tasks.
    pub(crate) notes: Vec<String>,
    /// Whether the lock is removed.
    pub(crate) unlocked: bool,
    /// Whether the published task branch is removed.
    pub(crate) unpublished: bool,
    /// What to publish; empty where all of it is published already.
    pub(crate) plan: Plan,
}

impl FinishOptions {
    /// Whether the task is archived; else the caller still holds it afterwards.
    fn ends_task(&self) -> bool {
        !self.no_archive && !self.no_push
    }

    /// What becomes of deferred items. They are in no one's way while the task stays active.
    pub(super) fn deferred(&self) -> Deferred {
        if self.ends_task() { self.deferred } else { Deferred::CarryOver }
    }

    /// Whether a new task takes over the deferred items.
    pub(super) fn carries_over(&self) -> bool {
        self.ends_task() && self.deferred == Deferred::CarryOver
    }

    /// Whether gates count.
    pub(super) fn asks_gates(&self) -> bool {
        !self.no_push && !self.override_gates
    }
}

impl FinishView {
    /// Whether its files will move, so that the task data must be read.
    pub(super) fn needs_task_store(&self, options: &FinishOptions) -> bool {
        options.ends_task() && (self.work.is_some() || self.has_landed)
    }

    /// A sentence that says where the work of an archived task is, for the owner of the worktree at `dir`.
    pub(super) fn work_location(&self, into: &Branch, dir: &Path) -> String {
        match &self.work {
            Some(TaskWork { proof: Some(proof), .. }) => format!("your commits are in {into} ({})", proof.short()),
            Some(TaskWork { tip, .. }) => {
                let (branch, tip, dir) = (&self.branch, tip.short(), dir.display());
                format!("your commits are on {branch} ({tip}) in {dir}, and not in {into}")
            }
            None => "this clone has no branch of the task".to_owned(),
        }
    }
}

/// The command, for hints.
pub(super) const VERB: &str = "git aitask finish";

/// Decides whether a task can be finished.
///
/// # Errors
/// The first refusal: another holder, work that would be lost, gates, no task branch, open children, an occupied name in the
/// archive.
pub(crate) fn decide(seen: FinishView, request: &FinishRequest<'_>) -> Result<FinishDecision> {
    let FinishRequest { options, mode, into, .. } = *request;
    let FinishView { mut task, branch, locks, work, .. } = seen;
    let (id, path) = (task.id, task.path.as_str());
    if let Some(refusal) = seen.not_holder.or(seen.loss) {
        return Err(refusal);
    }
    if let Some(pending) = seen.pending.filter(|_| options.asks_gates()) {
        return Err(pending.refusal(id, VERB));
    }
    let claimed = seen.carry_over.map(|carry_over| carry_over.claim(Plan::new(), request.ids));
    let mut plan = claimed.unwrap_or_default();
    let mut unpublished = false;
    match &work {
        _ if task.path.is_archived() => {}
        None if !seen.has_landed => return Err(task_branch::missing(&task, &branch, into, seen.published.as_ref())),
        Some(work) if options.no_push && work.needs_push => plan = plan.advance(&branch, work.tip.clone()),
        Some(TaskWork { tip, merge: Some(merge), is_published, .. }) if !options.no_push => {
            let subject = subject(&task, &seen.document, &branch, request);
            plan = merge::add(plan, into, merge, mode, tip, &subject);
            unpublished = *is_published && !request.keeps_published;
            if unpublished {
                plan = plan.remove(&branch);
            }
        }
        Some(_) | None => {}
    }
    let unlocked = options.ends_task() && locks.is_held(id);
    let (mut archived, mut ended, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    if task.path.is_archived() {
        archived.push(path.to_owned());
        if unlocked {
            // On a server that takes one branch after the other, a kill may come before the removal of the branch.
            unpublished = work.as_ref().is_some_and(|work| work.is_published) && !request.keeps_published;
            if unpublished {
                plan = plan.remove(&branch);
            }
            plan = plan.step(request.locks, unlock_step(id));
        }
    } else if options.ends_task() {
        let children = seen.store.open_children(id, &[]);
        if !children.is_empty() {
            let stays =
                command!["git aitask finish", id, "--no-archive"].note("merges its branch, and the task stays open");
            return Err(has_open_children(id, children).hint(stays));
        }
        let mut changes = ArchiveChanges::of(&seen.store, path, id, ArchiveRequest::default(), request.now)?;
        if let Some(carry_over) = seen.carry_over {
            carry_over.create(&mut changes, id, path, &seen.document, request.now)?;
        }
        notes = changes.notes();
        let filed = changes.filed(id);
        plan = changes.plan(plan, request.data, request.locks, &locks);
        archived = changes.targets;
        ended = [changes.tasks, changes.folded].concat();
        task = filed.unwrap_or(task);
    }
    let plan = plan.fenced(request.locks, id);
    Ok(FinishDecision { task, work, archived, ended, notes, unlocked, unpublished, plan })
}

fn subject(task: &Task, document: &Document, branch: &Branch, request: &FinishRequest<'_>) -> String {
    let kind = document.scalar("issue_type").filter(|kind| !kind.is_empty()).unwrap_or("feature");
    match (&request.options.message, request.mode) {
        (Some(message), _) => message.clone(),
        (None, MergeMode::Squash) => format!("{}: {} ({})", sanitise(kind), task.title, task.id.prefixed()),
        (None, _) => format!("Merge branch '{branch}' into {}", request.into),
    }
}

#[cfg(test)]
mod tests;
