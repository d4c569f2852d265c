//! Every reachable state of a small model: three processes, two tasks, some commands, with pushes that are answered, lost,
//! late, or land without an answer; with fetches that fail; and with a kill in every state.
//!
//! The decisions are those of the program ([`LockRequest::take`], [`LockEntry::is_of`]). The transaction is told again, as short
//! as it can be: decide on what the clone knows; push with the expected tip; after an answer that the tip has moved, or none,
//! fetch, look for the own commits, and decide again. A commit is its place in the history, so that a history is a list. Left
//! out are servers without atomic push, and what only the remote refuses.

use super::simulation::Who;
use crate::coordination::LockEntry;
use crate::coordination::decide::{LocalEvidence, LockRequest, LockRule, ObservedLock, Takeover};
use crate::coordination::process::Liveness;
use crate::git::Oid;
use crate::proof::{Proof, Rounds};
use crate::task::TaskId;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

const PROCESSES: usize = 3;
const TASKS: usize = 2;

/// A mistake that is planted, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NoNonce,
    NoLease,
    UnboundTakeover,
    UnknownIsLost,
    UnknownIsWon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Lock {
    holder: usize,
    nonce: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Wish {
    Take(usize),
    Steal(usize),
    /// Ends the task, or gives it back.
    Release(usize),
    /// Changes what only the holder may change: the lock branch moves, and the lock stays.
    Change(usize),
}

impl Wish {
    fn task(self) -> usize {
        let (Self::Take(task) | Self::Steal(task) | Self::Release(task) | Self::Change(task)) = self;
        task
    }
}

/// A commit; `by` and `judged` are not in it, and tell only whether what it did was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Commit {
    wish: Wish,
    nonce: u8,
    by: usize,
    judged: Option<Lock>,
}

type History = Vec<Commit>;

/// A push: the history that it expects, and what it adds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Push {
    expected: History,
    commit: Commit,
}

