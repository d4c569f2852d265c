//! The records of this clone about the tasks it took: the nonce of the lock, which gives the right to finish or drop,
//! and the base of the task branch. Losing a record costs convenience, not safety: the lock on the branch decides.

use crate::coordination::Session;
use crate::coordination::agents::SESSION;
use crate::coordination::locks::LockEntry;
use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::files::records::{RecordKind, Records};
use crate::git::{Branch, Oid, RemoteName, Repository};
use crate::ledger::Channel;
use crate::task::TaskId;

/// How many former holders are noted of a task; each is told when it comes back.
const FORMER: usize = 8;

/// In the place of the remote of a lock that was taken without one.
const ALONE: &str = ".";

/// The record of one task, the file `held/tID.json` of the private records.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct LockRecord {
    /// The nonce of the lock that was taken, or is being taken.
    pub(crate) nonce: String,
    /// The process of the command that is taking the lock; absent once that is complete.
    pub(crate) taking: Option<ProcessIdentity>,
    /// The process of the session since it was started again, as a later command of it has noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) again: Option<ProcessIdentity>,
    /// The nonces of earlier attempts that were interrupted and that may still be published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<String>,
    /// The record of the last completed attempt, while another one is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<Self>>,
    /// The base: the branch that the task branch was cut from.
    #[serde(default)]
    pub(crate) base: Option<String>,
    /// The branch of the main worktree when the task was picked without a worktree: where its work goes from a task branch
    /// that is checked out there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) picked_on: Option<String>,
    /// The branch that carried the task data when the lock was taken.
    #[serde(default)]
    pub(crate) data: Option<String>,
    /// The remote on which the lock was taken, or [`ALONE`]; unknown in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
    /// The record of the lock that this clone took on its remote, while it coordinates without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<Box<Self>>,
    /// The commit that the task branch was cut from.
    #[serde(default)]
    pub(crate) base_commit: Option<String>,
    /// Whether the work has landed, so that only the task file is left to finish.
    #[serde(default)]
    pub(crate) merged: bool,
    /// The lock of the completed attempt, as its file was; unknown in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<String>,
    /// The name of the session that took it, as its user gave it: locks, which may be public, have only a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_name: Option<String>,
    /// The locks of sessions of this clone from which others have taken the task, as their files were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) former: Vec<String>,
    /// The tips of the task branch that this clone pushed last, or was pushing when it was interrupted. A push may
    /// replace one of them and no other tip, so that commits of another clone are never overwritten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pushed: Vec<String>,
    /// The tip that was pushed for a pull request, or was being pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested: Option<String>,
    /// The merges that were being published and may still land.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) landings: Vec<Landing>,
}

/// An attempt to take a lock. Its record is written before the push, so that a command that is killed can be told from
/// another session afterwards. An attempt that failed leaves no record; one that may have landed keeps it.
#[derive(Debug)]
pub(crate) struct LockAttempt<'a> {
    repository: &'a Repository,
    nonce: String,
    remote: Option<String>,
    task: Option<TaskId>,
}

impl<'a> LockAttempt<'a> {
    /// An attempt without a task yet; `nonce` is that of the lock.
    pub(crate) fn new(repository: &'a Repository, nonce: String) -> Self {
        Self { repository, nonce, remote: None, task: None }
    }

    /// The attempt, of a lock that is published there.
    pub(crate) fn on(self, channel: &Channel) -> Self {
        Self { remote: Some(channel.remote().map_or(ALONE, RemoteName::as_str).to_owned()), ..self }
    }

    /// Records, before anything is published, that the lock of this task is being taken and replaces `lock`; `data` is
    /// the branch of the task data, where that is known.
    pub(crate) fn begin(&mut self, task: TaskId, lock: Option<&LockEntry>, data: Option<&Branch>) -> Result<()> {
        // The task of the previous attempt went to another holder. Its record would make the next command look for it.
        if let Some(lost) = self.task.replace(task).filter(|lost| *lost != task) {
            LockRecord::forget_attempt(self.repository, lost, &self.nonce);
        }
        let held = LockRecord::begin(self.repository, task, self.nonce.clone(), lock);
        let data = data.map(ToString::to_string).or_else(|| held.data.clone());
        // Without a remote, what was taken on one stays taken there.
        let is_alone = self.remote.as_deref() == Some(ALONE);
        // An older record does not say where its lock was taken: it is kept, since it may be that of a remote.
        let shared = if held.is_alone() { held.shared.clone() } else { held.before.clone() }.filter(|_| is_alone);
        let remote = self.remote.clone().or_else(|| held.remote.clone());
        let session_name = self.repository.git().environment().text(SESSION).map(str::to_owned);
        LockRecord { data, remote, shared, session_name, ..held }.save(self.repository, task)
    }

