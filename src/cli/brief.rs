//! `git aitask brief`.

use crate::cli::agents::day;
use crate::cli::app::App;
use crate::error::{Result, quoted};
use crate::ops::brief::{self, Brief};
use crate::ops::task_info::TaskInfo;
use crate::report::Page;
use crate::settings::Effect;
use clap::Args;

/// Show an agent what it must know before it works
///
/// Whether a task of yours was taken over, who you are, what you hold, where to stand, what is ready, and the verbs of a
/// day. It is short enough to be read at the beginning of every session, and uses no network.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask brief\n  git aitask brief --json")]
pub(crate) struct BriefArgs {}

/// What the brief says of the rules, after the verbs.
pub(super) const RULES: &str = include_str!("../agents/texts/rules.md");

/// The longest part of a title that is shown.
const TITLE: usize = 80;

impl BriefArgs {
    /// Runs the verb.
    pub(crate) fn run(app: &App) -> Result<()> {
        let outcome = brief::brief(&app.open(Effect::DryRun)?, day())?;
        app.report.answer(&outcome, || page(&outcome))
    }
}

/// The brief for people and agents. Its commands stand in backticks, as in the texts that an agent has read.
pub(crate) fn page(outcome: &Brief) -> Page {
    let mut page = Page::new();
    for lost in &outcome.lost {
        let task = lost.task_id.prefixed();
        page = page.warning(format!("{task} was taken over; stop work on it: it is {}", lost.lock.sentence()));
    }
    if let Some(unknown) = &outcome.who_unknown {
        page = page.warning(format!("you: unknown, so that you can hold no task: {}", unknown.message));
        page = unknown.hints.iter().fold(page, |page, hint| page.advice(format!("  try: {hint}")));
    }
    if let Some(who) = &outcome.who {
        let session: Vec<_> =
            who.agent.iter().chain(who.session_name.as_ref().or(who.session.as_ref())).map(String::as_str).collect();
        let session = if session.is_empty() { String::new() } else { format!("{}, ", session.join(" ")) };
        let is_known = !session.is_empty() || who.pid.is_some();
        page = page.line(format!("you: {session}{} on {}", who.email, who.host));
        if !is_known {
            page = page.line(
                "your session cannot be told from others of yours in this clone: export a name, GIT_AITASK_SESSION=NAME",
            );
        }
    }
    if !outcome.initialised {
        return page.line(format!("this clone is not set up for tasks; next: `{}`", outcome.next));
    }
    for task in &outcome.holds {
        let place = match (&task.worktree, Some(task.id) == outcome.here) {
            (Some(_), true) => "you are in its worktree".to_owned(),
            (Some(worktree), false) => format!("`cd {}`", quoted(&worktree.path)),
            (None, _) => "without a worktree, on the current branch".to_owned(),
        };
        page = page.line(format!("you hold {}: {place}", named(task)));
    }
    if outcome.holds.is_empty() {
        page = page.line("you hold no task");
    }
    if outcome.held_by_others > 0 {
        page = page.line(format!("held by other sessions: {} (`git aitask status`)", outcome.held_by_others));
    }
    match outcome.ready_count {
        0 => page = page.line("ready: none"),
        count => page = page.line(format!("ready: {count} (`git aitask list --ready`), the best first:")),
    }
    page = page.lines(outcome.ready.iter().map(|task| format!("  {}", named(task))));
    page.line(format!("next: `{}`", outcome.next))
        .line("")
        .lines(outcome.verbs.iter().map(crate::agents::texts::VerbHelp::line))
        .line("")
        .text(RULES)
}

fn named(task: &TaskInfo) -> String {
    let mut title: String = task.title.chars().take(TITLE).collect();
    if title.len() < task.title.len() {
        title.push('\u{2026}');
    }
    format!("{} {title}", task.id)
}
