//! `git aitask` without a verb: the tasks that you hold, and the command that may be next.

use crate::cli::app::App;
use crate::coordination::process::Liveness;
use crate::error::{Kind, Result};
use crate::git::Freshness;
use crate::ops::next_step::NextStep;
use crate::ops::status::{self, TasksPlace, Welcome};
use crate::ops::task_info::TaskInfo;
use crate::project::outcome::Holder;
use crate::report::Page;
use crate::settings::Effect;

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
    let NextStep { hint: next, is_own } = overview.next_step(&context, set_up);
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
