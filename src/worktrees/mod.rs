//! The worktree and the branch of a task: where they are, adding, preparing and removing them.

pub(crate) mod base;
pub(crate) mod branches;
pub(crate) mod landed;
pub(crate) mod plan_branches;
pub(crate) mod prepare;
pub(crate) mod registered;
pub(crate) mod registry;
pub(crate) mod removal;
pub(crate) mod scratch;
pub(crate) mod task_worktree;
