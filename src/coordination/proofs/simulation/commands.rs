//! What the processes do: as the verbs do, by the same decisions about locks and ids, but without worktrees and messages.

use super::World;
use crate::coordination::agents::{Recognition, SessionName, SessionOrigin};
use crate::coordination::decide::{
    self, LocalEvidence, LockRequest, LockRule, ObservedLock, Release, TakenLock, Takeover,
};
use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::coordination::{LockEntry, Locks, ReadLocks, Session, ids};
use crate::error::Result;
use crate::git::Branch;
use crate::ledger::plan::Step;
use crate::ledger::{DATA, Decision, Edit, Found, Ledger, Plan, View};
use crate::settings::Origin;
use crate::task::TaskId;

/// A mistake that is planted, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Commits have no nonce.
    NoNonce,
    /// A push names no expected values.
    NoLease,
    /// A decision is not made again on the newer view.
    OldView,
    /// A push without an answer counts as lost.
    UnknownIsLost,
    /// A push without an answer counts as landed.
    UnknownIsWon,
    /// A takeover replaces whatever lock is there.
    UnboundTakeover,
    /// A change of a held task does not move the lock branch.
    NoFence,
}

/// The tasks whose lock is moved alone.
pub(super) const BARE: [u64; 2] = [1, 2];
/// The tasks whose file says what the lock says, so that both move together.
pub(super) const WITH_FILE: [u64; 2] = [3, 4];
/// The first lines of the file of a task that nobody has taken.
pub(super) const READY: &str = "status: Ready\nby: -\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Dropped,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Take {
        task: u64,
        steal: bool,
    },
    Release {
        task: u64,
        end: End,
    },
    /// A change of a task that one has to hold.
    Edit(u64),
    /// A change of a task that anybody may make.
    Note(u64),
    Claim,
    New,
}

#[derive(Debug)]
pub(super) enum Reply {
    Taken(LockEntry),
    Kept(LockEntry),
    Held(LockEntry),
    Released,
    NotHeld,
    Over,
    Written,
    Id(u64),
}

/// Who runs a command.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Who {
    /// The number of the session.
    pub(in super::super) session: usize,
    /// The number of the person.
    pub(in super::super) person: usize,
    /// How often the program of the session was started again.
    pub(in super::super) start: usize,
}

impl Who {
    pub(in super::super) fn session(self) -> Session {
        let pid = (100 * (self.session + 1) + self.start).to_string();
        let process = ProcessIdentity { pid, start: "1".into(), kind: "proc".into(), scope: None };
        Session {
            email: format!("p{}@example.com", self.person),
            email_origin: Origin::Flag,
            host: "box".to_owned(),
            process,
            agent_process: None,
            name: SessionName { kind: Some("claude-code".to_owned()), digest: Some(format!("{:012x}", self.session)) },
            origin: SessionOrigin::AgentVariable,
            recognition: Recognition::default(),
        }
    }
}

/// The session of a lock of this simulation.
pub(super) fn session_of(lock: &LockEntry) -> Option<usize> {
    usize::from_str_radix(lock.session()?, 16).ok()
}

/// The file of a task.
pub(super) fn path_of(task: u64) -> String {
    format!("aitasks/t{task}.md")
}

pub(super) fn data() -> Branch {
    Branch::parse(DATA).unwrap()
}

/// The first lines of a task file, and those that were added.
pub(super) fn parts(file: &str) -> (&str, &str) {
    let end = file.match_indices('\n').nth(1).map_or(file.len(), |(at, _)| at + 1);
    file.split_at(end)
}

/// The first lines of the file of a task that a session holds.
pub(super) fn held_by(session: usize) -> String {
    format!("status: Implementing\nby: {session}\n")
}

fn put(task: u64, content: String) -> Step {
    let edit = Edit::Put { path: path_of(task), content: content.into_bytes() };
    Step::edit(format!("ait: Change task t{task}"), vec![edit])
}

fn file(found: &Found, task: u64) -> String {
    String::from_utf8_lossy(found.file(data(), &path_of(task)).unwrap_or_default()).into_owned()
}

/// The nonce of a command.
pub(super) fn nonce(command: usize) -> String {
    format!("nonce-{command}.")
}

/// One command.
pub(super) struct Command<'w> {
    pub(super) world: &'w World,
    pub(super) ledger: Ledger<'w>,
    pub(super) who: Who,
    pub(super) number: usize,
}

