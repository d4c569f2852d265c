//! What becomes of a task that is to be changed: from what was read and what is asked for to the files to be written, or a
//! refusal. Pure.

use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ops::data_location::{DataLocation, LoadedFile};
use crate::ops::vocabulary::{Vocabulary, add_words, clean_labels};
use crate::task::change::{self, Change};
use crate::task::{Document, Slug, TaskId, TaskPath, Title, edits, overlay, paths, sheet};

/// What a task is to become. It is checked against the task as it then is.
#[derive(Debug, Clone, Default)]
pub(crate) struct EditRequest {
    /// What somebody made of the file in an editor.
    pub(crate) in_editor: Option<EditorEdit>,
    /// The fields and the text.
    pub(crate) changes: Vec<Change>,
    /// A new heading.
    pub(crate) title: Option<Title>,
    /// A new name for the file.
    pub(crate) name: Option<Slug>,
}

/// A file that was changed in an editor.
#[derive(Debug, Clone)]
pub(crate) struct EditorEdit {
    /// As it was.
    pub(crate) base: Document,
    /// As it is to be.
    pub(crate) edited: Document,
}

/// What of a task says who works on it: whoever changes that of a task that is held must hold it.
const OF_HOLDER: [&str; 2] = ["status", "assigned_to"];

fn differ_in_holder(before: &Document, after: &Document) -> bool {
    OF_HOLDER.iter().any(|key| after.scalar_last(key) != before.scalar_last(key))
}

impl EditRequest {
    /// Whether it may change who works on the task, so that the locks must be read. Most do not: every claim of anybody
    /// moves the locks, and an edit that reads them has to be decided again each time.
    pub(crate) fn is_about_holder(&self) -> bool {
        let in_editor =
            self.in_editor.as_ref().is_some_and(|in_editor| differ_in_holder(&in_editor.base, &in_editor.edited));
        in_editor || self.changes.iter().filter_map(Change::key).any(|key| OF_HOLDER.contains(&key))
    }

    /// The task with what is asked for.
    fn applied(&self, newest: &Document) -> Result<Document> {
        let mut document = match &self.in_editor {
            Some(EditorEdit { base, edited }) => overlay::overlay(base, edited, newest)?,
            None => newest.clone(),
        };
        change::apply(&mut document, &self.changes)?;
        if let Some(title) = &self.title {
            let body = with_title(document.body(), title);
            document.set_body(&body);
        }
        Ok(document)
    }

    /// The labels that it names, or that were added by hand.
    fn labels(&self) -> Vec<String> {
        let in_editor = self.in_editor.iter().flat_map(|in_editor| new_labels(&in_editor.base, &in_editor.edited));
        let named = self.changes.iter().filter_map(|change| match change {
            Change::List("labels", labels) | Change::Add("labels", labels) => Some(labels.clone()),
            _ => None,
        });
        in_editor.chain(named.flatten()).collect()
    }
}

fn new_labels(before: &Document, after: &Document) -> Vec<String> {
    let old = before.list_last("labels");
    after.list_last("labels").into_iter().filter(|label| !old.contains(label)).collect()
}

/// What an edit goes by.
#[derive(Debug)]
pub(crate) struct EditView {
    /// The task's id, as its file has it.
    pub(crate) id: String,
    /// Its file.
    pub(crate) task: LoadedFile,
    /// The files of its folder; read for a new name only.
    pub(crate) neighbours: Vec<String>,
    /// The active file of its parent; read where the task may be done.
    pub(crate) parent: Option<LoadedFile>,
    /// The words of the project.
    pub(crate) vocabulary: Vocabulary,
    /// Why this session may not say who works on the task, where another one holds it.
    pub(crate) not_holder: Option<Error>,
}

/// A change of a task.
#[derive(Debug)]
pub(crate) struct EditDecision {
    /// What is to be written; nothing where the task is as it is to be already.
    pub(crate) edits: Vec<Edit>,
    /// The subject of the commit.
    pub(crate) subject: String,
    /// The task's file, under its new name.
    pub(crate) path: String,
    /// What is in it then.
    pub(crate) document: Document,
    /// What becomes of the parent of a child that is done.
    pub(crate) parent: Option<ParentState>,
    /// The labels that join the vocabulary.
    pub(crate) labels: Vec<String>,
    /// Whether it changes who works on the task.
    pub(crate) changes_holder: bool,
}

/// What becomes of the parent of a child that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParentState {
    /// It waits for these.
    Waits(TaskId, Vec<String>),
    /// It waits for nobody any more.
    Free(TaskId),
    /// There is no such task.
    Gone(TaskId),
}

