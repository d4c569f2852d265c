//! Listing, adding and removing the worktrees of tasks in this clone. Uses git's registry and no network.

use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result, quoted};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Freshness, worktree};
use crate::landing::landed::{self, Landed};
use crate::ops::task_info::WorktreeState;
use crate::project::context::{Context, Wanted};
use crate::project::index::Index;
use crate::project::outcome::{DryRun, Notices, WorktreeInfo};
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::{TaskId, TaskName};
use crate::worktrees::base::BaseBranch;
use crate::worktrees::branches::tips;
use crate::worktrees::former_name;
use crate::worktrees::plan_branches;
use crate::worktrees::registry::{missing_worktree, task_branch_of, task_of};
use crate::worktrees::registry_state::WorktreeName;
use crate::worktrees::removal;
use crate::worktrees::removal_result::{
    BranchDeletion, BranchResult, Extent, KeptReason, RemovalOptions, WorktreeResult,
};
use crate::worktrees::task_worktree::TaskWorktree;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// All task worktrees.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorktreeList {
    /// The worktrees.
    pub(crate) worktrees: Vec<ListedWorktree>,
}

/// One task's worktree.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ListedWorktree {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Its state.
    #[serde(flatten)]
    pub(crate) worktree_state: WorktreeState,
}

/// The outcome: the path of a worktree.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorktreePath {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The folder.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) path: PathBuf,
    /// The same: where the shell should go.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) cd: PathBuf,
}

/// Lists every task worktree.
pub(crate) fn list(context: &Context) -> Result<WorktreeList> {
    let records = worktree::list(&context.repository)?;
    let worktrees = records.iter().filter_map(|record| {
        let (name, branch) = named(context, record)?;
        Some((name.id(), (record, branch)))
    });
    let (tasks, places): (Vec<_>, Vec<_>) = worktrees.unzip();
    let states = WorktreeState::load_all(context, &places);
    let worktrees = tasks.into_iter().zip(states);
    let worktrees = worktrees.map(|(task_id, worktree_state)| ListedWorktree { task_id, worktree_state });
    Ok(WorktreeList { worktrees: worktrees.collect() })
}

/// The task of a worktree, and its branch: where no task branch is checked out there, the one that should be.
fn named(context: &Context, record: &WorktreeRecord) -> Option<(TaskName, Branch)> {
    let name = task_of(context, record)?;
    let branch = task_branch_of(context, record).filter(|it| TaskName::from_branch(it.as_str()).is_some());
    let branch = branch.or_else(|| Branch::parse(&name.branch_name()).ok())?;
    Some((name, branch))
}

/// Finds the path of a task's worktree.
///
/// # Errors
/// [`Kind::NoSuchTask`] when it has none in this clone; [`Kind::Occupied`] when it is half made or half removed.
pub(crate) fn path(context: &Context, wanted: &Wanted) -> Result<WorktreePath> {
    let records = worktree::list(&context.repository)?;
    let found = records.into_iter().find_map(|record| {
        let (name, branch) = named(context, &record)?;
        let other = name.as_top_level().map(|name| name.id());
        (name.id() == wanted.id || other == Some(wanted.id)).then_some((record.path, branch))
    });
    let (path, branch) = found.ok_or_else(|| {
        Error::new(Kind::NoSuchTask, format!("{} has no worktree in this clone", wanted.id.prefixed()))
            .hint(command!["git aitask worktree add", wanted.id].note("if you hold the task"))
            .hint(command!["git aitask pick", wanted.id])
    })?;
    if !path.exists() {
        return Err(missing_worktree(&context.repository.root, &path, &branch));
    }
    match RecoverableWorktree::of(&context.repository, &path, &branch).interruption() {
        None => Ok(WorktreePath { task_id: wanted.id, cd: path.clone(), path }),
        Some(what) => {
            let message = format!("{} is incomplete: it is in the middle of {}", path.display(), what.name());
            Err(Error::new(Kind::Occupied, message).hint(command!["git aitask worktree add", wanted.id]))
        }
    }
}

/// The outcome: a worktree that was added or found.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Added {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Its worktree; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worktree: Option<WorktreeInfo>,
    /// Where the shell should go.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Adds the worktree of a task, or finds it. Takes no lock and uses no network. An existing task branch is checked out.
///
/// # Errors
/// [`Kind::NoSuchTask`]; [`Kind::Occupied`] when it cannot be added.
pub(crate) fn add(context: &Context, wanted: &Wanted, base: Option<&str>) -> Result<Added> {
    let data = context.data_branch()?.clone();
    let ledger = context.reading_ledger();
    let view = ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?;
    let index = Index::load(&view, &data)?;
    let path = index.require_active(wanted)?;
    let held = LockRecord::load(&context.repository, path.id()).and_then(|held| held.base).filter(|_| base.is_none());
    let planned = match held.and_then(|held| BaseBranch::find(context, Some(&held)).ok()) {
        Some(held) => Some(held),
        None => plan_branches::base(context, &view, &index, path, base)?,
    };
    let base = planned.map_or_else(|| BaseBranch::find_for(context, base, std::slice::from_ref(wanted)), Ok)?;
    let mut place = TaskWorktree::find(context, path.name())?;
    former_name::require_none(context, &place)?;
    place.require_free(context)?;
    place.tips = Some(view.task_branch(&place.branch)?);
    let mut aside = Notices { dry_run: context.dry_run.then(DryRun::default), ..Notices::default() };
    if place.record.is_none() {
        aside.would_run(place.add_command(context, &base)?);
    }
    let worktree = if context.dry_run { None } else { Some(place.ensure(context, &base)?) };
    aside.notes.extend(base.follows().into_iter().chain(worktree.iter().flat_map(WorktreeInfo::notes)));
    let cd = worktree.as_ref().map(|worktree| worktree.path.clone());
    Ok(Added { task_id: path.id(), worktree, cd, aside })
}

