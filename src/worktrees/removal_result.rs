//! The options and the result of removing a worktree and its branch.

use crate::error::{Error, quoted};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid};
use crate::task::TaskId;
use std::path::PathBuf;

/// What to remove, and what to do with work in it.
#[derive(Debug)]
pub(crate) struct RemovalOptions<'m> {
    /// Whether uncommitted work refuses the removal, or is discarded.
    pub(crate) work: Unsaved,
    /// Which folders are removed.
    pub(crate) extent: Extent,
    /// When the branch is deleted.
    pub(crate) branch: BranchDeletion<'m>,
    /// Only report what would be removed.
    pub(crate) dry_run: bool,
}

/// Which folders are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The worktree. An obstacle is an error, and nothing is removed; only a missing folder is a result.
    Worktree,
    /// The worktree, and a leftover folder at its default path. An obstacle is a result: [`WorktreeResult::Kept`].
    Folder,
    /// As [`Self::Folder`], but a worktree in which the task branch is being rebased is not regarded as the task's.
    FolderUnlessRebasing,
}

/// When the task branch is deleted, after its worktree is removed.
#[derive(Debug)]
pub(crate) enum BranchDeletion<'m> {
    /// Never.
    Stays,
    /// If one of the branches that this task may be merged into contains all of its commits; without a task, if `HEAD`
    /// of the main worktree does.
    IfLanded(Option<TaskId>),
    /// If it is still at this commit, whose content has landed. Where it landed as a squash, the commit itself stays
    /// reachable under `refs/aitask/squashed/`.
    LandedIn {
        /// The commit.
        tip: &'m Oid,
        /// The branch that has its content.
        into: &'m Branch,
    },
}

/// What became of the worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum WorktreeResult {
    /// There was none.
    #[default]
    None,
    /// It was removed.
    Removed(PathBuf),
    /// It was kept, for this reason.
    Kept(KeptReason, PathBuf),
}

/// Why a worktree is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeptReason {
    /// Another session that is alive holds the task.
    Held,
    /// It has uncommitted work.
    Dirty,
    /// Somebody locked it.
    Locked,
    /// It is not at its registered path.
    StaleRecord,
    /// It is the main worktree.
    MainWorktree,
    /// Its path cannot be printed on one line, or git's list could not be parsed.
    UnsafePath,
    /// Anything else.
    Unknown,
}

impl KeptReason {
    /// The word for it in the scripts' output. Their callers know no word for a live session, so that is `unknown`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dirty => "dirty",
            Self::Locked => "locked",
            Self::StaleRecord => "stale_record",
            Self::MainWorktree => "main_worktree",
            Self::UnsafePath => "unsafe_path",
            Self::Held | Self::Unknown => "unknown",
        }
    }
}

/// What became of the branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum BranchResult {
    /// There was none, or it was not to be deleted.
    #[default]
    None,
    /// It was deleted: its commits have landed.
    Deleted,
    /// It was kept because the worktree was.
    Skipped,
    /// It was kept: another worktree has it checked out.
    CheckedOut,
    /// It was kept: it has commits that the named branch lacks.
    Unmerged(String),
    /// It was kept: git refused to delete it.
    Unknown,
}

impl BranchResult {
    /// Whether the branch still exists.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self, Self::None | Self::Deleted)
    }
}

/// The result of a removal.
#[derive(Debug, Default)]
pub(crate) struct Removal {
    /// The worktree.
    pub(crate) worktree: WorktreeResult,
    /// The branch.
    pub(crate) branch: BranchResult,
    /// Sentences for the user: why something was kept, and what was removed that exists nowhere else.
    pub(crate) causes: Vec<String>,
    /// The refusal, where another session that is alive holds the task.
    pub(crate) held: Option<Error>,
    /// Sentences about what goes with the worktree: the files that git ignores, the rebase that was in progress, if it had
    /// commits that no branch contains, and commits that only its reflog knew, which are kept.
    pub(crate) gone: Vec<String>,
}

impl Removal {
    /// Whether a worktree was removed.
    pub(crate) fn has_removed(&self) -> bool {
        matches!(self.worktree, WorktreeResult::Removed(_))
    }

    /// The git commands that would remove this of a task branch, for a dry run.
    pub(crate) fn commands(&self, branch: &Branch) -> Vec<String> {
        let worktree = match &self.worktree {
            WorktreeResult::Removed(path) => Some(format!("git worktree remove {}", quoted(path))),
            WorktreeResult::None | WorktreeResult::Kept(..) => None,
        };
        let branch = (self.branch == BranchResult::Deleted).then(|| format!("git branch -d {branch}"));
        worktree.into_iter().chain(branch).collect()
    }

    /// Whether only a branch with unmerged commits is left.
    pub(crate) fn is_preserved(&self) -> bool {
        matches!(&self.branch, BranchResult::Unmerged(_)) && !matches!(self.worktree, WorktreeResult::Kept(..))
    }

    /// Whether nothing is left.
    pub(crate) fn is_clean(&self) -> bool {
        !matches!(self.worktree, WorktreeResult::Kept(..)) && !self.branch.is_kept()
    }
}
