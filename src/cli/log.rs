//! `git aitask log`.

use crate::cli::app::App;
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::log::{self, Event};
use crate::project::Wanted;
use crate::report::{Cell, Column, Page, Table, Tone, relative};
use crate::settings::Effect;
use clap::Args;

/// Show the history of locks and tasks, newest first
///
/// It shows who picked, dropped, took over, finished and archived which task.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask log\n  git aitask log 12 --json")]
pub(crate) struct LogArgs {
    /// The task [default: all tasks]
    #[arg(add = tasks())]
    task: Option<String>,
    /// Show at most N events
    #[arg(short, value_name = "N", default_value_t = 30)]
    n: usize,
}

impl LogArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let wanted = self.task.as_deref().map(Wanted::parse).transpose()?;
        let context = app.open(Effect::Real)?;
        let outcome = log::log(&context, wanted.as_ref(), self.n)?;
        app.answer_long(&context, "log", &outcome, || Page::new().bare().table(table(&outcome.events)))
    }
}

const COLUMNS: [Column; 4] =
    [Column::new("", 2, 8), Column::new("", 0, 8), Column::new("", 1, 6), Column::new("", 0, 16)];

fn table(events: &[Event]) -> Table {
    let mut table = Table::of(&COLUMNS);
    for event in events {
        let tone = match event.what {
            "taken over" => Tone::Urgent,
            "locked" | "started" => Tone::Busy,
            "archived" => Tone::Ready,
            _ => Tone::Plain,
        };
        table.row([
            Cell::from(relative(&event.at).as_deref().unwrap_or(&event.at)).tone(Tone::Faint),
            Cell::from(event.what).tone(tone),
            Cell::from(&event.by),
            Cell::from(&event.subject),
        ]);
    }
    table
}
