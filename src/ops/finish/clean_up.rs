//! Cleaning up in this clone after a task was finished: removing its worktree and its branch; and the
//! outcome.

use crate::coordination::Session;
use crate::coordination::lock_record::LockRecord;
use crate::error::Result;
use crate::git::Branch;
use crate::git::worktree::Unsaved;
use crate::landing::merge::Merge;
use crate::landing::task_branch;
use crate::ledger::{Channel, TransactionResult};
use crate::ops::finish::decide::{FinishDecision, FinishRequest, TaskWork};
use crate::ops::finish::{FinishOutcome, Finished, LandedMerge};
use crate::ops::task_info::{PullRequest, Surroundings};
use crate::project::Context;
use crate::project::outcome::Notices;
use crate::task::TaskId;
use crate::worktrees::removal::{keep_squashed, remove};
use crate::worktrees::removal_result::{BranchDeletion, BranchResult, Extent, RemovalOptions};

/// Cleans up in this clone, and builds the outcome.
pub(super) fn finish_locally(
    context: &Context,
    request: &FinishRequest<'_>,
    session: &Session,
    landed: TransactionResult<FinishOutcome>,
    refusal: Option<String>,
) -> Result<Finished> {
    let FinishRequest { options, mode, into, .. } = *request;
    let mut aside = Notices::of(context, &landed);
    aside.notes.extend(landed.value.finishing.notes.iter().cloned());
    let (merge_commit, addresses) = (landed.tip(into).cloned(), landed.addresses);
    let done = landed.value;
    let FinishDecision { task, work, unpublished, .. } = &done.finishing;
    let stays = refusal.map(|why| format!("{} stays on the remote: {why}", done.place.branch));
    let remote_branch_deleted = stays.is_some().then_some(false).or(unpublished.then_some(true));
    aside.notes.extend(stays);
    let merged = work.as_ref().and_then(|TaskWork { merge, proof, .. }| {
        let is_news = *merge.as_ref()? != Merge::Already;
        let (branch, into) = (done.place.branch.clone(), into.clone());
        let commit = proof.clone().or(merge_commit);
        Some(LandedMerge { branch, into, commit, mode: is_news.then_some(mode) })
            .filter(|_| !(options.no_push && is_news))
    });
    let ended = |id: &TaskId| done.finishing.ended.contains(id);
    let around = Surroundings::new(context, done.active.iter().copied().filter(|id| !ended(id))).asked_by(session);
    let lock = done.lock.as_ref().filter(|_| !done.finishing.unlocked);
    let mut finished = Finished {
        // Not yet with its worktree.
        task: around.describe_at(task, lock, None),
        merged,
        checks: Vec::new(),
        archived: done.finishing.archived.clone(),
        unlocked: done.finishing.unlocked,
        worktree_removed: false,
        branch_deleted: false,
        remote_branch_deleted,
        pushed: None,
        addresses,
        cd: None,
        aside: Notices::default(),
        into: into.clone(),
        is_checked_out: context.repository.here_branch.as_ref() == Some(&done.place.branch)
            && context.repository.toplevel == context.repository.root,
        is_last: !options.carries_over() && done.active.iter().all(ended),
        leaves_none_free: !options.carries_over() && done.free.iter().all(ended),
        would_run: Vec::new(),
    };
    let again = [command!["git aitask finish", task.id].note("the same command again completes it")];
    if options.no_push {
        if context.channel == Channel::Local {
            aside.notes.push("this repository has no remote, so nothing was pushed".to_owned());
        } else if let Some(work) = work {
            finished.pushed = Some(done.place.branch.clone());
            let noted =
                if context.dry_run { Ok(()) } else { task_branch::remember_pushed(context, task.id, &work.tip) };
            aside.after_swap(noted, "the branch was pushed, but this clone could not note that", again)?;
        }
    } else {
        let cleaned = clean_up(context, &done, into, &mut finished);
        let end = if finished.archived.is_empty() { "merged" } else { "finished" };
        aside.after_swap(
            cleaned,
            &format!("the task is {end}, but what it leaves here could not be removed"),
            again,
        )?;
        finished.would_run.drain(..).for_each(|command| aside.would_run(command));
    }
    if finished.worktree_removed {
        finished.cd = context.way_out(&done.place.path);
    } else {
        finished.task = around.describe(task, lock);
    }
    if let (true, true, Some(work)) = (context.dry_run, finished.pushed.is_some(), work) {
        finished.task.pull_request = Some(PullRequest::of(context, task.id, work.tip.to_string()));
    }
    aside.notes.append(&mut finished.aside.notes);
    finished.aside = aside;
    Ok(finished)
}

/// Removes the worktree and the branch, after the swap: the branch may go because the output branch has its content. A
/// dry run says what would be removed.
fn clean_up(context: &Context, done: &FinishOutcome, into: &Branch, finished: &mut Finished) -> Result<()> {
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
        Some(TaskWork { tip, elsewhere: Some(published), .. }) if tip == published => BranchDeletion::Stays,
        Some(TaskWork { tip, .. }) => BranchDeletion::LandedIn { tip, into },
    };
    if let (true, true, false, Some(held)) =
        (stays, work.is_some(), context.dry_run, LockRecord::load(repository, task.id))
    {
        // Recorded before the branch is deleted: a later finish then knows that a missing branch means merged work.
        LockRecord { merged: true, ..held }.save(repository, task.id)?;
    }
    if let (Some(published), false) = (work.as_ref().and_then(|work| work.elsewhere.as_ref()), context.dry_run) {
        // Where it landed in other commits, no branch has these any more.
        keep_squashed(context, &place.branch, published, into)?;
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
    if stays || context.dry_run {
        return Ok(());
    }
    // A parent that ended with it, too.
    let also = done.finishing.ended.iter().filter(|id| **id != task.id);
    std::iter::once(&task.id).chain(also).try_for_each(|id| LockRecord::forget(repository, *id))
}
