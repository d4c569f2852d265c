//! Changing the fields and the text of a task, published, on its newest content.

use crate::coordination::ReadLocks;
use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::{Decision, Plan, View, nonce};
use crate::ops::vocabulary::{issue_types, vocabulary, words};
use crate::project::context::{Context, Wanted};
use crate::project::editor;
use crate::project::holder::require_holder;
use crate::project::index::{Index, branches};
use crate::project::outcome::{Aside, TaskInfo};
use crate::task::change::{self, Change};
use crate::task::sheet::{self, Words};
use crate::task::{Document, Task, TaskPath, Title, edits, overlay};
use serde::Serialize;

/// A task that was changed.
#[derive(Debug, Clone, Serialize)]
pub struct Edited {
    /// The task.
    pub task: TaskInfo,
    /// Whether anything changed.
    pub changed: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// Makes these changes; `title` replaces the heading. They are checked against the task as it then is.
pub fn change(context: &Context, wanted: &Wanted, changes: &[Change], title: Option<&Title>) -> Result<Edited> {
    publish(context, wanted, &|newest| {
        let mut document = newest.clone();
        change::apply(&mut document, changes)?;
        if let Some(title) = title {
            let body = with_title(document.body(), title);
            document.set_body(&body);
        }
        Ok(document)
    })
}

/// Lets the user change the task in an editor. `None` when it was left as it was.
pub fn by_hand(context: &Context, wanted: &Wanted) -> Result<Option<Edited>> {
    let data = context.data_branch()?.clone();
    let ledger = context.ledger();
    let view = ledger.view(std::slice::from_ref(&data), true)?;
    let index = Index::load(&view, &data)?;
    let path = index.require_active(wanted)?;
    let base = index.load_document(&view, path.as_str())?;
    let words = words(&view, context)?;
    let head = vec![format!("{} ({}). Nothing changes if you leave this as it is.", path.id().t(), path.as_str())];
    let text = sheet::with_help(&base, &[head, sheet::help(&words)].concat());
    let environment = context.repository.git().environment();
    let check = |document: &Document| sheet::check(document, &words.types).map(|()| document.clone());
    let Some(saved) = editor::edit(environment, Some(&context.repository), &text, check)? else { return Ok(None) };
    let published = publish(context, &path.id().into(), &|newest| overlay::overlay(&base, &saved.value, newest));
    match published {
        Ok(edited) => {
            saved.discard();
            Ok(Some(edited))
        }
        Err(error) => Err(saved.kept(error)),
    }
}

/// What of a task says who works on it: whoever changes that of a task that is held must hold it.
const OF_HOLDER: [&str; 2] = ["status", "assigned_to"];

fn publish(context: &Context, wanted: &Wanted, make: &dyn Fn(&Document) -> Result<Document>) -> Result<Edited> {
    let mut read = Locks::NotRead;
    loop {
        match publish_with(context, wanted, make, read)? {
            Attempt::Edited(edited) => return Ok(*edited),
            Attempt::GoesByLocks => read = Locks::Read,
        }
    }
}

/// Whether an edit goes by the locks, too. Most do not: every claim of anybody moves them, and an edit that reads them
/// has to be decided again each time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locks {
    NotRead,
    Read,
}

/// What a look at the task came to.
enum Attempt {
    /// It is as it was to be.
    Edited(Box<Edited>),
    /// The change is one that goes by the locks, and they were not read.
    GoesByLocks,
}

fn publish_with(
    context: &Context,
    wanted: &Wanted,
    make: &dyn Fn(&Document) -> Result<Document>,
    read: Locks,
) -> Result<Attempt> {
    let (locks_branch, data) = branches(context)?;
    let mut all = vec![data.clone()];
    all.extend((read == Locks::Read).then(|| locks_branch.clone()));
    let landed = context.ledger().transact(&nonce()?, &all, |view| {
        let index = Index::load(view, &data)?;
        let path = index.require_active(wanted)?.clone();
        let before = index.load_document(view, path.as_str())?;
        let mut after = make(&before)?;
        let goes_by_locks = OF_HOLDER.iter().any(|key| after.scalar_last(key) != before.scalar_last(key));
        if goes_by_locks && read == Locks::NotRead {
            return Ok(Decision::Nothing(None));
        }
        if after == before {
            return Ok(Decision::Nothing(Some((Task::from_document(path, &before), false))));
        }
        // What was wrong before does not stop a change of something else.
        let types = issue_types(view, &data)?;
        let checked =
            if sheet::check(&before, &types).is_ok() { sheet::check(&after, &types) } else { change::check(&after) };
        checked?;
        let now = Context::now();
        after.set("updated_at", &now)?;
        let mut changes = vec![Edit::Put { path: path.as_str().to_owned(), content: after.to_bytes() }];
        let old = before.list_last("labels");
        let new: Vec<_> = after.list_last("labels").into_iter().filter(|label| !old.contains(label)).collect();
        changes.extend(vocabulary(view, &data, &new)?);
        if change::is_done(&after) && !change::is_done(&before) {
            changes.extend(leave_parent(&index, view, &path, &now)?);
        }
        let id = path.id();
        if goes_by_locks && let Some(lock) = view.lock(id)? {
            require_holder(context, &context.session()?, id, Some(&lock))?;
        }
        let subject = format!("ait: Update task {}: {}", id.t(), path.name().slug().humanised());
        let task = Task::from_document(path, &after);
        let plan = Plan::new().step(&data, Step::edit(subject, changes));
        let is_set_up = view.base(&locks_branch).is_some();
        let plan = if goes_by_locks && is_set_up { plan.fenced(&locks_branch, id) } else { plan };
        Ok(Decision::Swap(plan, Some((task, true))))
    })?;
    let Some((task, changed)) = &landed.value else { return Ok(Attempt::GoesByLocks) };
    let (task, changed, aside) = (TaskInfo::from(task), *changed, Aside::of(context, &landed));
    Ok(Attempt::Edited(Box::new(Edited { task, changed, aside })))
}

