//! `git aitask doctor`.

use crate::cli::app::{App, with_notices};
use crate::cli::history;
use crate::error::Result;
use crate::git::Freshness;
use crate::ops::doctor::{self, Diagnosis, DoctorOptions, Finding};
use crate::report::Page;
use crate::settings::Effect;
use clap::Args;

/// Find what does not match, and mend it
///
/// It compares locks, ids, task files, worktrees, branches, records and settings, and names each thing that does not
/// match, with its cause and the command that helps. With --fix it mends what loses nothing: locks, records, worktrees
/// and branches of archived tasks whose work has landed, the id counter, archived children in the list of a parent, the
/// checkout of the tasks and its links, worktrees that are incomplete, were moved or git has forgotten, empty folders, and
/// unreadable records, which are kept as a commit below refs/aitask/backup/. The lock of a task that is open is never released, and
/// a worktree with any files of its own, ignored ones too, is kept. The exit code is 1 while something is left.
///
/// With --history it judges what happened, from the first commit of the coordination branches on: no task had two holders,
/// no id came twice, and all work was landed by its holder. It also says how long tasks waited and were held. It needs
/// nothing but these branches, as this clone has them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask doctor\n  git aitask doctor --fix\n  git aitask doctor --fix --dry-run   # names what would be mended"
)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct DoctorArgs {
    /// Mend what loses nothing
    #[arg(long)]
    fix: bool,
    /// Do not fetch first; judge by what this clone knows
    #[arg(long)]
    offline: bool,
    /// Judge the history of the coordination branches
    #[arg(long, conflicts_with_all = ["fix", "offline"])]
    history: bool,
    /// Show what would be mended; change nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
}

impl DoctorArgs {
    /// Whether it changes anything.
    pub(crate) fn is_work(&self) -> bool {
        self.fix
    }

    /// Runs the verb; returns its exit code.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
        if self.history {
            return history::run(app);
        }
        let freshness = if self.offline { Freshness::AsKnown } else { Freshness::Fetched };
        let options = DoctorOptions { fix: self.fix, freshness };
        let outcome = match app.open(Effect::from(self.dry_run || !self.fix)) {
            Ok(context) => doctor::doctor(&context, options)?,
            Err(refusal) => doctor::of_refused(&app.dir, refusal, options)?,
        };
        app.report.answer(&outcome, || page(&outcome, self.dry_run))?;
        Ok(u8::from(!outcome.findings.is_empty()))
    }
}

fn page(outcome: &Diagnosis, dry_run: bool) -> Page {
    let mut page = Page::new();
    let mut about = "";
    for finding in sorted(&outcome.findings) {
        if finding.about != about {
            about = finding.about;
            page = page.title(about);
        }
        let would = if dry_run && finding.fixable { " (would be mended)" } else { "" };
        page = page.line(format!("  {}: {}{would}", finding.what, finding.cause));
        if finding.fixable && !dry_run && outcome.mended.is_none() {
            page = page.advice("    try: git aitask doctor --fix");
        } else {
            page = finding.cures.iter().fold(page, |page, cure| page.advice(format!("    try: {cure}")));
        }
    }
    let mended = outcome.mended.iter().flatten();
    if outcome.mended.iter().flatten().next().is_some() {
        page = page.title("mended");
    }
    page = page.lines(mended.map(|finding| format!("  {}: {}", finding.what, finding.cause)));
    page = outcome.not_judged.iter().fold(page, |page, what| page.warning(format!("not judged: {what}")));
    page = with_notices(page, &outcome.aside);
    match outcome.findings.len() {
        0 => page.line("nothing is wrong"),
        count => page.advice(format!("{count} finding{}", if count == 1 { "" } else { "s" })),
    }
}

/// The findings, those about one thing together, in the order in which they were found.
fn sorted(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<_> = findings.iter().collect();
    let place = |about: &str| findings.iter().position(|finding| finding.about == about);
    sorted.sort_by_key(|finding| place(finding.about));
    sorted
}
