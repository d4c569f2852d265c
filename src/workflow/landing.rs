//! Where the work of a task is to land, and whether it has: the branches that code may go to, and what of a task branch is
//! not there yet.

use super::place::tips;
use super::planned::Planned;
use crate::coordination::claim_record::Held;
use crate::error::{Error, Kind, Result, quoted};
use crate::git::{Branch, Oid, merge, refs, worktree};
use crate::ledger::{DATA, IDS, LOCKS};
use crate::project::context::{Context, Wanted};
use crate::project::cut_off::Site;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName, WORKTREES_DIR};
use std::path::PathBuf;

/// Refuses a branch that carries locks, ids or task data: no code is cut from it, or goes there.
///
/// # Errors
/// [`Kind::Usage`].
pub(super) fn require_code(context: &Context, branch: &Branch) -> Result<()> {
    let name = branch.as_str();
    if !(matches!(name, LOCKS | IDS) || (name == DATA && context.has_data_branch())) {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{branch} coordinates the tasks, and no code is cut from it or goes there"))
        .hint("git branch -a"))
}

/// Refuses to take one of these tasks with its own branch as the base.
///
/// # Errors
/// [`Kind::Usage`].
pub(super) fn require_other_base(base: &Branch, wanted: &[Wanted]) -> Result<()> {
    let Some(name) = TaskName::from_branch(base.as_str()) else { return Ok(()) };
    if wanted.iter().all(|wanted| wanted.id != name.id()) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!("{base} is the branch of {} itself, and is not cut from itself", name.id().t()),
    )
    .hint(format!("git aitask pick {}   # goes on with the branch", name.id())))
}

/// Refuses to merge a task branch into itself.
///
/// # Errors
/// [`Kind::Usage`].
pub(super) fn require_other_output(into: &Branch, task_branch: &Branch) -> Result<()> {
    if into != task_branch {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{into} is the branch of the task itself, and is not merged into itself"))
        .hint("git aitask finish --into main"))
}

/// The error for an output branch that is not where work is published.
pub(super) fn no_output(context: &Context, into: &Branch) -> Error {
    let here = tips(context, into).is_ok_and(|(local, _)| local.is_some());
    match context.channel.remote().filter(|_| here) {
        Some(remote) => Error::new(Kind::Usage, format!("{into} is not published on {remote}, so nothing lands there"))
            .hint(format!("git push -u {remote} {}", quoted(into))),
        None => Error::new(Kind::Usage, format!("there is no branch {into} to merge into")).hint("git branch -a"),
    }
}

/// The branches of which one must have all commits of a task branch before that may go: the one it was cut from and the
/// one it is merged into, as far as they are known; else that of the main worktree.
#[must_use]
pub(super) fn homes(context: &Context, task: TaskId) -> Vec<Branch> {
    let settings = &context.settings;
    let parse = |name: &String| Branch::parse(name).ok();
    // A header that cannot be read names no branch; whoever merges says so.
    let planned = Planned::load(context, task).unwrap_or_default();
    let output = planned.output.or_else(|| settings.output.as_ref().and_then(parse));
    let cut_from = Held::load(&context.repository, task).and_then(|held| held.base).as_ref().and_then(parse);
    let base = cut_from.or(planned.base).or_else(|| settings.base.as_ref().and_then(parse));
    let mut homes: Vec<_> = output.into_iter().chain(base).collect();
    if homes.is_empty() {
        homes.extend(context.repository.root_branch.clone());
    }
    homes
}

/// Whether a commit is in one of these branches, here or as published; without branches, in what the main worktree has
/// checked out.
pub(super) fn has_landed(context: &Context, commit: &Oid, homes: &[Branch]) -> Result<bool> {
    if homes.is_empty() {
        return merge::is_in_head(&context.repository, commit);
    }
    for home in homes {
        let (local, tracking) = tips(context, home)?;
        for tip in local.iter().chain(tracking.iter()) {
            if merge::is_ancestor(&context.repository, commit, tip)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What to say of a rebase that went with its worktree: where it stood, if there were commits that nothing else has.
pub(super) fn lost_rebase(context: &Context, stood: Option<&Oid>, homes: &[Branch]) -> Result<Option<String>> {
    let Some(stood) = stood else { return Ok(None) };
    let landed = has_landed(context, stood, homes)?;
    Ok((!landed).then(|| format!("the rebase stood at {stood}; git branch NAME {} keeps that", stood.short())))
}

/// What archiving a task leaves lying about: commits of its branch that are in none of `homes` (without any: not in what
/// the main worktree has checked out), and uncommitted work. No process when it certainly has no branch.
pub fn loose_ends(context: &Context, name: &str, homes: &[Branch]) -> Result<Option<String>> {
    let repository = &context.repository;
    let Ok(branch) = Branch::parse(&format!("{BRANCH_PREFIX}{name}")) else { return Ok(None) };
    if !refs::may_exist(repository, &branch.full()) {
        return Ok(None);
    }
    let mut known = Vec::new();
    for home in homes {
        let (local, tracking) = tips(context, home)?;
        known.extend(local.into_iter().chain(tracking));
    }
    let mut known: Vec<_> = known.iter().map(Oid::as_str).collect();
    if known.is_empty() {
        known.push("HEAD");
    }
    let Some(count) = merge::count_beyond(repository, &branch, &known)? else { return Ok(None) };
    let place = repository.root.join(WORKTREES_DIR).join(name);
    let place = if repository.has_checked_out(&place, &branch) {
        Some(place)
    } else {
        repository.worktree_of(&branch)?.filter(|record| !worktree::is_gone(record)).map(|record| record.path)
    };
    let place = place.filter(|place| *place != repository.root);
    let has_work =
        |place: &PathBuf| Site::of(repository, place, &branch).load_work().is_ok_and(|work| !work.is_empty());
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
