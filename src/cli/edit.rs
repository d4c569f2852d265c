//! `git aitask edit`.

use crate::cli::app::{App, with_notices};
use crate::error::{Error, Kind, Result};
use crate::ops::edit::{self, EditRequest};
use crate::report::Page;
use crate::task::change::FieldChange;
use crate::task::{Level, Status, TaskId, Title, labels};
use clap::Args;

/// Change fields of a task, or its text in your editor
///
/// Without an option that sets a field, it opens the file of the task in your editor.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask edit 12                    # in your editor\n  git aitask edit 12 --priority high --label +ui --label -old\n  \
git aitask edit 12 --depends 3 --depends 4 --assign \"\""
)]
pub(crate) struct EditArgs {
    /// The task [default: that of the worktree you are in]
    task: Option<String>,
    /// The status: Ready, Editing, Implementing, Postponed or Folded
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// The priority: high, medium or low
    #[arg(long, value_name = "LEVEL")]
    priority: Option<String>,
    /// The effort: high, medium or low
    #[arg(long, value_name = "LEVEL")]
    effort: Option<String>,
    /// An issue type of the project
    #[arg(long = "type", value_name = "TYPE")]
    issue_type: Option<String>,
    /// Add (+LABEL) or remove (-LABEL) a label; may be repeated
    #[arg(long, value_name = "+LABEL|-LABEL", allow_hyphen_values = true)]
    label: Vec<String>,
    /// A task it depends on, in place of all others; may be repeated, "" removes all
    #[arg(long, value_name = "TASK")]
    depends: Vec<String>,
    /// The e-mail address of the assignee; "" removes it
    #[arg(long, value_name = "ADDRESS")]
    assign: Option<String>,
    /// The new title
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl EditArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let changes = self.changes()?;
        let title = self.title.as_deref().map(Title::parse).transpose()?;
        let context = app.open(self.dry_run.into())?;
        let wanted = context.wanted(self.task.as_deref())?;
        let outcome = if changes.is_empty() && title.is_none() {
            edit::edit_in_editor(&context, &wanted)?.ok_or_else(|| Error::new(Kind::Usage, "no changes were made"))?
        } else {
            edit::edit(&context, &wanted, &EditRequest { changes, title, ..EditRequest::default() })?
        };
        app.report.answer(&outcome, || {
            let said = if outcome.changed { "changed" } else { "unchanged" };
            let page = Page::new().title(format!("{}  {}  ({said})", outcome.task.id, outcome.task.title));
            with_notices(page.line(format!("  {}", outcome.task.path)), &outcome.aside)
        })
    }

    fn changes(&self) -> Result<Vec<FieldChange>> {
        let mut changes = Vec::new();
        if let Some(status) = &self.status {
            changes.push(FieldChange::Set("status", Status::parse_known(status)?.to_string()));
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
