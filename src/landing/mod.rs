//! Merging a task branch into its output without a checkout, checks of the merged tree and what is remembered of them, the
//! line of those who wait to land, what this clone knows about the published task branch, and whether its work has landed.
//!
//! Promises: no worktree of the user is touched; a conflict, a failed check or commits that were not seen yet refuse
//! the merge before anything is published; and "merged" is said only with a commit that proves it.
//!
//! Callers: `ops::archive`, `ops::finish`, `ops::prune`, `ops::reopen`, `ops::worktrees`.

pub(crate) mod check;
pub(crate) mod former;
pub(crate) mod landed;
pub(crate) mod line;
pub(crate) mod merge;
pub(crate) mod origin;
pub(crate) mod overlap;
pub(crate) mod own_files;
pub(crate) mod parent;
pub(crate) mod task_branch;
pub(crate) mod train;
pub(crate) mod turn;
pub(crate) mod verdict;
