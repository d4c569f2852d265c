//! Taking, releasing and listing locks alone, without the task files: for the user's scripts, and for the scripts'
//! face.

use crate::coordination::decide::{LockConflict, LockRequest, LockRule, Release, TakenLock, Takeover};
use crate::coordination::lock_record::{LockAttempt, LockRecord};
use crate::coordination::locks::no_lock_branch;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session, decide};
use crate::error::Result;
use crate::git::objects::Edit;
use crate::git::porcelain::cat_file::ObjectKind;
use crate::ledger::{Decision, Ledger, Plan, TransactionResult, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{displaced, held, observe_lock, require_holder, takeover};
use crate::project::index::Index;
use crate::project::outcome::{Holder, Notices};
use crate::task::{TaskId, TaskPath};
use crate::worktrees::base::recorded;
use serde::Serialize;

/// The outcome: a lock that was taken.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Locked {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Its lock.
    pub(crate) lock: Holder,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// The outcome: a lock that was released.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(clippy::struct_field_names, reason = "a key of the JSON answer")]
pub(crate) struct Unlocked {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Whether there was a lock.
    pub(crate) unlocked: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// All locks.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LockList {
    /// The locked tasks.
    pub(crate) locks: Vec<LockedTask>,
}

/// A locked task.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LockedTask {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Its holder.
    #[serde(flatten)]
    pub(crate) lock: Holder,
}

/// The outcome of an attempt to take a lock.
#[derive(Debug)]
pub(crate) enum LockOutcome {
    /// It is taken.
    Taken(Box<TakenLock>),
    /// Another session holds the task. Only the scripts' face gets this as an outcome, and not as an error: after an
    /// outcome the checkouts are fast-forwarded, as the scripts do on a refusal.
    Refused(LockConflict),
}

/// Takes the lock of a task, and changes nothing else. A lock that this session holds already is a success.
///
/// # Errors
/// [`Kind::Held`](crate::error::Kind::Held) with the holder; [`Kind::NoSuchTask`](crate::error::Kind::NoSuchTask).
pub(crate) fn lock(context: &Context, wanted: &Wanted) -> Result<Locked> {
    let session = context.session()?;
    let landed = take(context, LockRule::Verb, &session, wanted)?;
    let mut aside = Notices::of(context, &landed);
    let entry = match landed.value {
        LockOutcome::Taken(taken) => taken.entry,
        LockOutcome::Refused(in_the_way) => return Err(held(context, &session, &in_the_way)),
    };
    if let (Some(nonce), false) = (&entry.nonce, context.dry_run) {
        let held = LockRecord::taken(&context.repository, &entry, nonce.clone()).with_base_of(&entry);
        let noted = held.save(&context.repository, entry.task);
        let again = command!["git aitask lock", entry.task].note("notes it again");
        aside.after_swap(noted, "the task is locked, but this clone could not note that", [again])?;
    }
    Ok(Locked { task_id: entry.task, lock: Holder::new(context, &entry, &session.host), aside })
}

/// Takes the lock of a task for a session, by the rule of its face. The verb requires an active task and records the
/// lock in this clone; the scripts do neither.
///
/// # Errors
/// Those of [`lock`], and of a transaction.
pub(crate) fn take(
    context: &Context,
    rule: LockRule,
    session: &Session,
    wanted: &Wanted,
) -> Result<TransactionResult<LockOutcome>> {
    let (locks_branch, repository) = (Ledger::locks_branch()?, &context.repository);
    let data = match rule {
        LockRule::Verb => Some(context.data_branch()?.clone()),
        LockRule::Script => None,
    };
    let (mark, now) = (nonce()?, Context::instant());
    let claimant = LockRequest {
        session,
        rule,
        takeover: Takeover::Refused,
        judged: None,
        nonce: &mark,
        now: &now,
        folder: Some(&context.repository.root),
        base: None,
    };
    let all: Vec<_> = std::iter::once(locks_branch.clone()).chain(data.clone()).collect();
    let mut attempt = LockAttempt::new(repository, mark.clone()).on(&context.channel);
    let outcome = context.ledger().transact(&mark, &all, |view| {
        let path = match &data {
            Some(data) => Some(Index::load(view, data)?.require_active(wanted)?.clone()),
            None => None,
        };
        let id = path.as_ref().map_or(wanted.id, TaskPath::id);
        let found = view.read(&[(&locks_branch, LockEntry::path(id)), Locks::request(&locks_branch)])?;
        found.require_locks()?;
        let there = found.lock(id)?.map(|lock| observe_lock(context, &claimant, lock));
        let base = match (&path, &there) {
            (Some(path), None) => recorded(context, view, path, None)?,
            _ => None,
        };
        let claimant = LockRequest { base: base.as_ref(), ..claimant };
        let taken = match (claimant.take(id, there.as_ref()), rule) {
            (Ok(taken), _) => Box::new(taken),
            (Err(in_the_way), LockRule::Script) => return Ok(Decision::NoChange(LockOutcome::Refused(in_the_way))),
            (Err(in_the_way), LockRule::Verb) => {
                return Err(held(context, session, &in_the_way).hint(takeover(
                    context,
                    &in_the_way.lock,
                    &session.host,
                )));
            }
        };
        let Some(step) = taken.step.clone() else { return Ok(Decision::NoChange(LockOutcome::Taken(taken))) };
        if rule == LockRule::Verb && !context.dry_run {
            attempt.begin(id, there.as_ref().map(|there| &there.lock), None)?;
        }
        Ok(Decision::Publish(Plan::new().step(&locks_branch, step), LockOutcome::Taken(taken)))
    });
    let mut landed = outcome.inspect_err(|error| attempt.failed(error))?;
    if let LockOutcome::Taken(taken) = &mut landed.value
        && let Some(token) = landed.blobs.get(&LockEntry::path(taken.entry.task))
    {
        taken.entry.token = Some(token.clone());
    }
    Ok(landed)
}

