//! What the coordination branches mean: the locks, the id counter, and the sessions that hold tasks, with their processes.

pub(crate) mod decide;
pub(crate) mod ids;
#[cfg(test)]
mod interleaved;
pub(crate) mod lock_format;
pub(crate) mod lock_record;
pub(crate) mod locks;
pub(crate) mod pid_scope;
pub(crate) mod process;
pub(crate) mod session;

pub(crate) use locks::{LockEntry, Locks, ReadLocks};
pub(crate) use session::Session;
