//! The history of the tasks: who created, picked, dropped, took over and archived which task, and when. It is read from
//! the commits of the coordination branches, so no other log is kept.

use crate::coordination::{LockEntry, locks};
use crate::error::{Error, Kind, Result};
use crate::git::{Freshness, Oid, Repository, objects};
use crate::ledger::FENCE;
use crate::ops::list;
use crate::project::context::{Context, Wanted};
use crate::project::index::{Branches, Index, branches};
use crate::task::{TaskId, sanitise};
use serde::Serialize;

/// An event of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Event {
    /// The time (RFC 3339).
    pub(crate) at: String,
    /// The author of the commit.
    pub(crate) by: String,
    /// The kind: `made`, `locked`, `taken over`, `started`, `unlocked`, `dropped`, `archived`, `reopened`, `updated`, `swept`,
    /// `id claimed`, `bundled`, `set up`, `changed`.
    pub(crate) what: &'static str,
    /// The tasks.
    pub(crate) task_ids: Vec<TaskId>,
    /// The subject of the commit, without `ait: `.
    pub(crate) subject: String,
    /// The commit.
    pub(crate) commit: Oid,
}

/// The events, newest first.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TaskLog {
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// The events.
    pub(crate) events: Vec<Event>,
}

/// How the subjects of commits begin, after `ait: `, and the kind of event that they are. Commits of the scripts have
/// the same subjects.
const KINDS: [(&str, &str); 15] = [
    ("Lock task ", "locked"),
    ("Unlock task ", "unlocked"),
    ("Start work on ", "started"),
    ("Abort ", "dropped"),
    ("Archive completed ", "archived"),
    ("Reopen ", "reopened"),
    ("Add task ", "made"),
    ("Add child task ", "made"),
    ("Create task ", "made"),
    ("Update task ", "updated"),
    ("Update ", "updated"),
    ("Cleanup ", "swept"),
    ("Claim task ID ", "id claimed"),
    ("Archive old ", "bundled"),
    ("Initialize ", "set up"),
];

/// How many commits are read at first, beside two for each event that is shown: some are of no event.
const AT_FIRST: usize = 50;

/// The highest number that git takes.
const HIGHEST: usize = i32::MAX as usize;

/// Reads the end of the history of one task or of all, up to so many events. One process more than every reading verb, or a
/// few where many of its commits are of no event.
///
/// # Errors
/// When git cannot read it; [`Kind::NoSuchTask`] for a task that never was.
pub(crate) fn log(context: &Context, wanted: Option<&Wanted>, limit: usize) -> Result<TaskLog> {
    let Branches { locks: locks_branch, data } = branches(context)?;
    let ledger = context.reading_ledger();
    let view = ledger.view(&[locks_branch.clone(), data.clone()], Freshness::AsKnown)?;
    view.require_home()?;
    let tips: Vec<_> =
        [&locks_branch, &data].into_iter().filter_map(|branch| view.base(branch)).map(Oid::as_str).collect();
    if tips.is_empty() {
        return Err(locks::no_lock_branch());
    }
    let subjects = match wanted {
        Some(wanted) => subjects_of(wanted),
        None => "^ait: ".to_owned(),
    };
    let mut most = limit.saturating_mul(2).saturating_add(AT_FIRST);
    loop {
        most = most.min(HIGHEST);
        let call = context.repository.read("log").args(["-z", "--format=%H%x1f%at%x1f%an%x1f%s"]);
        let call = call.args(["--extended-regexp", &format!("--grep={subjects}"), &format!("--max-count={most}")]);
        let text = String::from_utf8_lossy(&call.args(&tips).arg("--").run()?.stdout).into_owned();
        let broken = || Error::new(Kind::Git, "the output of git log could not be parsed");
        let mut commits: Vec<_> =
            text.split_terminator('\0').map(Commit::parse).collect::<Option<_>>().ok_or_else(broken)?;
        let are_all = commits.len() < most;
        // A fence commit only makes a swap compare the lock branch; it changes no lock.
        commits.retain(|commit| !commit.subject.starts_with(FENCE.trim_start_matches("ait: ")));
        if let Some(wanted) = wanted {
            let is_meant = |id: &TaskId| *id == wanted.id || Some(*id) == wanted.or;
            commits.retain(|commit| tasks_in(commit.subject).iter().any(is_meant));
        }
        if commits.len() < limit && !are_all {
            most = most.saturating_mul(4);
            continue;
        }
        if let Some(wanted) = wanted.filter(|_| commits.is_empty()) {
            Index::load(&view, &data)?.require(wanted)?;
        }
        commits.reverse();
        commits.sort_by_key(|commit| commit.at);
        commits.reverse();
        commits.truncate(limit);
        mark_takeovers(&context.repository, &mut commits)?;
        let events = commits.into_iter().map(Commit::event).collect::<Option<_>>().ok_or_else(broken)?;
        return Ok(TaskLog { as_of: list::as_of(&ledger), events });
    }
}

