//! `git aitask doctor --history`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::history::figures::{Figures, Spread};
use crate::ops::history::{self, Audit};
use crate::report::Page;
use crate::settings::Effect;

/// How many violations a page shows; the document has all.
const SHOWN: usize = 10;

/// Audits the history; the exit code.
pub(crate) fn run(app: &App) -> Result<u8> {
    let outcome = history::audit(&app.open(Effect::DryRun)?)?;
    app.report.answer(&outcome, || page(&outcome))?;
    Ok(u8::from(!outcome.findings.is_empty()))
}

fn page(outcome: &Audit) -> Page {
    let commits: usize = outcome.branches.iter().map(|branch| branch.commits).sum();
    let branches: Vec<_> = outcome.branches.iter().map(|branch| branch.branch.as_str()).collect();
    let judged = format!("{commits} commits of {}", branches.join(", "));
    let mut page = match outcome.findings.len() {
        0 => Page::new().line(format!("{judged}: nothing that must not be")),
        count => Page::new().warning(format!("{judged}: {count} violation(s) of the rules")),
    };
    for finding in outcome.findings.iter().take(SHOWN) {
        let task = finding.task_id.map(|task| format!("{}: ", task.prefixed())).unwrap_or_default();
        let commit = finding.commit.as_ref().map(|commit| format!("{} on ", commit.short())).unwrap_or_default();
        let by = finding.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        page = page.line(format!("  {task}{} ({commit}{}{by})", finding.message, finding.branch));
    }
    if outcome.findings.len() > SHOWN {
        page = page.line(format!("  and {} more (--json)", outcome.findings.len() - SHOWN));
    }
    for one in &outcome.unjudged {
        page = page.line(format!("not judged: {} ({} times, first {})", one.message, one.count, one.commit.short()));
    }
    figures(page, &outcome.figures)
}

fn figures(page: Page, figures: &Figures) -> Page {
    let page = page.lines(spread("held", &figures.held)).lines(spread("waited", &figures.waited));
    let last = figures.takeovers.last().map(|last| {
        let to = last.to.as_deref().map(|to| format!(" by {to}")).unwrap_or_default();
        let after = last.after_seconds.map(|after| format!(" after {}", duration(after))).unwrap_or_default();
        format!(", the last: {} from {}{to}{after}", last.task_id.prefixed(), last.from)
    });
    page.line(format!("takeovers: {}{}", figures.takeovers.len(), last.unwrap_or_default()))
}

fn spread(what: &str, spread: &Spread) -> Option<String> {
    let (median, longest, task) = (spread.median_seconds?, spread.longest_seconds?, spread.longest_task_id?);
    let (median, longest) = (duration(median), duration(longest));
    Some(format!("{what}: {} times, median {median}, longest {longest} ({})", spread.count, task.prefixed()))
}

fn duration(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
