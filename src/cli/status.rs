//! `git aitask status`.

use crate::cli::app::App;
use crate::cli::{list, lock};
use crate::error::Result;
use crate::ops::dependencies::end_of_circle;
use crate::ops::list::Shape;
use crate::ops::status::{self, Overview};
use crate::report::{Page, Table};
use crate::settings::Effect;
use clap::Args;

/// Show held tasks, inconsistencies, and tasks that can be picked
///
/// It reads what this clone has fetched; with --fetch, it fetches first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask status --fetch\n  git aitask status --json")]
pub(crate) struct StatusArgs {
    /// Fetch from the remote first
    #[arg(long)]
    fetch: bool,
}

/// How many ready tasks the page shows: the best ones, of which the next is picked. The document has all.
const READY_SHOWN: usize = 10;

impl StatusArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open(Effect::Real)?;
        let outcome = status::status(&context, self.fetch.into())?;
        let is_set_up = !outcome.ready.is_empty() || !outcome.active.is_empty() || context.is_initialised()?;
        app.report.answer(&outcome, || page(&outcome, is_set_up))
    }
}

fn page(outcome: &Overview, is_set_up: bool) -> Page {
    let mut page = Page::new();
    let section =
        |page: Page, title: &str, table: Table, empty: bool| if empty { page } else { page.title(title).table(table) };
    page = section(page, "held", list::table(&outcome.active, Shape::Flat), outcome.active.is_empty());
    if let Some(overlaps) = &outcome.overlaps {
        let lines = overlaps.lines();
        page = if lines.is_empty() { page } else { page.title("changes of the same files").lines(lines) };
        page = overlaps.doubts().into_iter().fold(page, Page::warning);
        page = overlaps.advice().into_iter().fold(page, Page::advice);
    }
    page = section(page, "stale locks", lock::table(&outcome.stale_locks), outcome.stale_locks.is_empty());
    let mut orphans = Table::default();
    for worktree in &outcome.orphan_worktrees {
        let state = &worktree.worktree_state;
        orphans.row([state.path.display().to_string(), state.branch.to_string()]);
    }
    page = section(page, "worktrees without an active task", orphans, outcome.orphan_worktrees.is_empty());
    let unlocked = &outcome.unlocked_implementing;
    page = section(page, "Implementing, but not locked", list::table(unlocked, Shape::Flat), unlocked.is_empty());
    let (best, more) = outcome.ready.split_at(outcome.ready.len().min(READY_SHOWN));
    page = section(page, "ready", list::table(best, Shape::Flat), best.is_empty());
    if !more.is_empty() {
        page = page.line(format!("and {} more: git aitask list", more.len()));
    }
    page = outcome.doubts.lines().into_iter().fold(page, Page::warning);
    for circle in &outcome.circles {
        page = page.warning(format!("these wait for each other: {circle}"));
        page =
            circle.breakable().into_iter().fold(page, |page, id| page.advice(format!("  try: {}", end_of_circle(id))));
    }
    for task in &outcome.without_worktree {
        page = page.advice(format!("{task} has no worktree; to create it: git aitask worktree add {task}"));
    }
    match (&outcome.as_of, outcome.ready.is_empty()) {
        _ if !is_set_up => page.advice("this clone is not set up; run: git aitask init"),
        (None, _) => page.advice("the remote has not been fetched yet; to fetch: git aitask status --fetch"),
        (Some(_), true) => page.advice("no task is ready; to create one: git aitask new \"Add login\""),
        (Some(as_of), false) => page.advice(format!("as of {as_of}; next: git aitask pick --next")),
    }
}
