//! Whether a task is taken, and what that changes: decided from what was seen of the task and of its lock, without a
//! process or a file.

use crate::coordination::decide::{Claimant, Holding, InTheWay, LockRule, Sight, TakenLock, Takeover};
use crate::coordination::locks::cleanup_step;
use crate::error::{Error, Result};
use crate::git::Branch;
use crate::ledger::plan::Step;
use crate::ledger::{Edit, Plan};
use crate::task::{Blocker, Document, Status, Task, TaskId, TaskPath, edits};

/// What keeps a task from being taken, besides the lock of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PickGates {
    /// That it is closed.
    Closed,
    /// That, and open children.
    Children,
    /// That, open children, and what it waits for, unless it is this person's already.
    Blockers,
}

/// Which parts of a taking one transaction publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PickParts {
    /// The lock, and the status in the task file.
    Both,
    /// The lock alone.
    Lock,
    /// The status alone.
    Status,
}

/// What the faces do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whom a session may displace, and how locks and task files are written.
    pub(crate) rule: LockRule,
    /// Whether others are displaced.
    pub(crate) takeover: Takeover,
    /// What keeps a task from being taken.
    pub(crate) gates: PickGates,
}

/// A task as a view shows it.
#[derive(Debug, Clone)]
pub(crate) struct PickView {
    /// Its file.
    pub(crate) path: TaskPath,
    /// The same as git calls it.
    pub(crate) file: String,
    /// What to go on from.
    pub(crate) document: Document,
    /// What is published, if that is something else.
    pub(crate) published: Option<Vec<u8>>,
    /// Status and assignee.
    pub(crate) before: WorkState,
    /// For whom it is taken, as far as anybody is known.
    pub(crate) email: Option<String>,
    /// Its lock.
    pub(crate) lock: Option<Sight>,
    /// Its open children.
    pub(crate) children: Vec<TaskId>,
    /// What it waits for.
    pub(crate) blockers: Vec<Blocker>,
    /// Held tasks that are over: their locks go in the same swap.
    pub(crate) stale: Vec<TaskId>,
    /// What changes with the status.
    pub(crate) also: Vec<Edit>,
    /// Paths whose uncommitted state in the checkout is gone on from.
    pub(crate) adopt: Vec<String>,
}

/// What a task file says of the work on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkState {
    /// The status.
    pub(crate) status: String,
    /// The assignee; empty for none.
    pub(crate) assigned: String,
}

impl PickView {
    /// What its file says, and nothing else.
    pub(crate) fn new(task: &Task, document: Document) -> Self {
        let (status, assigned) = (task.status.as_str().to_owned(), task.assigned_to.clone().unwrap_or_default());
        Self {
            path: task.path.clone(),
            file: task.path.as_str().to_owned(),
            document,
            published: None,
            before: WorkState { status, assigned },
            email: None,
            lock: None,
            children: Vec::new(),
            blockers: Vec::new(),
            stale: Vec::new(),
            also: Vec::new(),
            adopt: Vec::new(),
        }
    }
}

