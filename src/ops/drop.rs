//! Dropping a task: status and lock in one swap, then its worktree.
//!
//! Why the order is safe. Uncommitted work refuses the drop before the swap. Commits of the task branch are published in
//! the swap, so that whoever picks the task next has them. The worktree is removed after the swap, and the task branch
//! only if its commits have landed: killed in between, the task is free, the worktree is still there, and the same
//! command removes it. The other way round, a failed push would leave a held task without its
//! worktree.

mod decide;

use crate::coordination::lock_record::LockRecord;
use crate::coordination::{ReadLocks, Session};
use crate::error::{Error, Kind, Result};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, worktree};
use crate::landing::landed::{self, Landed};
use crate::landing::task_branch;
use crate::ledger::{Channel, Decision, Ledger, Plan, View, nonce};
use crate::ops::drop::decide::{DropDecision, DropRequest, DropView, decide, is_dropped, revert_step};
use crate::ops::task_info::{Surroundings, TaskInfo};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, require_holder};
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Notices;
use crate::task::{Status, Task, TaskId};
use crate::worktrees::former_name;
use crate::worktrees::removal::{remove, remove_unless};
use crate::worktrees::removal_result::{BranchDeletion, BranchResult, Extent, Removal, RemovalOptions};
use crate::worktrees::task_worktree::TaskWorktree;
use serde::Serialize;
use std::cell::RefCell;
use std::path::PathBuf;

/// The outcome.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Dropped {
    /// The task.
    pub(crate) task: TaskInfo,
    /// Whether the task has no lock.
    pub(crate) unlocked: bool,
    /// Whether the worktree was removed.
    pub(crate) worktree_removed: bool,
    /// Whether the task branch was deleted; a branch with unmerged commits is kept.
    pub(crate) branch_deleted: bool,
    /// The task branch, where its commits were published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pushed: Option<Branch>,
    /// The task branch, where it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) branch_kept: Option<Branch>,
    /// Where the shell should go: it was in the worktree.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Drops a task with a new status.
///
/// # Errors
/// [`Kind::NotHolder`], and [`Kind::Dirty`] for uncommitted work.
pub(crate) fn drop_task(context: &Context, wanted: &Wanted, status: &Status, work: Unsaved) -> Result<Dropped> {
    if !matches!(status, Status::Ready | Status::Postponed | Status::Editing) {
        return Err(Error::new(Kind::Usage, format!("a task cannot be dropped with the status {status}")).one_of(&[
            "Ready",
            "Postponed",
            "Editing",
        ]));
    }
    let session = context.session()?;
    let Branches { locks, data } = branches(context)?;
    let now = Context::now();
    let request = DropRequest { status, locks: &locks, data: &data, now: &now };
    let (mark, sent) = (nonce()?, RefCell::new(None));
    let attempt = |publishes: bool| {
        context.ledger().transact(&mark, &[locks.clone(), data.clone()], |view| {
            let tip = view.tip(&data);
            let is_ahead = tip.local.is_some() && tip.local != tip.published;
            let (mut seen, place, active) = gather(context, view, wanted, &session, &request, work)?;
            seen.work = seen.work.filter(|_| publishes);
            let pushed = seen.work.clone().filter(|_| seen.is_held).map(|(branch, _)| branch);
            if let (Some((branch, tip)), true) = (&seen.work, seen.is_held && seen.not_holder.is_none()) {
                task_branch::begin_push(context, view, seen.path.id(), branch, tip)?;
            }
            sent.replace(pushed.clone());
            let DropDecision { task, plan } = decide(seen, &request)?;
            let record = LockRecord::load(&context.repository, task.id).map(|held| held.nonce);
            let outcome = DropOutcome { task, place, active, pushed, is_ahead, record };
            Ok(if plan.is_empty() { Decision::NoChange(outcome) } else { Decision::Publish(plan, outcome) })
        })
    };
    // A task that cannot be given back would stay with a session that has ended. The commits are kept here.
    let (landed, refusal) = task_branch::or_without(&sent, attempt)?;
    let mut aside = Notices::of(context, &landed);
    let DropOutcome { task, place, active, is_ahead, pushed, record } = landed.value;
    let because = refusal.map(|why| format!("{} was not published, and is only in this clone: {why}", place.branch));
    aside.notes.extend(because);
    let again = || [command!["git aitask drop", task.id].note("the same command again completes it")];
    if is_ahead && !context.dry_run {
        let reverted = revert_local_status(context, task.id, &session.email, &request);
        aside.after_swap(reverted, "the task is dropped, but its status here could not be reset", again())?;
    }
    let branch = BranchDeletion::IfLanded(Some(task.id));
    let options = RemovalOptions { work, extent: Extent::Worktree, branch, dry_run: context.dry_run };
    // Whoever picks the task in this clone from now on goes on in the worktree that is there, and has a record of its own.
    let is_taken = || LockRecord::load(&context.repository, task.id).map(|held| held.nonce) != record;
    let stays =
        || is_taken().then(|| format!("{} was picked again meanwhile, so its worktree stays", task.id.prefixed()));
    let removed = remove_landed(context, task.id, &place, &options, stays);
    let removed = aside.after_swap(removed, "the task is dropped, but its worktree could not be removed", again())?;
    if let Some(removal) = &removed {
        removal.commands(&place.branch).into_iter().for_each(|command| aside.would_run(command));
        aside.notes.extend(removal.gone.iter().chain(&removal.causes).cloned());
    }
    // While the record stays, the same command knows that it is to complete this one.
    if aside.incomplete.is_none() && !context.dry_run && !is_taken() {
        let forgotten = LockRecord::give_back(&context.repository, &context.channel, task.id);
        aside.after_swap(forgotten, "the task is dropped, but this clone could not note that", again())?;
    }
    let around = Surroundings::new(context, active);
    let removal = removed.unwrap_or_default();
    let (worktree_removed, folder) = (removal.has_removed(), &place.path);
    let is_without = worktree_removed || place.record.is_none();
    let task = if is_without { around.describe_at(&task, None, None) } else { around.describe(&task, None) };
    Ok(Dropped {
        task,
        unlocked: true,
        worktree_removed,
        branch_deleted: removal.branch == BranchResult::Deleted,
        pushed,
        branch_kept: removal.branch.is_kept().then(|| place.branch.clone()),
        cd: worktree_removed.then(|| context.way_out(folder)).flatten(),
        aside,
    })
}

