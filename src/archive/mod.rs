//! Moving a finished task and its plan to the archive, with the gates that keep it from there.

pub(crate) mod archiver;
pub(crate) mod decide;
pub(crate) mod event;
pub(crate) mod gates;
pub(crate) mod published;
pub(crate) mod request;
pub(crate) mod task_store;
