//! Which task `git aitask pick --next` picks, and the refusals of the verb.

use crate::coordination::{ReadLocks, Session};
use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::Branch;
use crate::ledger::View;
use crate::ops::dependencies::with_circles;
use crate::ops::filter::{KnownFilter, TaskFilter};
use crate::ops::pick::decide::PickRefusal;
use crate::ops::task_info::{Surroundings, TaskInfo};
use crate::project::context::Context;
use crate::project::holder::held;
use crate::project::index::Index;
use crate::task::waits::WaitsFor;
use crate::task::{ActiveTasks, Status, Task, TaskId};
use std::collections::{BTreeMap, BTreeSet};

/// The tasks of which `pick --next` picks the best.
#[derive(Debug, Clone, Default)]
pub(crate) struct Among {
    /// Those that it chooses.
    pub(crate) filter: TaskFilter,
    /// Not these: they were picked, or passed over, by the same command.
    pub(crate) except: BTreeSet<TaskId>,
    /// One that names no file which tasks in work change is better than all that do.
    pub(crate) apart: bool,
}

/// At most so many of the ready tasks without a lock, best first, among those for which this holds.
fn ready(tasks: &[Task], view: &View<'_>, most: usize, is_among: impl Fn(&Task) -> bool) -> Result<Vec<Task>> {
    let locks = view.require_locks()?;
    // Some file names make no valid branch name.
    let has_branch = |task: &Task| Branch::parse(&task.name().branch_name()).is_ok();
    let free = |task: &&Task| !locks.is_held(task.id) && is_among(task) && has_branch(task);
    Ok(ActiveTasks::new(tasks).ready().into_iter().filter(free).take(most).cloned().collect())
}

/// The tasks that can be picked next, the best first: those that match, ready and without a lock, but for those that were
/// passed over. At least one, and no more unless they are to be compared; two processes.
///
/// # Errors
/// [`Kind::NothingToPick`], with the tasks that wait for each other.
pub(super) fn next(
    index: &Index,
    view: &View<'_>,
    among: &Among,
    filter: &KnownFilter<'_>,
    passed_over: &BTreeMap<TaskId, String>,
) -> Result<Vec<Task>> {
    let tasks = index.load_active(view)?;
    let is_left = |task: &Task| !among.except.contains(&task.id) && !passed_over.contains_key(&task.id);
    let is_among = |task: &Task| is_left(task) && filter.matches(task);
    let ready = ready(&tasks, view, if among.apart { usize::MAX } else { 1 }, is_among)?;
    if !ready.is_empty() {
        return Ok(ready);
    }
    let every = if among.filter.is_all() { "every ready task" } else { "every ready task that matches" };
    let nothing = Error::new(Kind::NothingToPick, format!("{every} is locked, or no task is ready"));
    let board = ActiveTasks::new(&tasks);
    let nothing = match board.duplicates().as_slice() {
        [] => nothing,
        twice => {
            let ids: Vec<_> = twice.iter().map(ToString::to_string).collect();
            nothing.append(&format!("; several files have the id {}", ids.join(", "))).hint("git aitask doctor")
        }
    };
    let nothing = with_circles(nothing, &board.circles());
    Err(nothing.hint("git aitask status").hint("git aitask list"))
}

/// Adds to a refusal the circle that the task is in. One process.
pub(super) fn with_circle_of(refusal: Error, task: TaskId, index: &Index, view: &View<'_>) -> Result<Error> {
    let circle = WaitsFor::new(&ActiveTasks::new(&index.load_active(view)?).waits()).circle_of(task);
    Ok(with_circles(refusal, circle.as_slice()))
}

/// The error of `git aitask pick` for a refusal.
pub(super) fn refuse(context: &Context, session: &Session, refusal: PickRefusal) -> Error {
    match refusal {
        PickRefusal::Closed(task) => {
            let into = task.folded_into.as_ref().map_or_else(String::new, |into| format!(" into {into}"));
            Error::new(Kind::NotClaimable, format!("{} is {}{into}", task.id.prefixed(), task.status))
                .hint(command!["git aitask show", task.id])
        }
        PickRefusal::NotUnderstood(task) => {
            let why = format!("{}: {}", task.path, task.doubt().unwrap_or_default());
            let error = Error::new(Kind::NotClaimable, why);
            let is_readable = task.status != Status::Unreadable;
            if is_readable { error.hint(command!["git aitask edit", task.id, "--status Ready"]) } else { error }
        }
        PickRefusal::Children(id, children) => {
            let names: Vec<_> = children.iter().map(|id| id.prefixed()).collect();
            let why = format!("{} has open children, so pick one of these: {}", id.prefixed(), names.join(", "));
            let error = Error::new(Kind::NotClaimable, why);
            children.iter().take(1).fold(error, |error, first| error.hint(command!["git aitask pick", first]))
        }
        PickRefusal::Blocked(id, blockers) => {
            let names: Vec<_> = blockers.iter().map(ToString::to_string).collect();
            Error::new(Kind::Blocked, format!("{} waits for {}", id.prefixed(), names.join(", "))).hint(command![
                "git aitask pick",
                id,
                "--ignore-blocked"
            ])
        }
        PickRefusal::Held(in_the_way) => held(context, session, &in_the_way),
        PickRefusal::Failed(error) => error,
    }
}

/// Adds to a refusal the tasks that can be picked instead, and how the one that was wanted can be taken over. Two processes.
pub(super) fn with_alternatives(
    refusal: Error,
    takeover: Option<Hint>,
    index: &Index,
    view: &View<'_>,
    around: &Surroundings<'_>,
) -> Result<Error> {
    let ready = ready(&index.load_active(view)?, view, 3, |_| true)?;
    let ready: Vec<TaskInfo> = ready.iter().map(|task| around.describe(task, None)).collect();
    let error = ready
        .iter()
        .fold(refusal, |error, task| error.hint(command!["git aitask pick", task.id].note(as_note(&task.title))));
    // The last hint: a user who follows the first one must not take a task away from somebody.
    let error = takeover.into_iter().fold(error, Error::hint);
    Ok(error.with(Payload::Ready { ready: Payload::described(&ready) }))
}

/// A title as the note behind the `#` of a hint. Not every interactive shell treats `#` as a comment, so the note
/// contains no character that is special to a shell; quotes are those of print.
fn as_note(title: &str) -> String {
    let plain = |c: char| match c {
        '\'' => '\u{2019}',
        '"' => '\u{201d}',
        c if c.is_alphanumeric() || ".,:-_/\u{2019}\u{201d}".contains(c) => c,
        _ => ' ',
    };
    title.chars().map(plain).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}
