//! Create and update without `--batch`: the user edits the task in an editor. Questions are asked on a terminal only;
//! the original needs `fzf` for them, this program does not.

use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::options::usage;
use crate::compat::projects;
use crate::compat::tasks::checks::check_kind;
use crate::compat::tasks::creation::TaskCreation;
use crate::compat::tasks::fold::{all_active, name_in};
use crate::compat::tasks::output::{Volume, print_update};
use crate::compat::tasks::{anchors, last_used, new_file};
use crate::error::{Error, Result};
use crate::ops::drafts;
use crate::ops::edit::{self, CommitTime, EditRequest, EditorEdit};
use crate::ops::vocabulary::register_labels;
use crate::project::Context;
use crate::project::editor::{self, Saved, Unchanged};
use crate::project::task_files::TaskFiles;
use crate::task::editor_template::{self, FieldChoices};
use crate::task::{Document, Slug, TaskId, labels, paths, three_way_apply};

fn words(checkout: &TaskFiles<'_>) -> FieldChoices {
    let text = checkout.read(paths::LABELS_FILE).unwrap_or_default();
    FieldChoices::new(checkout.issue_types(), &String::from_utf8_lossy(&text))
}

fn open_editor<T>(
    invocation: &Invocation,
    context: Option<&Context>,
    text: &[u8],
    read: impl FnMut(&Document) -> Result<T>,
) -> Result<Saved<T>> {
    let repository = context.map(|context| &*context.repository);
    let saved = editor::edit(&invocation.environment, repository, text, Unchanged::GivesUp, read)?;
    saved.ok_or_else(|| usage("Nothing was changed in the editor".to_owned()))
}

/// Creates a draft in the editor, and on request finalizes it. The draft is written first, so that the text is kept
/// if the id counter cannot be reached.
pub(crate) fn create(invocation: &Invocation) -> Result<u8> {
    let context = invocation.open()?;
    let checkout = invocation.checkout(context.as_ref());
    checkout.require_home()?;
    let creation = TaskCreation { invocation, checkout: &checkout, silent: false, auto_merge: false };
    if offer_drafts(invocation, &creation)? {
        return Ok(0);
    }
    let text = template(invocation, &checkout)?;
    let known: Vec<_> = editor_template::read(&text)?.keys().map(str::to_owned).collect();
    let types = words(&checkout).types;
    let saved = open_editor(invocation, context.as_ref(), &text, |document| {
        if let Some(key) = document.keys().find(|key| !known.iter().any(|known| known == key)) {
            return Err(editor_template::wrong(key, format!("a new task has no field {key}")));
        }
        editor_template::check(document, &types)?;
        draft_from(invocation, &checkout, document)
    })?;
    let (slug, document) = &saved.value;
    let path = drafts::save(&checkout.tree(), &checkout.root, slug, document).map_err(|error| saved.kept(error))?;
    saved.discard();
    let used = document.list("labels");
    let new = register_labels(&checkout, &used)?;
    if !new.is_empty() {
        invocation.console.stderr_info(&format!("Added to label vocabulary: {}", new.join(",")));
    }
    last_used::save(&invocation.tasks(), &used)?;
    let answer = invocation.console.ask("Finalize it now, with an id and a commit? [Y/n] ");
    if answer.is_some_and(|answer| !answer.starts_with(['n', 'N'])) {
        creation.finalize(&new_file::load_draft(&checkout, &path)?).inspect_err(|_| {
            invocation.console.warn(&format!("the text is kept as the draft {path}"));
        })?;
    } else {
        invocation.console.line(&format!("Created: {path}"));
    }
    Ok(0)
}

