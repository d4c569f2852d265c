//! `git aitask finish`.

use crate::archive::request::Deferred;
use crate::cli::app::{App, with_notices};
use crate::cli::complete::{branches, own_tasks};
use crate::cli::each::wanted;
use crate::error::{Error, Payload, Result, quoted};
use crate::landing::merge::MergeMode;
use crate::ops::finish::{self, Finished};
use crate::ops::propose::{self, OpenedRequest, Proposed};
use crate::project::Wanted;
use crate::report::Page;
use clap::Args;

/// Merge a task branch, archive the task, remove its worktree
///
/// Merge, archive, release of the lock and removal of the task branch are one atomic push. Of several tasks each is finished
/// by itself, in this order; the exit code is the highest of those that were not. On a conflict nothing is
/// changed, and the files in conflict are listed. Work that was merged already, by a pull request for instance, is not
/// merged again; what was taken back there is refused. A branch that was pushed for a pull request (--no-push) is merged
/// past it only with --merge, --squash or --ff. The merge commit is signed where you sign commits, and your commit-msg
/// hooks see its message. A check that has passed on the same code, with the same values of the variables that it names,
/// does not run again: neither because of task data that others publish, nor for the same command given again. Several who
/// finish at once in one clone are checked together, and land in one push; one with a pre-push hook, on a terminal, or with
/// other credentials lands alone. Your clones on one machine check and land in turn: who has waited for two thirds of
/// aitask.timeout does not wait longer. In GitHub Actions the result is added to the summary of the job.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(after_help = "Examples:\n  git aitask finish                # the task of the worktree you are in\n  \
git aitask finish 12 --squash -m \"feature: Add login (t12)\"\n  git aitask finish 12 --check \"cargo test\"\n  \
git aitask finish 12 --pr        # opens a pull request")]
pub(crate) struct FinishArgs {
    /// The tasks [default: that of the worktree you are in]
    #[arg(add = own_tasks())]
    task: Vec<String>,
    /// The branch to merge into [default: aitask.output, else the base]
    #[arg(long, value_name = "BRANCH", add = branches())]
    into: Option<String>,
    /// Create a merge commit (the default)
    #[arg(long, group = "mode")]
    merge: bool,
    /// Create one commit with all changes
    #[arg(long, group = "mode")]
    squash: bool,
    /// Fast-forward only
    #[arg(long, group = "mode")]
    ff: bool,
    /// The message of the merge commit
    #[arg(short, value_name = "MESSAGE", allow_hyphen_values = true)]
    message: Option<String>,
    /// A command that must pass on the merged tree; may be repeated [default: aitask.check]
    #[arg(long, value_name = "COMMAND")]
    check: Vec<String>,
    /// Do not archive the task
    #[arg(long)]
    no_archive: bool,
    /// Push the task branch for a pull request; do not merge
    #[arg(long)]
    no_push: bool,
    /// As --no-push, and open the pull request, by gh or glab
    #[arg(long)]
    pr: bool,
    /// Finish even if gates of the task have not passed
    #[arg(long)]
    override_gates: bool,
    /// Create a task for the deferred items of its checklist
    #[arg(long, alias = "with-deferred-carryover")]
    carry_over: bool,
    /// The e-mail address of the holder
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Show which refs would be updated; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl FinishArgs {
    /// Runs the verb; returns its exit code.
    pub(crate) fn run(&self, app: &App) -> Result<u8> {
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
            no_push: self.no_push || self.pr,
            override_gates: self.override_gates,
            deferred: if self.carry_over { Deferred::CarryOver } else { Deferred::Refuse },
        };
        let wanted = wanted(&context, &self.task, "finish")?;
        let next = |outcome: &Finished| {
            // Where nothing is left to do, nothing is advised: who follows advice as it stands would create a task.
            let next = match (outcome.is_last, outcome.leaves_none_free) {
                (true, _) => None,
                (_, true) => Some("git aitask status"),
                _ => Some("git aitask pick --next"),
            };
            let cd = (!app.leads_shell()).then(|| format!("cd {}", quoted(&context.repository.root)));
            cd.into_iter().chain(next.map(str::to_owned)).collect::<Vec<_>>().join(" && ")
        };
        // The one error of a single task is told where all verbs end.
        let told = |told: Result<&Page, &Error>| match told {
            Ok(page) => app.summarise("finish", || page.plain().lines().map(str::to_owned).collect()),
            Err(error) => summarise_refusal(app, error),
        };
        if self.pr {
            let page = |Proposed { finished, pull_request }: &Proposed| {
                one(finished, &next(finished), true, pull_request.as_ref())
            };
            let propose = |wanted: &Wanted| propose::propose(&context, wanted, &options);
            return app.each("finish", &wanted, propose, page, told);
        }
        let page = |outcome: &Finished| one(outcome, &next(outcome), self.no_push, None);
        let finish = |wanted: &Wanted| {
            let outcome = finish::finish(&context, wanted, &options)?;
            app.lead_shell(outcome.cd.as_ref(), &outcome.aside);
            Ok(outcome)
        };
        app.each("finish", &wanted, finish, page, told)
    }
}

