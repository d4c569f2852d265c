//! Bringing this clone's task data up to what is published.

use crate::coordination::ReadLocks;
use crate::coordination::locks::cleanup_step;
use crate::error::{Error, Kind, Payload, Result};
use crate::git::run::Call;
use crate::git::{AheadBehind, Freshness, merge};
use crate::ledger::plan::Lagging;
use crate::ledger::{Decision, Ledger, Plan, View, nonce};
use crate::project::context::Context;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::{Aside, DryRun};
use crate::sync::join::Resolutions;
use crate::sync::outcome::{Reconciled, SyncOptions, SyncProgress};
use crate::sync::reconcile::reconcile;
use crate::task::TaskId;
use crate::task::merge::Rules;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fetches, brings the checkout of the task data forward, and removes the locks that `stale` names. One connection, and
/// one more if there are any. Gives the checkouts that stayed behind.
pub(crate) fn sync(
    context: &Context,
    stale: impl Fn(&mut dyn Iterator<Item = TaskId>) -> Vec<TaskId>,
) -> Result<Vec<Lagging>> {
    let Branches { locks: locks_branch, data } = branches(context)?;
    let held = |view: &View<'_>| -> Result<Vec<TaskId>> {
        Ok(view.locks()?.map_or_else(Vec::new, |locks| locks.tasks().collect()))
    };
    let brought = context.ledger().transact(&nonce()?, &[locks_branch.clone(), data], |view| {
        Ok(Decision::Nothing(if view.fresh { held(view)? } else { Vec::new() }))
    })?;
    // What is stale is told by the task data as they are now.
    if stale(&mut brought.value.into_iter()).is_empty() {
        return Ok(brought.lagging);
    }
    context.ledger().transact(&nonce()?, &[locks_branch], |view| release_all(stale(&mut held(view)?.into_iter())))?;
    Ok(brought.lagging)
}

/// The removal of stale locks.
pub(crate) fn release_all(stale: Vec<TaskId>) -> Result<Decision<Vec<TaskId>>> {
    if stale.is_empty() {
        return Ok(Decision::Nothing(stale));
    }
    Ok(Decision::Swap(Plan::new().step(&Ledger::locks_branch()?, cleanup_step(&stale)), stale))
}

/// How the task data of this clone differs from the published one, as far as known.
#[derive(Debug)]
pub(crate) struct Unreconciled {
    /// In commits.
    pub(crate) counts: AheadBehind,
    /// The name of the published branch.
    pub(crate) upstream: String,
}

/// How the task data of this clone differs from the published one.
pub(crate) fn unreconciled(context: &Context) -> Option<Unreconciled> {
    let data = context.data_branch().ok()?;
    let remote = context.channel.remote()?;
    let ledger = context.reading_ledger();
    let view = ledger.view(std::slice::from_ref(data), Freshness::AsKnown).ok()?;
    let tip = view.tip(data);
    let counts = merge::ahead_behind(&context.repository, tip.local.as_ref()?, tip.published.as_ref()?).ok()?;
    Some(Unreconciled { counts, upstream: format!("{remote}/{data}") })
}

/// What `git aitask sync` did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Synced {
    /// In a word.
    pub(crate) did: SyncAction,
    /// How many edited files were committed.
    pub(crate) committed: usize,
    /// Files that both sides changed, merged by the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) merged: Vec<PathBuf>,
    /// Archived tasks whose lock was left behind, and is gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) released: Vec<TaskId>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Aside,
}

/// What a sync came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SyncAction {
    /// Both sides were the same.
    Nothing,
    /// Local commits went out.
    Pushed,
    /// Published ones came in.
    Pulled,
    /// Both.
    Both,
    /// Both, and files were merged by the rules.
    Merged,
    /// There is no remote.
    Alone,
}

/// Brings both sides together, and releases locks of archived tasks. One connection when there is nothing to do.
///
/// # Errors
/// [`Kind::Conflict`] with the files; [`Kind::Unreachable`], [`Kind::Dirty`], [`Kind::Denied`] and others with the way
/// out. Nothing is half done.
pub(crate) fn sync_task_data(context: &Context) -> Result<Synced> {
    let (mut committed, mut merged, mut dry_run) = (0, Vec::new(), DryRun::default());
    let mut progress = |progress| match progress {
        SyncProgress::Committing(files) => committed += files,
        SyncProgress::Merged(path) => merged.push(path),
        SyncProgress::WouldSwap(update) => dry_run.refs.push((&update).into()),
        SyncProgress::WouldRun(command) => dry_run.commands.push(command),
        SyncProgress::Fetching | SyncProgress::Pulling(_) | SyncProgress::Pushing(_) => {}
    };
    let (resolutions, also) = (Resolutions::new(), [Ledger::locks_branch()?]);
    let options = SyncOptions {
        commit: true,
        push_first: false,
        also: &also,
        rules: Rules::ThreeWay,
        resolutions: &resolutions,
        progress: &mut progress,
    };
    let did = match reconcile(context, options)? {
        Reconciled::Nothing => SyncAction::Nothing,
        Reconciled::Pushed => SyncAction::Pushed,
        Reconciled::Pulled => SyncAction::Pulled,
        Reconciled::Both => SyncAction::Both,
        Reconciled::Merged => SyncAction::Merged,
        Reconciled::NoRemote => SyncAction::Alone,
        Reconciled::Failed(_, error) => return Err(error),
        Reconciled::Conflict(files) => {
            let names: Vec<_> = files.iter().map(|file| file.path.display().to_string()).collect();
            let message = format!("changed here and at the remote, and no rule merges it: {}", names.join(", "));
            let upstream = context.channel.remote().map_or_else(String::new, |remote| format!("{remote}/"));
            let data = context.data_branch()?;
            let hint = command!["git merge", format!("{upstream}{data}")]
                .within(context.data_dir())
                .note("mend the files and commit, then git aitask sync");
            return Err(Error::new(Kind::Conflict, message).hint(hint).with(Payload::Files { files: names }));
        }
    };
    let mut aside = Aside { dry_run: context.dry_run.then_some(dry_run), ..Aside::default() };
    // What was just fetched is looked at; only a lock to release costs another connection.
    let all = branches(context)?.both();
    let mut released = stale_locks(context, &context.reading_ledger().view(&all, Freshness::AsKnown)?)?;
    if !released.is_empty() {
        let landed = context.ledger().transact(&nonce()?, &all, |view| release_all(stale_locks(context, view)?))?;
        aside.extend(Aside { lagging: Vec::new(), ..Aside::of(context, &landed) });
        released = landed.value;
    }
    Ok(Synced { did, committed, merged, released, aside })
}

/// The locks of tasks that are archived, and active nowhere.
fn stale_locks(context: &Context, view: &View<'_>) -> Result<Vec<TaskId>> {
    let data = context.data_branch()?.clone();
    let Some(locks) = view.locks()? else { return Ok(Vec::new()) };
    if locks.tasks().next().is_none() {
        return Ok(Vec::new());
    }
    let index = Index::load(view, &data)?;
    Ok(locks.tasks().filter(|id| index.active(*id).is_none() && index.archived(*id).is_some()).collect())
}

/// Runs a helper script beside the caller, for its effects alone: what it says and how it ends does not matter.
pub(crate) fn run_script(context: &Context, script: &Path, args: &[&str]) {
    let call = Call::program(context.repository.git().environment(), script, &context.repository.root);
    let _ = call.args(args).limit(Duration::from_secs(60)).output();
}
