//! The taking of a task: what both faces do, in one transaction, or in two where the server takes no task data.

use crate::coordination::claim_record::{Held, TakingRecord};
use crate::coordination::decide::{Claimant, InTheWay, LockRule};
use crate::coordination::locks::unlock_step;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session};
use crate::error::{Error, Kind, Payload, Result};
use crate::git::Branch;
use crate::ledger::{Channel, Decision, Landed, Ledger, Plan, View, nonce};
use crate::ops::pick::choose;
use crate::ops::pick::decide::{PickDecision, PickParts, PickRefusal, PickRequest, PickView, Policy, decide};
use crate::ops::pick::planned_worktree::PlannedWorktree;
use crate::project::context::{Context, Wanted};
use crate::project::holder::sight;
use crate::project::index::Index;
use crate::task::{Document, Task, TaskId, TaskPath};

/// Where the task that is taken is read, and for whom it is taken.
#[derive(Clone, Copy)]
pub(crate) enum PickSource<'a> {
    /// What is published, for this session.
    Published(&'a [Wanted], &'a Session),
    /// What somebody has before him.
    WorkingCopy(&'a dyn WorkingCopy),
}

/// A checkout in which a task is taken as it lies there, committed or not.
pub(crate) trait WorkingCopy {
    /// Whether anybody may be known for whom it is taken; a task of nobody gets no lock.
    fn may_be_somebodys(&self) -> Result<bool>;

    /// The task that is wanted, without its lock.
    fn gather(&self, view: &View<'_>, data: &Branch) -> Result<PickView>;

    /// Which of the held tasks are over.
    fn stale(&self, held: &Locks) -> Vec<TaskId>;

    /// What a refusal comes to: the lock in the way.
    fn refuse(&self, refusal: PickRefusal) -> Result<InTheWay>;
}

/// What a taking came to.
#[derive(Debug)]
pub(crate) enum PickOutcome {
    /// The task is taken.
    Taken(Box<PickDecision>),
    /// A lock is in the way. Only a working copy gets this as an outcome: for it the checkouts are brought forward, too.
    Refused(InTheWay),
}

/// A taking that ended.
#[derive(Debug)]
pub(crate) struct PickResult {
    /// What landed.
    pub(crate) landed: Landed<PickOutcome>,
    /// Why the status is committed here only.
    pub(crate) unpublished: Option<Error>,
}

/// Takes a task.
pub(crate) struct PickOperation<'a> {
    pub(super) context: &'a Context,
    policy: Policy,
    source: PickSource<'a>,
    nonce: String,
    pub(super) locks: Branch,
    pub(super) data: Branch,
    /// The time, as locks and task files write it.
    now: String,
    /// Who takes it; in a working copy that is known only when the task has been read.
    session: Option<Session>,
    /// The lock that a takeover was decided on.
    judged: Option<LockEntry>,
    /// The room for the worktree.
    pub(super) planned_worktree: Option<PlannedWorktree>,
    /// The task whose lock was taken in a transaction of its own.
    settled: Option<TaskPath>,
    /// The record of the taking.
    attempt: TakingRecord<'a>,
}

impl<'a> PickOperation<'a> {
    pub(crate) fn new(context: &'a Context, policy: Policy, source: PickSource<'a>) -> Result<Self> {
        let session = match &source {
            PickSource::Published(_, session) => Some((*session).clone()),
            PickSource::WorkingCopy(_) => None,
        };
        let nonce = nonce()?;
        Ok(Self {
            context,
            policy,
            source,
            attempt: TakingRecord::new(&context.repository, nonce.clone()),
            nonce,
            locks: Ledger::locks_branch()?,
            data: context.data_branch()?.clone(),
            now: Context::now(),
            session,
            judged: None,
            planned_worktree: None,
            settled: None,
        })
    }

    /// Publishes it all in one swap. Where the server refuses the task data, the lock is published, which is what keeps others
    /// away, and the status is committed here.
    pub(crate) fn run(&mut self) -> Result<PickResult> {
        let context = self.context;
        let (ledger, parts) = match &self.source {
            PickSource::Published(..) => (context.ledger(), PickParts::Both),
            PickSource::WorkingCopy(copy) => {
                let with_lock = context.channel != Channel::Local && copy.may_be_somebodys()?;
                let ledger = Ledger { own: Some(self.data.clone()), ..context.ledger() };
                (ledger, if with_lock { PickParts::Both } else { PickParts::Status })
            }
        };
        let outcome = match self.transact(&ledger, parts) {
            Err(error) if self.may_publish_separately(&error, parts) => self.publish_separately(&ledger, parts, error),
            outcome => outcome.map(|landed| PickResult { landed, unpublished: None }),
        };
        outcome.inspect_err(|error| self.attempt.failed(error))
    }

