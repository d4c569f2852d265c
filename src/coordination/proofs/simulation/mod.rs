//! Sessions in clones of one remote run commands, one step at a time in an order by chance, while pushes and answers are
//! lost, late, repeated or in another order, and processes are killed at any call of git. Then everything that the
//! commands answered is compared with what the remote went through.
//!
//! A session is a coroutine for each command, so that a schedule is exactly repeated by its seed:
//! `AITASK_SEED=SEED cargo test --lib proofs::simulation::answers_are_true -- --nocapture`. What this leaves out: a process that
//! is killed ends by unwinding, and the queue of a clone, which only saves work, lets everybody pass.

mod check;
mod commands;
mod histories;
mod refs;

use crate::chance::Chance;
use crate::coordination::lock_format::LOCK_FORMAT;
use crate::coordination::proofs::say;
use crate::coordination::{LockEntry, ids};
use crate::error::Result;
use crate::git::Repository;
use crate::ledger::memory::{self, Remote, folder};
use crate::ledger::{DATA, IDS, LOCKS, Ledger};
use crate::proof::{Proof, Rounds};
use check::{Told, check};
pub(super) use commands::Who;
use commands::{BARE, Command, End, Fault, READY, Reply, WITH_FILE, Wish, path_of};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use refs::ProcessRefs;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use tempfile::TempDir;

/// A lock that is there from the beginning, and that no command changes.
const ELSEWHERE: (&str, &str) = ("t9_lock.yaml", "task_id: 9\nlocked_by: zoe@example.com\n");

/// The folder of a clone.
type Folder = (TempDir, Rc<Repository>);

/// What kind of schedules there are.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The most clones.
    clones: usize,
    /// A command is killed at one of so many steps.
    killed: usize,
    /// Who is there, and what they want.
    fill: fn(&mut Schedule, &[Folder]),
    /// Whether sessions end, so that others of the person may take over what they hold.
    sessions_end: bool,
}

/// Up to three clones with up to two sessions each, and all that commands do.
const ANY: Shape = Shape { clones: 3, killed: 80, fill: Schedule::fill, sessions_end: true };
/// The most sessions in one clone.
const IN_ONE: usize = 2;

/// What the sessions of one schedule share.
#[derive(Debug)]
struct World {
    remote: Remote,
    chance: Chance,
    fault: Option<Fault>,
    /// Nothing fails any more, and each command runs to its end.
    quiet: Cell<bool>,
    /// Counts the beginnings and ends of commands.
    clock: Cell<usize>,
    /// The locks that commands decided to take over.
    judged: RefCell<BTreeMap<usize, LockEntry>>,
    /// The sessions that have ended, with the number of swaps at that time.
    gone: RefCell<BTreeMap<usize, usize>>,
}

impl World {
    /// The time, which goes on.
    fn tick(&self) -> usize {
        self.clock.replace(self.clock.get() + 1)
    }
}

/// A clone, with its private records.
#[derive(Debug)]
struct Place {
    number: usize,
    clone: memory::Clone,
    repository: Rc<Repository>,
}

/// What a coroutine gives back: the reply, and whether it was disturbed.
type Ended = (Result<Reply>, bool);

struct Running {
    process: Coroutine<(), (), Ended>,
    command: usize,
}

/// A session: what it still wants, and its command.
struct Slot {
    place: Rc<Place>,
    who: Who,
    wishes: VecDeque<Wish>,
    running: Option<Running>,
    /// A wish whose last command was killed or failed.
    unfinished: Option<Wish>,
}

/// Folders and stacks, which schedules use one after the other.
struct Arena {
    shape: Shape,
    dirs: Vec<Folder>,
    stacks: Vec<DefaultStack>,
}

impl Arena {
    fn new(shape: Shape) -> Self {
        let place = |_| {
            let dir = folder();
            let repository = Rc::new(Repository::without_git(dir.path()));
            (dir, repository)
        };
        Self { shape, dirs: (0..shape.clones).map(place).collect(), stacks: Vec::new() }
    }

    /// Runs the schedule of a seed.
    fn run(&mut self, seed: u64, fault: Option<Fault>) -> Schedule {
        for (_, repository) in &self.dirs {
            let _ = repository.records().folder().map(std::fs::remove_dir_all);
        }
        let beginning = beginning();
        let (remote, chance) = (Remote::default(), Chance::new(seed));
        for (branch, path, content) in &beginning {
            remote.add(branch, path, content);
        }
        let (judged, gone) = (RefCell::default(), RefCell::default());
        let world = World { remote, chance, fault, quiet: Cell::new(false), clock: Cell::new(0), judged, gone };
        let (world, shape) = (Rc::new(world), self.shape);
        let mut schedule = Schedule { shape, world, told: Vec::new(), slots: Vec::new(), beginning };
        (shape.fill)(&mut schedule, &self.dirs);
        let run = catch_unwind(AssertUnwindSafe(|| schedule.run(&mut self.stacks)));
        if run.is_err() {
            // what is on the stacks of the other commands is of no interest
            schedule.slots.clear();
        }
        schedule
    }
}

