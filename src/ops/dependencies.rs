//! New dependencies of a task: only on tasks that exist, and so that no task waits for itself by way of others.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::ledger::View;
use crate::project::index::Index;
use crate::task::waits::{Circle, WaitsFor};
use crate::task::{ActiveTasks, Reference, Task, TaskId};

/// What a check of new dependencies needs, as it was read.
#[derive(Debug, Default)]
pub(crate) struct OtherTasks {
    /// The active tasks; none are read where a new dependency is on none of them.
    pub(crate) active: Vec<Task>,
    /// The ids among the new dependencies that no task has, active or archived.
    pub(crate) unknown: Vec<TaskId>,
}

impl OtherTasks {
    /// Reads it. One process where a new dependency is active; reading bundles costs another one.
    pub(crate) fn load(view: &View<'_>, index: &Index, new: &NewWaits) -> Result<Self> {
        let is_active = new.all.iter().any(|id| index.active(*id).is_some());
        let active = if is_active { index.load_active(view)? } else { Vec::new() };
        Ok(Self { active, unknown: index.unknown(view, &new.depends)? })
    }
}

/// What a task is to wait for and did not wait for before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NewWaits {
    /// The new entries of its `depends`.
    depends: Vec<TaskId>,
    /// All that it waits for now: those, its children, and what it depended on already before it was opened again.
    all: Vec<TaskId>,
}

impl NewWaits {
    /// By these dependencies.
    pub(crate) fn on(depends: &[TaskId]) -> Self {
        Self { depends: depends.to_vec(), all: depends.to_vec() }
    }

    /// By a change of the task.
    pub(crate) fn between(before: &Task, after: &Task) -> Self {
        let depends = |task: &Task| task.depends.iter().filter_map(Reference::id).collect::<Vec<_>>();
        let all = |task: &Task| {
            if task.status.is_closed() { Vec::new() } else { [depends(task), task.children.clone()].concat() }
        };
        let without = |ids: Vec<TaskId>, old: &[TaskId]| ids.into_iter().filter(|id| !old.contains(id)).collect();
        Self { depends: without(depends(after), &depends(before)), all: without(all(after), &all(before)) }
    }

    /// Refuses what `task`, as it is to be, must not wait for. What it waited for before is not judged: a mistake that is
    /// there already must not refuse another change.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`], [`Kind::Circle`].
    pub(crate) fn require(&self, task: &Task, others: &OtherTasks) -> Result<()> {
        let about_field = |error: Error| error.with(Payload::Field { key: "depends".to_owned() });
        if let Some(unknown) = self.depends.iter().find(|id| others.unknown.contains(id)) {
            let message = format!("there is no task {} to depend on", unknown.prefixed());
            return Err(about_field(Error::new(Kind::NoSuchTask, message).hint("git aitask list")));
        }
        if self.all.is_empty() {
            return Ok(());
        }
        let rest = others.active.iter().filter(|other| other.id != task.id);
        let tasks: Vec<_> = rest.chain([task]).cloned().collect();
        let waits = WaitsFor::new(&ActiveTasks::new(&tasks).waits());
        let Some(circle) = waits.circle_by(task.id, &self.all) else { return Ok(()) };
        let next = circle.tasks().get(1).copied().unwrap_or(task.id);
        let message = format!("{} would wait for itself: {circle}", task.id.prefixed());
        let hint = command!["git aitask show", next].note("shows what that one waits for");
        Err(about_field(Error::new(Kind::Circle, message).hint(hint).with(as_fact(&[circle]))))
    }
}

/// Circles as a fact of an error.
fn as_fact(circles: &[Circle]) -> Payload {
    let ids = |circle: &Circle| circle.tasks().iter().map(ToString::to_string).collect();
    Payload::Circles { circles: circles.iter().map(ids).collect() }
}

/// Adds to a refusal the circles that are its reason, and the commands that end them.
pub(crate) fn with_circles(error: Error, circles: &[Circle]) -> Error {
    if circles.is_empty() {
        return error;
    }
    let shown: Vec<_> = circles.iter().map(ToString::to_string).collect();
    let error = error.append(&format!("; these wait for each other: {}", shown.join(", "))).with(as_fact(circles));
    circles.iter().filter_map(Circle::breakable).fold(error, |error, id| error.hint(end_of_circle(id)))
}

/// The command that takes a task out of a circle.
pub(crate) fn end_of_circle(task: TaskId) -> Hint {
    command!["git aitask edit", task, "--depends", String::new()].note("ends the circle: it depends on nothing then")
}
