//! Violations that are planted into a clean history are found, and named; what cannot be judged is none.

use super::Violation::{
    ArchivedByAnother, BrokenHistory, ChangedUnnamed, CounterStays, CounterUnreadable, CounterWentBack, CounterWrong,
    DroppedUnnamed, ForeignFile, ForgedLock, IdGivenTwice, IdNeverGiven, LandedByAnother, LandedUnheld,
    LandedWithoutLock, MergedHistories, NonceRepeats, PutBack, RemovedByAnother, ReplacedWithoutTakeover,
    SweptWhileActive, TakenWhileHeld, TakeoverOfAnotherLock, TwoFiles,
};
use super::events::Place;
use super::findings::Violation;
use super::judge::{Judged, judge};
use super::sim::{ANN, BOB, CAT, PEOPLE, Sim, blob, path};
use crate::coordination::{LockEntry, ids};
use crate::task::TaskId;

/// Held by Ann, held by Bob, free.
const ANNS: u64 = 4;
const BOBS: u64 = 5;
const FREE: u64 = 6;

fn id(number: u64) -> TaskId {
    TaskId::top(number)
}

fn lock(task: TaskId) -> String {
    LockEntry::path(task)
}

/// Three tasks that are over, one of Ann, one of Bob, and one that is free.
fn scene() -> Sim {
    let mut sim = Sim::new();
    for person in PEOPLE {
        let nonce = sim.nonce();
        let task = sim.make(person, Some(&nonce));
        sim.pick(task, person);
        sim.finish(task, person);
    }
    for person in [ANN, BOB, CAT] {
        let nonce = sim.nonce();
        let task = sim.make(person, Some(&nonce));
        if person != CAT {
            sim.pick(task, person);
        }
    }
    sim
}

fn judged(sim: &Sim) -> Judged {
    judge(&sim.events, &sim.task_files())
}

/// More work of Cat.
fn go_on(sim: &mut Sim) {
    let nonce = sim.nonce();
    let task = sim.make(CAT, Some(&nonce));
    sim.pick(task, CAT);
    sim.finish(task, CAT);
}

