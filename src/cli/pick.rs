//! `git aitask pick`.

use crate::cli::app::{App, wanted, with_notices};
use crate::cli::complete::{branches, ready_tasks};
use crate::cli::filter::FilterArgs;
use crate::error::{Error, Kind, Result, quoted};
use crate::ops::pick::{self, Among, NextOptions, Patience, PickKind, Picked};
use crate::project::outcome::{CutFrom, LocalBranch, WorktreeInfo};
use crate::report::Page;
use crate::settings::parse_duration;
use clap::Args;
use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Pick a task: lock it, set its status, create its worktree
///
/// Lock and status are one atomic push: of all who pick a task at once, one gets it. Where the task branch is published,
/// the worktree goes on from it. Without a task, it picks the task of the worktree you are in.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(
    after_help = "Examples:\n  git aitask pick 12\n  git aitask pick --next --apart   # the best whose files nobody changes\n  \
git aitask pick --next --label ui --max 3 --wait=10m\n  \
git aitask pick 12 --steal       # take it over from its holder\n  \
cd \"$(git aitask worktree path 12)\""
)]
pub(crate) struct PickArgs {
    /// The tasks to try, in this order
    #[arg(conflicts_with = "next", add = ready_tasks())]
    task: Vec<String>,
    /// Pick the best ready task that is not locked
    #[arg(long)]
    next: bool,
    #[command(flatten)]
    filter: FilterArgs,
    /// Prefer a task whose files no task in work changes
    #[arg(long)]
    apart: bool,
    /// Pick up to N ready tasks, one after the other
    #[arg(long, value_name = "N")]
    max: Option<NonZeroUsize>,
    /// Wait until a task is ready, at most TIME
    ///
    /// TIME is such as 30s or 5m. Without it, it waits until Ctrl-C on a terminal, else 10 minutes: in CI, where the variable
    /// CI is set, and for agents nobody is there to end it. Then it is refused as it would be at once.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    wait: Option<String>,
    /// Create a worktree (the default, unless aitask.worktree is false)
    #[arg(long, overrides_with = "no_worktree", hide_short_help = true)]
    worktree: bool,
    /// Create no worktree
    #[arg(long)]
    no_worktree: bool,
    /// The branch to cut a new task branch from
    #[arg(long, value_name = "BRANCH", add = branches())]
    base: Option<String>,
    /// The e-mail address to record as the holder
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    email: Option<String>,
    /// Take the task over from its holder
    #[arg(long)]
    steal: bool,
    /// Pick the task even if it waits for others
    #[arg(long)]
    ignore_blocked: bool,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl PickArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open_as(self.email.as_ref(), self.dry_run.into())?;
        let filter = self.filter.parse(None)?;
        let is_about_next = !filter.is_all() || self.max.is_some() || self.wait.is_some() || self.apart;
        if is_about_next && !self.next {
            let why = "--label, --type, --priority, --effort, --parent, --apart, --max and --wait go with --next";
            return Err(Error::new(Kind::Usage, why).hint("git aitask pick --next"));
        }
        let patience = self.wait.as_deref().map(|time| patience(app, time)).transpose()?;
        let here = self.task.is_empty() && !self.next;
        let options = pick::PickOptions {
            wanted: if here { vec![context.wanted(None)?] } else { wanted(&self.task)? },
            among: Among { filter, apart: self.apart, ..Among::default() },
            worktree: if self.no_worktree { Some(false) } else { self.worktree.then_some(true) },
            base: self.base.clone(),
            steal: self.steal,
            ignore_blocked: self.ignore_blocked,
        };
        let outcome = if self.next {
            let max = self.max.unwrap_or(NonZeroUsize::MIN);
            pick::pick_next(&context, &options, NextOptions { max, patience })?
        } else {
            pick::pick(&context, &options)?
        };
        app.lead_shell(outcome.cd.as_ref(), &outcome.aside);
        let one = |page, outcome: &Picked| one(page, outcome, app.leads_shell());
        app.report.answer(&outcome, || outcome.more.iter().fold(one(Page::new(), &outcome), one))
    }
}

