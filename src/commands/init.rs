//! `git aitask init`.

use super::{App, aside};
use crate::error::Result;
use crate::report::Page;
use crate::workflow::init;
use clap::Args;

/// Set the repository up: coordination branches, folders, local excludes; repairs what is missing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git aitask init")]
pub struct Init {
    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

impl Init {
    /// Runs the verb.
    pub fn run(&self, app: &App) -> Result<()> {
        let context = app.open(self.dry_run)?;
        let outcome = init::init(&context)?;
        app.report.answer(&outcome, || {
            let place = outcome
                .remote
                .as_ref()
                .map_or_else(|| "in this repository alone (no remote)".to_owned(), |name| format!("on {name}"));
            let mut page =
                Page::new().title(format!("tasks live on the branch {}, coordination {place}", outcome.data));
            let verb = if self.dry_run { "missing" } else { "made" };
            page = page.lines(outcome.made.iter().map(|what| format!("  {verb}: {what}")));
            page = page.lines(outcome.found.iter().map(|what| format!("  found: {what}")));
            aside(page, &outcome.aside).advice("next: git aitask new \"Add login\"")
        })
    }
}
