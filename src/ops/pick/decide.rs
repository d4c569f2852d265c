//! Whether a task can be picked, and what that changes: a pure function of the view and the request.

use crate::coordination::decide::{LockConflict, LockRequest, LockRule, ObservedLock, Ownership, TakenLock, Takeover};
use crate::coordination::locks::cleanup_step;
use crate::error::{Error, Result};
use crate::git::{Branch, Oid};
use crate::ledger::plan::Step;
use crate::ledger::{Edit, Plan};
use crate::task::{Blocker, Document, Status, Task, TaskId, TaskPath, edits};

/// What refuses a pick, besides the lock of another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PickGates {
    /// A closed status.
    Closed,
    /// A closed status, and open children; the latter not for a task that is in work.
    Children,
    /// A closed status, open children, and open dependencies; the last two not for a task that the caller
    /// holds already or takes over.
    Blockers,
}

/// Which parts of a pick one transaction publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PickParts {
    /// The lock, and the status in the task file.
    Both,
    /// The lock alone.
    Lock,
    /// The status alone.
    Status,
}

/// What the two faces do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whom a session may displace, and how locks and task files are written.
    pub(crate) rule: LockRule,
    /// Whether other sessions are displaced.
    pub(crate) takeover: Takeover,
    /// What refuses a pick.
    pub(crate) gates: PickGates,
}

/// A task that is to be picked, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct PickView {
    /// Its file.
    pub(crate) path: TaskPath,
    /// The same, as a path in the repository.
    pub(crate) file: String,
    /// The content that is changed.
    pub(crate) document: Document,
    /// The content on the branch.
    pub(crate) published: Option<Vec<u8>>,
    /// Status and assignee before the pick.
    pub(crate) before: WorkState,
    /// The e-mail of the person for whom it is picked, if known.
    pub(crate) email: Option<String>,
    /// Its lock.
    pub(crate) lock: Option<ObservedLock>,
    /// Its open children.
    pub(crate) children: Vec<TaskId>,
    /// The dependencies that are still open.
    pub(crate) blockers: Vec<Blocker>,
    /// Locked tasks that are closed: their locks are removed in the same swap.
    pub(crate) stale: Vec<TaskId>,
    /// Further edits that are published with the status.
    pub(crate) also: Vec<Edit>,
    /// Paths whose uncommitted content in the checkout becomes part of the commit.
    pub(crate) adopt: Vec<String>,
    /// The tip of the task data with commits of this clone that are not published yet, where they are to be.
    pub(crate) waiting: Option<Oid>,
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
    /// A view with the content of its file only.
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
            waiting: None,
        }
    }
}

impl WorkState {
    /// Whether the status is a closed one.
    pub(crate) fn is_closed(&self) -> bool {
        Status::parse(&self.status).is_closed()
    }
}

/// The request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PickRequest<'a> {
    /// The policy of the face.
    pub(crate) policy: Policy,
    /// Who takes the lock; `None` takes none.
    pub(crate) claimant: Option<LockRequest<'a>>,
    /// What is published.
    pub(crate) parts: PickParts,
    /// The time, as task files write it.
    pub(crate) now: &'a str,
    /// The branch of locks.
    pub(crate) locks: &'a Branch,
    /// The branch of the task data.
    pub(crate) data: &'a Branch,
}

/// The decision: a task that can be picked.
#[derive(Debug)]
pub(crate) struct PickDecision {
    /// The task after the pick.
    pub(crate) task: Task,
    /// Its file after the pick.
    pub(crate) document: Document,
    /// The e-mail of the person for whom it is picked, if known.
    pub(crate) email: Option<String>,
    /// The lock, where one is taken.
    pub(crate) lock: Option<TakenLock>,
    /// Status and assignee before the pick.
    pub(crate) before: WorkState,
    /// Whether anything in the task data changes.
    pub(crate) changed: bool,
    /// What to publish.
    pub(crate) plan: Plan,
}

