//! Removing the worktrees and branches of tasks whose work has landed, here and on the remote.
//!
//! Why the order is safe. A branch is deleted from exactly the tip that was found to have landed, on the remote first
//! and then here; commits that landed squashed are kept under `refs/aitask/squashed/` before that. Killed in between, the same command finds the branch here and finishes. A task that is active keeps
//! its branch: `finish` ends it.

use crate::coordination::ReadLocks;
use crate::error::{Error, Kind, Result, quoted};
use crate::git::porcelain::push::Flag;
use crate::git::remote::{self, PushOptions, Pushed};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Freshness, Oid, RefName, RefUpdate, RemoteName, refs};
use crate::landing::landed::{self, Landed};
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::{DryRun, Notices};
use crate::task::{BRANCH_PREFIX, TaskId, TaskName};
use crate::worktrees::landed::merge_targets;
use crate::worktrees::removal;
use crate::worktrees::removal_result::{BranchDeletion, BranchResult, Extent, RemovalOptions, WorktreeResult};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The outcome: what was removed, and what was not.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Pruned {
    /// The branches that were removed, here or on the remote.
    pub(crate) removed: Vec<RemovedBranch>,
    /// The branches that were kept and are left over: those of archived tasks, and those whose work has landed or was taken
    /// back.
    pub(crate) kept: Vec<KeptBranch>,
    /// Where the shell should go: it was in a worktree that was removed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// A task branch that was removed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RemovedBranch {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The branch.
    pub(crate) branch: Branch,
    /// The branch that has its work.
    pub(crate) into: Branch,
    /// The commit at which it landed there.
    pub(crate) landed_at: Oid,
    /// The worktree that was removed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) worktree: Option<PathBuf>,
    /// Whether the branch was removed in this clone.
    pub(crate) here: bool,
    /// Whether it was removed on the remote.
    pub(crate) on_remote: bool,
}

/// A task branch that was kept.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct KeptBranch {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The branch.
    pub(crate) branch: Branch,
    /// Whether its work has landed: `landed`, `taken_back`, `not_landed` or `unknown`.
    pub(crate) state: &'static str,
    /// The commit at which it landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landed_at: Option<Oid>,
    /// The commit that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) taken_back_by: Option<Oid>,
    /// Why it is kept.
    pub(crate) why: String,
}

/// A task branch with its tips, and what was found.
struct Candidate {
    task: TaskId,
    branch: Branch,
    local: Option<Oid>,
    published: Option<Oid>,
    into: Branch,
    landed_at: Oid,
}

/// Removes what has landed, of these branches where some are named. One fetch; one push if there is something to remove
/// on the remote.
pub(crate) fn prune(context: &Context, named: Option<&BTreeSet<Branch>>) -> Result<Pruned> {
    let repository = &context.repository;
    let Branches { locks, data } = branches(context)?;
    if !context.dry_run {
        let _queue = Queue::enter(repository, context.settings.timeout, context.progress)?;
        context.ledger().finish_checkout_updates()?;
    }
    let mut known = known_branches(context)?;
    known.retain(|branch, _| named.is_none_or(|named| named.contains(branch)));
    let outputs = known.values().flat_map(|name| merge_targets(context, name.id()));
    let mut all: Vec<_> = [locks, data.clone()].into_iter().chain(outputs).collect();
    all.extend(known.keys().filter(|_| context.channel.remote().is_some()).cloned());
    all.sort();
    all.dedup();
    let ledger = context.reading_ledger();
    let view = ledger.view(&all, Freshness::Fetched)?;
    let index = Index::load(&view, &data)?;
    let mut pruned = Pruned {
        removed: Vec::new(),
        kept: Vec::new(),
        cd: None,
        aside: Notices { dry_run: context.dry_run.then(DryRun::default), ..Notices::default() },
    };
    let local = refs::load_below(repository, &format!("refs/heads/{BRANCH_PREFIX}"))?;
    let mut candidates = Vec::new();
    for (branch, name) in known {
        let task = name.id();
        let local = local.get(&branch.full()).cloned();
        let published = context.channel.remote().and_then(|_| view.tip(&branch).published);
        let Some(tip) = local.as_ref().or(published.as_ref()) else { continue };
        let is_over = index.archived(task).is_some() && index.active(task).is_none() && view.lock(task)?.is_none();
        let judge = if is_over { landed::of_ended } else { landed::in_outputs };
        let (mut landed, into) = judge(context, task, tip)?;
        if let (Landed::At(_), Some(other)) = (&landed, published.as_ref().filter(|other| *other != tip)) {
            landed = match judge(context, task, other)?.0 {
                Landed::At(_) => landed,
                otherwise => otherwise,
            };
        }
        match (landed, into) {
            (Landed::At(landed_at), Some(into)) if is_over => {
                candidates.push(Candidate { task, branch, local, published, into, landed_at });
            }
            // The branch of a task that is active, with work that is not merged, is in nobody's way.
            (Landed::No | Landed::Unknown, _) if !is_over => {}
            (landed, into) => pruned.kept.push(kept(task, branch, &landed, into.as_ref(), !is_over)),
        }
    }
    let candidates = with_published_output(context, candidates, &mut pruned)?;
    let gone = delete_published(context, &candidates, &mut pruned)?;
    for (candidate, on_remote) in candidates.into_iter().zip(gone) {
        remove(context, candidate, on_remote, &mut pruned)?;
    }
    Ok(pruned)
}

