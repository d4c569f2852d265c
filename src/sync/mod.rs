//! Bringing two histories of the task data together, field by field.

pub(crate) mod dry_run;
pub(crate) mod join;
pub(crate) mod outcome;
pub(crate) mod reconcile;
pub(crate) mod run;