/// The editor template of a new task.
fn template(invocation: &Invocation, checkout: &TaskFiles<'_>) -> Result<Vec<u8>> {
    let mut document = Document::parse(b"---\n---\n\n");
    for (key, value) in [
        ("title", ""),
        ("priority", "medium"),
        ("effort", "medium"),
        ("issue_type", "feature"),
        ("status", "Ready"),
        ("labels", "[]"),
        ("depends", "[]"),
        ("parent", ""),
        ("xdeps", "[]"),
        ("xdeprepo", ""),
        ("file_references", "[]"),
    ] {
        document.append(key, value)?;
    }
    let mut help =
        vec!["A new task. Give it a title, and a description below. Without a change no task is created.".to_owned()];
    help.extend(editor_template::help(&words(checkout)));
    let used = last_used::load(&invocation.tasks());
    if !used.is_empty() {
        help.push(format!("last used labels: [{}]", used.join(", ")));
    }
    help.push("parent: the parent task; xdeps, xdeprepo: dependencies on tasks of another project".to_owned());
    Ok(editor_template::with_help(&document, &help))
}

/// The draft from the edited template.
fn draft_from(invocation: &Invocation, checkout: &TaskFiles<'_>, written: &Document) -> Result<(Slug, Document)> {
    let text = |key: &str| written.scalar_last(key).unwrap_or_default();
    let of = |key: &'static str| move |error: Error| editor_template::wrong(key, error.to_string());
    if text("title").is_empty() {
        return Err(editor_template::wrong("title", "the title is missing"));
    }
    if written.body().is_empty() {
        return Err(editor_template::wrong("text", "the description is missing; write it below the closing `---`"));
    }
    if text("status") == "Done" || text("status") == "Folded" {
        return Err(editor_template::wrong("status", "a new task is Ready, Editing, Implementing or Postponed"));
    }
    projects::check_dependency(&invocation.environment, &written.list("xdeps"), text("xdeprepo"))
        .map_err(of("xdeprepo"))?;
    for reference in written.list("file_references") {
        crate::task::fields::check_file_reference(&reference).map_err(of("file_references"))?;
    }
    let mut document = Document::new(&Context::now())?;
    for key in ["priority", "effort", "issue_type", "status", "xdeprepo"] {
        if !text(key).is_empty() {
            document.set(key, text(key))?;
        }
    }
    document.set_list("labels", &labels::sanitise_list(&written.list("labels").join(",")).labels)?;
    document.set_list("depends", &written.list("depends"))?;
    for key in ["xdeps", "file_references"] {
        let items = written.list(key);
        if !items.is_empty() {
            document.set_list(key, &items)?;
        }
    }
    document.set("draft", "true")?;
    if !text("parent").is_empty() {
        let parent = text("parent").trim_start_matches('t');
        let id = TaskId::try_parse(parent).filter(|id| !id.is_child());
        let id =
            id.ok_or_else(|| editor_template::wrong("parent", "the parent must be the id of a task without a parent"))?;
        document.set("anchor", &anchors::inherited(checkout, id).map_err(of("parent"))?)?;
        document.set("parent", &id.to_string())?;
    }
    document.set_body(written.body());
    Ok((Slug::from_title(text("title")), document))
}

/// Offers to finalize, edit or delete an existing draft first. Returns whether the user did so, and no new task is
/// wanted.
fn offer_drafts(invocation: &Invocation, creation: &TaskCreation<'_>) -> Result<bool> {
    let drafts = new_file::all_drafts(creation.checkout);
    if drafts.is_empty() {
        return Ok(false);
    }
    for (n, draft) in drafts.iter().enumerate() {
        invocation.console.stderr_line(&format!("{:>3}  {draft}", n + 1));
    }
    let question = "f N finalizes a draft, e N edits it, d N deletes it; Enter creates a new task: ";
    let answer = invocation.console.ask(question).unwrap_or_default();
    let mut parts = answer.split_whitespace();
    let (Some(what), Some(number)) = (parts.next(), parts.next()) else { return Ok(false) };
    let index = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let name = index.and_then(|n| drafts.get(n)).ok_or_else(|| usage(format!("there is no draft {number}")))?;
    let draft = new_file::load_draft(creation.checkout, name)?;
    match what {
        "f" => creation.finalize(&draft)?,
        "d" => {
            new_file::discard_draft(creation.checkout, &draft)?;
            invocation.console.line(&format!("Deleted: {}", draft.path));
        }
        "e" => {
            let path = draft.path.clone();
            // Nobody should have to wait for an editor.
            drop(draft);
            edit_file(invocation, creation.checkout, &path)?;
            invocation.console.line(&format!("Updated: {path}"));
        }
        _ => return Err(usage(format!("unknown answer {what} (expected f, e or d)"))),
    }
    Ok(true)
}

