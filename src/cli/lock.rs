//! `git aitask lock`, `unlock` and `locks`.

use crate::cli::app::{App, aside};
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::lock::{self, UnlockRight};
use crate::project::Wanted;
use crate::report::{Page, Table};
use crate::settings::Effect;
use clap::Args;

/// Take the lock of a task, nothing else (for scripts; people pick)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git aitask lock 12 --json")]
pub(crate) struct Lock {
    /// The task
    #[arg(add = tasks())]
    task: String,
    /// The address to take it with
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Release the lock of a task, nothing else (for scripts; people drop)
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask unlock 12\n  git aitask unlock 12 --force      # whoever holds it")]
pub(crate) struct Unlock {
    /// The task
    #[arg(add = tasks())]
    task: String,
    /// Release it whoever holds it
    #[arg(long)]
    force: bool,
    /// The address it was taken with
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// List all locks, as the remote has them now
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git aitask locks --json")]
pub(crate) struct Locks {}

impl Lock {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let outcome = lock::lock(&app.open_as(self.email.as_ref(), self.dry_run.into())?, &Wanted::parse(&self.task)?)?;
        app.report.answer(&outcome, || {
            aside(
                Page::new().line(format!("{} is locked: {}", outcome.task.prefixed(), outcome.lock.sentence())),
                &outcome.aside,
            )
        })
    }
}

impl Unlock {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open_as(self.email.as_ref(), self.dry_run.into())?;
        let right = if self.force { UnlockRight::Anybody } else { UnlockRight::Holder };
        let outcome = lock::unlock(&context, &Wanted::parse(&self.task)?, right)?;
        app.report.answer(&outcome, || {
            let what = if outcome.unlocked { "is released" } else { "was not held" };
            aside(Page::new().line(format!("{} {what}", outcome.task.prefixed())), &outcome.aside)
        })
    }
}

impl Locks {
    /// Runs the verb.
    pub(crate) fn run(app: &App) -> Result<()> {
        let outcome = lock::list(&app.open(Effect::Real)?)?;
        app.report.answer(&outcome, || Page::new().table(table(&outcome.locks)))
    }
}

/// Locks as a table.
pub(crate) fn table(locks: &[lock::LockedTask]) -> Table {
    let mut table = Table::default();
    for locked in locks {
        let lock = &locked.lock;
        table.row([
            locked.task.to_string(),
            lock.holder.clone(),
            lock.host.clone(),
            lock.since.clone(),
            lock.session.to_string(),
        ]);
    }
    table
}
