//! What becomes of a task that is to be made: from what was read and what is asked for to the files to be written, or a
//! refusal. Pure.

use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ops::data_location::{DataLocation, LoadedFile};
use crate::ops::drafts::DraftText;
use crate::ops::vocabulary::{Vocabulary, add_words, clean_labels};
use crate::task::{Document, Slug, TaskId, TaskName, TaskPath, edits, paths};

/// A task to be made: everything but its id.
#[derive(Debug, Clone)]
pub(crate) struct NewRequest {
    /// Its machine name.
    pub(crate) slug: Slug,
    /// Its file.
    pub(crate) document: Document,
    /// Whether a child waits for the one before it.
    pub(crate) sibling: Sibling,
    /// The issue type that was asked for, to be one of the project's; the scripts have checked theirs.
    pub(crate) issue_type: Option<String>,
    /// The tasks that it was said to wait for, which must have existed; the scripts take any.
    pub(crate) depends: Vec<TaskId>,
    /// The draft that it is made of.
    pub(crate) draft: Option<DraftText>,
}

/// What a child of a task has to do with the child before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sibling {
    /// It waits for it.
    After,
    /// Nothing.
    Free,
}

/// Where a task comes to stand.
#[derive(Debug, Clone)]
pub(crate) enum TaskPosition {
    /// On its own, with this number.
    Top(u64),
    /// Below another one.
    Below {
        /// That one.
        parent: TaskId,
        /// The number among its children.
        number: u64,
        /// The parent's file; none where a making that was cut off is completed and the parent has gone meanwhile.
        file: Option<LoadedFile>,
    },
}

/// What making a task goes by.
#[derive(Debug)]
pub(crate) struct NewView {
    /// Where it comes to stand.
    pub(crate) place: TaskPosition,
    /// The words of the project.
    pub(crate) vocabulary: Vocabulary,
    /// The file of known addresses; a checkout's only.
    pub(crate) emails: String,
    /// The highest number that any task has; a published one's only.
    pub(crate) highest: u64,
}

/// A task to be written.
#[derive(Debug)]
pub(crate) struct NewDecision {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: TaskPath,
    /// What is in it.
    pub(crate) document: Document,
    /// What is to be written: its file first.
    pub(crate) edits: Vec<Edit>,
    /// The subject of the commit.
    pub(crate) subject: String,
    /// The parent's file, which changes along.
    pub(crate) parent: Option<String>,
    /// Labels that join the vocabulary.
    pub(crate) labels: Vec<String>,
}

/// What becomes of a task that is to be made, or why it cannot be.
pub(crate) fn decide(location: DataLocation, seen: NewView, request: &NewRequest, now: &str) -> Result<NewDecision> {
    let NewView { place, vocabulary, emails, highest } = seen;
    request.issue_type.as_deref().map_or(Ok(()), |wanted| vocabulary.require_type(wanted))?;
    let mut document = request.document.clone();
    let (id, parent) = match place {
        TaskPosition::Top(number) => (TaskId::top(number), None),
        TaskPosition::Below { parent, .. } if parent.is_child() => {
            return Err(
                Error::new(Kind::Usage, format!("{} is a child itself", parent.t())).advice("a child has no children")
            );
        }
        TaskPosition::Below { parent, number, file } => (TaskId::child(parent.number(), number), file),
    };
    // What is in a bundle is not known by name, but no number is higher than all.
    if let Some(wanted) = request.depends.iter().find(|wanted| wanted.number() > highest) {
        return Err(Error::new(Kind::NoSuchTask, format!("there is no task {} to depend on", wanted.t()))
            .hint("git aitask list"));
    }
    if let Some(before) = id.child_number().filter(|number| *number > 1 && request.sibling == Sibling::After) {
        let before = TaskId::child(id.number(), before - 1).t();
        document.set_list("depends", &[vec![before], document.list("depends")].concat())?;
    }
    // The scripts look for the anchor in all tasks, archived ones too, and write it into the draft already.
    if let Some(parent) =
        parent.as_ref().filter(|_| location == DataLocation::Published && !document.contains("anchor"))
    {
        let anchor = parent.document.scalar("anchor").and_then(TaskId::recognise).or_else(|| id.parent());
        anchor.map_or(Ok(()), |anchor| document.set("anchor", &anchor.to_string()))?;
    }
    let path = TaskPath::new(TaskName::new(id, request.slug.clone()));
    let mut edits = vec![Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() }];
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
    let subject = format!("ait: Add {what} {}: {}", id.t(), request.slug.humanised());
    Ok(NewDecision { id, path, document, edits, subject, parent: parent.map(|file| file.path), labels })
}

/// The parent's file with the child in its list. One that has it already is committed as it is, since a making that was cut
/// off may have written it.
fn with_child(location: DataLocation, file: LoadedFile, child: TaskId, now: &str) -> Result<LoadedFile> {
    let LoadedFile { path, mut document } = file;
    if edits::add_child(&mut document, child, now)? {
        document = location.written(document, now)?;
    }
    Ok(LoadedFile { path, document })
}

#[cfg(test)]
mod tests;
