//! The scripts of locks, ids and picking: `aitask_lock.sh`, `aitask_lock_diag.sh`, `aitask_claim_id.sh`,
//! `aitask_pick_own.sh` and the older `aitask_own.sh`. They promise one result line for each outcome, the exit codes
//! that callers switch on (10 to 14), and that a task is locked once it is reported as taken. The dispatch in
//! `compat/mod.rs` runs them; `archive`, `tasks` and `sync` use the claim of an id and the stale locks.

pub(crate) mod claim_id;
pub(crate) mod lock;
pub(crate) mod lock_diag;
pub(crate) mod pick_own;
pub(crate) mod probe;
pub(crate) mod script_pick;
