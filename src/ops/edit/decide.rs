//! Whether a task can be edited, and what that changes: a pure function of the view and the request.

use crate::error::{Error, Kind, Result};
use crate::files::LARGEST_TEXT;
use crate::git::objects::Edit;
use crate::ops::data_location::{DataLocation, LoadedFile};
use crate::ops::dependencies::{NewWaits, OtherTasks};
use crate::ops::vocabulary::{Vocabulary, add_words, clean_labels};
use crate::task::change::{self, FieldChange};
use crate::task::text_change::{self, TextChange, boxes};
use crate::task::{Document, Slug, Task, TaskId, TaskPath, Title, editor_template, edits, paths, three_way_apply};

/// An edit. It is applied to the newest content of the task, and the result is checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct EditRequest {
    /// The change of the file in an editor.
    pub(crate) in_editor: Option<EditorEdit>,
    /// Changes of fields and of the text.
    pub(crate) changes: Vec<FieldChange>,
    /// Changes within the text.
    pub(crate) text: Vec<TextChange>,
    /// A new heading.
    pub(crate) title: Option<Title>,
    /// A new name for the file.
    pub(crate) name: Option<Slug>,
}

/// A task file before and after the user edited it.
#[derive(Debug, Clone)]
pub(crate) struct EditorEdit {
    /// The file that the editor opened.
    pub(crate) base: Document,
    /// The file that the user saved.
    pub(crate) edited: Document,
}

/// The fields that say who works on a task. While it is locked, only its holder may change them: otherwise an edit
/// could make a task look free that another session works on.
const OF_HOLDER: [&str; 2] = ["status", "assigned_to"];

fn differ_in_holder(before: &Document, after: &Document) -> bool {
    OF_HOLDER.iter().any(|key| after.scalar_last(key) != before.scalar_last(key))
}

impl EditRequest {
    /// Whether it may change the fields of the holder, so that the locks must be read. Most edits do not: every pick
    /// moves the lock branch, and an edit that reads it must be decided again each time.
    pub(crate) fn is_about_holder(&self) -> bool {
        let in_editor =
            self.in_editor.as_ref().is_some_and(|in_editor| differ_in_holder(&in_editor.base, &in_editor.edited));
        in_editor || self.changes.iter().filter_map(FieldChange::key).any(|key| OF_HOLDER.contains(&key))
    }

    /// The task file with the changes applied.
    pub(super) fn applied(&self, newest: &Document) -> Result<Document> {
        let mut document = match &self.in_editor {
            Some(EditorEdit { base, edited }) => three_way_apply::three_way_apply(base, edited, newest)?,
            None => newest.clone(),
        };
        change::apply(&mut document, &self.changes)?;
        text_change::apply(&mut document, &self.text)?;
        if let Some(title) = &self.title {
            let body = with_title(document.body(), title, document.eol());
            document.set_body(&body);
        }
        Ok(document)
    }

    /// The boxes that the request names, in a text as it was before.
    pub(super) fn boxes(&self, before: &Document) -> Vec<NamedBox> {
        let all = boxes(before.raw_body());
        let named = self.text.iter().filter_map(|change| match change {
            TextChange::Box { number, ticked } => Some((*number, *ticked)),
            _ => None,
        });
        let named = named.filter_map(|(number, ticked)| {
            let found = number.checked_sub(1).and_then(|at| all.get(at))?;
            Some(NamedBox { number, text: found.text.clone(), ticked, changed: !found.is(ticked) })
        });
        named.collect()
    }

    /// What of the text was there already, at its end.
    pub(super) fn left_out(&self, before: &Document) -> Vec<String> {
        text_change::left_out(before, &self.text)
    }

    /// The labels that the request names, or that were added in the editor.
    fn labels(&self) -> Vec<String> {
        let in_editor = self.in_editor.iter().flat_map(|in_editor| new_labels(&in_editor.base, &in_editor.edited));
        let named = self.changes.iter().filter_map(|change| match change {
            FieldChange::List("labels", labels) | FieldChange::Add("labels", labels) => Some(labels.clone()),
            _ => None,
        });
        in_editor.chain(named.flatten()).collect()
    }
}

/// A box of the text that an edit names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NamedBox {
    /// Its number in the text, counted from 1.
    pub(crate) number: usize,
    /// The words after it.
    pub(crate) text: String,
    /// Whether it is ticked now.
    pub(crate) ticked: bool,
    /// Whether it was not so before.
    pub(crate) changed: bool,
}

fn new_labels(before: &Document, after: &Document) -> Vec<String> {
    let old = before.list_last("labels");
    after.list_last("labels").into_iter().filter(|label| !old.contains(label)).collect()
}

/// A task that is to be edited, as it was read.
#[derive(Debug)]
pub(crate) struct EditView {
    /// The task's id, as its file name has it.
    pub(crate) id: String,
    /// Its file.
    pub(crate) task: LoadedFile,
    /// The file names in its folder; read only for a new name.
    pub(crate) neighbours: Vec<String>,
    /// The active file of its parent; read only in a checkout, where the task may become done.
    pub(crate) parent: Option<LoadedFile>,
    /// The issue types and labels of the project.
    pub(crate) vocabulary: Vocabulary,
    /// The refusal, where another session holds it. It applies only to a change of the holder's fields.
    pub(crate) not_holder: Option<Error>,
    /// What the check of new dependencies needs; read only where there are any. In a checkout the scripts accept all.
    pub(crate) others: OtherTasks,
}

