//! The [`LockFormat`] of the ledger: how it reads the files on the branch of locks.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::locks::{self, LockEntry};
use crate::error::Result;
use crate::git::{Oid, Repository};
use crate::ledger::LockFormat;

/// The format of the lock files, for the ledger.
pub(crate) const LOCK_FORMAT: LockFormat = LockFormat { entries: locks::entries, has_own_locks_missing_in };

fn has_own_locks_missing_in(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<bool> {
    let there = locks::at_commit(repository, theirs)?;
    let is_there = |lock: &LockEntry| there.iter().any(|other| other.task == lock.task && other.token == lock.token);
    Ok(!own_locks_at(repository, ours)?.iter().all(is_there))
}

/// The locks of a commit that this clone took and has not released, by its records. The records decide, since a copy of
/// the remote's branch may hold locks that were released since.
pub(crate) fn own_locks_at(repository: &Repository, commit: &Oid) -> Result<Vec<LockEntry>> {
    let mut locks = locks::at_commit(repository, commit)?;
    locks.retain(|lock| LockRecord::has_taken(repository, lock));
    Ok(locks)
}