/// The task branches of this clone, and those of the remote that it has seen.
pub(crate) fn known_branches(context: &Context) -> Result<BTreeMap<Branch, TaskName>> {
    let mut prefixes = vec!["refs/heads/".to_owned()];
    prefixes.extend(context.channel.remote().map(|remote| format!("refs/remotes/{remote}/")));
    let mut known = BTreeMap::new();
    for prefix in prefixes {
        let found = refs::load_below(&context.repository, &format!("{prefix}{BRANCH_PREFIX}"))?;
        let names = found.keys().filter_map(|name| Branch::parse(name.as_str().strip_prefix(&prefix)?).ok());
        known.extend(names.filter_map(|branch| Some((branch.clone(), TaskName::from_branch(branch.as_str())?))));
    }
    Ok(known)
}

fn kept(task: TaskId, branch: Branch, landed: &Landed, into: Option<&Branch>, is_active: bool) -> KeptBranch {
    let into = into.map_or("the output branch", Branch::as_str);
    let [landed_at, taken_back_by] = landed.commits();
    let why = match landed {
        Landed::At(at) if is_active => {
            format!(
                "its work is in {into} at {}, and the task is not archived; git aitask finish {task} ends it",
                at.short()
            )
        }
        Landed::At(at) => format!("its work is in {into} at {}", at.short()),
        Landed::TakenBack { at, by, .. } => {
            format!("its work was in {into} at {}, and {} took it back", at.short(), by.short())
        }
        Landed::No => format!("its work is not in {into}"),
        Landed::Unknown => format!("whether its work is in {into} cannot be told"),
    };
    KeptBranch { task_id: task, branch, state: landed.name(), landed_at, taken_back_by, why }
}

/// Keeps what landed in a branch that the remote does not have any more: its remote-tracking ref may be the only place of
/// the work. One connection for each output branch.
fn with_published_output(context: &Context, candidates: Vec<Candidate>, pruned: &mut Pruned) -> Result<Vec<Candidate>> {
    let Some(remote) = context.channel.remote() else { return Ok(candidates) };
    let mut there: BTreeMap<Branch, bool> = BTreeMap::new();
    let mut left = Vec::new();
    for candidate in candidates {
        let Candidate { task, branch, into, .. } = &candidate;
        let is_there = match there.get(into) {
            Some(known) => *known,
            None => remote::has_branch(&context.repository, remote, into, context.settings.timeout)?,
        };
        there.insert(into.clone(), is_there);
        if is_there {
            left.push(candidate);
        } else {
            pruned.kept.push(kept(*task, branch.clone(), &Landed::Unknown, Some(into), false));
        }
    }
    Ok(left)
}

