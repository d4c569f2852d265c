//! The line of those of this clone that wait to land on a branch after a check, in the order in which they came.
//!
//! Each has a note with a number, locked while its process waits or lands; a note that nobody has locked is of a process
//! that is gone, and counts no more. Each waits for the lock of the one before it. So the first in line is always a living
//! one, whoever was killed, and nobody needs to be told: what the first one has checked for those behind it, they find as
//! verdicts when it is their turn. Where several have passed together, the first calls those behind it to land with it in
//! one swap, and each hears that while it waits ([`Waited::Called`]). One whose process is stopped is neither waited for nor
//! called, and none that leads is called: one that was stopped and goes on leads beside the one that has passed it. The
//! line only saves runs of the check: whoever has no place in it lands all the same.
//!
//! The notes of other users of the machine cannot be read, so that each of them has a line of its own, and nobody runs
//! what another user merges.

use crate::coordination::process;
use crate::error::{Error, Kind, Result};
use crate::files::lock::{wait_briefly, wait_while};
use crate::files::records::{RecordKind, Records};
use crate::git::{Branch, Oid, Repository};
use crate::ledger::train_that_calls;
use crate::report::activity;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

/// How often one who waits looks whether the process before it is stopped.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The question, asked once in [`LOOK_AGAIN`] however often it is called; no in between.
pub(crate) fn now_and_then(mut ask: impl FnMut() -> bool) -> impl FnMut() -> bool {
    let mut asked = Instant::now();
    move || {
        let is_due = asked.elapsed() >= LOOK_AGAIN;
        if is_due {
            asked = Instant::now();
        }
        is_due && ask()
    }
}

/// What one in line wants to land.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The output branch.
    pub(crate) into: String,
    /// The task, as people read it.
    pub(crate) task: String,
    /// The task branch.
    pub(crate) branch: String,
    /// Its commit that is merged.
    pub(crate) tip: String,
    /// The task's own files, which are merged field by field.
    pub(crate) own: Vec<String>,
    /// What must be the same for a check together: a digest of the checks; none for one that cannot be checked with others.
    pub(crate) group: Option<String>,
    /// The id of its process.
    #[serde(default)]
    pub(crate) pid: u32,
    /// Whether it checks or lands as the first, so that it hears no call.
    #[serde(default)]
    pub(crate) leads: bool,
}

/// How a wait in line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Nobody is before this one; whether somebody was.
    First { has_waited: bool },
    /// The train with this name calls it.
    Called(String),
}

impl Entry {
    /// The branch and the commit that are merged.
    pub(crate) fn work(&self) -> Option<(Branch, Oid)> {
        Some((Branch::parse(&self.branch).ok()?, Oid::parse(&self.tip)?))
    }

    /// Whether it would hear a call: it waits, and its process is not stopped.
    pub(crate) fn listens(&self, repository: &Repository) -> bool {
        !self.leads && !process::is_stopped(repository, self.pid)
    }
}

/// A place in line, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    records: Records,
    /// Its number, higher than that of all who came before.
    pub(crate) number: u64,
    /// What it is for.
    pub(crate) entry: Entry,
    held: File,
}

impl Place {
    /// Takes the last place.
    ///
    /// # Errors
    /// [`Kind::Interrupted`], [`Kind::Io`]; [`Kind::Contention`] where a process that is taking one is stopped or hangs.
    pub(crate) fn take(records: &Records, entry: Entry) -> Result<Self> {
        records.folder()?;
        let path = records.path(RecordKind::LandingDoor, "");
        let door = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let door = wait_briefly(door.map_err(|error| Error::io("open", &path, &error))?)?;
        let is_held = || Error::new(Kind::Contention, format!("another process still has {}", path.display()));
        let mut door = door.ok_or_else(is_held)?;
        let mut last = String::new();
        let _ = door.read_to_string(&mut last);
        let noted = records.names(RecordKind::Landing).iter().filter_map(|name| name.parse().ok()).max();
        let number = last.trim().parse::<u64>().unwrap_or(0).max(noted.unwrap_or(0)).saturating_add(1);
        let written = door.rewind().and_then(|()| door.set_len(0));
        written
            .and_then(|()| door.write_all(number.to_string().as_bytes()))
            .map_err(|error| Error::io("write", &path, &error))?;
        let held = records.save_locked(RecordKind::Landing, &number.to_string(), &entry)?;
        Ok(Self { records: records.clone(), number, entry, held })
    }

    /// Waits until nobody is before this one whose process is not stopped, or until it is called.
    ///
    /// # Errors
    /// [`Kind::Interrupted`].
    pub(crate) fn wait(&mut self, progress: fn(&str), is_stopped: &dyn Fn(u32) -> bool) -> Result<Waited> {
        let (mut said, mut activity) = (0, None);
        loop {
            if let Some(train) = train_that_calls(&self.records, self.number) {
                return Ok(Waited::Called(train));
            }
            let mut before = self.others();
            before.retain(|(number, _)| *number < self.number);
            while before.pop_if(|(_, entry)| entry.pid > 0 && is_stopped(entry.pid)).is_some() {}
            let (Some((_, first)), Some((number, last))) = (before.first(), before.last()) else {
                // One that has waited looks again before it leads.
                self.note_lead(said == 0);
                return Ok(Waited::First { has_waited: said > 0 });
            };
            self.note_lead(false);
            if before.len() != said {
                said = before.len();
                let (wait, who) = if said == 1 { ("waits", "") } else { ("wait", "the first is ") };
                let text = format!("{said} {wait} before you to land on {} ({who}pid {})", self.entry.into, first.pid);
                // The one before ends first, so that what is shown is the present.
                drop(activity.take());
                activity = activity::begin_or_say(progress, &text);
            }
            if let Ok(file) = File::open(self.records.path(RecordKind::Landing, &number.to_string())) {
                let is_called = || train_that_calls(&self.records, self.number).is_some();
                let mut is_passed = now_and_then(|| last.pid > 0 && is_stopped(last.pid));
                wait_while(vec![file], &mut || !is_called() && !is_passed())?;
            }
        }
    }

