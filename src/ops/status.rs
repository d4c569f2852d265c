//! The current state: who works on what, what can be picked, and which locks, worktrees and statuses do not match.

use crate::coordination::LockEntry;
use crate::coordination::process::Liveness;
use crate::error::{Hint, Result};
use crate::git::{Branch, Freshness};
use crate::ops::in_flight::{self, DoubtfulLock, InFlight};
use crate::ops::list::{Doubts, ReadView};
use crate::ops::lock::LockedTask;
use crate::ops::next_step::NextStep;
use crate::ops::radar::{self, Checkout, InWork, Overlaps};
use crate::ops::task_info::{TaskInfo, WorktreeState};
use crate::ops::worktrees::ListedWorktree;
use crate::project::context::Context;
use crate::project::local_edits;
use crate::project::outcome::Holder;
use crate::task::waits::Circle;
use crate::task::{ActiveTasks, Status, Task, TaskId, TaskName};
use crate::worktrees::registry::task_branch_of;
use serde::Serialize;
use std::path::PathBuf;

/// How many ready tasks a page shows: the best ones, of which the next is picked. The document has all.
const READY_SHOWN: usize = 10;

/// The outcome: the current state.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Overview {
    /// Where the task data is.
    pub(crate) tasks: TasksPlace,
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// The tasks that are held.
    pub(crate) active: Vec<TaskInfo>,
    /// Those of them that this session holds, and that have no worktree in this clone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) without_worktree: Vec<TaskId>,
    /// Which of them change the same files; absent where fewer than two are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overlaps: Option<Overlaps>,
    /// What each of them is at, in the same order.
    pub(crate) in_flight: Vec<InFlight>,
    /// Locks whose session is dead, or whose task is no longer active.
    pub(crate) stale_locks: Vec<DoubtfulLock>,
    /// Locks of active tasks that are older than `aitask.staleAfter`, without a commit since.
    pub(crate) old_locks: Vec<DoubtfulLock>,
    /// Task worktrees of this clone whose task is no longer active.
    pub(crate) orphan_worktrees: Vec<ListedWorktree>,
    /// The branch that the main worktree can go back to from that of a task.
    #[serde(skip)]
    pub(crate) default_branch: Option<Branch>,
    /// Tasks with the status Implementing that nobody holds.
    pub(crate) unlocked_implementing: Vec<TaskInfo>,
    /// The tasks that can be picked, best first. For a page only those that it shows.
    pub(crate) ready: Vec<TaskInfo>,
    /// How many can be picked.
    #[serde(skip)]
    pub(crate) ready_count: usize,
    /// Tasks that wait for each other in a circle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) circles: Vec<Circle>,
    /// How many task files and plans were edited here and are not shared yet; absent where none was.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) unshared_files: usize,
    /// Files that are not understood.
    #[serde(flatten)]
    pub(crate) doubts: Doubts,
}

/// The same with what may be next, for a command without a verb.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Welcome {
    /// The current state.
    #[serde(flatten)]
    pub(crate) overview: Overview,
    /// What to do next.
    pub(crate) next: Hint,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Overview {
    /// Whether a task that is held is active.
    pub(crate) fn is_active(&self, task: TaskId) -> bool {
        self.active.iter().any(|row| row.id == task)
    }

    /// What is next for the caller.
    pub(crate) fn next_step(&self, context: &Context, is_set_up: bool) -> NextStep {
        NextStep::of(context, is_set_up, &self.active, !self.ready.is_empty())
    }

    /// A sentence about the files that are not shared, with the command that shares them.
    pub(crate) fn unshared(&self) -> Option<String> {
        let edited = match self.unshared_files {
            0 => return None,
            1 => "1 task file was changed here and is".to_owned(),
            more => format!("{more} task files were changed here and are"),
        };
        Some(format!("{edited} not shared yet: git aitask sync"))
    }
}

/// Where the task data is.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TasksPlace {
    /// The branch.
    pub(crate) branch: String,
    /// The folder where it is checked out; absent where it is in no folder of this clone.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) folder: Option<PathBuf>,
}

impl TasksPlace {
    fn find(context: &Context) -> Result<Self> {
        let branch = context.data_branch()?;
        Ok(Self { branch: branch.to_string(), folder: context.ledger().checkout_of(branch)? })
    }
}

