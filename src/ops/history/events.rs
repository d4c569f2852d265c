//! What one commit of a coordination branch did: the events that [`super::judge()`] judges, and what their subjects say.

use crate::coordination::LockEntry;
use crate::git::{Branch, Oid};
use crate::ledger::FENCE;
use crate::task::TaskId;

/// What a branch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The locks.
    Locks,
    /// The id counter.
    Ids,
    /// The task data; code, too, where both are on one branch.
    Data,
    /// Code that work is merged into.
    Code,
}

/// A commit of one of these branches. The events of a branch are in the order of its history, the oldest first; dates
/// are only counted with, since clocks differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// What its branch is for.
    pub(crate) place: Place,
    /// The branch.
    pub(crate) branch: Branch,
    /// The commit.
    pub(crate) commit: Oid,
    /// The address of its author.
    pub(crate) by: String,
    /// The time of the committer, with its zone (RFC 3339).
    pub(crate) at: String,
    /// The same in seconds; `None` for a date that is none.
    pub(crate) seconds: Option<i64>,
    /// The first line of its message.
    pub(crate) subject: String,
    /// The nonce of its transaction; the scripts write none.
    pub(crate) nonce: Option<String>,
    /// The lock that it says to take over, by its blob.
    pub(crate) over: Option<Oid>,
    /// How many parents it has.
    pub(crate) parents: usize,
    /// Whether the history of this clone begins with it, so that what it changed is not known (a shallow clone).
    pub(crate) is_cut: bool,
    /// The files that it changed.
    pub(crate) changes: Vec<Change>,
}

/// A file that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its path.
    pub(crate) path: String,
    /// Before; `None` where there was none.
    pub(crate) old: Option<Blob>,
    /// Afterwards.
    pub(crate) new: Option<Blob>,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Its name.
    pub(crate) oid: Oid,
    /// The text, where it counts and this clone has it.
    pub(crate) text: Option<String>,
}

/// What a commit does, by its subject. Verbs and scripts write the same ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed<'a> {
    /// A lock is taken, or written again, for this address.
    Lock(TaskId, &'a str),
    /// A lock is released.
    Unlock(TaskId),
    /// So many locks of archived tasks are removed.
    Cleanup(usize),
    /// No file changes; the swap compares the branch.
    Fence(Option<TaskId>),
    /// Locks of another history are added: those from before there was a remote, or that were set back.
    Bring,
    /// This id is given, and the next one is that.
    Claim(u64, u64),
    /// A branch begins, or its counter is set.
    Begin,
    /// A task gets its file.
    Make(TaskId),
    /// A task goes into work.
    Start,
    /// A task is given back.
    GiveBack(TaskId),
    /// Tasks are archived.
    Archive(Vec<TaskId>),
    /// Something else.
    Other,
}

impl Event {
    /// Whether a verb or a script wrote it, by its subject.
    pub(super) fn is_of_program(&self) -> bool {
        self.subject.starts_with(PREFIX)
    }

    /// What it does.
    pub(super) fn deed(&self) -> Deed<'_> {
        // The oldest scripts wrote no prefix.
        let text = self.subject.strip_prefix(PREFIX).unwrap_or(&self.subject);
        let fence = FENCE.trim_start_matches(PREFIX);
        let after = |start: &str| text.strip_prefix(start);
        let task = |text: &str| TaskId::try_parse(text.split([' ', ':']).next().filter(|word| word.starts_with('t'))?);
        if let Some(rest) = after("Lock task ") {
            let (id, who) = rest.split_once(" for ").unwrap_or((rest, ""));
            return task(id).map_or(Deed::Other, |id| Deed::Lock(id, who.trim()));
        }
        if let Some(rest) = after(fence) {
            return Deed::Fence(rest.strip_prefix("task ").and_then(task));
        }
        if ["Put back ", "Publish "].into_iter().any(|start| after(start).is_some()) && text.contains(" lock(s) ") {
            return Deed::Bring;
        }
        if text.starts_with("Initialize ") || text.starts_with("Resync ") {
            return Deed::Begin;
        }
        if after("Start work on ").is_some() {
            return Deed::Start;
        }
        let found = if let Some(rest) = after("Unlock task ") {
            task(rest).map(Deed::Unlock)
        } else if let Some(rest) = after("Cleanup ") {
            rest.split(' ').next().and_then(|count| count.parse().ok()).map(Deed::Cleanup)
        } else if let Some(rest) = after("Claim task ID t") {
            let claim = rest.split_once(", advance counter to ");
            claim.and_then(|(id, next)| Some(Deed::Claim(id.parse().ok()?, next.trim().parse().ok()?)))
        } else if let Some(rest) = ["Add task ", "Add child task ", "Create task "].into_iter().find_map(after) {
            task(rest).map(Deed::Make)
        } else if let Some(rest) = after("Abort ") {
            task(rest).map(Deed::GiveBack)
        } else {
            after("Archive completed ").map(|rest| Deed::Archive(rest.split(' ').filter_map(task).collect()))
        };
        found.unwrap_or(Deed::Other)
    }

    /// The change of one path.
    pub(super) fn change_of(&self, path: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.path == path)
    }
}

impl Change {
    /// The task whose lock it is.
    pub(super) fn lock_of(&self) -> Option<TaskId> {
        LockEntry::task_of(&self.path)
    }
}

/// How the subjects of all programs begin.
const PREFIX: &str = "ait: ";

#[cfg(test)]
mod tests {
    use super::super::sim::event;
    use super::*;

    #[test]
    fn what_subjects_say() {
        let (t1, child) = (TaskId::top(1), TaskId::child(1, 2));
        for (subject, deed) in [
            ("ait: Lock task t1_2 for a b@c", Deed::Lock(child, "a b@c")),
            ("Lock task t1 for a@b", Deed::Lock(t1, "a@b")),
            ("ait: Lock task t1 for ", Deed::Lock(t1, "")),
            ("ait: Unlock task t1", Deed::Unlock(t1)),
            ("ait: Cleanup 3 stale lock(s)", Deed::Cleanup(3)),
            ("ait: Confirm lock of task t1", Deed::Fence(Some(t1))),
            ("ait: Confirm lock of the task data", Deed::Fence(None)),
            ("ait: Put back 2 lock(s) that were set back", Deed::Bring),
            ("ait: Claim task ID t5, advance counter to 6", Deed::Claim(5, 6)),
            ("ait: Initialize local task ID counter at 1", Deed::Begin),
            ("ait: Add child task t1_2: t9 in a title", Deed::Make(child)),
            ("ait: Abort t1: revert status to Ready", Deed::GiveBack(t1)),
            ("ait: Start work on t1: set status to Implementing", Deed::Start),
            ("ait: Archive completed t1_2 and parent t1 task and plan files", Deed::Archive(vec![child, t1])),
            ("ait: Lock task 1 for a@b", Deed::Other),
            ("Merge branch 'x'", Deed::Other),
        ] {
            assert_eq!(event(Place::Locks, subject).deed(), deed, "{subject}");
        }
    }
}
