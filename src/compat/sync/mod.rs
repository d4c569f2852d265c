//! The scripts of the data branch, of set-up and of comparing with the remote.

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