/// Who may release a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnlockRight {
    /// Its holder.
    Holder,
    /// Anybody.
    Anybody,
}

/// Releases the lock of a task, and changes nothing else. A task without a lock is a success.
///
/// # Errors
/// [`Kind::NotHolder`](crate::error::Kind::NotHolder) when another session holds it and only the holder may release it.
pub(crate) fn unlock(context: &Context, wanted: &Wanted, right: UnlockRight) -> Result<Unlocked> {
    let (session, id) = (context.session()?, wanted.id);
    let landed = release(context, id, Some(&session).filter(|_| right == UnlockRight::Holder))?;
    let mut aside = Notices::of(context, &landed);
    if !context.dry_run {
        let again = command!["git aitask unlock", id].note("the same command again completes it");
        let forgotten = LockRecord::give_back(&context.repository, &context.channel, id);
        aside.after_swap(forgotten, "the task is unlocked, but this clone could not note that", [again])?;
    }
    Ok(Unlocked { task_id: id, unlocked: landed.value, aside })
}

/// Releases the lock of a task and returns whether there was one. Where a session is given, it must hold the task.
///
/// # Errors
/// Those of [`unlock`], and of a transaction.
pub(crate) fn release(context: &Context, id: TaskId, holder: Option<&Session>) -> Result<TransactionResult<bool>> {
    let locks_branch = Ledger::locks_branch()?;
    context.ledger().transact(&nonce()?, std::slice::from_ref(&locks_branch), |view| {
        let found = view.read(&[(&locks_branch, LockEntry::path(id)), Locks::request(&locks_branch)])?;
        let whose = if holder.is_some() { Release::Own } else { Release::Any };
        let plan = decide::release(&locks_branch, &found.require_locks()?, id, whose);
        let Some(plan) = plan else {
            let displaced = holder.map(|_| displaced(context, view, id, "is not locked any more")).transpose()?;
            return displaced.flatten().map_or(Ok(Decision::NoChange(false)), Err);
        };
        if let Some(session) = holder {
            require_holder(context, session, id, found.lock(id)?.as_ref())
                .map_err(|error| error.hint(command!["git aitask unlock", id, "--force"]))?;
        }
        let lock_file = LockEntry::path(id);
        let mut plan = plan;
        if found.object(&locks_branch, &lock_file).is_some_and(|lock| lock.kind == ObjectKind::Tree) {
            // Somebody has put a folder there: its files are named, since no commit removes what the plan does not name.
            let inside = view.list(&locks_branch, &[&lock_file])?;
            let files = inside.iter().filter_map(|entry| Some(Edit::Remove { path: entry.path_str()?.to_owned() }));
            let files: Vec<_> = files.collect();
            plan.branches.iter_mut().flat_map(|branch| &mut branch.steps).for_each(|it| it.edits.extend(files.clone()));
        }
        Ok(Decision::Publish(plan, true))
    })
}

/// Lists every lock, as fetched from the remote.
pub(crate) fn list(context: &Context) -> Result<LockList> {
    let entries = fetch(context)?.ok_or_else(no_lock_branch)?;
    let host = crate::coordination::session::host_name(&context.repository);
    let locks = entries.iter().map(|lock| LockedTask { task_id: lock.task, lock: Holder::new(context, lock, &host) });
    Ok(LockList { locks: locks.collect() })
}

/// Fetches every lock entry; `None` where there is no lock branch. One connection.
pub(crate) fn fetch(context: &Context) -> Result<Option<Vec<LockEntry>>> {
    let locks_branch = Ledger::locks_branch()?;
    let ledger = context.ledger();
    let locks = ledger.fetch(&[Locks::request(&locks_branch)])?.locks()?;
    locks.map(|locks| locks.entries(ledger.refs)).transpose()
}
