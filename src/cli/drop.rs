//! `git aitask drop`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::{own_tasks, statuses};
use crate::cli::each::wanted;
use crate::error::Result;
use crate::ops::drop::{self, Dropped};
use crate::project::Wanted;
use crate::report::Page;
use crate::task::Status;
use clap::Args;

/// Drop a task: unlock it, reset its status, remove its worktree
///
/// Of several tasks each is dropped by itself; the exit code is the highest of those that were not. Commits of the task branch that are not merged are published; the next pick of the task continues with them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask drop 12\n  git aitask drop              # the task of the worktree you are in\n  \
git aitask drop 12 13 --status Postponed --discard"
)]
pub(crate) struct DropArgs {
    /// The tasks [default: that of the worktree you are in]
    #[arg(add = own_tasks())]
    task: Vec<String>,
    /// The new status: Ready, Postponed or Editing
    #[arg(long, value_name = "STATUS", default_value = "Ready", add = statuses(&["Ready", "Postponed", "Editing"]))]
    status: String,
    /// Discard uncommitted changes in its worktree
    #[arg(long)]
    discard: bool,
    /// The e-mail address of the holder
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl DropArgs {
    /// Runs the verb; returns its exit code.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
        let context = app.open_as(self.email.as_ref(), self.dry_run.into())?;
        let status = Status::parse(&self.status);
        let drop = |wanted: &Wanted| {
            let outcome = drop::drop_task(&context, wanted, &status, self.discard.into())?;
            app.lead_shell(outcome.cd.as_ref(), &outcome.aside);
            Ok(outcome)
        };
        app.each("drop", &wanted(&context, &self.task, "drop")?, drop, one, |_| {})
    }
}

/// The page of a task that was dropped.
fn one(outcome: &Dropped) -> Page {
    let mut page =
        Page::new().title(format!("{}  {}  (dropped, {})", outcome.task.id, outcome.task.title, outcome.task.status));
    if outcome.worktree_removed {
        page = page.line("  its worktree was removed");
    }
    if let Some(branch) = &outcome.pushed {
        page = page.line(format!("  its branch {branch} was pushed; the next pick continues with it"));
    }
    // A branch that was kept for another reason has a note that gives the reason.
    if let (Some(branch), [], None) = (&outcome.branch_kept, outcome.aside.notes.as_slice(), &outcome.pushed) {
        page = page
            .line(format!("  its branch {branch} was kept: it has unmerged commits; the next pick continues with it"));
    }
    with_notices(page, &outcome.aside)
}
