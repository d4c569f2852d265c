//! Bringing the task data here and at the remote to the same state: local edits committed, both histories joined off to
//! the side, the result pushed, the checkout carried along (specification 40, sections 4 and 6).

mod rehearsal;
mod work;

use super::joining::{Resolutions, Unresolved};
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefUpdate, RemoteName};
use crate::ledger::backoff::Deadline;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::data_state;
use crate::task::merge::Rules;
use std::path::PathBuf;
use std::time::Duration;
use work::{Done, Work};

/// All of it, waiting for others included: callers wait 30 s for the answer (specification 40, section 6.5, point 7).
const ALL: Duration = Duration::from_secs(25);

/// What came of it.
#[derive(Debug)]
pub enum Reconciled {
    /// Both sides were the same already.
    Nothing,
    /// Local commits are published.
    Pushed,
    /// Published commits are here.
    Pulled,
    /// Both.
    Both,
    /// Both, and files that both sides changed were merged by the rules.
    Merged,
    /// No rule merges these files; nothing was changed or pushed.
    Conflict(Vec<Unresolved>),
    /// There is no remote.
    NoRemote,
    /// It ended without being done.
    Failed(Failure, Error),
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The remote cannot be reached or did not answer.
    NoNetwork,
    /// Local edits could not be committed: a hook, signing, an identity, conflict markers.
    Commit,
    /// The checkout of the task data is on no branch.
    Detached,
    /// Git is in the middle of this in the checkout.
    Stuck(&'static str),
    /// The branch was never published, and is a code branch: that is for its owner to do.
    NoUpstream,
    /// Something in the checkout is in the way of what is published.
    InTheWay,
    /// The remote, or a hook, refuses the push, or others kept winning.
    Push,
}

/// What is going on, for those who watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// So many files are being committed.
    Committing(usize),
    /// The remote is asked.
    Fetching,
    /// So many published commits come in.
    Pulling(u32),
    /// So many local commits go out.
    Pushing(u32),
    /// This file was merged by the rules.
    Merged(PathBuf),
    /// Under `--dry-run`: this ref would be swapped at the remote.
    WouldSwap(RefUpdate),
    /// Under `--dry-run`: this git command would run.
    WouldRun(String),
}

/// How to go about it.
pub struct Manner<'a> {
    /// Commit local edits of the task data first.
    pub commit: bool,
    /// Push before asking, where there is something to push: what is known may be the truth.
    pub push_first: bool,
    /// Branches to bring along in the same connection.
    pub also: &'a [Branch],
    /// How files that both sides changed are merged.
    pub rules: Rules,
    /// What somebody made of files that no rule merges.
    pub resolutions: &'a Resolutions,
    /// Who watches.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// Does it. One connection when there is nothing to do or to push, one more for a push; another pair for every race that
/// is lost.
pub fn reconcile(context: &Context, manner: Manner<'_>) -> Result<Reconciled> {
    let Some(remote) = context.channel.remote() else { return Ok(Reconciled::NoRemote) };
    let data = match context.data_branch() {
        Ok(data) => data,
        Err(error) if error.kind() == Kind::DetachedHead => return Ok(Reconciled::Failed(Failure::Detached, error)),
        Err(error) => return Err(error),
    };
    let checkout = context.has_data_branch().then(|| data_state::data_worktree(context));
    let checkout = checkout.unwrap_or_else(|| Some(context.repository.root.clone()));
    let limit = ALL.min(context.settings.timeout);
    let deadline = Deadline::after(limit);
    // After this we go on beside whoever is before us.
    let _queue = Queue::enter(&context.repository, limit / 2, context.narrate)?;
    let mut work = Work {
        context,
        remote,
        data,
        published: published(context, remote, data),
        checkout,
        manner,
        deadline,
        done: Done::default(),
        asked: false,
        known: None,
        rehearsed: None,
    };
    Ok(match work.run()? {
        Ok(()) => work.done.answer(),
        Err(end) => end,
    })
}

/// The branch of the remote that ours follows. It has the same name, unless somebody set another one for a code branch
/// (`branch.<name>.merge`).
fn published(context: &Context, remote: &RemoteName, data: &Branch) -> Branch {
    let config = context.repository.config();
    let set = |what: &str| config.last(&format!("branch.{data}.{what}"));
    let follows = set("remote") == Some(remote.as_str()) && !context.has_data_branch();
    let other = set("merge").filter(|_| follows).and_then(|name| Branch::parse(name.strip_prefix("refs/heads/")?).ok());
    other.unwrap_or_else(|| data.clone())
}
