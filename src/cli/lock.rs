//! `git aitask lock`, `unlock` and `locks`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::{free_tasks, held_tasks};
use crate::error::Result;
use crate::ops::lock::{self, UnlockRight};
use crate::project::Wanted;
use crate::report::{Page, Table};
use crate::settings::Effect;
use clap::Args;

/// Lock a task, and do nothing else
///
/// It is for scripts. `git aitask pick` also sets the status and creates the worktree.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask lock 12 --json\n  git aitask lock 12 --email ci@example.com")]
pub(crate) struct LockArgs {
    /// The task
    #[arg(add = free_tasks())]
    task: String,
    /// The e-mail address to record as the holder
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Unlock a task, and do nothing else
///
/// It is for scripts. `git aitask drop` also resets the status and removes the worktree.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask unlock 12\n  git aitask unlock 12 --force      # also the lock of somebody else"
)]
pub(crate) struct UnlockArgs {
    /// The task
    #[arg(add = held_tasks())]
    task: String,
    /// Release the lock of any holder
    #[arg(long)]
    force: bool,
    /// The e-mail address of the holder
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// List all locks, as they are at the remote
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  git aitask locks --json")]
pub(crate) struct LocksArgs {}

impl LockArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let outcome = lock::lock(&app.open_as(self.email.as_ref(), self.dry_run.into())?, &Wanted::parse(&self.task)?)?;
        app.report.answer(&outcome, || {
            with_notices(
                Page::new().line(format!("{} is locked: {}", outcome.task_id.prefixed(), outcome.lock.sentence())),
                &outcome.aside,
            )
        })
    }
}

impl UnlockArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open_as(self.email.as_ref(), self.dry_run.into())?;
        let right = if self.force { UnlockRight::Anybody } else { UnlockRight::Holder };
        let outcome = lock::unlock(&context, &Wanted::parse(&self.task)?, right)?;
        app.report.answer(&outcome, || {
            let what = if outcome.unlocked { "is unlocked" } else { "was not locked" };
            with_notices(Page::new().line(format!("{} {what}", outcome.task_id.prefixed())), &outcome.aside)
        })
    }
}

impl LocksArgs {
    /// Runs the verb.
    pub(crate) fn run(app: &App) -> Result<()> {
        let outcome = lock::list(&app.open(Effect::Real)?)?;
        app.report.answer(&outcome, || Page::new().bare().table(table(outcome.locks.iter()).or_none("no locks")))
    }
}

/// Locks as a table.
pub(crate) fn table<'l>(locks: impl Iterator<Item = &'l lock::LockedTask>) -> Table {
    let mut table = Table::default();
    for locked in locks {
        let lock = &locked.lock;
        table.row([
            locked.task_id.to_string(),
            lock.holder.clone(),
            lock.host.clone(),
            lock.since_shown.clone(),
            lock.session.to_string(),
        ]);
    }
    table
}
