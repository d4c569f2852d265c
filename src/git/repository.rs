//! The repository of the current directory, found once for each command.

use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use crate::files::records::{Location, RecordKind, Records};
use crate::git::identity;
use crate::git::place::Place;
use crate::git::porcelain;
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::registry::{self, git_dir};
use crate::git::run::{Call, Git, Kept};
use crate::git::types::{Branch, Oid, RefName, RemoteName};
use crate::settings::{Config, Environment};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// A repository with a work tree: its folders, and how to run git in it.
#[derive(Debug)]
pub(crate) struct Repository {
    git: Git,
    config: Config,
    /// The git directory that all worktrees share (`.git` of the main one).
    pub(crate) common_dir: PathBuf,
    /// The main worktree; in a bare repository with worktrees, the current one, or the outermost around it.
    pub(crate) root: PathBuf,
    /// The current worktree.
    pub(crate) toplevel: PathBuf,
    /// The branch checked out in [`Self::root`]; `None` when its `HEAD` is detached.
    pub(crate) root_branch: Option<Branch>,
    /// The branch checked out in [`Self::toplevel`].
    pub(crate) here_branch: Option<Branch>,
    /// `HEAD` names a branch that has no commit yet.
    pub(crate) unborn: bool,
    identities: OnceLock<Identities>,
    /// The last answer of [`objects::list`], with what was asked: a commit is often looked at again after a fetch.
    ///
    /// [`objects::list`]: crate::git::objects::list
    pub(super) last_list: Mutex<Option<ListedTree>>,
    /// The process that reads objects, once one was read. It ends with this.
    pub(super) reader: Mutex<Option<Kept>>,
    /// The branches that a remote has shown since it was fetched from last.
    pub(super) shown: Mutex<Option<ShownBranches>>,
}

/// The branches of a remote, with their tips.
pub(super) type ShownBranches = (RemoteName, BTreeMap<Branch, Oid>);

/// The arguments with which a tree was listed, and its files.
pub(super) type ListedTree = (Vec<String>, Vec<TreeEntry>);

impl Repository {
    /// Finds the repository of `dir`, as git does, with `GIT_DIR` and the like.
    ///
    /// # Errors
    /// [`Kind::NotARepository`], and [`Kind::BareRepository`] where there is no work tree.
    pub(crate) fn discover(environment: &Environment, dir: &Path) -> Result<Self> {
        let git = Git::new(environment.clone());
        let by_files = Place::by_files(environment, dir);
        // what is wrong with a configuration is said by git when it is asked
        let by_files = by_files.and_then(|place| Some((read_config(&git, &place.toplevel).ok()?, place)));
        let (config, place) = if let Some(found) = by_files.filter(|(config, _)| Place::is_confirmed(config)) {
            found
        } else {
            let place = Place::by_git(&git, dir)?;
            place.require_found_from_work_tree(&git)?;
            (read_config(&git, &place.toplevel)?, place)
        };
        let Place { common_dir, git_dir, toplevel, head, is_born } = place;
        let hidden = hidden_identity(&git, &toplevel, &config);
        let config = config.with(&hidden);
        let git = git.configured(&config).with_identity(hidden);
        let here_branch = RefName::parse(&head).and_then(|name| name.branch());
        let mut repository = Self {
            git,
            config,
            root: toplevel.clone(),
            root_branch: here_branch.clone(),
            unborn: !is_born,
            here_branch,
            common_dir,
            toplevel,
            identities: OnceLock::new(),
            last_list: Mutex::default(),
            reader: Mutex::default(),
            shown: Mutex::default(),
        };
        if git_dir != repository.common_dir {
            repository.find_root(&registry::load(&repository.git, &repository.root)?);
        } else if !repository.common_dir.ends_with(".git") {
            repository.remember_root();
        }
        Ok(repository)
    }

