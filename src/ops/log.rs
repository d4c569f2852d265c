//! The history of the tasks: who created, picked, dropped, took over and archived which task, and when. It is read from
//! the commits of the coordination branches, so no other log is kept.

use crate::coordination::locks;
use crate::error::{Error, Kind, Result};
use crate::git::{Freshness, Oid};
use crate::ledger::FENCE;
use crate::ops::list;
use crate::project::context::{Context, Wanted};
use crate::project::index::{Branches, Index, branches};
use crate::task::{TaskId, sanitise};
use serde::Serialize;
use std::collections::BTreeMap;

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

/// Reads the history of one task or of all. One process more than every reading verb.
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
    let call = context.repository.read("log").args(["-z", "--format=%H%x1f%at%x1f%an%x1f%s", "--grep=^ait: "]);
    let output = call.args(tips).arg("--").run()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let broken = || Error::new(Kind::Git, "the output of git log could not be parsed");
    let mut commits: Vec<_> =
        text.split_terminator('\0').map(Commit::parse).collect::<Option<_>>().ok_or_else(broken)?;
    commits.reverse();
    commits.sort_by_key(|commit| commit.at);
    mark_takeovers(&mut commits);
    commits.reverse();
    // A fence commit only makes a swap compare the lock branch; it changes no lock.
    commits.retain(|commit| !commit.subject.starts_with(FENCE.trim_start_matches("ait: ")));
    if let Some(wanted) = wanted {
        let is_meant = |id: &TaskId| *id == wanted.id || Some(*id) == wanted.or;
        commits.retain(|commit| tasks_in(commit.subject).iter().any(is_meant));
        if commits.is_empty() {
            Index::load(&view, &data)?.require(wanted)?;
        }
    }
    let events = commits.into_iter().take(limit).map(Commit::event).collect::<Option<_>>().ok_or_else(broken)?;
    Ok(TaskLog { as_of: list::as_of(&ledger), events })
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

/// Marks a lock of a task that another session holds as a takeover. The commits are oldest first.
fn mark_takeovers(commits: &mut [Commit<'_>]) {
    let mut holders = BTreeMap::new();
    for commit in commits.iter_mut().filter(|commit| matches!(commit.what, "locked" | "unlocked")) {
        let Some(task) = tasks_in(commit.subject).first().copied() else { continue };
        if commit.what == "unlocked" {
            holders.remove(&task);
            continue;
        }
        let holder = commit.subject.rsplit(" for ").next().unwrap_or_default();
        if holders.insert(task, holder).is_some_and(|before| before != holder) {
            commit.what = "taken over";
        }
    }
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

    #[test]
    fn a_lock_on_what_another_holds_is_a_takeover() {
        let records = [
            "Lock task t1 for a@b",
            "Lock task t1 for a@b",
            "Lock task t2 for a@b",
            "Lock task t1 for c@d",
            "Unlock task t1",
            "Lock task t1 for e@f",
        ]
        .map(record);
        let mut commits: Vec<_> = records.iter().map(|record| Commit::parse(record).unwrap()).collect();
        mark_takeovers(&mut commits);
        let what: Vec<_> = commits.iter().map(|commit| commit.what).collect();
        assert_eq!(what, ["locked", "locked", "locked", "taken over", "unlocked", "locked"]);
    }
}
