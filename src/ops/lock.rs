//! The lock alone, for scripts.

use crate::coordination::claim_record::Held;
use crate::coordination::decide::{self, Taking};
use crate::coordination::{LockEntry, Locks, ReadLocks};
use crate::error::{Error, Kind, Payload, Result};
use crate::ledger::{Decision, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{judge, require_holder};
use crate::project::index::{Index, branches};
use crate::project::outcome::{Aside, Holder};
use crate::task::TaskId;
use serde::Serialize;

/// A lock taken.
#[derive(Debug, Clone, Serialize)]
pub struct Locked {
    /// The task.
    pub task: TaskId,
    /// Its lock.
    pub lock: Holder,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// A lock released.
#[derive(Debug, Clone, Serialize)]
pub struct Unlocked {
    /// The task.
    pub task: TaskId,
    /// Whether there was a lock.
    pub unlocked: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// All locks.
#[derive(Debug, Clone, Serialize)]
pub struct LockList {
    /// One a held task.
    pub locks: Vec<LockedTask>,
}

/// One line of the list.
#[derive(Debug, Clone, Serialize)]
pub struct LockedTask {
    /// The task.
    pub task: TaskId,
    /// Who holds it.
    #[serde(flatten)]
    pub lock: Holder,
}

/// Takes the lock of a task, nothing else. It is ours already: that is fine.
///
/// # Errors
/// [`Kind::Held`] with the holder; [`Kind::NoSuchTask`].
pub fn lock(context: &Context, wanted: &Wanted) -> Result<Locked> {
    let session = context.session()?;
    let (locks_branch, data) = branches(context)?;
    let mark = nonce()?;
    let mut recorded = None;
    let outcome = context.ledger().transact(&mark, &[locks_branch.clone(), data.clone()], |view| {
        let id = Index::load(view, &data)?.require_active(wanted)?.id();
        let found = view.read(&[(&locks_branch, LockEntry::path(id)), Locks::request(&locks_branch)])?;
        found.require_locks()?;
        let before = found.lock(id)?;
        let there = before.as_ref().map(|lock| (lock, judge(context, &session, lock, &mark)));
        let entry = LockEntry::taken(id, &session, &Context::now(), Some(&mark));
        let plan = match decide::take(&locks_branch, there, &entry) {
            Taking::Planned(plan) => plan,
            Taking::Ours(lock) => return Ok(Decision::Nothing(lock.clone())),
            Taking::Held(lock) => {
                let holder = Holder::new(context, lock, &session.host);
                return Err(Error::new(Kind::Held, format!("{} is {}", id.t(), holder.sentence()))
                    .hint(command!["git aitask pick", id, "--steal"])
                    .with(Payload::Held { holder: Payload::described(&holder) }));
            }
        };
        if !context.dry_run {
            recorded = Some(id);
            let held = Held::begin(&context.repository, id, mark.clone(), before.as_ref());
            held.save(&context.repository, id)?;
        }
        Ok(Decision::Swap(plan, entry))
    });
    let landed = outcome.inspect_err(|error| {
        if let (Some(task), true) = (recorded, error.kind() != Kind::Unknown) {
            Held::forget_attempt(&context.repository, task, &mark);
        }
    })?;
    let aside = Aside::of(context, &landed);
    let mut entry = landed.value;
    if let Some(token) = landed.blobs.get(&LockEntry::path(entry.task)) {
        entry.token = Some(token.clone());
    }
    if let (Some(nonce), false) = (&entry.nonce, context.dry_run) {
        Held::taken(&context.repository, &entry, nonce.clone()).save(&context.repository, entry.task)?;
    }
    Ok(Locked { task: entry.task, lock: Holder::new(context, &entry, &session.host), aside })
}

/// Releases the lock of a task, nothing else. One that is not held is released already. `force` releases it whoever
/// holds it.
///
/// # Errors
/// [`Kind::NotHolder`] when somebody else holds it.
pub fn unlock(context: &Context, wanted: &Wanted, force: bool) -> Result<Unlocked> {
    let session = context.session()?;
    let locks_branch = crate::ledger::Ledger::locks_branch()?;
    let id = wanted.id;
    let landed = context.ledger().transact(&nonce()?, std::slice::from_ref(&locks_branch), |view| {
        let found = view.read(&[(&locks_branch, LockEntry::path(id)), Locks::request(&locks_branch)])?;
        let locks = found.require_locks()?;
        let Some(plan) = decide::release(&locks_branch, &locks, id) else { return Ok(Decision::Nothing(false)) };
        if !force {
            require_holder(context, &session, id, found.lock(id)?.as_ref())
                .map_err(|error| error.hint(command!["git aitask unlock", id, "--force"]))?;
        }
        Ok(Decision::Swap(plan, true))
    })?;
    if !context.dry_run {
        Held::forget(&context.repository, id)?;
    }
    Ok(Unlocked { task: id, unlocked: landed.value, aside: Aside::of(context, &landed) })
}

/// Every lock, as the remote has it now.
pub fn list(context: &Context) -> Result<LockList> {
    let locks_branch = crate::ledger::Ledger::locks_branch()?;
    let locks = context.ledger().fetch(&[Locks::request(&locks_branch)])?.require_locks()?;
    let entries = locks.entries(&context.repository)?;
    let host = crate::coordination::session::host_name(&context.repository);
    let locks = entries.iter().map(|lock| LockedTask { task: lock.task, lock: Holder::new(context, lock, &host) });
    Ok(LockList { locks: locks.collect() })
}
