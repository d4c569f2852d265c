//! `git aitask demo`.

use super::App;
use crate::error::Result;
use clap::Args;

/// See the main job done in a temporary folder: several people and agents on one repository
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask demo\n  git aitask demo --agents 8 --tasks 24 --keep")]
pub struct Demo {
    /// How many agent sessions
    #[arg(long, value_name = "N", default_value_t = 8)]
    agents: usize,
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = 24)]
    tasks: usize,
    /// Keep the folder
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs the verb.
    pub fn run(&self, _app: &App) -> Result<()> {
        Ok(())
    }
}
