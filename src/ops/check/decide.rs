//! What is wrong with the files of the task data. Pure.

use crate::coordination::ids;
use crate::error::{Error, Kind};
use crate::project::task_folder::TaskFolder;
use crate::task::{ActiveTasks, Status, Task, TaskId, TaskPath, paths, sanitise};
use serde::Serialize;
use std::collections::BTreeMap;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// A task is given to nobody, is not found, or waits for ever.
    Error,
    /// Something is taken for something else, and work goes on.
    Warning,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Problem {
    /// What it is; the names are stable.
    pub(crate) kind: &'static str,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// The file, relative to the root of the task data.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong, and what follows from it.
    pub(crate) message: String,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_id: Option<TaskId>,
}

impl Problem {
    fn new(severity: Severity, kind: &'static str, path: &str, message: &str) -> Self {
        Self { kind, severity, path: path.to_owned(), line: 1, message: sanitise(message), task_id: None }
    }

    fn error(kind: &'static str, path: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        Self::new(Severity::Error, kind, path.as_ref(), message.as_ref())
    }

    fn warning(kind: &'static str, path: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        Self::new(Severity::Warning, kind, path.as_ref(), message.as_ref())
    }

    /// A counter that cannot be read.
    pub(crate) fn of_counter(error: &Error) -> Self {
        let kind = if error.kind() == Kind::Damaged { "missing_counter" } else { "unreadable_counter" };
        Self::error(kind, COUNTER, error.to_string())
    }

    fn of(self, task: TaskId) -> Self {
        Self { task_id: Some(task), ..self }
    }

    fn at(self, line: usize) -> Self {
        Self { line, ..self }
    }
}

/// The kind of an id that several files have; told of all of them but the first.
pub(crate) const DUPLICATE_ID: &str = "duplicate_id";

/// The file of the counter, as a place.
const COUNTER: &str = ids::FILE;

/// All that is wrong with the files, by path and line. The numbers are compared with the counter where that is known.
pub(crate) fn problems(folder: &TaskFolder, counter: Option<u64>) -> Vec<Problem> {
    let mut found = Vec::new();
    for task in &folder.tasks {
        of_task(folder, task, &mut found);
    }
    let names =
        |path: &String| Problem::error("misnamed", path, format!("it {} in aitasks/", paths::why_misnamed(path)));
    found.extend(folder.misnamed.iter().map(names));
    let unreadable = |path: &TaskPath| {
        Problem::error("unreadable_file", path.as_str(), "it cannot be read: a link, or larger than a text")
            .of(path.id())
    };
    found.extend(folder.unreadable.iter().map(unreadable));
    let missing = |path: &TaskPath| {
        let message = "this clone is damaged: its object is missing or broken here";
        Problem::error("missing_object", path.as_str(), message).of(path.id())
    };
    found.extend(folder.missing.iter().map(missing));
    let broken = |path: &String| Problem::error("broken_bundle", path, "the tasks in this bundle cannot be read");
    found.extend(folder.broken_bundles.iter().map(broken));
    doubles(folder, &mut found);
    for circle in ActiveTasks::new(&folder.tasks).circles() {
        let first = circle.tasks().iter().find_map(|id| folder.tasks.iter().find(|task| task.id == *id));
        let message = format!("these tasks wait for each other: {circle}");
        found.extend(first.map(|task| {
            let key = if circle.breakable() == Some(task.id) { "depends" } else { "children_to_implement" };
            Problem::error("circle", task.path.as_str(), &message).of(task.id).at(line_of(folder, task, key))
        }));
    }
    for plan in folder.plans.iter().filter(|plan| !folder.is_active(plan.id())) {
        let id = plan.id();
        found.push(if folder.is_known(id) {
            let message = format!("the task {} is archived, and its plan is not", id.prefixed());
            Problem::warning("plan_of_ended_task", plan.as_str(), message).of(id)
        } else {
            Problem::warning("plan_without_task", plan.as_str(), format!("there is no task {}", id.prefixed())).of(id)
        });
    }
    if let Some(counter) = counter.filter(|counter| folder.highest() >= *counter) {
        let highest = folder.highest();
        let of_it = |path: &&String| paths::loose_number(path) == Some(highest);
        let path = folder.paths.iter().find(of_it).map_or(COUNTER, String::as_str);
        let message = format!("its number {highest} was not given by the counter, which is at {counter}");
        found.push(Problem::error("counter_behind", path, message));
    }
    found.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    found
}

