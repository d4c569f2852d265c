//! This repository seen as a project: where the task data is, its tasks, who holds them, and what an answer carries.

pub(crate) mod context;
pub(crate) mod data_state;
pub(crate) mod editor;
pub(crate) mod holder;
pub(crate) mod ignores;
pub(crate) mod index;
pub(crate) mod leftovers;
pub(crate) mod marker;
pub(crate) mod outcome;
pub(crate) mod repaired;
pub(crate) mod task_files;
pub(crate) mod worktree_recovery;

pub(crate) use context::{Context, Wanted};
