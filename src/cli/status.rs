//! `git aitask status`.

use crate::cli::app::App;
use crate::cli::overview::page;
use crate::cli::watch::watch;
use crate::error::{Error, Kind, Result};
use crate::ops::{status, status_line};
use crate::report;
use crate::settings::Effect;
use clap::Args;

/// Show held tasks, inconsistencies, and tasks that can be picked
///
/// It reads what this clone has fetched; with --fetch, it fetches first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask status --fetch\n  git aitask status --watch    # until q or Ctrl-C\n  \
git aitask status --json"
)]
pub(crate) struct StatusArgs {
    /// Fetch from the remote first
    #[arg(long)]
    fetch: bool,
    /// Draw the page again when refs change; with --fetch, fetch every 30 s
    #[arg(long, conflicts_with = "line")]
    watch: bool,
    /// Print one line for a prompt; nothing where there are no tasks
    #[arg(long, conflicts_with = "fetch")]
    line: bool,
}

impl StatusArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        if self.watch {
            return watch(app, self.fetch);
        }
        if self.line {
            return line(app);
        }
        let context = app.open(Effect::Real)?;
        let outcome = status::status(&context, self.fetch.into())?;
        let is_set_up = context.is_initialised()?;
        let next = outcome.next_step(&context, is_set_up);
        app.report.answer(&outcome, || page(&outcome, &next, is_set_up, app.report.is_seen()))
    }
}

/// Prints the line. A prompt is no place for errors, and in most folders there is nothing to tell.
fn line(app: &App) -> Result<()> {
    if app.report.json {
        return Err(Error::new(Kind::Usage, "--line is one line, and no JSON").hint("git aitask status --json"));
    }
    let found = app.silent().open(Effect::DryRun).and_then(status_line::line);
    if let Ok(Some(text)) = found {
        report::line(&text);
    }
    Ok(())
}
