//! The scripts of worktrees, plans and profiles.

pub(crate) mod names;
pub(crate) mod plan_externalize;
pub(crate) mod profile;
pub(crate) mod task_worktree;
