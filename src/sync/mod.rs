//! Bringing two histories of the task data together, field by field.

pub mod dry_run;
pub mod join;
pub mod outcome;
pub mod reconcile;
pub mod run;
