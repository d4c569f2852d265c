//! The scripts of the data branch, of set-up and of comparing with the remote.

pub mod desync;
pub mod desync_state;
pub mod drift;
pub mod drift_check;
pub mod framework;
pub mod git;
pub mod init_data;
pub mod merge;
pub mod resolve;
pub mod setup;
pub mod sync_data;
pub mod web;
pub mod web_merge;