type Plant = fn(&mut Sim, &str);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_of_forty_planted_violations_is_found_and_named() {
    let plants: &[(Violation, Plant)] = &[
        (ReplacedWithoutTakeover, |sim, nonce| {
            sim.lock(id(ANNS), BOB, Some(nonce));
        }),
        (ReplacedWithoutTakeover, |sim, _| sim.pick(id(ANNS), CAT)),
        (TakeoverOfAnotherLock, |sim, nonce| {
            let over = sim.token(id(BOBS));
            sim.lock(id(ANNS), CAT, Some(nonce)).over = over;
        }),
        (TakeoverOfAnotherLock, |sim, nonce| {
            let over = sim.token(id(BOBS));
            sim.unlock(id(ANNS), CAT, Some(nonce)).over = over;
        }),
        (TakenWhileHeld, |sim, nonce| sim.lock(id(ANNS), BOB, Some(nonce)).changes[0].old = None),
        (TakenWhileHeld, |sim, _| sim.lock(id(ANNS), BOB, None).changes[0].old = None),
        (RemovedByAnother, |sim, nonce| {
            sim.unlock(id(ANNS), BOB, Some(nonce));
        }),
        (RemovedByAnother, |sim, _| sim.drop_task(id(ANNS), CAT)),
        (SweptWhileActive, |sim, nonce| {
            sim.put(Place::Locks, CAT, "ait: Cleanup 1 stale lock(s)", Some(nonce));
            sim.change(&lock(id(ANNS)), None);
            sim.pick(id(ANNS), BOB);
        }),
        (DroppedUnnamed, |sim, nonce| {
            sim.put(Place::Locks, CAT, "ait: Cleanup 1 stale lock(s)", Some(nonce));
            sim.change(&lock(id(ANNS)), None);
            sim.change(&lock(id(BOBS)), None);
        }),
        (DroppedUnnamed, |sim, nonce| {
            sim.lock(id(FREE), CAT, Some(nonce));
            sim.change(&lock(id(ANNS)), None);
        }),
        (DroppedUnnamed, |sim, nonce| {
            sim.unlock(id(BOBS), BOB, Some(nonce));
            sim.change(&lock(id(ANNS)), None);
        }),
        (DroppedUnnamed, |sim, nonce| {
            sim.fence("task t5", BOB, nonce);
            sim.change(&lock(id(ANNS)), None);
        }),
        (DroppedUnnamed, |sim, _| {
            sim.put(Place::Locks, ANN, "tidy up", None);
            sim.change(&lock(id(ANNS)), None);
        }),
        (ChangedUnnamed, |sim, nonce| {
            sim.lock(id(FREE), CAT, Some(nonce));
            sim.change(&lock(id(ANNS)), Some(&Sim::lock_text(id(ANNS), CAT, Some(nonce))));
        }),
        (ChangedUnnamed, |sim, nonce| {
            sim.fence("task t6", CAT, nonce);
            sim.change(&lock(id(FREE)), Some(&Sim::lock_text(id(FREE), CAT, Some(nonce))));
        }),
        (ChangedUnnamed, |sim, _| {
            sim.put(Place::Locks, CAT, "by hand", None);
            sim.change(&lock(id(FREE)), Some("locked_by: cat@work\n"));
        }),
        (ForgedLock, |sim, nonce| {
            sim.put(Place::Locks, CAT, "ait: Lock task t6 for cat@work", Some(nonce));
            sim.change(&lock(id(FREE)), Some(&Sim::lock_text(id(FREE), BOB, Some(nonce))));
        }),
        (PutBack, |sim, nonce| {
            let old = sim.files[&(Place::Locks, lock(id(ANNS)))].text.clone();
            sim.steal(id(ANNS), BOB);
            sim.drop_task(id(ANNS), BOB);
            sim.put(Place::Locks, ANN, "ait: Lock task t4 for ann@x", Some(nonce));
            sim.change(&lock(id(ANNS)), old.as_deref());
        }),
        (ForeignFile, |sim, nonce| {
            sim.lock(id(FREE), CAT, Some(nonce));
            sim.change("README.md", Some("locks"));
        }),
        (ForeignFile, |sim, nonce| {
            sim.make(CAT, Some(nonce));
            let last = sim.events.pop().unwrap();
            sim.change("x.txt", Some("x"));
            sim.events.push(last);
        }),
        (ForeignFile, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Lock task t6 for cat@work", Some(nonce));
            sim.change(&lock(id(FREE)), Some("locked_by: cat@work\n"));
        }),
        (ForeignFile, |sim, _| {
            sim.pick(id(FREE), CAT);
            sim.change("src/main.rs", Some("fn main() {}"));
        }),
        (NonceRepeats, |sim, _| {
            let nonce = sim.events.iter().find(|event| event.subject.contains("Lock task")).unwrap().nonce.clone();
            sim.lock(id(FREE), CAT, nonce.as_deref());
        }),
        (NonceRepeats, |sim, nonce| {
            sim.unlock(id(ANNS), ANN, Some(nonce));
            sim.pick(id(ANNS), ANN);
            sim.unlock(id(ANNS), ANN, Some(nonce));
        }),
        (NonceRepeats, |sim, nonce| {
            sim.lock(id(FREE), CAT, Some(nonce));
            sim.fence("task t5", BOB, nonce);
        }),
        (NonceRepeats, |sim, _| {
            let nonce = sim.events.iter().find(|event| event.subject.contains("Claim")).unwrap().nonce.clone();
            sim.claim(CAT, nonce.as_deref());
        }),
        (MergedHistories, |sim, nonce| sim.lock(id(FREE), CAT, Some(nonce)).parents = 2),
        (MergedHistories, |sim, nonce| {
            sim.claim(CAT, Some(nonce));
            sim.events.last_mut().unwrap().parents = 2;
        }),
        (BrokenHistory, |sim, nonce| sim.unlock(id(ANNS), ANN, Some(nonce)).changes[0].old = Some(blob("another"))),
        (BrokenHistory, |sim, nonce| {
            sim.claim(CAT, Some(nonce));
            sim.events.last_mut().unwrap().changes[0].old = Some(blob("1\n"));
        }),
        (CounterWentBack, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Resync task ID counter to 7", Some(nonce));
            sim.change(ids::FILE, Some("7\n"));
            sim.put(Place::Ids, CAT, "by hand", None);
            sim.change(ids::FILE, Some("2\n"));
            sim.put(Place::Ids, CAT, "ait: Resync task ID counter to 7", None);
            sim.change(ids::FILE, Some("7\n"));
        }),
        (CounterStays, |sim, _| {
            sim.put(Place::Ids, CAT, "ait: Claim task ID t6, advance counter to 7", None);
        }),
        (CounterStays, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Claim task ID t6, advance counter to 7", Some(nonce));
        }),
        (CounterWrong, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Claim task ID t7, advance counter to 8", Some(nonce));
            sim.change(ids::FILE, Some("12\n"));
        }),
        (CounterUnreadable, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Claim task ID t7, advance counter to 8", Some(nonce));
            sim.change(ids::FILE, Some("eight\n"));
        }),
        (CounterUnreadable, |sim, _| {
            sim.put(Place::Ids, CAT, "by hand", None);
            sim.change(ids::FILE, None);
        }),
        (IdGivenTwice, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Claim task ID t5, advance counter to 6", Some(nonce));
            sim.change(ids::FILE, Some("8\n"));
        }),
        (IdGivenTwice, |sim, nonce| {
            sim.put(Place::Ids, CAT, "ait: Confirm lock of the task data", Some(nonce));
            sim.data(CAT, "ait: Add task t6: another", Some(nonce));
        }),
        (IdNeverGiven, |sim, _| sim.file(id(99), CAT, None)),
        (TwoFiles, |sim, nonce| {
            sim.data(CAT, "ait: Update task t4: x", Some(nonce));
            sim.change("aitasks/t4_another.md", Some("x"));
        }),
        (TwoFiles, |sim, _| {
            sim.data(CAT, "Copy it", None);
            sim.change("aitasks/archived/t4_x.md", Some("x"));
        }),
        (ArchivedByAnother, |sim, nonce| {
            sim.archive(&[id(ANNS)], BOB, Some(nonce));
            sim.unlock(id(ANNS), BOB, Some(nonce));
        }),
        (ArchivedByAnother, |sim, nonce| {
            sim.fence("task t4", CAT, nonce);
            sim.archive(&[id(ANNS)], CAT, Some(nonce));
        }),
        (ArchivedByAnother, |sim, nonce| {
            let child = TaskId::child(BOBS, 1);
            sim.file(child, ANN, Some(nonce));
            sim.pick(child, ANN);
            let nonce = sim.nonce();
            sim.archive(&[child, id(BOBS)], ANN, Some(&nonce));
            sim.unlock(child, ANN, Some(&nonce));
            sim.unlock(id(BOBS), ANN, Some(&nonce));
        }),
        (LandedByAnother, |sim, _| sim.finish(id(ANNS), CAT)),
        (LandedByAnother, |sim, _| {
            sim.steal(id(ANNS), BOB);
            sim.finish(id(ANNS), ANN);
        }),
        (LandedByAnother, |sim, nonce| {
            sim.fence("task t4", BOB, nonce);
            sim.merge(BOB, nonce);
        }),
        (LandedUnheld, |sim, nonce| {
            sim.merge(CAT, nonce);
            sim.archive(&[id(FREE)], CAT, Some(nonce));
            sim.fence("task t6", CAT, nonce);
        }),
        (LandedWithoutLock, |sim, nonce| {
            sim.merge(ANN, nonce);
            go_on(sim);
        }),
        (LandedWithoutLock, |sim, nonce| {
            sim.archive(&[id(FREE)], CAT, Some(nonce));
            go_on(sim);
        }),
    ];
    assert!(plants.len() >= 40);
    let clean = scene();
    assert_eq!(judged(&clean).findings, []);
    for (n, (violation, plant)) in plants.iter().enumerate() {
        let mut sim = clean.clone();
        let nonce = sim.nonce();
        plant(&mut sim, &nonce);
        let found = judged(&sim).findings;
        let is_named = !found.is_empty() && found.iter().all(|finding| finding.kind == *violation);
        assert!(is_named, "number {n}, {violation:?}: {found:#?}");
    }
}

