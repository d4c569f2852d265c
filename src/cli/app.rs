//! What every verb starts from, and what goes with every answer.

use crate::error::Result;
use crate::project::leftovers::is_exploring;
use crate::project::outcome::Notices;
use crate::project::{Context, Wanted};
use crate::report::{Page, Report, color_as_git};
use crate::settings::{Effect, Environment, Flags};
use std::path::PathBuf;

/// What every verb starts from.
#[derive(Debug)]
pub(crate) struct App {
    /// The environment of the process.
    pub(crate) environment: Environment,
    /// The folder we were started in.
    pub(crate) dir: PathBuf,
    /// The settings of the command line.
    pub(crate) flags: Flags,
    /// How to show things.
    pub(crate) report: Report,
    /// Where narration goes.
    pub(crate) narrate: fn(&str),
}

impl App {
    /// Whether we run within `git aitask explore`.
    pub(crate) fn is_exploring(&self) -> bool {
        is_exploring(&self.environment, &self.dir)
    }

    /// Looks around.
    pub(crate) fn open(&self, effect: Effect) -> Result<Context> {
        self.open_with(&self.flags, effect)
    }

    /// Looks around, with an address of this verb's own.
    pub(crate) fn open_as(&self, email: Option<&String>, effect: Effect) -> Result<Context> {
        let flags = Flags { email: email.cloned(), ..self.flags.clone() };
        self.open_with(&flags, effect)
    }

    fn open_with(&self, flags: &Flags, effect: Effect) -> Result<Context> {
        let context = Context::open(&self.environment, &self.dir, flags, effect, self.narrate)?;
        // The variables are nearer to this call than the configuration.
        if ["NO_COLOR", "CLICOLOR_FORCE"].iter().all(|name| self.environment.text(name).is_none_or(str::is_empty)) {
            color_as_git(context.repository.config().last("color.ui"));
        }
        Ok(context)
    }
}

/// Reads the tasks that were named.
pub(crate) fn wanted(names: &[String]) -> Result<Vec<Wanted>> {
    names.iter().map(|name| Wanted::parse(name)).collect()
}

/// What goes with every answer: notes, checkouts that lag, what a dry run would do.
pub(crate) fn aside(page: Page, aside: &Notices) -> Page {
    let mut page = aside.notes.iter().fold(page, |page, note| page.warning(format!("note: {note}")));
    for lagging in &aside.lagging {
        page = page
            .warning(format!("the local branch {} stays behind: {}", lagging.branch, lagging.reason))
            .advice(format!("  {}", lagging.command));
    }
    if let Some(dry_run) = &aside.dry_run {
        page = page.rehearsed().title("it would swap:");
        for change in &dry_run.refs {
            let [old, new] = [&change.old, &change.new].map(|oid| oid.as_ref().map_or("(none)", |oid| oid.short()));
            page = page.line(format!("  {} {old} -> {new}", change.name));
        }
        if dry_run.refs.is_empty() {
            page = page.line("  no refs");
        }
        page = page.title("and run:").lines(dry_run.commands.iter().map(|command| format!("  {command}")));
    }
    page
}
