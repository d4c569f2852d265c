//! `git aitask explore`.

use crate::cli::app::App;
use crate::cli::complete::branches;
use crate::error::Result;
use crate::ops::explore;
use crate::settings::Effect;
use clap::Args;

/// Read committed code in a temporary worktree, without a lock
///
/// It runs a command or your shell in a worktree of its own and removes the worktree afterwards, with all changes that
/// were made in it. Inside, `git aitask list`, `show` and `new` work, so that a task can be created for what was found.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask explore                       # your shell\n  \
git aitask explore -- grep -rn TODO src\n  git aitask explore --at v1.2 -- make -n")]
pub(crate) struct ExploreArgs {
    /// The commit, branch or tag to check out [default: the output branch]
    #[arg(long, value_name = "REV", add = branches())]
    at: Option<String>,
    /// The command to run [default: your shell]
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl ExploreArgs {
    /// Runs the verb; returns the exit code of the command.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
        explore::explore(&app.open(Effect::Real)?, self.at.as_deref(), &self.command)
    }
}
