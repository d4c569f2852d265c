//! What is decided about a lock: from what was seen of the lock and of its holder, without a process or a file.

use crate::coordination::locks::{lock_step, unlock_step};
use crate::coordination::process::Liveness;
use crate::coordination::{LockEntry, Locks, Session};
use crate::git::Branch;
use crate::ledger::Plan;
use crate::ledger::plan::Step;
use crate::task::TaskId;

/// Whom a session may displace without being told to, and what a lock of it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockRule {
    /// `git aitask`: a session of the same person that is certainly dead. The lock carries a nonce, and one that this session
    /// has already is kept.
    Verb,
    /// The scripts: besides, every session of the same person on another machine, and one that left no process. The lock
    /// has no nonce, and is written again.
    Script,
}

/// Whether a lock of somebody else is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// It is in the way.
    Refused,
    /// It is replaced, as long as it is the one that was decided on.
    Wanted,
}

/// A lock, and what was seen of its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedLock {
    /// The lock.
    pub(crate) lock: LockEntry,
    /// Whether its session lives; looked at for the same person only.
    pub(crate) liveness: Liveness,
    /// What this clone remembers of it.
    pub(crate) memory: LocalEvidence,
}

/// What this clone remembers of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalEvidence {
    /// Nothing that counts.
    Nothing,
    /// The command that looks wrote it, in an earlier attempt on a server that takes one branch at a time.
    ThisCommand,
    /// It was taken here by a session without a process, and a session without one stands in the task's worktree.
    Worktree,
    /// A command was killed here while taking it, and neither its session nor this one names a process.
    CutOff,
}

/// How a lock stands to a session that wants to take the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// This very session holds it; or a command of this person was killed in this clone while taking it, and neither that
    /// session nor this one can be named.
    Ours,
    /// Another session of the same person had it, which may be displaced.
    Left,
    /// Somebody is in the way.
    LockConflict(HeldBy),
}

/// Who is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldBy {
    /// Another person.
    Other,
    /// A live session of the same person.
    Live,
    /// A session of the same person that nobody can judge.
    Unverifiable,
}

/// Why a lock was not taken: the one in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockConflict {
    /// It.
    pub(crate) lock: Box<LockEntry>,
    /// Whose it is.
    pub(crate) by: HeldBy,
    /// It is not the lock that an earlier attempt of the same command decided to replace.
    pub(crate) changed: bool,
}

/// A session that wants locks, by one rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockRequest<'a> {
    /// Who.
    pub(crate) session: &'a Session,
    /// By which rule.
    pub(crate) rule: LockRule,
    /// Whether others are displaced.
    pub(crate) takeover: Takeover,
    /// The lock that an earlier attempt of the same command decided to replace.
    pub(crate) judged: Option<&'a LockEntry>,
    /// What marks this command.
    pub(crate) nonce: &'a str,
    /// The time, as locks write it.
    pub(crate) now: &'a str,
}

/// A lock that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenLock {
    /// The lock.
    pub(crate) entry: LockEntry,
    /// The one before.
    pub(crate) before: Option<PriorLock>,
    /// The commit that writes it; none where it is kept.
    pub(crate) step: Option<Step>,
}

/// The lock that a taken one replaces, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriorLock {
    /// It.
    pub(crate) sight: ObservedLock,
    /// How it stood to the session.
    pub(crate) holding: Ownership,
}

impl TakenLock {
    /// The lock of somebody that was in the way, and is replaced.
    pub(crate) fn displaced(&self) -> Option<LockConflict> {
        let PriorLock { sight, holding } = self.before.as_ref()?;
        let Ownership::LockConflict(by) = *holding else { return None };
        Some(LockConflict { lock: Box::new(sight.lock.clone()), by, changed: false })
    }

    /// What was there, where it was this person's.
    pub(crate) fn prior(&self) -> Option<&ObservedLock> {
        let mine = self.before.as_ref().filter(|before| matches!(before.holding, Ownership::Ours | Ownership::Left));
        mine.map(|before| &before.sight)
    }
}

impl LockRequest<'_> {
    /// Judges a lock. A session that left no process cannot be told from another one of the same person, so for the verbs
    /// its lock is another's, except inside the task's own worktree.
    pub(crate) fn judge(&self, ObservedLock { lock, liveness, memory }: &ObservedLock) -> Ownership {
        let (session, same_person) = (self.session, lock.holder == self.session.email);
        let by = match liveness {
            _ if !same_person => HeldBy::Other,
            Liveness::Alive => HeldBy::Live,
            Liveness::Dead | Liveness::Unknown => HeldBy::Unverifiable,
        };
        let in_the_way = Ownership::LockConflict(by);
        match self.rule {
            LockRule::Verb if *memory == LocalEvidence::ThisCommand || lock.is_of(session) => Ownership::Ours,
            LockRule::Verb if same_person && *liveness == Liveness::Dead => Ownership::Left,
            LockRule::Verb => match memory {
                LocalEvidence::Worktree => Ownership::Ours,
                LocalEvidence::CutOff if same_person => Ownership::Ours,
                LocalEvidence::CutOff | LocalEvidence::Nothing | LocalEvidence::ThisCommand => in_the_way,
            },
            LockRule::Script if !same_person => in_the_way,
            LockRule::Script => {
                let is_here = lock.process.scope.is_some() && lock.process.scope == session.process.scope;
                let is_elsewhere = !is_here && (lock.host == "unknown" || lock.host != session.host);
                let is_named = lock.process.number().is_some();
                match liveness {
                    _ if is_elsewhere => Ownership::Left,
                    _ if lock.process.is_same(&session.process) => Ownership::Ours,
                    Liveness::Alive => in_the_way,
                    Liveness::Unknown if is_named => in_the_way,
                    Liveness::Unknown | Liveness::Dead => Ownership::Left,
                }
            }
        }
    }

    /// Takes the lock of a task, from what was seen of the one that is there.
    ///
    /// # Errors
    /// The lock in the way. A takeover is bound to the lock it was decided on: another one is in the way again.
    pub(crate) fn take(&self, task: TaskId, there: Option<&ObservedLock>) -> Result<TakenLock, LockConflict> {
        let before = there.map(|sight| PriorLock { sight: sight.clone(), holding: self.judge(sight) });
        if let Some(PriorLock { sight: ObservedLock { lock, .. }, holding: Ownership::LockConflict(by) }) = &before {
            let changed = self.judged.is_some_and(|judged| judged.task == task && judged.token != lock.token);
            if self.takeover == Takeover::Refused || changed {
                return Err(LockConflict { lock: Box::new(lock.clone()), by: *by, changed });
            }
        }
        let nonce = match (self.rule, &before) {
            (LockRule::Verb, Some(PriorLock { sight, holding: Ownership::Ours })) => {
                return Ok(TakenLock { entry: sight.lock.clone(), before, step: None });
            }
            (LockRule::Verb, _) => Some(self.nonce),
            (LockRule::Script, _) => None,
        };
        let entry = LockEntry::taken(task, self.session, self.now, nonce);
        let step = Some(lock_step(&entry));
        Ok(TakenLock { entry, before, step })
    }
}

/// Decides how a lock is released; `None` where nobody holds the task.
pub(crate) fn release(branch: &Branch, locks: &Locks, task: TaskId) -> Option<Plan> {
    locks.is_held(task).then(|| Plan::new().step(branch, unlock_step(task)))
}
