//! The life of a task: library calls with typed outcomes. No argument parsing, no printing.

pub mod archive;
pub mod context;
pub mod data_branch;
pub mod data_state;
pub mod demo;
pub mod drift;
pub mod drop;
pub mod explore;
pub mod finish;
pub mod furnish;
pub mod helper;
pub mod holding;
pub mod index;
pub mod init;
pub mod joining;
pub mod list;
pub mod lock;
mod making;
pub mod merging;
pub mod migrate;
pub mod new;
pub mod outcome;
pub mod pick;
pub mod place;
pub mod reconcile;
pub mod resolving;
pub mod scratch;
pub mod show;
pub mod status;
pub mod sync;
pub mod teardown;
pub mod web;
pub mod whoami;
pub mod worktrees;

pub use context::{Context, Wanted};
