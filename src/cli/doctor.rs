//! `git aitask doctor`.

use crate::cli::app::App;
use crate::cli::history;
use crate::error::{Error, Kind, Result};
use clap::Args;

/// Look for what is wrong with tasks and locks
///
/// With --history it audits the coordination branches from their beginning, from the branches alone and offline: never two
/// holders of one task, no id given twice, every landing by its holder. It ends with 1 where it finds a violation.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask doctor --history\n  git aitask doctor --history --json")]
pub(crate) struct DoctorArgs {
    /// Audit the history of the coordination branches
    #[arg(long)]
    history: bool,
}

impl DoctorArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
        if self.history {
            return history::run(app);
        }
        Err(Error::new(Kind::Usage, "say what to look at").hint("git aitask doctor --history"))
    }
}
