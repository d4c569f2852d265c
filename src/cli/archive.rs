//! `git aitask archive`.

use crate::archive::request::{ArchiveRequest, Deferred, Gates};
use crate::cli::app::{App, wanted, with_notices};
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::archive;
use crate::ops::task_info::TaskInfo;
use crate::report::Page;
use clap::Args;

/// Archive tasks and release their locks, without a merge
///
/// The file and the plan of each task go to archived/, and its status becomes Done.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask archive 12 13\n  git aitask archive 12 --override-gates")]
pub(crate) struct ArchiveArgs {
    /// The tasks
    #[arg(required = true, add = tasks())]
    task: Vec<String>,
    /// Archive even if gates of the task have not passed
    #[arg(long)]
    override_gates: bool,
    /// Create a task for the deferred items of its checklist
    #[arg(long, alias = "with-deferred-carryover")]
    carry_over: bool,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl ArchiveArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let gates = if self.override_gates { Gates::Overridden } else { Gates::Count };
        let deferred = if self.carry_over { Deferred::CarryOver } else { Deferred::Refuse };
        let request = ArchiveRequest { gates, deferred, ..ArchiveRequest::default() };
        let outcome = archive::archive(&app.open(self.dry_run.into())?, &wanted(&self.task)?, request)?;
        app.report.answer(&outcome, || {
            let title = |task: &TaskInfo| format!("{}  {}  (archived)", task.id, task.title);
            let page = outcome.tasks.iter().map(title).fold(Page::new(), Page::title);
            with_notices(page.lines(outcome.archived.iter().map(|path| format!("  {path}"))), &outcome.aside)
        })
    }
}
