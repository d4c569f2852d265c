//! What a diagnosis looks at, as it was read. No part of it is judged yet.

use crate::coordination::LockEntry;
use crate::coordination::process::Liveness;
use crate::error::Hint;
use crate::files::records::Oddity;
use crate::git::{Branch, Oid};
use crate::landing::landed::Landed;
use crate::ops::check::decide::Problem;
use crate::project::outcome::LocalBranch;
use crate::project::repaired::Interruption;
use crate::project::task_folder::TaskFolder;
use crate::task::{TaskId, TaskName};
use std::fmt::Display;
use std::path::PathBuf;

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// The remote, where there is one.
    pub(crate) remote: Option<String>,
    /// The branch of the task data.
    pub(crate) data: String,
    /// The folder that has it checked out.
    pub(crate) data_dir: PathBuf,
    /// The branch that the main worktree has checked out.
    pub(crate) root_branch: Option<Branch>,
    /// That branch, where it is gone from the remote, with the default branch there.
    pub(crate) renamed: Option<(Branch, Branch)>,
    /// The files of the task data.
    pub(crate) files: TaskFolder,
    /// What is wrong with them and with the counter.
    pub(crate) problems: Vec<Problem>,
    /// Branches that are not as they should be.
    pub(crate) lost: Vec<LostBranch>,
    /// The locks.
    pub(crate) locks: Vec<SeenLock>,
    /// Files on the branch of locks that are none.
    pub(crate) no_locks: Vec<String>,
    /// The registered worktrees, without the main one and that of the task data.
    pub(crate) worktrees: Vec<SeenWorktree>,
    /// The main worktree, and the worktrees in it that expect it elsewhere, since all were moved.
    pub(crate) moved: (PathBuf, Vec<PathBuf>),
    /// Folders in `aiwork/` that are not registered.
    pub(crate) folders: Vec<(PathBuf, Folder)>,
    /// The task branches, here and on the remote.
    pub(crate) branches: Vec<SeenBranch>,
    /// The records about tasks that this clone took.
    pub(crate) held: Vec<SeenRecord>,
    /// Files among the records that no command can use.
    pub(crate) oddities: Vec<(PathBuf, Oddity)>,
    /// The unreadable ones among them without which a lock of this clone has no holder.
    pub(crate) needed: Vec<(PathBuf, TaskId)>,
    /// Lock files of git that no process has to do with.
    pub(crate) lock_files: Vec<PathBuf>,
    /// The checkout of the task data, where that has a branch of its own.
    pub(crate) checkout: Option<DataCheckout>,
    /// The code branch that has tasks, although these have a branch of their own.
    pub(crate) second_home: Option<String>,
    /// Settings that name a branch which does not exist: the key, and the branch.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Refs that keep what was known of a remote which is not configured any more.
    pub(crate) refs: Vec<String>,
}

impl Snapshot {
    /// The name by which commands see the published branch.
    pub(crate) fn published(&self, branch: impl Display) -> String {
        self.remote.as_ref().map_or_else(|| branch.to_string(), |remote| format!("{remote}/{branch}"))
    }
}

/// A branch that is missing, or not as this clone knew it.
#[derive(Debug)]
pub(crate) struct LostBranch {
    /// The kind of the finding.
    pub(crate) kind: &'static str,
    /// The branch.
    pub(crate) branch: Branch,
    /// What is wrong.
    pub(crate) why: String,
    /// What helps.
    pub(crate) cures: Vec<Hint>,
}

/// A lock.
#[derive(Debug)]
pub(crate) struct SeenLock {
    /// The lock.
    pub(crate) entry: LockEntry,
    /// Whether its session lives.
    pub(crate) liveness: Liveness,
    /// Whether it may be released here, where the task is archived.
    pub(crate) is_ours: bool,
}

/// A worktree of git's registry.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what is true of a worktree, each by itself")]
pub(crate) struct SeenWorktree {
    /// Where it is, or was.
    pub(crate) path: PathBuf,
    /// The task that the name of its folder in `aiwork/` names.
    pub(crate) named: Option<TaskName>,
    /// The branch that is checked out; in a rebase the one that is rebased.
    pub(crate) branch: Option<Branch>,
    /// Where that is not the branch of the task: what is there, and the command that brings it to that branch.
    pub(crate) stray: Option<(String, Hint)>,
    /// Whether it is not at its path. One that is locked may come back.
    pub(crate) is_gone: bool,
    /// Its making or removal was interrupted.
    pub(crate) interruption: Option<Interruption>,
    /// Whether an operation of git is in progress.
    pub(crate) is_busy: bool,
    /// Whether it has uncommitted work; looked up for ended tasks alone.
    pub(crate) is_dirty: bool,
    /// The number of files in it that git ignores; looked up for ended tasks alone.
    pub(crate) ignored: usize,
    /// Whether it is a temporary one that no command owns.
    pub(crate) is_left: bool,
}

/// What a folder in `aiwork/` is that git has not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Folder {
    /// It has nothing in it.
    Empty,
    /// A worktree of this repository that was moved by hand.
    Moved,
    /// Its `.git` file names a place that is not there.
    Broken,
    /// It was the worktree of this task, and git has forgotten it.
    Forgotten(TaskName),
    /// Another repository.
    Foreign,
    /// Files.
    Other,
}

/// A task branch.
#[derive(Debug)]
pub(crate) struct SeenBranch {
    /// The branch.
    pub(crate) branch: Branch,
    /// The task.
    pub(crate) task: TaskId,
    /// Whether the task, which is active, may have had this name.
    pub(crate) is_former: bool,
    /// The local tip.
    pub(crate) local: Option<Oid>,
    /// The published tip.
    pub(crate) published: Option<Oid>,
    /// How they relate, where both exist.
    pub(crate) relation: Option<LocalBranch>,
    /// Whether its work has landed, and in which branch.
    pub(crate) landed: (Landed, Option<Branch>),
}

/// A record about a task that this clone took.
#[derive(Debug)]
pub(crate) struct SeenRecord {
    /// The task.
    pub(crate) task: TaskId,
    /// Whether a command is taking the lock just now.
    pub(crate) is_taking: bool,
    /// Whether the lock that is there is another one.
    pub(crate) is_of_other_lock: bool,
    /// Whether the session that took the task lives.
    pub(crate) is_of_living: bool,
}

/// The checkout of the task data.
#[derive(Debug, Default)]
pub(crate) struct DataCheckout {
    /// Where it is, or should be.
    pub(crate) path: PathBuf,
    /// Whether it is missing.
    pub(crate) is_missing: bool,
    /// What it has checked out instead of the branch of the task data.
    pub(crate) other: Option<String>,
    /// The operation of git that is in progress.
    pub(crate) unfinished: Option<&'static str>,
    /// Whether here and on the remote there are commits that the other side lacks.
    pub(crate) has_diverged: bool,
    /// The links that are missing or broken.
    pub(crate) broken_links: Vec<&'static str>,
    /// The folders with files that are where the links should be, and the number of these files.
    pub(crate) folders: Vec<(&'static str, usize)>,
    /// The files with changes, where task files are left from before they were moved to the data branch.
    pub(crate) left: Option<Vec<String>>,
    /// The links that lead elsewhere.
    pub(crate) other_links: Vec<(&'static str, PathBuf)>,
}
