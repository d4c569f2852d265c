//! `git aitask shim`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::shim::{self, ShimState};
use crate::report::{Page, Table};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Let callers of the original scripts reach this program
///
/// A shim is two lines in the place of a script; the original is kept beside it as NAME.original, and runs on machines
/// where git-aitask is not on PATH.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask shim install .aitask-scripts\n  git aitask shim remove .aitask-scripts"
)]
pub(crate) struct Shim {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Put a shim in the place of every script we stand in for
    Install(Folder),
    /// What stands in the place of each
    List(Folder),
    /// Put the originals back
    Remove(Folder),
}

#[derive(Debug, Args)]
struct Folder {
    /// The folder of the scripts
    folder: PathBuf,
}

impl Shim {
    /// Runs the verb, for the scripts of these names.
    pub(crate) fn run(&self, app: &App, scripts: &[&str]) -> Result<()> {
        let folder = |folder: &Folder| app.dir.join(&folder.folder);
        let outcome = match &self.what {
            What::Install(dir) => shim::install(&folder(dir), scripts)?,
            What::List(dir) => shim::list(&folder(dir), scripts)?,
            What::Remove(dir) => shim::remove(&folder(dir), scripts)?,
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