fn beginning() -> Vec<(&'static str, &'static str, String)> {
    let files = [(LOCKS, ELSEWHERE.0, ELSEWHERE.1.to_owned()), (IDS, ids::FILE, "10\n".to_owned())];
    let tasks = ["aitasks/t1.md", "aitasks/t2.md", "aitasks/t3.md", "aitasks/t4.md"];
    assert_eq!([BARE, WITH_FILE].concat().into_iter().map(path_of).collect::<Vec<_>>(), tasks);
    files.into_iter().chain(tasks.map(|path| (DATA, path, READY.to_owned()))).collect()
}

/// One schedule: the commands that have begun, in this order.
struct Schedule {
    shape: Shape,
    world: Rc<World>,
    told: Vec<Told>,
    slots: Vec<Slot>,
    beginning: Vec<(&'static str, &'static str, String)>,
}

impl Schedule {
    fn fill(&mut self, dirs: &[Folder]) {
        let chance = &self.world.chance;
        let (persons, wanted) = (1 + chance.below(3), any_task(chance));
        for (number, (_, repository)) in dirs.iter().enumerate().take(1 + chance.below(self.shape.clones)) {
            let clone = self.world.remote.clone_with([]);
            let place = Rc::new(Place { number, clone, repository: repository.clone() });
            for _ in 0..=chance.below(IN_ONE) {
                let who = Who { session: self.slots.len(), person: chance.below(persons), start: 0 };
                let wishes = (0..=chance.below(4)).map(|_| wish(chance, wanted)).collect();
                self.slots.push(Slot { place: place.clone(), who, wishes, running: None, unfinished: None });
            }
        }
    }

    fn run(&mut self, stacks: &mut Vec<DefaultStack>) {
        let world = self.world.clone();
        let stays = 1 + world.chance.below(8);
        let mut at = 0;
        loop {
            let able = |slot: &Slot| slot.running.is_some() || !slot.wishes.is_empty();
            if !self.slots.get(at).is_some_and(able) || world.chance.one_in(stays) {
                let all: Vec<_> = (0..self.slots.len()).filter(|n| able(&self.slots[*n])).collect();
                if all.is_empty() {
                    break;
                }
                at = all[world.chance.below(all.len())];
            }
            match self.slots[at].running.take() {
                None => self.begin(at, stacks),
                Some(running) if world.chance.one_in(self.shape.killed) => self.kill(at, running, stacks),
                Some(running) => self.resume(at, running, stacks),
            }
        }
        // In the end nothing fails, and the command that did not come to its end is run again.
        world.quiet.set(true);
        for at in 0..self.slots.len() {
            if let Some(wish) = self.slots[at].unfinished.take() {
                self.slots[at].wishes.push_back(wish);
                self.begin(at, stacks);
                if let Some(running) = self.slots[at].running.take() {
                    self.resume(at, running, stacks);
                }
            }
        }
    }

    fn begin(&mut self, at: usize, stacks: &mut Vec<DefaultStack>) {
        let (world, slot) = (self.world.clone(), &mut self.slots[at]);
        let Some(wish) = slot.wishes.pop_front() else { return };
        if world.chance.one_in(5) {
            slot.who.start += 1;
        }
        let (place, who, command) = (slot.place.clone(), slot.who, self.told.len());
        let (begun, time) = (world.remote.swaps(), (world.tick(), None));
        self.told.push(Told {
            who,
            wish,
            clone: place.number,
            begun,
            ended: begun,
            time,
            reply: None,
            disturbed: false,
        });
        let process = Coroutine::with_stack(stacks.pop().unwrap_or_default(), move |yielder, ()| {
            let refs = ProcessRefs::new(&world, &place.clone, command, yielder);
            let ledger =
                Ledger { refs: &refs, keep_checkouts: true, ..place.clone.ledger(&place.repository, LOCK_FORMAT) };
            let reply = Command { world: &world, ledger, who, number: command }.run(wish);
            (reply, refs.was_disturbed())
        });
        slot.running = Some(Running { process, command });
    }

    fn resume(&mut self, at: usize, mut running: Running, stacks: &mut Vec<DefaultStack>) {
        match running.process.resume(()) {
            CoroutineResult::Yield(()) => self.slots[at].running = Some(running),
            CoroutineResult::Return((reply, disturbed)) => {
                let told = &mut self.told[running.command];
                self.slots[at].unfinished = reply.is_err().then_some(told.wish);
                (told.disturbed, told.ended) = (disturbed, self.world.remote.swaps());
                told.time.1 = Some(self.world.tick());
                told.reply = Some(reply);
                stacks.push(running.process.into_stack());
                if self.shape.sessions_end && self.slots[at].wishes.is_empty() && self.world.chance.one_in(3) {
                    self.end(at);
                }
            }
        }
    }