/// A pattern of the subjects that name a task, and of some others.
fn subjects_of(wanted: &Wanted) -> String {
    let ids: Vec<_> = std::iter::once(wanted.id).chain(wanted.or).map(TaskId::prefixed).collect();
    format!("^ait: (.*[^[:alnum:]_])?({})([^[:alnum:]_]|$)", ids.join("|"))
}

/// A commit of the history, as git tells of it. A history has many, of which few are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Commit<'t> {
    id: &'t str,
    at: i64,
    by: &'t str,
    subject: &'t str,
    what: &'static str,
}

impl<'t> Commit<'t> {
    fn parse(record: &'t str) -> Option<Self> {
        let mut fields = record.trim_start_matches('\n').splitn(4, '\u{1f}');
        let (id, at, by) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
        let subject = fields.next()?.strip_prefix("ait: ").unwrap_or_default();
        let what = KINDS.iter().find(|(start, _)| subject.starts_with(start)).map_or("changed", |(_, what)| what);
        Some(Self { id, at, by, subject, what })
    }

    fn event(self) -> Option<Event> {
        let at = jiff::Timestamp::from_second(self.at).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let task_ids = tasks_in(self.subject);
        let (by, subject) = (sanitise(self.by), sanitise(self.subject));
        Some(Event { at, by, what: self.what, task_ids, subject, commit: Oid::parse(self.id)? })
    }
}

/// The ids in a subject. A title after a colon is not searched: it may contain anything.
fn tasks_in(subject: &str) -> Vec<TaskId> {
    let head = subject.split(':').next().unwrap_or_default();
    let words = head.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut ids: Vec<_> = words.filter(|word| word.starts_with('t')).filter_map(TaskId::try_parse).collect();
    ids.dedup();
    ids
}

/// Marks a lock of a task that another session held as a takeover, by the lock branch before it.
fn mark_takeovers(repository: &Repository, commits: &mut [Commit<'_>]) -> Result<()> {
    let locked = commits.iter_mut().filter(|commit| commit.what == "locked");
    let locked: Vec<_> = locked.filter_map(|commit| Some((*tasks_in(commit.subject).first()?, commit))).collect();
    let names: Vec<_> =
        locked.iter().map(|(task, commit)| format!("{}^:{}", commit.id, LockEntry::path(*task))).collect();
    for ((task, commit), before) in locked.into_iter().zip(objects::load(repository, &names)?) {
        let holder = commit.subject.rsplit(" for ").next();
        let before = before.map(|object| LockEntry::parse(task, &object.data, None));
        if before.is_some_and(|before| Some(before.holder.as_str()) != holder) {
            commit.what = "taken over";
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(subject: &str) -> String {
        format!("{}\u{1f}0\u{1f}Ann\u{1f}ait: {subject}", "a".repeat(40))
    }

    fn event(subject: &str) -> Event {
        Commit::parse(&record(subject)).and_then(Commit::event).unwrap()
    }

    #[test]
    fn subjects_and_their_tasks() {
        for (subject, what, tasks) in [
            ("Lock task t1_2 for a@b", "locked", vec![TaskId::child(1, 2)]),
            (
                "Archive completed t1_2 and parent t1 task and plan files",
                "archived",
                vec![TaskId::child(1, 2), TaskId::top(1)],
            ),
            ("Reopen t1_2 with its plan: t9", "reopened", vec![TaskId::child(1, 2)]),
            ("Add task t7: t8 and t9 in a title", "made", vec![TaskId::top(7)]),
            ("Cleanup 3 stale lock(s)", "swept", vec![]),
            ("something else", "changed", vec![]),
        ] {
            let event = event(subject);
            assert_eq!((event.what, event.task_ids), (what, tasks), "{subject}");
        }
        assert_eq!(Commit::parse("x"), None);
        assert_eq!(event("Lock\u{1b}[31m task").subject, "Lock [31m task");
    }
}
