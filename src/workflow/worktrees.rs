//! The worktrees of tasks in this clone. Asks git's registry, not the network.

use super::context::{Context, Wanted};
use super::list::{WorktreeState, state};
use crate::error::{Error, Kind, Result};
use crate::git::{RefName, worktree};
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
