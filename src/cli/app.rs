//! What every verb starts with, and the notices that follow every result.

use crate::data_branch::attach::{self, Attached};
use crate::data_branch::carried::Leftover;
use crate::error::{Result, sanitise};
use crate::files::append;
use crate::git::Branch;
use crate::git::run::SHELL_FILE;
use crate::ops::publish::publish;
use crate::project::leftovers::is_exploring;
use crate::project::outcome::Notices;
use crate::project::{Context, Wanted, taken_over};
use crate::report::{self, Page, Report, color_as_git};
use crate::settings::{Effect, Environment, Flags};
use std::cell::{Cell, OnceCell};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What every verb starts with.
#[derive(Debug)]
pub(crate) struct App {
    /// The environment of the process.
    pub(crate) environment: Environment,
    /// The directory to work in.
    pub(crate) dir: PathBuf,
    /// The directory of the caller's shell.
    pub(crate) shell: PathBuf,
    /// The settings of the command line.
    pub(crate) flags: Flags,
    /// How to show things.
    pub(crate) report: Report,
    /// Whether a long page goes through the pager of git.
    pub(crate) may_page: bool,
    /// The function that shows progress.
    pub(crate) progress: fn(&str),
    /// Whether the verb ran in the worktree of a task whose branch every verb is to publish.
    pub(crate) publishes: Cell<bool>,
    /// Whether the checkout of the data branch, or a link to it, was missing.
    pub(crate) lacks_checkout: Cell<bool>,
    /// What was read from standard input: a verb that runs again must not read it twice.
    pub(crate) input: OnceCell<String>,
}

impl App {
    /// Whether this process runs within `git aitask explore`.
    pub(crate) fn is_exploring(&self) -> bool {
        is_exploring(&self.environment, &self.dir)
    }

