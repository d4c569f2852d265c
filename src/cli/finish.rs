//! `git aitask finish`.

use crate::cli::app::{App, aside};
use crate::cli::complete::tasks;
use crate::error::{Result, quoted};
use crate::landing::merge::MergeMode;
use crate::ops::finish::{self, Finished};
use crate::report::Page;
use clap::Args;

/// Merge the task branch, archive the task, release it, remove worktree and branch
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(after_help = "Examples:\n  git aitask finish                # in a task's worktree: that task\n  \
git aitask finish 12 --squash -m \"feature: Add login (t12)\"\n  git aitask finish 12 --check \"cargo test\"\n  \
git aitask finish 12 --no-push   # leave the merge to a pull request; finish again once it is merged")]
pub(crate) struct Finish {
    /// The task
    #[arg(add = tasks())]
    task: Option<String>,
    /// The branch to merge into [default: aitask.output, else the branch it was cut from]
    #[arg(long, value_name = "BRANCH")]
    into: Option<String>,
    /// A merge commit, always (the default)
    #[arg(long, group = "mode")]
    merge: bool,
    /// One commit with all changes
    #[arg(long, group = "mode")]
    squash: bool,
    /// Only move the branch forward
    #[arg(long, group = "mode")]
    ff: bool,
    /// The message of the merge
    #[arg(short, value_name = "MESSAGE", allow_hyphen_values = true)]
    message: Option<String>,
    /// A command that must pass on the merged tree [default: aitask.check]
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,
    /// Leave the task where it is
    #[arg(long)]
    no_archive: bool,
    /// Push the task branch and leave the merge to a pull request; keeps lock and worktree
    #[arg(long)]
    no_push: bool,
    /// Finish although gates of the task have not passed
    #[arg(long)]
    override_gates: bool,
    /// The address it was taken with
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show what would be swapped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Finish {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open_as(self.email.as_ref(), self.dry_run.into())?;
        let mode = match (self.merge, self.squash, self.ff) {
            (true, ..) => Some(MergeMode::Merge),
            (_, true, _) => Some(MergeMode::Squash),
            (.., true) => Some(MergeMode::Ff),
            _ => None,
        };
        let options = finish::FinishOptions {
            into: self.into.clone(),
            mode,
            message: self.message.clone(),
            check: self.check.clone(),
            no_archive: self.no_archive,
            no_push: self.no_push,
            override_gates: self.override_gates,
        };
        let outcome = finish::finish(&context, &context.wanted(self.task.as_deref())?, &options)?;
        app.report.answer(&outcome, || page(&outcome, &quoted(&context.repository.root), self.no_push))
    }
}

fn page(outcome: &Finished, root: &str, no_push: bool) -> Page {
    let task = &outcome.task;
    if let Some(branch) = &outcome.pushed {
        return aside(Page::new().title(format!("{}  {}  (yours still)", task.id, task.title)), &outcome.aside)
            .line(format!("  {branch} is pushed"))
            .advice(format!("next: open a pull request for it; once it is merged: git aitask finish {}", task.id));
    }
    // Rehearsed, nothing is pushed yet.
    let branch = outcome.merged.as_ref().filter(|merged| no_push && merged.mode.is_some() && merged.commit.is_none());
    if let Some(merged) = branch {
        let page = Page::new().title(format!("{}  {}  (yours still)", task.id, task.title));
        return aside(page.line(format!("  {} is pushed", merged.branch)), &outcome.aside);
    }
    let end = if outcome.archived.is_empty() { "merged, yours still" } else { "finished" };
    let mut page = Page::new().title(format!("{}  {}  ({end})", task.id, task.title));
    if let Some(merged) = &outcome.merged {
        let commit = merged.commit.as_ref().map_or("?", |commit| commit.short());
        page = page.line(match merged.mode {
            Some(_) => format!("  {} is merged into {} at {commit}", merged.branch, merged.into),
            None => format!("  {} was merged into {} already", merged.branch, merged.into),
        });
    }
    page = page.lines(outcome.archived.iter().map(|path| format!("  {path}")));
    page = aside(page, &outcome.aside);
    if outcome.worktree_removed {
        page.advice(format!("its worktree is gone; next: cd {root} && git aitask pick --next"))
    } else {
        page
    }
}
