//! What an audit finds.

use crate::git::{Branch, Oid};
use crate::ops::history::events::Event;
use crate::task::TaskId;
use serde::Serialize;
use std::collections::BTreeMap;

/// Why the first commit of a shallow or compacted history is not judged.
pub(super) const CUT: &str = "what came before the first commit of the branch is not here";

/// What must not be, and is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Violation {
    /// A lock was taken while that of another stood, by somebody who had not seen it.
    TakenWhileHeld,
    /// The lock of another person was replaced, and the commit does not say that it takes the task over.
    ReplacedWithoutTakeover,
    /// A takeover replaced or removed another lock than the one that was judged.
    TakeoverOfAnotherLock,
    /// A lock was removed by another person than its holder.
    RemovedByAnother,
    /// The lock of a task was removed as a stale one, and the task was taken again.
    SweptWhileActive,
    /// A lock was removed by a commit that does not name it.
    DroppedUnnamed,
    /// A lock was added or replaced by a commit that does not name it.
    ChangedUnnamed,
    /// A lock is of another address than its commit says.
    ForgedLock,
    /// A lock that was over stands again.
    PutBack,
    /// A commit changed a file that it has no business with.
    ForeignFile,
    /// The nonce of a transaction comes again later.
    NonceRepeats,
    /// Two histories of one branch were merged.
    MergedHistories,
    /// What a commit changed is not what the commit before it left.
    BrokenHistory,
    /// A branch lacks what this clone has seen on it.
    SetBack,
    /// The id counter went back.
    CounterWentBack,
    /// An id was given and the counter stayed.
    CounterStays,
    /// The counter is another one than the id that was given says.
    CounterWrong,
    /// The id counter is no number, or gone.
    CounterUnreadable,
    /// An id was given before.
    IdGivenTwice,
    /// A task has an id that the counter has not come to.
    IdNeverGiven,
    /// Two files are tasks of one id.
    TwoFiles,
    /// A task was archived while another person held it.
    ArchivedByAnother,
    /// Work was merged by another person than the holder of its task.
    LandedByAnother,
    /// Work was merged whose task nobody held.
    LandedUnheld,
    /// Work was merged or a task archived without a move of the lock branch.
    LandedWithoutLock,
}

/// A violation, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finding {
    /// What it is.
    pub(crate) kind: Violation,
    /// The task; absent where it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_id: Option<TaskId>,
    /// A sentence about it.
    pub(crate) message: String,
    /// The branch.
    pub(crate) branch: Branch,
    /// The commit that did it; absent where it is about the tip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<Oid>,
    /// The author of that commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// The time of that commit (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
}

/// What cannot be judged, which is no violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Unjudged {
    /// Why.
    pub(crate) message: &'static str,
    /// How often.
    pub(crate) count: usize,
    /// The first commit.
    pub(crate) commit: Oid,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) found: Vec<Finding>,
    unjudged: BTreeMap<&'static str, (usize, Oid)>,
}

impl Findings {
    /// Notes a violation of a commit.
    pub(super) fn add(&mut self, event: &Event, kind: Violation, task_id: Option<TaskId>, message: impl Into<String>) {
        self.found.push(Finding {
            kind,
            task_id,
            message: message.into(),
            branch: event.branch.clone(),
            commit: Some(event.commit.clone()),
            by: Some(event.by.clone()),
            at: Some(event.at.clone()),
        });
    }

    /// Notes what cannot be judged.
    pub(super) fn cannot_judge(&mut self, event: &Event, why: &'static str) {
        self.unjudged.entry(why).or_insert_with(|| (0, event.commit.clone())).0 += 1;
    }

    pub(super) fn unjudged(&self) -> Vec<Unjudged> {
        let known = self.unjudged.iter();
        known.map(|(&message, (count, commit))| Unjudged { message, count: *count, commit: commit.clone() }).collect()
    }
}
