//! Archiving: which files move when a task is finished, and what refuses it (gates, open children, another holder).
//!
//! Promises: the decision is pure (`decide`); everything it needs is read before (`task_store`, `gates`). The result is
//! a set of edits for one commit, so a task, its plan, its folded tasks and its parent are archived together or not at
//! all.
//!
//! Callers: `ops::archive` and `ops::finish` for published task data, `compat` for the files of a checkout.

pub(crate) mod archiver;
pub(crate) mod carry_over;
pub(crate) mod decide;
pub(crate) mod event;
pub(crate) mod gates;
pub(crate) mod published;
pub(crate) mod request;
pub(crate) mod task_store;
