//! What is left to do in this clone once a task is finished: its worktree and its branch go.

use crate::coordination::lock_record::LockRecord;
use crate::error::Result;
use crate::git::Branch;
use crate::git::worktree::Unsaved;
use crate::ops::finish::decide::{Finishing, Work};
use crate::ops::finish::{Done, Finished};
use crate::project::Context;
use crate::worktrees::removal::{BranchEnd, BranchFate, Extent, Manner, remove};

/// After the swap: worktree and branch go, the branch only since its commits are where they were to land.
pub(crate) fn tidy(context: &Context, done: &Done, into: &Branch, finished: &mut Finished) -> Result<()> {
    let (repository, place) = (&context.repository, &done.place);
    let Finishing { task, work, unlocked, .. } = &done.finishing;
    // The task goes on being ours.
    let stays = !unlocked && !task.path.is_archived();
    let fate = match work {
        None => BranchFate::Stays,
        Some(Work { merge: None, .. }) => {
            // Archived by somebody, but not with this work in it.
            finished.aside.notes.push(format!("{} has commits that are not in {into}; it is kept", place.branch));
            return Ok(());
        }
        Some(Work { tip, .. }) => BranchFate::LandedIn { tip, into },
    };
    if let (true, true, Some(held)) = (stays, work.is_some(), LockRecord::load(repository, task.id)) {
        // Its branch is about to go.
        LockRecord { merged: true, ..held }.save(repository, task.id)?;
    }
    let manner = Manner { work: Unsaved::Keep, extent: Extent::Worktree, branch: fate, dry_run: false };
    let removal = remove(context, &place.branch, &manner)?;
    finished.worktree_removed = removal.has_removed();
    finished.branch_deleted = removal.branch == BranchEnd::Deleted;
    if work.is_some() {
        finished.aside.notes.extend(removal.causes);
    }
    if stays { Ok(()) } else { LockRecord::forget(repository, task.id) }
}
