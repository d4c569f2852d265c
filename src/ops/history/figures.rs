//! How long tasks waited and were held, by the dates of the commits.

use crate::git::Oid;
use crate::ops::history::events::{Deed, Event};
use crate::task::TaskId;
use serde::Serialize;
use std::collections::BTreeMap;

/// The figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Figures {
    /// How many commits were judged.
    pub(crate) events: usize,
    /// From lock to release or takeover.
    pub(crate) held: Spread,
    /// From the time that a task was there, or given back, to its lock.
    pub(crate) waited: Spread,
    /// The takeovers, the oldest first.
    pub(crate) takeovers: Vec<Takeover>,
    /// The tasks that were ever locked.
    pub(crate) tasks: Vec<TaskTimes>,
}

/// Times of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Spread {
    /// How many.
    pub(crate) count: usize,
    /// The middle one; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) median_seconds: Option<i64>,
    /// The longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) longest_seconds: Option<i64>,
    /// The task of the longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) longest_task_id: Option<TaskId>,
}

/// A task that went from one holder to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Takeover {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The former holder.
    pub(crate) from: String,
    /// The next one; absent where the lock was only removed by force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// How long it was held before; `null` where the dates do not tell.
    pub(crate) after_seconds: Option<i64>,
    /// When (RFC 3339).
    pub(crate) at: String,
    /// The commit.
    pub(crate) commit: Oid,
}

/// The times of one task, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TaskTimes {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Each time that it was held and is not any more.
    pub(crate) held_seconds: Vec<i64>,
    /// Each time that it waited.
    pub(crate) waited_seconds: Vec<i64>,
    /// Whether it is held.
    pub(crate) is_held: bool,
}

/// The times so far.
#[derive(Debug, Default)]
pub(super) struct Times {
    tasks: BTreeMap<TaskId, Spans>,
    takeovers: Vec<Takeover>,
}

#[derive(Debug, Default)]
struct Spans {
    /// When it was there to be picked.
    ready: Vec<i64>,
    /// When it was locked from being free.
    taken: Vec<i64>,
    is_held: bool,
    /// When the present holder began, where that is known.
    since: Option<i64>,
    held: Vec<i64>,
}

impl Times {
    pub(super) fn made(&mut self, event: &Event, deed: &Deed<'_>) {
        if let (Deed::Make(task) | Deed::GiveBack(task), Some(at)) = (deed, event.seconds) {
            self.tasks.entry(*task).or_default().ready.push(at);
        }
    }

    pub(super) fn taken(&mut self, task: TaskId, event: &Event) {
        let spans = self.tasks.entry(task).or_default();
        spans.taken.extend(event.seconds);
        (spans.is_held, spans.since) = (true, event.seconds);
    }

    pub(super) fn taken_over(&mut self, task: TaskId, event: &Event, from: String, to: Option<String>) {
        let spans = self.tasks.entry(task).or_default();
        let after_seconds = spans.end(event.seconds);
        if to.is_some() {
            (spans.is_held, spans.since) = (true, event.seconds);
        }
        let (at, commit) = (event.at.clone(), event.commit.clone());
        self.takeovers.push(Takeover { task_id: task, from, to, after_seconds, at, commit });
    }

    pub(super) fn released(&mut self, task: TaskId, event: &Event) {
        self.tasks.entry(task).or_default().end(event.seconds);
    }

    pub(super) fn figures(&mut self, events: &[Event]) -> Figures {
        let was_locked = |(task, spans): (&TaskId, &mut Spans)| {
            let is_held = spans.is_held;
            (is_held || !spans.taken.is_empty() || !spans.held.is_empty()).then(|| TaskTimes {
                task_id: *task,
                held_seconds: std::mem::take(&mut spans.held),
                waited_seconds: spans.waits(),
                is_held,
            })
        };
        let tasks: Vec<_> = self.tasks.iter_mut().filter_map(was_locked).collect();
        Figures {
            events: events.len(),
            held: Spread::of(tasks.iter().map(|task| (task.task_id, &task.held_seconds))),
            waited: Spread::of(tasks.iter().map(|task| (task.task_id, &task.waited_seconds))),
            takeovers: std::mem::take(&mut self.takeovers),
            tasks,
        }
    }
}

impl Spans {
    /// Ends the time of the present holder. Where clocks make it negative, it is not known.
    fn end(&mut self, at: Option<i64>) -> Option<i64> {
        self.is_held = false;
        let held = self.since.take().zip(at).map(|(since, at)| at - since).filter(|held| *held >= 0);
        self.held.extend(held);
        held
    }

    /// From each time that it was there to the first lock after that.
    fn waits(&mut self) -> Vec<i64> {
        self.ready.sort_unstable();
        self.taken.sort_unstable();
        let first = |(n, ready): (usize, &i64)| {
            let taken = *self.taken.get(self.taken.partition_point(|taken| taken < ready))?;
            let is_last = self.ready.get(n + 1).is_none_or(|next| *next > taken);
            is_last.then_some(taken - ready)
        };
        self.ready.iter().enumerate().filter_map(first).collect()
    }
}

impl Spread {
    fn of<'a>(times: impl Iterator<Item = (TaskId, &'a Vec<i64>)>) -> Self {
        let mut all: Vec<_> = times.flat_map(|(task, times)| times.iter().map(move |time| (*time, task))).collect();
        all.sort_unstable();
        let longest = all.last();
        Self {
            count: all.len(),
            median_seconds: all.get(all.len() / 2).map(|(time, _)| *time),
            longest_seconds: longest.map(|(time, _)| *time),
            longest_task_id: longest.map(|(_, task)| *task),
        }
    }
}
