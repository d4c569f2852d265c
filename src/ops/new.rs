//! Creating a task: a published one, its id and its file in one swap; or one in the files of a checkout, with a commit
//! there.
//!
//! Why the order is safe. The record of the new task is written before the swap. When the command is interrupted, or
//! the server does not answer, the same command finds by the nonce in that record whether the task was created, and
//! creates no second one.

mod decide;
pub(crate) mod fold;

pub(crate) use decide::{NewRequest, Sibling};

use crate::coordination::ids;
use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::uncommitted_rename::UncommittedRename;
use crate::ledger::{Decision, Ledger, Plan, View, nonce};
use crate::ops::data_location::{DataLocation, LoadedFile};
use crate::ops::dependencies::{NewWaits, OtherTasks};
use crate::ops::drafts;
use crate::ops::new_record::{self, CreationRecord};
use crate::ops::task_info::{Surroundings, TaskInfo};
use crate::ops::vocabulary::{Vocabulary, clean_labels};
use crate::project::context::{Context, Wanted};
use crate::project::index::{CreationProgress, Index};
use crate::project::outcome::{DryRun, Notices};
use crate::project::task_files::{FilesAsRead, PlannedWrites, TaskFiles};
use crate::task::{Document, Level, NewTask, Reference, Task, TaskId, TaskPath, Title, paths};
use decide::{NewDecision, NewView, TaskPosition, decide};
use serde::Serialize;

/// The options of `git aitask new`.
#[derive(Debug, Clone)]
pub(crate) struct NewOptions {
    /// Its title.
    pub(crate) title: Title,
    /// Its text.
    pub(crate) text: String,
    /// Its priority.
    pub(crate) priority: Level,
    /// Its effort.
    pub(crate) effort: Level,
    /// Its issue type; `None`: `feature`.
    pub(crate) issue_type: Option<String>,
    /// Its labels, as the user typed them.
    pub(crate) labels: Vec<String>,
    /// The tasks that it depends on.
    pub(crate) depends: Vec<TaskId>,
    /// Its parent.
    pub(crate) parent: Option<Wanted>,
    /// Only a draft in this clone: no id, no commit, no network.
    pub(crate) draft: bool,
    /// Whether a child depends on the child before it.
    pub(crate) sibling: Sibling,
}

impl NewOptions {
    /// What tells one creation from another in its record. It is compared with what an earlier build wrote, so that a command
    /// which was interrupted before an upgrade is recognised after it: the names in it are those of the first build.
    fn identity(&self) -> String {
        let Self { title, text, priority, effort, issue_type, labels, depends, parent, draft, sibling } = self;
        let free = if *sibling == Sibling::Free { "free" } else { "" };
        format!(
            "Options {{ title: {title:?}, text: {text:?}, priority: {priority:?}, effort: {effort:?}, issue_type: {issue_type:?}, \
             labels: {labels:?}, depends: {depends:?}, parent: {parent:?}, draft: {draft:?} }} {free}"
        )
    }
}

/// The outcome: a task that was created.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Created {
    /// The task; absent for a draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<TaskInfo>,
    /// The draft's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) draft: Option<String>,
    /// The child before it, which it waits for although nobody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waits_for_sibling: Option<TaskId>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Creates a task, or a draft of one.
pub(crate) fn new(context: &Context, options: &NewOptions) -> Result<Created> {
    let labels = clean_labels(&options.labels);
    if !labels.dropped.is_empty() {
        return Err(Error::new(Kind::Usage, format!("no label can be made of {:?}", labels.dropped.join(", ")))
            .advice("use letters, digits, _ and -"));
    }
    let task = NewTask {
        priority: options.priority,
        effort: options.effort,
        depends: options.depends.iter().map(|id| Reference::from(*id)).collect(),
        issue_type: options.issue_type.clone().unwrap_or_else(|| NewTask::default().issue_type),
        labels: labels.labels,
        body: body(&options.title, &options.text),
        ..NewTask::default()
    };
    if options.draft {
        return draft(context, options, task);
    }
    let request = NewRequest {
        slug: options.title.slug(),
        document: task.document(&Context::now())?,
        sibling: options.sibling,
        issue_type: options.issue_type.clone(),
        depends: options.depends.clone(),
        origin: None,
        folds: Vec::new(),
    };
    publish(context, options.parent.as_ref(), &request, &options.identity())
}

