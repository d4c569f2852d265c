//! The worktrees of tasks in this clone. Asks git's registry, not the network.

use super::context::{Context, Wanted};
use super::index::Index;
use super::list::{WorktreeState, state};
use super::outcome::{Aside, DryRun, WorktreeInfo};
use super::place::{Base, Place};
use super::planned;
use super::teardown::{self, BranchEnd, Registered, WorktreeEnd, WorktreeName};
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefName, worktree};
use crate::task::{TaskId, TaskName};
use serde::Serialize;
use std::path::PathBuf;

/// All task worktrees.
#[derive(Debug, Clone, Serialize)]
pub struct WorktreeList {
    /// One a worktree.
    pub worktrees: Vec<TaskWorktree>,
}

/// One task's worktree.
#[derive(Debug, Clone, Serialize)]
pub struct TaskWorktree {
    /// The task.
    pub task: TaskId,
    /// Its state.
    #[serde(flatten)]
    pub state: WorktreeState,
}

/// Where a worktree is.
#[derive(Debug, Clone, Serialize)]
pub struct WorktreePath {
    /// The task.
    pub task: TaskId,
    /// The folder.
    pub path: PathBuf,
}

/// Every task worktree.
pub fn list(context: &Context) -> Result<WorktreeList> {
    let records = worktree::list(&context.repository)?;
    let main = records.first().and_then(|main| main.head.clone());
    let worktrees = records.iter().filter_map(|record| {
        let branch = record.branch.as_ref().and_then(RefName::branch)?;
        let task = TaskName::from_branch(branch.as_str())?.id();
        Some(TaskWorktree { task, state: state(context, record, branch, main.as_ref()) })
    });
    Ok(WorktreeList { worktrees: worktrees.collect() })
}

/// Where the worktree of a task is.
///
/// # Errors
/// [`Kind::NoSuchTask`] when it has none in this clone.
pub fn path(context: &Context, wanted: &Wanted) -> Result<WorktreePath> {
    let records = worktree::list(&context.repository)?;
    let found = records.into_iter().find_map(|record| {
        let branch = record.branch.as_ref().and_then(RefName::branch)?;
        let name = TaskName::from_branch(branch.as_str())?;
        let other = name.as_top_level().map(|name| name.id());
        (name.id() == wanted.id || other == Some(wanted.id)).then_some(record.path)
    });
    found.map(|path| WorktreePath { task: wanted.id, path }).ok_or_else(|| {
        Error::new(Kind::NoSuchTask, format!("{} has no worktree in this clone", wanted.id.t()))
            .hint(format!("git aitask pick {}", wanted.id))
    })
}

