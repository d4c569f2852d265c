//! Making a task: its id and its file in one swap, so that no id is burnt.

use crate::coordination::ids;
use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::{Decision, Ledger, Plan, nonce};
use crate::ops::new_record::{self, Making};
use crate::ops::vocabulary::{clean_labels, issue_type, vocabulary};
use crate::project::context::{Context, Wanted};
use crate::project::index::{Index, Reached};
use crate::project::outcome::{Aside, DryRun, TaskInfo};
use crate::task::{Document, Level, NewTask, Reference, Scan, Task, TaskId, TaskName, TaskPath, Title, edits, paths};
use serde::Serialize;

/// What the task is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its title.
    pub title: Title,
    /// Its text.
    pub text: String,
    /// Its priority.
    pub priority: Level,
    /// Its effort.
    pub effort: Level,
    /// Its issue type; `None`: `feature`.
    pub issue_type: Option<String>,
    /// Its labels, as typed.
    pub labels: Vec<String>,
    /// What it waits for.
    pub depends: Vec<TaskId>,
    /// The task it is a part of.
    pub parent: Option<Wanted>,
    /// Only a draft in this clone: no id, no commit, no network.
    pub draft: bool,
}

/// A task made.
#[derive(Debug, Clone, Serialize)]
pub struct Created {
    /// The task; absent for a draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskInfo>,
    /// The draft's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// Makes a task, or a draft of one.
pub fn new(context: &Context, options: &Options) -> Result<Created> {
    let (clean, dropped) = clean_labels(&options.labels);
    if !dropped.is_empty() {
        return Err(Error::new(Kind::Usage, format!("no label can be made of {:?}", dropped.join(", ")))
            .advice("use letters, digits, _ and -"));
    }
    let mut task = NewTask {
        priority: options.priority,
        effort: options.effort,
        depends: options.depends.iter().map(|id| Reference::from(*id)).collect(),
        labels: clean,
        body: body(&options.title, &options.text),
        ..NewTask::default()
    };
    if options.draft {
        task.issue_type = options.issue_type.clone().unwrap_or(task.issue_type);
        return draft(context, options, task);
    }
    publish(context, options, &task, None)
}

/// Makes a task in the user's editor, with what is known of it filled in. When it cannot be published it stays as a draft.
pub fn new_by_hand(context: &Context, options: &Options, title: &str) -> Result<Created> {
    let saved = crate::ops::edit::new_by_hand(context, options, title)?;
    let made = new(context, &saved.value).map_err(|error| {
        // What may have landed must not become a second task.
        let draft = (!saved.value.draft && !context.dry_run && error.kind() != Kind::Unknown)
            .then(|| new(context, &Options { draft: true, ..saved.value.clone() }).ok()?.draft);
        match draft.flatten() {
            Some(draft) => {
                saved.discard();
                error.hint(command!["git aitask new --publish", draft].note("your text is kept there"))
            }
            None => saved.kept(error),
        }
    })?;
    saved.discard();
    Ok(made)
}

/// Makes a task of a draft; the draft goes once the task is published.
pub fn publish_draft(context: &Context, draft: &str) -> Result<Created> {
    let name = draft.rsplit('/').next().unwrap_or(draft);
    let path = format!("{}/{name}", paths::DRAFTS_DIR);
    let file = context.data_dir().join(&path);
    let found = if paths::is_draft(&path) { context.tree().load(&file)? } else { None };
    let bytes = found.ok_or_else(|| {
        Error::new(Kind::NoSuchTask, format!("there is no draft {name:?} in {}", paths::DRAFTS_DIR))
            .hint(command!["ls", context.data_dir().join(paths::DRAFTS_DIR).display()])
    })?;
    let document = Document::parse(&bytes);
    let title = paths::draft_slug(&path).map_or_else(|| "unnamed task".to_owned(), |slug| slug.humanised());
    let task = NewTask::default();
    let options = Options {
        title: Title::parse(&title)?,
        text: String::new(),
        priority: task.priority,
        effort: task.effort,
        issue_type: document.scalar("issue_type").filter(|kind| !kind.is_empty()).map(str::to_owned),
        labels: document.list("labels"),
        depends: Vec::new(),
        parent: document.scalar("parent").map(Wanted::parse).transpose()?,
        draft: false,
    };
    let created = publish(context, &options, &task, Some(&document))?;
    // What was written into it while it was on its way stays.
    if !context.dry_run && context.tree().read(&file).is_ok_and(|now| now == bytes) {
        context.tree().remove(&file)?;
    }
    Ok(created)
}

fn publish(context: &Context, options: &Options, task: &NewTask, draft: Option<&Document>) -> Result<Created> {
    let data = context.data_branch()?.clone();
    let ids_branch = Ledger::ids_branch()?;
    let branches = if options.parent.is_some() { vec![data.clone()] } else { vec![ids_branch.clone(), data.clone()] };
    let (repository, mark) = (&context.repository, nonce()?);
    let request =
        format!("{options:?} {}", String::from_utf8_lossy(&draft.map(Document::to_bytes).unwrap_or_default()));
    let earlier = Making::cut_off(repository, &request);
    let (mut claimed, mut found) = (None, false);
    let outcome = context.ledger().transact(&mark, &branches, |view| {
        let index = Index::load(view, &data)?;
        let reached = new_record::furthest(&earlier, repository, view, (&data, &ids_branch))?;
        if let Some(path) = index.made(&reached) {
            let document = index.load_document(view, path.as_str())?;
            found = true;
            return Ok(Decision::Nothing(Task::from_document(path.clone(), &document)));
        }
        let mut plan = Plan::new();
        let mut task = task.clone();
        task.issue_type = issue_type(view, &data, options.issue_type.as_deref())?;
        let id = if let Some(wanted) = &options.parent {
            let parent = index.require_active(wanted)?.id();
            if parent.is_child() {
                return Err(Error::new(Kind::Usage, format!("{} is a child itself", parent.t()))
                    .advice("a child has no children"));
            }
            TaskId::child(parent.number(), index.next_child(parent))
        } else if let Some(id) = claimed.filter(|_| view.landed.contains(&ids_branch)) {
            // On a server that takes one branch at a time the counter has moved for us already.
            TaskId::top(id)
        } else if let (Reached::Id(id), true) = (&reached, index.is_unused(&reached)) {
            claimed = Some(id.number());
            *id
        } else {
            let id = ids::next(view, &ids_branch, index.max_number(Scan::Active))?;
            claimed = Some(id);
            plan = ids::claim(plan, &ids_branch, id);
            TaskId::top(id)
        };
        // What is in a bundle is not known by name, but no number is higher than all.
        let highest = index.max_number(Scan::Full);
        for wanted in &options.depends {
            if wanted.number() > highest {
                let message = format!("there is no task {} to depend on", wanted.t());
                return Err(Error::new(Kind::NoSuchTask, message).hint("git aitask list"));
            }
        }
        let name = TaskName::new(id, options.title.slug());
        let path = TaskPath::new(name);
        let now = Context::now();
        let mut changes = Vec::new();
        let mut subject = format!("ait: Add task {}: {}", id.t(), path.name().slug().humanised());
        if let Some(parent) = id.parent().and_then(|id| index.active(id)) {
            let mut document = index.load_document(view, parent.as_str())?;
            if let Some(before) = id.child_number().filter(|n| *n > 1) {
                task.depends.insert(0, TaskId::child(id.number(), before - 1).into());
            }
            task.anchor = document.scalar("anchor").and_then(TaskId::recognise).or(Some(parent.id()));
            edits::add_child(&mut document, id, &now)?;
            changes.push(Edit::Put { path: parent.as_str().to_owned(), content: document.to_bytes() });
            subject = format!("ait: Add child task {}: {}", id.t(), path.name().slug().humanised());
        }
        let document = match draft {
            None => task.document(&now)?,
            Some(draft) => {
                let mut document = draft.clone();
                document.remove("draft");
                document.remove("parent");
                if let Some(anchor) = task.anchor.filter(|_| !document.contains("anchor")) {
                    document.set("anchor", &anchor.to_string())?;
                }
                document
            }
        };
        changes.push(Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() });
        changes.extend(vocabulary(view, &data, &options.labels)?);
        if !context.dry_run {
            Making::new(repository, &request, &mark, id, path.as_str()).save(repository)?;
        }
        let made = Task::from_document(path, &document);
        Ok(Decision::Swap(plan.step(&data, Step::edit(subject, changes)), made))
    });
    // What may have landed is to be found by the same command, also by one that was sent off when no answer came.
    let in_doubt = match &outcome {
        Ok(landed) => landed.looked_up,
        Err(error) => error.kind() == Kind::Unknown,
    };
    if !in_doubt {
        Making::forget(repository, &mark);
    }
    let landed = outcome?;
    let mut aside = Aside::of(context, &landed);
    // The branches have moved on from where those could have landed.
    for making in earlier.iter().filter(|_| !context.dry_run) {
        Making::forget(repository, making.nonce());
    }
    if found {
        aside.notes.push("an earlier run of this command created this task".to_owned());
    }
    Ok(Created { task: Some(TaskInfo::from(&landed.value)), draft: None, aside })
}

