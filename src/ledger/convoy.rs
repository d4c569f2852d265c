//! A convoy: commits of several processes of one clone that go to the remote in one push.
//!
//! A process at the head of the queue that is about to push, and sees one behind it whose pushes may be joined with its own,
//! hands over instead: it notes what it wants to push, and lets that one come to the head. That one builds its commits on top,
//! and hands over in its turn, or pushes all. Nobody but the head of the queue writes to the record of a convoy, so whoever is
//! at the head and finds one that was not pushed yet may push it. Only a train is written to by others, while the process
//! that begins it stays at the head: it calls them one after the other ([`Train`](crate::ledger::Train)), and one in which
//! somebody who was called is missing is never pushed. Each member keeps the record locked (flock(2), shared) until it has read
//! how the push ended: one that nobody has locked is of no interest to anybody, and goes.

use crate::error::{Error, Result};
use crate::files::records::{RecordKind, Records};
use crate::git::{Oid, RefName, RefUpdate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many processes a push carries at most: more would make the first ones wait for what the last ones do.
const MEMBERS: usize = 16;

/// How long a convoy may take to form: about as long as one push to a remote server takes.
const FORMING: Duration = Duration::from_millis(900);

/// The same where another clone was first: a long time between reading and pushing loses against those who push often.
const FORMING_AGAIN: Duration = Duration::from_millis(300);

/// The part of the time that the members have left in which a convoy may form.
const PART: u32 = 20;

/// How often a lock that others only look at is tried, and the pause between.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(2);

/// What a ref has on the remote before the push, and after it; the same for one that the decisions read and nobody moves;
/// nothing after it for one that is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingRef {
    pub(super) from: Oid,
    pub(super) to: Option<Oid>,
}

/// The refs of a convoy.
pub(super) type PendingRefs = BTreeMap<RefName, PendingRef>;

/// How the push of a convoy ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// Every ref has its new value.
    Landed,
    /// A ref did not have the expected value, for the reason that git gave.
    Stale(String),
    /// Nothing was published, and that may be due to the commits of one of them: each is to try alone.
    Refused,
    /// No answer came, for this reason.
    Unknown(String),
    /// Nothing was sent, since the remote was not reached, for this reason: it would be the same for each of them.
    Unreachable(String),
}

/// A line of the record. The last line of each kind counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Member(MemberLine),
    /// The push begins: from here on it may have landed.
    Pushing {},
    End(End),
}

/// The convoy as its last member left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MemberLine {
    /// Whose pushes may be joined.
    group: String,
    /// The refs: name, value on the remote before the push, value after it, which is empty for one that is removed.
    refs: Vec<(String, String, String)>,
    /// How many members it has.
    members: usize,
    /// When the first one handed over, in milliseconds since 1970.
    since: u64,
    /// How long it may take to form, in milliseconds.
    forming: u64,
    /// When the push must have ended, so that every member hears of it in time.
    until: u64,
    /// How long the push of a train may take, in milliseconds, so that every member hears of it in time: while a train forms,
    /// the time of nobody runs.
    #[serde(default)]
    least: u64,
    /// The ticket of the process to which the last member handed over; 0 in a train, where its first member pushes.
    next: u64,
    /// The places in line of those who are still to add their commits, in order: without them nothing is pushed.
    #[serde(default)]
    calls: Vec<u64>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    group: String,
    refs: PendingRefs,
    members: usize,
    since: u64,
    forming: u64,
    until: u64,
    least: u64,
    next: u64,
    calls: Vec<u64>,
    is_pushing: bool,
    end: Option<End>,
}

