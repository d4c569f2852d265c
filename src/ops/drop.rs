//! Giving a task back: status and lock in one swap, then its worktree.

use crate::coordination::ReadLocks;
use crate::coordination::claim_record::Held;
use crate::coordination::locks::unlock_step;
use crate::error::{Error, Kind, Result, quoted};
use crate::git::objects::Edit;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, worktree};
use crate::ledger::plan::Step;
use crate::ledger::{Channel, Decision, Ledger, Plan, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, displaced_by, require_holder};
use crate::project::index::{Index, branches};
use crate::project::outcome::{Aside, TaskInfo};
use crate::task::{Document, Status, Task, TaskId, TaskPath, edits};
use crate::worktrees::removal::{BranchEnd, BranchFate, Extent, Manner, remove};
use crate::worktrees::task_worktree::Place;
use serde::Serialize;

/// What became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Dropped {
    /// The task.
    pub task: TaskInfo,
    /// The lock is gone.
    pub unlocked: bool,
    /// The worktree is gone.
    pub worktree_removed: bool,
    /// The task branch is gone; it stays when it has commits of its own.
    pub branch_deleted: bool,
    /// The task branch that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_kept: Option<Branch>,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// Gives a task back with a new status.
///
/// # Errors
/// [`Kind::NotHolder`], and [`Kind::Dirty`] for uncommitted work.
pub fn drop_task(context: &Context, wanted: &Wanted, status: &Status, work: Unsaved) -> Result<Dropped> {
    if status.is_closed() || *status == Status::Implementing {
        return Err(Error::new(Kind::Usage, format!("a task is not dropped as {status}"))
            .advice("use Ready, Postponed or Editing"));
    }
    let session = context.session()?;
    let (locks_branch, data) = branches(context)?;
    let mark = nonce()?;
    let (mut place, mut is_ahead) = (None, false);
    let landed = context.ledger().transact(&mark, &[locks_branch.clone(), data.clone()], |view| {
        let tip = view.tip(&data);
        is_ahead = tip.local.is_some() && tip.local != tip.published;
        let index = Index::load(view, &data)?;
        let path = match index.require_active(wanted) {
            Ok(path) => path,
            Err(error) => {
                return Err(displaced_by(context, view, wanted.id)?.map_or(error, |by| displaced(context, &by, OVER)));
            }
        };
        let mut document = index.load_document(view, path.as_str())?;
        let lock = view.lock(path.id())?;
        let task = Task::from_document(path.clone(), &document);
        let found = Place::find(context, path.name())?;
        let given_back = lock.is_none() && task.status == *status && task.assigned_to.is_none();
        if given_back && was_ours(context, task.id) {
            if let Some(by) = displaced_by(context, view, task.id)? {
                return Err(displaced(context, &by, "was given back"));
            }
            place = Some(found);
            return Ok(Decision::Nothing(task));
        }
        require_holder(context, &session, path.id(), lock.as_ref())?;
        found.require_removable(context, work).map_err(|error| match error.kind() {
            Kind::Dirty => error.hint(command!["git aitask drop", path.id(), "--discard"].note("loses it")),
            _ if found.record.as_ref().is_some_and(worktree::is_gone) => error
                .hint(command!["git aitask drop", path.id(), "--discard"].note("gives the task back, and leaves this")),
            _ => error,
        })?;
        place = Some(found);
        let mut plan = Plan::new();
        if task.status != *status || task.assigned_to.is_some() {
            edits::revert(&mut document, status, &Context::now())?;
            plan = plan.step(&data, revert_step(path, &document, status));
        }
        plan = plan.step(&locks_branch, unlock_step(path.id()));
        Ok(Decision::Swap(plan, Task::from_document(path.clone(), &document)))
    })?;
    let mut aside = Aside::of(context, &landed);
    let task = landed.value;
    let mut dropped = Dropped {
        task: TaskInfo::from(&task),
        unlocked: true,
        worktree_removed: false,
        branch_deleted: false,
        branch_kept: None,
        aside: Aside::default(),
    };
    let place = place.ok_or_else(|| Error::new(Kind::Bug, "a task was dropped without looking for its worktree"))?;
    if context.dry_run {
        if place.record.as_ref().is_some_and(|record| !worktree::is_gone(record)) {
            aside.would_run(format!("git worktree remove {}", quoted(&place.path)));
        }
    } else {
        if is_ahead {
            revert_here(context, &data, task.id, &session.email, status)?;
        }
        let branch = BranchFate::IfLanded(Some(task.id));
        let manner = Manner { work, extent: Extent::Worktree, branch, dry_run: false };
        let removal = remove(context, &place.branch, &manner)?;
        dropped.worktree_removed = removal.has_removed();
        dropped.branch_deleted = removal.branch == BranchEnd::Deleted;
        dropped.branch_kept = removal.branch.is_kept().then(|| place.branch.clone());
        aside.notes.extend(removal.lost_rebase.into_iter().chain(removal.causes));
        Held::forget(&context.repository, task.id)?;
    }
    dropped.aside = aside;
    Ok(dropped)
}

/// Takes back a status that stands here only, since the server refused it (see [`crate::ops::pick`]).
fn revert_here(context: &Context, data: &Branch, task: TaskId, email: &str, status: &Status) -> Result<()> {
    let here = Ledger { channel: Channel::Local, ..context.ledger() };
    let landed = here.transact(&nonce()?, std::slice::from_ref(data), |view| {
        let index = Index::load(view, data)?;
        let Some(path) = index.active(task) else { return Ok(Decision::Nothing(())) };
        let mut document = index.load_document(view, path.as_str())?;
        let found = Task::from_document(path.clone(), &document);
        if found.status != Status::Implementing || found.assigned_to.as_deref() != Some(email) {
            return Ok(Decision::Nothing(()));
        }
        edits::revert(&mut document, status, &Context::now())?;
        Ok(Decision::Swap(Plan::new().step(data, revert_step(path, &document, status)), ()))
    });
    landed.map(drop)
}

fn revert_step(path: &TaskPath, document: &Document, status: &Status) -> Step {
    let edit = Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() };
    Step::edit(format!("ait: Abort {}: revert status to {status}", path.id().t()), vec![edit])
}

/// Whether this clone took the task and has not forgotten it: then giving it back again finishes what was cut off.
fn was_ours(context: &Context, task: TaskId) -> bool {
    Held::load(&context.repository, task).is_some()
}
