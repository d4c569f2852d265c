//! `git aitask shim`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::shim::{self, ShimEntry, ShimState};
use crate::report::{Page, Table};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Install shims in place of the original scripts
///
/// A shim is a script of two lines that runs `git-aitask compat`. The original script is kept beside it as NAME.original,
/// and runs on machines where git-aitask is not on PATH. In a project the dispatcher `ait` beside the directory is replaced, too.
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
    Install(ShimChange),
    /// Show which scripts are shims
    #[command(after_help = "Example:\n  git aitask shim list .aitask-scripts")]
    List(ShimDirectory),
    /// Restore the original scripts
    #[command(after_help = "Example:\n  git aitask shim remove .aitask-scripts")]
    Remove(ShimChange),
}

#[derive(Debug, Args)]
struct ShimDirectory {
    /// The directory of the scripts
    directory: PathBuf,
}

#[derive(Debug, Args)]
struct ShimChange {
    #[command(flatten)]
    scripts: ShimDirectory,
    /// Show which files would be changed; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl ShimArgs {
    /// Runs the verb, for the scripts of these names.
    pub(crate) fn run(&self, app: &App, scripts: &[&str]) -> Result<()> {
        let path = |scripts: &ShimDirectory| app.dir.join(&scripts.directory);
        let outcome = match &self.verb {
            ShimVerb::Install(change) => shim::install(&path(&change.scripts), scripts, change.dry_run.into())?,
            ShimVerb::List(dir) => shim::list(&path(dir), scripts)?,
            ShimVerb::Remove(change) => shim::remove(&path(&change.scripts), scripts, change.dry_run.into())?,
        };
        app.report.answer(&outcome, || {
            let mut table = Table::default();
            // What is not there cannot be restored.
            let is_removal = matches!(self.verb, ShimVerb::Remove(_));
            let has_news = |shim: &&ShimEntry| !is_removal || shim.changed || shim.state != ShimState::Absent;
            for shim in outcome.scripts.iter().filter(has_news) {
                let state = match (shim.state, &shim.original) {
                    (ShimState::Shim, Some(_)) => "shim, original kept",
                    (ShimState::Shim, None) => "shim",
                    (ShimState::Original, _) => "original",
                    (ShimState::Absent, _) => "absent",
                };
                let edited = shim.edited.as_ref().and_then(|path| path.file_name());
                let change = match (shim.changed, shim.upgraded, edited) {
                    (true, _, Some(edited)) => format!("changed; the edited shim is kept as {}", edited.display()),
                    (true, true, None) => "changed; the upgraded script is the original now".to_owned(),
                    (true, false, None) => "changed".to_owned(),
                    (false, true, _) => "an upgrade replaced the shim".to_owned(),
                    (false, false, _) => String::new(),
                };
                table.row([shim.script.as_str(), state, &change]);
            }
            let page = Page::new().table(table);
            let is_install = matches!(self.verb, ShimVerb::Install(_));
            if is_install && outcome.scripts.iter().any(|shim| shim.changed) {
                page.advice(
                    "commit the shims and the originals (NAME.original), which run where this program is not installed",
                )
            } else {
                page
            }
        })
    }
}