impl State {
    /// Reads a record; none where it is not one of this program. A line that was cut off by a kill counts as not written.
    fn parse(text: &str) -> Option<Self> {
        let (mut last, mut is_pushing, mut end) = (None, false, None);
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            match serde_json::from_str(line) {
                Ok(Line::Member(line)) => last = Some(line),
                Ok(Line::Pushing {}) => is_pushing = true,
                Ok(Line::End(found)) => end = Some(found),
                Err(_) => {}
            }
        }
        let MemberLine { group, refs, members, since, forming, until, least, next, calls } = last?;
        let pending = refs.into_iter().map(|(name, from, to)| {
            let to = if to.is_empty() { None } else { Some(Oid::parse(&to)?) };
            Some((RefName::parse(&name)?, PendingRef { from: Oid::parse(&from)?, to }))
        });
        Some(Self {
            group,
            refs: pending.collect::<Option<_>>()?,
            members,
            since,
            forming,
            until,
            least,
            next,
            calls,
            is_pushing,
            end,
        })
    }

    fn line(&self) -> Line {
        let refs = self.refs.iter().map(|(name, pending)| {
            let PendingRef { from, to } = pending;
            (name.to_string(), from.to_string(), to.as_ref().map_or_else(String::new, Oid::to_string))
        });
        Line::Member(MemberLine {
            group: self.group.clone(),
            refs: refs.collect(),
            members: self.members,
            since: self.since,
            forming: self.forming,
            until: self.until,
            least: self.least,
            next: self.next,
            calls: self.calls.clone(),
        })
    }

    /// The refs with the updates of one more member; none where that member did not decide on what is pending.
    fn with(&self, updates: &[RefUpdate]) -> Option<PendingRefs> {
        let mut refs = self.refs.clone();
        for RefUpdate { name, old, new } in updates {
            let old = old.as_ref()?;
            match refs.get_mut(name) {
                Some(pending) if pending.to.as_ref() == Some(old) => pending.to.clone_from(new),
                Some(_) => return None,
                None => drop(refs.insert(name.clone(), PendingRef { from: old.clone(), to: new.clone() })),
            }
        }
        Some(refs)
    }

    /// Whether one more may join.
    fn may_grow(&self, now: u64) -> bool {
        let carried = now.saturating_sub(self.since);
        let left = self.until.saturating_sub(now);
        self.members < MEMBERS && carried < self.forming && carried.saturating_mul(PART.into()) < left
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn now() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A convoy of which this process is a member, or which it found at the head of the queue.
#[derive(Debug)]
pub(super) struct Convoy {
    state: State,
    /// The record; none before somebody hands over.
    record: Option<Record>,
}

#[derive(Debug)]
struct Record {
    path: PathBuf,
    file: File,
}

impl Drop for Record {
    fn drop(&mut self) {
        // The last one to whom it is of interest removes it.
        if self.file.try_lock().is_ok() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Record {
    fn append(&mut self, line: &Line) -> Result<()> {
        let io = |path: &Path, error: std::io::Error| Error::io("write", path, &error);
        let text = serde_json::to_string(line).map_err(|error| io(&self.path, error.into()))?;
        // What a killed process began to write is a line of its own.
        let before = std::fs::read(&self.path).unwrap_or_default();
        let begin = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
        let written = self.file.seek(SeekFrom::End(0));
        let written = written.and_then(|_| self.file.write_all(format!("{begin}{text}\n").as_bytes()));
        written.map_err(|error| io(&self.path, error))
    }

    fn state(&self) -> Option<State> {
        State::parse(&std::fs::read_to_string(&self.path).ok()?)
    }
}

impl Convoy {
    /// One without members; `has_lost` where another clone was first before.
    pub(super) fn new(group: String, has_lost: bool) -> Self {
        let forming = millis(if has_lost { FORMING_AGAIN } else { FORMING });
        let (refs, since) = (PendingRefs::new(), now());
        let (members, until, least, next) = (0, u64::MAX, u64::MAX, 0);
        let (calls, is_pushing, end) = (Vec::new(), false, None);
        Self {
            state: State { group, refs, members, since, forming, until, least, next, calls, is_pushing, end },
            record: None,
        }
    }

    /// The convoy of a group that was not pushed yet. Only for the process at the head of the queue, which also removes the
    /// records that nobody waits for any more, and notes of a push whose process was killed that its outcome is unknown.
    pub(super) fn pending(records: &Records, group: &dyn Fn() -> String) -> Option<Self> {
        let mut found = None;
        for name in records.names(RecordKind::Convoy) {
            let path = records.path(RecordKind::Convoy, &name);
            let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
            let mut record = Record { path, file };
            // Dropped, it is removed where no member has it locked.
            let Some(state) = record.state().filter(|state| state.end.is_none()) else { continue };
            if record.file.try_lock().is_ok() {
                continue;
            }
            if state.is_pushing {
                let _ = record.append(&Line::End(cut_off()));
            } else if !state.calls.is_empty() {
                let _ = record.append(&Line::End(cut_short()));
            } else if found.is_none() && state.group == group() && shares(&record.file) {
                found = Some(Self { state, record: Some(record) });
            }
        }
        found
    }

    /// Whether others know of it.
    pub(super) fn is_shared(&self) -> bool {
        self.record.is_some()
    }

    /// What the refs will have.
    pub(super) fn refs(&self) -> &PendingRefs {
        &self.state.refs
    }

    /// The moves of all members as one.
    pub(super) fn updates(&self) -> Vec<RefUpdate> {
        let updates = self.state.refs.iter().map(|(name, PendingRef { from, to })| RefUpdate {
            name: name.clone(),
            old: Some(from.clone()),
            new: to.clone(),
        });
        updates.collect()
    }

    /// These updates as they are seen from before the push.
    pub(super) fn before_push(&self, updates: &[RefUpdate]) -> Vec<RefUpdate> {
        let from = |name| self.state.refs.get(name).map(|pending| pending.from.clone());
        let updates = updates
            .iter()
            .map(|update| RefUpdate { old: from(&update.name).or_else(|| update.old.clone()), ..update.clone() });
        updates.collect()
    }

    /// Whether one more may join.
    pub(super) fn may_grow(&self) -> bool {
        self.state.may_grow(now())
    }

    /// Adds the updates of this process, whose push may take so long; false where they do not fit.
    pub(super) fn add(&mut self, updates: &[RefUpdate], left: Duration) -> bool {
        let Some(refs) = self.state.with(updates) else { return false };
        self.state.refs = refs;
        self.state.members += 1;
        self.state.until = self.state.until.min(now().saturating_add(millis(left)));
        self.state.least = self.state.least.min(millis(left));
        true
    }

    /// Hands over to the process with this ticket.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`]; then nobody was told of the updates of this process.
    pub(super) fn hand_over(&mut self, records: &Records, nonce: &str, next: u64) -> Result<()> {
        self.state.next = next;
        let line = self.state.line();
        if let Some(record) = &mut self.record {
            return record.append(&line);
        }
        let path = records.path(RecordKind::Convoy, nonce);
        let text = serde_json::to_string(&line).map_err(|error| Error::io("write", &path, &error.into()))?;
        let bytes = format!("{text}\n").into_bytes();
        let made = records.create_note(RecordKind::Convoy, nonce, &bytes, File::lock_shared)?;
        let is_taken = || Error::io("write", &path, &std::io::ErrorKind::AlreadyExists.into());
        let file = made.ok_or_else(is_taken)?;
        self.record = Some(Record { path, file });
        Ok(())
    }

    /// Begins a train: calls those with these places in line, who are to add their commits in this order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`]; then nobody was called.
    pub(super) fn call(&mut self, records: &Records, nonce: &str, places: Vec<u64>) -> Result<()> {
        self.state.calls = places;
        self.hand_over(records, nonce, 0)
    }

    /// The name of the train that calls the one with this place in line.
    pub(super) fn that_calls(records: &Records, place: u64) -> Option<String> {
        let calls = |name: &String| {
            let text = std::fs::read_to_string(records.path(RecordKind::Convoy, name)).ok();
            let state = text.and_then(|text| State::parse(&text)).filter(|state| state.end.is_none());
            state.is_some_and(|state| state.calls.first() == Some(&place))
        };
        records.names(RecordKind::Convoy).into_iter().find(calls)
    }

    /// The train with this name, for the one that it calls.
    pub(super) fn of_call(records: &Records, name: &str, group: &str) -> Option<Self> {
        let path = records.path(RecordKind::Convoy, name);
        let file = File::options().read(true).write(true).open(&path).ok()?;
        let record = Record { path, file };
        if !shares(&record.file) {
            return None;
        }
        let state = record.state().filter(|state| state.end.is_none() && state.group == group)?;
        Some(Self { state, record: Some(record) })
    }

    /// Those who are still to add their commits.
    pub(super) fn calls(&self) -> &[u64] {
        &self.state.calls
    }

    /// Notes that the one who was called has added its commits, and calls the next one.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`].
    pub(super) fn add_called(&mut self) -> Result<()> {
        self.state.calls.drain(..1.min(self.state.calls.len()));
        let line = self.state.line();
        self.record.as_mut().map_or(Ok(()), |record| record.append(&line))
    }

    /// Whether its first member stays at the head of the queue, and pushes.
    pub(super) fn is_train(&self) -> bool {
        self.is_shared() && self.state.next == 0
    }

    /// How far it is: those who are still to add their commits, and whether the push has begun.
    pub(super) fn stage(&self) -> (usize, bool) {
        (self.state.calls.len(), self.state.is_pushing)
    }

    /// Reads what others did meanwhile.
    pub(super) fn refresh(&mut self) {
        if let Some(state) = self.record.as_ref().and_then(Record::state) {
            self.state = state;
        }
    }

    /// Whether the push has ended by now.
    pub(super) fn has_ended(&self) -> bool {
        self.record.as_ref().and_then(Record::state).is_some_and(|state| state.end.is_some())
    }

    /// Notes of a push that began and whose process is gone that its outcome is unknown, and of a train in which somebody is
    /// missing that it will not be pushed. Only at the head of the queue.
    pub(super) fn end_if_cut_off(&mut self) {
        let end = match &self.state {
            State { end: Some(_), .. } => return,
            State { is_pushing: true, .. } => cut_off(),
            State { calls, .. } if !calls.is_empty() => cut_short(),
            State { .. } => return,
        };
        if let Some(record) = &mut self.record {
            let _ = record.append(&Line::End(end.clone()));
        }
        self.state.end = Some(end);
    }

    /// How the push ended, as far as that was read.
    pub(super) fn end(&self) -> Option<&End> {
        self.state.end.as_ref()
    }

    /// The ticket of the process that has to do with it next.
    pub(super) fn next(&self) -> u64 {
        self.state.next
    }

    /// How long the push may take.
    pub(super) fn left(&self) -> Duration {
        let State { until, least, .. } = self.state;
        Duration::from_millis(if self.is_train() { least } else { until.saturating_sub(now()) })
    }

    /// Notes that the push begins.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`].
    pub(super) fn begin_push(&mut self) -> Result<()> {
        self.record.as_mut().map_or(Ok(()), |record| record.append(&Line::Pushing {}))
    }

    /// Notes how the push ended. Where that fails, the members find a push whose outcome is unknown.
    pub(super) fn ended(mut self, end: End) {
        if let Some(record) = &mut self.record {
            let _ = record.append(&Line::End(end));
        }
    }
}

/// The end of a push whose process did not live to tell it.
fn cut_off() -> End {
    End::Unknown("it was cut off".to_owned())
}

/// The end of a train in which somebody is missing.
pub(super) fn cut_short() -> End {
    End::Stale("one of those that were checked together did not add its commits".to_owned())
}

/// Locks a record as a member does. Others only try its lock, for microseconds.
fn shares(file: &File) -> bool {
    for _ in 0..TRIES {
        if file.try_lock_shared().is_ok() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

#[cfg(test)]
mod tests;
