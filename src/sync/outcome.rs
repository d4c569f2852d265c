//! What came of bringing two histories together.

use crate::error::Error;
use crate::git::{Branch, RefUpdate};
use crate::sync::join::{Resolutions, Unresolved};
use crate::task::merge::Rules;
use std::path::PathBuf;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Reconciled {
    /// Both sides were the same already.
    Nothing,
    /// Local commits are published.
    Pushed,
    /// Published commits are here.
    Pulled,
    /// Both.
    Both,
    /// Both, and files that both sides changed were merged by the rules.
    Merged,
    /// No rule merges these files; nothing was changed or pushed.
    Conflict(Vec<Unresolved>),
    /// There is no remote.
    NoRemote,
    /// It ended without being done.
    Failed(SyncFailure, Error),
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncFailure {
    /// The remote cannot be reached or did not answer.
    NoNetwork,
    /// Local edits could not be committed: a hook, signing, an identity, conflict markers.
    Commit,
    /// The checkout of the task data is on no branch.
    Detached,
    /// Git is in the middle of this in the checkout.
    Stuck(&'static str),
    /// The branch was never published, and is a code branch: that is for its owner to do.
    NoUpstream,
    /// Something in the checkout is in the way of what is published.
    InTheWay,
    /// The remote, or a hook, refuses the push, or others kept winning.
    Push,
}

/// What is going on, for those who watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyncProgress {
    /// So many files are being committed.
    Committing(usize),
    /// The remote is asked.
    Fetching,
    /// So many published commits come in.
    Pulling(u32),
    /// So many local commits go out.
    Pushing(u32),
    /// This file was merged by the rules.
    Merged(PathBuf),
    /// Under `--dry-run`: this ref would be swapped at the remote.
    WouldSwap(RefUpdate),
    /// Under `--dry-run`: this git command would run.
    WouldRun(String),
}

/// How to go about it.
pub(crate) struct SyncOptions<'a> {
    /// Commit local edits of the task data first.
    pub(crate) commit: bool,
    /// Push before asking, where there is something to push: what is known may be the truth.
    pub(crate) push_first: bool,
    /// Branches to bring along in the same connection.
    pub(crate) also: &'a [Branch],
    /// How files that both sides changed are merged.
    pub(crate) rules: Rules,
    /// What somebody made of files that no rule merges.
    pub(crate) resolutions: &'a Resolutions,
    /// Who watches.
    pub(crate) progress: &'a mut dyn FnMut(SyncProgress),
}