impl Push {
    fn made(&self) -> History {
        [self.expected.as_slice(), &[self.commit]].concat()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Pushing(Push),
    Fetching,
}

/// A command that runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Command {
    wish: Wish,
    nonce: u8,
    judged: Option<Lock>,
    /// The pushes without an answer.
    sent: Vec<Push>,
    phase: Phase,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Process {
    known: History,
    command: Option<Command>,
    /// The tasks that it was told to hold, until it is told otherwise, releases them, or they are taken over.
    told: [bool; TASKS],
    has_begun: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct State {
    remote: History,
    processes: [Process; PROCESSES],
    /// The pushes on their way, and whether their command said that they are lost.
    late: Vec<(Push, bool)>,
    begun: u8,
}

/// A step: of which process, and what it begins.
#[derive(Debug, Clone, Copy)]
struct Step(&'static str, usize, Option<Wish>);

/// The way to a state.
struct Way {
    step: Step,
    before: Option<Rc<Self>>,
}

/// A quick hash of a state (splitmix64 for each number).
#[derive(Default)]
struct Mark(u64);

impl Hasher for Mark {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ (mixed >> 31);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Publish { displaces: bool },
    Kept,
    Held,
}

fn locks(history: &History) -> [Option<Lock>; TASKS] {
    let mut locks = [None; TASKS];
    for commit in history {
        match commit.wish {
            Wish::Take(task) | Wish::Steal(task) => locks[task] = Some(Lock { holder: commit.by, nonce: commit.nonce }),
            Wish::Release(task) => locks[task] = None,
            Wish::Change(_) => {}
        }
    }
    locks
}

/// The command of a process ends with "published", for a push.
fn won(state: &mut State, number: usize, push: &Push) -> Result<(), String> {
    let Commit { wish, nonce, .. } = push.commit;
    let is_it = |commit: &Commit| (commit.by, commit.nonce) == (number, nonce);
    let Some(at) = state.remote.iter().position(is_it) else {
        return Err(format!("process {number} was told that {wish:?} landed, and it did not"));
    };
    let task = wish.task();
    let lock = Lock { holder: number, nonce };
    let is_lost =
        |commit: &Commit| commit.judged == Some(lock) || commit.by == number && commit.wish == Wish::Release(task);
    let process = &mut state.processes[number];
    process.command = None;
    if matches!(wish, Wish::Take(_) | Wish::Steal(_)) {
        process.told[task] = locks(&state.remote)[task] == Some(lock);
        if !process.told[task] && !state.remote[at + 1..].iter().any(is_lost) {
            return Err(format!("the lock of process {number} is gone, and nobody took it over"));
        }
    }
    Ok(())
}

/// It ends with a refusal or an error that says that nothing was published.
fn lost(state: &mut State, number: usize) -> Result<(), String> {
    let process = &mut state.processes[number];
    let Some(Command { wish, nonce, .. }) = process.command.take() else { return Ok(()) };
    process.told[wish.task()] = false;
    if state.remote.iter().any(|commit| commit.nonce == nonce) {
        return Err(format!("process {number} was told that {wish:?} did not land, and it did"));
    }
    state.late.iter_mut().filter(|(push, _)| push.commit.nonce == nonce).for_each(|(_, is_denied)| *is_denied = true);
    Ok(())
}

/// Adds a commit to the remote, and checks that it may do what it does.
fn land(state: &mut State, push: &Push) -> Result<(), String> {
    if state.remote != push.expected {
        return Err(format!("{:?} drops a commit of another", push.commit));
    }
    let Commit { wish, by, judged, .. } = push.commit;
    let task = wish.task();
    match (wish, locks(&state.remote)[task]) {
        (Wish::Take(_) | Wish::Steal(_), None) => {}
        (Wish::Steal(_), Some(lock)) if judged == Some(lock) => state.processes[lock.holder].told[task] = false,
        (Wish::Release(_), Some(lock)) if lock.holder == by => state.processes[by].told[task] = false,
        (Wish::Change(_), Some(lock)) if lock.holder == by => {}
        (_, lock) => return Err(format!("{:?} landed on {lock:?}", push.commit)),
    }
    state.remote.push(push.commit);
    Ok(())
}

/// What the program is asked: who wants the task, with `--steal` or not, the lock there, and the one that was judged.
type Asked = (usize, bool, Option<Lock>, Option<Lock>);

/// What a step does.
type Act<'a> = &'a dyn Fn(&mut State) -> Result<(), String>;

struct Model {
    fault: Option<Fault>,
    /// So many commands at most.
    commands: u8,
    /// So many tasks.
    tasks: usize,
    answers: RefCell<HashMap<Asked, Answer>>,
}

impl Model {
    fn new(commands: u8, tasks: usize, fault: Option<Fault>) -> Self {
        Self { fault, commands, tasks, answers: RefCell::default() }
    }

    /// What the program decides for a process that wants a task.
    fn answer(&self, number: usize, steal: bool, there: Option<Lock>, judged: Option<Lock>) -> Answer {
        let key = (number, steal, there, judged);
        *self.answers.borrow_mut().entry(key).or_insert_with(|| {
            let who = |number| Who { session: number, person: number / 2, start: 0 }.session();
            let (task, now) = (TaskId::top(1), "2026-01-02 03:04");
            let entry = |lock: Lock| {
                let token = Oid::parse(&format!("{:040x}", lock.nonce));
                let nonce = lock.nonce.to_string();
                LockEntry { token, ..LockEntry::taken(task, &who(lock.holder), now, Some(&nonce), (None, None)) }
            };
            let (session, judged) = (who(number), judged.map(entry));
            let request = LockRequest {
                session: &session,
                rule: LockRule::Verb,
                takeover: if steal { Takeover::Wanted } else { Takeover::Refused },
                judged: judged.as_ref().filter(|_| self.fault != Some(Fault::UnboundTakeover)),
                nonce: "new",
                now,
                folder: None,
                base: None,
            };
            let observe = |lock| ObservedLock { lock, liveness: Liveness::Unknown, evidence: LocalEvidence::Nothing };
            match request.take(task, there.map(entry).map(observe).as_ref()) {
                Ok(taken) if taken.step.is_none() => Answer::Kept,
                Ok(taken) => Answer::Publish { displaces: taken.displaced().is_some() },
                Err(_) => Answer::Held,
            }
        })
    }

    /// The command of a process decides, on what its clone knows.
    fn decide(&self, state: &mut State, number: usize, is_current: bool) -> Result<(), String> {
        let known = state.processes[number].known.clone();
        let Some(mut command) = state.processes[number].command.take() else { return Ok(()) };
        let landed = command.sent.iter().position(|push| known.starts_with(&push.made()));
        if let Some(landed) = landed {
            return won(state, number, &command.sent[landed]);
        }
        if is_current {
            command.sent.retain(|push| push.expected == known);
        }
        let (wish, nonce) = (command.wish, command.nonce);
        let there = locks(&known)[wish.task()];
        let answer = match wish {
            Wish::Take(_) => self.answer(number, false, there, None),
            Wish::Steal(_) => self.answer(number, true, there, command.judged),
            Wish::Release(_) | Wish::Change(_) if there.is_some_and(|lock| lock.holder == number) => {
                Answer::Publish { displaces: false }
            }
            Wish::Release(_) | Wish::Change(_) => Answer::Held,
        };
        if answer == (Answer::Publish { displaces: true }) {
            command.judged = command.judged.or(there);
        }
        command.phase = match answer {
            Answer::Publish { .. } => {
                let commit = Commit { wish, nonce, by: number, judged: command.judged };
                Phase::Pushing(Push { expected: known, commit })
            }
            Answer::Kept | Answer::Held => Phase::Fetching,
        };
        state.processes[number].command = Some(command);
        match answer {
            Answer::Held if is_current => lost(state, number),
            Answer::Kept if is_current => {
                lost(state, number)?;
                let process = &mut state.processes[number];
                // it is taken over by now, or it was true when the command read it
                process.told[wish.task()] = locks(&state.remote)[wish.task()] == there;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A push reaches the remote; returns whether the answer is that all is there.
    fn reach(&self, state: &mut State, push: &Push) -> Result<bool, String> {
        let is_same = |there: &Commit| match self.fault {
            Some(Fault::NoNonce) => there.wish == push.commit.wish,
            _ => *there == push.commit,
        };
        // the same commit on the same tip: git has nothing to send
        if state.remote.split_last().is_some_and(|(last, before)| before == push.expected && is_same(last)) {
            return Ok(true);
        }
        if state.remote != push.expected && self.fault != Some(Fault::NoLease) {
            return Ok(false);
        }
        land(state, push).map(|()| true)
    }

    /// The states that may follow, each with the step that leads there; or what is wrong there.
    fn steps(&self, state: &State) -> Vec<(Step, Result<State, String>)> {
        let mut all = Vec::new();
        let mut step = |step: Step, act: Act<'_>| {
            let mut next = state.clone();
            let acted = act(&mut next).and_then(|()| {
                // a history only grows, so that what expects another one cannot land any more
                if self.fault != Some(Fault::NoLease) {
                    next.late.retain(|(push, _)| push.expected == next.remote);
                }
                next.late.sort();
                next.late.dedup();
                let told = |task: usize| next.processes.iter().filter(|process| process.told[task]).count();
                if (0..TASKS).all(|task| told(task) <= 1) { Ok(()) } else { Err("two hold one task".to_owned()) }
            });
            all.push((step, acted.map(|()| next)));
        };
        for (number, process) in state.processes.iter().enumerate() {
            match process.command.as_ref().map(|command| &command.phase) {
                // processes and tasks are alike, so that the first ones come first
                None if state.begun >= self.commands || number > 0 && !state.processes[number - 1].has_begun => {}
                None => {
                    let tasks = if state.begun == 0 { 1 } else { self.tasks };
                    let wishes =
                        (0..tasks).flat_map(|t| [Wish::Take(t), Wish::Steal(t), Wish::Release(t), Wish::Change(t)]);
                    for wish in wishes {
                        step(Step("begins", number, Some(wish)), &|next| {
                            next.begun += 1;
                            let (nonce, phase) = (next.begun, Phase::Fetching);
                            let command = Command { wish, nonce, judged: None, sent: Vec::new(), phase };
                            let process = &mut next.processes[number];
                            (process.command, process.has_begun) = (Some(command), true);
                            self.decide(next, number, false)
                        });
                    }
                }
                Some(Phase::Fetching) => {
                    step(Step("fetches", number, None), &|next| {
                        next.processes[number].known.clone_from(&next.remote);
                        self.decide(next, number, true)
                    });
                    step(Step("cannot fetch", number, None), &|next| {
                        let is_unknown = next.processes[number].command.as_ref().is_some_and(|c| !c.sent.is_empty());
                        if is_unknown {
                            drop(next.processes[number].command.take());
                        } else {
                            lost(next, number)?;
                        }
                        Ok(())
                    });
                }
                Some(Phase::Pushing(push)) => self.pushes(number, push, &mut step),
            }
            if process.command.is_some() {
                step(Step("is killed", number, None), &|next| {
                    next.processes[number].command = None;
                    Ok(())
                });
            }
        }
        for (n, (push, is_denied)) in state.late.iter().enumerate() {
            step(Step("has a late push arrive", push.commit.by, None), &|next| {
                next.late.remove(n);
                let before = next.remote.len();
                self.reach(next, push)?;
                let is_landed = next.remote.len() > before;
                if *is_denied && is_landed { Err("what was said to be lost landed".to_owned()) } else { Ok(()) }
            });
        }
        all
    }

    /// The ways in which a push ends.
    fn pushes(&self, number: usize, push: &Push, step: &mut dyn FnMut(Step, Act<'_>)) {
        step(Step("pushes", number, None), &|next| {
            if self.reach(next, push)? {
                next.processes[number].known = push.made();
                return won(next, number, push);
            }
            if let Some(command) = &mut next.processes[number].command {
                command.phase = Phase::Fetching;
            }
            Ok(())
        });
        let unanswered = |next: &mut State| match self.fault {
            Some(Fault::UnknownIsLost) => lost(next, number),
            Some(Fault::UnknownIsWon) => won(next, number, push),
            _ => {
                if let Some(command) = &mut next.processes[number].command {
                    command.phase = Phase::Fetching;
                    if !command.sent.contains(push) {
                        command.sent.push(push.clone());
                    }
                }
                Ok(())
            }
        };
        step(Step("pushes, and hears nothing", number, None), &|next| {
            self.reach(next, push).and_then(|_| unanswered(next))
        });
        step(Step("pushes, and that is lost", number, None), &|next| unanswered(next));
        step(Step("pushes, and that is late", number, None), &|next| {
            next.late.push((push.clone(), false));
            unanswered(next)
        });
    }

    /// Visits every state; returns how many there are, and the way to the first that is wrong.
    fn explore(&self) -> (usize, Option<String>) {
        let mark = |state: &State| {
            let mut hasher = Mark::default();
            state.hash(&mut hasher);
            hasher.finish()
        };
        let first = State::default();
        let mut seen = HashSet::from([mark(&first)]);
        let mut left: Vec<(State, Option<Rc<Way>>)> = vec![(first, None)];
        while !left.is_empty() {
            let mut next = Vec::new();
            for (state, before) in left {
                for (step, after) in self.steps(&state) {
                    let way = || Rc::new(Way { step, before: before.clone() });
                    match after {
                        Ok(after) if seen.insert(mark(&after)) => next.push((after, Some(way()))),
                        Ok(_) => {}
                        Err(wrong) => {
                            let mut steps = Vec::new();
                            let mut at = Some(way());
                            while let Some(way) = at {
                                let Step(what, who, wish) = way.step;
                                steps.push(format!(
                                    "{who} {what}{}",
                                    wish.map_or_else(String::new, |wish| format!(" {wish:?}"))
                                ));
                                at = way.before.clone();
                            }
                            steps.reverse();
                            return (seen.len(), Some(format!("{}: {wrong}", steps.join("; "))));
                        }
                    }
                }
            }
            left = next;
        }
        (seen.len(), None)
    }
}

#[test]
fn no_reachable_state_has_two_holders() {
    let property =
        "in every state of the model one holds each task, every answer is true, and only the holder releases";
    // the rounds are the commands
    let mut proof = Proof::new("08", property, "states", Rounds { ordinary: 2, short: 3, long: 4 });
    while let Some(round) = proof.next_round() {
        // the states of four commands with two tasks fit into no memory
        let tasks = if round < 3 { TASKS } else { 1 };
        let (states, wrong) = Model::new(u8::try_from(round).unwrap() + 1, tasks, None).explore();
        proof.check(wrong.is_none(), || wrong.unwrap_or_default());
        proof.tried(states);
    }
    proof.end();
}

#[test]
fn planted_mistakes_are_reachable() {
    let faults = [Fault::NoNonce, Fault::NoLease, Fault::UnboundTakeover, Fault::UnknownIsLost, Fault::UnknownIsWon];
    let rounds = Rounds { ordinary: faults.len(), short: faults.len(), long: faults.len() };
    let mut proof = Proof::new("08b", "a mistake that is planted in the model is found", "mistakes", rounds);
    while let Some(round) = proof.next_round() {
        let (states, wrong) = Model::new(3, 1, Some(faults[round])).explore();
        super::say(&format!("{:?}: after {states} states: {wrong:?}", faults[round]));
        proof.check(wrong.is_some(), || format!("{:?} is not found", faults[round]));
        proof.tried(1);
    }
    proof.end();
}
