//! Making, attaching and leaving the branch of the task data.

pub(crate) mod attach;
pub(crate) mod initial_files;
pub(crate) mod migrate;
