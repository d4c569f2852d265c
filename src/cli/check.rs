//! `git aitask check`.

use crate::cli::app::App;
use crate::error::Result;
use crate::ops::check::decide::{Problem, Severity};
use crate::ops::check::{self, Checked};
use crate::report::Page;
use crate::settings::Effect;
use clap::Args;

/// Check the task files, for CI
///
/// It reads the task files of the checkout, else those of the branch that has them, and changes nothing: well-formed
/// names and headers, ids that are unique and below the counter, parents, children, dependencies that exist and make no
/// circle, plans that belong to a task. It needs neither set-up nor network, and works in a shallow clone and on a
/// detached HEAD; where the tasks have a branch of their own and the clone has one branch alone, as those of most jobs, it
/// needs --fetch. A line of the output is PATH:LINE: MESSAGE. In GitHub Actions each finding is an annotation, too, and
/// the job gets a summary. The exit code is 1 when there are errors; `git aitask doctor` looks at locks, branches and
/// worktrees as well.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask check\n  git aitask check --strict --json\n  git aitask check --fetch    # in a job of CI, whose clone has one branch alone"
)]
pub(crate) struct CheckArgs {
    /// Fetch the counter, and the tasks where they have a branch of their own
    #[arg(long)]
    fetch: bool,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
}

impl CheckArgs {
    /// Runs the verb; returns its exit code.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
        let context = app.open(Effect::DryRun)?;
        let outcome = check::check(&context, self.fetch.into())?;
        let is_github = app.environment.text("GITHUB_ACTIONS") == Some("true");
        app.report.answer(&outcome, || page(&outcome, is_github))?;
        app.summarise(&format!("check: {}", in_numbers(&outcome)), || outcome.findings.iter().map(line).collect());
        let is_bad = outcome.errors > 0 || self.strict && outcome.warnings > 0;
        Ok(u8::from(is_bad))
    }
}

fn page(outcome: &Checked, is_github: bool) -> Page {
    let mut page = Page::new().lines(outcome.findings.iter().map(line));
    if is_github {
        page = page.lines(outcome.findings.iter().map(|problem| annotation(problem, outcome.branch.as_deref())));
    }
    page.advice(in_numbers(outcome))
}

/// `aitasks/t1_x.md:3: the status ...`
fn line(problem: &Problem) -> String {
    let word = if problem.severity == Severity::Warning { "warning: " } else { "" };
    without_command(&format!("{}:{}: {word}{}", problem.path, problem.line, problem.message))
}

/// The line as GitHub shows it beside the file; for one of a branch of its own, which the tree of the job does not have, as
/// it shows it in the list of the run.
fn annotation(problem: &Problem, branch: Option<&str>) -> String {
    let level = if problem.severity == Severity::Warning { "warning" } else { "error" };
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let (path, line, message) = (property(&problem.path), problem.line, escaped(&problem.message));
    without_command(&match branch {
        None => format!("::{level} file={path},line={line}::{message}"),
        Some(branch) => format!("::{level} title={path} on the branch {}::line {line}: {message}", property(branch)),
    })
}

/// GitHub takes `##[` anywhere in a line for the beginning of a command.
fn without_command(line: &str) -> String {
    line.replace("##[", "## [")
}

fn in_numbers(outcome: &Checked) -> String {
    let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (errors, warnings) = (many(outcome.errors, "error"), many(outcome.warnings, "warning"));
    let unknown = if outcome.counter.is_none() { "; the id counter is not known here" } else { "" };
    format!("{errors}, {warnings} in {}{unknown}", many(outcome.tasks, "active task"))
}