fn of_task(folder: &TaskFolder, task: &Task, found: &mut Vec<Problem>) {
    let (path, id) = (task.path.as_str(), task.id);
    let line = |key: &str| line_of(folder, task, key);
    match (&task.status, task.doubt()) {
        (Status::Unreadable, Some(why)) => {
            let line = text_lines(folder, task).position(|line| line.starts_with(b"<<<<<<<")).map_or(1, |at| at + 1);
            found.push(Problem::error("front_matter", path, why).of(id).at(line));
            return;
        }
        (Status::Other(_), Some(why)) => {
            found.push(Problem::error("unknown_status", path, why).of(id).at(line("status")));
        }
        _ => {}
    }
    for level in task.unknown_levels() {
        let key = level.split(' ').next().unwrap_or_default();
        let message = format!("{level} is not known, and counts as medium");
        found.push(Problem::warning("unknown_level", path, message).of(id).at(line(key)));
    }
    if !folder.types.contains(&task.issue_type) {
        let message = format!("the type {:?} is none of this project: {}", task.issue_type, folder.types.join(", "));
        found.push(Problem::warning("unknown_type", path, message).of(id).at(line("issue_type")));
    }
    for other in &task.depends {
        let problem = match other.id() {
            None => {
                let message =
                    format!("it depends on {:?}, which is no id, and does not wait for it", other.as_written());
                Problem::warning("unreadable_dependency", path, message)
            }
            Some(other) if !folder.is_known(other) => {
                let message = format!("it depends on {}, and there is no such task", other.prefixed());
                Problem::error("unknown_dependency", path, message)
            }
            Some(_) => continue,
        };
        found.push(problem.of(id).at(line("depends")));
    }
    if let Some(parent) = id.parent().filter(|parent| !folder.is_active(*parent)) {
        if !folder.is_known(parent) {
            found.push(Problem::error("no_parent", path, format!("there is no task {}", parent.prefixed())).of(id));
        } else if !task.status.is_closed() {
            let message = format!("its parent {} is archived, and it is open", parent.prefixed());
            found.push(Problem::error("archived_parent", path, message).of(id));
        }
    }
    if !task.status.is_closed() {
        children(folder, task, found);
    }
}

/// What the list of children says that is not so. A task waits for whatever is in that list.
fn children(folder: &TaskFolder, task: &Task, found: &mut Vec<Problem>) {
    let path = task.path.as_str();
    let mut add = |kind, message: String| {
        let line = line_of(folder, task, "children_to_implement");
        found.push(Problem::error(kind, path, message).of(task.id).at(line));
    };
    for child in &task.children {
        let name = child.prefixed();
        if child.parent() != Some(task.id) {
            add("foreign_child", format!("it waits for {name}, which is no child of it"));
        } else if folder.is_active(*child) {
            // It is right to wait for it.
        } else if folder.is_archived(*child) {
            add("finished_child", format!("it waits for its child {name}, which is archived"));
        } else if !folder.is_known(*child) {
            add("unknown_child", format!("it waits for its child {name}, and there is no such task"));
        }
    }
    for child in &task.unreadable_children {
        add("unreadable_child", format!("it waits for the child {child:?}, which is no id"));
    }
}

/// Ids that several files have.
fn doubles(folder: &TaskFolder, found: &mut Vec<Problem>) {
    for (is_archived, files) in
        [(false, folder.active().collect::<Vec<_>>()), (true, folder.archived.iter().collect::<Vec<_>>())]
    {
        let mut first: BTreeMap<TaskId, &str> = BTreeMap::new();
        for path in files {
            let id = path.id();
            if let Some(other) = first.get(&id) {
                let message = format!("{other} has the id {id}, too");
                found.push(Problem::error(DUPLICATE_ID, path.as_str(), message).of(id));
            } else {
                first.insert(id, path.as_str());
                if !is_archived && folder.is_archived(id) {
                    let message = format!("the task {} is archived, too", id.prefixed());
                    found.push(Problem::error("active_and_archived", path.as_str(), message).of(id));
                }
            }
        }
    }
}

fn text_lines<'f>(folder: &'f TaskFolder, task: &Task) -> impl Iterator<Item = &'f [u8]> {
    folder.texts.get(&task.path).map_or(&[][..], Vec::as_slice).split(|byte| *byte == b'\n')
}

/// The line of the last `key:` in the header of a task, which counts; 1 where it has none.
fn line_of(folder: &TaskFolder, task: &Task, key: &str) -> usize {
    let (mut at, mut rules) = (1, 0);
    for (number, line) in text_lines(folder, task).enumerate() {
        rules += usize::from(line.trim_ascii_end() == b"---");
        if rules == 2 {
            break;
        }
        if line.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":")) {
            at = number + 1;
        }
    }
    at
}

#[cfg(test)]
mod tests;
