//! Decisions about a lock, from the lock file and what is known of its holder. Pure: no process is started and no file
//! is read, so that every case can be tested.
//!
//! Why taking a lock is safe in this order: a lock that exists is judged first, and the plan replaces exactly the blob
//! that was judged, since the swap expects the tip it was read from. When the lock changes in between, the swap fails,
//! the lock is judged again, and a takeover that was decided on another lock is refused.

use crate::coordination::locks::{lock_step, taking_over, unlock_step};
use crate::coordination::process::Liveness;
use crate::coordination::{LockEntry, Locks, Session};
use crate::git::Branch;
use crate::ledger::Plan;
use crate::ledger::plan::Step;
use crate::task::TaskId;
use std::path::Path;

/// The rule of a face: which locks a session may replace without `--steal`, and what its own lock file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockRule {
    /// `git aitask`: the lock of a session of the same person that is certainly dead may be replaced. The new lock has
    /// a nonce; a lock that this session has already is kept, unless its process or name has changed.
    Verb,
    /// The scripts, whose callers depend on it: also the lock of a session of the same person on another host, or
    /// without a process, may be replaced. The new lock has no nonce; a lock that this session has already is written
    /// again with the present time, and keeps all else that it has.
    Script,
}

/// Whether the lock of another session is replaced (`--steal`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// It is not replaced; the task is held.
    Refused,
    /// It is replaced, provided that it is the lock that was judged.
    Wanted,
}

/// A lock, and what is known of its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedLock {
    /// The lock.
    pub(crate) lock: LockEntry,
    /// Whether its session lives; determined only for the same person, since a dead session of another person is not
    /// replaced either.
    pub(crate) liveness: Liveness,
    /// What this clone knows of it.
    pub(crate) evidence: LocalEvidence,
}

/// What the records of this clone say about a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalEvidence {
    /// Nothing that matters.
    Nothing,
    /// This command took it in an earlier attempt, on a server without atomic push.
    ThisCommand,
    /// This command runs in the worktree of the task, or in the terminal that took it, and may go on with it there.
    Worktree,
    /// A command was killed in this clone while it was taking the lock, and neither its session nor this one has a
    /// process.
    CutOff,
}

/// To whom a lock belongs, for a session that wants to take the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// To this session, which may be the one that goes on with it in the worktree; or to a command of this person that
    /// was killed in this clone while it was taking the lock, where neither session has a process.
    Ours,
    /// To another session of the same person, which may be replaced.
    Abandoned,
    /// To a session that may not be replaced.
    Conflict(HeldBy),
}

/// The holder of a lock that may not be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldBy {
    /// Another person.
    Other,
    /// A live session of the same person.
    Live,
    /// A session of the same person of which it is unknown whether it lives.
    Unverifiable,
}

/// The lock of another session that keeps this one from taking the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockConflict {
    /// The lock.
    pub(crate) lock: Box<LockEntry>,
    /// Its holder.
    pub(crate) by: HeldBy,
    /// Whether it is another lock than the one that an earlier attempt of this command decided to replace.
    pub(crate) changed: bool,
}

/// The request of a session for a lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockRequest<'a> {
    /// The session.
    pub(crate) session: &'a Session,
    /// The rule to judge by.
    pub(crate) rule: LockRule,
    /// Whether the lock of another session is replaced.
    pub(crate) takeover: Takeover,
    /// The lock that an earlier attempt of this command decided to replace.
    pub(crate) judged: Option<&'a LockEntry>,
    /// The nonce of this command.
    pub(crate) nonce: &'a str,
    /// The time with its zone (RFC 3339).
    pub(crate) now: &'a str,
    /// Where the session works.
    pub(crate) folder: Option<&'a Path>,
    /// The branch that the task branch is cut from, or was; without one that of the lock that is replaced counts.
    pub(crate) base: Option<&'a Branch>,
}

/// A lock that a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenLock {
    /// The lock.
    pub(crate) entry: LockEntry,
    /// The lock that was there before.
    pub(crate) before: Option<PriorLock>,
    /// The commit that writes the lock; none where it is kept.
    pub(crate) step: Option<Step>,
}

/// The lock that was there before: replaced, or kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriorLock {
    /// The lock, and what was known of its holder.
    pub(crate) observed: ObservedLock,
    /// To whom it belonged.
    pub(crate) ownership: Ownership,
}

impl ObservedLock {
    /// Whether the lock, which belongs to this session, is written again, so that it names this session as it is now.
    fn is_outdated(&self, session: &Session) -> bool {
        let is_of_another = self.lock.is_known() && !self.lock.is_of(session) && session.is_known();
        let is_taken_on = self.evidence == LocalEvidence::Worktree && self.liveness == Liveness::Unknown;
        self.lock.is_outdated(session) || is_of_another && is_taken_on
    }
}

impl TakenLock {
    /// The lock of another session that was replaced by `--steal`.
    pub(crate) fn displaced(&self) -> Option<LockConflict> {
        let PriorLock { observed, ownership } = self.before.as_ref()?;
        let Ownership::Conflict(by) = *ownership else { return None };
        Some(LockConflict { lock: Box::new(observed.lock.clone()), by, changed: false })
    }

