//! `git aitask worktree`.

use crate::cli::app::{App, with_notices};
use crate::cli::complete::{branches, tasks, tasks_with_worktree};
use crate::cli::pick;
use crate::error::{Result, quoted};
use crate::ops::prune::{self, Pruned};
use crate::ops::worktrees;
use crate::project::outcome::Notices;
use crate::report::{Page, Table};
use clap::{Args, Subcommand};

/// Create, list, find or remove the worktrees of tasks
#[derive(Debug, Args)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(
    after_help = "Examples:\n  git aitask worktree add 12\n  git aitask worktree list\n  git aitask worktree remove 12\n  cd \"$(git aitask worktree path 12)\""
)]
pub(crate) struct WorktreeArgs {
    #[command(subcommand)]
    verb: WorktreeVerb,
}

#[derive(Debug, Subcommand)]
enum WorktreeVerb {
    /// Create the worktree of a task, without picking the task
    #[command(after_help = "Examples:\n  git aitask worktree add 12\n  git aitask worktree add 12 --base release-2")]
    Add {
        /// The task [default: that of the worktree you are in]
        #[arg(add = tasks())]
        task: Option<String>,
        /// The branch to cut the task branch from
        #[arg(long, value_name = "BRANCH", add = branches())]
        base: Option<String>,
        /// Show which commands would be run; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the task worktrees of this clone
    #[command(after_help = "Examples:\n  git aitask worktree list\n  git aitask worktree list --json")]
    List,
    /// Remove the worktree of a task, and its branch if it is merged
    #[command(after_help = "Examples:\n  git aitask worktree remove 12\n  git aitask worktree remove 12 --discard")]
    Remove {
        /// The task [default: that of the worktree you are in]
        #[arg(add = tasks_with_worktree())]
        task: Option<String>,
        /// Discard uncommitted changes in it
        #[arg(long)]
        discard: bool,
        /// Show which commands would be run; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove the worktrees and branches of archived tasks whose work has landed
    ///
    /// Here and on the remote. Work has landed when merging it into its output branch would have changed nothing there:
    /// after a merge, a squash, a rebase, a fast-forward or a cherry-pick, also when the same lines were changed later.
    /// What is kept is listed, with the reason.
    #[command(after_help = "Examples:\n  git aitask worktree prune --dry-run\n  git aitask worktree prune")]
    Prune {
        /// Show which commands would be run; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the path of the worktree of a task
    #[command(after_help = "Example:\n  cd \"$(git aitask worktree path 12)\"")]
    Path {
        /// The task [default: that of the worktree you are in]
        #[arg(add = tasks_with_worktree())]
        task: Option<String>,
    },
}

impl WorktreeArgs {
    /// Whether it creates or removes a worktree.
    pub(crate) fn is_work(&self) -> bool {
        matches!(self.verb, WorktreeVerb::Add { .. } | WorktreeVerb::Remove { .. } | WorktreeVerb::Prune { .. })
    }

    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let dry_run = match self.verb {
            WorktreeVerb::Add { dry_run, .. }
            | WorktreeVerb::Remove { dry_run, .. }
            | WorktreeVerb::Prune { dry_run } => dry_run,
            WorktreeVerb::List | WorktreeVerb::Path { .. } => false,
        };
        let context = app.open(dry_run.into())?;
        match &self.verb {
            WorktreeVerb::Add { task, base, .. } => {
                let outcome = worktrees::add(&context, &context.wanted(task.as_deref())?, base.as_deref())?;
                app.lead_shell(outcome.cd.as_ref(), &outcome.aside);
                app.report.answer(&outcome, || {
                    let Some(worktree) = &outcome.worktree else { return with_notices(Page::new(), &outcome.aside) };
                    let made = if worktree.created { "" } else { "   (already there)" };
                    let mut page = Page::new().line(format!("{}{made}", worktree.path.display()));
                    if worktree.ahead.is_some() {
                        page = page.line(format!("  on {}{}", worktree.branch, pick::base(worktree)));
                    }
                    let page = with_notices(page, &outcome.aside);
                    if app.leads_shell() { page } else { page.advice(format!("next: cd {}", quoted(&worktree.path))) }
                })
            }
            WorktreeVerb::Remove { task, discard, dry_run } => {
                let outcome = worktrees::remove(&context, &context.wanted(task.as_deref())?, (*discard).into())?;
                app.lead_shell(outcome.cd.as_ref(), &outcome.aside);
                app.report.answer(&outcome, || {
                    if *dry_run {
                        return with_notices(Page::new(), &outcome.aside);
                    }
                    let page = Page::new().line(match &outcome.path {
                        Some(path) => format!("{} was removed", path.display()),
                        None => "there was no worktree".to_owned(),
                    });
                    let page = match &outcome.branch_kept {
                        Some(branch) => page.line(format!("its branch {branch} was kept: it has unmerged commits")),
                        None => page,
                    };
                    with_notices(page, &outcome.aside)
                })
            }
            WorktreeVerb::List => {
                let outcome = worktrees::list(&context)?;
                app.report.answer(&outcome, || {
                    let mut table = Table::default();
                    for worktree in &outcome.worktrees {
                        let state = &worktree.worktree_state;
                        let dirty = match (state.in_progress, state.dirty) {
                            (Some(what), _) => format!("in the middle of {what}"),
                            (None, Some(true)) => "uncommitted changes".to_owned(),
                            (None, Some(false)) => "clean".to_owned(),
                            (None, None) => "missing".to_owned(),
                        };
                        let other = state.checked_out.as_ref().map_or_else(String::new, |other| format!(", {other}"));
                        let dirty = dirty + &other;
                        table.row([worktree.task_id.to_string(), dirty, state.path.display().to_string()]);
                    }
                    Page::new().bare().table(table.or_none("no worktrees of tasks"))
                })
            }
            WorktreeVerb::Prune { .. } => {
                let outcome = prune::prune(&context, None)?;
                app.lead_shell(outcome.cd.as_ref(), &outcome.aside);
                app.report.answer(&outcome, || pruned(&outcome))
            }
            WorktreeVerb::Path { task } => {
                let outcome = worktrees::path(&context, &context.wanted(task.as_deref())?)?;
                app.lead_shell(Some(&outcome.cd), &Notices::default());
                app.report.answer(&outcome, || Page::new().bare().line(outcome.path.display().to_string()))
            }
        }
    }
}

fn pruned(outcome: &Pruned) -> Page {
    let mut page = Page::new();
    for it in &outcome.removed {
        let what = [(it.worktree.is_some(), "worktree"), (it.here, "branch"), (it.on_remote, "remote branch")];
        let what: Vec<_> = what.iter().filter(|(is_gone, _)| *is_gone).map(|(_, what)| *what).collect();
        let (branch, what, into, at) = (&it.branch, what.join(", "), &it.into, it.landed_at.short());
        page = page.line(format!("{branch}: {what} removed; its work is in {into} at {at}"));
    }
    page = page.lines(outcome.kept.iter().map(|it| format!("{} was kept: {}", it.branch, it.why)));
    if outcome.removed.is_empty() && outcome.kept.is_empty() {
        page = page.line("no task branch is left over");
    }
    with_notices(page, &outcome.aside)
}
