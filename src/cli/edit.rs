//! `git aitask edit`.

use crate::cli::app::{App, aside};
use crate::error::{Error, Kind, Result};
use crate::ops::edit::{self, EditRequest};
use crate::report::Page;
use crate::task::change::FieldChange;
use crate::task::{Level, Status, TaskId, Title, labels};
use clap::Args;

/// Change a task's fields, or its text in your editor
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask edit 12                    # in your editor\n  git aitask edit 12 --priority high --label +ui --label -old\n  \
git aitask edit 12 --depends 3 --depends 4 --assign \"\""
)]
pub(crate) struct Edit {
    /// The task
    task: Option<String>,
    /// Ready, Editing, Implementing, Postponed, Done or Folded
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// high, medium or low
    #[arg(long, value_name = "LEVEL")]
    priority: Option<String>,
    /// high, medium or low
    #[arg(long, value_name = "LEVEL")]
    effort: Option<String>,
    /// One of the project's issue types
    #[arg(long = "type", value_name = "TYPE")]
    issue_type: Option<String>,
    /// +LABEL adds one, -LABEL takes one away; may be repeated
    #[arg(long, value_name = "+LABEL|-LABEL", allow_hyphen_values = true)]
    label: Vec<String>,
    /// A task it waits for, in place of those there are; may be repeated, "" clears
    #[arg(long, value_name = "TASK")]
    depends: Vec<String>,
    /// Who it is assigned to; "" clears
    #[arg(long, value_name = "ADDRESS")]
    assign: Option<String>,
    /// A new title
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Edit {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let changes = self.changes()?;
        let title = self.title.as_deref().map(Title::parse).transpose()?;
        let context = app.open(self.dry_run.into())?;
        let wanted = context.wanted(self.task.as_deref())?;
        let outcome = if changes.is_empty() && title.is_none() {
            edit::edit_in_editor(&context, &wanted)?
                .ok_or_else(|| Error::new(Kind::Usage, "the task was left as it was"))?
        } else {
            edit::edit(&context, &wanted, &EditRequest { changes, title, ..EditRequest::default() })?
        };
        app.report.answer(&outcome, || {
            let said = if outcome.changed { "changed" } else { "is so already" };
            let page = Page::new().title(format!("{}  {}  ({said})", outcome.task.id, outcome.task.title));
            aside(page.line(format!("  {}", outcome.task.path)), &outcome.aside)
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
                    Error::new(Kind::Usage, format!("no label can be made of {name:?}"))
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
