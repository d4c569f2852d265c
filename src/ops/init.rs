//! Setting up a repository: the coordination branches, the checkout of the task data, the local excludes. Repairs what
//! is missing.
//!
//! Why the order is safe. All branches are published in one swap, and only then the checkout and the excludes are made:
//! killed in between, the same command finds the branches and makes the rest. The local lock branch of a clone that had
//! no remote is deleted after its locks are published.

use crate::data_branch::attach::{self, Attached};
use crate::error::{Error, Kind, Result};
use crate::files::exclude;
use crate::ledger::{Decision, Ledger, nonce};
use crate::ops::init_place::Place;
use crate::ops::init_plan::{InitPlan, forget_local_locks, note_published};
pub(crate) use crate::ops::init_plan::{init_locks, require_no_other_remote};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::project::outcome::Notices;
use crate::task::{Status, WORKTREES_DIR, paths};
use serde::Serialize;

/// The outcome: what existed, and what was created.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Initialised {
    /// The remote that has the coordination branches; absent without a remote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
    /// The branch of the task data.
    pub(crate) data: String,
    /// What this command created.
    pub(crate) made: Vec<String>,
    /// What existed already.
    pub(crate) found: Vec<String>,
    /// Whether there are active tasks.
    #[serde(skip)]
    pub(crate) has_tasks: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Creates what is missing, in one swap.
pub(crate) fn init(context: &Context, place: &Place) -> Result<Initialised> {
    let data = context.data_branch()?.clone();
    require_no_other_remote(context)?;
    let (locks_branch, ids_branch) = (Ledger::locks_branch()?, Ledger::ids_branch()?);
    let branches = [locks_branch.clone(), ids_branch.clone(), data.clone()];
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let (mut local_locks, mut unlocked, mut has_tasks) = (None, Vec::new(), false);
    let landed = ledger.transact(&nonce()?, &branches, |view| {
        let is_missing = view.base(&data).is_none();
        let is_new = is_missing && matches!(place, Place::New { .. });
        if let Place::New { locks } = place
            && is_missing
            && view.base(&locks_branch) != locks.as_ref()
        {
            let message = "another clone set this repository up at the same time, and may have put the tasks elsewhere";
            return Err(Error::new(Kind::Contention, message).hint("git aitask init").retryable());
        }
        if view.is_current && is_missing && !is_new {
            let remote = context.channel.remote().map_or("here", |remote| remote.as_str());
            return Err(Error::new(
                Kind::NotInitialised,
                format!("the branch {data} is not published on {remote} yet"),
            )
            .hint(command!["git push -u", remote, data]));
        }
        let index = if is_new { Index::empty(&data) } else { Index::load(view, &data)? };
        has_tasks = index.active_ids().next().is_some();
        let mut init_plan = InitPlan::default();
        local_locks = ledger.unpublished_locks(view)?;
        init_plan.locks(context, &ledger, view)?;
        init_plan.ids(context, view, &index)?;
        init_plan.data(context, view, &data)?;
        unlocked = init_plan.unlocked(&ledger, view, &index)?;
        let seen_locks =
            [view.base(&locks_branch), view.gone(&locks_branch).map(|gone| &gone.last), local_locks.as_ref()];
        if seen_locks.iter().all(Option::is_none)
            && view.base(&ids_branch).is_some()
            && let (false, None, Some(remote)) =
                (unlocked.is_empty(), &context.settings.remote, context.channel.remote())
        {
            // The remote has an id counter, no lock branch, and tasks in work: the lock branch was deleted there, and
            // this clone never had it. A new one would declare all of these tasks free.
            let message = format!(
                "{remote} has no branch {locks_branch}, and these tasks are {}: {}; git aitask init in a clone where \
                 one of them was picked restores the branch",
                Status::Implementing,
                unlocked.join(", ")
            );
            return Err(Error::new(Kind::BranchGone, message)
                .hint(command!["git aitask init --remote", remote].note("creates a new one without any lock")));
        }
        init_plan.files(context, view, &data, &index)?;
        let InitPlan { plan, made, found } = init_plan;
        let seen = (made, found);
        Ok(if plan.branches.is_empty() { Decision::NoChange(seen) } else { Decision::Publish(plan, seen) })
    })?;
    let mut attached = false;
    if !context.dry_run {
        note_published(context)?;
        if let Some(local) = &local_locks {
            forget_local_locks(context, local);
        }
        if context.has_data_branch() {
            attached = attach::attach_known(context)? == Attached::Made;
        }
        for line in [WORKTREES_DIR, paths::DRAFTS_DIR, paths::USER_CONFIG_FILE] {
            let slash = if line.contains('.') { "" } else { "/" };
            exclude(&context.repository.common_dir, &format!("/{line}{slash}"))?;
        }
    }
    let mut aside = Notices::of(context, &landed);
    if context.dry_run && attach::is_missing(context) {
        aside.would_run(format!("git worktree add {} {data}", paths::DATA_WORKTREE_DIR));
    }
    if let (None, Some(remote), Some(other)) =
        (&context.settings.remote, context.channel.remote(), ledger.other_remote_with_branches()?)
    {
        aside.notes.push(format!(
            "the remote {other} has coordination branches, too; this clone uses those of {remote} (git config \
             aitask.remote {other} changes that)"
        ));
    }
    if !unlocked.is_empty() {
        aside.notes.push(format!(
            "these tasks are {} and have no lock: {}; run git aitask init in the clone where one was picked, or pick \
             it again, before another session picks it",
            Status::Implementing,
            unlocked.join(", ")
        ));
    }
    let (mut made, found) = landed.value;
    made.extend(attached.then(|| format!("worktree {}", paths::DATA_WORKTREE_DIR)));
    let remote = context.channel.remote().map(ToString::to_string);
    Ok(Initialised { remote, data: data.to_string(), made, found, has_tasks, aside })
}
