//! `git aitask new`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::{labels, levels, tasks, types};
use crate::cli::given_text::{given_text, may_open_editor, require_editor};
use crate::error::Result;
use crate::ops::new::Sibling;
use crate::ops::{new, new_in_editor};
use crate::project::Wanted;
use crate::report::Page;
use crate::task::{Level, TaskId, Title};
use clap::Args;
use std::path::PathBuf;

/// Create a task and publish it
///
/// The id and the file of the task are one atomic push.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(
    after_help = "Examples:\n  git aitask new \"Add login\" -m \"With e-mail and password.\" --priority high\n  \
git aitask new \"Add login form\" --parent 12\n  generate-report | git aitask new \"Fix the report\" -F -\n  \
git aitask new --draft \"An idea\"       # without network\n  git aitask new --publish draft_20260102_0304_an_idea.md"
)]
pub(crate) struct NewArgs {
    /// The title
    #[arg(required_unless_present_any = ["publish", "edit"])]
    title: Option<String>,
    /// The text; several are paragraphs
    #[arg(short, value_name = "TEXT", conflicts_with = "file", allow_hyphen_values = true)]
    message: Vec<String>,
    /// The file with the text, - for standard input
    #[arg(short = 'F', value_name = "FILE")]
    file: Option<PathBuf>,
    /// The priority: high, medium or low
    #[arg(long, value_name = "LEVEL", default_value = "medium", add = levels())]
    priority: String,
    /// The effort: high, medium or low
    #[arg(long, value_name = "LEVEL", default_value = "medium", add = levels())]
    effort: String,
    /// An issue type of the project [default: feature]
    #[arg(long = "type", value_name = "TYPE", add = types())]
    issue_type: Option<String>,
    /// A label; may be repeated
    #[arg(long, value_name = "LABEL", add = labels())]
    label: Vec<String>,
    /// A task it depends on; may be repeated
    #[arg(long, value_name = "TASK", add = tasks())]
    depends: Vec<String>,
    /// The parent task; a child waits for the child before it
    #[arg(long, value_name = "TASK", add = tasks())]
    parent: Option<String>,
    /// Do not let a child wait for the child before it
    #[arg(long)]
    no_sibling_dep: bool,
    /// Write the text in your editor, as without -m and -F on a terminal
    #[arg(long, conflicts_with = "publish")]
    edit: bool,
    /// Create a draft in this clone: no id, no network
    #[arg(long)]
    draft: bool,
    /// Publish a draft
    #[arg(long, value_name = "DRAFT", conflicts_with_all = ["title", "draft", "message", "file", "parent"])]
    publish: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl NewArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let outcome = if let Some(draft) = &self.publish {
            new::publish_draft(&app.open(self.dry_run.into())?, draft)?
        } else {
            let given = given_text(app, &self.message, self.file.as_deref())?;
            if self.edit {
                require_editor(
                    app,
                    [command!["git aitask new <title> -m <text>"].note("-F - reads the text from a pipe")],
                )?;
            }
            let asked = self.edit || (given.is_none() && may_open_editor(app));
            let options = self.options(given.unwrap_or_default())?;
            let context = app.open(self.dry_run.into())?;
            if asked {
                new_in_editor::new_in_editor(&context, &options, self.title.as_deref().unwrap_or_default())?
            } else {
                new::new(&context, &options)?
            }
        };
        app.report.answer(&outcome, || {
            let page = match (&outcome.task, &outcome.draft) {
                (Some(task), _) => Page::new()
                    .title(format!("{}  {}", task.id, task.title))
                    .line(format!("  {}", task.path))
                    .advice(if self.depends.is_empty() && outcome.waits_for_sibling.is_none() {
                        format!("next: git aitask pick {}", task.id)
                    } else {
                        "next: git aitask pick --next".to_owned()
                    }),
                (None, draft) => {
                    let draft = draft.as_deref().unwrap_or_default();
                    Page::new().title(draft).advice(format!("next: git aitask new --publish {draft}"))
                }
            };
            with_notices(page, &outcome.aside)
        })
    }

    fn options(&self, text: String) -> Result<new::NewOptions> {
        Ok(new::NewOptions {
            title: Title::parse(self.title.as_deref().unwrap_or(if self.edit { "untitled" } else { "" }))?,
            text,
            priority: Level::parse(&self.priority)?,
            effort: Level::parse(&self.effort)?,
            issue_type: self.issue_type.clone(),
            labels: self.label.clone(),
            depends: self.depends.iter().map(|id| TaskId::parse(id)).collect::<Result<_>>()?,
            parent: self.parent.as_deref().map(Wanted::parse).transpose()?,
            draft: self.draft,
            sibling: if self.no_sibling_dep { Sibling::Free } else { Sibling::After },
        })
    }
}
