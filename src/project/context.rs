//! The context of a command: the repository, the settings, where the task data is, and the session.

use crate::coordination::Session;
use crate::coordination::lock_format::LOCK_FORMAT;
use crate::error::{Error, Kind, Result};
use crate::files::{Tree, data_checkout};
use crate::git::run::WITHIN;
use crate::git::{Branch, Freshness, Repository, refs};
use crate::ledger::known::is_known;
use crate::ledger::queue::Queue;
use crate::ledger::{Channel, DATA, Ledger};
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::project::{ignores, leftovers};
use crate::settings::{Effect, Environment, Flags, Settings};
use crate::task::{TaskId, TaskName, TaskPath, WORKTREES_DIR, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The context of one command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The repository of the current directory.
    pub(crate) repository: Repository,
    /// The settings.
    pub(crate) settings: Settings,
    /// Where branches are published.
    pub(crate) channel: Channel,
    /// Where lines about the progress go.
    pub(crate) progress: fn(&str),
    /// Whether the command only shows what it would change.
    pub(crate) dry_run: bool,
    /// The current directory.
    pub(crate) here: PathBuf,
    data_branch: Option<Branch>,
}

/// A task as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its id.
    pub(crate) id: TaskId,
    /// The other reading of an ambiguous name: `t16_2024_report` may be the child `16_2024`, or the task 16 with a slug
    /// that begins with digits.
    pub(crate) or: Option<TaskId>,
}

impl From<TaskId> for Wanted {
    fn from(id: TaskId) -> Self {
        Self { id, or: None }
    }
}

impl Wanted {
    fn name(name: &TaskName) -> Self {
        Self { id: name.id(), or: name.as_top_level().map(|name| name.id()).filter(|id| *id != name.id()) }
    }

    /// Reads `12`, `t12`, `12_3`, a task name, or a path of the task file.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if let Some(path) = text.find("aitasks/").and_then(|at| TaskPath::parse(&text[at..])) {
            return Ok(path.id().into());
        }
        match TaskId::try_parse(text) {
            Some(id) => Ok(id.into()),
            // A file in the current directory, or a name.
            None => TaskName::parse(text.strip_prefix("./").unwrap_or(text).trim_end_matches(".md"))
                .map(|name| Self::name(&name))
                .map_err(|_| {
                    Error::new(Kind::Usage, format!("{text:?} names no task"))
                        .advice("write 12, t12, 12_3 or t12_add_login")
                }),
        }
    }
}

impl Context {
    /// Opens the repository of `dir`.
    pub(crate) fn open(
        environment: &Environment,
        dir: &Path,
        flags: &Flags,
        effect: Effect,
        progress: fn(&str),
    ) -> Result<Self> {
        let repository = Repository::discover(environment, dir)?;
        let settings = Settings::new(flags, environment, repository.config())?;
        let channel = Channel::of(&repository, settings.remote.as_deref())?;
        Self::assemble(repository, settings, channel, dir, effect, progress)
    }

    /// Opens the repository of `dir` for a script. The scripts know only the remote `origin`.
    pub(crate) fn open_on_origin(
        environment: &Environment,
        dir: &Path,
        flags: &Flags,
        progress: fn(&str),
    ) -> Result<Self> {
        let repository = Repository::discover(environment, dir)?;
        let settings = Settings::new(flags, environment, repository.config())?;
        let channel = Channel::of_script(&repository, None)?;
        Self::assemble(repository, settings, channel, dir, Effect::Real, progress)
    }

    fn assemble(
        repository: Repository,
        settings: Settings,
        channel: Channel,
        dir: &Path,
        effect: Effect,
        progress: fn(&str),
    ) -> Result<Self> {
        let dry_run = effect == Effect::DryRun;
        if !dry_run {
            mend_checkout_of_data(&repository, settings.timeout, progress)?;
        }
        let data_branch = data_branch(&repository, &channel)?;
        leftovers::sweep(&repository);
        Ok(Self { repository, settings, channel, progress, dry_run, here: dir.to_owned(), data_branch })
    }

    /// The branch with the task data: `aitask-data` where the repository has it, else the branch that is checked out in
    /// the main worktree.
    ///
    /// # Errors
    /// [`Kind::DetachedHead`] or [`Kind::NoCommit`] when that is no branch with commits.
    pub(crate) fn data_branch(&self) -> Result<&Branch> {
        let root = self.repository.root.display();
        match &self.data_branch {
            None => Err(Error::new(
                Kind::DetachedHead,
                format!("{root} is on no branch (detached HEAD), and the task data of this repository lives on a code branch"),
            )
            .hint(command!["git switch main"].within(&self.repository.root))),
            Some(branch) if branch.as_str() != DATA && self.repository.unborn => {
                Err(Error::new(Kind::NoCommit, format!("the branch {branch} has no commit yet"))
                    .hint("git commit --allow-empty -m 'first commit'"))
            }
            Some(branch) => Ok(branch),
        }
    }

    /// Whether the task data has a branch of its own.
    pub(crate) fn has_data_branch(&self) -> bool {
        self.data_branch.as_ref().is_some_and(|branch| branch.as_str() == DATA)
    }

    /// Whether any remote is configured, whatever its name.
    pub(crate) fn has_any_remote(&self) -> bool {
        let is_url = |key: &str| key.strip_prefix("remote.").is_some_and(|rest| rest.rsplit('.').next() == Some("url"));
        self.repository.config().keys().any(is_url)
    }

