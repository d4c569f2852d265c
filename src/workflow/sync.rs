//! Bringing this clone's task data up to what is published.

use super::context::Context;
use super::index::branches;
use crate::error::Result;
use crate::git::merge;
use crate::git::run::Call;
use crate::ledger::forward::Lagging;
use crate::ledger::transaction::Step;
use crate::ledger::{Decision, Locks, Plan, View, nonce};
use crate::task::TaskId;
use std::path::Path;
use std::time::Duration;

/// Fetches, brings the checkout of the task data forward, and removes the locks that `stale` names. One connection, and
/// one more if there are any. Gives their number and what stayed behind.
pub fn sync(
    context: &Context,
    stale: impl Fn(&mut dyn Iterator<Item = TaskId>) -> Vec<TaskId>,
    cleanup: impl Fn(&[TaskId]) -> Step,
) -> Result<(usize, Vec<Lagging>)> {
    let (locks_branch, data) = branches(context)?;
    let held = |view: &View<'_>| -> Result<Vec<TaskId>> {
        let root = view.objects(&[Locks::request(&locks_branch)])?.pop().flatten();
        root.map_or_else(|| Ok(Vec::new()), |root| Ok(Locks::of(Some(&root))?.tasks().collect()))
    };
    let brought = context.ledger().transact(&nonce()?, &[locks_branch.clone(), data], |view| {
        Ok(Decision::Nothing(if view.fresh { held(view)? } else { Vec::new() }))
    })?;
    // What is stale is told by the task data as they are now.
    if stale(&mut brought.value.into_iter()).is_empty() {
        return Ok((0, brought.lagging));
    }
    let swept = context.ledger().transact(&nonce()?, std::slice::from_ref(&locks_branch), |view| {
        let stale = stale(&mut held(view)?.into_iter());
        if stale.is_empty() {
            return Ok(Decision::Nothing(0));
        }
        Ok(Decision::Swap(Plan::new().step(&locks_branch, cleanup(&stale)), stale.len()))
    })?;
    Ok((swept.value, brought.lagging))
}

/// How many commits of the task data only this clone has, and how many only the remote, as far as known; and the name of
/// the published branch.
#[must_use]
pub fn unreconciled(context: &Context) -> Option<(u32, u32, String)> {
    let data = context.data_branch().ok()?;
    let remote = context.channel.remote()?;
    let ledger = context.reading_ledger();
    let view = ledger.view(std::slice::from_ref(data), false).ok()?;
    let tip = view.tip(data);
    let (ahead, behind) =
        merge::ahead_behind(&context.repository, tip.local.as_ref()?, tip.published.as_ref()?).ok()?;
    Some((ahead, behind, format!("{remote}/{data}")))
}

/// Runs a helper script beside the caller, for its effects alone: what it says and how it ends does not matter.
pub fn run_helper(context: &Context, script: &Path, args: &[&str]) {
    let call = Call::program(context.repository.git().environment(), script, &context.repository.root);
    let _ = call.args(args).limit(Duration::from_secs(60)).output();
}
