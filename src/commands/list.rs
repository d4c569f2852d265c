//! `git aitask list`.

use super::App;
use crate::error::Result;
use crate::report::{Page, Table};
use crate::task::{Filter, Status};
use crate::workflow::Wanted;
use crate::workflow::list::{self, Row};
use clap::Args;

/// List the tasks in order: what is not blocked first, then by priority and effort
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(
    after_help = "Examples:\n  git aitask list --ready -n 5\n  git aitask list --mine --json\n  git aitask list --tree --fetch"
)]
pub struct List {
    /// Those with this status
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Those with this label; repeated: any of them
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Those assigned to you
    #[arg(long)]
    mine: bool,
    /// Those that can be picked now
    #[arg(long)]
    ready: bool,
    /// The children of a task
    #[arg(long, value_name = "TASK")]
    children: Option<String>,
    /// Children below their parents
    #[arg(long)]
    tree: bool,
    /// Archived tasks instead of active ones
    #[arg(long, conflicts_with = "ready")]
    archived: bool,
    /// At most so many
    #[arg(short, value_name = "N")]
    n: Option<usize>,
    /// Ask the remote first
    #[arg(long)]
    fetch: bool,
}

impl List {
    /// Runs the verb.
    pub fn run(&self, app: &App) -> Result<()> {
        let status = self.status.as_deref().map(Status::parse_known).transpose()?;
        let options = list::Options {
            filter: Filter { status, labels: self.label.clone(), ..Filter::default() },
            ready: self.ready,
            mine: self.mine,
            children: self.children.as_deref().map(Wanted::parse).transpose()?,
            tree: self.tree,
            archived: self.archived,
            limit: self.n,
            fetch: self.fetch,
        };
        let context = app.open(false)?;
        let outcome = list::list(&context, &options)?;
        app.report.answer(&outcome, || {
            let page = Page::new().table(table(&outcome.tasks, outcome.tree));
            let twice: Vec<_> = outcome.duplicates.iter().map(ToString::to_string).collect();
            if twice.is_empty() {
                page
            } else {
                page.warning(format!("several files have the id {}", twice.join(", ")))
            }
        })?;
        // Not on standard output, where every line is a task.
        if outcome.tasks.is_empty() {
            (app.narrate)(if context.is_initialised()? {
                "no such tasks; all of them: git aitask list"
            } else {
                "this repository is not set up yet, or was not asked: git aitask init"
            });
        }
        match &outcome.as_of {
            Some(as_of) => (app.narrate)(&format!("as of {as_of}; newer: git aitask list --fetch")),
            None => (app.narrate)("the remote was not asked yet: git aitask list --fetch"),
        }
        Ok(())
    }
}

/// Tasks as a table.
pub(super) fn table(rows: &[Row], tree: bool) -> Table {
    let mut table = Table::default();
    for row in rows {
        let indent = if tree && row.id.is_child() { "  " } else { "" };
        let state = match (&row.lock, row.blocked_by.as_slice()) {
            (Some(lock), _) => {
                format!("held by {} on {} since {} ({})", lock.holder, lock.host, lock.since, lock.session)
            }
            (None, []) if !row.children.is_empty() => {
                let children: Vec<_> = row.children.iter().map(ToString::to_string).collect();
                format!("children {}", children.join(", "))
            }
            (None, []) => row.assigned_to.clone().unwrap_or_default(),
            (None, blockers) => {
                let names: Vec<_> = blockers.iter().map(ToString::to_string).collect();
                format!("waits for {}", names.join(", "))
            }
        };
        table.row([
            format!("{indent}{}", row.id),
            row.status.to_string(),
            row.priority.to_string(),
            row.effort.to_string(),
            row.title.clone(),
            state,
        ]);
    }
    table
}