impl Command<'_> {
    pub(super) fn run(&self, wish: Wish) -> Result<Reply> {
        match wish {
            Wish::Take { task, steal } => self.take(task, steal),
            Wish::Release { task, end } => self.release(task, end),
            Wish::Edit(task) => self.edit(task),
            Wish::Note(task) => self.note(task),
            Wish::Claim => self.claim(false),
            Wish::New => self.claim(true),
        }
    }

    fn read(view: &View<'_>, task: u64) -> Result<Found> {
        let (locks, data) = (Ledger::locks_branch()?, data());
        let lock = LockEntry::path(TaskId::top(task));
        let found = view.read(&[(&locks, lock), Locks::request(&locks), (&data, path_of(task))])?;
        found.require_locks()?;
        Ok(found)
    }

    fn branches(task: u64) -> Result<Vec<Branch>> {
        let locks = Ledger::locks_branch()?;
        Ok(if WITH_FILE.contains(&task) { vec![locks, data()] } else { vec![locks] })
    }

    fn take(&self, task: u64, steal: bool) -> Result<Reply> {
        let (id, locks, nonce, session) =
            (TaskId::top(task), Ledger::locks_branch()?, nonce(self.number), self.who.session());
        let (world, person) = (self.world, format!("p{}@example.com", self.who.person));
        let mut first = None;
        let landed = self.ledger.transact(&nonce, &Self::branches(task)?, |view| {
            let found = Self::read(view, task)?;
            let file = file(&found, task);
            if file.starts_with("status: Done") {
                return Ok(Decision::NoChange(Reply::Over));
            }
            let lock = found.lock(id)?;
            let lock = match world.fault {
                Some(Fault::OldView) => first.get_or_insert(lock).clone(),
                _ => lock,
            };
            let there = lock.map(|lock| {
                let is_over = |session| lock.holder == person && world.gone.borrow().contains_key(&session);
                let is_dead = session_of(&lock).is_some_and(is_over);
                let liveness = if is_dead { Liveness::Dead } else { Liveness::Unknown };
                ObservedLock { lock, liveness, evidence: LocalEvidence::Nothing }
            });
            let bound = world
                .judged
                .borrow()
                .get(&self.number)
                .cloned()
                .filter(|_| world.fault != Some(Fault::UnboundTakeover));
            let request = LockRequest {
                session: &session,
                rule: LockRule::Verb,
                takeover: if steal { Takeover::Wanted } else { Takeover::Refused },
                judged: bound.as_ref(),
                nonce: &nonce,
                // the clocks of the hosts do not agree, and jump
                now: &format!("20{:02}-01-02 03:04", world.chance.below(100)),
                folder: None,
                base: None,
            };
            Ok(match request.take(id, there.as_ref()) {
                Ok(TakenLock { entry, step: None, .. }) => Decision::NoChange(Reply::Kept(entry)),
                Ok(TakenLock { entry, step: Some(ref step), ref before }) => {
                    let taken = TakenLock { entry: entry.clone(), step: None, before: before.clone() };
                    if let (Some(_), Some(there)) = (taken.displaced(), there) {
                        world.judged.borrow_mut().entry(self.number).or_insert(there.lock);
                    }
                    let mut plan = Plan::new().step(&locks, step.clone());
                    if WITH_FILE.contains(&task) {
                        let content = held_by(self.who.session) + parts(&file).1;
                        plan = plan.step(&data(), put(task, content));
                    }
                    Decision::Publish(plan, Reply::Taken(entry))
                }
                Err(in_the_way) => Decision::NoChange(Reply::Held(*in_the_way.lock)),
            })
        })?;
        Ok(landed.value)
    }

    /// What a command answers that needs a lock which this session does not hold.
    fn refused(&self, lock: Option<LockEntry>) -> Option<Reply> {
        match lock {
            None => Some(Reply::NotHeld),
            Some(lock) => (!lock.is_of(&self.who.session())).then_some(Reply::Held(lock)),
        }
    }

    fn release(&self, task: u64, end: End) -> Result<Reply> {
        let (id, locks) = (TaskId::top(task), Ledger::locks_branch()?);
        let landed = self.ledger.transact(&nonce(self.number), &Self::branches(task)?, |view| {
            let found = Self::read(view, task)?;
            if let Some(reply) = self.refused(found.lock(id)?) {
                return Ok(Decision::NoChange(reply));
            }
            let Some(plan) = decide::release(&locks, &found.require_locks()?, id, Release::Own) else {
                return Ok(Decision::NoChange(Reply::NotHeld));
            };
            let file = file(&found, task);
            let first = if end == End::Done { "status: Done\nby: -\n" } else { READY };
            let data = Plan::new().step(&data(), put(task, format!("{first}{}", parts(&file).1)));
            let branches =
                if WITH_FILE.contains(&task) { [data.branches, plan.branches].concat() } else { plan.branches };
            Ok(Decision::Publish(Plan { branches, ..Plan::new() }, Reply::Released))
        })?;
        Ok(landed.value)
    }

    fn edit(&self, task: u64) -> Result<Reply> {
        let (id, locks) = (TaskId::top(task), Ledger::locks_branch()?);
        let landed = self.ledger.transact(&nonce(self.number), &[locks.clone(), data()], |view| {
            let found = Self::read(view, task)?;
            if let Some(reply) = self.refused(found.lock(id)?) {
                return Ok(Decision::NoChange(reply));
            }
            let plan = Plan::new().step(&data(), put(task, format!("{}edit {}\n", file(&found, task), self.number)));
            let plan = if self.world.fault == Some(Fault::NoFence) { plan } else { plan.fenced(&locks, id) };
            Ok(Decision::Publish(plan, Reply::Written))
        })?;
        Ok(landed.value)
    }

    fn note(&self, task: u64) -> Result<Reply> {
        let landed = self.ledger.transact(&nonce(self.number), &[data()], |view| {
            let before = view.document(&data(), &path_of(task))?.unwrap_or_default();
            let after = format!("{}note {}\n", String::from_utf8_lossy(&before), self.number);
            Ok(Decision::Publish(Plan::new().step(&data(), put(task, after)), Reply::Written))
        })?;
        Ok(landed.value)
    }

    fn claim(&self, with_file: bool) -> Result<Reply> {
        let ids = Ledger::ids_branch()?;
        let branches = if with_file { vec![ids.clone(), data()] } else { vec![ids.clone()] };
        let landed = self.ledger.transact(&nonce(self.number), &branches, |view| {
            let id = ids::next(view, &ids, |_| 0)?;
            let plan = ids::claim(Plan::new(), &ids, id);
            let plan = if with_file { plan.step(&data(), put(id, READY.to_owned())) } else { plan };
            Ok(Decision::Publish(plan, Reply::Id(id)))
        })?;
        Ok(landed.value)
    }
}