fn is_unjudged(sim: &Sim, why: &str) {
    let judged = judged(sim);
    assert_eq!(judged.findings, []);
    assert!(judged.unjudged.iter().any(|it| it.message.contains(why)), "{:#?}", judged.unjudged);
}

#[test]
fn what_cannot_be_judged_is_no_violation() {
    // a shallow clone begins with a commit that adds all there was
    let mut sim = scene();
    let first = sim.events.iter().rposition(|event| event.subject == "ait: Lock task t5 for bob@x").unwrap();
    let mut cut = sim.clone();
    let earlier: Vec<_> = cut.events.drain(..first).collect();
    let entry = earlier.iter().rfind(|event| event.subject == "ait: Lock task t4 for ann@x").unwrap();
    cut.events[0].changes.push(entry.changes[0].clone());
    for place in [Place::Locks, Place::Ids] {
        cut.events.iter_mut().find(|event| event.place == place).unwrap().is_cut = true;
    }
    cut.drop_task(id(ANNS), ANN);
    is_unjudged(&cut, "what came before the first commit");

    let nonce = sim.nonce();
    sim.put(Place::Locks, CAT, "ait: Lend task t4 to bob@x", Some(&nonce));
    sim.change(&LockEntry::path(id(ANNS)), Some("locked_by: bob@x\n"));
    is_unjudged(&sim, "newer version");

    // an object that is not here
    let mut sim = scene();
    let event = sim.events.iter_mut().find(|event| event.subject == "ait: Lock task t4 for ann@x").unwrap();
    event.changes[0].new.as_mut().unwrap().text = None;
    let nonce = sim.nonce();
    sim.lock(id(ANNS), BOB, Some(&nonce));
    is_unjudged(&sim, "cannot be read here");

    // somebody compacted the branch
    let mut sim = scene();
    let entry = sim.events.iter().rfind(|event| event.subject == "ait: Lock task t4 for ann@x").unwrap().clone();
    sim.events.retain(|event| event.place != Place::Locks);
    let root = sim.put(Place::Locks, CAT, "compacted", None);
    (root.parents, root.changes) = (0, entry.changes);
    sim.drop_task(id(ANNS), ANN);
    is_unjudged(&sim, "what came before the first commit");

    // a task that was archived, which is not published yet
    let mut sim = scene();
    sim.put(Place::Locks, CAT, "ait: Cleanup 1 stale lock(s)", None);
    sim.change(&lock(id(ANNS)), None);
    is_unjudged(&sim, "the archived task is not here");

    // the data was fetched, and the locks were not
    let mut sim = scene();
    let nonce = sim.nonce();
    sim.archive(&[id(FREE)], CAT, Some(&nonce));
    is_unjudged(&sim, "not known here");
    sim.file(id(7), CAT, Some(&nonce));
    is_unjudged(&sim, "the ids of the newest tasks");

    // a rebase wrote the task data again
    let mut sim = scene();
    let copied = sim.events.iter().find(|event| event.subject == "ait: Add task t6: x").unwrap().clone();
    sim.events.push(copied);
    is_unjudged(&sim, "written again");
}