fn draft(context: &Context, options: &Options, mut task: NewTask) -> Result<Created> {
    task.draft = true;
    task.parent = options.parent.as_ref().map(|wanted| wanted.id);
    let stamp = jiff::ZonedDateTime::now().strftime("%Y%m%d_%H%M").to_string();
    let bytes = task.document(&Context::now())?.to_bytes();
    let dir = context.data_dir().join(paths::DRAFTS_DIR);
    let path = paths::draft_path(&stamp, &options.title.slug());
    if context.dry_run {
        return Ok(Created {
            task: None,
            draft: Some(path),
            aside: Aside { dry_run: Some(DryRun::default()), ..Aside::default() },
        });
    }
    crate::files::exclude(&context.repository.common_dir, &format!("/{}/", paths::DRAFTS_DIR))?;
    let name = path.rsplit('/').next().unwrap_or(&path);
    let name = context.tree().create_beside(&dir, name, &bytes)?;
    let path = format!("{}/{name}", paths::DRAFTS_DIR);
    Ok(Created { task: None, draft: Some(path), aside: Aside::default() })
}

/// The title is the heading, since the file's name keeps only its letters and digits.
fn body(title: &Title, text: &str) -> String {
    let text = text.trim_end_matches('\n');
    if text.trim().is_empty() { format!("# {}", title.as_str()) } else { format!("# {}\n\n{text}", title.as_str()) }
}
