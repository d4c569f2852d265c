//! The scripts of locks and ids, and the claim of a task.

pub mod claim;
pub mod claim_id;
pub mod lock;
pub mod lock_diag;
pub mod pick_own;
pub mod probe;
