//! Histories in memory, as verbs and scripts write them.

use crate::coordination::LockEntry;
use crate::coordination::ids;
use crate::git::{Branch, Oid};
use crate::ops::history::events::{Blob, Change, Event, Place};
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};

/// The author of a commit, and the address for which that one takes locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person(pub(super) &'static str, pub(super) &'static str);

pub(super) const ANN: Person = Person("ann@x", "ann@x");
pub(super) const BOB: Person = Person("bob@x", "bob@x");
pub(super) const CAT: Person = Person("cat@home", "cat@work");
pub(super) const PEOPLE: [Person; 3] = [ANN, BOB, CAT];

/// An event that changes nothing.
pub(super) fn event(place: Place, subject: &str) -> Event {
    let branch = match place {
        Place::Locks => "aitask-locks",
        Place::Ids => "aitask-ids",
        Place::Data => "aitask-data",
        Place::Code => "main",
    };
    Event {
        place,
        branch: Branch::parse(branch).unwrap(),
        commit: name(&0),
        by: ANN.0.to_owned(),
        at: String::new(),
        seconds: Some(0),
        subject: subject.to_owned(),
        nonce: None,
        over: None,
        parents: 1,
        is_cut: false,
        changes: Vec::new(),
    }
}

fn name(of: &impl std::hash::Hash) -> Oid {
    let mut hash = DefaultHasher::new();
    of.hash(&mut hash);
    Oid::parse(&format!("{:040x}", hash.finish())).unwrap()
}

pub(super) fn blob(text: &str) -> Blob {
    Blob { oid: name(&text), text: Some(text.to_owned()) }
}

pub(super) fn path(task: TaskId) -> String {
    match task.parent() {
        Some(parent) => format!("aitasks/t{parent}/t{task}_x.md"),
        None => format!("aitasks/t{task}_x.md"),
    }
}

/// A history that grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Sim {
    pub(super) events: Vec<Event>,
    /// The files of the branches.
    pub(super) files: BTreeMap<(Place, String), Blob>,
    count: u64,
    clock: i64,
}

impl Sim {
    /// A history with the coordination branches.
    pub(super) fn new() -> Self {
        let mut sim = Self::default();
        let nonce = sim.nonce();
        sim.put(Place::Locks, ANN, "ait: Initialize task lock branch", Some(&nonce)).parents = 0;
        sim.put(Place::Ids, ANN, "ait: Initialize task ID counter at 1", Some(&nonce)).parents = 0;
        sim.change(ids::FILE, Some("1\n"));
        sim
    }

    pub(super) fn nonce(&mut self) -> String {
        self.count += 1;
        format!("{:032x}", self.count)
    }

    /// Adds a commit.
    pub(super) fn put(&mut self, place: Place, by: Person, subject: &str, nonce: Option<&str>) -> &mut Event {
        self.count += 1;
        self.clock += 60;
        let commit = name(&self.count);
        let (by, seconds, nonce) = (by.0.to_owned(), Some(self.clock), nonce.map(str::to_owned));
        self.events.push(Event { commit, by, seconds, nonce, ..event(place, subject) });
        self.events.last_mut().unwrap()
    }

    /// Changes a file in the last commit.
    pub(super) fn change(&mut self, path: &str, text: Option<&str>) {
        let event = self.events.last_mut().unwrap();
        let key = (event.place, path.to_owned());
        let new = text.map(blob);
        let old = match &new {
            Some(new) => self.files.insert(key, new.clone()),
            None => self.files.remove(&key),
        };
        if old != new {
            event.changes.push(Change { path: path.to_owned(), old, new });
        }
    }

    pub(super) fn token(&self, task: TaskId) -> Option<Oid> {
        self.files.get(&(Place::Locks, LockEntry::path(task))).map(|blob| blob.oid.clone())
    }

    /// The lock of a person; those of the scripts have no nonce.
    pub(super) fn lock_text(task: TaskId, by: Person, nonce: Option<&str>) -> String {
        let nonce = nonce.map(|nonce| format!("nonce: {nonce}\n")).unwrap_or_default();
        format!("task_id: {task}\nlocked_by: {}\nlocked_at: 2026-01-02 03:04\nhostname: box\n{nonce}", by.1)
    }

