//! This repository seen as a project: where the task data is, its tasks, who holds them, and the parts that the results
//! of several operations share.
//!
//! The module promises that a task is found by id, name or path in the same way everywhere, that task data has one home,
//! and that what a killed command left behind is finished or removed before anything else. Operations and the modules of
//! their floor (landing, sync, worktrees, archive, data branch) call it; it knows neither face and prints nothing.

pub(crate) mod context;
pub(crate) mod data_home;
pub(crate) mod data_state;
pub(crate) mod editor;
pub(crate) mod holder;
pub(crate) mod ignores;
pub(crate) mod index;
pub(crate) mod kept_tasks;
pub(crate) mod leftovers;
pub(crate) mod local_edits;
pub(crate) mod marker;
pub(crate) mod outcome;
pub(crate) mod place;
pub(crate) mod repaired;
pub(crate) mod taken_over;
pub(crate) mod task_files;
pub(crate) mod task_folder;
pub(crate) mod worktree_recovery;

pub(crate) use context::{Context, Wanted};