    /// The same, without progress and without what follows a verb.
    pub(crate) fn silent(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            dir: self.dir.clone(),
            shell: self.shell.clone(),
            flags: self.flags.clone(),
            report: self.report,
            may_page: false,
            progress: report::no_progress,
            publishes: Cell::default(),
            lacks_checkout: Cell::default(),
            input: OnceCell::new(),
        }
    }

    /// Opens the repository of the directory.
    pub(crate) fn open(&self, effect: Effect) -> Result<Context> {
        self.open_with(&self.flags, effect)
    }

    /// Opens the repository, with the e-mail address that the verb was given.
    pub(crate) fn open_as(&self, email: Option<&String>, effect: Effect) -> Result<Context> {
        let flags = Flags { email: email.cloned(), ..self.flags.clone() };
        self.open_with(&flags, effect)
    }

    /// Opens the repository as if `aitask.data` named this branch.
    pub(crate) fn open_on(&self, branch: &Branch, effect: Effect) -> Result<Context> {
        let flags = Flags { data: Some(branch.to_string()), ..self.flags.clone() };
        self.open_with(&flags, effect)
    }

    fn open_with(&self, flags: &Flags, effect: Effect) -> Result<Context> {
        let mut context = Context::open(&self.environment, &self.dir, flags, effect, self.progress)?;
        (context.shell, context.json) = (self.shell.clone(), self.report.json);
        // A variable is set for this call, the configuration for all calls: the variable wins.
        if ["NO_COLOR", "CLICOLOR_FORCE"].iter().all(|name| self.environment.text(name).is_none_or(str::is_empty)) {
            color_as_git(context.repository.config().last("color.ui"));
        }
        if let Some(find) = taken_over::heading(&context) {
            report::begin_with(find);
        }
        self.publishes.set(context.settings.publish && !context.dry_run && context.task_here().is_some());
        self.lacks_checkout.set(!context.dry_run && !context.is_exploring() && attach::is_missing(&context));
        Ok(context)
    }

    /// After a verb that changed something, checks the data branch out where it is missing: a fresh clone, or one in
    /// which it was deleted by hand. The verb has given its answer, so a failure is only reported.
    pub(crate) fn check_out_tasks(&self) {
        let Some(context) = self.open(Effect::Real).ok().filter(|_| self.lacks_checkout.get()) else { return };
        match attach::attach_known(&context) {
            Ok(Attached::Made) => {
                let root = context.repository.root.display();
                let is_left = Leftover::find(&context).is_ok_and(|left| left.is_some());
                let whose = if is_left { "has files from before the tasks were moved" } else { "is of your own" };
                let own = attach::in_place_of_a_link(&context);
                let own = own.map_or_else(String::new, |name| format!("; {name} {whose}, and stays as it is"));
                (self.progress)(&format!("the tasks are checked out in {root}: aitasks, aiplans (.aitask-data){own}"));
            }
            Ok(Attached::Already | Attached::Legacy | Attached::NoBranch) => {}
            Err(error) => (self.progress)(&format!("the tasks were not checked out: {error}")),
        }
    }

    /// Adds lines to the summary of a job of GitHub Actions, below a heading; elsewhere does nothing. Each is indented, as code
    /// is in Markdown, so that nothing that others wrote is read as Markdown.
    pub(crate) fn summarise(&self, heading: &str, lines: impl FnOnce() -> Vec<String>) {
        let Some(file) = self.environment.text("GITHUB_STEP_SUMMARY") else { return };
        let lines: Vec<_> = lines().iter().map(|line| format!("    {}", sanitise(line))).collect();
        let summary = format!("### git aitask {heading}\n\n{}\n\n", lines.join("\n"));
        if let Err(error) = append(Path::new(file), &summary) {
            (self.progress)(&format!("the summary was not written: {error}"));
        }
    }

    /// Whether the function of the user's shell (`git aitask setup --shell`) called: it goes where a verb leads it.
    pub(crate) fn leads_shell(&self) -> bool {
        self.environment.os(SHELL_FILE).is_some()
    }

    /// Tells that function where to go, in the file that it named. A dry run leads nowhere.
    pub(crate) fn lead_shell(&self, folder: Option<&PathBuf>, aside: &Notices) {
        let (Some(file), Some(folder), None) = (self.environment.os(SHELL_FILE), folder, &aside.dry_run) else {
            return;
        };
        // With a slash at the end, since a shell leaves out newlines there, which a name may end with.
        let text = [folder.as_os_str().as_bytes(), b"/"].concat();
        // A file that is gone is not made again: the function has ended, where the command was stopped and went on later.
        let opened = std::fs::File::options().write(true).truncate(true).open(file);
        if let Err(error) = opened.and_then(|mut file| file.write_all(&text)) {
            (self.progress)(&format!("the shell was not told where to go: {error}"));
        }
    }

    /// After a verb that ran in the worktree of a task, publishes the task branch, where the settings ask for it. The verb
    /// has given its answer, so a failure is only reported. A worktree that the verb has removed has nothing to publish.
    pub(crate) fn publish_branch(&self) {
        let Some(context) = self.open(Effect::Real).ok().filter(|_| self.publishes.get()) else { return };
        let Some(task) = context.task_here() else { return };
        match publish(&context, &task.id().into()) {
            Ok(publication) => {
                if let Some(branch) = publication.pushed {
                    (self.progress)(&format!("{branch} was pushed"));
                }
            }
            Err(error) => (self.progress)(&format!("the task branch was not published: {error}")),
        }
    }
}

/// Parses the tasks that were named.
pub(crate) fn wanted(names: &[String]) -> Result<Vec<Wanted>> {
    names.iter().map(|name| Wanted::parse(name)).collect()
}

/// Adds the notices that every result may have: notes, checkouts that were not updated, and what a dry run would do.
pub(crate) fn with_notices(page: Page, aside: &Notices) -> Page {
    let mut page = aside.notes.iter().fold(page, |page, note| page.warning(format!("note: {note}")));
    for lagging in &aside.lagging {
        page = page
            .warning(format!("the local branch {} was not updated: {}", lagging.branch, lagging.reason))
            .advice(format!("  {}", lagging.hint));
    }
    if let Some(incomplete) = &aside.incomplete {
        page = page.warning(format!("note: {}", incomplete.message));
        page = incomplete.hints.iter().fold(page, |page, hint| page.advice(format!("  try: {hint}")));
    }
    if let Some(dry_run) = &aside.dry_run {
        page = page.dry_run().title("refs that would be updated:");
        for change in &dry_run.refs {
            let [old, new] = [&change.old, &change.new].map(|oid| oid.as_ref().map_or("(none)", |oid| oid.short()));
            page = page.line(format!("  {} {old} -> {new}", change.name));
        }
        if dry_run.refs.is_empty() {
            page = page.line("  none");
        }
        if !dry_run.commands.is_empty() {
            page = page
                .title("commands that would be run:")
                .lines(dry_run.commands.iter().map(|command| format!("  {command}")));
        }
    }
    page
}
