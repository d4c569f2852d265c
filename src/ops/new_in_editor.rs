//! Creating a task in the user's editor.

use crate::error::{Error, Kind, Result};
use crate::git::Freshness;
use crate::ops::new::{Created, NewOptions, new};
use crate::ops::vocabulary::Vocabulary;
use crate::project::context::{Context, Wanted};
use crate::project::editor::{self, Saved, Unchanged};
use crate::task::editor_template::{self, FieldChoices};
use crate::task::{Document, Level, TaskId, Title};

/// Creates a task in the user's editor, with the given options filled in. When it cannot be published, the text is kept
/// as a draft, so that nothing that was typed is lost.
pub(crate) fn new_in_editor(context: &Context, options: &NewOptions, title: &str) -> Result<Created> {
    let saved = ask(context, options, title)?;
    let made = new(context, &saved.value).map_err(|error| {
        // After an unknown outcome the task may exist, and publishing a draft would create a second one.
        let draft = (!saved.value.draft && !context.dry_run && error.kind() != Kind::Unknown)
            .then(|| new(context, &NewOptions { draft: true, ..saved.value.clone() }).ok()?.draft);
        match draft.flatten() {
            Some(draft) => {
                saved.discard();
                error.hint(
                    command!["git aitask new --publish", draft].note("publishes your text, which is kept as a draft"),
                )
            }
            None => saved.kept(error),
        }
    })?;
    saved.discard();
    Ok(made)
}

/// Opens the sheet of a new task in the editor, and reads the options from it.
///
/// # Errors
/// Those of [`editor::edit`]; [`Kind::Usage`] when the user emptied it, or changed nothing where no title was given.
fn ask(context: &Context, options: &NewOptions, title: &str) -> Result<Saved<NewOptions>> {
    let data = context.data_branch()?.clone();
    let words = match context.ledger().view(std::slice::from_ref(&data), Freshness::AsKnown) {
        Ok(view) => Vocabulary::published(&view, &data)?.words(),
        Err(_) => FieldChoices::default(),
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
    let mut help = vec!["A new task. Without a title no task is created.".to_owned()];
    help.extend(editor_template::help(&words).into_iter().filter(|line| !line.starts_with("status")));
    let read = |document: &Document| {
        if let Some(key) = document.keys().find(|key| !fields.iter().any(|(known, _)| known == key)) {
            return Err(editor_template::wrong(key, format!("{key} is not a field of a new task")));
        }
        editor_template::check(document, &words.types)?;
        let not_text = |_| Error::new(Kind::Usage, "the text is not UTF-8");
        let text = String::from_utf8(document.body().to_vec()).map_err(not_text)?;
        let value = |key: &str| document.scalar_last(key).unwrap_or_default();
        let of = |key: &'static str| move |error: Error| editor_template::wrong(key, error.to_string());
        Ok(NewOptions {
            title: Title::parse(value("title")).map_err(of("title"))?,
            text,
            priority: Level::parse(value("priority")).map_err(of("priority"))?,
            effort: Level::parse(value("effort")).map_err(of("effort"))?,
            issue_type: Some(value("issue_type").to_owned()).filter(|text| !text.is_empty()),
            labels: document.list_last("labels"),
            depends: document.list_last("depends").iter().filter_map(|id| TaskId::try_parse(id)).collect(),
            parent: Some(value("parent"))
                .filter(|text| !text.is_empty())
                .map(Wanted::parse)
                .transpose()
                .map_err(of("parent"))?,
            draft: options.draft,
            sibling: options.sibling,
        })
    };
    let text = editor_template::with_help(&document, &help);
    let environment = context.repository.git().environment();
    // What was given on the command line is enough; to give up, one empties the text or the title.
    let unchanged = if title.is_empty() { Unchanged::GivesUp } else { Unchanged::Counts };
    editor::edit(environment, Some(&context.repository), &text, unchanged, read)?
        .ok_or_else(|| Error::new(Kind::Usage, "nothing was written, so no task was created"))
}
