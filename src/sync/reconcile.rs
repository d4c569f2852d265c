//! The entry to a sync of the task data: finds the branches, waits in the queue, and runs the steps of
//! [`crate::sync::run`].

use crate::error::{Kind, Result};
use crate::git::{Branch, RemoteName};
use crate::ledger::backoff::Deadline;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::data_state;
use crate::sync::outcome::{Reconciled, SyncFailure, SyncOptions};
use crate::sync::run::SyncRun;
use crate::sync::step::{Stop, SyncEffects};
use std::time::Duration;

/// The time limit of a whole sync, waiting in the queue included. Callers of the scripts kill the sync after 30 s; 25 s
/// leave them time to receive an answer.
const TOTAL_LIMIT: Duration = Duration::from_secs(25);

/// Syncs the task data. One connection when nothing has to be pushed, one more for a push, and two more for every push
/// that loses a race.
pub(crate) fn reconcile(context: &Context, options: SyncOptions<'_>) -> Result<Reconciled> {
    let Some(remote) = context.channel.remote() else { return Ok(Reconciled::NoRemote) };
    let data = match context.data_branch() {
        Ok(data) => data,
        Err(error) if error.kind() == Kind::DetachedHead => {
            return Ok(Reconciled::Failed(SyncFailure::Detached, error));
        }
        Err(error) => return Err(error),
    };
    let checkout = if context.has_data_branch() {
        data_state::data_worktree(context)
    } else {
        context.ledger().checkout_of(data)?
    };
    let limit = TOTAL_LIMIT.min(context.settings.timeout);
    let deadline = Deadline::after(limit);
    // Waiting longer than half of the limit would leave no time for the sync itself. The queue only avoids races:
    // without it the compare-and-swap of the push still decides.
    let _queue = Queue::enter(&context.repository, limit / 2, context.progress)?;
    if !context.dry_run {
        context.ledger().finish_checkout_updates()?;
    }
    let mut work = SyncRun {
        context,
        remote,
        data,
        published: published(context, remote, data),
        checkout,
        options,
        deadline,
        effects: SyncEffects::default(),
        is_fetched: false,
        known: None,
        dry_run_tip: None,
    };
    match work.run() {
        Ok(()) => Ok(work.effects.answer()),
        Err(Stop::Answer(answer)) => Ok(answer),
        Err(Stop::Broke(error)) => Err(error),
    }
}

/// The remote branch that the local one follows. It has the same name, unless the user configured another one for a
/// code branch (`branch.<name>.merge`).
pub(crate) fn published(context: &Context, remote: &RemoteName, data: &Branch) -> Branch {
    let config = context.repository.config();
    let set = |what: &str| config.last(&format!("branch.{data}.{what}"));
    let follows = set("remote") == Some(remote.as_str()) && !context.has_data_branch();
    let other = set("merge").filter(|_| follows).and_then(|name| Branch::parse(name.strip_prefix("refs/heads/")?).ok());
    other.unwrap_or_else(|| data.clone())
}
