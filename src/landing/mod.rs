//! Merging a task branch without a checkout, and the published task branch.

pub mod merge;
pub mod task_branch;
