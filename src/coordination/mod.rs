//! What the coordination branches mean: the locks, the id counter, and the sessions that hold tasks, with their processes.

pub mod claim_record;
pub mod decide;
pub mod ids;
#[cfg(test)]
mod interleaved;
pub mod locks;
pub mod meaning;
pub mod process;
pub mod session;
pub mod world;

pub use locks::{LockEntry, Locks, ReadLocks};
pub use session::Session;
