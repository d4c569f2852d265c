//! Whether a task can be created, and what that changes: a pure function of the view and the request.

use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ops::data_location::{DataLocation, LoadedFile};
use crate::ops::dependencies::{NewWaits, OtherTasks};
use crate::ops::new::fold::{FoldedFile, fold};
use crate::ops::new_record::Origin;
use crate::ops::vocabulary::{Vocabulary, add_words, clean_labels};
use crate::task::{Document, Slug, Task, TaskId, TaskName, TaskPath, edits, paths};

/// A new task, without its id.
#[derive(Debug, Clone)]
pub(crate) struct NewRequest {
    /// The slug of its name.
    pub(crate) slug: Slug,
    /// Its file.
    pub(crate) document: Document,
    /// Whether a child depends on the child before it.
    pub(crate) sibling: Sibling,
    /// The requested issue type, which must be one of the project's. `None` for the scripts, which check it themselves.
    pub(crate) issue_type: Option<String>,
    /// The requested dependencies, which must exist and form no circle. Empty for the scripts, which accept any.
    pub(crate) depends: Vec<TaskId>,
    /// What it is created from; only in a checkout.
    pub(crate) origin: Option<Origin>,
    /// The tasks that are folded into it; only in a checkout.
    pub(crate) folds: Vec<TaskId>,
}

/// Whether a child depends on the child before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sibling {
    /// It does.
    After,
    /// It does not.
    Free,
}

/// The position of a new task among the tasks.
#[derive(Debug, Clone)]
pub(crate) enum TaskPosition {
    /// A top-level task with this number.
    Top(u64),
    /// A child.
    Below {
        /// The parent.
        parent: TaskId,
        /// The number among the parent's children.
        number: u64,
        /// The parent's file; `None` where an interrupted creation is completed and the parent is no longer active.
        file: Option<LoadedFile>,
    },
}

/// What creating a task needs, as it was read.
#[derive(Debug)]
pub(crate) struct NewView {
    /// The position.
    pub(crate) place: TaskPosition,
    /// The issue types and labels of the project.
    pub(crate) vocabulary: Vocabulary,
    /// The file of known assignees; read only in a checkout.
    pub(crate) emails: String,
    /// What the check of the dependencies needs; read only for published task data.
    pub(crate) others: OtherTasks,
    /// The tasks to fold into it, and those that were folded into one of them.
    pub(crate) folded: Vec<FoldedFile>,
}

/// The decision: a task that can be created.
#[derive(Debug)]
pub(crate) struct NewDecision {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: TaskPath,
    /// The content of the file.
    pub(crate) document: Document,
    /// The edits, its own file first.
    pub(crate) edits: Vec<Edit>,
    /// The subject of the commit.
    pub(crate) subject: String,
    /// The parent's file, where it is changed, too.
    pub(crate) parent: Option<String>,
    /// Labels that are added to the vocabulary.
    pub(crate) labels: Vec<String>,
    /// The tasks whose texts it got.
    pub(crate) folded: Vec<TaskId>,
}

/// Decides whether a task can be created.
pub(crate) fn decide(location: DataLocation, seen: NewView, request: &NewRequest, now: &str) -> Result<NewDecision> {
    let NewView { place, vocabulary, emails, others, mut folded } = seen;
    request.issue_type.as_deref().map_or(Ok(()), |wanted| vocabulary.require_type(wanted))?;
    let mut document = request.document.clone();
    let (id, parent) = match place {
        TaskPosition::Top(number) => (TaskId::top(number), None),
        TaskPosition::Below { parent, .. } if parent.is_child() => {
            return Err(Error::new(
                Kind::Usage,
                format!("{} is a child task, and a child task cannot have children", parent.prefixed()),
            )
            .hint(command!["git aitask new --parent", parent.number(), "<title>"]));
        }
        TaskPosition::Below { parent, number, file } => (TaskId::child(parent.number(), number), file),
    };
    if let Some(before) = id.child_number().filter(|number| *number > 1 && request.sibling == Sibling::After) {
        let before = TaskId::child(id.number(), before - 1);
        if !request.depends.contains(&before) {
            document.set_list("depends", &[vec![before.prefixed()], document.list("depends")].concat())?;
        }
    }
    // In a checkout the scripts' face has written the anchor into the document: the scripts search archived tasks for
    // it, too.
    if let Some(parent) =
        parent.as_ref().filter(|_| location == DataLocation::Published && !document.contains("anchor"))
    {
        let anchor = parent.document.scalar("anchor").and_then(TaskId::try_parse).or_else(|| id.parent());
        anchor.map_or(Ok(()), |anchor| document.set("anchor", &anchor.to_string()))?;
    }
    // A parent changes as a parent.
    folded.retain(|file| Some(file.id) != id.parent());
    let texts = folded.iter().filter(|file| file.has_text).map(|file| file.id).collect();
    let folds = fold(&mut document, id, folded, now)?;
    let path = TaskPath::new(TaskName::new(id, &request.slug));
    // A file may name an id that no task had so far, and a parent waits for each child.
    NewWaits::on(&request.depends).require(&Task::from_document(path.clone(), &document), &others)?;
    // The file that receives the texts is written first: if the run is interrupted, no text is lost.
    let mut edits = vec![Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() }];
    edits.extend(folds);
    let parent = parent.map(|file| with_child(location, file, id, now)).transpose()?;
    edits.extend(parent.as_ref().map(|file| Edit::Put { path: file.path.clone(), content: file.document.to_bytes() }));
    let labels = document.list("labels");
    let labels = if location == DataLocation::Published { clean_labels(&labels).labels } else { labels };
    let added = add_words(paths::LABELS_FILE, &vocabulary.labels, &labels);
    let (edit, labels) = added.map_or((None, Vec::new()), |added| (Some(added.edit), added.new));
    edits.extend(edit);
    let email = document.scalar("assigned_to").filter(|email| location == DataLocation::Checkout && !email.is_empty());
    edits.extend(
        email.and_then(|email| add_words(paths::EMAILS_FILE, &emails, &[email.to_owned()])).map(|added| added.edit),
    );
    let what = if id.is_child() { "child task" } else { "task" };
    let subject = format!("ait: Add {what} {}: {}", id.prefixed(), request.slug.humanised());
    Ok(NewDecision { id, path, document, edits, subject, parent: parent.map(|file| file.path), labels, folded: texts })
}

/// Adds the child to its parent's list. A parent that lists it already is part of the commit nevertheless: an
/// interrupted creation may have written it without a commit.
fn with_child(location: DataLocation, file: LoadedFile, child: TaskId, now: &str) -> Result<LoadedFile> {
    let LoadedFile { path, mut document } = file;
    if edits::add_child(&mut document, child, now)? {
        document = location.written(document, now)?;
    }
    Ok(LoadedFile { path, document })
}

#[cfg(test)]
mod tests;
