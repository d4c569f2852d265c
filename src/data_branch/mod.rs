//! Making, attaching and leaving the branch of the task data.

pub mod attach;
pub mod initial_files;
pub mod migrate;
