//! Random histories of verbs and scripts that keep the rules raise no alarm.

use crate::chance::Chance;
use crate::coordination::LockEntry;
use crate::ops::history::events::Place;
use crate::ops::history::judge::judge;
use crate::ops::history::sim::{PEOPLE, Person, Sim, path};
use crate::proof::{Proof, Rounds};
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::time::Instant;

fn any_person(dice: &Chance) -> Person {
    *dice.of(&PEOPLE)
}

/// A history, and who holds the active tasks.
struct Story {
    sim: Sim,
    dice: Chance,
    active: BTreeMap<TaskId, Option<Person>>,
    /// Archived by a script, with the lock still there.
    stale: Vec<TaskId>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut sim = Sim::new();
        // Everybody takes and releases something once, so that it is known for whom they act.
        for person in PEOPLE {
            let nonce = sim.nonce();
            let task = sim.make(person, Some(&nonce));
            sim.pick(task, person);
            sim.finish(task, person);
        }
        Self { sim, dice: Chance::new(seed), active: BTreeMap::new(), stale: Vec::new() }
    }

    fn make(&mut self, person: Person) {
        let nonce = self.sim.nonce();
        let by_script = self.dice.below(3) == 0;
        let parents: Vec<_> = self.active.keys().filter(|task| !task.is_child()).copied().collect();
        let task = if self.dice.below(4) == 0 && !parents.is_empty() {
            let parent = parents[self.dice.below(parents.len())];
            // Numbers of children are those of no child before, archived ones included.
            let child = (1..).map(|child| TaskId::child(parent.number(), child));
            let made = |task: &TaskId| {
                self.sim.events.iter().any(|event| event.changes.iter().any(|it| it.path == path(*task)))
            };
            let child = child.into_iter().find(|task| !made(task)).unwrap();
            self.sim.file(child, person, Some(&nonce).filter(|_| !by_script).map(String::as_str));
            child
        } else {
            self.sim.make(person, Some(&*nonce).filter(|_| !by_script))
        };
        self.active.insert(task, None);
    }

    fn free(&mut self, task: TaskId, person: Person) {
        let nonce = self.sim.nonce();
        match self.dice.below(6) {
            0 => {
                self.sim.lock(task, person, Some(&nonce));
            }
            1 => {
                self.sim.lock(task, person, None);
            }
            2 => {
                self.sim.archive(&[task], person, Some(&nonce));
                self.sim.fence(&format!("task {}", task.prefixed()), person, &nonce);
                self.active.remove(&task);
                return;
            }
            _ => self.sim.pick(task, person),
        }
        self.active.insert(task, Some(person));
    }

    fn own(&mut self, task: TaskId, person: Person) {
        let nonce = self.sim.nonce();
        match self.dice.below(9) {
            0 => self.sim.drop_task(task, person),
            1 => {
                self.sim.unlock(task, person, Some(&nonce));
            }
            2 => {
                self.sim.unlock(task, person, None);
            }
            3 => {
                // another session of the same person goes on
                self.sim.lock(task, person, Some(&nonce));
                return;
            }
            4 => {
                // a merge that leaves the task with its holder
                self.sim.fence(&format!("task {}", task.prefixed()), person, &nonce);
                self.sim.merge(person, &nonce);
                return;
            }
            5 => {
                self.sim.archive(&[task], person, None);
                self.stale.push(task);
                self.active.remove(&task);
                return;
            }
            6 => {
                // a server without atomic push gets a fence first, and others come between
                self.sim.fence("tasks to be released", person, &nonce);
                self.sim.archive(&[task], person, Some(&nonce));
                let (other, fence) = (any_person(&self.dice), self.sim.nonce());
                self.sim.fence("the task data", other, &fence);
                self.sim.fence("tasks to be released", person, &nonce);
                self.sim.unlock(task, person, Some(&nonce));
                self.active.remove(&task);
                return;
            }
            _ => {
                self.sim.finish(task, person);
                self.active.remove(&task);
                return;
            }
        }
        self.active.insert(task, None);
    }

    fn of_another(&mut self, task: TaskId, person: Person) {
        let (nonce, over) = (self.sim.nonce(), self.sim.token(task));
        match self.dice.below(6) {
            0 => {
                self.sim.unlock(task, person, Some(&nonce)).over = over;
                self.active.insert(task, None);
            }
            1 => {
                self.sim.unlock(task, person, None);
                self.sim.lock(task, person, None);
                self.active.insert(task, Some(person));
            }
            2 => {
                // folded into a task of this person
                let into = self.sim.make(person, Some(&nonce));
                let nonce = self.sim.nonce();
                self.sim.archive(&[into], person, Some(&nonce));
                self.sim.change(&path(task), None);
                self.sim.unlock(task, person, Some(&nonce));
                self.active.remove(&task);
            }
            3 => {
                let nonce = self.sim.nonce();
                self.sim.data(person, &format!("ait: Update task {}: x", task.prefixed()), Some(&nonce));
                self.sim.fence("the task data", person, &nonce);
            }
            _ => {
                self.sim.steal(task, person);
                self.active.insert(task, Some(person));
            }
        }
    }

    fn sweep(&mut self, person: Person) {
        let nonce = self.sim.nonce();
        let all = std::mem::take(&mut self.stale);
        if all.is_empty() {
            return;
        }
        if self.dice.below(2) == 0 {
            let over = self.sim.token(all[0]);
            self.sim.unlock(all[0], person, Some(&nonce)).over = over;
            self.stale = all[1..].to_vec();
        } else {
            let subject = format!("ait: Cleanup {} stale lock(s)", all.len());
            self.sim.put(Place::Locks, person, &subject, Some(&nonce));
            for task in all {
                self.sim.change(&LockEntry::path(task), None);
            }
        }
    }

    fn go_on(&mut self) {
        let person = any_person(&self.dice);
        let tasks: Vec<_> = self.active.iter().map(|(task, holder)| (*task, *holder)).collect();
        let what = self.dice.below(8);
        if what == 0 {
            return self.sweep(person);
        }
        if what < 3 || tasks.is_empty() {
            return self.make(person);
        }
        match tasks[self.dice.below(tasks.len())] {
            (task, None) => self.free(task, person),
            (task, Some(holder)) if self.dice.below(3) > 0 => self.own(task, holder),
            (task, Some(holder)) if holder != person => self.of_another(task, person),
            _ => {}
        }
    }
}

