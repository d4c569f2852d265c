//! Publishing the commits of a task branch while the task stays held, so that they are not in one clone alone.
//!
//! Why the order is safe. The push moves the lock branch in the same swap: who no longer holds the task publishes nothing,
//! and every other clone notices that it has to look again. The tip is recorded before the push: killed after it, this
//! clone still knows what it may replace.

use crate::coordination::ReadLocks;
use crate::error::{Kind, Result};
use crate::git::{Branch, Freshness};
use crate::landing::task_branch;
use crate::ledger::{Channel, Decision, Plan, View, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::require_holder;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Notices;
use crate::task::TaskPath;
use crate::worktrees::task_worktree::TaskWorktree;

/// The outcome.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    /// The task branch, where commits of it were published.
    pub(crate) pushed: Option<Branch>,
    /// What else there is to say.
    pub(crate) aside: Notices,
}

/// Publishes the branch of a task that this session holds. One connection, if it has commits that are not published.
///
/// # Errors
/// [`Kind::NotHolder`]; [`Kind::Behind`] for commits of the published branch that are not here; [`Kind::Dirty`] for a
/// worktree that is on another branch than the task's.
pub(crate) fn publish(context: &Context, wanted: &Wanted) -> Result<Publication> {
    let Branches { locks, data } = branches(context)?;
    if context.channel == Channel::Local {
        return Ok(Publication::default());
    }
    let all = [locks.clone(), data.clone()];
    let ledger = context.ledger();
    // The usual case needs no connection: what this clone pushed or fetched last is what it has.
    let known = ledger.view(&all, Freshness::AsKnown)?;
    let (_, place) = find(context, &known, &data, wanted)?;
    if let Some(strayed) = place.strayed(context) {
        return Err(place.stray_error(context, strayed, Kind::Dirty)?);
    }
    let tip = known.task_branch(&place.branch)?;
    if tip.local.is_none() || tip.local == tip.published {
        return Ok(Publication::default());
    }
    let session = context.session()?;
    let landed = ledger.transact(&nonce()?, &all, |view| {
        let (path, place) = find(context, view, &data, wanted)?;
        let id = path.id();
        require_holder(context, &session, id, view.lock(id)?.as_ref())?;
        let Some(tip) = task_branch::unpublished(context, view, id, &place, "sync")? else {
            return Ok(Decision::NoChange(None));
        };
        task_branch::begin_push(context, view, id, &place.branch, &tip)?;
        let plan = Plan::new().advance(&place.branch, tip.clone()).fenced(&locks, id);
        Ok(Decision::Publish(plan, Some((id, place.branch, tip))))
    })?;
    // The checkouts of the task data are the concern of the operation that this one follows.
    let aside = Notices { lagging: Vec::new(), ..Notices::of(context, &landed) };
    let Some((id, branch, tip)) = landed.value.filter(|_| !context.dry_run) else {
        return Ok(Publication { pushed: None, aside });
    };
    task_branch::remember_pushed(context, id, &tip)?;
    Ok(Publication { pushed: Some(branch), aside })
}

fn find(context: &Context, view: &View<'_>, data: &Branch, wanted: &Wanted) -> Result<(TaskPath, TaskWorktree)> {
    let index = Index::load(view, data)?;
    let path = index.require_active(wanted)?.clone();
    let place = TaskWorktree::find(context, path.name())?;
    Ok((path, place))
}
