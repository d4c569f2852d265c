//! Merging a task branch without a checkout, and the published task branch.

pub(crate) mod merge;
pub(crate) mod task_branch;
