//! Histories of eight sessions, a clone each, that want two tasks and numbers, with 200 calls: some order of the calls has to
//! explain every answer. It knows nothing of the remote, and believes only what the commands answered.
//!
//! A clone has one session here, since the queue of a clone is what keeps two of them from reading refs that the git of the
//! other has set back; `proofs::histories` has two in each.

use super::check::Told;
use super::commands::{BARE, End, Fault, Reply, WITH_FILE, Who, Wish, session_of};
use super::{Arena, Folder, Place, Schedule, Shape, Slot, first_seed};
use crate::chance::Chance;
use crate::coordination::{LockEntry, ids};
use crate::error::Kind;
use crate::ledger::{IDS, LOCKS};
use crate::linearizability::{Call, Claim, LockAct, is_explained};
use crate::proof::{Proof, Rounds};
use crate::task::TaskId;
use std::rc::Rc;

const SESSIONS: usize = 8;
/// What each session wants.
const CALLS: usize = 25;
const TASKS: [u64; 2] = [BARE[0], WITH_FILE[0]];
const SHAPE: Shape = Shape { clones: SESSIONS, killed: 300, fill, sessions_end: false };

fn fill(schedule: &mut Schedule, dirs: &[Folder]) {
    for (number, (_, repository)) in dirs.iter().enumerate() {
        let clone = schedule.world.remote.clone_with([]);
        let place = Rc::new(Place { number, clone, repository: repository.clone() });
        let who = Who { session: number, person: number % 2, start: 0 };
        let wishes = (0..CALLS).map(|_| wish(&schedule.world.chance)).collect();
        schedule.slots.push(Slot { place, who, wishes, running: None, unfinished: None });
    }
}

fn wish(chance: &Chance) -> Wish {
    let task = TASKS[chance.below(2)];
    match chance.below(10) {
        0..4 => Wish::Take { task, steal: false },
        4..8 => Wish::Release { task, end: End::Dropped },
        8 => Wish::Take { task, steal: true },
        _ => [Wish::Claim, Wish::New][chance.below(2)],
    }
}

/// What a call about a lock did, by its answer; `None` where it says that it did nothing.
fn lock_act(told: &Told) -> Option<LockAct> {
    let me = told.who.session;
    let wanted = match told.wish {
        Wish::Take { steal: true, .. } => LockAct::Steal(me),
        Wish::Take { .. } => LockAct::Lock(me),
        _ => LockAct::Unlock(me),
    };
    match &told.reply {
        Some(Ok(Reply::Held(_))) => Some(LockAct::SaysHeld(me)),
        Some(Ok(Reply::NotHeld)) => Some(LockAct::SaysFree),
        Some(Err(error)) if error.kind() != Kind::Unknown => None,
        _ => Some(wanted),
    }
}

/// What a call about the counter did.
fn claim(told: &Told) -> Option<Claim> {
    match &told.reply {
        Some(Ok(Reply::Id(id))) => Some(Claim(Some(id - 9))),
        Some(Err(error)) if error.kind() != Kind::Unknown => None,
        _ => Some(Claim(None)),
    }
}

fn call<A>(told: &Told, act: A) -> Call<A> {
    let is_heard = matches!(told.reply, Some(Ok(_)));
    Call { act, begun: told.time.0, ended: told.time.1.filter(|_| is_heard) }
}

/// What is wrong with the answers of a schedule.
fn unexplained(schedule: &Schedule) -> Result<(), String> {
    let file = |branch: &str, path: &str| schedule.world.remote.files(branch).remove(path);
    for task in TASKS {
        let is_about =
            |wish| matches!(wish, Wish::Take { task: of, .. } | Wish::Release { task: of, .. } if of == task);
        let told = schedule.told.iter().filter(|told| is_about(told.wish));
        let mut calls: Vec<_> = told.filter_map(|told| Some(call(told, lock_act(told)?))).collect();
        let id = TaskId::top(task);
        let lock = file(LOCKS, &LockEntry::path(id));
        let holder = lock.map(|lock| session_of(&LockEntry::parse(id, lock.as_bytes(), None)).unwrap_or(usize::MAX));
        let begun = schedule.world.tick();
        calls.push(Call { act: LockAct::Holder(holder), begun, ended: Some(schedule.world.tick()) });
        if !is_explained(&calls) {
            return Err(format!("no order explains what was said of t{task}: {calls:?}"));
        }
    }
    let told = schedule.told.iter().filter(|told| matches!(told.wish, Wish::Claim | Wish::New));
    let mut claims: Vec<_> = told.filter_map(|told| Some(call(told, claim(told)?))).collect();
    let next: u64 = file(IDS, ids::FILE).and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    let begun = schedule.world.tick();
    claims.push(Call { act: Claim(Some(next - 9)), begun, ended: Some(schedule.world.tick()) });
    if is_explained(&claims) { Ok(()) } else { Err(format!("no order explains the numbers: {claims:?}")) }
}

#[test]
fn some_order_explains_every_answer() {
    let property = "some order of the calls explains all answers; 200 calls of 8 sessions, in memory";
    let mut proof = Proof::new("06b", property, "histories", Rounds { ordinary: 5, short: 30, long: 20_000 });
    let mut arena = Arena::new(SHAPE);
    let mut seed = first_seed();
    while proof.next_round().is_some() {
        let schedule = arena.run(seed, None);
        let found = schedule.check().and_then(|()| unexplained(&schedule));
        proof.check(found.is_ok(), || format!("seed {seed}: {found:?}\n{}", schedule.history()));
        proof.tried(1);
        seed += 1;
    }
    proof.end();
}

#[test]
fn mistakes_in_the_protocol_are_found_by_the_answers_alone() {
    let mut arena = Arena::new(SHAPE);
    for fault in [Fault::NoLease, Fault::UnknownIsLost, Fault::UnknownIsWon, Fault::OldView] {
        let found = (0..200).find(|seed| unexplained(&arena.run(*seed, Some(fault))).is_err());
        assert!(found.is_some(), "{fault:?} was not found");
    }
}