/// A worktree made.
#[derive(Debug, Clone, Serialize)]
pub struct Added {
    /// The task.
    pub task: TaskId,
    /// Its worktree; absent when it was only to be shown what would be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeInfo>,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// Makes the worktree of a task, or finds it; takes nothing and asks nobody. A branch that is there is attached.
///
/// # Errors
/// [`Kind::NoSuchTask`]; [`Kind::Occupied`] when there is no room for it.
pub fn add(context: &Context, wanted: &Wanted, base: Option<&str>) -> Result<Added> {
    let data = context.data_branch()?.clone();
    let ledger = context.reading_ledger();
    let view = ledger.view(std::slice::from_ref(&data), false)?;
    let index = Index::load(&view, &data)?;
    let path = index.require_active(wanted)?;
    let base = planned::base(context, path.id(), base)?.map_or_else(|| Base::find(context, base), Ok)?;
    let place = Place::find(context, path.name())?;
    place.require_free(context)?;
    let mut aside = Aside { dry_run: context.dry_run.then(DryRun::default), ..Aside::default() };
    if place.record.is_none() {
        aside.would_run(format!("git worktree add -b {} {} {}", place.branch, place.path.display(), base.branch));
    }
    let worktree = if context.dry_run { None } else { Some(place.ensure(context, &base)?) };
    aside.notes.extend(worktree.as_ref().and_then(|worktree| worktree.unfinished.clone()));
    Ok(Added { task: path.id(), worktree, aside })
}

/// What a removal came to.
#[derive(Debug, Clone, Serialize)]
pub struct Removed {
    /// The task.
    pub task: TaskId,
    /// Where the worktree was; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The task branch is gone.
    pub branch_deleted: bool,
    /// The task branch, where it has commits of its own and stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_kept: Option<Branch>,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// Removes the worktree of a task, and its branch when all its commits are in what the main worktree has checked out.
///
/// # Errors
/// [`Kind::Dirty`] for uncommitted work, unless `discard`; [`Kind::Occupied`] for one that is locked, in the middle of a
/// rebase, or not the task's.
pub fn remove(context: &Context, wanted: &Wanted, discard: bool) -> Result<Removed> {
    let name = name_of(context, wanted)?;
    let mut aside = Aside { dry_run: context.dry_run.then(DryRun::default), ..Aside::default() };
    if context.dry_run {
        let registered = teardown::resolve(context, &name)?;
        if let Registered::Usable(path) = &registered {
            aside.would_run(format!("git worktree remove {}", path.display()));
        }
        if matches!(registered, Registered::Usable(_) | Registered::Nowhere) {
            aside.would_run(format!("git branch -d {}", name.branch()));
        }
        return Ok(Removed { task: wanted.id, path: None, branch_deleted: false, branch_kept: None, aside });
    }
    let removal = teardown::remove(context, &name, discard)?;
    let path = match removal.worktree {
        WorktreeEnd::None => None,
        WorktreeEnd::Removed(path) => Some(path),
        WorktreeEnd::Kept(reason, path) => {
            let why = removal.causes.join("; ");
            let why = if why.is_empty() { reason.replace('_', " ") } else { why };
            let message = format!("{} stays: {why}", path.display());
            return Err(match reason {
                "dirty" => Error::new(Kind::Dirty, message)
                    .hint(format!("cd {} && git status", path.display()))
                    .hint(format!("git aitask worktree remove {} --discard   (loses it)", wanted.id)),
                "locked" => Error::new(Kind::Occupied, message).hint(format!("git worktree unlock {}", path.display())),
                "stale_record" => Error::new(Kind::Occupied, message).hint("git worktree repair NEW_PLACE"),
                _ => Error::new(Kind::Occupied, message).hint("git worktree list"),
            });
        }
    };
    let branch_kept = matches!(removal.branch, BranchEnd::Kept(_)).then(|| name.branch().clone());
    let branch_deleted = removal.branch == BranchEnd::Deleted;
    Ok(Removed { task: wanted.id, path, branch_deleted, branch_kept, aside })
}

/// The name of the task somebody means: one that has a worktree here, else one that there is.
fn name_of(context: &Context, wanted: &Wanted) -> Result<WorktreeName> {
    let records = worktree::list(&context.repository)?;
    let ids: Vec<_> = std::iter::once(wanted.id).chain(wanted.or).collect();
    let here = records.iter().find_map(|record| {
        let name = TaskName::from_branch(record.branch.as_ref().and_then(RefName::branch)?.as_str())?;
        let top = name.as_top_level().map(|name| name.id());
        (ids.contains(&name.id()) || top.is_some_and(|id| ids.contains(&id))).then(|| name.as_str().to_owned())
    });
    let text = if let Some(text) = here {
        text
    } else {
        let data = context.data_branch()?.clone();
        let ledger = context.reading_ledger();
        let view = ledger.view(std::slice::from_ref(&data), false)?;
        let index = Index::load(&view, &data)?;
        let archived = || ids.iter().find_map(|id| index.archived(*id));
        index.require_active(wanted).or_else(|error| archived().ok_or(error))?.name().as_str().to_owned()
    };
    WorktreeName::parse(&text).ok_or_else(|| Error::new(Kind::Usage, format!("{text:?} is no name of a worktree")))
}
