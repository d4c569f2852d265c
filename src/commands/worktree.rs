//! `git aitask worktree`.

use super::App;
use super::complete::tasks;
use crate::error::Result;
use crate::report::{Page, Table};
use crate::workflow::worktrees;
use clap::{Args, Subcommand};

/// The worktrees of tasks
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask worktree list\n  cd \"$(git aitask worktree path 12)\"")]
pub struct Worktree {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every task worktree of this clone
    List,
    /// Where the worktree of a task is
    Path {
        /// The task
        #[arg(add = tasks())]
        task: Option<String>,
    },
}

impl Worktree {
    /// Runs the verb.
    pub fn run(&self, app: &App) -> Result<()> {
        let context = app.open(false)?;
        match &self.what {
            What::List => {
                let outcome = worktrees::list(&context)?;
                app.report.answer(&outcome, || {
                    let mut table = Table::default();
                    for worktree in &outcome.worktrees {
                        let state = &worktree.state;
                        let dirty = match state.dirty {
                            Some(true) => "uncommitted work",
                            Some(false) => "clean",
                            None => "gone",
                        };
                        table.row([worktree.task.to_string(), dirty.to_owned(), state.path.display().to_string()]);
                    }
                    Page::new().table(table)
                })
            }
            What::Path { task } => {
                let outcome = worktrees::path(&context, &context.wanted(task.as_deref())?)?;
                app.report.answer(&outcome, || Page::new().line(outcome.path.display().to_string()))
            }
        }
    }
}
