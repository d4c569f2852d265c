//! Who holds a task, and whether that is us.

use super::context::Context;
use super::outcome::Holder;
use crate::error::{Error, Kind, Result};
use crate::ledger::held::Held;
use crate::ledger::liveness::Liveness;
use crate::ledger::{LockEntry, Session};
use crate::task::TaskId;

/// How a lock stands to a session that wants to take the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// This very session holds it, or a command of this clone was killed while taking it.
    Ours,
    /// The same person's session on this machine held it and is certainly dead.
    OursDead,
    /// Somebody else, or nobody can tell.
    Other,
}

/// Judges a lock for somebody who wants to take the task. A session that left no process cannot be told from another
/// one of the same person, so its lock is another's, except inside the task's own worktree.
#[must_use]
pub fn judge(context: &Context, session: &Session, lock: &LockEntry, nonce: &str) -> Holding {
    let repository = &context.repository;
    // An earlier try of this very command, on a server that takes one branch at a time.
    if lock.nonce.as_deref() == Some(nonce) {
        return Holding::Ours;
    }
    let same_place = lock.holder == session.email && lock.host == session.host && session.host != "unknown";
    if same_place && lock.anchor.is_same(&session.anchor) {
        return Holding::Ours;
    }
    let held = Held::load(repository, lock.task).filter(|held| held.is_about(lock));
    if held.as_ref().is_some_and(|held| held.is_leftover(repository, lock)) {
        return Holding::Ours;
    }
    if same_place && lock.liveness(repository, &session.host) == Liveness::Dead {
        return Holding::OursDead;
    }
    let inside = context.task_here().is_some_and(|name| name.id() == lock.task);
    let nameless = lock.anchor.number().is_none() && session.anchor.number().is_none();
    if held.is_some() && inside && nameless { Holding::Ours } else { Holding::Other }
}

/// Whether a session may give up or finish a task with this lock. The right is the lock's nonce, which the clone that
/// took it remembers, or being the session that the lock names.
///
/// # Errors
/// [`Kind::NotHolder`] that says who holds it instead.
pub fn require_holder(context: &Context, session: &Session, task: TaskId, lock: Option<&LockEntry>) -> Result<()> {
    let Some(lock) = lock else {
        return Err(Error::new(
            Kind::NotHolder,
            format!("nobody holds {} (any more), so it is not yours to end", task.t()),
        )
        .hint(format!("git aitask pick {task}")));
    };
    let repository = &context.repository;
    let same_place = lock.holder == session.email && lock.host == session.host;
    let held = Held::load(repository, task);
    let data = context.data_branch()?;
    if let Some(other) = held.as_ref().filter(|held| held.is_about(lock)).and_then(|held| held.data.as_deref())
        && other != data.as_str()
    {
        let root = repository.root.display();
        let message = format!("{} was taken with its task data on {other}, and {root} is on {data}", task.t());
        return Err(Error::new(Kind::Occupied, message).hint(format!("cd {root} && git switch {other}")));
    }
    if same_place && lock.anchor.is_same(&session.anchor) {
        return Ok(());
    }
    // A session that left no process cannot be told from the one of the lock; where it stands must tell.
    let inside = context.task_here().is_some_and(|name| name.id() == task);
    let named = session.anchor.number().is_some();
    let alive_elsewhere = lock.liveness(repository, &session.host) == Liveness::Alive && (named || !inside);
    let entitled = match (&held, &lock.nonce) {
        (Some(held), Some(_)) => held.is_about(lock) && !alive_elsewhere,
        (None, Some(_)) => false,
        // A lock of the scripts has no nonce: there the person and the machine count.
        (_, None) => same_place && !alive_elsewhere,
    };
    if entitled {
        return Ok(());
    }
    let holder = Holder::new(context, lock, &session.host);
    Err(Error::new(Kind::NotHolder, format!("{} is not yours: {}", task.t(), holder.sentence()))
        .hint(format!("git aitask pick {task} --steal"))
        .detail("holder", serde_json::to_value(&holder).unwrap_or_default()))
}