impl WorkState {
    /// Whether there is no more work to do.
    pub(crate) fn is_closed(&self) -> bool {
        Status::parse(&self.status).is_closed()
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PickRequest<'a> {
    /// By which policy.
    pub(crate) policy: Policy,
    /// Who takes the lock; `None` takes none.
    pub(crate) claimant: Option<Claimant<'a>>,
    /// What is published.
    pub(crate) parts: PickParts,
    /// The time, as task files write it.
    pub(crate) now: &'a str,
    /// The branch of locks.
    pub(crate) locks: &'a Branch,
    /// The branch of the task data.
    pub(crate) data: &'a Branch,
}

/// A task that can be taken.
#[derive(Debug)]
pub(crate) struct PickDecision {
    /// The task, as it is then.
    pub(crate) task: Task,
    /// Its file, as it is then.
    pub(crate) document: Document,
    /// For whom, as far as anybody is known.
    pub(crate) email: Option<String>,
    /// The lock, when one is taken.
    pub(crate) lock: Option<TakenLock>,
    /// Status and assignee before.
    pub(crate) before: WorkState,
    /// Whether anything in the task data changes.
    pub(crate) changed: bool,
    /// What to publish.
    pub(crate) plan: Plan,
}

/// Why a task is not taken.
#[derive(Debug)]
pub(crate) enum PickRefusal {
    /// It is closed.
    Closed(Box<Task>),
    /// It has open children, which are the work.
    Children(TaskId, Vec<TaskId>),
    /// It waits for others.
    Blocked(TaskId, Vec<Blocker>),
    /// Somebody else holds it.
    Held(InTheWay),
    /// It could not be looked at, or cannot be written.
    Failed(Error),
}

impl From<Error> for PickRefusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Decides on a task that is wanted.
///
/// # Errors
/// The first refusal: closed, children, blocked, held.
pub(crate) fn decide(seen: PickView, request: &PickRequest<'_>) -> Result<PickDecision, PickRefusal> {
    let PickView { path, mut document, before, email, .. } = seen;
    let (id, task) = (path.id(), Task::from_document(path.clone(), &document));
    if before.is_closed() {
        return Err(PickRefusal::Closed(Box::new(task)));
    }
    let claimant = request.claimant.filter(|_| request.parts != PickParts::Status);
    let holding = claimant.as_ref().and_then(|claimant| Some(claimant.judge(seen.lock.as_ref()?)));
    let is_mine = matches!(holding, Some(Holding::Ours | Holding::Left));
    // The status follows a lock that was taken before.
    let gates = if request.parts == PickParts::Status { PickGates::Closed } else { request.policy.gates };
    if gates != PickGates::Closed && !seen.children.is_empty() {
        return Err(PickRefusal::Children(id, seen.children));
    }
    if gates == PickGates::Blockers && !is_mine && !seen.blockers.is_empty() {
        return Err(PickRefusal::Blocked(id, seen.blockers));
    }
    let lock = claimant.map(|claimant| claimant.take(id, seen.lock.as_ref())).transpose().map_err(PickRefusal::Held)?;
    let mut plan = Plan::new();
    if let Some(step) = lock.as_ref().and_then(|lock| lock.step.clone()) {
        let stale: Vec<_> = seen.stale.into_iter().filter(|stale| *stale != id).collect();
        if !stale.is_empty() {
            plan = plan.step(request.locks, cleanup_step(&stale));
        }
        plan = plan.step(request.locks, step);
    }
    let mut writes = Vec::new();
    if request.parts != PickParts::Lock {
        let me = email.as_deref().unwrap_or(&before.assigned);
        let content = match request.policy.rule {
            LockRule::Verb => start(&mut document, &task, me, request.now)?,
            LockRule::Script => start_whole(&mut document, seen.published.as_deref(), &before, me, request.now)?,
        };
        writes.extend(content.map(|content| Edit::Put { path: seen.file, content }));
        writes.extend(seen.also);
        plan.adopt = seen.adopt;
    }
    let changed = !writes.is_empty();
    if changed {
        let subject = format!("ait: Start work on {}: set status to Implementing", id.t());
        plan = plan.step(request.data, Step::edit(subject, writes));
    }
    if lock.is_some() {
        plan = plan.fenced(request.locks, id);
    }
    let task = Task::from_document(path, &document);
    Ok(PickDecision { task, document, email, lock, before, changed, plan })
}

/// The task file when the work begins; `None` where it says so already.
fn start(document: &mut Document, task: &Task, me: &str, now: &str) -> Result<Option<Vec<u8>>> {
    if task.status == Status::Implementing && task.assigned_to.as_deref() == Some(me) {
        return Ok(None);
    }
    edits::start(document, me, now)?;
    Ok(Some(document.to_bytes()))
}

/// The same in the canonical form that the scripts write; `None` where that is published already but for the time: another
/// minute alone is no change.
fn start_whole(
    document: &mut Document,
    published: Option<&[u8]>,
    before: &WorkState,
    me: &str,
    now: &str,
) -> Result<Option<Vec<u8>>> {
    let content = document.to_bytes();
    edits::start(document, me, now)?;
    if before.assigned == me && published.is_some_and(|published| edits::is_start_of(&content, published)) {
        return Ok(None);
    }
    Ok(Some(document.canonical(now)?.to_bytes()))
}

#[cfg(test)]
mod tests;