/// Publishes a draft as a task. The draft is removed after that.
pub(crate) fn publish_draft(context: &Context, draft: &str) -> Result<Created> {
    let (tree, dir) = (context.tree(), context.data_dir());
    let draft = drafts::load(&tree, &dir, draft)?.ok_or_else(|| {
        let name = draft.rsplit('/').next().unwrap_or(draft);
        Error::new(Kind::NoSuchTask, format!("there is no draft {name:?} in {}", paths::DRAFTS_DIR))
            .hint(command!["ls", dir.join(paths::DRAFTS_DIR).display()])
    })?;
    let title = draft.slug.map_or_else(|| "unnamed task".to_owned(), |slug| slug.humanised());
    let parent = draft.parent.as_deref().map(Wanted::parse).transpose()?;
    let words = format!("draft {} {}", draft.file.name, String::from_utf8_lossy(&draft.file.text));
    let request = NewRequest {
        slug: Title::parse(&title)?.slug(),
        sibling: Sibling::Free,
        issue_type: draft.document.scalar("issue_type").filter(|kind| !kind.is_empty()).map(str::to_owned),
        depends: draft.document.list("depends").iter().filter_map(|id| TaskId::try_parse(id)).collect(),
        document: draft.document,
        origin: None,
        folds: Vec::new(),
    };
    let mut created = publish(context, parent.as_ref(), &request, &words)?;
    // A draft that was edited meanwhile is kept.
    let file = dir.join(&draft.path);
    if !context.dry_run && tree.read(&file).is_ok_and(|now| now == draft.file.text) {
        let removal = command!["rm", file.display()];
        created.aside.after_swap(
            tree.remove(&file),
            "the task is created, but its draft could not be removed",
            [removal],
        )?;
    }
    Ok(created)
}

/// Creates a published task: its id and its file in one swap, so that no id is lost when the push fails. `words`
/// identify this command among those of other tasks.
fn publish(context: &Context, parent: Option<&Wanted>, request: &NewRequest, words: &str) -> Result<Created> {
    let data = context.data_branch()?.clone();
    let ids_branch = Ledger::ids_branch()?;
    let branches = if parent.is_some() { vec![data.clone()] } else { vec![ids_branch.clone(), data.clone()] };
    let (repository, mark) = (&context.repository, nonce()?);
    let earlier = CreationRecord::cut_off(repository, words);
    let (mut claimed, mut found) = (None, false);
    let outcome = context.ledger().transact(&mark, &branches, |view| {
        let index = Index::load(view, &data)?;
        let active: Vec<_> = index.active_ids().collect();
        let reached = new_record::furthest(&earlier, repository, view, &data, &ids_branch)?;
        if let Some(path) = index.made(&reached) {
            let document = index.load_document(view, path.as_str())?;
            found = true;
            let task = Task::from_document(path.clone(), &document);
            let sibling = waited_for_sibling(&task, request, &index);
            return Ok(Decision::NoChange((task, active, sibling)));
        }
        let mut plan = Plan::new();
        let parent = parent.map(|wanted| index.require_active(wanted)).transpose()?;
        let place = if let Some(parent) = parent.map(TaskPath::id) {
            TaskPosition::Below { parent, number: index.next_child(parent), file: None }
        } else if let Some(id) = claimed.filter(|_| view.landed.contains(&ids_branch)) {
            // On a server without atomic pushes, the counter was published in the step before.
            TaskPosition::Top(id)
        } else if let (CreationProgress::Id(id), true) = (&reached, index.is_unused(&reached)) {
            claimed = Some(id.number());
            TaskPosition::Top(id.number())
        } else {
            let id = ids::next(view, &ids_branch, |counter| index.highest_from(view, counter))?;
            claimed = Some(id);
            plan = ids::claim(plan, &ids_branch, id);
            TaskPosition::Top(id)
        };
        let seen = load_published_view(view, &index, parent, place, request)?;
        let made = decide(DataLocation::Published, seen, request, &Context::now())?;
        if !context.dry_run {
            CreationRecord::new(repository, words, &mark, made.id, made.path.as_str()).save(repository)?;
        }
        let task = Task::from_document(made.path, &made.document);
        let sibling = waited_for_sibling(&task, request, &index);
        Ok(Decision::Publish(plan.step(&data, Step::edit(made.subject, made.edits)), (task, active, sibling)))
    });
    // After an unknown outcome the record is kept, so that the same command finds the task.
    let in_doubt = match &outcome {
        Ok(landed) => landed.looked_up,
        Err(error) => error.kind() == Kind::Unknown,
    };
    if !in_doubt {
        CreationRecord::forget(repository, &mark);
    }
    let landed = outcome?;
    let mut aside = Notices::of(context, &landed);
    // The branches have moved since, so an earlier push that was not answered can no longer succeed.
    for record in earlier.iter().filter(|_| !context.dry_run) {
        CreationRecord::forget(repository, record.nonce());
    }
    if found {
        aside.notes.push("an earlier run of this command created this task".to_owned());
    }

    let (task, active, waits_for_sibling) = landed.value;
    aside.notes.extend(waits_for_sibling.map(|sibling| {
        format!("it waits for {sibling}, the child before it; --no-sibling-dep makes one that does not")
    }));
    let around = Surroundings::new(context, active);
    let task = if found {
        around.describe(&task, around.known_lock(task.id).as_ref())
    } else {
        around.describe_at(&task, None, None)
    };
    Ok(Created { task: Some(task), draft: None, waits_for_sibling, aside })
}

