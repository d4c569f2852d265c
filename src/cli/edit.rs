//! `git aitask edit`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::{levels, signed_labels, statuses, tasks, types};
use crate::cli::given_text::{given_text, require_editor, require_safe};
use crate::error::{Error, Kind, Result};
use crate::ops::edit::{self, EditRequest, Edited};
use crate::project::Context;
use crate::report::Page;
use crate::task::change::FieldChange;
use crate::task::text_change::TextChange;
use crate::task::{Level, Status, TaskId, Title, labels};
use clap::{ArgGroup, Args};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Change fields of a task, or its text
///
/// Without an option that changes something, it opens the file of the task in your editor, on a terminal. All options are
/// one change, of the newest content: two who write at once do not lose each other's text. -m and -F leave the
/// title, unless the text begins with one (`# `); --depends is in place of all that were there. Boxes are counted from 1,
/// without those in blocks of code.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("given").args(["message", "file"])))]
#[command(
    after_help = "Examples:\n  git aitask edit 12                    # in your editor\n  git aitask edit 12 --depends 3 --depends 4 --label +ui --label -old\n  \
git aitask edit 12 --note \"The cause is the cache.\" --check 2\n  \
generate-report | git aitask edit 12 --append -F -"
)]
pub(crate) struct EditArgs {
    /// The task [default: that of the worktree you are in]
    #[arg(add = tasks())]
    task: Option<String>,
    /// Ready, Editing, Implementing, Postponed or Folded
    #[arg(long, value_name = "STATUS", add = statuses(&["Ready", "Editing", "Implementing", "Postponed", "Folded"]))]
    status: Option<String>,
    /// The priority: high, medium or low
    #[arg(long, value_name = "LEVEL", add = levels())]
    priority: Option<String>,
    /// The effort: high, medium or low
    #[arg(long, value_name = "LEVEL", add = levels())]
    effort: Option<String>,
    /// An issue type of the project
    #[arg(long = "type", value_name = "TYPE", add = types())]
    issue_type: Option<String>,
    /// A label to add (+) or remove (-); may be repeated
    #[arg(long, value_name = "+LABEL|-LABEL", allow_hyphen_values = true, add = signed_labels())]
    label: Vec<String>,
    /// A task it depends on; may be repeated, "" = none
    #[arg(long, value_name = "TASK", add = tasks())]
    depends: Vec<String>,
    /// The e-mail address of the assignee; "" removes it
    #[arg(long, value_name = "ADDRESS")]
    assign: Option<String>,
    /// The new title
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    /// Replace the text; several are paragraphs
    #[arg(short, value_name = "TEXT", allow_hyphen_values = true)]
    message: Vec<String>,
    /// As -m, from a file; - for standard input
    #[arg(short = 'F', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Add the text of -m or -F at the end instead
    #[arg(long, requires = "given")]
    append: bool,
    /// Add a dated line to "## Notes"; may be repeated
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    note: Vec<String>,
    /// Tick box N of the text (- [ ]); may be repeated
    #[arg(long, value_name = "N", value_parser = number_of_box)]
    check: Vec<NonZeroUsize>,
    /// Clear box N of the text; may be repeated
    #[arg(long, value_name = "N", value_parser = number_of_box)]
    uncheck: Vec<NonZeroUsize>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

fn number_of_box(text: &str) -> std::result::Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "boxes are counted from 1, in the order of the text")
}

