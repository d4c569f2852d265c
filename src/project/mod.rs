//! This repository seen as a project: where the task data is, its tasks, who holds them, and what an answer carries.

pub mod context;
pub mod cut_off;
pub mod data_state;
pub mod editor;
pub mod holder;
pub mod ignores;
pub mod index;
pub mod leftovers;
pub mod marker;
pub mod mended;
pub mod outcome;
pub mod task_files;

pub use context::{Context, Wanted};
