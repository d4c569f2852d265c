//! `git aitask` alone: where things stand, and what to type next.

use crate::cli::app::App;
use crate::error::{Kind, Result, quoted};
use crate::git::Freshness;
use crate::ops::list::Row;
use crate::ops::status::{self, Overview};
use crate::project::Context;
use crate::report::Page;
use crate::settings::Effect;

/// Runs it.
pub(crate) fn run(app: &App) -> Result<()> {
    let context = match app.open(Effect::Real) {
        Err(error) if error.kind() == Kind::NotARepository => {
            return Err(error.hint(command!["git-aitask demo"].note("to see it work, anywhere")));
        }
        other => other?,
    };
    let overview = status::status(&context, Freshness::AsKnown)?;
    let set_up = context.is_initialised()?;
    // Who cannot be told holds nothing.
    let own = context.session().ok().map(|session| session.email);
    app.report.answer(&overview, || {
        if !set_up {
            return Page::new()
                .title("no tasks yet that this clone knows of")
                .advice("next: git aitask init            # joins what the remote has, or makes what is missing");
        }
        let [held, ready] = [overview.active.len(), overview.ready.len()];
        let mut page = Page::new().title(format!("{held} held, {ready} ready"));
        for row in overview
            .active
            .iter()
            .filter(|row| own.is_some() && row.lock.as_ref().map(|lock| &lock.holder) == own.as_ref())
        {
            page = page.line(format!("yours: {}  {}", row.id, row.title));
        }
        if let Some(next) = own_next(&context, &overview, own.as_ref()) {
            return page.advice(next).advice("      git aitask status, git aitask list, git aitask -h");
        }
        let page = match overview.ready.first() {
            Some(task) => {
                page.line(format!("best ready: {}  {}", task.id, task.title)).advice("next: git aitask pick --next")
            }
            None => page.advice("next: git aitask new \"Add login\""),
        };
        page.advice("      git aitask status, git aitask list, git aitask -h")
    })
}

/// What to do with a task that we hold: the one whose worktree we are in, else the first.
fn own_next(context: &Context, overview: &Overview, own: Option<&String>) -> Option<String> {
    let is_own = |row: &&Row| own.is_some() && row.lock.as_ref().map(|lock| &lock.holder) == own;
    let here = context.task_here().map(|name| name.id());
    let mut rows = overview.active.iter().filter(is_own);
    let row = rows.clone().find(|row| Some(row.id) == here).or_else(|| rows.next())?;
    let worktree = row.worktree.as_ref()?;
    Some(match (Some(row.id) == here, worktree.dirty, worktree.ahead) {
        (false, ..) => format!("next: cd {}", quoted(&worktree.path)),
        (true, Some(false), Some(1..)) => "next: git aitask finish".to_owned(),
        (true, ..) => format!("next: work on {}, commit, then git aitask finish", row.id.prefixed()),
    })
}