    fn kill(&mut self, at: usize, mut running: Running, stacks: &mut Vec<DefaultStack>) {
        running.process.force_unwind();
        stacks.push(running.process.into_stack());
        let told = &mut self.told[running.command];
        told.ended = self.world.remote.swaps();
        let wish = told.wish;
        if self.shape.sessions_end && self.world.chance.one_in(4) {
            self.end(at);
        } else {
            self.slots[at].wishes.push_front(wish);
        }
    }

    /// The session ends, whatever it holds.
    fn end(&mut self, at: usize) {
        self.slots[at].wishes.clear();
        self.slots[at].unfinished = None;
        self.world.gone.borrow_mut().insert(self.slots[at].who.session, self.world.remote.swaps());
    }

    fn check(&self) -> Result<(), String> {
        if self.slots.is_empty() {
            return Err("a command ended by a panic".to_owned());
        }
        let check = || check(&self.world, &self.beginning, &self.told);
        check()?;
        // Pushes that are still on their way arrive, and every reply is still true.
        self.world.remote.deliver();
        check()
    }

    /// All that happened.
    fn history(&self) -> String {
        let swaps = self.world.remote.landed();
        let swaps = swaps.iter().zip(1..).map(|(swap, n)| {
            let moved = swap.moved.iter().map(|update| format!("{} {:?}", update.name, update.new));
            format!("swap {n} by command {}: {}\n", swap.command, moved.collect::<Vec<_>>().join(", "))
        });
        let told = self.told.iter().enumerate().map(|(n, told)| format!("command {n}: {told:?}\n"));
        told.chain(swaps).collect()
    }
}

fn any_task(chance: &Chance) -> u64 {
    [BARE, WITH_FILE][chance.below(2)][chance.below(2)]
}

/// A wish, mostly about the task that all want.
fn wish(chance: &Chance, wanted: u64) -> Wish {
    let any = || if chance.one_in(4) { any_task(chance) } else { wanted };
    match chance.below(20) {
        0..6 => Wish::Take { task: any(), steal: false },
        6..9 => Wish::Take { task: any(), steal: true },
        9..13 => Wish::Release { task: any(), end: if chance.one_in(6) { End::Done } else { End::Dropped } },
        13..15 => Wish::Edit(any()),
        15 => Wish::Note(any()),
        16..18 => Wish::Claim,
        _ => Wish::New,
    }
}

/// How to repeat the schedule of a seed.
fn again(seed: u64) -> String {
    format!("AITASK_SEED={seed} cargo test --lib proofs::simulation::answers_are_true -- --nocapture")
}

#[expect(clippy::disallowed_methods, reason = "a seed to repeat is given by who runs the tests")]
fn given(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Where the seeds begin: each long run has others.
fn first_seed() -> u64 {
    let is_long = given("AITASK_PROVE").is_some();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    if is_long { now.as_secs() << 24 } else { 0 }
}

/// As many schedules are one round.
const TOGETHER: usize = 50;

#[test]
fn answers_are_true() {
    let mut arena = Arena::new(ANY);
    if let Some(seed) = given("AITASK_SEED") {
        let schedule = arena.run(seed, None);
        say(&format!("{}{:?}", schedule.history(), schedule.check()));
        assert_eq!(schedule.check(), Ok(()));
        return;
    }
    let rounds = Rounds { ordinary: 6, short: 50, long: 20_000 };
    let property = "every answer is true, one holds each task, and nothing is lost, whatever is late, lost or killed";
    let mut proof = Proof::new("07", property, "schedules", rounds);
    let mut seed = first_seed();
    while proof.next_round().is_some() {
        for _ in 0..TOGETHER {
            let found = arena.run(seed, None).check();
            proof.check(found.is_ok(), || format!("{found:?}\n{}", again(seed)));
            seed += 1;
        }
        proof.tried(TOGETHER);
    }
    proof.end();
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| Arena::new(ANY).run(seed, None).history());
        assert_eq!(first, second, "{seed}");
    }
}

/// How many schedules it may take to find a fault.
const UNTIL_FOUND: u64 = 10_000;

#[test]
fn planted_faults_are_found() {
    let faults = [
        Fault::NoNonce,
        Fault::NoLease,
        Fault::OldView,
        Fault::UnknownIsLost,
        Fault::UnknownIsWon,
        Fault::UnboundTakeover,
        Fault::NoFence,
    ];
    // the last two take a while
    let rounds = Rounds { ordinary: faults.len() - 2, short: faults.len(), long: faults.len() };
    let property = "a mistake that is planted in the protocol is found within 10,000 schedules";
    let mut proof = Proof::new("07b", property, "mistakes", rounds);
    let mut arena = Arena::new(ANY);
    while let Some(round) = proof.next_round() {
        let fault = faults[round];
        let found = (0..UNTIL_FOUND).find_map(|seed| Some((seed, arena.run(seed, Some(fault)).check().err()?)));
        if let Some((seed, what)) = &found {
            say(&format!("{fault:?}: schedule {seed}: {what:.200}"));
        }
        proof.check(found.is_some(), || format!("{fault:?} was not found"));
        proof.tried(1);
    }
    proof.end();
}
