//! The worktree of a task (`aiwork/<task name>`) and its branch (`aitask/<task name>`): finding, adding, preparing and
//! removing them, and the base and the output of a task branch.
//!
//! Promises: nothing outside `aiwork/` is removed, no symbolic link is followed to get there, uncommitted work goes
//! only where the caller says so, and a branch goes only when its commits, or their squash, are in the output.
//!
//! Callers: `ops`, `compat`, `data_branch`, `landing` and `archive`. It calls none of these.

pub(crate) mod base;
pub(crate) mod branches;
pub(crate) mod detached;
pub(crate) mod former_name;
pub(crate) mod landed;
pub(crate) mod plan_branches;
pub(crate) mod prepare;
pub(crate) mod published;
pub(crate) mod registry;
pub(crate) mod registry_state;
pub(crate) mod removal;
pub(crate) mod removal_result;
pub(crate) mod scratch;
pub(crate) mod task_worktree;
