//! One thing that does not match.

use crate::error::{Hint, sanitise};
use crate::git::{Branch, Oid};
use crate::task::TaskId;
use serde::Serialize;
use std::fmt::Display;
use std::path::PathBuf;

/// One thing that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finding {
    /// What it is; the names are stable.
    pub(crate) kind: &'static str,
    /// What it is about: `locks`, `ids`, `tasks`, `worktrees`, `branches`, `records`, `checkout`, `settings` or `clone`.
    pub(crate) about: &'static str,
    /// The file, path, branch, ref or setting.
    pub(crate) what: String,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_id: Option<TaskId>,
    /// What does not match.
    pub(crate) cause: String,
    /// The commands that help.
    pub(crate) cures: Vec<Hint>,
    /// Whether `--fix` mends it.
    pub(crate) fixable: bool,
    /// How.
    #[serde(skip)]
    pub(crate) mend: Option<Mend>,
}

/// A repair that loses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mend {
    /// This lock of an archived task is released, and the record of it removed.
    Lock(TaskId, Oid),
    /// The counter is set beyond the highest number.
    Counter,
    /// Archived children are taken out of the list in this file.
    Children(String),
    /// This branch of an archived task, whose work has landed, is removed, and its worktree.
    Prune(Branch),
    /// An empty folder is removed.
    EmptyFolder(PathBuf),
    /// Git is told where the worktree is now.
    Moved(PathBuf),
    /// Git is told where these worktrees and the clone are now.
    MovedClone(Vec<PathBuf>),
    /// The folder becomes a worktree on this branch again.
    Forgotten(PathBuf, Branch),
    /// The worktree is completed, or its removal is.
    Incomplete(PathBuf, Branch),
    /// The registration of a temporary worktree that is gone is removed.
    Scratch(PathBuf),
    /// The record of an archived task is removed.
    Record(TaskId),
    /// The record of a task that another holder has is removed.
    Displaced(TaskId),
    /// This private file is removed, after its content was kept.
    File(PathBuf),
    /// The tasks are checked out, with the links to them.
    Attach,
}

impl Finding {
    /// A finding that nothing mends.
    pub(crate) fn new(kind: &'static str, about: &'static str, what: impl Display, cause: &str) -> Self {
        let (what, cause) = (what.to_string(), sanitise(cause));
        Self { kind, about, what, task_id: None, cause, cures: Vec::new(), fixable: false, mend: None }
    }

    /// It is about this task.
    pub(crate) fn of(self, task: TaskId) -> Self {
        Self { task_id: Some(task), ..self }
    }

    /// With a command that helps.
    pub(crate) fn cure(mut self, cure: impl Into<Hint>) -> Self {
        self.cures.push(cure.into());
        self
    }

    /// With the repair, where there is one.
    pub(crate) fn mend(self, mend: Option<Mend>) -> Self {
        Self { fixable: mend.is_some(), mend, ..self }
    }

    /// Whether it is about what commands of this clone change one step at a time.
    pub(crate) fn is_of_clone(&self) -> bool {
        ["worktrees", "branches", "records", "checkout"].contains(&self.about)
    }

    /// Whether another finding is the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.what == other.what
    }
}
