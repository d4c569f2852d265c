//! The options and the outcome of `git aitask finish`.

use crate::archive::request::Deferred;
use crate::git::{Branch, Oid};
use crate::landing::merge::MergeMode;
use crate::ops::task_info::TaskInfo;
use crate::project::outcome::Notices;
use serde::Serialize;
use std::path::PathBuf;

/// The options of `git aitask finish`.
#[derive(Debug, Clone, Default)]
pub(crate) struct FinishOptions {
    /// The branch to merge into.
    pub(crate) into: Option<String>,
    /// How to merge.
    pub(crate) mode: Option<MergeMode>,
    /// The message of the merge.
    pub(crate) message: Option<String>,
    /// The command that must pass on the merged tree.
    pub(crate) check: Option<String>,
    /// Do not archive the task: it stays active and held.
    pub(crate) no_archive: bool,
    /// Push the task branch for a pull request in place of merging it; keep the lock and the worktree.
    pub(crate) no_push: bool,
    /// Finish although gates have not passed.
    pub(crate) override_gates: bool,
    /// What becomes of the deferred items of its checklist.
    pub(crate) deferred: Deferred,
}

/// The merge.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LandedMerge {
    /// The task branch.
    pub(crate) branch: Branch,
    /// The output branch.
    pub(crate) into: Branch,
    /// The commit of the output branch that contains the work; `null` where it is not known.
    pub(crate) commit: Option<Oid>,
    /// The merge mode; absent where it had been merged before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<MergeMode>,
}

/// The outcome: a task that was finished.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finished {
    /// The task after the finish.
    pub(crate) task: TaskInfo,
    /// The merge; absent where the task branch was deleted before, and where it is only proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merged: Option<LandedMerge>,
    /// Where the archived files are.
    pub(crate) archived: Vec<String>,
    /// Whether the lock was removed.
    pub(crate) unlocked: bool,
    /// Whether the worktree was removed.
    pub(crate) worktree_removed: bool,
    /// Whether the task branch was deleted.
    pub(crate) branch_deleted: bool,
    /// Whether the published task branch was deleted; absent where there was none to delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote_branch_deleted: Option<bool>,
    /// The task branch, where it was pushed for a pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pushed: Option<Branch>,
    /// The addresses that the server offered for it, such as the one that opens a pull request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) addresses: Vec<String>,
    /// Where the shell should go: it was in the worktree.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
    /// The output branch.
    #[serde(skip)]
    pub(crate) into: Branch,
    /// The commands that would clean up, for a dry run.
    #[serde(skip)]
    pub(crate) would_run: Vec<String>,
}