    /// Removes the record of an attempt that failed, unless it may have landed.
    pub(crate) fn failed(&self, error: &Error) {
        if let (Some(task), true) = (self.task, error.kind() != Kind::Unknown) {
            LockRecord::forget_attempt(self.repository, task, &self.nonce);
        }
    }
}

/// A merge of the task branch that this clone began to publish.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Landing {
    /// The tip that was merged.
    pub(crate) tip: String,
    /// The nonce of the commits that were made for it.
    pub(crate) nonce: String,
}

impl LockRecord {
    /// The record of a task that this clone does not hold yet. It may have pushed the branch when it held it before.
    fn of_new(repository: &Repository, task: TaskId, nonce: String) -> Self {
        let before: Option<Self> = repository.records().load(RecordKind::Pushed, &name(task));
        Self { pushed: before.map_or_else(Vec::new, |before| before.pushed), ..Self::new(nonce) }
    }

    /// A record with nothing but the nonce.
    pub(crate) fn new(nonce: String) -> Self {
        Self {
            nonce,
            taking: None,
            again: None,
            earlier: Vec::new(),
            before: None,
            base: None,
            picked_on: None,
            data: None,
            remote: None,
            shared: None,
            base_commit: None,
            merged: false,
            lock: None,
            session_name: None,
            former: Vec::new(),
            pushed: Vec::new(),
            requested: None,
            landings: Vec::new(),
        }
    }

    /// The record of an attempt that this process begins now, continuing an earlier record; `lock` is the one it
    /// replaces.
    pub(crate) fn begin(repository: &Repository, task: TaskId, nonce: String, lock: Option<&LockEntry>) -> Self {
        let taking = ProcessIdentity::of_process(repository, std::process::id());
        let Some(known) = Self::load(repository, task) else {
            return Self { taking, ..Self::of_new(repository, task, nonce) };
        };
        let mut earlier = known.earlier.clone();
        if known.was_cut_off(repository) {
            earlier.push(known.nonce.clone());
        }
        // Once another session held the task, it may have added work that has not landed.
        let is_own = lock.filter(|lock| known.is_about(lock));
        let merged = known.merged && is_own.is_some();
        let mut former = known.former.clone();
        // Where the lock is of another clone, or there is none, the last session of this clone was displaced from there.
        if let Some(lock) = is_own.map(text_of).or_else(|| known.completed().cloned()) {
            former.retain(|other| *other != lock);
            former.push(lock);
        }
        let first = former.len().saturating_sub(FORMER);
        former.drain(..first);
        let before = if known.taking.is_some() { known.before.clone() } else { Some(Box::new(known.clone())) };
        Self { nonce, taking, again: None, earlier, before, merged, lock: None, former, ..known }
    }

    /// The record of a completed attempt, with what the earlier record knew of the task.
    pub(crate) fn taken(repository: &Repository, lock: &LockEntry, nonce: String) -> Self {
        let text = Some(text_of(lock));
        let Some(known) = Self::load(repository, lock.task) else {
            return Self { lock: text, ..Self::of_new(repository, lock.task, nonce) };
        };
        let known = known.about(lock);
        let merged = known.merged && known.is_about(lock);
        Self { nonce, taking: None, again: None, earlier: Vec::new(), before: None, merged, lock: text, ..known }
    }

    /// The name of the session of a lock, where it was taken in this clone by one with a name.
    pub(crate) fn session_name(repository: &Repository, lock: &LockEntry) -> Option<String> {
        let digest = lock.session()?;
        let name = Self::load(repository, lock.task)?.session_name?;
        (digest::of(name.as_bytes()) == digest).then_some(name)
    }

    /// The record about this lock, where it is that of the remote.
    fn about(mut self, lock: &LockEntry) -> Self {
        match self.shared.take_if(|shared| shared.is_about(lock)) {
            Some(shared) => *shared,
            None => self,
        }
    }

    /// Whether the lock was taken without a remote, so that nobody else saw it: another one on a remote took nothing from
    /// this clone.
    pub(crate) fn is_alone(&self) -> bool {
        self.remote.as_deref() == Some(ALONE)
    }

    /// Notes that a lock is on the remote by now that this clone took without one, or before it had none.
    pub(crate) fn note_shared(repository: &Repository, remote: &RemoteName, lock: &LockEntry) -> Result<()> {
        let held = Self::load(repository, lock.task).filter(|held| held.is_alone() && held.is_about(lock));
        let Some(held) = held.map(|held| held.about(lock)) else { return Ok(()) };
        Self { remote: Some(remote.to_string()), shared: None, ..held }.save(repository, lock.task)
    }

