//! Bringing the task data here and at the remote to the same state: local edits committed, both histories joined off to
//! the side, the result pushed, the checkout carried along.

use crate::error::{Kind, Result};
use crate::git::{Branch, RemoteName};
use crate::ledger::backoff::Deadline;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::data_state;
use crate::sync::outcome::{Reconciled, SyncFailure, SyncOptions};
use crate::sync::run::{Stop, SyncEffects, SyncRun};
use std::time::Duration;

/// All of it, waiting for others included: callers wait 30 s for the answer, and end the script after that.
const TOTAL_LIMIT: Duration = Duration::from_secs(25);

/// Does it. One connection when there is nothing to do or to push, one more for a push; another pair for every race that
/// is lost.
pub(crate) fn reconcile(context: &Context, options: SyncOptions<'_>) -> Result<Reconciled> {
    let Some(remote) = context.channel.remote() else { return Ok(Reconciled::NoRemote) };
    let data = match context.data_branch() {
        Ok(data) => data,
        Err(error) if error.kind() == Kind::DetachedHead => {
            return Ok(Reconciled::Failed(SyncFailure::Detached, error));
        }
        Err(error) => return Err(error),
    };
    let checkout = context.has_data_branch().then(|| data_state::data_worktree(context));
    let checkout = checkout.unwrap_or_else(|| Some(context.repository.root.clone()));
    let limit = TOTAL_LIMIT.min(context.settings.timeout);
    let deadline = Deadline::after(limit);
    // After this we go on beside whoever is before us.
    let _queue = Queue::enter(&context.repository, limit / 2, context.narrate)?;
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

/// The branch of the remote that ours follows. It has the same name, unless somebody set another one for a code branch
/// (`branch.<name>.merge`).
pub(crate) fn published(context: &Context, remote: &RemoteName, data: &Branch) -> Branch {
    let config = context.repository.config();
    let set = |what: &str| config.last(&format!("branch.{data}.{what}"));
    let follows = set("remote") == Some(remote.as_str()) && !context.has_data_branch();
    let other = set("merge").filter(|_| follows).and_then(|name| Branch::parse(name.strip_prefix("refs/heads/")?).ok());
    other.unwrap_or_else(|| data.clone())
}