/// The decision: the changes of an edit.
#[derive(Debug)]
pub(crate) struct EditDecision {
    /// The edits; empty where the task has the requested content already.
    pub(crate) edits: Vec<Edit>,
    /// The subject of the commit.
    pub(crate) subject: String,
    /// The path of the task's file, after a renaming.
    pub(crate) path: String,
    /// Its content after the edit.
    pub(crate) document: Document,
    /// What happens to the parent of a child that is done.
    pub(crate) parent: Option<ParentState>,
    /// The labels that are added to the vocabulary.
    pub(crate) labels: Vec<String>,
    /// Whether a field of the holder changes.
    pub(crate) changes_holder: bool,
}

/// What happens to the parent of a child that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParentState {
    /// It still has these open children.
    Waits(TaskId, Vec<String>),
    /// It has no open children.
    Free(TaskId),
    /// There is no active parent.
    Gone(TaskId),
}

/// Decides whether a task can be edited.
pub(crate) fn decide(location: DataLocation, seen: EditView, request: &EditRequest, now: &str) -> Result<EditDecision> {
    let EditView { id, task, neighbours, parent, vocabulary, not_holder, others } = seen;
    let path = request.name.as_ref().map(|slug| renamed(&id, &task.path, slug, &neighbours)).transpose()?;
    let path = path.unwrap_or_else(|| task.path.clone());
    let before = task.document;
    let after = request.applied(&before)?;
    if location == DataLocation::Published && after == before {
        let (edits, subject, parent, labels) = Default::default();
        return Ok(EditDecision { edits, subject, path, document: before, parent, labels, changes_holder: false });
    }
    let changes_holder = differ_in_holder(&before, &after);
    if let Some(error) = not_holder.filter(|_| changes_holder) {
        return Err(error);
    }
    if location == DataLocation::Published && change::is_done(&after) && !change::is_done(&before) {
        return Err(Error::new(Kind::Usage, format!("an edit does not end t{id}"))
            .hint(command!["git aitask finish", id].note("merges its branch and archives it"))
            .hint(command!["git aitask archive", id].note("archives it without a merge")));
    }
    check(location, &before, &after, &vocabulary.types)?;
    if let Some(why) = after.trouble().filter(|_| !request.text.is_empty()) {
        let message = format!("with this text nobody could be given t{id}: {why}");
        return Err(Error::new(Kind::Usage, message));
    }
    if !request.text.is_empty() && after.to_bytes().len() as u64 > LARGEST_TEXT {
        return Err(Error::new(Kind::Usage, format!("the file of t{id} would have more than 8 MiB")));
    }
    if let Some(file) = TaskPath::parse(&task.path).filter(|_| location == DataLocation::Published) {
        let [before, after] = [&before, &after].map(|document| Task::from_document(file.clone(), document));
        NewWaits::between(&before, &after).require(&after, &others)?;
    }
    let document = location.written(after, now)?;
    let mut edits = vec![Edit::Put { path: task.path.clone(), content: document.to_bytes() }];
    if path != task.path {
        edits.push(Edit::Rename { from: task.path, to: path.clone() });
    }
    // The scripts report the parent on every change of a done task, and correct a parent that still lists it; callers
    // depend on both.
    let is_done = change::is_done(&document) && location == DataLocation::Checkout;
    let child = TaskId::try_parse(&id).filter(|_| is_done);
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
    let subject = format!("ait: Update task t{id}: {}", title_in_subject(location, &path));
    Ok(EditDecision { edits, subject, path, document, parent, labels, changes_holder })
}

/// The path of a task with a new name, in the same folder.
fn renamed(id: &str, path: &str, slug: &Slug, neighbours: &[String]) -> Result<String> {
    let folder = path.rsplit_once('/').map_or(paths::TASKS_DIR, |(folder, _)| folder);
    let name = format!("t{id}_{slug}.md");
    let target = format!("{folder}/{name}");
    if target != path && neighbours.contains(&name) {
        return Err(Error::new(Kind::Occupied, format!("{target} exists already")));
    }
    Ok(target)
}

/// Checks the edited task. In a checkout, the scripts' face has checked the values that it was given.
fn check(location: DataLocation, before: &Document, after: &Document, types: &[String]) -> Result<()> {
    // A value that was wrong before must not refuse a change of another field.
    if location == DataLocation::Published && editor_template::check(before, types).is_ok() {
        return editor_template::check(after, types);
    }
    change::check(after)
}

/// The parent of a child that is done: its state, and the edit of its file.
struct ParentUpdate {
    parent: ParentState,
    edit: Option<Edit>,
}

/// Removes a done child from its parent's list. The parent's file is written only if its list changes.
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

/// Replaces the heading of a text. The file keeps its name: the task branch and the worktree are named after it.
fn with_title(body: &[u8], title: &Title, eol: &str) -> Vec<u8> {
    let line = format!("# {}{eol}", title.as_str()).into_bytes();
    let end = body.iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| end + 1);
    if body.starts_with(b"# ") {
        [line.as_slice(), &body[end..]].concat()
    } else {
        [&line, eol.as_bytes(), body].concat()
    }
}

/// The task's name in the subject of the commit. In a checkout one leading number is left out, as the scripts do.
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
