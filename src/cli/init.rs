//! `git aitask init`.

use crate::cli::app::{App, with_notices};
use crate::data_branch::migrate;
use crate::data_branch::migrate::CodeCommit;
use crate::error::Result;
use crate::git::Branch;
use crate::ledger::DATA;
use crate::ops::init;
use crate::ops::init_place::Place;
use crate::report::Page;
use clap::Args;

/// Set up this repository, or repair what is missing
///
/// It creates the coordination branches at the remote, or uses those that are there, and the directories for tasks and
/// worktrees, which `.git/info/exclude` names where they are not to be committed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git aitask init\n  git aitask init --on develop\n  git aitask init --data-branch")]
pub(crate) struct InitArgs {
    /// Keep the task data on a branch of its own, aitask-data; move it there if needed
    #[arg(long)]
    data_branch: bool,
    /// Keep the task data on this code branch, unless there are tasks already [default: that of the remote]
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
        if self.on.is_none() {
            context.ledger().require_same_default()?;
        }
        let (mut moved, mut place) = (None, Place::Here);
        if let Some(branch) = self.on.as_deref().map(Branch::parse).transpose()? {
            place = Place::find(&context, branch)?;
        }
        if let Place::Free(branch) = &place {
            context = app.open_on(branch, self.dry_run.into())?;
        }
        if self.data_branch {
            init::require_no_other_remote(&context)?;
            moved = Some(migrate::move_to_data_branch(&context, CodeCommit::Published)?);
            context = app.open(self.dry_run.into())?;
        }
        let mut outcome = init::init(&context)?;
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
            with_notices(page, &outcome.aside).advice("next: git aitask new \"Add login\"")
        })
    }
}