/// The open child before a task, which it depends on without a word of the request.
fn waited_for_sibling(task: &Task, request: &NewRequest, index: &Index) -> Option<TaskId> {
    let before = TaskId::child(task.id.number(), task.id.child_number()?.checked_sub(1)?);
    let depends = task.depends.iter().any(|entry| entry.id() == Some(before)) && !request.depends.contains(&before);
    index.active(before).filter(|_| depends).map(TaskPath::id)
}

/// Reads what creating a published task needs. One process at most.
fn load_published_view(
    view: &View<'_>,
    index: &Index,
    parent: Option<&TaskPath>,
    mut place: TaskPosition,
    request: &NewRequest,
) -> Result<NewView> {
    let types = request.issue_type.as_ref().map(|_| paths::TASK_TYPES_FILE);
    let labels = Some(paths::LABELS_FILE).filter(|_| !request.document.list("labels").is_empty());
    let wanted = [types, labels, labels.map(|_| paths::METADATA_DIR), parent.map(TaskPath::as_str)];
    let found = wanted.into_iter().flatten().map(|path| (index.branch(), path.to_owned()));
    let found = view.read(&found.collect::<Vec<_>>())?;
    let vocabulary = Vocabulary::of(&found, index.branch())?;
    if let (TaskPosition::Below { file, .. }, Some(parent)) = (&mut place, parent) {
        let path = parent.as_str().to_owned();
        let document = index.document(&found, &path)?;
        *file = Some(LoadedFile { path, document });
    }
    let others = OtherTasks::load(view, index, &NewWaits::on(&request.depends))?;
    Ok(NewView { place, vocabulary, emails: String::new(), others, folded: Vec::new() })
}

/// How a new task of a checkout gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// This number, which was claimed from the counter.
    Claimed(u64),
    /// The next number among the children of this task.
    ChildOf(TaskId),
}

/// The outcome: a task that was created in a checkout.
#[derive(Debug, Clone)]
pub(crate) struct CreatedHere {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) path: String,
    /// The output of `git commit`.
    pub(crate) said: Vec<u8>,
    /// Labels that were added to the vocabulary.
    pub(crate) labels: Vec<String>,
    /// The parent's file, where it was changed, too.
    pub(crate) parent: Option<String>,
    /// The tasks that were folded into it.
    pub(crate) folded: Vec<TaskId>,
}

/// Creates a task in a checkout and commits it there. Nothing is published.
///
/// # Errors
/// [`Kind::NoSuchTask`] without an active parent, and those of the commit.
pub(crate) fn new_here(files: &TaskFiles<'_>, number: Number, request: &NewRequest) -> Result<CreatedHere> {
    let _queue = files.hold()?;
    make_here(files, request, &[], |snapshot| match number {
        Number::Claimed(number) => Ok(TaskPosition::Top(number)),
        Number::ChildOf(parent) => {
            let file = LoadedFile::here(files, snapshot, &parent.to_string())?.ok_or_else(|| no_parent(parent))?;
            Ok(TaskPosition::Below { parent, number: files.next_child(parent)?, file: Some(file) })
        }
    })
}

/// The refusal for a parent that does not exist.
pub(crate) fn no_parent(parent: impl std::fmt::Display) -> Error {
    Error::new(Kind::NoSuchTask, format!("Parent task t{parent} not found"))
}

