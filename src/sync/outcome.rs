//! The options, the progress and the outcome of a sync.

use crate::error::Error;
use crate::git::{Branch, Oid, RefUpdate};
use crate::sync::join::{Resolutions, Unresolved};
use crate::task::merge::MergeRules;
use std::path::PathBuf;

/// The outcome of a sync.
#[derive(Debug)]
pub(crate) enum Reconciled {
    /// Both sides were equal.
    Nothing,
    /// Local commits were pushed.
    Pushed,
    /// Published commits were fetched and are on the local branch.
    Pulled,
    /// Both of these.
    Both,
    /// Both of these, and files that both sides changed were merged by the rules.
    Merged,
    /// No rule merges these files; nothing was changed or pushed.
    Conflict(Vec<Unresolved>),
    /// There is no remote.
    NoRemote,
    /// It failed.
    Failed(SyncFailure, Error),
}

/// Why a sync failed. Callers of the scripts distinguish these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncFailure {
    /// The remote cannot be reached or did not answer.
    NoNetwork,
    /// Local edits could not be committed: a hook, signing, an identity, conflict markers.
    Commit,
    /// The checkout of the task data is on no branch.
    Detached,
    /// This git operation is in progress in the checkout.
    Stuck(&'static str),
    /// The task data is on a code branch that was never published. Its first push publishes code, so it is left to the
    /// user.
    NoUpstream,
    /// The fast-forward would overwrite files in the checkout.
    InTheWay,
    /// The remote or a hook refused the push, or every push lost a race.
    Push,
}

/// The progress, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyncProgress {
    /// These files are being committed.
    Committing(Vec<PathBuf>),
    /// The remote is being fetched.
    Fetching,
    /// This many published commits are being merged.
    Pulling(u32),
    /// This many local commits are being pushed.
    Pushing(u32),
    /// The remote branch was moved by our push.
    Published {
        /// The tip before.
        from: Option<Oid>,
        /// The tip now.
        to: Oid,
    },
    /// This many local commits with other files than task data stay.
    CodeStays(u32),
    /// This file was merged by the rules.
    Merged(PathBuf),
    /// Under `--dry-run`: this ref of the remote would be updated.
    WouldSwap(RefUpdate),
    /// Under `--dry-run`: this git command would run.
    WouldRun(String),
}

/// How to sync.
pub(crate) struct SyncOptions<'a> {
    /// Whether local edits of the task data are committed first.
    pub(crate) commit: bool,
    /// Whether the first push relies on the known remote-tracking tip, without a fetch. The push itself detects a stale
    /// one.
    pub(crate) push_first: bool,
    /// Whether, on a code branch, commits with other files than task data stay in this clone.
    pub(crate) code_stays: bool,
    /// Further branches to fetch in the same connection.
    pub(crate) also: &'a [Branch],
    /// How files that both sides changed are merged.
    pub(crate) rules: MergeRules,
    /// The user's resolutions of files that no rule merges.
    pub(crate) resolutions: &'a Resolutions,
    /// Receives the progress.
    pub(crate) progress: &'a mut dyn FnMut(SyncProgress),
}
