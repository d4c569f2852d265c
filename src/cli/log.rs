//! `git aitask log`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::log::{self, Event};
use crate::project::Wanted;
use crate::report::{Cell, Page, Table, Tone, relative};
use crate::settings::Effect;
use clap::Args;

/// Show the history of locks and tasks, newest first
///
/// It shows who picked, dropped, took over, finished and archived which task.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask log\n  git aitask log 12 --json")]
pub(crate) struct LogArgs {
    /// The task [default: all tasks]
    task: Option<String>,
    /// Show at most N events
    #[arg(short, value_name = "N", default_value_t = 30)]
    n: usize,
}

impl LogArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let wanted = self.task.as_deref().map(Wanted::parse).transpose()?;
        let outcome = log::log(&app.open(Effect::Real)?, wanted.as_ref(), self.n)?;
        app.report.answer(&outcome, || Page::new().bare().table(table(&outcome.events)))
    }
}

fn table(events: &[Event]) -> Table {
    let mut table = Table::default();
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
