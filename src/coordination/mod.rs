//! What the coordination branches mean: the locks, the id counter, and the sessions that hold tasks, with their processes.

pub(crate) mod claim_record;
pub(crate) mod decide;
pub(crate) mod ids;
#[cfg(test)]
mod interleaved;
pub(crate) mod locks;
pub(crate) mod meaning;
pub(crate) mod process;
pub(crate) mod session;
pub(crate) mod world;

pub(crate) use locks::{LockEntry, Locks, ReadLocks};
pub(crate) use session::Session;
