//! The life of a task: library calls with typed outcomes. No argument parsing, no printing.

pub mod archive;
pub mod archive_here;
pub mod bundles;
pub mod changelog;
pub mod checkout;
pub mod context;
pub mod demo;
pub mod desk;
pub mod drop;
pub mod filing;
pub mod finish;
pub mod gates;
pub mod holding;
pub mod index;
pub mod init;
pub mod list;
pub mod lock;
pub mod log;
mod making;
pub mod merging;
pub mod new;
pub mod outcome;
pub mod pick;
pub mod place;
pub mod projects;
pub mod search;
pub mod show;
pub mod statistics;
pub mod status;
pub mod stuck;
pub mod sync;
pub mod whoami;
pub mod worktrees;

pub use context::{Context, Wanted};
