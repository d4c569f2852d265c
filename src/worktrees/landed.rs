//! Whether the commits of a task have landed: the branches that may contain them, from where they are counted, and what of
//! a task branch is in none of these.

use crate::coordination::lock_record::LockRecord;
use crate::error::Result;
use crate::git::{Branch, Oid, merge, refs, registry, worktree};
use crate::project::context::Context;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName, WORKTREES_DIR};
use crate::worktrees::branches::tips;
use crate::worktrees::plan_branches::PlannedBranches;
use std::path::PathBuf;

/// The branches that a task branch may be merged into: its output and its base, as far as they are known, else the
/// branch of the main worktree. A task branch may be deleted when one of them contains all of its commits.
pub(crate) fn merge_targets(context: &Context, task: TaskId) -> Vec<Branch> {
    let settings = &context.settings;
    let parse = |name: &String| Branch::parse(name).ok();
    // The header of a plan that cannot be read names no branch here. `finish` reports it, and only there does it
    // matter.
    let planned = PlannedBranches::load(context, task).unwrap_or_default();
    let output = planned.output.or_else(|| settings.output.as_ref().and_then(parse));
    let held = LockRecord::load(&context.repository, task);
    let picked_on = held.as_ref().and_then(|held| held.picked_on.as_ref()).and_then(parse);
    let cut_from = held.and_then(|held| held.base).as_ref().and_then(parse);
    let base = cut_from.or(planned.base).or_else(|| settings.base.as_ref().and_then(parse));
    let mut merge_targets: Vec<_> = output.into_iter().chain(base).collect();
    if merge_targets.is_empty() {
        merge_targets.extend(context.repository.root_branch.clone());
    }
    // Whoever works on a task branch in the main worktree has it checked out there; work has not landed in itself.
    merge_targets.retain(|branch| !branch.as_str().starts_with(BRANCH_PREFIX));
    if merge_targets.is_empty() {
        merge_targets.extend(picked_on.or_else(|| context.known_default_branch()));
    }
    merge_targets
}

/// The tip of an output branch that decides whether work has landed for everybody: the published one; without a remote,
/// the local one.
pub(crate) fn deciding_tip(context: &Context, output: &Branch) -> Result<Option<Oid>> {
    let tips = tips(context, output)?;
    Ok(if context.channel.remote().is_some() { tips.tracking } else { tips.local })
}

/// The commit from which the commits of a task branch are counted, wherever they are told: the tip of the branch that it
/// was cut from, as this clone has noted it, else of one that it may be merged into; the published tip where there is one,
/// since a clone that never pulls has an old local one. No process, as a rule.
pub(crate) fn counted_from(context: &Context, branch: &Branch) -> Option<Oid> {
    let task = TaskName::from_branch(branch.as_str())?.id();
    let noted = LockRecord::load(&context.repository, task).and_then(|held| Branch::parse(&held.base?).ok());
    let others = std::iter::once_with(|| merge_targets(context, task)).flatten();
    noted.into_iter().chain(others).find_map(|base| {
        let known = tips(context, &base).ok()?;
        known.tracking.or(known.local)
    })
}

/// Whether one of these branches contains a commit for everybody.
pub(crate) fn has_landed_for_all(context: &Context, commit: &Oid, merge_targets: &[Branch]) -> Result<bool> {
    for branch in merge_targets {
        if let Some(tip) = deciding_tip(context, branch)?
            && merge::is_ancestor(&context.repository, commit, &tip)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of these branches contains a commit, locally or as published; without branches, whether `HEAD` of the
/// main worktree does.
pub(crate) fn has_landed(context: &Context, commit: &Oid, merge_targets: &[Branch]) -> Result<bool> {
    if merge_targets.is_empty() {
        return merge::is_in_head(&context.repository, commit);
    }
    for branch in merge_targets {
        let tips = tips(context, branch)?;
        for tip in tips.local.iter().chain(&tips.tracking) {
            if merge::is_ancestor(&context.repository, commit, tip)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The note about a rebase that was in progress in a removed worktree: its last commit, if no branch contains it.
pub(crate) fn lost_rebase(context: &Context, stood: Option<&Oid>, merge_targets: &[Branch]) -> Result<Option<String>> {
    let Some(stood) = stood else { return Ok(None) };
    let landed = has_landed(context, stood, merge_targets)?;
    Ok((!landed)
        .then(|| format!("a rebase was in progress at {stood}; git branch <name> {} keeps its commits", stood.short())))
}

/// The note about work that an archived task leaves in this clone: commits of its branch that no branch of
/// `merge_targets` contains (without any: that `HEAD` of the main worktree does not contain), and uncommitted work.
/// Starts no process when the task certainly has no branch, so that archiving many tasks stays cheap.
pub(crate) fn describe_remaining_work(
    context: &Context,
    name: &str,
    merge_targets: &[Branch],
) -> Result<Option<String>> {
    let repository = &context.repository;
    let Ok(branch) = Branch::parse(&format!("{BRANCH_PREFIX}{name}")) else { return Ok(None) };
    if !refs::may_exist(repository, &[branch.full()]) {
        return Ok(None);
    }
    let commits = commits_beyond(context, &branch, merge_targets)?;
    let place = repository.root.join(WORKTREES_DIR).join(name);
    let place = if registry::has_checked_out(&place, &branch) {
        Some(place)
    } else {
        repository.worktree_of(&branch)?.filter(|record| !worktree::is_gone(record)).map(|record| record.path)
    };
    let place = place.filter(|place| *place != repository.root);
    let has_work = |place: &PathBuf| {
        RecoverableWorktree::of(repository, place, &branch).load_work().is_ok_and(|work| !work.is_empty())
    };
    let dirty = place.filter(has_work);
    let dirty = dirty.map(|place| format!("{} has uncommitted work", place.display()));
    let ends: Vec<_> = commits.into_iter().chain(dirty).collect();
    Ok((!ends.is_empty()).then(|| ends.join("; ")))
}

/// How many commits a branch of this clone has that no branch of `merge_targets` contains (without any: that `HEAD` of the
/// main worktree does not contain), as a sentence; `None` without such commits. No process where there is no such branch.
pub(crate) fn commits_beyond(context: &Context, branch: &Branch, merge_targets: &[Branch]) -> Result<Option<String>> {
    let repository = &context.repository;
    if !refs::may_exist(repository, &[branch.full()]) {
        return Ok(None);
    }
    let mut known = Vec::new();
    for branch in merge_targets {
        let tips = tips(context, branch)?;
        known.extend(tips.local.into_iter().chain(tips.tracking));
    }
    let mut known: Vec<_> = known.iter().map(Oid::as_str).collect();
    if known.is_empty() {
        known.push("HEAD");
    }
    let count = merge::count_beyond(repository, branch, &known)?.filter(|count| *count > 0);
    let into = merge_targets.first().or(repository.root_branch.as_ref()).map_or("HEAD", Branch::as_str);
    Ok(count.map(|count| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{branch} has {count} commit{plural} that {into} lacks")
    }))
}
