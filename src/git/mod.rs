//! The only code that knows git's command line. One process start ([`run`]), typed names ([`types`]), pure parsers
//! of what git prints ([`porcelain`]), and on them what the rest needs: the repository we stand in, refs, objects,
//! the remote, worktrees, merges.

pub mod address;
pub mod at_work;
pub mod carry;
pub mod commit;
mod contact;
pub mod destination;
pub mod forward;
pub mod leftover_lock;
pub mod mark;
pub mod merge;
pub mod objects;
pub mod porcelain;
pub mod refs;
pub mod registry;
pub mod remote;
pub mod repository;
pub mod run;
pub mod types;
pub mod worktree;

pub use repository::Repository;
pub use types::{AheadBehind, Branch, Freshness, Oid, RefName, RefUpdate, RemoteName};
