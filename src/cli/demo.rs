//! `git aitask demo`.

use crate::cli::app::App;
use crate::demo::{self, Demonstration, score};
use crate::error::{Error, Kind, Result};
use crate::report::{Page, Table};
use clap::Args;

/// Run an end-to-end demonstration in a temporary directory
///
/// Several people and agents work on one repository at once, as real processes with a real remote. At the end, a table
/// shows which invariants hold.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask demo\n  git aitask demo --agents 8 --tasks 24 --keep")]
pub(crate) struct DemoArgs {
    /// The number of agent sessions, 2 to 64
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = within::<2, 64>)]
    agents: usize,
    /// The number of tasks, 4 to 500
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = within::<4, 500>)]
    tasks: usize,
    /// The number of clones, each of another person, 2 to 8
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = within::<2, 8>)]
    clones: usize,
    /// Keep the directory
    #[arg(long)]
    keep: bool,
}

fn within<const MIN: usize, const MAX: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
    number.ok_or_else(|| format!("not a number from {MIN} to {MAX}"))
}

impl DemoArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let program = std::env::current_exe()
            .map_err(|error| Error::new(Kind::Io, format!("cannot find the program file of git-aitask: {error}")))?;
        let options =
            score::DemoOptions { agents: self.agents, tasks: self.tasks, clones: self.clones, keep: self.keep };
        let outcome = demo::demo(&app.environment, &program, &options, app.progress)?;
        app.report.answer(&outcome, || page(&outcome))?;
        outcome.require_all()
    }
}

fn page(outcome: &Demonstration) -> Page {
    let mut scores = Table::default();
    scores.row(["agent", "created", "finished", "picks lost", "seconds"]);
    for score in &outcome.agents {
        let counts = [score.created, score.finished, score.picks_lost].map(|count| count.to_string());
        let [created, finished, lost] = counts;
        scores.row([score.name.clone(), created, finished, lost, format!("{:.1}", score.seconds)]);
    }
    let mut checks = Table::default();
    for invariant in &outcome.invariants {
        let verdict = if invariant.holds { "holds" } else { "BROKEN" };
        checks.row([verdict, invariant.name, &invariant.detail]);
    }
    let page = Page::new().table(scores).line("").table(checks).line("");
    let (tasks, clones, agents) = (outcome.tasks, outcome.clones, outcome.agents.len());
    let size = format!("{tasks} tasks, {agents} agents, {clones} clones, {:.1} s", outcome.seconds);
    let page = match outcome.require_all() {
        Ok(()) => page.title("All invariants hold.").line(size),
        Err(_) => page.warning("Some invariants do not hold.").line(size),
    };
    let page = match &outcome.folder {
        Some(folder) => page.line(format!("kept: {}", folder.display())),
        None => page,
    };
    page.advice("next, in your repository: git aitask init").advice("      git aitask -h lists the verbs")
}