    fn transact(&mut self, ledger: &Ledger<'_>, parts: PickParts) -> Result<Landed<PickOutcome>> {
        let all = [self.locks.clone(), self.data.clone()];
        let branches = if parts == PickParts::Status { &all[1..] } else { &all[..] };
        ledger.transact(&self.nonce.clone(), branches, |view| self.attempt(view, parts))
    }

    fn attempt(&mut self, view: &View<'_>, parts: PickParts) -> Result<Decision<PickOutcome>> {
        self.now = Context::now();
        let (wanted, session) = match self.source {
            PickSource::Published(wanted, session) => (wanted, session),
            PickSource::WorkingCopy(copy) => {
                let outcome = self.gather_checkout(copy, view, parts).and_then(|seen| self.take(seen, None, parts));
                return outcome.or_else(|refusal| Ok(Decision::Nothing(PickOutcome::Refused(copy.refuse(refusal)?))));
            }
        };
        let index = Index::load(view, &self.data)?;
        let context = self.context;
        let refuse = |refusal| choose::refuse(context, session, refusal);
        let paths: Vec<_> = match &self.settled {
            Some(path) => vec![Ok(path.clone())],
            None if wanted.is_empty() => vec![self.next(view, &index)],
            None => wanted.iter().map(|wanted| index.require_active(wanted).cloned()).collect(),
        };
        let mut refusal = None;
        for path in paths {
            let taken = match path {
                // What cannot be read is no reason to take another one.
                Ok(path) => self.take(self.gather(view, &index, &path, parts)?, Some((view, &index)), parts),
                Err(error) => Err(error.into()),
            };
            match taken {
                Ok(decision) => return Ok(decision),
                Err(refused) => drop(refusal.get_or_insert(refused)),
            }
        }
        let error = refusal.map_or_else(choose::nothing_to_pick, refuse);
        // Only the refusal that counts is worth looking for something else.
        if error.kind() != Kind::Held || !view.fresh || wanted.is_empty() {
            return Err(error);
        }
        Err(choose::with_alternatives(error, wanted, &choose::ready(&index, view)?))
    }

    /// The task that comes next. The same command again finishes the job: what it took when it was cut off comes first.
    fn next(&self, view: &View<'_>, index: &Index) -> Result<TaskPath> {
        for task in Held::cut_off(&self.context.repository) {
            let held = Held::load(&self.context.repository, task);
            let is_ours =
                held.zip(view.lock(task)?).zip(self.session.as_ref()).is_some_and(|((held, lock), session)| {
                    let nameless = [&lock.anchor, &session.anchor].iter().all(|anchor| anchor.number().is_none());
                    held.is_about(&lock) && (nameless || lock.anchor.is_same(&session.anchor))
                });
            if let (true, Some(path)) = (is_ours, index.active(task)) {
                return Ok(path.clone());
            }
        }
        let best = choose::ready(index, view)?.into_iter().next();
        best.map(|task| task.path).ok_or_else(choose::nothing_to_pick)
    }

    /// A task as it is published. One process.
    fn gather(&self, view: &View<'_>, index: &Index, path: &TaskPath, parts: PickParts) -> Result<PickView> {
        let (id, file) = (path.id(), path.as_str().to_owned());
        let lock_file = (&self.locks, LockEntry::path(id));
        let found = view.read(&[lock_file, Locks::request(&self.locks), (&self.data, file.clone())])?;
        if parts != PickParts::Status {
            found.require_locks()?;
        }
        let document = Document::parse(found.file(&self.data, &file).unwrap_or_default());
        let task = Task::from_document(path.clone(), &document);
        let mut children: Vec<_> = index.children_of(id).chain(task.children.iter().copied()).collect();
        children.sort_unstable();
        children.dedup();
        let lock = found.lock(id)?.zip(self.claimant());
        let lock = lock.map(|(lock, claimant)| sight(self.context, &claimant, lock));
        let email = self.session.as_ref().map(|session| session.email.clone());
        Ok(PickView { email, lock, children, blockers: index.blocked_by(&task), ..PickView::new(&task, document) })
    }

    /// A task as it lies in a working copy, with its lock, if anybody is to take that.
    fn gather_checkout(
        &mut self,
        copy: &dyn WorkingCopy,
        view: &View<'_>,
        parts: PickParts,
    ) -> Result<PickView, PickRefusal> {
        let mut seen = copy.gather(view, &self.data)?;
        // A closed task is refused whoever holds it.
        if parts == PickParts::Status || seen.before.is_closed() {
            return Ok(seen);
        }
        let Some(email) = &seen.email else { return Ok(seen) };
        let id = seen.path.id();
        let found = view.read(&[(&self.locks, LockEntry::path(id)), Locks::request(&self.locks)])?;
        let held = found.require_locks()?;
        if self.session.is_none() {
            self.session = Some(Session::of_script(&self.context.repository, email, self.context.narrate)?);
        }
        let lock = found.lock(id)?.zip(self.claimant());
        seen.lock = lock.map(|(lock, claimant)| sight(self.context, &claimant, lock));
        seen.stale = copy.stale(&held);
        Ok(seen)
    }

