//! What is left to do in this clone once a task is finished: its worktree and its branch go.

use crate::coordination::claim_record::Held;
use crate::error::Result;
use crate::git::{Branch, Oid, RefName, merge, refs};
use crate::landing::merge::Merge;
use crate::ledger::Channel;
use crate::ops::finish::{Done, Finished};
use crate::project::Context;
use crate::task::Task;
use crate::worktrees::branches::tips;

/// After the swap: worktree and branch go, the branch only since its commits are where they were to land.
pub(crate) fn tidy(context: &Context, done: &Done, into: &Branch, finished: &mut Finished) -> Result<()> {
    let (repository, place) = (&context.repository, &done.place);
    let Some(tip) = &done.tip else {
        finished.worktree_removed = place.remove(context, false)?.worktree;
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
    let removed = place.remove(context, false)?;
    finished.worktree_removed = removed.worktree;
    let (local, tracking) = tips(context, into)?;
    let published = if context.channel == Channel::Local { local } else { tracking };
    let reachable = match &published {
        Some(output) => merge::is_ancestor(repository, tip, output)?,
        None => false,
    };
    let keep = if reachable { None } else { squashed_name(context, &done.task, tip)? };
    let kept = place.delete_branch(context, &removed, tip, keep)?;
    finished.branch_deleted = kept.is_none();
    finished.aside.notes.extend(kept);
    if stays { Ok(()) } else { Held::forget(repository, done.task.id) }
}

/// Squashed: the content has landed, the commits have not. They keep a name of their own, and so do earlier ones.
fn squashed_name(context: &Context, task: &Task, tip: &Oid) -> Result<Option<RefName>> {
    let name = format!("refs/aitask/squashed/{}", task.name.as_str());
    let Some(first) = RefName::parse(&name) else { return Ok(None) };
    let taken = match refs::load(&context.repository, std::slice::from_ref(&first))?.get(&first) {
        Some(earlier) => !merge::is_ancestor(&context.repository, earlier, tip)?,
        None => false,
    };
    Ok(if taken { RefName::parse(&format!("{name}-{}", tip.short())) } else { Some(first) })
}
