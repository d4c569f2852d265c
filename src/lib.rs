//! git-aitask: tasks are files, coordination is git refs, and every verb is one atomic push.

pub mod cli;
pub mod commands;
pub mod compat;
pub mod error;
pub mod files;
pub mod git;
pub mod interrupt;
pub mod ledger;
pub mod report;
pub mod settings;
pub mod task;
pub mod workflow;
