//! What is left to do in this clone once a task is finished: its worktree and its branch go.

use crate::coordination::claim_record::Held;
use crate::error::Result;
use crate::git::Branch;
use crate::git::worktree::Unsaved;
use crate::landing::merge::Merge;
use crate::ops::finish::{Done, Finished};
use crate::project::Context;
use crate::worktrees::removal::{BranchEnd, BranchFate, Extent, Manner, remove};

/// After the swap: worktree and branch go, the branch only since its commits are where they were to land.
pub(crate) fn tidy(context: &Context, done: &Done, into: &Branch, finished: &mut Finished) -> Result<()> {
    let (repository, place) = (&context.repository, &done.place);
    let manner = |branch| Manner { work: Unsaved::Keep, extent: Extent::Worktree, branch, dry_run: false };
    let Some(tip) = &done.tip else {
        finished.worktree_removed = remove(context, &place.branch, &manner(BranchFate::Stays))?.has_removed();
        let stays = !done.unlocked && !done.task.path.is_archived();
        return if stays { Ok(()) } else { Held::forget(repository, done.task.id) };
    };
    let cut_off = done.task.path.is_archived();
    if cut_off && done.merge != Some(Merge::Already) {
        // Archived by somebody, but not with this work in it.
        finished.aside.notes.push(format!("{} has commits that are not in {into}; it is kept", place.branch));
        return Ok(());
    }
    let stays = !done.unlocked && !cut_off;
    if let (true, Some(held)) = (stays, Held::load(repository, done.task.id)) {
        // The task goes on being ours, and its branch is about to go.
        Held { merged: true, ..held }.save(repository, done.task.id)?;
    }
    let removal = remove(context, &place.branch, &manner(BranchFate::LandedIn { tip, into }))?;
    finished.worktree_removed = removal.has_removed();
    finished.branch_deleted = removal.branch == BranchEnd::Deleted;
    finished.aside.notes.extend(removal.causes);
    if stays { Ok(()) } else { Held::forget(repository, done.task.id) }
}
