//! `git aitask worktree`.

use crate::cli::app::{App, aside};
use crate::cli::complete::tasks;
use crate::cli::pick;
use crate::error::{Result, quoted};
use crate::ops::worktrees;
use crate::report::{Page, Table};
use clap::{Args, Subcommand};

/// The worktrees of tasks
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask worktree add 12\n  git aitask worktree list\n  git aitask worktree remove 12\n  cd \"$(git aitask worktree path 12)\""
)]
pub(crate) struct Worktree {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the worktree of a task, on its branch; nothing is taken
    Add {
        /// The task
        task: Option<String>,
        /// The branch to cut the task branch from
        #[arg(long, value_name = "BRANCH")]
        base: Option<String>,
        /// Show what would be run, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Every task worktree of this clone
    List,
    /// Remove the worktree of a task, and its branch when all its commits are merged
    Remove {
        /// The task
        task: Option<String>,
        /// Lose uncommitted work in it
        #[arg(long)]
        discard: bool,
        /// Show what would be run, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Where the worktree of a task is
    Path {
        /// The task
        #[arg(add = tasks())]
        task: Option<String>,
    },
}

impl Worktree {
    /// Whether it makes or removes one.
    pub(crate) fn is_work(&self) -> bool {
        matches!(self.what, What::Add { .. } | What::Remove { .. })
    }

    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let dry_run = matches!(self.what, What::Add { dry_run: true, .. } | What::Remove { dry_run: true, .. });
        let context = app.open(dry_run.into())?;
        match &self.what {
            What::Add { task, base, .. } => {
                let outcome = worktrees::add(&context, &context.wanted(task.as_deref())?, base.as_deref())?;
                app.report.answer(&outcome, || {
                    let Some(worktree) = &outcome.worktree else { return aside(Page::new(), &outcome.aside) };
                    let made = if worktree.created { "" } else { "   (was there)" };
                    let mut page = Page::new().line(format!("{}{made}", worktree.path.display()));
                    if worktree.ahead.is_some() {
                        page = page.line(format!("  on {}{}", worktree.branch, pick::base(worktree)));
                    }
                    aside(page, &outcome.aside).advice(format!("next: cd {}", quoted(&worktree.path)))
                })
            }
            What::Remove { task, discard, dry_run } => {
                let outcome = worktrees::remove(&context, &context.wanted(task.as_deref())?, (*discard).into())?;
                app.report.answer(&outcome, || {
                    if *dry_run {
                        return aside(Page::new(), &outcome.aside);
                    }
                    let page = Page::new().line(match &outcome.path {
                        Some(path) => format!("{} is gone", path.display()),
                        None => "there was no worktree".to_owned(),
                    });
                    let page = match &outcome.branch_kept {
                        Some(branch) => page.line(format!("its branch {branch} has commits and stays")),
                        None => page,
                    };
                    aside(page, &outcome.aside)
                })
            }
            What::List => {
                let outcome = worktrees::list(&context)?;
                app.report.answer(&outcome, || {
                    let mut table = Table::default();
                    for worktree in &outcome.worktrees {
                        let state = &worktree.worktree_state;
                        let dirty = match (state.in_progress, state.dirty) {
                            (Some(what), _) => format!("in the middle of {what}"),
                            (None, Some(true)) => "uncommitted work".to_owned(),
                            (None, Some(false)) => "clean".to_owned(),
                            (None, None) => "gone".to_owned(),
                        };
                        table.row([worktree.task.to_string(), dirty, state.path.display().to_string()]);
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
