//! `git aitask explore`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::explore;
use crate::settings::Effect;
use clap::Args;

/// Look at committed code while others work: a sealed copy for a moment, no lock, no branch
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask explore                       # a shell in it\n  \
git aitask explore -- grep -rn TODO src\n  git aitask explore --at v1.2 -- make -n\n\
Inside, list, show and new work: what is found can be filed at once.")]
pub(crate) struct Explore {
    /// The commit, branch or tag to look at [default: the output branch]
    #[arg(long, value_name = "REV")]
    at: Option<String>,
    /// The command to run [default: your shell]
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl Explore {
    /// Runs the verb; gives the command's exit code.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
        explore::explore(&app.open(Effect::Real)?, self.at.as_deref(), &self.command)
    }
}
