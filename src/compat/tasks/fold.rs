//! Finds pending tasks that refer to the same files, and folds them into a new task.

use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::error::Result;
use crate::git::objects::Edit;
use crate::project::context::Context;
use crate::project::task_files::{PlannedWrites, TaskFiles};
use crate::task::{Document, Status, TaskId, fields, paths};

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
        let status = document.scalar("status").map(Status::parse)?;
        if !matches!(status, Status::Ready | Status::Editing) {
            return None;
        }
        let references = document.list(KEY);
        let about = references.iter().map(|item| fields::referenced_path(item)).find(|path| wanted.contains(path))?;
        Some(PendingTask { id, path, about: about.to_owned() })
    });
    found.collect()
}

/// The other pending tasks that refer to one of the files of this task.
pub(crate) fn overlapping(checkout: &TaskFiles<'_>, id: TaskId, document: &Document) -> Vec<PendingTask> {
    let references = document.list(KEY);
    if references.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<_> = references.iter().map(|item| fields::referenced_path(item)).collect();
    let mut found = pending(&TaskFolders::new(&checkout.root).tasks, &wanted);
    found.retain(|pending| pending.id != id);
    found
}

/// Why a task cannot be folded into another.
pub(crate) fn refusal(checkout: &TaskFiles<'_>, pending: &PendingTask, into: TaskId) -> Option<&'static str> {
    let document = checkout.read(&pending.path).map(|bytes| Document::parse(&bytes)).ok()?;
    if !document.list_last("children_to_implement").is_empty() {
        return Some("it has children");
    }
    (into.parent() == Some(pending.id)).then_some("it is the parent")
}

/// Folds tasks into the one at `path`: their texts are appended to its text, and they become `Folded`, in one commit.
/// Gives git's output of the commit.
pub(crate) fn fold(checkout: &TaskFiles<'_>, id: TaskId, path: &str, others: &[PendingTask]) -> Result<Vec<u8>> {
    let _queue = checkout.hold()?;
    let now = Context::now();
    let written = checkout.transact(|snapshot| {
        let mut document = snapshot.document(path)?;
        let (mut folded, mut texts) = (document.list_last("folded_tasks"), document.body().to_vec());
        let mut edits = Vec::new();
        for other in others {
            let mut document = snapshot.document(&other.path)?;
            let name = name_in(&other.path, other.id);
            texts.extend(format!("\n\n## Merged from t{}: {name}\n\n", other.id).into_bytes());
            texts.extend(document.body());
            folded.push(other.id.in_list());
            document.set("status", Status::Folded.as_str())?;
            document.set("folded_into", &id.to_string())?;
            edits.push(put(&other.path, &document.canonical(&now)?));
        }
        document.set_list("folded_tasks", &folded)?;
        document.set_body(&texts);
        // The file that receives the texts is written first: if the run is interrupted, no text is lost.
        edits.insert(0, put(path, &document.canonical(&now)?));
        Ok(PlannedWrites { edits, value: () })
    })?;
    let ids: Vec<_> = others.iter().map(|other| other.id.prefixed()).collect();
    let subject = format!("ait: Fold {} into t{id}", ids.join(", "));
    Ok(checkout.commit(&subject, &written.edits)?.unwrap_or_default())
}

fn put(path: &str, document: &Document) -> Edit {
    Edit::Put { path: path.to_owned(), content: document.to_bytes() }
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