/// The outcome of a removal.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Removed {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The path of the worktree; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) path: Option<PathBuf>,
    /// Whether the task branch was deleted.
    pub(crate) branch_deleted: bool,
    /// The task branch, where it was kept because of unmerged commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) branch_kept: Option<Branch>,
    /// Where the shell should go: it was in the worktree.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Removes the worktree of a task; and its branch, when its work is in one of the branches that it may be merged into.
///
/// # Errors
/// [`Kind::Dirty`] for uncommitted work and a rebase, unless they are to be discarded; [`Kind::Held`] for work of
/// another session that is alive, even then; [`Kind::Occupied`] for a worktree that is locked, missing, or not the
/// task's.
pub(crate) fn remove(context: &Context, wanted: &Wanted, work: Unsaved) -> Result<Removed> {
    let name = name_of(context, wanted)?;
    let mut aside = Notices { dry_run: context.dry_run.then(DryRun::default), ..Notices::default() };
    // With work that is discarded there may be a rebase, whose commits only the other rule looks for.
    let tip = tips(context, name.branch())?.local.filter(|_| work == Unsaved::Keep);
    let landed = tip.map(|tip| landed::in_outputs(context, wanted.id, &tip).map(|(landed, into)| (landed, into, tip)));
    let landed = landed.transpose()?;
    let branch = match &landed {
        Some((Landed::At(_), Some(into), tip)) => BranchDeletion::LandedIn { tip, into },
        _ => BranchDeletion::IfLanded(Some(wanted.id)),
    };
    let options = RemovalOptions { work, extent: Extent::Folder, branch, dry_run: context.dry_run };
    let removal = removal::remove(context, name.branch(), &options)?;
    let path = match removal.worktree {
        WorktreeResult::None => None,
        WorktreeResult::Removed(path) => Some(path),
        WorktreeResult::Kept(reason, path) => {
            let refusal = || refusal(&context.repository.root, wanted, name.branch(), reason, &path, &removal.causes);
            return Err(removal.held.unwrap_or_else(refusal));
        }
    };
    aside.notes.extend(removal.gone);
    if let Some(path) = &path {
        let force = if work == Unsaved::Discard { " --force" } else { "" };
        aside.would_run(format!("git worktree remove{force} {}", quoted(path)));
    }
    let branch_deleted = removal.branch == BranchResult::Deleted;
    if branch_deleted {
        aside.would_run(format!("git branch -d {}", name.branch()));
    }
    let branch_kept = removal.branch.is_kept().then(|| name.branch().clone());
    let path = path.filter(|_| !context.dry_run);
    let cd = path.as_ref().and_then(|path| context.way_out(path));
    let branch_deleted = branch_deleted && !context.dry_run;
    Ok(Removed { task_id: wanted.id, path, branch_deleted, branch_kept, cd, aside })
}

fn refusal(root: &Path, wanted: &Wanted, branch: &Branch, reason: KeptReason, path: &Path, causes: &[String]) -> Error {
    let show = path.display();
    let why = causes.join("; ");
    let why = if why.is_empty() { reason.name().replace('_', " ") } else { why };
    let message = format!("{show} was kept: {why}");
    match reason {
        KeptReason::Dirty => Error::new(Kind::Dirty, message)
            .hint(command!["git status"].within(path))
            .hint(command!["git aitask worktree remove", wanted.id, "--discard"].note("discards it")),
        KeptReason::Locked => Error::new(Kind::Occupied, message).hint(command!["git worktree unlock", path.display()]),
        KeptReason::StaleRecord => missing_worktree(root, path, branch),
        _ => Error::new(Kind::Occupied, message).hint("git worktree list"),
    }
}

/// The name of the wanted task: of one that has a worktree in this clone, else of one in the task data.
fn name_of(context: &Context, wanted: &Wanted) -> Result<WorktreeName> {
    let records = worktree::list(&context.repository)?;
    let ids: Vec<_> = std::iter::once(wanted.id).chain(wanted.or).collect();
    let here = records.iter().find_map(|record| {
        let name = task_of(context, record)?;
        let top = name.as_top_level().map(|name| name.id());
        (ids.contains(&name.id()) || top.is_some_and(|id| ids.contains(&id))).then(|| name.as_str().to_owned())
    });
    let text = if let Some(text) = here {
        text
    } else {
        let data = context.data_branch()?.clone();
        let ledger = context.reading_ledger();
        let view = ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?;
        let index = Index::load(&view, &data)?;
        let archived = || ids.iter().find_map(|id| index.archived(*id));
        index.require_active(wanted).or_else(|error| archived().ok_or(error))?.name().as_str().to_owned()
    };
    WorktreeName::parse(&text).ok_or_else(|| Error::new(Kind::Usage, format!("{text:?} is not the name of a worktree")))
}
