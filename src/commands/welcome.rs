//! `git aitask` alone: where things stand, and what to type next.

use super::App;
use crate::error::{Kind, Result};
use crate::report::Page;
use crate::workflow::status;

/// Runs it.
pub fn run(app: &App) -> Result<()> {
    let context = match app.open(false) {
        Err(error) if error.kind() == Kind::NotARepository => {
            return Err(error.hint("git-aitask demo   (to see it work, anywhere)"));
        }
        other => other?,
    };
    let overview = status::status(&context, false)?;
    let set_up = context.is_initialised()?;
    app.report.answer(&overview, || {
        if !set_up {
            return Page::new()
                .title("this repository has no tasks yet, or was not asked")
                .advice("next: git aitask init            (safe to run again: it makes what is missing)");
        }
        let [held, ready] = [overview.active.len(), overview.ready.len()];
        let page = Page::new().title(format!("{held} held, {ready} ready"));
        let page = match overview.ready.first() {
            Some(task) => {
                page.line(format!("best ready: {}  {}", task.id, task.title)).advice("next: git aitask pick --next")
            }
            None => page.advice("next: git aitask new \"Add login\""),
        };
        page.advice("      git aitask status, git aitask list, git aitask -h")
    })
}
