//! Cleaning up in this clone after a task was finished: removing its worktree and its branch.

use crate::coordination::lock_record::LockRecord;
use crate::error::Result;
use crate::git::Branch;
use crate::git::worktree::Unsaved;
use crate::ops::finish::decide::{FinishDecision, TaskWork};
use crate::ops::finish::{FinishOutcome, Finished};
use crate::project::Context;
use crate::worktrees::removal::remove;
use crate::worktrees::removal_result::{BranchDeletion, BranchResult, Extent, RemovalOptions};

/// Removes the worktree and the branch, after the swap: the branch may go because the output branch has its content. A
/// dry run says what would be removed.
pub(crate) fn clean_up(context: &Context, done: &FinishOutcome, into: &Branch, finished: &mut Finished) -> Result<()> {
    let (repository, place) = (&context.repository, &done.place);
    let FinishDecision { task, work, unlocked, .. } = &done.finishing;
    // The task stays active and held by this session.
    let stays = !unlocked && !task.path.is_archived();
    let fate = match work {
        None => BranchDeletion::Stays,
        Some(TaskWork { merge: None, .. }) => {
            // Somebody archived the task without this work.
            finished.aside.notes.push(format!("{} has commits that are not in {into}; it is kept", place.branch));
            return Ok(());
        }
        Some(TaskWork { tip, .. }) => BranchDeletion::LandedIn { tip, into },
    };
    if let (true, true, false, Some(held)) =
        (stays, work.is_some(), context.dry_run, LockRecord::load(repository, task.id))
    {
        // Recorded before the branch is deleted: a later finish then knows that a missing branch means merged work.
        LockRecord { merged: true, ..held }.save(repository, task.id)?;
    }
    let options =
        RemovalOptions { work: Unsaved::Keep, extent: Extent::Worktree, branch: fate, dry_run: context.dry_run };
    let removal = remove(context, &place.branch, &options)?;
    finished.worktree_removed = removal.has_removed();
    finished.branch_deleted = removal.branch == BranchResult::Deleted;

    finished.would_run = removal.commands(&place.branch);
    finished.aside.notes.extend(removal.gone);
    if work.is_some() {
        finished.aside.notes.extend(removal.causes);
    }
    if stays || context.dry_run { Ok(()) } else { LockRecord::forget(repository, task.id) }
}
