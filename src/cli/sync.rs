//! `git aitask sync`.

use crate::cli::app::{App, aside};
use crate::error::Result;
use crate::ops::sync::{self, SyncAction};
use crate::report::Page;
use clap::Args;

/// Bring the task data here and at the remote to the same state; release locks of archived tasks
#[derive(Debug, Args)]
#[command(
    after_help = "Edits of task files and plans are committed first, and nothing else is. Files that both sides changed are \
merged field by field; what cannot be merged is listed, and then nothing is published or brought here.\n\nExample:\n  git aitask sync"
)]
pub(crate) struct Sync {
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Sync {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open(self.dry_run.into())?;
        let outcome = sync::sync_task_data(&context)?;
        app.report.answer(&outcome, || {
            let title = match outcome.did {
                SyncAction::Nothing => "up to date",
                SyncAction::Pushed => "pushed",
                SyncAction::Pulled => "pulled",
                SyncAction::Both => "pulled and pushed",
                SyncAction::Merged => "pulled, merged and pushed",
                SyncAction::Alone => "no remote: there is nothing to sync with",
            };
            let mut page = Page::new().title(title);
            if outcome.committed > 0 {
                let files = if outcome.committed == 1 { "file" } else { "files" };
                page = page.line(format!("  committed: {} task and plan {files}", outcome.committed));
            }
            page = page.lines(outcome.merged.iter().map(|path| format!("  merged: {}", path.display())));
            page = page.lines(
                outcome.released.iter().map(|id| format!("  released: the lock of {}, archived", id.prefixed())),
            );
            aside(page, &outcome.aside)
        })
    }
}