    fn claimant(&self) -> Option<Claimant<'_>> {
        let Policy { rule, takeover, .. } = self.policy;
        let (judged, nonce, now) = (self.judged.as_ref(), self.nonce.as_str(), self.now.as_str());
        self.session.as_ref().map(|session| Claimant { session, rule, takeover, judged, nonce, now })
    }

    fn take(
        &mut self,
        seen: PickView,
        published: Option<(&View<'_>, &Index)>,
        parts: PickParts,
    ) -> Result<Decision<PickOutcome>, PickRefusal> {
        let (path, there) = (seen.path.clone(), seen.lock.as_ref().map(|sight| sight.lock.clone()));
        let request = PickRequest {
            policy: self.policy,
            claimant: self.claimant().filter(|_| seen.email.is_some()),
            parts,
            now: &self.now,
            locks: &self.locks,
            data: &self.data,
        };
        let mut taking = decide(seen, &request)?;
        let is_written = taking.lock.as_ref().is_some_and(|lock| lock.step.is_some());
        if taking.lock.as_ref().is_some_and(|lock| lock.displaced().is_some()) {
            self.judged.clone_from(&there);
        }
        if let (Some(planned_worktree), Some(published), true) =
            (&mut self.planned_worktree, published, parts != PickParts::Status)
        {
            planned_worktree.find(self.context, published.0, published.1, &path)?;
        }
        let plan = std::mem::take(&mut taking.plan);
        if plan.is_empty() {
            return Ok(Decision::Nothing(PickOutcome::Taken(Box::new(taking))));
        }
        if self.policy.rule == LockRule::Verb && is_written && !self.context.dry_run {
            self.attempt.begin(path.id(), there.as_ref(), Some(&self.data))?;
        }
        Ok(Decision::Swap(plan, PickOutcome::Taken(Box::new(taking))))
    }

    /// Whether the lock is taken without the task data, which cannot be published.
    fn may_publish_separately(&self, error: &Error, parts: PickParts) -> bool {
        let is_denied = error.is_denied_for(self.data.as_str());
        match self.policy.rule {
            LockRule::Verb => is_denied,
            LockRule::Script => {
                let is_offline = matches!(error.kind(), Kind::Unreachable | Kind::Authentication);
                // No hook of the user's runs when the lock alone is pushed.
                let by_hook = error.payloads().iter().any(|payload| matches!(payload, Payload::Hook { .. }));
                is_denied || by_hook || (parts == PickParts::Status && is_offline)
            }
        }
    }

    /// Takes the lock, if one is to be taken, and commits the status here, where whoever can pushes it.
    fn publish_separately(&mut self, ledger: &Ledger<'_>, parts: PickParts, error: Error) -> Result<PickResult> {
        let mut locked = None;
        if parts != PickParts::Status {
            let landed = self.transact(ledger, PickParts::Lock)?;
            match &landed.value {
                PickOutcome::Taken(taking) => self.settled = Some(taking.task.path.clone()),
                PickOutcome::Refused(_) => return Ok(PickResult { landed, unpublished: None }),
            }
            locked = Some(landed);
        }
        let here = Ledger { channel: Channel::Local, ..ledger.clone() };
        let committed = self.transact(&here, PickParts::Status);
        let landed = match (self.policy.rule, committed, locked) {
            (_, committed, None) => committed?,
            (LockRule::Verb, committed, Some(locked)) => {
                // The lock is what keeps others away; a status that cannot be committed here must not lose it.
                if let Err(error) = committed {
                    (self.context.narrate)(&format!("the status could not be committed here: {error}"));
                }
                locked
            }
            (LockRule::Script, Err(error), Some(locked)) => {
                let _ = release_lock(ledger, &locked);
                return Err(error);
            }
            (LockRule::Script, Ok(mut landed), Some(locked)) => {
                if let (PickOutcome::Taken(here), PickOutcome::Taken(locked)) = (&mut landed.value, locked.value) {
                    here.lock = locked.lock;
                }
                landed
            }
        };
        Ok(PickResult { landed, unpublished: Some(error) })
    }
}

/// Gives a lock back that was taken before the rest failed, if nobody held it before and it is still the one we wrote.
fn release_lock(ledger: &Ledger<'_>, locked: &Landed<PickOutcome>) -> Result<()> {
    let PickOutcome::Taken(taking) = &locked.value else { return Ok(()) };
    let id = taking.task.id;
    let (branch, path) = (Ledger::locks_branch()?, LockEntry::path(id));
    if taking.lock.as_ref().is_none_or(|lock| lock.before.is_some()) {
        return Ok(());
    }
    let released = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        if view.object(&branch, &path)?.map(|found| found.oid).as_ref() != locked.blobs.get(&path) {
            return Ok(Decision::Nothing(()));
        }
        Ok(Decision::Swap(Plan::new().step(&branch, unlock_step(id)), ()))
    });
    released.map(drop)
}
