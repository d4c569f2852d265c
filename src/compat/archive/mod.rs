//! `aitask_archive.sh` and `aitask_zip_old.sh`.

pub mod archive_task;
pub mod bundles;
pub mod file_away;
pub mod require;
pub mod snapshot;
pub mod zip_old;
