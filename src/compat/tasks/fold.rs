//! Finds pending tasks that refer to the same files.

use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::ops::new::fold::is_pending;
use crate::project::task_files::TaskFiles;
use crate::task::{Document, TaskId, fields, paths};

const KEY: &str = "file_references";

/// A pending task that refers to one of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingTask {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: String,
    /// The wanted file that it refers to.
    pub(crate) about: String,
}

/// The pending tasks that refer to one of these files: status `Ready` or `Editing`, top-level ones first.
pub(crate) fn pending(tasks: &TaskFolder, wanted: &[&str]) -> Vec<PendingTask> {
    let found = all_active(tasks).into_iter().filter_map(|(id, path)| {
        let bytes = tasks.tree().read(tasks.path_of_shown(&path)).ok()?;
        // Most tasks refer to no file; they are skipped without parsing.
        if !bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()) {
            return None;
        }
        let document = Document::parse(&bytes);
        if !is_pending(&document) {
            return None;
        }
        let references = document.list(KEY);
        let about = references.iter().map(|item| fields::referenced_path(item)).find(|path| wanted.contains(path))?;
        Some(PendingTask { id, path, about: about.to_owned() })
    });
    found.collect()
}

/// The pending tasks that refer to a file of a new task.
#[derive(Debug, Default)]
pub(crate) struct OverlappingTasks {
    /// All of them.
    pub(crate) found: Vec<PendingTask>,
    /// Those that cannot be folded into the new task, with the reason.
    pub(crate) refused: Vec<(TaskId, &'static str)>,
}

impl OverlappingTasks {
    /// Those that can be folded.
    pub(crate) fn foldable(&self) -> Vec<TaskId> {
        let ids = self.found.iter().map(|other| other.id);
        ids.filter(|id| self.refused.iter().all(|(refused, _)| refused != id)).collect()
    }
}

/// The pending tasks that refer to a file of a new task with this content and parent.
pub(crate) fn overlapping(checkout: &TaskFiles<'_>, document: &Document, parent: Option<&str>) -> OverlappingTasks {
    let references = document.list(KEY);
    if references.is_empty() {
        return OverlappingTasks::default();
    }
    let wanted: Vec<_> = references.iter().map(|item| fields::referenced_path(item)).collect();
    let found = pending(&TaskFolders::new(&checkout.root).tasks, &wanted);
    let parent = parent.map(|parent| parent.strip_prefix('t').unwrap_or(parent)).and_then(TaskId::try_parse);
    let refusal = |other: &PendingTask| match checkout.read(&other.path).map(|bytes| Document::parse(&bytes)) {
        Err(_) => Some("it cannot be read"),
        Ok(document) if !document.list_last("children_to_implement").is_empty() => Some("it has children"),
        Ok(_) => (parent == Some(other.id)).then_some("it is the parent"),
    };
    let refused = found.iter().filter_map(|other| Some((other.id, refusal(other)?))).collect();
    OverlappingTasks { found, refused }
}

/// The name in the path of a task's file, for people: without the id, and with blanks.
pub(crate) fn name_in(path: &str, id: impl std::fmt::Display) -> String {
    let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
    stem.strip_prefix(&format!("t{id}_")).unwrap_or(stem).replace('_', " ")
}

/// The active task files, top-level ones first, then children, each sorted by path.
pub(crate) fn all_active(tasks: &TaskFolder) -> Vec<(TaskId, String)> {
    let files = tasks.files('t').into_iter();
    files.filter_map(|name| Some((paths::member_id(&name)?, tasks.shown(&name)))).collect()
}