    /// A repository for tests, whose records are in a folder, and in which git is never run.
    #[cfg(test)]
    pub(crate) fn without_git(dir: &Path) -> Self {
        let environment = Environment::default().with(crate::git::run::WITHIN, "1");
        Self {
            git: Git::new(environment),
            config: Config::default(),
            common_dir: dir.to_owned(),
            root: dir.to_owned(),
            toplevel: dir.to_owned(),
            root_branch: None,
            here_branch: None,
            unborn: false,
            identities: OnceLock::new(),
            last_list: Mutex::default(),
            reader: Mutex::default(),
            shown: Mutex::default(),
        }
    }

    /// Where the git directory is outside of the main worktree (`--separate-git-dir`, a submodule), git does not tell
    /// in other worktrees where that is, so a command in the main worktree records it.
    fn remember_root(&self) {
        let root = Location { path: self.root.clone() };
        if self.records().load(RecordKind::Root, "").as_ref() != Some(&root) {
            // Best effort: without the record the root is found as git finds it.
            let _ = self.records().note(RecordKind::Root, "", &root);
        }
    }

    fn remembered_root(&self) -> Option<PathBuf> {
        let records = self.records();
        // Before records had a format, the file was the bare path.
        let bare = || Some(PathBuf::from(OsStr::from_bytes(&read_own(&records.path(RecordKind::Root, "")).ok()?)));
        let root = records.load(RecordKind::Root, "").map(|root: Location| root.path).or_else(bare)?;
        (root.is_absolute() && root.join(".git").is_file()).then_some(root)
    }

    /// For a linked worktree: the main worktree; where there is none, or git cannot name it since its git directory is
    /// outside of it, the outermost worktree around this one.
    fn find_root(&mut self, records: &[WorktreeRecord]) {
        let Some(main) = records.first() else { return };
        let is_main = |at: &Path| {
            let git_dir = git_dir(at).and_then(|dir| dir.canonicalize().ok());
            !main.bare && git_dir.is_some() && git_dir == self.common_dir.canonicalize().ok()
        };
        let is_worktree = |at: &&Path| is_main(at) || records.iter().any(|record| !record.bare && record.path == **at);
        let around = || self.toplevel.ancestors().filter(is_worktree).last().unwrap_or(&self.toplevel).to_owned();
        let apart = || self.toplevel.ancestors().find(|at| is_main(at)).map(Path::to_owned);
        let root = match main.path.join(".git").exists() {
            _ if main.bare => around(),
            true => main.path.clone(),
            false => apart().or_else(|| self.remembered_root()).unwrap_or_else(around),
        };
        let record = records.iter().find(|record| record.path == root).unwrap_or(main);
        self.root_branch = record.branch.as_ref().and_then(RefName::branch);
        self.unborn = record.head.is_none();
        self.root = root;
    }

    /// The configuration of git, as far as this crate reads it.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// How many digits an object name has; `None` in a format that is not known here.
    pub(super) fn digits(&self) -> Option<usize> {
        match self.config.last("extensions.objectformat") {
            None | Some("sha1") => Some(40),
            Some("sha256") => Some(64),
            Some(_) => None,
        }
    }

    /// Runs git with what all calls have in common.
    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// A git command that reads, in the main worktree.
    pub(crate) fn read(&self, subcommand: &str) -> Call {
        self.git.read(&self.root, subcommand)
    }

    /// A git command that may write, in the main worktree.
    pub(crate) fn write(&self, subcommand: &str) -> Call {
        self.git.write(&self.root, subcommand)
    }

    /// The version of git: its first two numbers. One process.
    ///
    /// # Errors
    /// [`Kind::Git`] when git tells none.
    pub(crate) fn git_version(&self) -> Result<(u32, u32)> {
        let text = self.read("version").run()?.text();
        let mut numbers = text.split([' ', '.']).filter_map(|word| word.parse().ok());
        let version = numbers.next().zip(numbers.next());
        version.ok_or_else(|| Error::new(Kind::Git, format!("git tells no version: {text}")))
    }

