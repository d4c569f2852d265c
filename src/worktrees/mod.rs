//! The worktree and the branch of a task: where they are, adding, preparing and removing them.

pub mod base;
pub mod branches;
pub mod landed;
pub mod plan_branches;
pub mod prepare;
pub mod registered;
pub mod registry;
pub mod removal;
pub mod scratch;
pub mod task_worktree;