impl EditArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let changes = self.changes()?;
        let title = self.title.as_deref().map(Title::parse).transpose()?;
        let given = given_text(app, &self.message, self.file.as_deref())?;
        self.check_text(given.as_deref())?;
        let context = app.open(self.dry_run.into())?;
        let wanted = context.wanted(self.task.as_deref())?;
        let text = self.text_changes(given, &context);
        let outcome = if changes.is_empty() && title.is_none() && text.is_empty() {
            let id = wanted.id;
            let text =
                command!["git aitask edit", id, "-m <text>"].note("replaces the text; -F - reads it from a pipe");
            let note = command!["git aitask edit", id, "--note <text>"].note("adds a dated line; -h shows what else");
            require_editor(app, [text, note])?;
            edit::edit_in_editor(&context, &wanted)?.ok_or_else(|| Error::new(Kind::Usage, "no changes were made"))?
        } else {
            edit::edit(&context, &wanted, &EditRequest { changes, text, title, ..EditRequest::default() })?
        };
        app.report.answer(&outcome, || page(&outcome))
    }

    /// Checks what can be checked of the text without the task.
    fn check_text(&self, given: Option<&str>) -> Result<()> {
        let is_empty = |text: &str| text.trim().is_empty();
        if given.is_some_and(is_empty) || self.note.iter().any(|note| is_empty(note)) {
            return Err(Error::new(Kind::Usage, "the text is empty, so nothing was changed"));
        }
        self.note.iter().try_for_each(|note| require_safe(note))?;
        // As it is written: without empty lines above it.
        let begins_with_title = |text: &str| text.trim_start_matches(['\n', '\r']).starts_with("# ");
        if self.title.is_some() && !self.append && given.is_some_and(begins_with_title) {
            return Err(Error::new(
                Kind::Usage,
                "two titles: that of --title, and that of the text, which begins with `# `",
            )
            .advice("leave one out"));
        }
        let boxes = || self.check.iter().chain(&self.uncheck);
        if given.is_some() && !self.append && boxes().next().is_some() {
            return Err(Error::new(Kind::Usage, "-m and -F replace the text with its boxes")
                .advice("tick them in the new text, or add to the old one with --append"));
        }
        if let Some(both) = self.check.iter().find(|number| self.uncheck.contains(number)) {
            return Err(Error::new(Kind::Usage, format!("the box {both} cannot be ticked and cleared at once")));
        }
        Ok(())
    }

    /// The changes of the text. Boxes come first, so that their numbers are those of the text that is there.
    fn text_changes(&self, given: Option<String>, context: &Context) -> Vec<TextChange> {
        let ticked = |number: &NonZeroUsize| TextChange::Box { number: number.get(), ticked: true };
        let cleared = |number: &NonZeroUsize| TextChange::Box { number: number.get(), ticked: false };
        let mut changes: Vec<_> = self.check.iter().map(ticked).chain(self.uncheck.iter().map(cleared)).collect();
        changes.extend(given.map(if self.append { TextChange::Append } else { TextChange::Replace }));
        if !self.note.is_empty() {
            let (at, by) = (Context::now(), context.author());
            let notes = self.note.iter();
            changes.extend(notes.map(|text| TextChange::Note { at: at.clone(), by: by.clone(), text: text.clone() }));
        }
        changes
    }

    fn changes(&self) -> Result<Vec<FieldChange>> {
        let mut changes = Vec::new();
        if let Some(status) = &self.status {
            changes.push(FieldChange::Set("status", Status::parse_option(status)?.to_string()));
        }
        for (key, level) in [("priority", &self.priority), ("effort", &self.effort)] {
            if let Some(level) = level {
                changes.push(FieldChange::Set(key, Level::parse(level)?.to_string()));
            }
        }
        if let Some(issue_type) = &self.issue_type {
            changes.push(FieldChange::Set("issue_type", issue_type.clone()));
        }
        for label in &self.label {
            let (takes, name) = match label.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, label.strip_prefix('+').unwrap_or(label)),
            };
            changes.push(if takes {
                FieldChange::Take("labels", vec![name.to_owned()])
            } else {
                let clean = labels::sanitise(name).ok_or_else(|| {
                    Error::new(Kind::Usage, format!("{name:?} cannot be a label: it has no letter and no digit"))
                        .advice("use letters, digits, _ and -")
                })?;
                FieldChange::Add("labels", vec![clean])
            });
        }
        if !self.depends.is_empty() {
            let given = self.depends.iter().filter(|id| !id.is_empty());
            let ids = given.map(|id| TaskId::parse(id).map(TaskId::in_list)).collect::<Result<_>>()?;
            changes.push(FieldChange::List("depends", ids));
        }
        if let Some(address) = &self.assign {
            changes.push(FieldChange::Set("assigned_to", address.clone()));
        }
        Ok(changes)
    }
}

fn page(outcome: &Edited) -> Page {
    let said = if outcome.changed { "changed" } else { "unchanged" };
    let mut page = Page::new().title(format!("{}  {}  ({said})", outcome.task.id, outcome.task.title));
    page = page.line(format!("  {}", outcome.task.path));
    for found in &outcome.boxes {
        let state = if found.ticked { 'x' } else { ' ' };
        let before = if found.changed { "" } else { "  (it was so already)" };
        page = page.line(format!("  {}. [{state}] {}{before}", found.number, found.text));
    }
    with_notices(page, &outcome.aside)
}
