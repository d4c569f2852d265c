//! `git aitask` without a verb: the tasks that you hold, and the command that may be next.

use crate::cli::app::App;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::process::Liveness;
use crate::error::{Hint, Kind, Result};
use crate::git::{Branch, Freshness, refs};
use crate::ops::status::{self, Overview, TasksPlace, Welcome};
use crate::ops::task_info::TaskInfo;
use crate::project::Context;
use crate::project::outcome::Holder;
use crate::report::Page;
use crate::settings::Effect;
use crate::task::TaskId;

/// Shows the page.
pub(crate) fn run(app: &App) -> Result<()> {
    let context = match app.open(Effect::Real) {
        Err(error) if error.kind() == Kind::NotARepository => {
            return Err(error.hint(command!["git-aitask demo"].note("runs a demonstration, in any directory")));
        }
        other => other?,
    };
    let overview = status::status(&context, Freshness::AsKnown)?;
    let set_up = context.is_initialised()?;
    let own = if set_up { own_next(&context, &overview) } else { None };
    let is_own = own.is_some();
    let next = own.unwrap_or_else(|| match overview.ready.first() {
        _ if !set_up => Hint::from("git aitask init").note("uses the task data of the remote, or creates it"),
        Some(_) => Hint::from("git aitask pick --next"),
        None => Hint::from("git aitask new <title>"),
    });
    let outcome = Welcome { overview, next };
    app.report.answer(&outcome, || {
        let Welcome { overview, next } = &outcome;
        let next = format!("next: {next}");
        if !set_up {
            return Page::new().title("this clone is not set up for tasks").advice(next);
        }
        let [held, ready] = [overview.active.len(), overview.ready_count];
        let mut page = Page::new().title(format!("{held} held, {ready} ready"));
        let TasksPlace { branch, folder } = &overview.tasks;
        let place = folder.as_ref().map_or("not checked out here yet", |_| "aitasks/, aiplans/");
        page = page.line(format!("tasks: branch {branch}, {place}"));
        for row in overview.active.iter().filter(|row| row.mine) {
            page = page.line(format!("you hold {}  {}", row.id, row.title));
        }
        for row in overview.active.iter().filter(|row| is_of_other_session(row)) {
            page = page.line(format!("another session of yours holds {}  {}{}", row.id, row.title, of_other(row)));
        }
        page = page.lines(overview.unshared());
        if let Some(task) = overview.ready.first().filter(|_| !is_own) {
            page = page.line(format!("next in order: {}  {}", task.id, task.title));
        }
        page.advice(next).advice("      git aitask status, git aitask list, git aitask -h")
    })
}

/// Whether another session of the same person holds it.
fn is_of_other_session(row: &TaskInfo) -> bool {
    !row.mine && row.lock.as_ref().is_some_and(Holder::is_own)
}

/// What kind of session holds a task; and the way to go on with it, where that session is dead.
fn of_other(row: &TaskInfo) -> String {
    let Some(lock) = &row.lock else { return String::new() };
    let agent = lock.agent_in_brackets();
    let is_dead = lock.session == Liveness::Dead;
    let way = if is_dead { format!("; it is dead, to go on: git aitask pick {}", row.id) } else { String::new() };
    agent + &way
}

/// The next step for a task that this session holds: that of the worktree the caller is in, else the first with a worktree.
fn own_next(context: &Context, overview: &Overview) -> Option<Hint> {
    let here = context.task_here().map(|name| name.id());
    let mut rows = overview.active.iter().filter(|row| row.mine);
    let row = rows.clone().find(|row| Some(row.id) == here).or_else(|| rows.find(|row| row.worktree.is_some()))?;
    let Some(worktree) = row.worktree.as_ref().filter(|worktree| worktree.path.exists()) else {
        let is_lost = row.worktree.is_some();
        return is_lost.then(|| command!["git aitask worktree path", row.id].note("its folder is gone"));
    };
    if let Some(request) = row.pull_request.as_ref().filter(|_| worktree.dirty == Some(false)) {
        let finish = command!["git aitask finish", row.id];
        return Some(match request.state {
            "landed" => finish.note(request.sentence()),
            "taken_back" => command!["git aitask show", row.id].note(request.sentence()),
            _ => finish.note(format!("once it is merged: {}", request.sentence())),
        });
    }
    Some(match (Some(row.id) == here, worktree.dirty, worktree.ahead) {
        (false, ..) => command!["cd", worktree.path.display()],
        (true, Some(false), Some(1..)) if !is_as_cut(context, row.id, &worktree.branch) => {
            Hint::from("git aitask finish")
        }
        (true, ..) => Hint::advice(format!("work on {}, commit, then git aitask finish", row.id.prefixed())),
    })
}

/// Whether a task branch still is where it was cut: commits that the main worktree lacks are then those of others.
fn is_as_cut(context: &Context, task: TaskId, branch: &Branch) -> bool {
    let Some(held) = LockRecord::load(&context.repository, task) else { return false };
    let tip = refs::load(&context.repository, &[branch.full()]).ok().and_then(|found| found.into_values().next());
    tip.is_some_and(|tip| held.is_cut_at(&tip))
}
