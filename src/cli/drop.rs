//! `git aitask drop`.

use crate::cli::app::{App, aside};
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::drop;
use crate::report::Page;
use crate::task::Status;
use clap::Args;

/// Give a task back: its status, its lock, its worktree
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask drop 12\n  git aitask drop                  # in a task's worktree: that task\n  \
git aitask drop 12 --status Postponed --discard"
)]
pub(crate) struct Drop {
    /// The task
    #[arg(add = tasks())]
    task: Option<String>,
    /// Its status from now on: Ready, Postponed or Editing
    #[arg(long, value_name = "STATUS", default_value = "Ready")]
    status: String,
    /// Lose uncommitted work in its worktree
    #[arg(long)]
    discard: bool,
    /// The address it was taken with
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Drop {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open_as(self.email.as_ref(), self.dry_run.into())?;
        let status = Status::parse_known(&self.status)?;
        let outcome = drop::drop_task(&context, &context.wanted(self.task.as_deref())?, &status, self.discard.into())?;
        app.report.answer(&outcome, || {
            let mut page = Page::new()
                .title(format!("{}  {}  (given back, {})", outcome.task.id, outcome.task.title, outcome.task.status));
            if outcome.worktree_removed {
                page = page.line("  its worktree is gone");
            }
            // One that stays for another reason has a note.
            if let (Some(branch), []) = (&outcome.branch_kept, outcome.aside.notes.as_slice()) {
                page = page.line(format!("  its branch {branch} has commits and stays; the next pick goes on with it"));
            }
            aside(page, &outcome.aside)
        })
    }
}