/// A child that is done leaves its parent's list (specification 20, section 7.6).
fn leave_parent(index: &Index, view: &View<'_>, path: &TaskPath, now: &str) -> Result<Option<Edit>> {
    let Some(parent) = path.id().parent().and_then(|parent| index.active(parent)) else { return Ok(None) };
    let mut document = index.load_document(view, parent.as_str())?;
    let changed = edits::remove_child(&mut document, path.id(), now)?;
    Ok(changed.then(|| Edit::Put { path: parent.as_str().to_owned(), content: document.to_bytes() }))
}

/// The text with another heading. The file keeps its name, after which the task's branch and worktree are called.
fn with_title(body: &[u8], title: &Title) -> Vec<u8> {
    let line = format!("# {}\n", title.as_str()).into_bytes();
    let end = body.iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| end + 1);
    if body.starts_with(b"# ") { [line.as_slice(), &body[end..]].concat() } else { [&line, &b"\n"[..], body].concat() }
}

/// The sheet of a new task, filled in and read: what `new` is to make of it.
///
/// # Errors
/// Those of [`editor::edit`]; [`Kind::Usage`] when it was left as it was.
pub fn new_by_hand(
    context: &Context,
    options: &crate::ops::new::Options,
    title: &str,
) -> Result<editor::Saved<crate::ops::new::Options>> {
    let data = context.data_branch()?.clone();
    let ledger = context.ledger();
    let words = match ledger.view(std::slice::from_ref(&data), false) {
        Ok(view) => words(&view, context)?,
        Err(_) => Words::default(),
    };
    let mut document = Document::parse(b"---\n---\n\n");
    let parent = options.parent.as_ref().map(|parent| parent.id.to_string()).unwrap_or_default();
    let depends: Vec<_> = options.depends.iter().map(|id| id.in_list()).collect();
    let fields = [
        ("title", title.to_owned()),
        ("priority", options.priority.to_string()),
        ("effort", options.effort.to_string()),
        ("issue_type", options.issue_type.clone().unwrap_or_else(|| "feature".to_owned())),
        ("labels", format!("[{}]", options.labels.join(", "))),
        ("depends", format!("[{}]", depends.join(", "))),
        ("parent", parent),
    ];
    for (key, value) in &fields {
        document.append(key, value)?;
    }
    document.set_body(options.text.as_bytes());
    let mut help = vec!["A new task. Without a title nothing is made.".to_owned()];
    help.extend(sheet::help(&words).into_iter().filter(|line| !line.starts_with("status")));
    let read = |document: &Document| {
        if let Some(key) = document.keys().find(|key| !fields.iter().any(|(known, _)| known == key)) {
            return Err(sheet::wrong(key, format!("{key} is no field of a new task")));
        }
        sheet::check(document, &words.types)?;
        let not_text = |_| Error::new(Kind::Usage, "the text is not UTF-8");
        let text = String::from_utf8(document.body().to_vec()).map_err(not_text)?;
        let value = |key: &str| document.scalar_last(key).unwrap_or_default();
        let of = |key: &'static str| move |error: Error| sheet::wrong(key, error.to_string());
        Ok(crate::ops::new::Options {
            title: Title::parse(value("title")).map_err(of("title"))?,
            text,
            priority: crate::task::Level::parse(value("priority")).map_err(of("priority"))?,
            effort: crate::task::Level::parse(value("effort")).map_err(of("effort"))?,
            issue_type: Some(value("issue_type").to_owned()).filter(|text| !text.is_empty()),
            labels: document.list_last("labels"),
            depends: document.list_last("depends").iter().filter_map(|id| crate::task::TaskId::recognise(id)).collect(),
            parent: Some(value("parent"))
                .filter(|text| !text.is_empty())
                .map(Wanted::parse)
                .transpose()
                .map_err(of("parent"))?,
            draft: options.draft,
        })
    };
    let text = sheet::with_help(&document, &help);
    let environment = context.repository.git().environment();
    editor::edit(environment, Some(&context.repository), &text, read)?
        .ok_or_else(|| Error::new(Kind::Usage, "nothing was written, so no task is made"))
}