/// Shows in the summary of a job why a finish was refused. Each of several was told by itself.
pub(crate) fn summarise_refusal(app: &App, error: &Error) {
    if error.payloads().iter().any(|payload| matches!(payload, Payload::Failed { .. })) {
        return;
    }
    let tries = error.hints().iter().map(|hint| format!("  try: {hint}"));
    app.summarise("finish", || std::iter::once(format!("error: {error}")).chain(tries).collect());
}

/// The page of a task that was finished.
fn one(outcome: &Finished, next: &str, no_push: bool, request: Option<&OpenedRequest>) -> Page {
    let (task, page) = (&outcome.task, Page::new());
    if let Some(branch) = &outcome.pushed {
        let page =
            with_notices(page.title(format!("{}  {}  (you still hold it)", task.id, task.title)), &outcome.aside)
                .line(format!("  {branch} was pushed"));
        return match request {
            Some(OpenedRequest { by, address }) => page
                .line(format!("  {by} opened the pull request {}", address.as_deref().unwrap_or_default()).trim_end())
                .advice(format!("next: once it is merged: git aitask finish {}", task.id)),
            None => page
                .lines(outcome.addresses.iter().map(|address| format!("  the server offers {address}")))
                .advice(format!("next: open a pull request for it; once it is merged: git aitask finish {}", task.id)),
        };
    }
    let end = if no_push {
        "you still hold it"
    } else if outcome.archived.is_empty() {
        "merged, you still hold it"
    } else {
        "finished"
    };
    let mut page = page.title(format!("{}  {}  ({end})", task.id, task.title));
    if let Some(merged) = &outcome.merged {
        let commit = merged.commit.as_ref().map_or("?", |commit| commit.short());
        page = page.line(match merged.mode {
            Some(_) => format!("  {} was merged into {} at {commit}", merged.branch, merged.into),
            None => format!("  {} was already merged into {}", merged.branch, merged.into),
        });
    }
    if let (Some(true), Some(merged)) = (outcome.remote_branch_deleted, &outcome.merged) {
        page = page.line(format!("  {} was removed from the remote", merged.branch));
    }
    page = page.lines(outcome.archived.iter().map(|path| format!("  {path}")));
    page = with_notices(page, &outcome.aside);
    let left = match (outcome.is_last, outcome.leaves_none_free) {
        (true, _) => ", and no task is left",
        (false, true) => ", and every task that is left is held",
        (false, false) => "",
    };
    if outcome.worktree_removed {
        let next = if next.is_empty() { String::new() } else { format!("; next: {next}") };
        page.advice(format!("its worktree was removed{left}{next}"))
    } else if outcome.is_checked_out && !outcome.archived.is_empty() {
        // What is committed there from now on would be on the branch of a task that is over.
        page.advice(format!("next: git switch {}", outcome.into))
    } else {
        page
    }
}
