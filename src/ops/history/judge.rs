//! The audit: what the events of the branches show, as a pure function of them.
//!
//! What holds together what happened on different branches is the nonce of a transaction, never a date. So a commit
//! without one, which a script wrote, is judged by its own branch alone.

use crate::coordination::LockEntry;
use crate::git::Oid;
use crate::ops::history::counter::highest_id;
use crate::ops::history::events::{Blob, Deed, Event, Place};
use crate::ops::history::figures::{Figures, Times};
use crate::ops::history::findings::{CUT, Finding, Findings, Unjudged, Violation};
use crate::ops::history::nonces::Nonces;
use crate::task::{TaskId, TaskPath, paths};
use std::collections::{BTreeMap, BTreeSet};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The violations, branch by branch.
    pub(crate) findings: Vec<Finding>,
    /// What cannot be judged.
    pub(crate) unjudged: Vec<Unjudged>,
    /// The figures.
    pub(crate) figures: Figures,
}

/// What one transaction did to the data and the code.
#[derive(Debug, Default)]
struct Transaction<'a> {
    /// The tasks that it archived.
    archived: Vec<TaskId>,
    /// The tasks whose files it removed: they were folded into another one.
    gone: Vec<TaskId>,
    /// The commits that brought work into a branch.
    landed: Vec<&'a Event>,
    /// Whether it moved the lock branch, or that of the ids.
    is_coordinated: bool,
}

/// A lock that stands.
#[derive(Debug)]
struct Held<'a> {
    token: &'a Oid,
    /// The address in it; `None` where it cannot be read here.
    holder: Option<String>,
    /// The author of the commit that wrote it.
    by: &'a str,
}

/// Whether somebody is the holder of a lock, as far as addresses tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Unknown,
}

/// Judges events; `files` are the files of the tasks in the newest commit of the task data.
pub(crate) fn judge(events: &[Event], files: &[(TaskId, String)]) -> Judged {
    let mut audit = Audit::new(events, files);
    audit.locks();
    let counter = highest_id(events, &mut audit.findings);
    audit.landings();
    audit.tasks(counter, files);
    let figures = audit.times.figures(events);
    Judged { unjudged: audit.findings.unjudged(), findings: audit.findings.found, figures }
}

struct Audit<'a> {
    events: &'a [Event],
    transactions: BTreeMap<&'a str, Transaction<'a>>,
    /// The addresses for which each author took locks.
    people: BTreeMap<&'a str, BTreeSet<String>>,
    /// The numbers of tasks of which a file was ever archived.
    archived: BTreeSet<u64>,
    /// The active tasks.
    active: BTreeSet<TaskId>,
    /// The locks that were removed as stale ones, of tasks that are active still.
    swept: BTreeMap<TaskId, &'a Event>,
    /// Whether the lock branch is here, from its beginning.
    has_all_locks: bool,
    findings: Findings,
    times: Times,
}

impl<'a> Audit<'a> {
    fn new(events: &'a [Event], files: &[(TaskId, String)]) -> Self {
        let is_archived = |path: &str| TaskPath::parse(path).filter(TaskPath::is_archived).map(|path| path.id());
        let mut audit = Self {
            events,
            transactions: BTreeMap::new(),
            people: BTreeMap::new(),
            archived: files.iter().filter_map(|(_, path)| is_archived(path)).map(TaskId::number).collect(),
            active: files.iter().filter(|(_, path)| is_archived(path).is_none()).map(|(id, _)| *id).collect(),
            swept: BTreeMap::new(),
            has_all_locks: true,
            findings: Findings::default(),
            times: Times::default(),
        };
        for event in events {
            let of_program = event.nonce.as_deref().map(|nonce| audit.transactions.entry(nonce).or_default());
            match event.place {
                Place::Locks | Place::Ids => {
                    if let Some(transaction) = of_program {
                        transaction.is_coordinated = true;
                    }
                    audit.has_all_locks &= event.place == Place::Ids || !begins_with_locks(event);
                    let written =
                        event.changes.iter().filter_map(|change| holder_in(change.lock_of()?, change.new.as_ref()?));
                    audit.people.entry(&event.by).or_default().extend(written);
                }
                Place::Data | Place::Code => {
                    let files =
                        || event.changes.iter().filter_map(|change| Some((change, TaskPath::parse(&change.path)?)));
                    let stored = files().filter(|(change, path)| change.new.is_some() && path.is_archived());
                    audit.archived.extend(stored.map(|(_, path)| path.id().number()));
                    let Some(transaction) = of_program else { continue };
                    if let Deed::Archive(tasks) = event.deed() {
                        let gone = files().filter(|(change, _)| change.new.is_none()).map(|(_, path)| path.id());
                        transaction.gone.extend(gone.filter(|id| !tasks.contains(id)));
                        transaction.archived.extend(tasks);
                    } else if !event.is_of_program() {
                        transaction.landed.push(event);
                    }
                }
            }
        }
        audit
    }

