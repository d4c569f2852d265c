//! The only code that knows git's command line: one place that starts processes ([`run`]), typed names ([`types`]),
//! pure parsers of git's output ([`porcelain`]), and on them the repository, refs, objects, the remote, worktrees and
//! merges.
//!
//! The module promises that names of others reach git as whole arguments and never through a shell, that every call has a
//! time limit and no prompt, and that a failure has git's own words. It knows neither locks nor tasks. Every module above
//! may call it; [`run`] is the only start of processes in the crate.

pub(crate) mod address;
pub(crate) mod at_work;
pub(crate) mod checkout;
pub(crate) mod commit;
pub(crate) mod commit_rules;
mod contact;
pub(crate) mod destination;
pub(crate) mod hidden_edits;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod index_file;
pub(crate) mod leftover_lock;
pub(crate) mod marker;
pub(crate) mod merge;
mod noted_folder;
pub(crate) mod objects;
pub(crate) mod overlaps;
mod place;
pub(crate) mod porcelain;
mod ref_files;
pub(crate) mod refs;
pub(crate) mod refs_state;
pub(crate) mod registry;
pub(crate) mod remote;
pub(crate) mod repository;
pub(crate) mod run;
pub(crate) mod types;
pub(crate) mod update_checkout;
pub(crate) mod worktree;

pub(crate) use repository::Repository;
pub(crate) use types::{AheadBehind, Branch, Freshness, Oid, RefName, RefUpdate, RemoteName};