fn history(seed: u64, steps: usize) -> Sim {
    let mut story = Story::new(seed);
    for _ in 0..steps {
        story.go_on();
    }
    story.sim
}

#[test]
fn a_clean_history_raises_no_alarm() {
    let rounds = Rounds { ordinary: 200, short: 2_000, long: 10_000 };
    let property = "The audit of a history that keeps the rules finds nothing";
    let mut proof = Proof::new("14", property, "histories", rounds);
    let all = proof.rounds() as u64;
    while let Some(round) = proof.next_round() {
        let seed = round as u64;
        assert!(seed < all);
        let sim = history(seed, 20 + round % 60);
        let begun = Instant::now();
        let judged = judge(&sim.events, &sim.task_files());
        proof.took(begun.elapsed());
        proof.tried(1);
        proof.check(judged.findings.is_empty(), || format!("seed {seed}: {:?}", judged.findings.first()));
    }
    proof.end();
}

#[test]
fn ten_thousand_events_are_judged_in_no_time() {
    let mut sim = history(1, 40);
    let person = PEOPLE[0];
    while sim.events.len() < 10_000 {
        let nonce = sim.nonce();
        let task = sim.make(person, Some(&nonce));
        sim.pick(task, person);
        sim.steal(task, PEOPLE[1]);
        sim.finish(task, PEOPLE[1]);
    }
    let files = sim.task_files();
    let begun = Instant::now();
    let judged = judge(&sim.events, &files);
    // a second in the released program, which is several times faster than this one
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert_eq!(judged.findings, []);
    assert_eq!((judged.figures.events, judged.figures.waited.median_seconds), (sim.events.len(), Some(60)));
}