    fn of(&self, place: Place) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.events.iter().filter(move |event| event.place == place)
    }

    /// Whether an author is the holder of a lock: the one who took it, or one who acts for the address in it.
    fn holds(&self, by: &str, held: &Held<'_>) -> Holds {
        let Some(holder) = held.holder.as_deref() else { return Holds::Unknown };
        let acts_for = self.people.get(by).filter(|addresses| !addresses.is_empty());
        if by == held.by || by == holder || acts_for.is_some_and(|addresses| addresses.contains(holder)) {
            return Holds::Yes;
        }
        // The address of a person for locks may be another one than for commits; then nothing tells who this is.
        if acts_for.is_none() && holder != held.by { Holds::Unknown } else { Holds::No }
    }

    fn locks(&mut self) {
        let events: Vec<_> = self.of(Place::Locks).collect();
        let mut standing: BTreeMap<TaskId, Held<'a>> = BTreeMap::new();
        let mut former: BTreeSet<&'a Oid> = BTreeSet::new();
        let mut nonces = Nonces::default();
        for (at, event) in events.iter().copied().enumerate() {
            if begins_with_locks(event) {
                self.findings.cannot_judge(event, CUT);
            } else {
                let is_first = nonces.check(event, &mut self.findings);
                if is_first {
                    let last = events[at..].iter().position(|later| later.nonce != event.nonce);
                    self.landing(&events[at..last.map_or(events.len(), |last| at + last)], &standing);
                }
                self.lock_event(event, &standing, &former);
            }
            for change in &event.changes {
                let Some(task) = change.lock_of() else { continue };
                if let Some(held) =
                    standing.get(&task).filter(|held| change.new.as_ref().map(|new| &new.oid) != Some(held.token))
                {
                    former.insert(held.token);
                }
                match &change.new {
                    None => drop(standing.remove(&task)),
                    Some(new) => {
                        let held = Held { token: &new.oid, holder: holder_in(task, new), by: &event.by };
                        standing.insert(task, held);
                    }
                }
            }
        }
        // Who swept may have archived the task, and not published that yet.
        for event in std::mem::take(&mut self.swept).into_values() {
            self.findings.cannot_judge(event, "a lock was removed as a stale one, and the archived task is not here");
        }
    }

    /// Judges what lands with a move of the lock branch, by the locks before that.
    fn landing(&mut self, moves: &[&'a Event], standing: &BTreeMap<TaskId, Held<'a>>) {
        let Some(first) = moves.first().copied() else { return };
        let Some(transaction) = first.nonce.as_deref().and_then(|nonce| self.transactions.get(nonce)) else { return };
        let named_in = moves.iter().find_map(|event| match event.deed() {
            Deed::Unlock(id) | Deed::Fence(Some(id)) => Some(id),
            _ => None,
        });
        let landed =
            transaction.landed.first().map(|event| (*event, transaction.archived.first().copied().or(named_in)));
        let holder = |task: &TaskId| standing.get(task).map(|held| (self.holds(&first.by, held), held));
        let mut found = Vec::new();
        for task in &transaction.archived {
            let is_merged = landed.is_some_and(|(_, merged)| merged == Some(*task));
            if let Some((Holds::No, held)) = holder(task).filter(|_| !is_merged) {
                found.push((
                    first,
                    Violation::ArchivedByAnother,
                    *task,
                    format!("it was archived while {} held it", named(held)),
                ));
            }
        }
        let mut unknown = None;
        match landed {
            Some((event, Some(task))) => match holder(&task) {
                None => found.push((
                    event,
                    Violation::LandedUnheld,
                    task,
                    "its work was merged, and nobody held it".to_owned(),
                )),
                Some((Holds::No, held)) => {
                    found.push((
                        event,
                        Violation::LandedByAnother,
                        task,
                        format!("its work was merged while {} held it", named(held)),
                    ));
                }
                Some((Holds::Unknown, _)) => unknown = Some(event),
                Some((Holds::Yes, _)) => {}
            },
            Some((event, None)) => unknown = Some(event),
            None => {}
        }
        for (event, kind, task, message) in found {
            self.findings.add(event, kind, Some(task), message);
        }
        if let Some(event) = unknown {
            self.findings.cannot_judge(event, "nothing tells whether who merged the work held the task");
        }
    }

    fn lock_event(&mut self, event: &'a Event, standing: &BTreeMap<TaskId, Held<'a>>, former: &BTreeSet<&Oid>) {
        let deed = event.deed();
        if event.parents > 1 && deed != Deed::Bring {
            self.findings.add(event, Violation::MergedHistories, None, "two histories of the locks were merged");
        }
        if deed == Deed::Other && event.is_of_program() && event.nonce.is_some() {
            self.findings.cannot_judge(event, "a newer version of this program wrote the commit");
            return;
        }
        let removed = event.changes.iter().filter(|change| change.new.is_none() && change.lock_of().is_some()).count();
        for change in &event.changes {
            let Some(task) = change.lock_of() else {
                if event.parents > 0 {
                    self.findings.add(event, Violation::ForeignFile, None, format!("it changed {}", change.path));
                }
                continue;
            };
            let stands = standing.get(&task);
            let is_named = match (&deed, &change.new) {
                (Deed::Lock(id, _), Some(_)) | (Deed::Unlock(id), None) => *id == task,
                (Deed::Cleanup(count), None) => removed <= *count,
                (Deed::Bring, Some(_)) => change.old.is_none(),
                _ => false,
            };
            let mut add = |kind, message: String| self.findings.add(event, kind, Some(task), message);
            match (stands, &change.old, &change.new) {
                (Some(held), None, Some(_)) => {
                    add(Violation::TakenWhileHeld, format!("it was locked while the lock of {} stood", named(held)));
                }
                (stands, old, _) if stands.map(|held| held.token) != old.as_ref().map(|old| &old.oid) => {
                    add(Violation::BrokenHistory, "its lock is not the one that the commits before it left".to_owned());
                }
                (_, _, None) if !is_named => {
                    add(Violation::DroppedUnnamed, "its lock was removed by a commit that does not name it".to_owned());
                }
                (_, _, Some(_)) if !is_named => {
                    add(Violation::ChangedUnnamed, "its lock was written by a commit that does not name it".to_owned());
                }
                (None, _, Some(new)) => self.taken(event, task, new, &deed, former),
                (Some(held), _, Some(new)) => self.replaced(event, task, held, new, &deed),
                (Some(held), _, None) => self.removed(event, task, held, &deed),
                (None, _, None) => {}
            }
        }
    }

    fn taken(&mut self, event: &'a Event, task: TaskId, new: &Blob, deed: &Deed<'_>, former: &BTreeSet<&Oid>) {
        self.forged(event, task, new, deed);
        // Locks of the scripts may be the same twice, since nothing in them is unlike others.
        if *deed != Deed::Bring && former.contains(&new.oid) && nonce_in(task, new).is_some() {
            self.findings.add(event, Violation::PutBack, Some(task), "a lock that was over stands again");
        }
        if let Some(sweep) = self.swept.remove(&task) {
            let message = "its lock was removed as a stale one, and it was taken again";
            self.findings.add(sweep, Violation::SweptWhileActive, Some(task), message);
        }
        self.times.taken(task, event);
    }

    /// Whether a lock is of another address than its commit says.
    fn forged(&mut self, event: &Event, task: TaskId, new: &Blob, deed: &Deed<'_>) {
        let Deed::Lock(_, who) = deed else { return };
        if let Some(holder) =
            holder_in(task, new).filter(|holder| holder != who && holder != "unknown" && !who.is_empty())
        {
            let message = format!("the commit locks it for {who}, and the lock is of {holder}");
            self.findings.add(event, Violation::ForgedLock, Some(task), message);
        }
    }

    fn replaced(&mut self, event: &'a Event, task: TaskId, held: &Held<'_>, new: &Blob, deed: &Deed<'_>) {
        self.forged(event, task, new, deed);
        let (Some(from), Some(to)) = (held.holder.clone(), holder_in(task, new)) else {
            self.findings.cannot_judge(event, "a lock that was replaced cannot be read here");
            return self.times.taken_over(task, event, "unknown".to_owned(), None);
        };
        match &event.over {
            Some(over) if over == held.token => {}
            Some(_) => {
                let message = format!("{to} took it from {from} by a takeover of another lock");
                self.findings.add(event, Violation::TakeoverOfAnotherLock, Some(task), message);
            }
            // The same person goes on, in another session.
            None if from == to => return,
            // A script says nothing.
            None if event.nonce.is_none() => {}
            None => {
                let message = format!("{to} replaced the lock of {from}, and the commit says nothing of a takeover");
                self.findings.add(event, Violation::ReplacedWithoutTakeover, Some(task), message);
            }
        }
        self.times.taken_over(task, event, from, Some(to));
    }

    fn removed(&mut self, event: &'a Event, task: TaskId, held: &Held<'_>, deed: &Deed<'_>) {
        let transaction = event.nonce.as_deref().and_then(|nonce| self.transactions.get(nonce));
        // What ends with its task was judged with that.
        let is_judged = transaction
            .is_some_and(|it| it.archived.contains(&task) || it.gone.contains(&task) || !it.landed.is_empty());
        let holds = self.holds(&event.by, held);
        if let Deed::Cleanup(_) = deed {
            if self.active.contains(&task) && !self.archived.contains(&task.number()) {
                self.swept.insert(task, event);
            }
        } else if event.over.as_ref().is_some_and(|over| over != held.token) {
            let message = format!("the lock of {} was removed by a takeover of another lock", named(held));
            self.findings.add(event, Violation::TakeoverOfAnotherLock, Some(task), message);
        } else if holds == Holds::No && event.over.is_none() && event.nonce.is_some() && !is_judged {
            let message = format!("{} removed the lock of {}", event.by, named(held));
            self.findings.add(event, Violation::RemovedByAnother, Some(task), message);
        } else if holds == Holds::Unknown && !is_judged && event.over.is_none() {
            self.findings.cannot_judge(event, "nothing tells whether who removed a lock was its holder");
        }
        if holds == Holds::No && !is_judged && !matches!(deed, Deed::Cleanup(_)) {
            self.times.taken_over(task, event, named(held).to_owned(), None);
        }
        self.times.released(task, event);
    }

    /// Judges what landed without a move of the lock branch. The branches may have been fetched one after the other, and a
    /// project may come from another repository; so what is before the first and after the last commit of which the locks
    /// are here is not judged.
    fn landings(&mut self) {
        for place in [Place::Data, Place::Code] {
            let ends: Vec<_> = self
                .of(place)
                .filter(|event| matches!(event.deed(), Deed::Archive(_)) || !event.is_of_program())
                .collect();
            let is_known = |event: &&Event| {
                let nonce = event.nonce.as_deref();
                nonce.and_then(|nonce| self.transactions.get(nonce)).is_some_and(|it| it.is_coordinated)
            };
            let (first, last) = (ends.iter().position(is_known), ends.iter().rposition(is_known));
            let is_between = |at: usize| first.is_some_and(|first| at > first) && last.is_some_and(|last| at < last);
            let alone: Vec<_> = ends.iter().copied().enumerate().filter(|(_, event)| !is_known(event)).collect();
            for (at, event) in alone {
                match event.deed() {
                    Deed::Archive(_) if event.nonce.is_none() => {
                        self.findings.cannot_judge(event, "a script archived the task, which does not say who held it");
                    }
                    _ if event.nonce.is_none() => {}
                    deed if is_between(at) && self.has_all_locks => {
                        let task = if let Deed::Archive(tasks) = deed { tasks.first().copied() } else { None };
                        let message = "it landed without a move of the lock branch";
                        self.findings.add(event, Violation::LandedWithoutLock, task, message);
                    }
                    _ => {
                        self.findings.cannot_judge(event, "the locks of that time are not known here");
                    }
                }
            }
        }
    }

    /// Judges the files of the tasks.
    fn tasks(&mut self, counter: Option<u64>, files: &[(TaskId, String)]) {
        let mut made: BTreeMap<TaskId, &Event> = BTreeMap::new();
        let mut nonces: BTreeMap<&str, &Event> = BTreeMap::new();
        let mut tip = None;
        let mut is_behind = false;
        for event in self.of(Place::Data) {
            tip = Some(event);
            let deed = event.deed();
            self.times.made(event, &deed);
            let Some(nonce) = event.nonce.as_deref() else { continue };
            if let Some(other) = nonces
                .insert(nonce, event)
                .filter(|other| other.subject == event.subject && other.changes == event.changes)
            {
                self.findings.cannot_judge(other, "the task data has the commit twice: its history was written again");
                continue;
            }
            let is_ours = matches!(deed, Deed::Make(_) | Deed::Start | Deed::GiveBack(_) | Deed::Archive(_));
            let is_data = |path: &str| [paths::TASKS_DIR, paths::PLANS_DIR].iter().any(|folder| path.contains(folder));
            if let Some(foreign) = event.changes.iter().find(|change| is_ours && !is_data(&change.path)) {
                self.findings.add(event, Violation::ForeignFile, None, format!("it changed {}", foreign.path));
            }
            if let Deed::Make(task) = deed
                && !task.is_child()
            {
                is_behind = !self.transactions.get(nonce).is_some_and(|it| it.is_coordinated);
                if made.insert(task, event).is_some() {
                    let message = "another task of this id was created before";
                    self.findings.add(event, Violation::IdGivenTwice, Some(task), message);
                }
            }
        }
        let Some(tip) = tip else { return };
        let mut add = |kind, task, message: String| {
            self.findings.found.push(Finding {
                kind,
                task_id: Some(task),
                message,
                branch: tip.branch.clone(),
                commit: None,
                by: None,
                at: None,
            });
        };
        let mut of: BTreeMap<TaskId, Vec<&str>> = BTreeMap::new();
        for (task, path) in files {
            of.entry(*task).or_default().push(path);
        }
        for (task, paths) in of {
            if paths.len() > 1 {
                add(Violation::TwoFiles, task, format!("it has {} files: {}", paths.len(), paths.join(", ")));
            }
            let given = counter.is_none_or(|counter| task.number() < counter);
            if !given && !is_behind && !task.is_child() {
                let message = format!("the id counter never came beyond {}", counter.unwrap_or_default());
                add(Violation::IdNeverGiven, task, message);
            }
        }
        if is_behind {
            self.findings.cannot_judge(tip, "the ids of the newest tasks are not known here");
        }
    }
}

/// Whether the history begins with a commit that has locks: in a shallow clone, or after the branch was compacted. Who
/// took those is not known.
fn begins_with_locks(event: &Event) -> bool {
    event.is_cut || event.parents == 0 && event.changes.iter().any(|change| change.lock_of().is_some())
}

/// The address in a lock; `None` where its text is not here.
fn holder_in(task: TaskId, blob: &Blob) -> Option<String> {
    Some(LockEntry::parse(task, blob.text.as_ref()?.as_bytes(), None).holder)
}

fn nonce_in(task: TaskId, blob: &Blob) -> Option<String> {
    LockEntry::parse(task, blob.text.as_ref()?.as_bytes(), None).nonce
}

fn named<'h>(held: &'h Held<'_>) -> &'h str {
    held.holder.as_deref().unwrap_or(held.by)
}
