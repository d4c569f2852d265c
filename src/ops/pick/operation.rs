//! The pick operation of both faces: one transaction; or two, where the server refuses the task data.

use crate::coordination::decide::{
    LocalEvidence, LockConflict, LockRequest, LockRule, ObservedLock, Ownership, TakenLock, Takeover,
};
use crate::coordination::lock_record::{LockAttempt, LockRecord};
use crate::coordination::locks::{self, local_minute, unlock_step};
use crate::coordination::{LockEntry, Locks, ReadLocks, Session};
use crate::error::{Error, Kind, Payload, Result};
use crate::git::Branch;
use crate::git::refs::ListedRefs;
use crate::ledger::{Channel, Decision, Ledger, Plan, TransactionResult, View, nonce};
use crate::ops::pick::apart;
use crate::ops::pick::choose::{self, Among};
use crate::ops::pick::decide::{PickDecision, PickParts, PickRefusal, PickRequest, PickView, Policy, decide};
use crate::ops::pick::planned_worktree::{self, Picker, PlannedWorktree};
use crate::ops::task_info::{PlanText, Surroundings};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{observe_lock, takeover};
use crate::project::index::Index;
use crate::task::{BRANCH_PREFIX, Status, Task, TaskId, TaskName, TaskPath};
use crate::worktrees::base::recorded;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Where the task is read, and for whom it is picked.
#[derive(Clone, Copy)]
pub(crate) enum PickSource<'a> {
    /// From the published task data, for this session.
    Published(&'a [Wanted], &'a Session),
    /// From the files of a checkout.
    WorkingCopy(&'a dyn WorkingCopy),
}

/// A checkout whose files, committed or not, are what a pick reads and changes. The scripts do so.
pub(crate) trait WorkingCopy {
    /// Whether the person for whom the task is picked may be known. Without a person, no lock is taken.
    fn may_be_somebodys(&self) -> Result<bool>;

