//! Where the work of a task is to land, and whether it has: the branches that code may go to, and what of a task branch is
//! not there yet.

use crate::coordination::lock_record::LockRecord;
use crate::error::Result;
use crate::git::{Branch, Oid, merge, refs, registry, worktree};
use crate::project::context::Context;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::{BRANCH_PREFIX, TaskId, WORKTREES_DIR};
use crate::worktrees::branches::tips;
use crate::worktrees::plan_branches::Planned;
use std::path::PathBuf;

/// The branches of which one must have all commits of a task branch before that may go: the one it was cut from and the
/// one it is merged into, as far as they are known; else that of the main worktree.
pub(crate) fn homes(context: &Context, task: TaskId) -> Vec<Branch> {
    let settings = &context.settings;
    let parse = |name: &String| Branch::parse(name).ok();
    // A header that cannot be read names no branch; whoever merges says so.
    let planned = Planned::load(context, task).unwrap_or_default();
    let output = planned.output.or_else(|| settings.output.as_ref().and_then(parse));
    let cut_from = LockRecord::load(&context.repository, task).and_then(|held| held.base).as_ref().and_then(parse);
    let base = cut_from.or(planned.base).or_else(|| settings.base.as_ref().and_then(parse));
    let mut homes: Vec<_> = output.into_iter().chain(base).collect();
    if homes.is_empty() {
        homes.extend(context.repository.root_branch.clone());
    }
    homes
}

/// Whether a commit is in one of these branches, here or as published; without branches, in what the main worktree has
/// checked out.
pub(crate) fn has_landed(context: &Context, commit: &Oid, homes: &[Branch]) -> Result<bool> {
    if homes.is_empty() {
        return merge::is_in_head(&context.repository, commit);
    }
    for home in homes {
        let tips = tips(context, home)?;
        for tip in tips.local.iter().chain(&tips.tracking) {
            if merge::is_ancestor(&context.repository, commit, tip)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What to say of a rebase that went with its worktree: where it stood, if there were commits that nothing else has.
pub(crate) fn lost_rebase(context: &Context, stood: Option<&Oid>, homes: &[Branch]) -> Result<Option<String>> {
    let Some(stood) = stood else { return Ok(None) };
    let landed = has_landed(context, stood, homes)?;
    Ok((!landed).then(|| format!("the rebase stood at {stood}; git branch NAME {} keeps that", stood.short())))
}

/// What archiving a task leaves lying about: commits of its branch that are in none of `homes` (without any: not in what
/// the main worktree has checked out), and uncommitted work. No process when it certainly has no branch.
pub(crate) fn loose_ends(context: &Context, name: &str, homes: &[Branch]) -> Result<Option<String>> {
    let repository = &context.repository;
    let Ok(branch) = Branch::parse(&format!("{BRANCH_PREFIX}{name}")) else { return Ok(None) };
    if !refs::may_exist(repository, &branch.full()) {
        return Ok(None);
    }
    let mut known = Vec::new();
    for home in homes {
        let tips = tips(context, home)?;
        known.extend(tips.local.into_iter().chain(tips.tracking));
    }
    let mut known: Vec<_> = known.iter().map(Oid::as_str).collect();
    if known.is_empty() {
        known.push("HEAD");
    }
    let Some(count) = merge::count_beyond(repository, &branch, &known)? else { return Ok(None) };
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
    let into = homes.first().or(repository.root_branch.as_ref()).map_or("HEAD", Branch::as_str);
    let commits = (count > 0).then(|| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{branch} has {count} commit{plural} that {into} lacks")
    });
    let dirty = dirty.map(|place| format!("{} has uncommitted work", place.display()));
    let ends: Vec<_> = commits.into_iter().chain(dirty).collect();
    Ok((!ends.is_empty()).then(|| ends.join("; ")))
}
