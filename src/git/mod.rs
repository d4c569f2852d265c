//! The only code that knows git's command line. One process start ([`run`]), typed names ([`types`]), pure parsers
//! of what git prints ([`porcelain`]), and on them what the rest needs: the repository we stand in, refs, objects,
//! the remote, worktrees, merges.

pub(crate) mod address;
pub(crate) mod at_work;
pub(crate) mod checkout;
pub(crate) mod commit;
mod contact;
pub(crate) mod destination;
pub(crate) mod leftover_lock;
pub(crate) mod marker;
pub(crate) mod merge;
pub(crate) mod objects;
pub(crate) mod porcelain;
pub(crate) mod refs;
pub(crate) mod registry;
pub(crate) mod remote;
pub(crate) mod repository;
pub(crate) mod run;
pub(crate) mod types;
pub(crate) mod update_checkout;
pub(crate) mod worktree;

pub(crate) use repository::Repository;
pub(crate) use types::{AheadBehind, Branch, Freshness, Oid, RefName, RefUpdate, RemoteName};