/// Reads the current state.
pub(crate) fn status(context: &Context, freshness: Freshness) -> Result<Overview> {
    let ledger = context.reading_ledger();
    let (mut loaded, _) = ReadView::load(context, &ledger, freshness)?;
    let tasks = std::mem::take(&mut loaded.tasks);
    let board = ActiveTasks::new(&tasks);
    let held = |task: &Task| loaded.locks.contains_key(&task.id);
    let describe = |task: &Task| loaded.describe(task);
    let host = loaded.around.host();
    let is_active = |lock: &&LockEntry| loaded.index.active(lock.task).is_some();
    let stale_locks = loaded.locks.values().filter_map(|lock| {
        let holder = Holder::new(context, lock, host);
        let why = match (is_active(&lock), holder.session) {
            (false, _) => "there is no such active task".to_owned(),
            (true, Liveness::Dead) => holder.pid.map_or_else(
                || "its session is dead".to_owned(),
                |pid| format!("its session is dead (pid {pid} is gone)"),
            ),
            (true, _) => return None,
        };
        Some(DoubtfulLock { locked: LockedTask { task_id: lock.task, lock: holder }, why })
    });
    let worktrees = loaded.around.worktrees().map(|it| it.records.as_slice()).unwrap_or_default();
    let orphans = worktrees.iter().filter_map(|record| {
        let branch = task_branch_of(context, record)?;
        let name = TaskName::from_branch(branch.as_str())?;
        let known = board.find_name(name.as_str()).is_some() || board.is_active(name.id());
        (!known).then_some((name.id(), (record, branch)))
    });
    let (orphans, places): (Vec<_>, Vec<_>) = orphans.unzip();
    let states = WorktreeState::load_all(context, &places);
    let orphans = orphans.into_iter().zip(states);
    let orphans = orphans.map(|(task_id, worktree_state)| ListedWorktree { task_id, worktree_state });
    loaded.around.announce(tasks.iter().filter(|task| held(task)));
    let ready = board.ordered(|task| board.is_ready(task) && !held(task));
    let shown = if context.json { ready.len() } else { READY_SHOWN };
    let unlocked = board.ordered(|task| task.status == Status::Implementing && !held(task));
    let active: Vec<_> = board.ordered(held).into_iter().map(describe).collect();
    let in_work: Vec<_> = active.iter().filter_map(|row| in_work(&loaded, row)).collect();
    let overlaps = radar::of_all(context, &in_work, host)?;
    let in_flight = in_flight::of_all(context, &active, overlaps.as_ref())?;
    let old_locks = in_flight::old_locks(context, loaded.locks.values().filter(is_active), &in_flight, host);
    let tasks_place = TasksPlace::find(context)?;
    // Without a remote there is nobody to share them with.
    let shared = tasks_place.folder.as_ref().filter(|_| context.channel.remote().is_some());
    let unshared_files = shared.map(|folder| local_edits::count(context, folder, &loaded.index)).transpose()?;
    Ok(Overview {
        tasks: tasks_place,
        unshared_files: unshared_files.unwrap_or_default(),
        as_of: loaded.as_of.clone(),
        without_worktree: active.iter().filter(|row| row.lacks_worktree(context)).map(|row| row.id).collect(),
        overlaps,
        active,
        in_flight,
        stale_locks: stale_locks.collect(),
        old_locks,
        orphan_worktrees: orphans.collect(),
        default_branch: context.known_default_branch(),
        unlocked_implementing: unlocked.into_iter().map(describe).collect(),
        ready_count: ready.len(),
        ready: ready.into_iter().take(shown).map(describe).collect(),
        circles: board.circles(),
        doubts: loaded.doubts.clone(),
    })
}

/// A held task with its worktree.
fn in_work<'t>(loaded: &'t ReadView<'_>, row: &'t TaskInfo) -> Option<InWork<'t>> {
    let head = || loaded.around.worktrees()?.record_of(&row.name)?.head.clone();
    let checkout = |state: &WorktreeState| Checkout { path: state.path.clone(), head: head(), dirty: state.dirty };
    Some(InWork { lock: loaded.locks.get(&row.id)?, name: &row.name, checkout: row.worktree.as_ref().map(checkout) })
}
