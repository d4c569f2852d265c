//! The scripts of the data branch and the remote: `aitask_sync.sh`, `aitask_setup.sh`, `aitask_init_data.sh`,
//! `aitask_merge.py`, `aitask_web_merge.sh`, `aitask_remote_drift_check.sh`, `desync_state.py`, and `ait git`. They
//! promise one result line for each call, a time limit for every connection, and that no failed or killed run leaves
//! the data worktree in an unfinished rebase. The dispatch in `compat/mod.rs` and `ait` run them; `listing` uses the
//! comparison with the remote.

pub(crate) mod desync;
pub(crate) mod desync_state;
pub(crate) mod drift;
pub(crate) mod drift_check;
pub(crate) mod framework;
pub(crate) mod git;
pub(crate) mod init_data;
pub(crate) mod merge;
pub(crate) mod resolve;
pub(crate) mod setup;
pub(crate) mod sync_data;
pub(crate) mod web;
pub(crate) mod web_merge;
