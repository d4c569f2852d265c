//! The branch of the task data (`aitask-data`): creating it, moving the task data there from the code branch, and its
//! checkout `.aitask-data` with the links `aitasks` and `aiplans` into it.
//!
//! Promises: nothing that is published is overwritten, and no file leaves the code branch whose content the data branch
//! never had. The layout of the branch and its first files are described in `initial_files`.
//!
//! Callers: `ops::init` (and its verb) and `compat`.

pub(crate) mod attach;
pub(crate) mod carried;
pub(crate) mod initial_files;
pub(crate) mod migrate;
