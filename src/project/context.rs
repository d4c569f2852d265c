//! The context of a command: the repository, the settings, where the task data is, and the session.

use crate::coordination::Session;
use crate::coordination::lock_format::LOCK_FORMAT;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::locks::RFC_3339;
use crate::coordination::session::{agent_kind, parse_email};
use crate::error::{Error, Hint, Kind, Result};
use crate::files::{Tree, data_checkout};
use crate::git::run::WITHIN;
use crate::git::{Branch, Freshness, Repository, refs};
use crate::ledger::known::is_known;
use crate::ledger::queue::Queue;
use crate::ledger::{Channel, CodeHome, Company, DATA, IDS, LOCKS, Ledger};
use crate::project::data_home::{self, DataHome, DefaultBranch, Reader, Signs};
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::project::{ignores, leftovers, place};
use crate::settings::{Effect, Environment, Flags, Settings};
use crate::task::{TaskId, TaskName, TaskPath, WORKTREES_DIR, paths};
use crate::waiting;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The context of one command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The repository of the current directory.
    pub(crate) repository: Arc<Repository>,
    /// The settings.
    pub(crate) settings: Settings,
    /// Where branches are published.
    pub(crate) channel: Channel,
    /// Where lines about the progress go.
    pub(crate) progress: fn(&str),
    /// Whether the command only shows what it would change.
    pub(crate) dry_run: bool,
    /// The directory that the command works in.
    pub(crate) here: PathBuf,
    /// The directory of the caller's shell; `here`, unless `-C` named another one.
    pub(crate) shell: PathBuf,
    /// Whether the answer is one JSON document, which tells more than a page. What costs a process is read only for it.
    pub(crate) json: bool,
    data_home: DataHome,
    /// The default branch of the remote, once it is known.
    default_branch: OnceLock<DefaultBranch>,
    /// The e-mail address of the caller, once it was looked for.
    email: OnceLock<Option<String>>,
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
        place::require_own(&repository, &channel, settings.remote.as_deref())?;
        Self::assemble(repository, settings, channel, dir, (effect, Reader::Verb), progress)
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
        Self::assemble(repository, settings, channel, dir, (Effect::Real, Reader::Script), progress)
    }

    fn assemble(
        repository: Repository,
        settings: Settings,
        channel: Channel,
        dir: &Path,
        (effect, reader): (Effect, Reader),
        progress: fn(&str),
    ) -> Result<Self> {
        let dry_run = effect == Effect::DryRun;
        waiting::set_limits(settings.timeout, settings.hook_timeout);
        if !dry_run {
            mend_checkout_of_data(&repository, settings.timeout, progress)?;
        }
        let known = channel.remote().and_then(|remote| data_home::known_default(&repository, remote));
        let data_home = find_data_home(&repository, &channel, &settings, reader, known.as_ref())?;
        let default_branch = known.map_or_else(OnceLock::new, OnceLock::from);
        leftovers::sweep(&repository);
        let (here, shell, json) = (dir.to_owned(), dir.to_owned(), false);
        let (repository, email) = (Arc::new(repository), OnceLock::new());
        Ok(Self {
            repository,
            settings,
            channel,
            progress,
            dry_run,
            here,
            shell,
            json,
            data_home,
            default_branch,
            email,
        })
    }

    /// The branch with the task data: the one that `aitask.data` names; else `aitask-data` where the repository has it;
    /// else the default branch of the remote, which is asked for it once. Without a remote, and where it names no
    /// default branch, it is the branch that the main worktree has checked out.
    ///
    /// # Errors
    /// [`Kind::DetachedHead`] or [`Kind::NoCommit`] when that is no branch with commits, and those of the connection.
    pub(crate) fn data_branch(&self) -> Result<&Branch> {
        match &self.data_home {
            DataHome::Own(branch) | DataHome::Named(branch) => return Ok(branch),
            DataHome::Default(_) => {
                if let Some(branch) = self.default_branch()? {
                    return Ok(branch);
                }
            }
            DataHome::CheckedOut => {}
        }
        let root = self.repository.root.display();
        match &self.repository.root_branch {
            None => Err(Error::new(
                Kind::DetachedHead,
                format!("{root} is on no branch (detached HEAD), and the task data of this repository lives on a code branch"),
            )
            .hint(self.switch())),
            Some(branch) if self.repository.unborn => {
                Err(Error::new(Kind::NoCommit, format!("the branch {branch} has no commit yet"))
                    .hint(if self.branches().is_empty() {
                        Hint::from("git commit --allow-empty -m 'first commit'")
                    } else {
                        self.switch()
                    }))
            }
            Some(branch) => Ok(branch),
        }
    }

    /// Whether [`Self::data_branch`] makes no connection.
    pub(crate) fn knows_data_branch(&self) -> bool {
        let asks = matches!(self.data_home, DataHome::Default(_)) && self.channel.remote().is_some();
        !asks || self.default_branch.get().is_some()
    }

    /// The command that checks out a branch in the main worktree: one of the usual names where there is one.
    fn switch(&self) -> Hint {
        let names = self.branches();
        let usual = ["main", "master"].into_iter().find(|usual| names.iter().any(|name| name == usual));
        let branch = usual.map(str::to_owned).or_else(|| names.into_iter().next()).unwrap_or_else(|| "main".to_owned());
        command!["git switch", branch].within(&self.repository.root)
    }

    /// The branches that a person can check out, here or on the remote, as this clone knows them.
    pub(crate) fn branches(&self) -> Vec<String> {
        let remote = self.channel.remote().map(|remote| format!("refs/remotes/{remote}/"));
        let prefixes: Vec<_> = std::iter::once("refs/heads/".to_owned()).chain(remote).collect();
        let shown = self.repository.read("for-each-ref").arg("--format=%(refname)").args(&prefixes).output();
        let text = shown.map(|output| output.text()).unwrap_or_default();
        let names =
            text.lines().filter_map(|line| prefixes.iter().find_map(|prefix| line.strip_prefix(prefix.as_str())));
        names.filter(|name| *name != "HEAD" && !name.starts_with("aitask")).map(str::to_owned).collect()
    }

    /// The default branch of the remote; `None` where there is no remote, or it names none. One connection where this
    /// clone does not know it yet.
    pub(crate) fn default_branch(&self) -> Result<Option<&Branch>> {
        if let (None, Some(remote)) = (self.default_branch.get(), self.channel.remote()) {
            let branch = data_home::ask_default(&self.repository, remote, self.settings.timeout)?;
            let _ = self.default_branch.set(branch);
        }
        Ok(self.default_branch.get().and_then(|default| default.0.as_ref()))
    }

    /// Makes this command ask the remote again for its default branch, where it named none before: it was empty then.
    pub(crate) fn look_again_for_default_branch(&mut self) {
        if self.default_branch.get() == Some(&DefaultBranch(None)) {
            self.default_branch = OnceLock::new();
        }
    }

    /// The code branch that work starts from and is merged into where none is named: the one that the main worktree has
    /// checked out; on a detached `HEAD`, as in a job of a pull request, and on the branch of a task, which ends with the
    /// task, the default branch of the remote. Where there is none, it is the one that was checked out when that task was
    /// picked, while this clone has it.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn work_branch(&self) -> Result<Option<Branch>> {
        match &self.repository.root_branch {
            Some(branch) if TaskName::from_branch(branch.as_str()).is_none() => Ok(Some(branch.clone())),
            other => {
                let picked_on = || {
                    let task = TaskName::from_branch(other.as_ref()?.as_str())?.id();
                    Branch::parse(&LockRecord::load(&self.repository, task)?.picked_on?).ok()
                };
                Ok(self.default_branch()?.cloned().or_else(picked_on))
            }
        }
    }

    /// The default branch of the remote, where this clone knows it. No connection.
    pub(crate) fn known_default_branch(&self) -> Option<Branch> {
        self.default_branch.get().and_then(|default| default.0.clone())
    }

    /// What the main worktree is on, where no branch can be taken from it: no branch, or the branch of a task.
    pub(crate) fn describe_checkout(&self) -> String {
        self.repository
            .root_branch
            .as_ref()
            .map_or_else(|| "on no branch".to_owned(), |branch| format!("on {branch}, which is the branch of a task"))
    }

    /// Whether the task data is on whatever branch the main worktree has checked out.
    pub(crate) fn follows_checkout(&self) -> bool {
        match self.data_home {
            DataHome::CheckedOut => true,
            DataHome::Default(_) => self.default_branch.get() == Some(&DefaultBranch(None)),
            DataHome::Own(_) | DataHome::Named(_) => false,
        }
    }

    /// Whether the task data has a branch of its own.
    pub(crate) fn has_data_branch(&self) -> bool {
        matches!(self.data_home, DataHome::Own(_))
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
            refs: &*self.repository,
            channel: self.channel.clone(),
            timeout: self.settings.timeout,
            data_only_branch: match &self.data_home {
                DataHome::Own(branch) => Some(branch.clone()),
                _ => None,
            },
            code_home: self.code_home(),
            work: self.known_default_branch().filter(|_| self.has_data_branch()),
            keep_checkouts: self.is_exploring(),
            repairs: false,
            dry_run: self.dry_run,
            company: Company::Welcome,
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
        Ledger { data_only_branch: self.data_branch().ok().cloned(), dry_run: true, ..self.ledger() }
    }

    /// The code branch with the task data, as far as it is known without a connection; `None` where it is whatever the
    /// user checks out.
    fn code_home(&self) -> Option<CodeHome> {
        match &self.data_home {
            DataHome::Named(branch) => Some(CodeHome { branch: branch.clone(), is_named: true }),
            DataHome::Default(_) => self.known_default_branch().map(|branch| CodeHome { branch, is_named: false }),
            DataHome::Own(_) | DataHome::CheckedOut => None,
        }
    }

    /// The session of this command.
    pub(crate) fn session(&self) -> Result<Session> {
        let file = self.data_dir().join(paths::USER_CONFIG_FILE);
        let user_config = self.tree().load(&file)?;
        Session::find(&self.repository, &self.settings, &file, user_config.as_deref(), self.progress)
    }

    /// The e-mail address of the caller, where one can be found. No process.
    pub(crate) fn email(&self) -> Option<&str> {
        let find = || {
            let file = self.data_dir().join(paths::USER_CONFIG_FILE);
            let user_config = self.tree().load(&file).ok()?;
            let found = Session::find_email(&self.repository, &self.settings, &file, user_config.as_deref()).ok()?;
            parse_email(&found.0).ok()
        };
        self.email.get_or_init(find).as_deref()
    }

    /// How the caller is named in what it writes: by the kind of the agent, else by the address. No process.
    pub(crate) fn author(&self) -> String {
        let email = || self.email().map(str::to_owned);
        agent_kind(&self.repository).or_else(email).unwrap_or_else(|| "unknown".to_owned())
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
                    .hint(Hint::from("git aitask pick --next").note("takes the best one that is free"))
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

    /// Where the caller's shell must go once this folder is removed: to the main worktree; `None` where it is elsewhere.
    pub(crate) fn way_out(&self, removed: &Path) -> Option<PathBuf> {
        self.shell.starts_with(removed).then(|| self.repository.root.clone())
    }

    /// The local time in the format of task files and locks: to the minute, without a zone.
    pub(crate) fn now() -> String {
        jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The time with its zone (RFC 3339), to the second.
    pub(crate) fn instant() -> String {
        jiff::ZonedDateTime::now().strftime(RFC_3339).to_string()
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

/// Whether the folder of tasks in the main worktree belongs to the code branch. A folder of the user's own, which no
/// commit has, says nothing of where the tasks are. No process where this clone knows of no data branch: then the folder
/// counts, since somebody may have put the first tasks there.
fn is_of_the_code_branch(repository: &Repository, channel: &Channel, data: &Branch) -> Result<bool> {
    let names = channel.remote().map(|remote| data.tracking(remote)).into_iter().chain([data.full()]);
    if !refs::may_exist(repository, &names.collect::<Vec<_>>()) {
        return Ok(true);
    }
    let tracked = repository.read("ls-files").args(["-z", "--", paths::TASKS_DIR]).run()?;
    Ok(!tracked.stdout.is_empty())
}

fn find_data_home(
    repository: &Repository,
    channel: &Channel,
    settings: &Settings,
    reader: Reader,
    known_default: Option<&DefaultBranch>,
) -> Result<DataHome> {
    let (root, data) = (&repository.root, Branch::parse(DATA)?);
    let named = settings.data.as_deref().filter(|_| reader == Reader::Verb).map(Branch::parse).transpose()?;
    if let Some(branch) = named.as_ref().filter(|branch| matches!(branch.as_str(), LOCKS | IDS)) {
        let message = format!("aitask.data is {branch}, which carries coordination data");
        return Err(Error::new(Kind::Usage, message).hint("git config --unset aitask.data"));
    }
    let folder = root.join(paths::TASKS_DIR).symlink_metadata();
    let default = known_default.and_then(|default| default.0.as_ref());
    let signs = Signs {
        reader,
        named,
        remote: channel.remote(),
        is_attached: data_checkout(root).is_some(),
        has_folder: folder.is_ok_and(|folder| folder.is_dir())
            && !ignores::is_ignored(root)
            && is_of_the_code_branch(repository, channel, &data)?,
        is_on_default: default.is_some() && default == repository.root_branch.as_ref(),
    };
    DataHome::of(signs, || {
        let mut refs_of_it = vec![data.full()];
        refs_of_it.extend(channel.remote().map(|remote| data.tracking(remote)));
        let is_there = || Ok(!refs::load(repository, &refs_of_it)?.is_empty());
        // Also where the branch is gone from the remote: meanwhile the task data must not get a second home on the code
        // branch.
        Ok(is_there()? || is_known(repository, channel, &data))
    })
}
