//! The options and the outcome of `git aitask finish`.

use crate::archive::request::Deferred;
use crate::git::{Branch, Oid};
use crate::landing::merge::MergeMode;
use crate::landing::verdict::Verdict;
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
    /// The commands that must pass on the merged tree; those of the settings, where there are none.
    pub(crate) check: Vec<String>,
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

/// A check that has passed on the merged tree.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CheckTold {
    /// The command.
    pub(crate) command: String,
    /// Whether this command ran it; else it had passed on the same content before.
    pub(crate) ran: bool,
    /// When it had passed (RFC 3339); absent where this command ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// Whether it ran once for several tasks that landed in one push, on what all of them made of the output branch, and
    /// others are merged on top of this one; absent where it ran on exactly this content.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) together: bool,
}

impl CheckTold {
    /// A check that has passed here, or by this verdict.
    pub(super) fn new(command: String, ran: bool, verdict: Option<Verdict>) -> Self {
        let together = verdict.as_ref().is_some_and(|verdict| !verdict.with.is_empty());
        let since = verdict.filter(|_| !ran).map(|verdict| verdict.since);
        Self { command, ran, since, together }
    }

    /// The note for people; none where it ran.
    fn note(&self) -> Option<String> {
        let since = self.since.as_ref()?;
        let at = since.get(..16).unwrap_or(since).replace('T', " ");
        let on = if self.together { "on several tasks together, this one among them" } else { "on the same content" };
        Some(format!("the check did not run again, it passed at {at} {on}: {}", self.command))
    }
}

impl Finished {
    /// Adds what the checks were.
    pub(super) fn tell_checks(&mut self, told: Vec<CheckTold>) {
        self.aside.notes.extend(told.iter().filter_map(CheckTold::note));
        self.checks = told;
    }
}

/// The outcome: a task that was finished.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Finished {
    /// The task after the finish.
    pub(crate) task: TaskInfo,
    /// The merge; absent where the task branch was deleted before, and where it is only proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merged: Option<LandedMerge>,
    /// The checks that have passed on the merged tree; absent where nothing was merged, or no check is wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) checks: Vec<CheckTold>,
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
    /// Whether this was called in the main worktree, which still has the branch of the finished task checked out.
    #[serde(skip)]
    pub(crate) is_checked_out: bool,
    /// Whether no task is active any more, as far as this clone knows.
    #[serde(skip)]
    pub(crate) is_last: bool,
    /// Whether every task that is still active is held, as far as this clone knows.
    #[serde(skip)]
    pub(crate) leaves_none_free: bool,
    /// The commands that would clean up, for a dry run.
    #[serde(skip)]
    pub(crate) would_run: Vec<String>,
}
