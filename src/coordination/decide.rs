//! What is decided about a lock: pure, from what was read and what is asked for.

use crate::coordination::locks::{lock_step, unlock_step};
use crate::coordination::{LockEntry, Locks, Session};
use crate::git::Branch;
use crate::ledger::Plan;
use crate::task::TaskId;

/// How a lock stands to a session that wants to take the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// This very session holds it; or a command of this person was killed in this clone while taking it, and neither that
    /// session nor this one can be named.
    Ours,
    /// The same person's session on this machine held it and is certainly dead.
    OursDead,
    /// Somebody else, or nobody can tell.
    Other,
}

/// What a clone has in its records of a lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Record {
    /// Nothing: it did not take it.
    #[default]
    None,
    /// It took it.
    Taken,
    /// A command of it took it, or was about to, and was cut off.
    CutOff,
}

/// What a clone knows of a lock beside what the lock says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Its process is certainly dead.
    pub is_dead: bool,
    /// Whether this clone took it.
    pub record: Record,
    /// Who asks stands in the task's own worktree.
    pub is_inside: bool,
}

impl Holding {
    /// Judges a lock for somebody who wants to take the task. A session that left no process cannot be told from another
    /// one of the same person, so its lock is another's, except inside the task's own worktree.
    #[must_use]
    pub fn of(lock: &LockEntry, session: &Session, nonce: &str, known: Circumstances) -> Self {
        // An earlier try of this very command, on a server that takes one branch at a time.
        if lock.nonce.as_deref() == Some(nonce) || lock.is_of(session) {
            return Self::Ours;
        }
        let same_person = lock.holder == session.email;
        if same_person && known.is_dead {
            return Self::OursDead;
        }
        let nameless = lock.anchor.number().is_none() && session.anchor.number().is_none();
        // A taking that was cut off belongs to the session that was at it, which here is as nameless as this one.
        let ours = match known.record {
            Record::None => false,
            Record::Taken => known.is_inside,
            Record::CutOff => known.is_inside || same_person,
        };
        if nameless && ours { Self::Ours } else { Self::Other }
    }
}

/// What a wish to take a task comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Taking<'a> {
    /// The lock is to be written.
    Planned(Plan),
    /// It is held already, by whoever asks.
    Ours(&'a LockEntry),
    /// Somebody else holds it.
    Held(&'a LockEntry),
}

/// Decides whether a task is taken, by the lock that is there and how it stands to who asks.
#[must_use]
pub fn take<'a>(branch: &Branch, there: Option<(&'a LockEntry, Holding)>, wanted: &LockEntry) -> Taking<'a> {
    match there {
        Some((lock, Holding::Ours)) => Taking::Ours(lock),
        Some((lock, Holding::Other)) => Taking::Held(lock),
        Some((_, Holding::OursDead)) | None => Taking::Planned(Plan::new().step(branch, lock_step(wanted))),
    }
}

/// Decides how a lock is released; `None` where nobody holds the task.
#[must_use]
pub fn release(branch: &Branch, locks: &Locks, task: TaskId) -> Option<Plan> {
    locks.is_held(task).then(|| Plan::new().step(branch, unlock_step(task)))
}