    pub(super) fn lock(&mut self, task: TaskId, by: Person, nonce: Option<&str>) -> &mut Event {
        let subject = format!("ait: Lock task {} for {}", task.prefixed(), by.1);
        self.put(Place::Locks, by, &subject, nonce);
        self.change(&LockEntry::path(task), Some(&Self::lock_text(task, by, nonce)));
        self.events.last_mut().unwrap()
    }

    pub(super) fn unlock(&mut self, task: TaskId, by: Person, nonce: Option<&str>) -> &mut Event {
        self.put(Place::Locks, by, &format!("ait: Unlock task {}", task.prefixed()), nonce);
        self.change(&LockEntry::path(task), None);
        self.events.last_mut().unwrap()
    }

    /// The takeover of a verb.
    pub(super) fn steal(&mut self, task: TaskId, by: Person) {
        let (nonce, over) = (self.nonce(), self.token(task));
        self.lock(task, by, Some(&nonce)).over = over;
        self.data(by, &format!("ait: Start work on {}: set status to Implementing", task.prefixed()), Some(&nonce));
    }

    pub(super) fn fence(&mut self, of: &str, by: Person, nonce: &str) {
        self.put(Place::Locks, by, &format!("ait: Confirm lock of {of}"), Some(nonce));
    }

    pub(super) fn data(&mut self, by: Person, subject: &str, nonce: Option<&str>) {
        self.put(Place::Data, by, subject, nonce);
    }

    pub(super) fn counter(&self) -> u64 {
        self.files[&(Place::Ids, ids::FILE.to_owned())].text.as_ref().unwrap().trim().parse().unwrap()
    }

    pub(super) fn claim(&mut self, by: Person, nonce: Option<&str>) -> TaskId {
        let id = self.counter();
        let next = id + 1;
        self.put(Place::Ids, by, &format!("ait: Claim task ID t{id}, advance counter to {next}"), nonce);
        self.change(ids::FILE, Some(&format!("{next}\n")));
        TaskId::top(id)
    }

    /// A new task.
    pub(super) fn make(&mut self, by: Person, nonce: Option<&str>) -> TaskId {
        let task = self.claim(by, nonce);
        self.file(task, by, nonce);
        task
    }

    /// The file of a new task.
    pub(super) fn file(&mut self, task: TaskId, by: Person, nonce: Option<&str>) {
        let what = if task.is_child() { "child task" } else { "task" };
        self.data(by, &format!("ait: Add {what} {}: x", task.prefixed()), nonce);
        self.change(&path(task), Some(&format!("{task} {}", self.count)));
    }

    pub(super) fn pick(&mut self, task: TaskId, by: Person) {
        let nonce = self.nonce();
        self.lock(task, by, Some(&nonce));
        self.data(by, &format!("ait: Start work on {}: set status to Implementing", task.prefixed()), Some(&nonce));
    }

    pub(super) fn drop_task(&mut self, task: TaskId, by: Person) {
        let nonce = self.nonce();
        self.data(by, &format!("ait: Abort {}: revert status to Ready", task.prefixed()), Some(&nonce));
        self.unlock(task, by, Some(&nonce));
    }

    /// The archive commit of tasks, a child first.
    pub(super) fn archive(&mut self, tasks: &[TaskId], by: Person, nonce: Option<&str>) {
        let names: Vec<_> = tasks.iter().map(|task| task.prefixed()).collect();
        let subject = format!("ait: Archive completed {} task and plan files", names.join(" and parent "));
        self.data(by, &subject, nonce);
        for task in tasks {
            let (from, text) = (path(*task), format!("{task} done"));
            self.change(&from, None);
            self.change(&from.replace("aitasks/", "aitasks/archived/"), Some(&text));
        }
    }

    pub(super) fn merge(&mut self, by: Person, nonce: &str) {
        self.put(Place::Code, by, "Merge branch 'aitask/t1_x' into main", Some(nonce)).parents = 2;
    }

    /// The merge and the archive of a task that is held.
    pub(super) fn finish(&mut self, task: TaskId, by: Person) {
        let nonce = self.nonce();
        self.merge(by, &nonce);
        self.archive(&[task], by, Some(&nonce));
        self.unlock(task, by, Some(&nonce));
    }

    /// The files of the tasks.
    pub(super) fn task_files(&self) -> Vec<(TaskId, String)> {
        let paths = self.files.keys().filter(|(place, _)| *place == Place::Data).map(|(_, path)| path);
        paths.filter_map(|path| Some((crate::task::TaskPath::parse(path)?.id(), path.clone()))).collect()
    }
}