/// Why a task is not picked.
#[derive(Debug)]
pub(crate) enum PickRefusal {
    /// It is closed.
    Closed(Box<Task>),
    /// Its file cannot be read, or has a status that is not known.
    NotUnderstood(Box<Task>),
    /// It has open children, which are to be picked instead.
    Children(TaskId, Vec<TaskId>),
    /// It depends on open tasks.
    Blocked(TaskId, Vec<Blocker>),
    /// Another session holds it.
    Held(LockConflict),
    /// It could not be read, or cannot be written.
    Failed(Error),
}

impl From<Error> for PickRefusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Decides whether a task can be picked.
///
/// # Errors
/// The first refusal: closed, not understood, children, blocked, held.
pub(crate) fn decide(seen: PickView, request: &PickRequest<'_>) -> Result<PickDecision, PickRefusal> {
    let PickView { path, mut document, before, email, .. } = seen;
    let (id, task) = (path.id(), Task::from_document(path.clone(), &document));
    if before.is_closed() {
        return Err(PickRefusal::Closed(Box::new(task)));
    }
    let claimant = request.claimant.filter(|_| request.parts != PickParts::Status);
    let ownership = claimant.as_ref().and_then(|claimant| Some(claimant.judge(seen.lock.as_ref()?)));
    let is_mine = matches!(ownership, Some(Ownership::Ours | Ownership::Abandoned));
    // What began later keeps nobody from going on with work that has begun, nor from taking it over.
    let is_in_work = is_mine || claimant.is_some_and(|it| it.takeover == Takeover::Wanted) && seen.lock.is_some();
    // The lock was taken in a transaction of its own before, with all refusals checked.
    let gates = if request.parts == PickParts::Status { PickGates::Closed } else { request.policy.gates };
    if gates != PickGates::Closed && matches!(task.status, Status::Unreadable | Status::Other(_)) {
        return Err(PickRefusal::NotUnderstood(Box::new(task)));
    }
    if gates != PickGates::Closed && !is_in_work && !seen.children.is_empty() {
        return Err(PickRefusal::Children(id, seen.children));
    }
    if gates == PickGates::Blockers && !is_in_work && !seen.blockers.is_empty() {
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
            LockRule::Script => start_whole(&mut document, seen.published.as_deref(), me, request.now)?,
        };
        writes.extend(content.map(|content| Edit::Put { path: seen.file, content }));
        writes.extend(seen.also);
        plan.adopt = seen.adopt;
    }
    let changed = !writes.is_empty();
    if let (false, Some(tip)) = (changed, seen.waiting.filter(|_| request.parts != PickParts::Lock)) {
        plan = plan.advance(request.data, tip);
    } else if changed {
        let subject = format!("ait: Start work on {}: set status to Implementing", id.prefixed());
        plan = plan.step(request.data, Step::edit(subject, writes));
    }
    if lock.is_some() {
        plan = plan.fenced(request.locks, id);
    }
    let task = Task::from_document(path, &document);
    Ok(PickDecision { task, document, email, lock, before, changed, plan })
}

/// The task file with status and assignee set; `None` where it has both already.
fn start(document: &mut Document, task: &Task, me: &str, now: &str) -> Result<Option<Vec<u8>>> {
    if task.status == Status::Implementing && task.assigned_to.as_deref() == Some(me) {
        return Ok(None);
    }
    edits::start(document, me, now)?;
    Ok(Some(document.to_bytes()))
}

/// The same in the canonical form that the scripts write; `None` where the published file has it already. A task that
/// is taken again gets the present time, so within one minute nothing changes.
fn start_whole(document: &mut Document, published: Option<&[u8]>, me: &str, now: &str) -> Result<Option<Vec<u8>>> {
    edits::start(document, me, now)?;
    let content = document.canonical(now)?.to_bytes();
    Ok(Some(content).filter(|content| published != Some(content)))
}

#[cfg(test)]
mod tests;
