//! `git aitask list`.

use crate::cli::app::App;
use crate::cli::complete::statuses;
use crate::cli::filter::FilterArgs;
use crate::coordination::process::Liveness;
use crate::error::Result;
use crate::ops::list::{self, Shape, TaskSet};
use crate::ops::task_info::TaskInfo;
use crate::report::{Cell, Column, Page, Table, Tone, as_of};
use crate::settings::Effect;
use crate::task::{Level, Status};
use clap::Args;

/// List tasks: unblocked first, then by priority and effort
///
/// It reads what this clone has fetched; with --fetch, it fetches first.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(
    after_help = "Examples:\n  git aitask list --ready -n 5\n  git aitask list --mine --json\n  git aitask list --tree --fetch"
)]
pub(crate) struct ListArgs {
    /// Only tasks with this status
    #[arg(long, value_name = "STATUS", add = statuses(&["Ready", "Editing", "Implementing", "Postponed", "Done", "Folded"]))]
    status: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Only tasks that are assigned to you
    #[arg(long)]
    mine: bool,
    /// Only tasks that can be picked now
    #[arg(long)]
    ready: bool,
    /// Show children below their parents
    #[arg(long)]
    tree: bool,
    /// Show archived tasks instead of active ones
    #[arg(long, conflicts_with = "ready")]
    archived: bool,
    /// Show at most N tasks
    #[arg(short = 'n', long, value_name = "N")]
    max: Option<usize>,
    /// Fetch from the remote first
    #[arg(long)]
    fetch: bool,
}

impl ListArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let status = self.status.as_deref().map(Status::parse_option).transpose()?;
        let options = list::ListOptions {
            among: if self.archived {
                TaskSet::Archived
            } else if self.ready {
                TaskSet::Ready
            } else {
                TaskSet::Active
            },
            filter: self.filter.parse(status)?,
            mine: self.mine,
            shape: if self.tree { Shape::Tree } else { Shape::Flat },
            limit: self.max,
            freshness: self.fetch.into(),
        };
        let context = app.open(Effect::Real)?;
        let outcome = list::list(&context, &options)?;
        app.answer_long(&context, "list", &outcome, || {
            let page = Page::new().bare().table(table(&outcome.tasks, outcome.shape).with_head());
            let page = outcome.doubts.lines().into_iter().fold(page, Page::warning);
            let twice: Vec<_> = outcome.duplicates.iter().map(ToString::to_string).collect();
            if twice.is_empty() {
                page
            } else {
                page.warning(format!("several files have the id {}", twice.join(", ")))
            }
        })?;
        // These go to standard error: on standard output every line is a task.
        if outcome.tasks.is_empty() && !context.is_initialised()? {
            (app.progress)("this clone is not set up; run: git aitask init");
            return Ok(());
        }
        if outcome.tasks.is_empty() {
            let is_all =
                options.among == TaskSet::Active && options.filter.is_all() && !self.mine && self.max.is_none();
            (app.progress)(if is_all { "no tasks; to create one: git aitask new <title>" } else { "no such tasks" });
        }
        match outcome.as_of.as_deref().map(as_of) {
            Some(Some(as_of)) => (app.progress)(&format!("{as_of}; to update: git aitask list --fetch")),
            Some(None) => {}
            None => (app.progress)("the remote has not been fetched yet; to fetch: git aitask list --fetch"),
        }
        Ok(())
    }
}

const COLUMNS: [Column; 6] = [
    Column::new("id", 0, 6),
    Column::new("status", 2, 6),
    Column::new("priority", 3, 6),
    Column::new("effort", 4, 6),
    Column::new("title", 0, 20),
    Column::new("state", 1, 12),
];

/// Tasks as a table.
pub(crate) fn table(rows: &[TaskInfo], shape: Shape) -> Table {
    let mut table = Table::of(&COLUMNS);
    for row in rows {
        let indent = if shape == Shape::Tree && row.id.is_child() { "  " } else { "" };
        let status = match row.status {
            Status::Ready if row.blocked_by.is_empty() => Tone::Ready,
            Status::Implementing => Tone::Busy,
            Status::Done | Status::Folded | Status::Postponed => Tone::Faint,
            _ => Tone::Plain,
        };
        let priority = match row.priority {
            Level::High => Tone::Urgent,
            Level::Medium => Tone::Plain,
            Level::Low => Tone::Faint,
        };
        let (state, tone) = state(row);
        table.row([
            format!("{indent}{}", row.id).into(),
            Cell::from(row.status.as_str()).tone(status),
            Cell::from(row.priority.as_str()).tone(priority),
            row.effort.as_str().into(),
            Cell::from(&row.title),
            Cell::from(state).tone(tone),
        ]);
    }
    table
}

/// Who holds the task and in which worktree, or which tasks it waits for.
fn state(row: &TaskInfo) -> (String, Tone) {
    let names = |items: Vec<String>| items.join(", ");
    let state = match (&row.lock, row.blocked_by.as_slice()) {
        (Some(lock), _) => {
            let (who, since) = (lock.seen_by(row.mine), lock.age());
            let session = match lock.session {
                Liveness::Unknown => String::new(),
                known => format!(" ({known})"),
            };
            (format!("held by {who} on {}, {since}{session}", lock.host), Tone::Busy)
        }
        (None, []) if !row.children.is_empty() => {
            (format!("children {}", names(row.children.iter().map(ToString::to_string).collect())), Tone::Plain)
        }
        (None, []) => (row.assigned_to.clone().unwrap_or_default(), Tone::Plain),
        (None, blockers) => {
            (format!("waits for {}", names(blockers.iter().map(ToString::to_string).collect())), Tone::Faint)
        }
    };
    let state = match &row.pull_request {
        Some(request) => (format!("{}; {}", state.0, request.sentence()), state.1),
        None => state,
    };
    match &row.worktree {
        Some(worktree) => {
            let dirty = if worktree.dirty == Some(true) { ", uncommitted changes" } else { "" };
            let place = format!("in {}{dirty}{}", worktree.place(), worktree.remark());
            (if state.0.is_empty() { place } else { format!("{}; {place}", state.0) }, state.1)
        }
        None => state,
    }
}
