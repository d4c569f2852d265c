//! `git aitask shim`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::shim::{self, ShimState};
use crate::report::{Page, Table};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Install shims in place of the original scripts
///
/// A shim is a script of two lines that runs `git-aitask compat`. The original script is kept beside it as NAME.original,
/// and runs on machines where git-aitask is not on PATH.
#[derive(Debug, Args)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(
    after_help = "Examples:\n  git aitask shim install .aitask-scripts\n  git aitask shim list .aitask-scripts\n  git aitask shim remove .aitask-scripts"
)]
pub(crate) struct ShimArgs {
    #[command(subcommand)]
    verb: ShimVerb,
}

#[derive(Debug, Subcommand)]
enum ShimVerb {
    /// Install a shim in place of each script
    #[command(after_help = "Example:\n  git aitask shim install .aitask-scripts")]
    Install(ShimDirectory),
    /// Show which scripts are shims
    #[command(after_help = "Example:\n  git aitask shim list .aitask-scripts")]
    List(ShimDirectory),
    /// Restore the original scripts
    #[command(after_help = "Example:\n  git aitask shim remove .aitask-scripts")]
    Remove(ShimDirectory),
}

#[derive(Debug, Args)]
struct ShimDirectory {
    /// The directory of the scripts
    directory: PathBuf,
}

impl ShimArgs {
    /// Runs the verb, for the scripts of these names.
    pub(crate) fn run(&self, app: &App, scripts: &[&str]) -> Result<()> {
        let path = |scripts: &ShimDirectory| app.dir.join(&scripts.directory);
        let outcome = match &self.verb {
            ShimVerb::Install(dir) => shim::install(&path(dir), scripts)?,
            ShimVerb::List(dir) => shim::list(&path(dir), scripts)?,
            ShimVerb::Remove(dir) => shim::remove(&path(dir), scripts)?,
        };
        app.report.answer(&outcome, || {
            let mut table = Table::default();
            for shim in &outcome.scripts {
                let state = match (shim.state, &shim.original) {
                    (ShimState::Shim, Some(_)) => "shim, original kept",
                    (ShimState::Shim, None) => "shim",
                    (ShimState::Original, _) => "original",
                    (ShimState::Absent, _) => "absent",
                };
                table.row([shim.script.as_str(), state, if shim.changed { "changed" } else { "" }]);
            }
            Page::new().table(table)
        })
    }
}
