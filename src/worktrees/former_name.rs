//! The branch of a task whose file was renamed. A task's branch is found by the name of its file, so that the one with the
//! former name, with its commits and its worktree, would be forgotten.

use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Oid, RefName, merge, refs};
use crate::project::context::Context;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName};
use crate::worktrees::landed::{has_landed_for_all, merge_targets};
use crate::worktrees::task_worktree::TaskWorktree;

/// Refuses a task whose work is on a branch with a former name, here or on the remote as it was fetched, while the branch of
/// its present name has none. A former branch counts where its commits have not landed, and where it is checked out. No
/// process where git's files show no such branch.
///
/// # Errors
/// [`Kind::Occupied`] with the command that brings the work to the branch of the present name.
pub(crate) fn require_none(context: &Context, place: &TaskWorktree) -> Result<()> {
    let (repository, branch) = (&context.repository, &place.branch);
    let Some(task) = TaskName::from_branch(branch.as_str()).map(|name| name.id()) else { return Ok(()) };
    let branches = of_task(context, task)?;
    let formers: Vec<_> = branches.iter().filter(|(_, other, _)| other != branch).collect();
    if formers.is_empty() {
        return Ok(());
    }
    let (targets, held) = (merge_targets(context, task), LockRecord::load(repository, task));
    let has_work = |tip: &Oid| -> Result<bool> {
        let is_cut = held.as_ref().is_some_and(|held| held.is_cut_at(tip));
        Ok(!is_cut && !has_landed_for_all(context, tip, &targets)?)
    };
    let tip_of = |name: &RefName| branches.iter().find(|(other, ..)| other == name).map(|(.., tip)| tip);
    let own = tip_of(&branch.full());
    let is_published = context.channel.remote().is_some_and(|remote| tip_of(&branch.tracking(remote)).is_some());
    if is_published || own.map(has_work).transpose()? == Some(true) {
        return Ok(());
    }
    for (name, former, tip) in formers {
        let is_here = *name == former.full();
        let is_checked_out = is_here && place.all.iter().any(|record| record.branch.as_ref() == Some(name));
        let is_contained = match own {
            Some(own) => merge::is_ancestor(repository, tip, own)?,
            None => false,
        };
        if !is_checked_out && (is_contained || !has_work(tip)?) {
            continue;
        }
        let shown = name.as_str().trim_start_matches("refs/heads/").trim_start_matches("refs/remotes/");
        let message =
            format!("{} was renamed: its work is on {shown}, and its branch is now called {branch}", task.prefixed());
        let hint = match (&place.record, own.is_some()) {
            (Some(record), true) => command!["git merge", shown].within(&record.path),
            (_, true) => command!["git branch -f", branch, shown],
            (_, false) if is_here => command!["git branch -m", former, branch],
            (_, false) => command!["git branch --no-track", branch, shown],
        };
        return Err(Error::new(Kind::Occupied, message).hint(hint.note("then the same command again")));
    }
    Ok(())
}

/// The branches of this task with their refs and tips, those of this clone first.
fn of_task(context: &Context, task: TaskId) -> Result<Vec<(RefName, Branch, Oid)>> {
    let repository = &context.repository;
    let remote = context.channel.remote().map(|remote| format!("refs/remotes/{remote}/"));
    let mut found = Vec::new();
    for place in std::iter::once("refs/heads/".to_owned()).chain(remote) {
        let below = format!("{place}{BRANCH_PREFIX}");
        found.extend(refs::load_below(repository, &below)?.into_iter().filter_map(|(name, tip)| {
            let branch = Branch::parse(name.as_str().strip_prefix(&place)?).ok()?;
            let is_of_task = TaskName::from_branch(branch.as_str()).is_some_and(|name| name.id() == task);
            is_of_task.then_some((name, branch, tip))
        }));
    }
    Ok(found)
}