/// Deletes the published branches, each from the tip that has landed: one push, in which the refusal of one branch
/// does not keep the others. Returns for each candidate whether its branch is gone from the remote.
fn delete_published(context: &Context, candidates: &[Candidate], pruned: &mut Pruned) -> Result<Vec<bool>> {
    let update = |candidate: &Candidate| {
        let old = candidate.published.clone()?;
        Some(RefUpdate { name: candidate.branch.full(), old: Some(old), new: None })
    };
    let updates: Vec<_> = candidates.iter().filter_map(update).collect();
    let none = || vec![false; candidates.len()];
    let Some(remote) = context.channel.remote().filter(|_| !updates.is_empty()) else { return Ok(none()) };
    if context.dry_run {
        for update in &updates {
            pruned.aside.would_run(format!("git push {remote} --delete {}", update.name));
        }
        return Ok(none());
    }
    // Where no local branch has the commits, the published one is the only name of them.
    for Candidate { branch, local, published, into, .. } in candidates {
        if let Some(tip) = published.as_ref().filter(|tip| local.as_ref() != Some(*tip)) {
            removal::keep_squashed(context, branch, tip, into)?;
        }
    }
    let gone = push(context, remote, &updates)?;
    let outcome = |candidate: &Candidate| match gone.get(&candidate.branch.full()) {
        None => false,
        Some(None) => true,
        Some(Some(reason)) => {
            let mut it = kept(
                candidate.task,
                candidate.branch.clone(),
                &Landed::At(candidate.landed_at.clone()),
                Some(&candidate.into),
                false,
            );
            it.why = format!("{remote} did not delete it: {reason}");
            pruned.kept.push(it);
            false
        }
    };
    Ok(candidates.iter().map(outcome).collect())
}

/// Deletes refs on the remote. With the reason of each that was not deleted.
fn push(context: &Context, remote: &RemoteName, updates: &[RefUpdate]) -> Result<BTreeMap<RefName, Option<String>>> {
    let options = PushOptions { atomic: false, hooks: true, dry_run: false, limit: context.settings.timeout };
    let report = match remote::push(&context.repository, remote, updates, options)? {
        Pushed::Answered(report) => report,
        Pushed::NotSent(error) | Pushed::Unknown(error) => return Err(error),
        Pushed::NoAtomic => {
            return Err(Error::new(Kind::Bug, "a push that is not atomic was refused as an atomic one"));
        }
    };
    let judged = updates.iter().map(|update| {
        let pushed = report.find(&update.name);
        let reason = match pushed {
            Some(pushed) if pushed.flag == Flag::Deleted => None,
            Some(pushed) => Some(pushed.reason.clone().unwrap_or_else(|| pushed.summary.clone())),
            None => Some("no answer".to_owned()),
        };
        (update.name.clone(), reason)
    });
    Ok(judged.collect())
}

/// Removes the worktree and the branch in this clone.
fn remove(context: &Context, candidate: Candidate, on_remote: bool, pruned: &mut Pruned) -> Result<()> {
    let Candidate { task, branch, local, into, landed_at, .. } = candidate;
    let mut removed = RemovedBranch { task_id: task, branch, into, landed_at, worktree: None, here: false, on_remote };
    let mut why = None;
    if let Some(tip) = &local {
        let fate = BranchDeletion::LandedIn { tip, into: &removed.into };
        let options =
            RemovalOptions { work: Unsaved::Keep, extent: Extent::Worktree, branch: fate, dry_run: context.dry_run };
        match removal::remove(context, &removed.branch, &options) {
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => why = Some(error.to_string()),
            Ok(removal) => {
                pruned.aside.notes.extend(removal.gone);
                removed.here = removal.branch == BranchResult::Deleted;
                if !removed.here {
                    why = Some(removal.causes.join("; "));
                }
                if let WorktreeResult::Removed(path) = removal.worktree {
                    removed.worktree = Some(path);
                }
            }
        }
    }
    if context.dry_run {
        if let Some(path) = &removed.worktree {
            pruned.aside.would_run(format!("git worktree remove {}", quoted(path)));
        }
        if removed.here {
            pruned.aside.would_run(format!("git branch -D {}", removed.branch));
        }
        (removed.here, removed.worktree) = (false, None);
    }
    if let Some(why) = why {
        let landed = Landed::At(removed.landed_at.clone());
        let it = kept(task, removed.branch.clone(), &landed, Some(&removed.into), false);
        pruned.kept.push(KeptBranch { why, ..it });
    }
    pruned.cd = pruned.cd.take().or_else(|| context.way_out(removed.worktree.as_ref()?));
    if removed.here || removed.on_remote || removed.worktree.is_some() {
        pruned.removed.push(removed);
    }
    Ok(())
}
