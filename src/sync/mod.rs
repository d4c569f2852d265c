//! Bringing the local and the published task data to the same state: local edits are committed, both histories are
//! merged field by field, the result is pushed, and the checkout is fast-forwarded.
//!
//! Promises: no edit of either side is lost, nothing is rebased or reset, and nothing is pushed while a file has a
//! conflict that no rule merges.
//!
//! Callers: `ops::sync`, `data_branch` and `compat`.

mod apart;
pub(crate) mod dry_run;
pub(crate) mod join;
pub(crate) mod outcome;
pub(crate) mod reconcile;
pub(crate) mod run;
pub(crate) mod step;
