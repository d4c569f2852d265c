//! `git aitask reopen`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::archived_tasks;
use crate::error::Result;
use crate::ops::reopen::{self, Reopened};
use crate::project::Wanted;
use crate::report::Page;
use clap::Args;

/// Bring an archived task back: it is Ready again
///
/// Its file and its plan come back from the archive, or out of a bundle. Where a merge commit names its branch and that was
/// removed, it is published again, so that `git aitask pick` goes on from it; a finish then merges what comes on top. After a
/// squash or a fast-forward, the next pick begins at the output branch, which has the work. Children stay archived, and the
/// parent of a child must be open.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask reopen 12\n  git aitask list --archived    # the archived tasks")]
pub(crate) struct ReopenArgs {
    /// The task
    #[arg(add = archived_tasks())]
    task: String,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl ReopenArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let wanted = Wanted::parse(&self.task)?;
        let outcome = reopen::reopen(&app.open(self.dry_run.into())?, &wanted)?;
        app.report.answer(&outcome, || page(&outcome))
    }
}

fn page(outcome: &Reopened) -> Page {
    let Reopened { task, changed, restored, aside } = outcome;
    let said = if *changed { "reopened" } else { "open already" };
    let mut page = Page::new().title(format!("{}  {}  ({said})", task.id, task.title)).line(format!("  {}", task.path));
    if let Some(restored) = restored {
        let (branch, tip, into) = (&restored.branch, restored.tip.short(), &restored.merged_into);
        page = page
            .line(format!("  {branch} is there again, at {tip}, which {into} has: finish merges what comes on top"));
    }
    with_notices(page.advice(format!("next: git aitask pick {}", task.id)), aside)
}