/// Lets the user edit a draft. Drafts are private to this clone, so no lock is needed; a change that another process
/// wrote meanwhile is merged.
fn edit_file(invocation: &Invocation, checkout: &TaskFiles<'_>, path: &str) -> Result<()> {
    let words = words(checkout);
    let base = Document::parse(&checkout.read(path)?);
    let text = editor_template::with_help(&base, &editor_template::help(&words));
    let check = |document: &Document| editor_template::check(document, &words.types).map(|()| document.clone());
    let saved = open_editor(invocation, checkout.context, &text, check)?;
    let merged = checkout.rewrite(path, |newest| three_way_apply::three_way_apply(&base, &saved.value, &newest));
    merged.map_err(|error| saved.kept(error))?;
    saved.discard();
    Ok(())
}

/// Changes a task of this checkout in the editor.
pub(crate) fn update(invocation: &Invocation, id: Option<&str>) -> Result<u8> {
    let context = invocation.open()?;
    let checkout = invocation.checkout(context.as_ref());
    let asked = id.is_none().then(|| ask_for_task(invocation, &checkout)).transpose()?;
    let id = id.or(asked.as_deref()).unwrap_or_default();
    let path = checkout.require_active(id)?;
    let words = words(&checkout);
    let base = Document::parse(&checkout.read(&path)?);
    let name = name_in(&path, id);
    let mut help =
        vec![format!("t{id} ({path})"), format!("To rename it, add a line `name: ...`; its name is {name}.")];
    help.extend(editor_template::help(&words));
    let check = |document: &Document| {
        editor_template::check(document, &words.types)?;
        let kind = document.scalar_last("followup_kind").filter(|kind| !kind.is_empty());
        kind.map_or(Ok(()), |kind| check_kind(invocation, kind))?;
        let name = document.scalar_last("name").filter(|name| !name.is_empty()).map(str::to_owned);
        let none = || editor_template::wrong("name", "the name has no letters or digits");
        let name = name.map(|name| Slug::derive(&name).ok_or_else(none)).transpose()?;
        let mut document = document.clone();
        document.remove("name");
        Ok((document, name))
    };
    let saved = open_editor(invocation, context.as_ref(), &editor_template::with_help(&base, &help), check)?;
    let (edited, name) = saved.value.clone();
    let answer = context.is_some().then(|| invocation.console.ask("Commit to git? [Y/n] ")).flatten();
    let commit = match answer {
        Some(answer) if !answer.starts_with(['n', 'N']) => CommitTime::Now,
        _ => CommitTime::Later,
    };
    let request = EditRequest { in_editor: Some(EditorEdit { base, edited }), name, ..EditRequest::default() };
    let updated = edit::edit_here(&checkout, id, &request, commit).map_err(|error| saved.kept(error))?;
    saved.discard();
    print_update(invocation, &updated, Volume::All);
    Ok(0)
}

/// Shows the tasks and asks for one of them.
fn ask_for_task(invocation: &Invocation, checkout: &TaskFiles<'_>) -> Result<String> {
    for (id, path) in all_active(&TaskFolders::new(&checkout.root).tasks) {
        invocation.console.stderr_line(&format!("{:>6}  {}", id.prefixed(), name_in(&path, id)));
    }
    let answer = invocation.console.ask("Which task? ").unwrap_or_default();
    let id = crate::compat::tasks::checks::parse_id(answer.trim()).map(str::to_owned);
    id.ok_or_else(|| usage("no task id was given".to_owned()))
}