    /// The record with the base that the lock names, where this clone has not cut the branch itself.
    pub(crate) fn with_base_of(self, lock: &LockEntry) -> Self {
        let base = self.base.clone().or_else(|| lock.base().map(|base| base.to_string()));
        Self { base, ..self }
    }

    /// The tasks with an attempt that was interrupted, those that this process is taking again included.
    pub(crate) fn cut_off(repository: &Repository) -> Vec<TaskId> {
        let mut tasks = Self::tasks(repository);
        tasks.retain(|task| {
            Self::load(repository, *task).is_some_and(|held| !held.earlier.is_empty() || held.was_cut_off(repository))
        });
        tasks
    }

    /// The tasks that have a record.
    pub(crate) fn tasks(repository: &Repository) -> Vec<TaskId> {
        let names = repository.records().names(RecordKind::Held);
        let mut tasks: Vec<_> =
            names.iter().filter_map(|name| TaskId::try_parse(name.strip_suffix(".json")?)).collect();
        tasks.sort_unstable();
        tasks
    }

    /// Reads the record of a task; `None` for a missing or broken one.
    pub(crate) fn load(repository: &Repository, task: TaskId) -> Option<Self> {
        Self::load_of(&repository.records(), task)
    }

    /// [`Self::load`] from the records of any clone.
    pub(crate) fn load_of(records: &Records, task: TaskId) -> Option<Self> {
        records.load(RecordKind::Held, &name(task))
    }

    /// Writes the record of a task.
    pub(crate) fn save(&self, repository: &Repository, task: TaskId) -> Result<()> {
        repository.records().save(RecordKind::Held, &name(task), self)
    }

    /// Removes the records of a task that is over.
    pub(crate) fn forget(repository: &Repository, task: TaskId) -> Result<()> {
        repository.records().forget(RecordKind::Pushed, &name(task))?;
        Self::forget_right(repository, task)
    }

    /// Removes the record of a task that goes on with another holder there. What this clone pushed last of its branch is
    /// kept first: it may still be replaced by this clone, as long as it is what the remote has. Where a lock is given back
    /// that was taken without a remote, the record of that on the remote stays.
    pub(crate) fn give_back(repository: &Repository, channel: &Channel, task: TaskId) -> Result<()> {
        let mut held = Self::load(repository, task);
        if let Some(shared) = held.as_mut().and_then(|held| held.shared.take_if(|_| *channel == Channel::Local)) {
            return shared.save(repository, task);
        }
        if let Some(held) = held.filter(|held| !held.pushed.is_empty()) {
            repository.records().save(RecordKind::Pushed, &name(task), &held)?;
        }
        Self::forget_right(repository, task)
    }

    fn forget_right(repository: &Repository, task: TaskId) -> Result<()> {
        repository.records().forget(RecordKind::Held, &name(task))
    }

    /// Removes the record of a failed attempt, unless the record is of another attempt, and restores the record before
    /// it. Best effort: the record alone holds no task.
    pub(crate) fn forget_attempt(repository: &Repository, task: TaskId, nonce: &str) {
        let Some(mut held) = Self::load(repository, task).filter(|held| held.nonce == nonce) else { return };
        let _ = match (held.earlier.pop(), held.before.take()) {
            (None, None) => Self::forget_right(repository, task),
            (None, Some(before)) => before.save(repository, task),
            (Some(nonce), before) => Self { nonce, before, ..held }.save(repository, task),
        };
    }

    /// Notes the process of the session that holds the lock, where that was started again since it took it: others must
    /// not take it for dead. Best effort: a pick of that session writes the process into the lock.
    pub(crate) fn note_process(self, repository: &Repository, session: &Session, lock: &LockEntry) {
        let again = Some(session.process.clone());
        if is_again(session, lock) && self.is_about(lock) && self.again != again {
            let _ = Self { again, ..self }.save(repository, lock.task);
        }
    }

    /// [`Self::note_process`] by a command that only reads, and so writes nothing but what is kept to be fast.
    pub(crate) fn note_process_of_reader(repository: &Repository, session: &Session, lock: &LockEntry) {
        let records = repository.records();
        let (process, Some(nonce)) = (session.process.clone(), lock.nonce.clone()) else { return };
        let noted = Again { nonce, process };
        if is_again(session, lock) && records.load(RecordKind::Again, &name(lock.task)).as_ref() != Some(&noted) {
            let _ = records.note(RecordKind::Again, &name(lock.task), &noted);
        }
    }