/// Removes the worktree, and the branch where its commits have landed, or their content has in other commits.
fn remove_landed(
    context: &Context,
    task: TaskId,
    place: &TaskWorktree,
    options: &RemovalOptions<'_>,
    stays: impl Fn() -> Option<String>,
) -> Result<Removal> {
    let mut removal = remove_unless(context, &place.branch, options, stays)?;
    if matches!(removal.branch, BranchResult::Unmerged(_))
        && let Some(tip) = place.tip(context)?
        && let (Landed::At(_), Some(into)) = landed::in_outputs(context, task, &tip)?
    {
        let branch = BranchDeletion::LandedIn { tip: &tip, into: &into };
        let again = remove(context, &place.branch, &RemovalOptions { branch, ..*options })?;
        removal.causes.extend(again.causes);
        removal.branch = again.branch;
    }
    Ok(removal)
}

/// The published decision, with the worktree of its task.
struct DropOutcome {
    task: Task,
    place: TaskWorktree,
    /// The active tasks.
    active: Vec<TaskId>,
    /// The task branch, where its commits are published.
    pushed: Option<Branch>,
    /// Whether the local branch of the task data has unpublished commits.
    is_ahead: bool,
    /// The nonce in the record of its pick in this clone.
    record: Option<String>,
}

/// Reads the task and its worktree; the work that would be lost only where the caller may drop the task.
fn gather(
    context: &Context,
    view: &View<'_>,
    wanted: &Wanted,
    session: &Session,
    request: &DropRequest<'_>,
    work: Unsaved,
) -> Result<(DropView, TaskWorktree, Vec<TaskId>)> {
    let index = Index::load(view, request.data)?;
    let path = match index.require_active(wanted) {
        Ok(path) => path.clone(),
        Err(error) => return Err(displaced(context, view, wanted.id, OVER)?.unwrap_or(error)),
    };
    let (document, id) = (index.load_document(view, path.as_str())?, path.id());
    let lock = view.lock(id)?;
    let place = TaskWorktree::find(context, path.name())?;
    let is_dropped = is_dropped(&Task::from_document(path.clone(), &document), request.status);
    // A second drop completes an interrupted one. It is one where the task is dropped and this clone still has the
    // record of its pick, which is removed last.
    let not_holder = if lock.is_none() && is_dropped && LockRecord::load(&context.repository, id).is_some() {
        displaced(context, view, id, "was dropped")?
    } else {
        require_holder(context, session, id, lock.as_ref()).err()
    };
    let is_ours = lock.is_some() && not_holder.is_none();
    if is_ours {
        former_name::require_none(context, &place)?;
    }
    let loss = is_ours.then(|| place.require_removable(context, work).err()).flatten();
    let loss = loss.map(|error| match error.kind() {
        Kind::Dirty if place.strayed(context).is_none() => {
            error.hint(command!["git aitask drop", id, "--discard"].note("discards it"))
        }
        _ if place.record.as_ref().is_some_and(worktree::is_gone) => error.hint(
            command!["git aitask drop", id, "--discard"].note("drops the task, and leaves the worktree registered"),
        ),
        _ => error,
    });
    let tip =
        if is_ours && loss.is_none() { task_branch::unpublished(context, view, id, &place, "drop")? } else { None };
    let work = match tip {
        Some(tip) if !is_landed(context, view, id, &tip)? => Some((place.branch.clone(), tip)),
        _ => None,
    };
    let seen = DropView { path, document, is_held: lock.is_some(), not_holder, loss, work };
    Ok((seen, place, index.active_ids().collect()))
}

/// Whether the content of these commits has landed in others, so that nothing of them is left to go on with. The swap then
/// guards the branch that has it: it may have been taken back there meanwhile.
fn is_landed(context: &Context, view: &View<'_>, id: TaskId, tip: &Oid) -> Result<bool> {
    let (Landed::At(_), Some(into)) = landed::in_outputs(context, id, tip)? else { return Ok(false) };
    view.task_branch(&into)?;
    Ok(true)
}

/// Reverts a status that is committed only locally, because the server refused it when the task was picked (see
/// [`crate::ops::pick`]).
fn revert_local_status(context: &Context, task: TaskId, email: &str, request: &DropRequest<'_>) -> Result<()> {
    let here = Ledger { channel: Channel::Local, ..context.ledger() };
    let landed = here.transact(&nonce()?, std::slice::from_ref(request.data), |view| {
        let index = Index::load(view, request.data)?;
        let Some(path) = index.active(task) else { return Ok(Decision::NoChange(())) };
        let mut document = index.load_document(view, path.as_str())?;
        let found = Task::from_document(path.clone(), &document);
        if found.status != Status::Implementing || found.assigned_to.as_deref() != Some(email) {
            return Ok(Decision::NoChange(()));
        }
        let step = revert_step(path, &mut document, request.status, request.now)?;
        Ok(Decision::Publish(Plan::new().step(request.data, step), ()))
    });
    landed.map(drop)
}
