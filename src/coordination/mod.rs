//! What the coordination branches mean: locks, the id counter, and the sessions that hold tasks, with their processes.
//!
//! The module promises that a lock which cannot be read counts as held, that a session of which nothing is known counts
//! as alive, and that an id is handed out once. Decisions about a lock are pure ([`decide`]); what they need is
//! gathered before. The project and the operations of both faces call it; it calls the ledger, `git` and the task
//! types.

pub(crate) mod agents;
pub(crate) mod decide;
pub(crate) mod ids;
#[cfg(test)]
mod interleaved;
pub(crate) mod kept_locks;
pub(crate) mod lock_format;
pub(crate) mod lock_record;
pub(crate) mod locks;
pub(crate) mod pid_scope;
pub(crate) mod process;
#[cfg(test)]
mod proofs;
pub(crate) mod session;

pub(crate) use locks::{LockEntry, Locks, ReadLocks};
pub(crate) use session::Session;
