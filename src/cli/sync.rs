//! `git aitask sync`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::sync::{self, SyncAction};
use crate::report::Page;
use clap::Args;

/// Bring the task data here and at the remote to the same state
///
/// Changes to task files and plans are committed first; no other file is committed. Files that both sides changed are
/// merged field by field. Where a file cannot be merged, it is listed, and nothing is published or changed here. Locks that
/// this session has of archived tasks are released, and task branches whose work has landed are named. In the worktree of a task, or for a
/// task that is named, the commits of the task branch are published, too. Where the tasks are on a code branch, its other
/// commits stay in this clone.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask sync\n  git aitask sync 12           # publishes the task branch of 12, too\n  git aitask sync --dry-run"
)]
pub(crate) struct SyncArgs {
    /// The task whose branch is published [default: that of the worktree you are in]
    #[arg(add = tasks())]
    task: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl SyncArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open(self.dry_run.into())?;
        let named = self.task.as_deref().map(|task| context.wanted(Some(task))).transpose()?;
        let outcome = sync::sync_and_publish(&context, named.as_ref())?;
        // It has done that, or has said why not.
        app.publishes.set(false);
        let is_set_up = outcome.did != SyncAction::Alone || context.is_initialised()?;
        app.report.answer(&outcome, || {
            let title = match outcome.did {
                SyncAction::Nothing => "up to date",
                SyncAction::Pushed => "pushed",
                SyncAction::Pulled => "pulled",
                SyncAction::Both => "pulled and pushed",
                SyncAction::Merged => "pulled, merged and pushed",
                SyncAction::Alone => "no remote to sync with",
            };
            let mut page = Page::new().title(title);
            if !is_set_up {
                page = page.advice("this clone is not set up; run: git aitask init");
            }
            if outcome.committed > 0 {
                let files = if outcome.committed == 1 { "file" } else { "files" };
                page = page.line(format!("  committed: {} task and plan {files}", outcome.committed));
            }
            page = page.lines(outcome.merged.iter().map(|path| format!("  merged: {}", path.display())));
            page = page.lines(
                outcome.released.iter().map(|id| format!("  released: the lock of {}, archived", id.prefixed())),
            );
            page = page.lines(outcome.landed.iter().map(|it| {
                let (branch, into, at) = (&it.branch, &it.into, it.landed_at.short());
                match &it.taken_back_by {
                    Some(by) => format!("  {branch} was merged into {into} at {at}, and taken back by {}", by.short()),
                    None => format!("  {branch} is in {into} at {at}; next: {}", it.next),
                }
            }));
            page = page.lines(outcome.pushed.iter().map(|branch| format!("  {branch} was pushed")));
            with_notices(page, &outcome.aside)
        })
    }
}