/// How long a command without a terminal waits: nobody is there to end it.
const UNATTENDED: Duration = Duration::from_secs(600);

/// How long to wait. A CI job may have a terminal, and nobody at it.
fn patience(app: &App, time: &str) -> Result<Patience> {
    let is_told = std::io::stderr().is_terminal();
    let is_attended = is_told && std::io::stdin().is_terminal() && app.environment.text("CI").is_none();
    let limit = match time {
        "" => (!is_attended).then_some(UNATTENDED),
        time => Some(parse_duration(time)?),
    };
    Ok(Patience { limit, is_told })
}

/// Adds a task that was picked to the page. `is_led`: the shell goes to the worktree by itself.
fn one(page: Page, outcome: &Picked, is_led: bool) -> Page {
    let task = &outcome.task;
    let took = match (outcome.took, &outcome.previous) {
        _ if outcome.aside.dry_run.is_some() => "can be picked".to_owned(),
        (PickKind::New, _) => "picked".to_owned(),
        (PickKind::Mine, None) => "you already hold it".to_owned(),
        (PickKind::Mine, Some(_)) => "picked again; your earlier session is dead".to_owned(),
        (PickKind::Stolen, previous) => {
            let from = previous.as_ref().map_or_else(String::new, |lock| format!(" from {}", lock.holder));
            format!("taken over{from}")
        }
    };
    let mut page = page.title(format!("{}  {}  ({took})", task.id, task.title));
    page = page.lines(outcome.excerpt.iter().map(|line| format!("  {line}")));
    if let Some(worktree) = &outcome.worktree {
        let made = if worktree.created { "" } else { "   (already there)" };
        page = page.line(format!("worktree  {}{made}", worktree.path.display())).line(format!(
            "branch    {}{}",
            worktree.branch,
            base(worktree)
        ));
    }
    if let Some(line) = outcome.overlaps.as_ref().and_then(|overlaps| overlaps.line_of_pick(task.id)) {
        page = page.warning(line);
    }
    page = with_notices(page, &outcome.aside);
    if outcome.aside.dry_run.is_some() || outcome.aside.incomplete.is_some() {
        return page;
    }
    let id = task.id;
    if let Some(worktree) = &outcome.worktree {
        if is_led {
            return page.advice("next: work, commit, then: git aitask finish   (to give up: git aitask drop)");
        }
        return page
            .advice(format!("next: cd {}", quoted(&worktree.path)))
            .advice("      work, commit, then: git aitask finish   (to give up: git aitask drop)");
    }
    page.advice(format!("next: git switch -c {}, work, commit, then: git aitask finish {id}", task.name.branch_name()))
        .advice(format!("      without a branch: git aitask archive {id}"))
}

/// Where the branch comes from: cut now, or there before.
pub(crate) fn base(worktree: &WorktreeInfo) -> String {
    let Some(base) = &worktree.base else { return String::new() };
    if let (Some(ahead), Some(behind)) = (worktree.ahead, worktree.behind) {
        let commits = if ahead == 1 { "commit" } else { "commits" };
        let from = match worktree.published.as_ref().map(|published| published.local) {
            Some(LocalBranch::Absent) => "as it is published",
            _ => "already there",
        };
        return format!(", {from}: {ahead} {commits} ahead of {base}, {behind} behind");
    }
    let Some(CutFrom { commit, time }) = &worktree.cut_from else { return format!(", cut from {base}") };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let age = now.saturating_sub(u64::try_from(*time).unwrap_or(now));
    format!(", cut from {base} at {} ({})", commit.short(), ago(age))
}

/// A span of seconds for people.
fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} old", if count == 1 { "" } else { "s" })
}