    /// The private records of this clone.
    pub(crate) fn records(&self) -> Records {
        Records::new(&self.common_dir)
    }

    /// Author and committer as git would write them, with the time of the first call: all commits of one command get
    /// one time. No process, as a rule.
    ///
    /// # Errors
    /// [`Kind::NoIdentity`] when git has none.
    pub(crate) fn identities(&self) -> Result<Identities> {
        if let Some(known) = self.identities.get() {
            return Ok(known.clone());
        }
        let (environment, config) = (self.git.environment(), &self.config);
        let (author, committer) = if let Some(told) = identity::told(environment, config) {
            (told.clone(), told)
        } else {
            let ask = |name: &str| self.read("var").arg(name).run().map(|output| output.text());
            let committer = ask("GIT_COMMITTER_IDENT")?;
            let author =
                if identity::are_apart(environment, config) { ask("GIT_AUTHOR_IDENT") } else { Ok(committer.clone()) };
            // A job of CI may name the committer alone; git itself then knows no author.
            let author = author.or_else(|error| match error.kind() {
                Kind::NoIdentity => Ok(committer.clone()),
                _ => Err(error),
            });
            (author?, committer)
        };
        Ok(self.identities.get_or_init(|| Identities { author, committer }).clone())
    }
}

/// Author and committer of a commit, as git writes them: `Name <email> seconds zone`.
#[derive(Debug, Clone)]
pub(crate) struct Identities {
    /// The author.
    pub(crate) author: String,
    /// The committer.
    pub(crate) committer: String,
}

/// The name and address in the user's own configuration, where Gemini hides that from what it runs. It does so because of
/// the programs that a configuration can name; who the user is starts none. One process for each file.
fn hidden_identity(git: &Git, dir: &Path, config: &Config) -> Vec<(String, String)> {
    let environment = git.environment();
    let is_hidden = environment.text("GIT_CONFIG_GLOBAL") == Some("/dev/null");
    if !is_hidden || environment.text("GEMINI_CLI").is_none() || config.last("user.email").is_some() {
        return Vec::new();
    }
    let home = environment.text("HOME").map(PathBuf::from);
    let folder = environment.text("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(home.as_ref()?.join(".config")));
    let files = [folder.map(|folder| folder.join("git/config")), home.map(|home| home.join(".gitconfig"))];
    let read = |file: PathBuf| {
        let call = git.read(dir, "config").arg("--file").arg(file).args(["--includes", "-z", "--get-regexp"]);
        let output = call.arg(r"^user\.(name|email)$").run().ok()?;
        porcelain::config::parse(&output.stdout).ok()
    };
    let pairs = files.into_iter().flatten().filter(|file| file.is_file()).filter_map(read).flatten();
    pairs.filter_map(|(key, value)| Some((key, value?))).collect()
}

/// The keys that are read, all in one call, since a process costs more than a key.
fn read_config(git: &Git, dir: &Path) -> Result<Config> {
    const KEYS: &str = r"^(aitask|remote|branch|url|user|author|committer|extensions)\.|^(core\.(sshcommand|hookspath|bare|worktree|repositoryformatversion)|ssh\.variant|trace2\.perftarget|commit\.gpgsign|color\.ui|init\.defaultbranch|push\.(default|gpgsign))$|^pager\.aitask(\.|$)";
    let output = git.read(dir, "config").args(["-z", "--get-regexp", KEYS]).output()?;
    match output.code {
        Some(0) => {
            let mut pairs = porcelain::config::parse(&output.stdout)?;
            // The last value is the one that every call of this program sets; the user's is before it.
            if let Some(ours) = pairs.iter().rposition(|(key, _)| key == "color.ui") {
                pairs.remove(ours);
            }
            Ok(Config::new(pairs))
        }
        Some(1) => Ok(Config::default()),
        _ => Err(Error::new(Kind::Git, format!("git cannot read its configuration: {}", output.stderr_text()))),
    }
}
