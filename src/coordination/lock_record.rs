//! What this clone remembers of the tasks it took: the nonce of the lock, which is the right to finish or drop, and
//! the branch the work was cut from. Losing it loses comfort, not safety.

use crate::coordination::locks::LockEntry;
use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::error::{Error, Kind, Result};
use crate::files::records::RecordKind;
use crate::git::{Branch, Repository};
use crate::task::TaskId;

/// The record of one task.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct LockRecord {
    /// The nonce of the lock that was taken, or is being taken.
    pub(crate) nonce: String,
    /// The process that takes it; gone once the taking is complete.
    pub(crate) taking: Option<ProcessIdentity>,
    /// The nonces of takings that were cut off before this one, and may still land.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<String>,
    /// The record of the last taking that was completed, while another one is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<Self>>,
    /// The branch the task branch was cut from.
    #[serde(default)]
    pub(crate) base: Option<String>,
    /// The branch that carries its task data.
    #[serde(default)]
    pub(crate) data: Option<String>,
    /// The commit it was cut from.
    #[serde(default)]
    pub(crate) base_commit: Option<String>,
    /// The work has landed; what is left is the task.
    #[serde(default)]
    pub(crate) merged: bool,
    /// The tips of the task branch that this clone pushed last, or was pushing when it was cut off: a push may replace
    /// them, and no other tip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pushed: Vec<String>,
    /// The merges that were being published, and may land still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) landings: Vec<Landing>,
}

/// The record of a taking while it is being published. One that failed leaves none; one that may have landed keeps it, to be
/// found again.
#[derive(Debug)]
pub(crate) struct LockAttempt<'a> {
    repository: &'a Repository,
    nonce: String,
    task: Option<TaskId>,
}

impl<'a> LockAttempt<'a> {
    /// One that is about no task yet; `nonce` is that of the lock.
    pub(crate) fn new(repository: &'a Repository, nonce: String) -> Self {
        Self { repository, nonce, task: None }
    }

    /// Notes, before anything is published, that the lock of this task is being taken in the place of another one; `data`
    /// is the branch of its task data, where that is known.
    pub(crate) fn begin(&mut self, task: TaskId, lock: Option<&LockEntry>, data: Option<&Branch>) -> Result<()> {
        // Another task was lost to somebody else: what may have landed of it would be looked at again first.
        if let Some(lost) = self.task.replace(task).filter(|lost| *lost != task) {
            LockRecord::forget_attempt(self.repository, lost, &self.nonce);
        }
        let held = LockRecord::begin(self.repository, task, self.nonce.clone(), lock);
        let data = data.map(ToString::to_string).or_else(|| held.data.clone());
        LockRecord { data, ..held }.save(self.repository, task)
    }

    /// The taking failed.
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
    /// What marks the commits that were made for it.
    pub(crate) nonce: String,
}

impl LockRecord {
    /// A record that knows no more than the nonce.
    pub(crate) fn new(nonce: String) -> Self {
        Self {
            nonce,
            taking: None,
            earlier: Vec::new(),
            before: None,
            base: None,
            data: None,
            base_commit: None,
            merged: false,
            pushed: Vec::new(),
            landings: Vec::new(),
        }
    }

    /// The record of a taking that this process begins now, going on from an earlier one; `lock` is the one it replaces.
    pub(crate) fn begin(repository: &Repository, task: TaskId, nonce: String, lock: Option<&LockEntry>) -> Self {
        let taking = ProcessIdentity::of_process(repository, std::process::id());
        let Some(known) = Self::load(repository, task) else { return Self { taking, ..Self::new(nonce) } };
        let mut earlier = known.earlier.clone();
        if known.was_cut_off(repository) {
            earlier.push(known.nonce.clone());
        }
        // What landed of the work is all of it only while nobody else had the task.
        let merged = known.merged && lock.is_some_and(|lock| known.is_about(lock));
        let before = if known.taking.is_some() { known.before.clone() } else { Some(Box::new(known.clone())) };
        Self { nonce, taking, earlier, before, merged, ..known }
    }

    /// The record of a taking that is complete, with what was known of the task before.
    pub(crate) fn taken(repository: &Repository, lock: &LockEntry, nonce: String) -> Self {
        let Some(known) = Self::load(repository, lock.task) else { return Self::new(nonce) };
        let merged = known.merged && known.is_about(lock);
        Self { nonce, taking: None, earlier: Vec::new(), before: None, merged, ..known }
    }

    /// The tasks whose taking was cut off, those that this process takes again included.
    pub(crate) fn cut_off(repository: &Repository) -> Vec<TaskId> {
        let names = repository.records().names(RecordKind::Held);
        let mut tasks: Vec<_> =
            names.iter().filter_map(|name| TaskId::try_parse(name.strip_suffix(".json")?)).collect();
        tasks.sort_unstable();
        tasks.retain(|task| {
            Self::load(repository, *task).is_some_and(|held| !held.earlier.is_empty() || held.was_cut_off(repository))
        });
        tasks
    }

    /// Reads the record of a task; a missing or broken one is none.
    pub(crate) fn load(repository: &Repository, task: TaskId) -> Option<Self> {
        repository.records().load(RecordKind::Held, &name(task))
    }

    /// Writes the record of a task.
    pub(crate) fn save(&self, repository: &Repository, task: TaskId) -> Result<()> {
        repository.records().save(RecordKind::Held, &name(task), self)
    }

    /// Forgets a task.
    pub(crate) fn forget(repository: &Repository, task: TaskId) -> Result<()> {
        repository.records().forget(RecordKind::Held, &name(task))
    }

    /// Forgets a taking that failed, unless the record is of another one: what was known before it is put back. Best
    /// effort: it holds nothing.
    pub(crate) fn forget_attempt(repository: &Repository, task: TaskId, nonce: &str) {
        let Some(mut held) = Self::load(repository, task).filter(|held| held.nonce == nonce) else { return };
        let _ = match (held.earlier.pop(), held.before.take()) {
            (None, None) => Self::forget(repository, task),
            (None, Some(before)) => before.save(repository, task),
            (Some(nonce), before) => Self { nonce, before, ..held }.save(repository, task),
        };
    }

    /// Whether a lock is the one this record is about.
    pub(crate) fn is_about(&self, lock: &LockEntry) -> bool {
        let Some(nonce) = &lock.nonce else { return false };
        let before = self.before.as_ref().is_some_and(|before| before.nonce == *nonce);
        *nonce == self.nonce || self.earlier.contains(nonce) || before
    }

    /// Whether a lock is that of a taking which was cut off.
    pub(crate) fn is_leftover(&self, repository: &Repository, lock: &LockEntry) -> bool {
        let Some(nonce) = &lock.nonce else { return false };
        self.earlier.contains(nonce) || (*nonce == self.nonce && self.was_cut_off(repository))
    }

    /// Whether the command that was taking the task died over it.
    pub(crate) fn was_cut_off(&self, repository: &Repository) -> bool {
        self.taking.as_ref().is_some_and(|process| {
            process.scope.as_ref().is_some_and(|scope| scope.is_over(repository))
                || process.liveness(repository) == Liveness::Dead
        })
    }
}

fn name(task: TaskId) -> String {
    format!("{}.json", task.prefixed())
}
