//! Which ready task is apart from those in work: one that names no file that they change (`pick --next --apart`).

use crate::coordination::ReadLocks as _;
use crate::error::{Kind, Result};
use crate::git::worktree;
use crate::landing::overlap::{Side, some};
use crate::ledger::View;
use crate::ops::radar::{self, Checkout, InWork, Scope};
use crate::ops::task_info::Worktrees;
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::named_files::NamedFiles;
use crate::task::{Document, Task, TaskId, TaskName, TaskPath};
use std::path::PathBuf;

/// The best of these tasks that is apart, with what there is to say; where none is, the best one.
pub(super) fn choose(
    context: &Context,
    index: &Index,
    view: &View<'_>,
    ready: &[Task],
    host: &str,
) -> Result<(Option<TaskPath>, Option<String>)> {
    let best = ready.first().map(|task| task.path.clone());
    let (sides, unknown) = match changed(context, index, view, host) {
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        Err(error) => return Ok((best, Some(format!("what tasks in work change is unknown: {error}")))),
        Ok(found) => found,
    };
    let unknown: Vec<_> = unknown.into_iter().map(TaskId::prefixed).collect();
    let unknown = (!unknown.is_empty())
        .then(|| format!("what these tasks in work change is not, or not all, known here: {}", unknown.join(", ")));
    if sides.is_empty() {
        return Ok((best, unknown));
    }
    let (data, plans) = (index.branch(), ready.iter().map(|task| index.plan(&task.path).map(ToString::to_string)));
    let plans: Vec<_> = plans.collect();
    let files = ready.iter().map(|task| task.path.to_string()).chain(plans.iter().flatten().cloned());
    let found = view.read(&files.map(|path| (data, path)).collect::<Vec<_>>())?;
    let text = |path: &str| found.file(data, path);
    let mut first = None;
    for (task, plan) in ready.iter().zip(&plans) {
        let document = Document::parse(text(task.path.as_str()).unwrap_or_default());
        let plan = plan.as_ref().and_then(|path| text(path)).map(String::from_utf8_lossy);
        let names = NamedFiles::of(&document, plan.as_deref());
        let Some((other, files)) = touched(&sides, &names) else { return Ok((Some(task.path.clone()), unknown)) };
        let (id, other, files) = (task.id.prefixed(), other.prefixed(), some(&files));
        first.get_or_insert_with(|| {
            format!("every ready task names files that tasks in work change; {id} names {files} that {other} changes")
        });
    }
    Ok((best, first))
}

/// The first task in work that changes files of these names, and the files.
fn touched(sides: &[Side], names: &NamedFiles) -> Option<(TaskId, Vec<PathBuf>)> {
    sides.iter().find_map(|side| {
        let files: Vec<_> = side.paths().iter().filter(|path| names.has(path)).cloned().collect();
        (!files.is_empty()).then_some((side.task, files))
    })
}

/// What the tasks in work change, uncommitted work in this clone included, and the tasks of which that is not known. Two
/// processes, one for each worktree of a task in work, and those of [`radar::look`].
fn changed(context: &Context, index: &Index, view: &View<'_>, host: &str) -> Result<(Vec<Side>, Vec<TaskId>)> {
    let repository = &context.repository;
    let locks = view.entries(&**repository)?;
    let named = locks.iter().filter_map(|lock| Some((lock, index.active(lock.task)?.name().clone())));
    let named: Vec<(_, TaskName)> = named.collect();
    if named.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let worktrees = Worktrees::new(context, worktree::list(repository)?);
    let tasks = named.iter().map(|(lock, name)| {
        let checkout = worktrees.record_of(name).map(|record| {
            let status = worktree::load_status(repository, &record.path).ok();
            let dirty = status.map(|status| status.is_dirty());
            Checkout { path: record.path.clone(), head: record.head.clone(), dirty }
        });
        InWork { lock, name, checkout }
    });
    let found = radar::look(context, &tasks.collect::<Vec<_>>(), host, Scope::Changes)?;
    Ok((found.sides, found.unknown.into_iter().map(|work| work.task_id).collect()))
}
