//! The life of a task: library calls with typed outcomes. No argument parsing, no printing.

pub mod anchors;
pub mod archive;
pub mod board;
pub mod child_lock;
pub mod context;
pub mod create;
pub mod demo;
pub mod drop;
pub mod edit;
pub mod editor;
pub mod files;
pub mod finish;
pub mod fold;
pub mod holding;
pub mod index;
pub mod init;
pub mod last_used;
pub mod list;
pub mod lock;
mod making;
pub mod merging;
pub mod new;
pub mod outcome;
pub mod pick;
pub mod place;
pub mod project;
pub mod projects;
pub mod show;
pub mod status;
pub mod sync;
pub mod update;
pub mod whoami;
pub mod worktrees;

pub use context::{Context, Wanted};