/// What becomes of a task that is to be changed, or why it cannot be.
pub(crate) fn decide(location: DataLocation, seen: EditView, request: &EditRequest, now: &str) -> Result<EditDecision> {
    let EditView { id, task, neighbours, parent, vocabulary, not_holder } = seen;
    let path = request.name.as_ref().map(|slug| renamed(&id, &task.path, slug, &neighbours)).transpose()?;
    let path = path.unwrap_or_else(|| task.path.clone());
    let before = task.document;
    let after = request.applied(&before)?;
    if location == DataLocation::Published && after == before {
        let (edits, subject, parent, labels) = Default::default();
        return Ok(EditDecision { edits, subject, path, document: before, parent, labels, changes_holder: false });
    }
    check(location, &before, &after, &vocabulary.types)?;
    let changes_holder = differ_in_holder(&before, &after);
    let document = location.written(after, now)?;
    let mut edits = vec![Edit::Put { path: task.path.clone(), content: document.to_bytes() }];
    if path != task.path {
        edits.push(Edit::Rename { from: task.path, to: path.clone() });
    }
    // The scripts say it of every change of a task that is done, and put right a parent that still lists it.
    let is_done = change::is_done(&document) && (location == DataLocation::Checkout || !change::is_done(&before));
    let child = TaskId::recognise(&id).filter(|_| is_done);
    let left = child.map(|child| leave_parent(location, child, parent, now)).transpose()?.flatten();
    let (parent, edit) = left.map_or((None, None), |left| (Some(left.parent), left.edit));
    edits.extend(edit);
    let labels = match location {
        DataLocation::Published => clean_labels(&new_labels(&before, &document)).labels,
        DataLocation::Checkout => request.labels(),
    };
    let added = add_words(paths::LABELS_FILE, &vocabulary.labels, &labels);
    let (edit, labels) = added.map_or((None, Vec::new()), |added| (Some(added.edit), added.new));
    edits.extend(edit);
    if let Some(error) = not_holder.filter(|_| changes_holder) {
        return Err(error);
    }
    let subject = format!("ait: Update task t{id}: {}", title_in_subject(location, &path));
    Ok(EditDecision { edits, subject, path, document, parent, labels, changes_holder })
}

/// The path that a task gets with a new name, in the folder where it is.
fn renamed(id: &str, path: &str, slug: &Slug, neighbours: &[String]) -> Result<String> {
    let folder = path.rsplit_once('/').map_or(paths::TASKS_DIR, |(folder, _)| folder);
    let name = format!("t{id}_{slug}.md");
    let target = format!("{folder}/{name}");
    if target != path && neighbours.contains(&name) {
        return Err(Error::new(Kind::Occupied, format!("{target} exists already")));
    }
    Ok(target)
}

/// What must be true of the task as it would be. The scripts have checked the values that they were given.
fn check(location: DataLocation, before: &Document, after: &Document, types: &[String]) -> Result<()> {
    // What was wrong before does not stop a change of something else.
    if location == DataLocation::Published && sheet::check(before, types).is_ok() {
        return sheet::check(after, types);
    }
    change::check(after)
}

/// How a parent is left.
struct ParentUpdate {
    parent: ParentState,
    edit: Option<Edit>,
}

/// A child that is done leaves its parent's list; the parent is written only when that changes it.
fn leave_parent(
    location: DataLocation,
    child: TaskId,
    file: Option<LoadedFile>,
    now: &str,
) -> Result<Option<ParentUpdate>> {
    let Some(parent) = child.parent() else { return Ok(None) };
    let Some(LoadedFile { path, mut document }) = file else {
        return Ok(Some(ParentUpdate { parent: ParentState::Gone(parent), edit: None }));
    };
    let changed = edits::remove_child(&mut document, child, now)?;
    let document = location.written(document, now)?;
    let rest = document.list_last("children_to_implement");
    let parent = if rest.is_empty() { ParentState::Free(parent) } else { ParentState::Waits(parent, rest) };
    Ok(Some(ParentUpdate { parent, edit: changed.then(|| Edit::Put { path, content: document.to_bytes() }) }))
}

/// The text with another heading. The file keeps its name, after which the task's branch and worktree are called.
fn with_title(body: &[u8], title: &Title) -> Vec<u8> {
    let line = format!("# {}\n", title.as_str()).into_bytes();
    let end = body.iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| end + 1);
    if body.starts_with(b"# ") { [line.as_slice(), &body[end..]].concat() } else { [&line, &b"\n"[..], body].concat() }
}

/// The task's name in the subject of the commit. The scripts leave out one number at its beginning.
fn title_in_subject(location: DataLocation, path: &str) -> String {
    if let Some(path) = TaskPath::parse(path).filter(|_| location == DataLocation::Published) {
        return path.name().slug().humanised();
    }
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".md");
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = stem.strip_prefix('t').unwrap_or(stem);
    let rest = rest.get(digits(rest)..).unwrap_or_default().trim_start_matches('_');
    let number = digits(rest);
    let name = match rest.get(number..).and_then(|tail| tail.strip_prefix('_')) {
        Some(tail) if number > 0 => tail,
        _ => rest,
    };
    name.replace('_', " ")
}

#[cfg(test)]
mod tests;
