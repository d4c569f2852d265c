//! `git aitask show`.

use crate::cli::app::App;
use crate::cli::complete::tasks;
use crate::error::Result;
use crate::ops::show;
use crate::report::Page;
use crate::settings::Effect;
use clap::Args;

/// Show one task: text, plan, lock, worktree, dependencies
///
/// It reads what this clone has fetched; with --fetch, it fetches first.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git aitask show 12\n  git aitask show            # the task of the worktree you are in"
)]
pub(crate) struct ShowArgs {
    /// The task [default: that of the worktree you are in]
    #[arg(add = tasks())]
    task: Option<String>,
    /// Fetch from the remote first
    #[arg(long)]
    fetch: bool,
}

impl ShowArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let context = app.open(Effect::Real)?;
        let outcome = show::show(&context, &context.wanted(self.task.as_deref())?, self.fetch.into())?;
        app.answer_long(&context, "show", &outcome, || {
            let row = &outcome.task;
            let list = |items: Vec<String>| if items.is_empty() { "-".to_owned() } else { items.join(", ") };
            let mut page = Page::new()
                .title(format!("{}  {}", row.id, row.title))
                .line(format!("{}, {} priority, {} effort, {}", row.status, row.priority, row.effort, row.issue_type))
                .line(format!("file      {}", row.path));
            if !row.labels.is_empty() {
                page = page.line(format!("labels    {}", row.labels.join(", ")));
            }
            if !row.depends.is_empty() {
                page = page.line(format!("depends   {}", list(row.depends.iter().map(ToString::to_string).collect())));
                page =
                    page.line(format!("waits for {}", list(row.blocked_by.iter().map(ToString::to_string).collect())));
            }
            if !outcome.blocks.is_empty() {
                page =
                    page.line(format!("blocks    {}", list(outcome.blocks.iter().map(ToString::to_string).collect())));
            }
            if !row.children.is_empty() {
                page = page.line(format!("children  {}", list(row.children.iter().map(ToString::to_string).collect())));
            }
            if let Some(email) = &row.assigned_to {
                page = page.line(format!("assigned  {email}"));
            }
            if let Some(lock) = &row.lock {
                page = page.line(format!("lock      {}", lock.sentence_about(&lock.seen_by(row.mine))));
            }
            if let Some(request) = &row.pull_request {
                page = page.line(format!("request   {}", request.sentence()));
            }
            if outcome.lacks_worktree {
                page = page.line(format!("worktree  none; to create it: git aitask worktree add {}", row.id));
            }
            if let Some(worktree) = &row.worktree {
                let dirty = match worktree.dirty {
                    Some(true) => ", uncommitted changes",
                    Some(false) => ", clean",
                    None => ", missing",
                };
                let [ahead, behind] =
                    [worktree.ahead, worktree.behind].map(|n| n.map_or("?".to_owned(), |n| n.to_string()));
                page = page.line(format!("worktree  {}{dirty}{}", worktree.path.display(), worktree.remark()));
                page = page.line(format!("branch    {} ({ahead} ahead, {behind} behind)", worktree.branch));
            }
            page = page.lines(outcome.commits.iter().map(|commit| format!("  {commit}")));
            page = page.line("").text(&outcome.text);
            match &outcome.plan {
                Some(plan) => page.line("").title(&plan.path).text(&plan.text),
                None => page,
            }
        })
    }
}
