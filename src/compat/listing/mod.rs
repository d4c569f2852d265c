//! The scripts that list, find and count tasks.

pub(crate) mod changelog;
pub(crate) mod find_files;
pub(crate) mod ls;
pub(crate) mod query_files;
pub(crate) mod releases;
pub(crate) mod rows;
pub(crate) mod search;
pub(crate) mod statistics;
pub(crate) mod stats;
