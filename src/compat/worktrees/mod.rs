//! The scripts of worktrees, plans and profiles.

pub mod names;
pub mod plan_externalize;
pub mod profile;
pub mod task_worktree;
