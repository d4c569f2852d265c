//! The scripts that list, find and count: `aitask_ls.sh`, `aitask_query_files.sh`, `aitask_find_files.sh`,
//! `aitask_stats.sh` and `aitask_changelog.sh`. They promise to change nothing (`--csv` writes its file) and read the
//! files of the caller's checkout, published or not; the first two also work outside a repository. Output is in byte
//! order, whatever the locale is. The dispatch in `compat/mod.rs` runs them; no other module uses them.

pub(crate) mod changelog;
pub(crate) mod find_files;
pub(crate) mod ls;
pub(crate) mod query_files;
pub(crate) mod releases;
pub(crate) mod rows;
pub(crate) mod search;
pub(crate) mod statistics;
pub(crate) mod stats;