    /// The lock that was there before, where it was of the same person.
    pub(crate) fn prior(&self) -> Option<&ObservedLock> {
        let mine =
            self.before.as_ref().filter(|before| matches!(before.ownership, Ownership::Ours | Ownership::Abandoned));
        mine.map(|before| &before.observed)
    }
}

impl LockRequest<'_> {
    /// Judges to whom a lock belongs. A session without a process cannot be told from another one of the same person,
    /// so the verbs take its lock for another session's, except within the worktree of the task.
    pub(crate) fn judge(&self, ObservedLock { lock, liveness, evidence }: &ObservedLock) -> Ownership {
        let (session, same_person) = (self.session, lock.holder == self.session.email);
        let by = match liveness {
            _ if !same_person => HeldBy::Other,
            Liveness::Alive => HeldBy::Live,
            Liveness::Dead | Liveness::Unknown => HeldBy::Unverifiable,
        };
        let conflict = Ownership::Conflict(by);
        match self.rule {
            _ if *evidence == LocalEvidence::ThisCommand => Ownership::Ours,
            LockRule::Verb if lock.is_of(session) => Ownership::Ours,
            // Only for the same person: another person decides about the work of a dead session by `--steal`.
            LockRule::Verb if same_person && *liveness == Liveness::Dead => Ownership::Abandoned,
            LockRule::Verb => match evidence {
                LocalEvidence::Worktree => Ownership::Ours,
                LocalEvidence::CutOff if same_person => Ownership::Ours,
                LocalEvidence::CutOff | LocalEvidence::Nothing | LocalEvidence::ThisCommand => conflict,
            },
            LockRule::Script if !same_person => conflict,
            LockRule::Script => {
                // A process with a scope is not judged by the name of its host: that of another scope may live.
                let is_scoped = lock.process.scope.is_some() || lock.session().is_some();
                let is_elsewhere = !is_scoped && (lock.host == "unknown" || lock.host != session.host);
                let is_named = lock.is_known();
                match liveness {
                    // The scripts take a person who comes from another host for one who has changed hosts.
                    _ if is_elsewhere => Ownership::Abandoned,
                    _ if lock.is_of_session(session) => Ownership::Ours,
                    Liveness::Alive => conflict,
                    // A process that cannot be checked may live; without a process there is nothing to wait for.
                    Liveness::Unknown if is_named => conflict,
                    Liveness::Unknown | Liveness::Dead => Ownership::Abandoned,
                }
            }
        }
    }

    /// Decides how the lock of a task is taken, from the lock that is there.
    ///
    /// # Errors
    /// The conflicting lock. A takeover is bound to the lock that was judged: after a change of hands the task is
    /// refused again, since the new holder was not part of that decision.
    pub(crate) fn take(&self, task: TaskId, there: Option<&ObservedLock>) -> Result<TakenLock, LockConflict> {
        let before = there.map(|observed| PriorLock { observed: observed.clone(), ownership: self.judge(observed) });
        if let Some(PriorLock { observed: ObservedLock { lock, .. }, ownership: Ownership::Conflict(by) }) = &before {
            let changed = self.judged.is_some_and(|judged| judged.task == task && judged.token != lock.token);
            if self.takeover == Takeover::Refused || changed {
                return Err(LockConflict { lock: Box::new(lock.clone()), by: *by, changed });
            }
        }
        let own = before.as_ref().filter(|before| before.ownership == Ownership::Ours);
        let entry = match (self.rule, own.map(|own| own.observed.clone())) {
            (rule, Some(own))
                if rule == LockRule::Verb && !own.is_outdated(self.session)
                    || own.evidence == LocalEvidence::ThisCommand =>
            {
                return Ok(TakenLock { entry: own.lock, before, step: None });
            }
            (LockRule::Script, Some(own)) => own.lock.refreshed_by_script(self.session.host.clone(), self.now),
            (LockRule::Script, None) => LockEntry::taken(task, self.session, self.now, None, (None, None)),
            (LockRule::Verb, own) => {
                let kept = before.as_ref().and_then(|before| before.observed.lock.base());
                let cut = (self.folder, self.base.or(kept.as_ref()));
                let entry = LockEntry::taken(task, self.session, self.now, Some(self.nonce), cut);
                match own {
                    Some(own) => entry.with_unknown_lines_of(&own.lock),
                    None => entry,
                }
            }
        };
        let mut taken = TakenLock { step: Some(lock_step(&entry)), entry, before };
        if let Some(LockConflict { lock, .. }) = taken.displaced() {
            taken.step = taken.step.map(|step| taking_over(step, lock.token.as_ref()));
        }
        Ok(taken)
    }
}

/// Whose locks a command releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// Its own; the caller has checked that.
    Own,
    /// That of anybody, which the commit says.
    Any,
}

/// The plan that releases a lock; `None` where the task is not locked.
pub(crate) fn release(branch: &Branch, locks: &Locks, task: TaskId, whose: Release) -> Option<Plan> {
    let token = locks.token(task)?;
    let over = Some(token).filter(|_| whose == Release::Any);
    Some(Plan::new().step(branch, taking_over(unlock_step(task), over)))
}

#[cfg(test)]
mod tests;
