//! Whether a parent may end with its last open child.

use crate::coordination::{LockEntry, Session};
use crate::error::Result;
use crate::git::{Branch, Oid, merge, worktree};
use crate::landing::landed::{self, Landed};
use crate::project::context::Context;
use crate::project::holder::held_by_another;
use crate::task::{TaskName, TaskPath};
use crate::worktrees::branches::tips;
use crate::worktrees::task_worktree::TaskWorktree;

/// Until when a parent stays active after its last open child, for a sentence; `None` where it may end with that: nobody
/// holds it, and its branch has no commits that wait to be merged. Who ended it with them would call work done that is
/// nowhere but on that branch. `landing` is the work that is merged in the same swap, with the branch that gets it. One
/// process where nobody holds the parent and it has no branch.
pub(crate) fn stays_until(
    context: &Context,
    session: &Session,
    path: &TaskPath,
    lock: Option<&LockEntry>,
    landing: Option<(&Oid, &Branch)>,
) -> Result<Option<String>> {
    let (id, task) = (path.id(), path.id().prefixed());
    let branch = Branch::parse(&path.name().branch_name())?;
    if let Some(holder) = lock.and_then(|lock| held_by_another(context, session, lock)) {
        return Ok(Some(format!("its holder finishes it: {task} is {holder}")));
    }
    let unmerged = unmerged(context, path, &branch, landing)?;
    Ok(match (lock, unmerged) {
        (Some(_), Some(_)) => Some(format!("you finish it: {}", command!["git aitask finish", id])),
        // Archived, it would leave behind what is not committed.
        (Some(_), None) if is_dirty(context, path.name()) => {
            Some(format!("you commit what its worktree has and finish it: {}", command!["git aitask finish", id]))
        }
        (Some(_), None) => Some(format!("you end it: {}", command!["git aitask archive", id])),
        (None, Some(into)) => Some(format!(
            "its branch is merged: {branch} has commits that are not in {into}; {}",
            command!["git aitask pick", id]
        )),
        (None, None) => None,
    })
}

/// The branch that lacks commits of the task branch, here or as published; `None` where none lacks any.
fn unmerged(
    context: &Context,
    path: &TaskPath,
    branch: &Branch,
    landing: Option<(&Oid, &Branch)>,
) -> Result<Option<String>> {
    let known = tips(context, branch)?;
    for tip in known.local.iter().chain(known.tracking.iter().filter(|it| known.local.as_ref() != Some(it))) {
        // What is merged into it now is not merged anywhere else.
        let gets_more = landing.is_some_and(|(_, into)| into == branch);
        let (landed, output) = landed::of_ended(context, path.id(), tip)?;
        let is_merged = matches!(landed, Landed::At(_) | Landed::TakenBack { .. });
        let lands_now = || landing.map_or(Ok(false), |(work, _)| merge::is_ancestor(&context.repository, tip, work));
        if gets_more || !is_merged && !lands_now()? {
            return Ok(Some(output.map_or_else(|| "any other branch".to_owned(), |output| output.to_string())));
        }
    }
    Ok(None)
}

/// Whether the worktree of the task in this clone has uncommitted work. One process where there is one; `false` where it
/// cannot be read, which its end says by itself.
fn is_dirty(context: &Context, name: &TaskName) -> bool {
    let record = TaskWorktree::find(context, name).ok().and_then(|place| place.record);
    record.is_some_and(|it| worktree::load_status(&context.repository, &it.path).is_ok_and(|status| status.is_dirty()))
}
