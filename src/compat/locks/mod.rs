//! The scripts of locks and ids, and the claim of a task.

pub(crate) mod claim;
pub(crate) mod claim_id;
pub(crate) mod lock;
pub(crate) mod lock_diag;
pub(crate) mod pick_own;
pub(crate) mod probe;
