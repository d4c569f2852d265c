//! `git aitask archive`.

use crate::archive::request::Gates;
use crate::cli::app::{App, aside, wanted};
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::archive;
use crate::report::Page;
use clap::Args;

/// Archive tasks: file and plan go to archived/, the lock is released; nothing is merged
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git aitask archive 12 13")]
pub(crate) struct Archive {
    /// The tasks
    #[arg(required = true, add = tasks())]
    task: Vec<String>,
    /// Archive although gates of the task have not passed
    #[arg(long)]
    override_gates: bool,
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Archive {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let gates = if self.override_gates { Gates::Overridden } else { Gates::Count };
        let outcome = archive::archive(&app.open(self.dry_run.into())?, &wanted(&self.task)?, gates)?;
        app.report.answer(&outcome, || aside(Page::new().lines(&outcome.archived), &outcome.aside))
    }
}
