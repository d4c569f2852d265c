//! The next step of a session: one answer for every page that names one.

use crate::coordination::lock_record::LockRecord;
use crate::error::Hint;
use crate::git::{Branch, refs};
use crate::ops::task_info::TaskInfo;
use crate::project::context::Context;
use crate::task::TaskId;

/// The next step.
#[derive(Debug)]
pub(crate) struct NextStep {
    /// The command, or advice.
    pub(crate) hint: Hint,
    /// Whether it is about a task that this session holds.
    pub(crate) is_own: bool,
}

impl NextStep {
    /// For a clone that is set up or not, from the tasks that are held, with their worktrees, and from whether one can be
    /// picked. Of several tasks of this session that of the worktree counts in which the caller is, else the first with a
    /// worktree; one that only waits for its pull request is left until nothing else can be done.
    pub(crate) fn of(context: &Context, is_set_up: bool, held: &[TaskInfo], is_any_ready: bool) -> Self {
        let here = context.task_here().map(|name| name.id());
        let own = || held.iter().filter(|row| row.mine);
        let waits = |row: &&TaskInfo| {
            let is_open = row.pull_request.as_ref().is_some_and(|it| !["landed", "taken_back"].contains(&it.state));
            is_open && row.worktree.as_ref().is_none_or(|worktree| worktree.dirty == Some(false))
        };
        let row = own().find(|row| Some(row.id) == here);
        let row = row.or_else(|| own().find(|row| row.worktree.is_some() && !waits(row)));
        let row = row.or_else(|| own().find(|row| !waits(row)));
        let row = row.or_else(|| own().next().filter(|_| !is_any_ready));
        let hint = match row {
            _ if !is_set_up => command!["git aitask init"].note("uses the task data of the remote, or creates it"),
            Some(row) => with_own(context, row, Some(row.id) == here),
            None if is_any_ready => command!["git aitask pick --next"],
            None => Hint::from("git aitask new <title>"),
        };
        Self { hint, is_own: is_set_up && row.is_some() }
    }
}

/// The next step with a task that this session holds.
fn with_own(context: &Context, row: &TaskInfo, is_here: bool) -> Hint {
    let Some(worktree) = &row.worktree else {
        // On another branch what is committed would not be the task's.
        let load = |branch: &Branch| refs::load(&context.repository, &[branch.full()]);
        let has_branch =
            || row.branch.as_ref().map(load).is_some_and(|found| found.is_ok_and(|found| !found.is_empty()));
        if row.lacks_worktree(context) && has_branch() {
            return command!["git aitask worktree add", row.id].note("it has no worktree");
        }
        return command!["git aitask show", row.id].note("work on the current branch");
    };
    if !worktree.path.exists() {
        return command!["git aitask worktree path", row.id].note("its folder is gone");
    }
    if let Some(request) = row.pull_request.as_ref().filter(|_| worktree.dirty == Some(false)) {
        let finish = command!["git aitask finish", row.id];
        return match request.state {
            "landed" => finish.note(request.sentence()),
            "taken_back" => command!["git aitask show", row.id].note(request.sentence()),
            _ => finish.note(format!("once it is merged: {}", request.sentence())),
        };
    }
    if !is_here {
        return command!["cd", worktree.path.display()];
    }
    let finish = command!["git aitask finish"];
    let has_commits = worktree.ahead.is_some_and(|ahead| ahead > 0) && !is_as_cut(context, row.id, &worktree.branch);
    if has_commits && worktree.dirty == Some(false) {
        finish
    } else {
        finish.note(format!("once the work on {} is committed", row.id.prefixed()))
    }
}

/// Whether a task branch still is where it was cut: commits that its base lacks are then those of others.
fn is_as_cut(context: &Context, task: TaskId, branch: &Branch) -> bool {
    let Some(held) = LockRecord::load(&context.repository, task) else { return false };
    let tip = refs::load(&context.repository, &[branch.full()]).ok().and_then(|found| found.into_values().next());
    tip.is_some_and(|tip| held.is_cut_at(&tip))
}