    /// Stays in line, but is not checked with others any more. Best effort: one that is called and does not come is only
    /// waited for.
    pub(crate) fn stand_alone(&mut self) {
        self.entry.group = None;
        self.save();
    }

    fn note_lead(&mut self, leads: bool) {
        if self.entry.leads != leads {
            self.entry.leads = leads;
            self.save();
        }
    }

    fn save(&mut self) {
        if let Ok(held) = self.records.save_locked(RecordKind::Landing, &self.number.to_string(), &self.entry) {
            self.held = held;
        }
    }

    /// Those who wait behind, in order.
    pub(crate) fn behind(&self) -> Vec<(u64, Entry)> {
        self.others().into_iter().filter(|(number, _)| *number > self.number).collect()
    }

    /// All others who live and wait for the same branch, in order.
    fn others(&self) -> Vec<(u64, Entry)> {
        let mut others = living(&self.records, &self.entry.into);
        others.retain(|(number, _)| *number != self.number);
        others
    }
}

/// All who live and wait in the line of a clone for this branch, in order. Notes of those who are gone are removed.
pub(crate) fn living(records: &Records, into: &str) -> Vec<(u64, Entry)> {
    let numbers = records.names(RecordKind::Landing).into_iter().filter_map(|name| name.parse().ok());
    let mut all: Vec<_> = numbers.filter_map(|number| Some((number, living_one(records, number)?))).collect();
    all.retain(|(_, entry)| entry.into == into);
    all.sort_by_key(|(number, _)| *number);
    all
}

fn living_one(records: &Records, number: u64) -> Option<Entry> {
    let name = number.to_string();
    if !is_held(records, &name)? {
        let _ = records.forget(RecordKind::Landing, &name);
        return None;
    }
    records.load(RecordKind::Landing, &name)
}

/// Whether the one with this place in line would hear a call.
pub(crate) fn listens(repository: &Repository, place: u64) -> bool {
    let (records, name) = (repository.records(), place.to_string());
    let entry = || records.load::<Entry>(RecordKind::Landing, &name);
    is_held(&records, &name) == Some(true) && entry().is_some_and(|entry| entry.listens(repository))
}

/// Whether the process of a note lives; `None` for a note that is gone, or of another user.
fn is_held(records: &Records, name: &str) -> Option<bool> {
    let file = File::open(records.path(RecordKind::Landing, name)).ok()?;
    let is_own = file.metadata().ok()?.uid() == geteuid().as_raw();
    is_own.then(|| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// All who land or wait to land, in order, for one who only looks.
pub(crate) fn all(records: &Records) -> Vec<Entry> {
    let names = records.names(RecordKind::Landing);
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    let names = numbers.iter().map(u64::to_string).filter(|name| is_held(records, name) == Some(true));
    names.filter_map(|name| records.load(RecordKind::Landing, &name)).collect()
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.records.forget(RecordKind::Landing, &self.number.to_string());
    }
}

/// Whether an error of [`Place::take`] only means that there is no line, for a file that cannot be written for instance.
pub(crate) fn is_harmless(error: &Error) -> bool {
    error.kind() != Kind::Interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(task: &str, into: &str) -> Entry {
        let (branch, tip) = (format!("aitask/{task}"), "a".repeat(40));
        Entry { into: into.into(), task: task.into(), branch, tip, own: Vec::new(), group: None, pid: 0, leads: false }
    }

    fn has_waited(place: &mut Place) -> bool {
        match place.wait(|_| (), &|_| false).unwrap() {
            Waited::First { has_waited } => has_waited,
            Waited::Called(train) => panic!("called to {train}"),
        }
    }

    fn tasks(all: &[(u64, Entry)]) -> Vec<&str> {
        all.iter().map(|(_, entry)| entry.task.as_str()).collect()
    }

    #[test]
    fn each_waits_for_those_before_it_and_sees_those_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(dir.path());
        let take = |task: &str, into: &str| Place::take(&records, entry(task, into)).unwrap();
        let (mut first, mut other, second, mut third) =
            (take("t1", "main"), take("t9", "next"), take("t2", "main"), take("t3", "main"));
        assert_eq!((tasks(&first.behind()), tasks(&second.behind())), (vec!["t2", "t3"], vec!["t3"]));
        assert_eq!(all(&records).iter().map(|entry| &*entry.task).collect::<Vec<_>>(), ["t1", "t9", "t2", "t3"]);
        assert!(!has_waited(&mut first) && !has_waited(&mut other));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| has_waited(&mut third));
            drop(second);
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!waiting.is_finished(), "the first is before it still");
            drop(first);
            assert!(waiting.join().unwrap());
        });
        drop((third, other));
        let mut last = take("t4", "main");
        assert!(last.number > 4 && !has_waited(&mut last), "numbers do not come twice");
    }

    #[test]
    fn who_is_gone_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(dir.path());
        let killed = Place::take(&records, entry("t1", "main")).unwrap();
        let note = std::fs::read(records.path(RecordKind::Landing, "1")).unwrap();
        drop(killed);
        std::fs::write(records.path(RecordKind::Landing, "1"), note).unwrap();
        assert!(all(&records).is_empty() && records.names(RecordKind::Landing) == ["1"]);
        let mut next = Place::take(&records, entry("t2", "main")).unwrap();
        assert!(!has_waited(&mut next));
        assert_eq!(records.names(RecordKind::Landing), ["2"]);
    }
}