    /// The folder that contains the checked-out `aitasks/`.
    pub(crate) fn data_dir(&self) -> PathBuf {
        let checkout = self.repository.root.join(paths::DATA_WORKTREE_DIR);
        let is_folder = || checkout.symlink_metadata().is_ok_and(|data| data.is_dir());
        if self.has_data_branch() && is_folder() { checkout } else { self.repository.root.clone() }
    }

    /// The tree of the main worktree, below which no link is followed.
    pub(crate) fn tree(&self) -> Tree {
        Tree::new(&self.repository.root)
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> Ledger<'_> {
        Ledger {
            repository: &self.repository,
            refs: &self.repository,
            channel: self.channel.clone(),
            timeout: self.settings.timeout,
            data_only_branch: self.data_branch.clone().filter(|_| self.has_data_branch()),
            keep_checkouts: self.is_exploring(),
            repairs: false,
            dry_run: self.dry_run,
            progress: self.progress,
            lock_format: LOCK_FORMAT,
        }
    }

    /// Whether the command runs within `git aitask explore`.
    pub(crate) fn is_exploring(&self) -> bool {
        leftovers::is_exploring(self.repository.git().environment(), &self.here)
    }

    /// The ledger for commands that only read: commits of the task data that only this clone has are shown too.
    pub(crate) fn reading_ledger(&self) -> Ledger<'_> {
        Ledger { data_only_branch: self.data_branch.clone(), dry_run: true, ..self.ledger() }
    }

    /// The session of this command.
    pub(crate) fn session(&self) -> Result<Session> {
        let file = self.data_dir().join(paths::USER_CONFIG_FILE);
        let user_config = self.tree().load(&file)?;
        Session::find(&self.repository, &self.settings, &file, user_config.as_deref(), self.progress)
    }

    /// Whether this clone has seen the coordination branches.
    pub(crate) fn is_initialised(&self) -> Result<bool> {
        let locks = Ledger::locks_branch()?;
        let ledger = self.ledger();
        let view = ledger.view(std::slice::from_ref(&locks), Freshness::AsKnown)?;
        Ok(view.base(&locks).is_some())
    }

    /// The named task, else the task of the current worktree or task branch.
    pub(crate) fn wanted(&self, named: Option<&str>) -> Result<Wanted> {
        match named {
            Some(text) => Wanted::parse(text),
            None => self.task_here().map(|name| Wanted::name(&name)).ok_or_else(|| {
                Error::new(Kind::Usage, "no task is named, and the current directory is in no task's worktree")
                    .hint("git aitask list")
            }),
        }
    }

    /// The task whose branch is checked out in the current worktree; or, where that is on another branch or on none, the
    /// task whose worktree is at this path.
    pub(crate) fn task_here(&self) -> Option<TaskName> {
        let by_branch = || TaskName::from_branch(self.repository.here_branch.as_ref()?.as_str());
        let by_path = || {
            let folder = self.repository.toplevel.strip_prefix(self.repository.root.join(WORKTREES_DIR)).ok()?;
            TaskName::parse(folder.to_str()?).ok()
        };
        by_branch().or_else(by_path)
    }

    /// The local time in the format of task files and locks: to the minute, without a zone.
    pub(crate) fn now() -> String {
        jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// Completes the checkout of the data branch where git was killed while it made it: otherwise the missing tasks would
/// be taken for deleted ones. Files that differ from the commit stay as they are. No process when there is nothing to
/// do.
fn mend_checkout_of_data(repository: &Repository, limit: Duration, progress: fn(&str)) -> Result<()> {
    let (dir, data) = (repository.root.join(paths::DATA_WORKTREE_DIR), Branch::parse(DATA)?);
    let site = RecoverableWorktree::of(repository, &dir, &data);
    let within = repository.git().environment().text(WITHIN).is_some();
    if within || !dir.join(".git").exists() || site.interruption().is_none() {
        return Ok(());
    }
    let _queue = Queue::enter(repository, limit, progress)?;
    if let Some(said) = site.repair(limit)?.and_then(|mended| mended.describe(&dir)) {
        progress(&said);
    }
    Ok(())
}

fn data_branch(repository: &Repository, channel: &Channel) -> Result<Option<Branch>> {
    let data = Branch::parse(DATA)?;
    let root = &repository.root;
    if data_checkout(root).is_some() {
        return Ok(Some(data));
    }
    // A clone that never checked out the data branch has its task data there all the same, unless there is a real
    // folder aitasks/. A real folder that the code branch ignores does not count: it holds what remained when the task
    // data was moved.
    let folder = root.join(paths::TASKS_DIR).symlink_metadata();
    if folder.is_ok_and(|folder| folder.is_dir()) && !ignores::is_ignored(root) {
        return Ok(repository.root_branch.clone());
    }
    let mut names = vec![data.full()];
    names.extend(channel.remote().map(|remote| data.tracking(remote)));
    // Also where the branch is gone from the remote: meanwhile the task data must not get a second home on the code
    // branch.
    let known = !refs::load(repository, &names)?.is_empty() || is_known(repository, channel, &data);
    Ok(if known { Some(data) } else { repository.root_branch.clone() })
}
