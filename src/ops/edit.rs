//! Changing the fields, the text and the name of a task: of a published task by one swap, or of a task file in a
//! checkout. A lost race applies the change again, to the newest content, so that two edits of one task do not
//! overwrite each other.

mod decide;

pub(crate) use decide::{EditRequest, EditorEdit, NamedBox, ParentState};

use crate::coordination::{LockEntry, Locks, ReadLocks};
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness};
use crate::ledger::plan::Step;
use crate::ledger::uncommitted_rename::UncommittedRename;
use crate::ledger::{Decision, Edit, Plan, View, nonce};
use crate::ops::data_location::{DataLocation, LoadedFile};
use crate::ops::dependencies::{NewWaits, OtherTasks};
use crate::ops::task_info::{Surroundings, TaskInfo};
use crate::ops::vocabulary::Vocabulary;
use crate::project::context::{Context, Wanted};
use crate::project::editor::{self, Unchanged};
use crate::project::holder::require_holder;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Notices;
use crate::project::task_files::{FilesAsRead, PlannedWrites, TaskFiles};
use crate::task::{Document, Task, TaskPath, change, editor_template, paths};
use decide::{EditDecision, EditView, decide};
use serde::Serialize;
use std::path::Path;

/// The outcome: a published task that was edited.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Edited {
    /// The task.
    pub(crate) task: TaskInfo,
    /// Whether anything changed.
    pub(crate) changed: bool,
    /// The boxes of the text that were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) boxes: Vec<NamedBox>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Edits a published task, in one swap.
pub(crate) fn edit(context: &Context, wanted: &Wanted, request: &EditRequest) -> Result<Edited> {
    let locking = if request.is_about_holder() { LockReading::Read } else { LockReading::Unread };
    match edit_with(context, wanted, request, locking)? {
        EditAttempt::Edited(edited) => Ok(*edited),
        EditAttempt::NeedsLocks => match edit_with(context, wanted, request, LockReading::Read)? {
            EditAttempt::Edited(edited) => Ok(*edited),
            EditAttempt::NeedsLocks => Err(Error::new(Kind::Bug, "an edit did not read the locks")),
        },
    }
}

/// Whether an edit reads the locks. Most need not, and then do not race with every pick, which moves the lock branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LockReading {
    Read,
    Unread,
}

/// The outcome of one attempt.
enum EditAttempt {
    Edited(Box<Edited>),
    /// Only the holder may make this change, so the locks must be read. Only the content shows it: an edit of a file
    /// without frontmatter adds one, with a status.
    NeedsLocks,
}

fn edit_with(context: &Context, wanted: &Wanted, request: &EditRequest, locking: LockReading) -> Result<EditAttempt> {
    let Branches { locks, data } = branches(context)?;
    let locks_read = (locking == LockReading::Read).then(|| locks.clone());
    let all: Vec<_> = [Some(data.clone()), locks_read.clone()].into_iter().flatten().collect();
    let landed = context.ledger().transact(&nonce()?, &all, |view| {
        let index = Index::load(view, &data)?;
        let path = index.require_active(wanted)?.clone();
        let mut seen = load_published_view(context, view, &index, &path, locks_read.as_ref())?;
        if let Ok(after) = request.applied(&seen.task.document) {
            let new = new_waits(&path, &seen.task.document, &after);
            seen.others = OtherTasks::load(view, &index, &new)?;
        }
        let said = (request.boxes(&seen.task.document), request.left_out(&seen.task.document));
        let changed = decide(DataLocation::Published, seen, request, &Context::now())?;
        let (id, active) = (path.id(), index.active_ids().collect::<Vec<_>>());
        let task = Task::from_document(path, &changed.document);
        if changed.edits.is_empty() {
            return Ok(Decision::NoChange(Some((task, active, said, false))));
        }
        if changed.changes_holder && locking == LockReading::Unread {
            return Ok(Decision::NoChange(None));
        }
        let plan = Plan::new().step(&data, Step::edit(changed.subject, changed.edits));
        let is_fenced = changed.changes_holder && view.base(&locks).is_some();
        Ok(Decision::Publish(if is_fenced { plan.fenced(&locks, id) } else { plan }, Some((task, active, said, true))))
    })?;
    let Some((task, active, (boxes, left_out), changed)) = &landed.value else { return Ok(EditAttempt::NeedsLocks) };
    let around = Surroundings::new(context, active.iter().copied());
    let lock = around.known_lock(task.id);
    let task = around.describe(task, lock.as_ref());
    let mut aside = Notices::of(context, &landed);
    aside.notes.extend_from_slice(left_out);
    Ok(EditAttempt::Edited(Box::new(Edited { task, changed: *changed, boxes: boxes.clone(), aside })))
}

/// What an edit lets a task wait for in addition.
fn new_waits(path: &TaskPath, before: &Document, after: &Document) -> NewWaits {
    let [before, after] = [before, after].map(|document| Task::from_document(path.clone(), document));
    NewWaits::between(&before, &after)
}

/// Reads what an edit of a published task needs, except the other tasks; its lock only where the lock branch is named. One process.
fn load_published_view(
    context: &Context,
    view: &View<'_>,
    index: &Index,
    path: &TaskPath,
    locks: Option<&Branch>,
) -> Result<EditView> {
    let (data, id) = (index.branch(), path.id());
    let wanted = [path.as_str(), paths::TASK_TYPES_FILE, paths::LABELS_FILE, paths::METADATA_DIR];
    let wanted = wanted.into_iter().map(|path| (data, path.to_owned()));
    let lock = locks.into_iter().flat_map(|locks| [(locks, LockEntry::path(id)), Locks::request(locks)]);
    let found = view.read(&wanted.chain(lock).collect::<Vec<_>>())?;
    let task = LoadedFile { path: path.as_str().to_owned(), document: index.document(&found, path.as_str())? };
    let not_holder = found.lock(id)?.and_then(|lock| {
        let session = context.session();
        session.and_then(|session| require_holder(context, &session, id, Some(&lock))).err()
    });
    Ok(EditView {
        id: id.to_string(),
        task,
        neighbours: Vec::new(),
        parent: None,
        vocabulary: Vocabulary::of(&found, data)?,
        not_holder,
        others: OtherTasks::default(),
    })
}

