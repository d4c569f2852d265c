//! `git aitask` alone: where things stand, and what to type next.

use super::App;
use crate::error::{Kind, Result};
use crate::report::Page;
use crate::workflow::status;

/// Runs it.
pub fn run(app: &App) -> Result<()> {
    let context = match app.open(false) {
        Err(error) if error.kind() == Kind::NotARepository => {
            return Err(error.hint("git-aitask demo   # to see it work, anywhere"));
        }
        other => other?,
    };
    let overview = status::status(&context, false)?;
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
        if let Some(name) = context.task_here() {
            page = page
                .advice(format!("you are in the worktree of {}: work, commit, then git aitask finish", name.id().t()));
        }
        for row in overview
            .active
            .iter()
            .filter(|row| own.is_some() && row.lock.as_ref().map(|lock| &lock.holder) == own.as_ref())
        {
            page = page.line(format!("yours: {}  {}", row.id, row.title));
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
