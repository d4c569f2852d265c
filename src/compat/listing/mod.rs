//! The scripts that list, find and count tasks.

pub mod changelog;
pub mod find_files;
pub mod ls;
pub mod query_files;
pub mod releases;
pub mod rows;
pub mod search;
pub mod statistics;
pub mod stats;