    /// Whether the session of a lock lives ([`LockEntry::liveness`]), also as the process that this clone has noted.
    pub(crate) fn liveness(repository: &Repository, lock: &LockEntry, host: &str) -> Liveness {
        Self::process_and_liveness(repository, lock, host).1
    }

    /// The process id of the session of a lock, with [`Self::liveness`].
    pub(crate) fn process_and_liveness(
        repository: &Repository,
        lock: &LockEntry,
        host: &str,
    ) -> (Option<u32>, Liveness) {
        let found = lock.liveness(repository, host);
        let again = || {
            let held = Self::load(repository, lock.task).filter(|held| held.is_about(lock))?;
            let seen: Option<Again> = repository.records().load(RecordKind::Again, &name(lock.task));
            let seen = seen.filter(|seen| lock.nonce.as_ref() == Some(&seen.nonce)).map(|seen| seen.process);
            let mut noted = held.again.into_iter().chain(seen);
            noted.find(|process| process.liveness(repository) == Liveness::Alive)
        };
        let may_be_again = found != Liveness::Alive && lock.session().is_some() && lock.unjudged().is_none();
        match may_be_again.then(again).flatten() {
            Some(process) => (process.number(), Liveness::Alive),
            None => (lock.process.number(), found),
        }
    }

    /// The lock of the last attempt that was completed, as its file was.
    pub(crate) fn completed(&self) -> Option<&String> {
        let last = if self.taking.is_some() { self.before.as_deref() } else { Some(self) };
        last.and_then(|last| last.lock.as_ref())
    }

    /// Whether the task branch at this commit still is where this clone cut it.
    pub(crate) fn is_cut_at(&self, tip: &Oid) -> bool {
        self.base_commit.as_deref() == Some(tip.as_str())
    }

    /// Whether this clone took the lock, by its records.
    pub(crate) fn has_taken(repository: &Repository, lock: &LockEntry) -> bool {
        Self::load(repository, lock.task).is_some_and(|held| held.is_about(lock))
    }

    /// Whether the lock, which is not of the session that asks, took the task from it. `email` is its address, and
    /// `is_of_it` tells whether a lock is of that session.
    pub(crate) fn is_taken_over(
        &self,
        lock: &LockEntry,
        email: Option<&str>,
        is_of_it: impl Fn(&LockEntry) -> bool,
    ) -> bool {
        // Another session of this clone took it: only who held it before is told.
        let is_former = || self.former.iter().any(|text| is_of_it(&LockEntry::parse(lock.task, text.as_bytes(), None)));
        // A script, run by the same person, leaves a lock that cannot be told from one of this session.
        let is_untold = || email == Some(lock.holder.as_str()) && !lock.is_known();
        (if self.is_about(lock) { is_former() } else { !is_untold() && !self.is_alone() }) && !is_of_it(lock)
    }

    /// Whether this record is about the lock.
    pub(crate) fn is_about(&self, lock: &LockEntry) -> bool {
        let Some(nonce) = &lock.nonce else { return false };
        let before = self.before.as_ref().is_some_and(|before| before.nonce == *nonce);
        let shared = self.shared.as_ref().is_some_and(|shared| shared.is_about(lock));
        *nonce == self.nonce || self.earlier.contains(nonce) || before || shared
    }

    /// Whether the lock is of an attempt that was interrupted.
    pub(crate) fn is_leftover(&self, repository: &Repository, lock: &LockEntry) -> bool {
        let Some(nonce) = &lock.nonce else { return false };
        self.earlier.contains(nonce) || (*nonce == self.nonce && self.was_cut_off(repository))
    }

    /// Whether the command that was taking the lock has ended before it was complete.
    pub(crate) fn was_cut_off(&self, repository: &Repository) -> bool {
        self.taking.as_ref().is_some_and(|process| {
            process.scope.as_ref().is_some_and(|scope| scope.is_over(repository))
                || process.liveness(repository) == Liveness::Dead
        })
    }
}

/// The process of a session that was started again since it took a lock, as a command of it that only reads has noted.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Again {
    nonce: String,
    process: ProcessIdentity,
}

/// Whether a lock is of this session, and its process is another one since.
fn is_again(session: &Session, lock: &LockEntry) -> bool {
    let is_named = lock.session().is_some() && lock.session() == session.name.digest.as_deref();
    let has_process = session.process.number().is_some();
    has_process && !lock.process.is_same(&session.process) && is_named && lock.is_of(session)
}

fn text_of(lock: &LockEntry) -> String {
    String::from_utf8_lossy(&lock.to_bytes()).into_owned()
}

fn name(task: TaskId) -> String {
    format!("{}.json", task.prefixed())
}

#[cfg(test)]
mod tests;