    /// Reads the wanted task, without its lock.
    fn gather(&self, view: &View<'_>, data: &Branch) -> Result<PickView>;

    /// Which of the locked tasks are closed.
    fn stale(&self, held: &Locks) -> Vec<TaskId>;

    /// Turns a refusal into the conflicting lock, or into an error.
    fn refuse(&self, refusal: PickRefusal) -> Result<LockConflict>;
}

/// The outcome of a transaction.
#[derive(Debug)]
pub(crate) enum PickOutcome {
    /// The task is picked.
    Taken(Box<PickDecision>),
    /// Another session holds it. Only a working copy gets this as an outcome, and not as an error: after an outcome the
    /// checkouts are fast-forwarded, as the scripts do on a refusal.
    Refused(LockConflict),
}

/// The result of the operation.
#[derive(Debug)]
pub(crate) struct PickResult {
    /// What was published.
    pub(crate) landed: TransactionResult<PickOutcome>,
    /// Why the status is committed only locally.
    pub(crate) unpublished: Option<Error>,
}

/// The operation.
pub(crate) struct PickOperation<'a> {
    pub(super) context: &'a Context,
    policy: Policy,
    source: PickSource<'a>,
    nonce: String,
    pub(super) locks: Branch,
    pub(super) data: Branch,
    /// The time with its zone (RFC 3339).
    now: String,
    /// Who picks it; in a working copy known only after the task was read.
    session: Option<Session>,
    /// The lock that a takeover was decided on. A retry displaces exactly this one, so that a holder who refreshed the
    /// lock, or took it meanwhile, is not displaced.
    judged: Option<LockEntry>,
    /// Where the task was taken from another session: whether the task branch is published.
    pub(super) finds_work: Option<bool>,
    /// The locks of those who had the task before, and did not release it, newest first.
    pub(super) earlier: Vec<LockEntry>,
    /// Where the work will be.
    folder: PathBuf,
    /// The tasks of which the best is picked, where none is named.
    pub(super) among: Among,
    /// The tasks before the best one whose worktree something is in the way of, with what that is.
    pub(super) passed_over: BTreeMap<TaskId, String>,
    /// The worktree to add.
    pub(super) planned_worktree: Option<PlannedWorktree>,
    /// The active tasks.
    pub(super) active: Vec<TaskId>,
    /// The plan of the task.
    pub(super) plan: Option<PlanText>,
    /// The other tasks in work of which this clone knows a branch, with their locks.
    pub(super) in_work: Vec<(LockEntry, TaskName)>,
    /// What there is to say about a task that was to be apart from them.
    pub(super) apart_note: Option<String>,
    /// The branch that the task branch was cut from, where no worktree is added.
    recorded_base: Option<Branch>,
    /// The task whose lock was taken in a separate transaction.
    settled: Option<TaskPath>,
    /// The record of the pick in this clone.
    attempt: LockAttempt<'a>,
    /// The lock that the last attempt planned.
    planned_lock: Option<TakenLock>,
    /// Whether an attempt has published its lock already: a server without atomic push takes it before the task data.
    lock_landed: bool,
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
            attempt: LockAttempt::new(&context.repository, nonce.clone()).on(&context.channel),
            nonce,
            locks: Ledger::locks_branch()?,
            data: context.data_branch()?.clone(),
            now: Context::instant(),
            session,
            judged: None,
            finds_work: None,
            earlier: Vec::new(),
            folder: context.repository.root.clone(),
            among: Among::default(),
            passed_over: BTreeMap::new(),
            planned_worktree: None,
            active: Vec::new(),
            plan: None,
            in_work: Vec::new(),
            apart_note: None,
            recorded_base: None,
            settled: None,
            planned_lock: None,
            lock_landed: false,
        })
    }

    /// Publishes lock and status in one swap. Where the server refuses the task data, the lock is published alone,
    /// since it is what excludes other sessions, and the status is committed locally.
    pub(crate) fn run(&mut self) -> Result<PickResult> {
        let context = self.context;
        let (ledger, parts) = match &self.source {
            PickSource::Published(..) => (context.ledger(), PickParts::Both),
            PickSource::WorkingCopy(copy) => {
                let with_lock = context.channel != Channel::Local && copy.may_be_somebodys()?;
                let ledger = Ledger { data_only_branch: Some(self.data.clone()), ..context.ledger() };
                (ledger, if with_lock { PickParts::Both } else { PickParts::Status })
            }
        };
        let outcome = match self.transact(&ledger, parts) {
            Err(error) if self.may_publish_separately(&error, parts) => self.publish_separately(&ledger, parts, error),
            outcome => outcome.map(|landed| PickResult { landed, unpublished: None }),
        };
        outcome.inspect_err(|error| self.attempt.failed(error))
    }

    fn transact(&mut self, ledger: &Ledger<'_>, parts: PickParts) -> Result<TransactionResult<PickOutcome>> {
        let all = [self.locks.clone(), self.data.clone()];
        let branches = if parts == PickParts::Status { &all[1..] } else { &all[..] };
        ledger.transact(&self.nonce.clone(), branches, |view| self.attempt(view, parts))
    }

    fn attempt(&mut self, view: &View<'_>, parts: PickParts) -> Result<Decision<PickOutcome>> {
        self.now = Context::instant();
        self.lock_landed |= view.landed.contains(&self.locks);
        let (wanted, session) = match self.source {
            PickSource::Published(wanted, session) => (wanted, session),
            PickSource::WorkingCopy(copy) => {
                let outcome = self.gather_checkout(copy, view, parts).and_then(|seen| self.take(seen, None, parts));
                return outcome.or_else(|refusal| Ok(Decision::NoChange(PickOutcome::Refused(copy.refuse(refusal)?))));
            }
        };
        let index = Index::load(view, &self.data)?;
        self.active = index.active_ids().collect();
        let context = self.context;
        let refuse = |refusal| choose::refuse(context, session, refusal);
        let paths: Vec<_> = match &self.settled {
            Some(path) => vec![Ok(path.clone())],
            None if wanted.is_empty() => Vec::new(),
            None => wanted.iter().map(|wanted| index.require_active(wanted).cloned()).collect(),
        };
        let mut refusal = None;
        if paths.is_empty() {
            match self.take_next(view, &index, parts) {
                Ok(decision) => return Ok(decision),
                Err(refused) => refusal = Some(refused),
            }
        }
        for path in paths.iter().flatten() {
            self.announce(view, path);
        }
        for path in paths {
            let taken = match path {
                // A task that cannot be read is an error, and not a reason to pick the next one.
                Ok(path) => {
                    let seen = self.gather(view, &index, &path, parts)?;
                    self.take(seen, Some((view, &index)), parts)
                }
                Err(error) => Err(error.into()),
            };
            match taken {
                Ok(decision) => return Ok(decision),
                Err(refused) => drop(refusal.get_or_insert(refused)),
            }
        }
        let Some(refusal) = refusal else { return Err(Error::new(Kind::Bug, "a pick tried no task")) };
        let waiting = match &refusal {
            PickRefusal::Blocked(task, _) | PickRefusal::Children(task, _) => Some(*task),
            _ => None,
        };
        let takeover = match &refusal {
            PickRefusal::Held(in_the_way) if view.is_current => {
                Some(takeover(context, &in_the_way.lock, &session.host))
            }
            _ => None,
        };
        let error = refuse(refusal);
        if let Some(task) = waiting.filter(|_| view.is_current) {
            return Err(choose::with_circle_of(error, task, &index, view)?);
        }
        // Reading the ready tasks costs two processes, so alternatives are named only in the final refusal: of a lock,
        // on a fresh view.
        if error.kind() != Kind::Held || !view.is_current || wanted.is_empty() {
            return Err(error);
        }
        let around = Surroundings::new(context, index.active_ids());
        Err(choose::with_alternatives(error, takeover, &index, view, &around)?)
    }

    /// Says that adding the worktree of this task will ask for its branch.
    fn announce(&self, view: &View<'_>, path: &TaskPath) {
        if let (true, false, Ok(branch)) =
            (self.planned_worktree.is_some(), view.is_current, Branch::parse(&path.name().branch_name()))
        {
            view.will_ask(&branch);
        }
    }

    /// Takes the task that is next. What is in the way of its worktree must not keep everybody from all the others, so such
    /// a task is passed over; where no other is left, the refusal is that of the first.
    fn take_next(
        &mut self,
        view: &View<'_>,
        index: &Index,
        parts: PickParts,
    ) -> Result<Decision<PickOutcome>, PickRefusal> {
        self.passed_over.clear();
        let mut first = None;
        loop {
            let path = match self.next(view, index) {
                Err(error) if error.kind() == Kind::NothingToPick => return Err(first.unwrap_or(error).into()),
                path => path?,
            };
            self.announce(view, &path);
            let seen = self.gather(view, index, &path, parts)?;
            match self.take(seen, Some((view, index)), parts) {
                Err(PickRefusal::Failed(error)) if planned_worktree::is_about_one(self.context, &error) => {
                    self.passed_over.insert(path.id(), error.to_string());
                    first.get_or_insert(error);
                }
                taken => return taken,
            }
        }
    }

    /// The task to pick next: first one whose pick by this session was interrupted, so that the same command, run
    /// again, completes it; then the best ready one.
    fn next(&mut self, view: &View<'_>, index: &Index) -> Result<TaskPath> {
        let filter = self.among.filter.look_up(view, index)?;
        for task in LockRecord::cut_off(&self.context.repository) {
            let held = LockRecord::load(&self.context.repository, task);
            let is_ours =
                held.zip(view.lock(task)?).zip(self.session.as_ref()).is_some_and(|((held, lock), session)| {
                    let nameless = !lock.is_known() && !session.is_known();
                    held.is_about(&lock) && (nameless || lock.is_of_session(session))
                });
            let is_left = !self.among.except.contains(&task) && !self.passed_over.contains_key(&task);
            let is_among = is_ours && is_left;
            let Some(path) = index.active(task).filter(|_| is_among) else { continue };
            let document =
                (!self.among.filter.is_all()).then(|| index.load_document(view, path.as_str())).transpose()?;
            if document.is_none_or(|document| filter.matches(&Task::from_document(path.clone(), &document))) {
                return Ok(path.clone());
            }
        }
        let ready = choose::next(index, view, &self.among, &filter, &self.passed_over)?;
        let (path, note) = match self.session.as_ref().filter(|_| self.among.apart) {
            Some(session) => apart::choose(self.context, index, view, &ready, &session.host)?,
            None => (ready.into_iter().next().map(|task| task.path), None),
        };
        self.apart_note = note;
        path.ok_or_else(|| Error::new(Kind::Bug, "no task is ready, and that was not said"))
    }

    /// Reads a published task with its lock and its plan, and the locks of others in work. One process.
    fn gather(&mut self, view: &View<'_>, index: &Index, path: &TaskPath, parts: PickParts) -> Result<PickView> {
        let (id, file) = (path.id(), path.as_str().to_owned());
        let lock_file = (&self.locks, LockEntry::path(id));
        let mut wanted = vec![lock_file, Locks::request(&self.locks), (&self.data, file.clone())];
        let plan = index.plan(path).map(ToString::to_string);
        wanted.extend(plan.clone().map(|plan| (&self.data, plan)));
        let others: Vec<_> = if parts == PickParts::Status { Vec::new() } else { with_branch(self.context, index, id) };
        wanted.extend(others.iter().map(|other| (&self.locks, LockEntry::path(other.id()))));
        let found = view.read(&wanted)?;
        self.plan = plan.and_then(|path| PlanText::of(&found, &self.data, path));
        if parts != PickParts::Status {
            let held = found.require_locks()?;
            let others = others.into_iter().filter(|other| held.is_held(other.id()));
            let locked = others.map(|other| Ok(found.lock(other.id())?.map(|lock| (lock, other.name().clone()))));
            self.in_work = locked.filter_map(Result::transpose).collect::<Result<_>>()?;
        }
        let document = index.document(&found, &file)?;
        let task = Task::from_document(path.clone(), &document);
        let mut children: Vec<_> = index.children_of(id).chain(task.children.iter().copied()).collect();
        children.sort_unstable();
        children.dedup();
        let lock = found.lock(id)?.zip(self.claimant());
        let lock = lock.map(|(lock, claimant)| observe_lock(self.context, &claimant, lock));
        let email = self.session.as_ref().map(|session| session.email.clone());
        Ok(PickView { email, lock, children, blockers: index.blocked_by(&task), ..PickView::new(&task, document) })
    }

    /// Reads a task of a working copy; with its lock, where that is to be taken.
    fn gather_checkout(
        &mut self,
        copy: &dyn WorkingCopy,
        view: &View<'_>,
        parts: PickParts,
    ) -> Result<PickView, PickRefusal> {
        let mut seen = copy.gather(view, &self.data)?;
        // A closed task is refused whether or not it is locked.
        if parts == PickParts::Status || seen.before.is_closed() {
            return Ok(seen);
        }
        let Some(email) = &seen.email else { return Ok(seen) };
        let id = seen.path.id();
        let found = view.read(&[(&self.locks, LockEntry::path(id)), Locks::request(&self.locks)])?;
        let held = found.require_locks()?;
        if self.session.is_none() {
            self.session = Some(Session::of_script(&self.context.repository, email, self.context.progress)?);
        }
        let lock = found.lock(id)?.zip(self.claimant());
        seen.lock = lock.map(|(lock, claimant)| {
            // A lock of the scripts has no nonce that would tell.
            let is_planned =
                |planned: &TakenLock| planned.entry == LockEntry { token: planned.entry.token.clone(), ..lock.clone() };
            let is_ours = self.lock_landed && self.planned_lock.as_ref().is_some_and(is_planned);
            let observed = observe_lock(self.context, &claimant, lock);
            let evidence = if is_ours { LocalEvidence::ThisCommand } else { observed.evidence };
            ObservedLock { evidence, ..observed }
        });
        seen.stale = copy.stale(&held);
        Ok(seen)
    }

    fn claimant(&self) -> Option<LockRequest<'_>> {
        let Policy { rule, takeover, .. } = self.policy;
        let (judged, nonce, now) = (self.judged.as_ref(), self.nonce.as_str(), self.now.as_str());
        let folder = Some(self.folder.as_path());
        let base = self.planned_worktree.as_ref().and_then(PlannedWorktree::base).or(self.recorded_base.as_ref());
        self.session.as_ref().map(|session| LockRequest { session, rule, takeover, judged, nonce, now, folder, base })
    }

    fn decide(&self, seen: PickView, parts: PickParts) -> Result<PickDecision, PickRefusal> {
        let claimant = self.claimant().filter(|_| seen.email.is_some());
        let (policy, now, locks, data) = (self.policy, &local_minute(&self.now), &self.locks, &self.data);
        decide(seen, &PickRequest { policy, claimant, parts, now, locks, data })
    }

    fn take(
        &mut self,
        seen: PickView,
        published: Option<(&View<'_>, &Index)>,
        parts: PickParts,
    ) -> Result<Decision<PickOutcome>, PickRefusal> {
        if self.planned_worktree.is_some() {
            self.folder = self.context.repository.root.join(seen.path.name().worktree_dir());
        }
        self.recorded_base = None;
        let (path, there) = (seen.path.clone(), seen.lock.as_ref().map(|observed| observed.lock.clone()));
        let is_in_work = Status::parse(&seen.before.status) == Status::Implementing;
        let mut taking = self.decide(seen.clone(), parts)?;
        if let (Some(planned_worktree), Some(published), true) =
            (&mut self.planned_worktree, published, parts != PickParts::Status)
        {
            let takes_over = self.policy.takeover == Takeover::Wanted;
            let picker = self.session.as_ref().map(|session| Picker { session, takes_over });
            planned_worktree.find(self.context, published, &path, there.as_ref(), picker)?;
            // Nothing that refuses has changed; the lock names the base.
            taking = self.decide(seen, parts)?;
        } else if let (Some((view, _)), true) = (published, parts != PickParts::Status) {
            planned_worktree::require_no_former_name(self.context, &path)?;
            if there.is_none() {
                self.recorded_base = recorded(self.context, view, &path, None)?;
                if self.recorded_base.is_some() {
                    taking = self.decide(seen, parts)?;
                }
            }
        }
        if let (Some(lock), Some(planned)) = (&mut taking.lock, &self.planned_lock)
            && lock.entry.task == planned.entry.task
            && lock.before.as_ref().is_some_and(|before| before.observed.evidence == LocalEvidence::ThisCommand)
        {
            // The lock is that of an earlier attempt; what the pick found was there before that one.
            lock.before.clone_from(&planned.before);
        }
        self.planned_lock.clone_from(&taking.lock);
        let is_written = taking.lock.as_ref().is_some_and(|lock| lock.step.is_some());
        if taking.lock.as_ref().is_some_and(|lock| lock.displaced().is_some()) {
            self.judged.clone_from(&there);
        }
        let before = taking.lock.as_ref().and_then(|lock| lock.before.as_ref());
        let is_takeover = before.is_some_and(|before| before.ownership != Ownership::Ours);
        // A task in work without a lock was unlocked by force.
        let is_unlocked = is_in_work && there.is_none() && parts != PickParts::Status && !self.lock_landed;
        self.earlier.clear();
        if let (Some((view, _)), true) = (published, is_takeover || is_unlocked) {
            let is_shared = self.context.channel != Channel::Local;
            self.finds_work = is_shared.then(|| is_published(view, &path)).transpose()?;
            self.earlier = locks::since_release(view, path.id())?;
        }
        let plan = std::mem::take(&mut taking.plan);
        if plan.is_empty() {
            return Ok(Decision::NoChange(PickOutcome::Taken(Box::new(taking))));
        }
        if self.policy.rule == LockRule::Verb && is_written && !self.context.dry_run {
            self.attempt.begin(path.id(), there.as_ref(), Some(&self.data))?;
        }
        Ok(Decision::Publish(plan, PickOutcome::Taken(Box::new(taking))))
    }

    /// Whether the lock may be published without the task data, after this error.
    fn may_publish_separately(&self, error: &Error, parts: PickParts) -> bool {
        let is_denied = error.is_denied_for(self.data.as_str());
        match self.policy.rule {
            LockRule::Verb => is_denied,
            LockRule::Script => {
                let is_offline = matches!(error.kind(), Kind::Unreachable | Kind::NoRemote | Kind::Authentication);
                // Hooks run for pushes of the code branch, which may carry the task data; none runs for the lock
                // branch.
                let by_hook = error.payloads().iter().any(|payload| matches!(payload, Payload::Hook { .. }));
                is_denied || by_hook || (parts == PickParts::Status && is_offline)
            }
        }
    }

    /// Publishes the lock, where one is to be taken, and then commits the status locally. The lock comes first: a
    /// status without a lock would announce work that excludes nobody, while a lock without a status only delays the
    /// status.
    fn publish_separately(&mut self, ledger: &Ledger<'_>, parts: PickParts, error: Error) -> Result<PickResult> {
        self.lock_landed |= ledger.lacks_atomic_push();
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
                // The lock is what excludes other sessions, so it is kept when the status cannot be committed.
                if let Err(error) = committed {
                    (self.context.progress)(&format!("the status could not be committed locally: {error}"));
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

/// The other active tasks of which this clone may know a branch. No process.
fn with_branch<'i>(context: &Context, index: &'i Index, picked: TaskId) -> Vec<&'i TaskPath> {
    let remote = context.channel.remote().map(|remote| format!("refs/remotes/{remote}/{BRANCH_PREFIX}"));
    let prefixes = std::iter::once(format!("refs/heads/{BRANCH_PREFIX}")).chain(remote);
    let listed = ListedRefs::of(&context.repository, prefixes);
    let names = listed.names().map(|names| names.filter_map(|name| name.as_str().rsplit('/').next()));
    let names: Option<BTreeSet<_>> = names.map(Iterator::collect);
    let is_known = |path: &TaskPath| names.as_ref().is_none_or(|names| names.contains(path.name().as_str()));
    let active = index.active.iter().map(|(path, _)| path);
    active.filter(|path| path.id() != picked && is_known(path)).collect()
}

/// Whether a task that is taken from another session has a published branch. Its holder may have pushed it by hand, which
/// the lock does not show, so without one the view must be current.
///
/// # Errors
/// [`Kind::Behind`] on a view that is not current.
fn is_published(view: &View<'_>, path: &TaskPath) -> Result<bool> {
    let branch = Branch::parse(&path.name().branch_name())?;
    let is_published = view.task_branch(&branch)?.published.is_some();
    if is_published || view.is_current {
        return Ok(is_published);
    }
    Err(Error::new(Kind::Behind, format!("whether {branch} is published is not known yet")))
}

/// Releases a lock after the second transaction failed, as the scripts do; only where nobody held the task before, and
/// the lock is still the one that this command wrote.
fn release_lock(ledger: &Ledger<'_>, locked: &TransactionResult<PickOutcome>) -> Result<()> {
    let PickOutcome::Taken(taking) = &locked.value else { return Ok(()) };
    let id = taking.task.id;
    let (branch, path) = (Ledger::locks_branch()?, LockEntry::path(id));
    let Some(lock) = taking.lock.as_ref().filter(|lock| lock.before.is_none()) else { return Ok(()) };
    let written = locked.blobs.get(&path).or(lock.entry.token.as_ref());
    let released = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        if view.object(&branch, &path)?.map(|found| found.oid).as_ref() != written {
            return Ok(Decision::NoChange(()));
        }
        Ok(Decision::Publish(Plan::new().step(&branch, unlock_step(id)), ()))
    });
    released.map(drop)
}