#[test]
fn what_scripts_do_is_judged_by_their_rules() {
    let mut sim = scene();
    // by force, in two commits, and as older ones did it
    sim.unlock(id(ANNS), BOB, None);
    sim.lock(id(ANNS), BOB, None);
    sim.lock(id(BOBS), ANN, None);
    sim.lock(id(FREE), CAT, None).subject = "Lock task t6 for cat@work".to_owned();
    let task = sim.make(CAT, None);
    sim.archive(&[task], CAT, None);
    let judged = judged(&sim);
    assert_eq!(judged.findings, []);
    let over: Vec<_> =
        judged.figures.takeovers.iter().map(|it| (it.task_id, it.from.as_str(), it.to.as_deref())).collect();
    assert_eq!(over, [(id(ANNS), "ann@x", None), (id(BOBS), "bob@x", Some("ann@x"))]);
    assert!(judged.unjudged.iter().any(|it| it.message.contains("a script archived")));
}

#[test]
fn waits_and_holds_are_counted_from_commit_to_commit() {
    let mut sim = Sim::new();
    let nonce = sim.nonce();
    let task = sim.make(ANN, Some(&nonce));
    // each commit is a minute later
    sim.pick(task, ANN);
    sim.steal(task, BOB);
    sim.drop_task(task, BOB);
    sim.pick(task, CAT);
    let figures = judged(&sim).figures;
    let of_task = &figures.tasks[0];
    assert_eq!((of_task.held_seconds.as_slice(), of_task.waited_seconds.as_slice()), (&[120, 180][..], &[60, 120][..]));
    assert!(of_task.is_held);
    assert_eq!(
        (figures.held.count, figures.held.longest_seconds, figures.held.longest_task_id),
        (2, Some(180), Some(task))
    );
    assert_eq!((figures.takeovers.len(), figures.takeovers[0].after_seconds), (1, Some(120)));
    assert_eq!(path(task), "aitasks/t1_x.md");
}
