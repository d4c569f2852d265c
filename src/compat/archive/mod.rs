//! The scripts that archive: `aitask_archive.sh` moves a finished task out of the way, `aitask_zip_old.sh` packs
//! archived files into bundles. They promise that an interrupted run is completed by the next one, that every file is
//! loose or in a bundle at any moment, and that only the named files are committed. They publish no task data. The
//! dispatch in `compat/mod.rs` runs them; `locks` uses the paths of the checkout.

pub(crate) mod archive_task;
pub(crate) mod bundles;
pub(crate) mod file_away;
pub(crate) mod require;
pub(crate) mod snapshot;
pub(crate) mod zip_old;