/// Completes an interrupted creation in a checkout: commits the task file, if it is not committed yet. `None` where no
/// file was written.
///
/// # Errors
/// Those of the commit.
pub(crate) fn resume_here(files: &TaskFiles<'_>, request: &NewRequest) -> Result<Option<CreatedHere>> {
    let Some(origin) = request.origin.as_ref().filter(|origin| origin.begun(files).is_some()) else { return Ok(None) };
    let _queue = files.hold()?;
    // Another process may have continued it meanwhile.
    let Some(filing) = origin.begun(files) else { return Ok(None) };
    let Some(id) = paths::loose_id(&filing.path) else { return Ok(None) };
    origin.adopt(files, id, &filing)?;
    if !files.read(&filing.path).is_ok_and(|there| there == filing.filed) {
        let (said, labels, parent, folded) = (Vec::new(), Vec::new(), None, Vec::new());
        let created = CreatedHere { id, path: filing.path.clone(), said, labels, parent, folded };
        return Ok(filing.is_committed(files).then_some(created));
    }
    let document = Document::parse(&filing.filed);
    let folds = fold::folded_ids(&document);
    let request = NewRequest { document, sibling: Sibling::Free, folds, ..request.clone() };
    // The earlier run may have added words to these lists and not committed them.
    let lists = [(paths::LABELS_FILE, "labels"), (paths::EMAILS_FILE, "assigned_to")].into_iter();
    let names_words = |key: &str| request.document.scalar(key).is_some_and(|value| !["", "[]"].contains(&value));
    let lists = lists.filter(|(list, key)| names_words(key) && files.path(list).exists());
    let lists: Vec<_> = lists.map(|(list, _)| list).collect();
    let created = make_here(files, &request, &lists, |snapshot| {
        // The snapshot must contain the file, since the transaction compares with it.
        snapshot.document(&filing.path)?;
        let Some((parent, number)) = id.parent().zip(id.child_number()) else {
            return Ok(TaskPosition::Top(id.number()));
        };
        Ok(TaskPosition::Below { parent, number, file: LoadedFile::here(files, snapshot, &parent.to_string())? })
    });
    created.map(Some)
}

/// Creates a task at the position that `place` determines. `lists` are committed with it, whoever changed them.
fn make_here(
    files: &TaskFiles<'_>,
    request: &NewRequest,
    lists: &[&str],
    place: impl Fn(&mut FilesAsRead<'_>) -> Result<TaskPosition>,
) -> Result<CreatedHere> {
    let PlannedWrites { edits, value: made } = files.transact(|snapshot| {
        let place = place(snapshot)?;
        let vocabulary = Vocabulary { types: Vec::new(), labels: snapshot.text(paths::LABELS_FILE)? };
        let folded = fold::load(files, snapshot, &request.folds, &request.document)?;
        let seen = NewView {
            place,
            vocabulary,
            emails: snapshot.text(paths::EMAILS_FILE)?,
            others: OtherTasks::default(),
            folded,
        };
        let mut made = decide(DataLocation::Checkout, seen, request, &Context::now())?;
        if let Some(origin) = &request.origin {
            origin.save(files, made.id, made.path.as_str(), made.document.to_bytes())?;
        }
        Ok(PlannedWrites { edits: std::mem::take(&mut made.edits), value: made })
    })?;
    let NewDecision { id, path, subject, parent, labels, folded, .. } = made;
    let mut edits = without_renamed(files, &path, edits)?;
    edits.extend(lists.iter().map(|list| Edit::Put { path: (*list).to_owned(), content: Vec::new() }));
    let said = files.commit(&subject, &edits)?.unwrap_or_default();
    Ok(CreatedHere { id, path: path.as_str().to_owned(), said, labels, parent, folded })
}

/// The edits without those of other tasks whose rename is not committed: they stay uncommitted with that rename.
fn without_renamed(files: &TaskFiles<'_>, own: &TaskPath, edits: Vec<Edit>) -> Result<Vec<Edit>> {
    let Some(context) = files.context else { return Ok(edits) };
    let mut kept = Vec::new();
    for edit in edits {
        let other = match &edit {
            Edit::Put { path, .. } if path != own.as_str() => TaskPath::parse(path),
            _ => None,
        };
        let rename = other.map(|other| UncommittedRename::of_file(&context.repository, &files.data_dir(), &other));
        if rename.transpose()?.flatten().is_none() {
            kept.push(edit);
        }
    }
    Ok(kept)
}

fn draft(context: &Context, options: &NewOptions, mut task: NewTask) -> Result<Created> {
    task.draft = true;
    task.parent = options.parent.as_ref().map(|wanted| wanted.id);
    let (slug, mut aside) = (options.title.slug(), Notices::default());
    let document = task.document(&Context::now())?;
    let path = if context.dry_run {
        aside.dry_run = Some(DryRun::default());
        drafts::new_path(&slug)
    } else {
        crate::files::exclude(&context.repository.common_dir, &format!("/{}/", paths::DRAFTS_DIR))?;
        drafts::save(&context.tree(), &context.data_dir(), &slug, &document)?
    };
    Ok(Created { task: None, draft: Some(path), waits_for_sibling: None, aside })
}

/// The text of a new task. Its heading has the title, since the file name keeps only the letters and digits of that.
fn body(title: &Title, text: &str) -> String {
    let text = text.trim_end_matches('\n');
    if text.trim().is_empty() { format!("# {}", title.as_str()) } else { format!("# {}\n\n{text}", title.as_str()) }
}