/// Lets the user edit a published task in an editor. `None` where the user changed nothing.
pub(crate) fn edit_in_editor(context: &Context, wanted: &Wanted) -> Result<Option<Edited>> {
    let data = context.data_branch()?.clone();
    let ledger = context.ledger();
    let view = ledger.view(std::slice::from_ref(&data), Freshness::Fetched)?;
    let index = Index::load(&view, &data)?;
    let path = index.require_active(wanted)?;
    let EditView { task: LoadedFile { document: base, .. }, vocabulary, .. } =
        load_published_view(context, &view, &index, path, None)?;
    let words = vocabulary.words();
    let head =
        vec![format!("{} ({}). Leave this file unchanged to change nothing.", path.id().prefixed(), path.as_str())];
    let text = editor_template::with_help(&base, &[head, editor_template::help(&words)].concat());
    let environment = context.repository.git().environment();
    let check = |document: &Document| {
        editor_template::check(document, &words.types)?;
        let new = new_waits(path, &base, document);
        let others = OtherTasks::load(&view, &index, &new)?;
        new.require(&Task::from_document(path.clone(), document), &others).map(|()| document.clone())
    };
    let Some(saved) = editor::edit(environment, Some(&context.repository), &text, Unchanged::GivesUp, check)? else {
        return Ok(None);
    };
    let in_editor = Some(EditorEdit { base, edited: saved.value.clone() });
    let edited = edit(context, &path.id().into(), &EditRequest { in_editor, ..EditRequest::default() });
    let edited = edited.map_err(|error| saved.kept(error))?;
    saved.discard();
    Ok(Some(edited))
}

/// Whether a change in a checkout becomes a commit at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitTime {
    /// It is committed in the checkout.
    Now,
    /// It is only written to the files.
    Later,
}

/// The outcome: a task of a checkout that was edited.
#[derive(Debug, Clone)]
pub(crate) struct EditedHere {
    /// Its file.
    pub(crate) path: String,
    /// The output of `git commit`; empty where nothing was committed.
    pub(crate) said: Vec<u8>,
    /// Labels that were added to the vocabulary.
    pub(crate) labels: Vec<String>,
    /// What happened to its parent.
    pub(crate) parent: Option<ParentState>,
}

/// Edits a task of a checkout, named by its number as the caller wrote it. All files change or none, and nothing is
/// published.
///
/// # Errors
/// Those of [`TaskFiles::require_active`] and of [`decide()`]; the files are then unchanged.
pub(crate) fn edit_here(
    files: &TaskFiles<'_>,
    id: &str,
    request: &EditRequest,
    commit: CommitTime,
) -> Result<EditedHere> {
    if commit == CommitTime::Now {
        files.require_committable()?;
    }
    let _queue = files.hold()?;
    let now = Context::now();
    let PlannedWrites { mut edits, value: changed } = files.transact(|snapshot| {
        let seen = load_checkout_view(files, snapshot, id, request)?;
        let mut changed = decide(DataLocation::Checkout, seen, request, &now)?;
        Ok(PlannedWrites { edits: std::mem::take(&mut changed.edits), value: changed })
    })?;
    let EditDecision { subject, path, parent, labels, .. } = changed;
    // The commit takes an earlier rename of the file in as a whole.
    if commit == CommitTime::Now
        && let Some((context, path)) = files.context.zip(TaskPath::parse(&path))
        && let Some(rename) = UncommittedRename::of_file(&context.repository, &files.data_dir(), &path)?
    {
        let removed = Edit::Remove { path: rename.from.as_str().to_owned() };
        edits.extend((!edits.contains(&removed)).then_some(removed));
    }
    let said = match commit {
        CommitTime::Now => files.commit(&subject, &edits)?.unwrap_or_default(),
        CommitTime::Later => Vec::new(),
    };
    Ok(EditedHere { path, said, labels, parent })
}

/// Reads what an edit of a task of a checkout needs.
fn load_checkout_view(
    files: &TaskFiles<'_>,
    snapshot: &mut FilesAsRead<'_>,
    id: &str,
    request: &EditRequest,
) -> Result<EditView> {
    let path = files.require_active(id)?;
    let document = snapshot.document(&path)?;
    let may_be_done = request.is_about_holder() || change::is_done(&document);
    let parent = match id.split_once('_').filter(|_| may_be_done) {
        Some((parent, _)) => LoadedFile::here(files, snapshot, parent)?,
        None => None,
    };
    let folder = path.rsplit_once('/').map_or(paths::TASKS_DIR, |(folder, _)| folder);
    let neighbours = match &request.name {
        Some(_) => files.tree().names(Path::new(folder)).collect(),
        None => Vec::new(),
    };
    let vocabulary = Vocabulary { types: Vec::new(), labels: snapshot.text(paths::LABELS_FILE)? };
    Ok(EditView {
        id: id.to_owned(),
        task: LoadedFile { path, document },
        neighbours,
        parent,
        vocabulary,
        not_holder: None,
        others: OtherTasks::default(),
    })
}
