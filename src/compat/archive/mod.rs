//! `aitask_archive.sh` and `aitask_zip_old.sh`.

pub(crate) mod archive_task;
pub(crate) mod bundles;
pub(crate) mod file_away;
pub(crate) mod require;
pub(crate) mod snapshot;
pub(crate) mod zip_old;
