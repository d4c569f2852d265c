//! `git aitask init`.

use crate::cli::app::{App, with_notices};
use crate::data_branch::migrate;
use crate::data_branch::migrate::CodeCommit;
use crate::error::Result;
use crate::git::Branch;
use crate::ledger::DATA;
use crate::ops::brief;
use crate::ops::init;
use crate::ops::init_place::Place;
use crate::ops::next_step::NextStep;
use crate::report::Page;
use crate::task::paths;
use clap::Args;

/// Set up this repository, or repair what is missing
///
/// It creates the coordination branches at the remote, or uses those that are there. The tasks of a new repository get a
/// branch of their own, aitask-data, which is checked out at `.aitask-data` with the links `aitasks` and `aiplans` to
/// it; `.git/info/exclude` names them, so nothing is committed to a code branch. A repository that has tasks keeps them
/// where they are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask init\n  git aitask init --on main\n  git aitask init --data-branch")]
pub(crate) struct InitArgs {
    /// Move the tasks from the code branch to aitask-data, a branch of their own
    #[arg(long)]
    data_branch: bool,
    /// Keep the tasks on this code branch, unless there are tasks elsewhere already
    #[arg(long, value_name = "BRANCH", conflicts_with = "data_branch")]
    on: Option<String>,
    /// Show what would be created; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl InitArgs {
    /// Runs the verb.
    pub(crate) fn run(&self, app: &App) -> Result<()> {
        let mut context = app.open(self.dry_run.into())?;
        context.look_again_for_default_branch();
        let mut moved = None;
        let place = match self.on.as_deref().map(Branch::parse).transpose()? {
            Some(branch) => Place::find(&context, branch)?,
            None => Place::by_default(&context)?,
        };
        if self.on.is_none() && place == Place::Here {
            context.ledger().require_same_default()?;
        }
        if let Some(branch) = place.elsewhere()? {
            context = app.open_on(&branch, self.dry_run.into())?;
        } else if self.data_branch {
            init::require_no_other_remote(&context)?;
            moved = Some(migrate::move_to_data_branch(&context, CodeCommit::Published)?);
            context = app.open(self.dry_run.into())?;
        }
        let mut outcome = init::init(&context, &place)?;
        let stays = place == Place::Here && self.on.is_none() && !context.has_data_branch();
        if stays && !outcome.made.is_empty() && context.settings.data.is_none() {
            let data = &outcome.data;
            outcome.aside.notes.push(format!(
                "there are tasks on {data}, or in {}/, so they stay there; git aitask init --data-branch moves them to a \
                 branch of their own",
                paths::TASKS_DIR
            ));
        }
        outcome.aside.notes.extend(place.settle(&context)?);
        if let Some(migrate::Migration { made, aside }) = moved {
            outcome.made.splice(0..0, made);
            let after = std::mem::replace(&mut outcome.aside, aside);
            outcome.aside.extend(after);
            DATA.clone_into(&mut outcome.data);
        }
        app.report.answer(&outcome, || {
            let place = outcome
                .remote
                .as_ref()
                .map_or_else(|| "this repository alone (no remote)".to_owned(), |name| format!("remote {name}"));
            let mut page = Page::new().title(format!("task data: branch {}; coordination: {place}", outcome.data));
            let verb = if self.dry_run { "missing" } else { "created" };
            page = page.lines(outcome.made.iter().map(|what| format!("  {verb}: {what}")));
            page = page.lines(outcome.found.iter().map(|what| format!("  found: {what}")));
            let page = with_notices(page, &outcome.aside);
            // A failure to look at the tasks must not say that the set-up failed.
            let brief = if outcome.has_tasks { brief::brief(&context, Vec::new()).ok() } else { None };
            let next = brief.map_or_else(|| NextStep::of(&context, true, &[], false).hint, |brief| brief.next);
            page.advice(format!("next: {next}"))
        })
    }
}
