//! The temporary directory that everything of one test lives in.

use super::template::{Template, remove_old};
use super::{Repo, Run, Running};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;

const PREFIX: &str = "aitask-";

const GITCONFIG: &str = "\
[init]
	defaultBranch = main
	templateDir = ~/../template
[gc]
	auto = 0
[maintenance]
	auto = false
[commit]
	gpgSign = false
[protocol \"ext\"]
	allow = always
[protocol \"file\"]
	allow = always
[user]
	name = Test
	email = test@example.com
";

/// A temporary directory with a home, one bare remote (`origin.git`) and the clones of the people of the test.
/// The directory goes with the last handle, a [`Repo`]'s included.
pub(crate) struct World {
    root: Arc<TempDir>,
    path: OsString,
    /// The template that the remote was copied from last, while nothing but copies came of it.
    made_from: Arc<Mutex<Option<Template>>>,
}

impl World {
    /// With the git of `AITASK_TEST_GIT` (the directory of another one, such as `/usr/bin`), else the first on PATH.
    pub(crate) fn new() -> Self {
        let root = Arc::new(tempfile::Builder::new().prefix(PREFIX).tempdir_in(place()).unwrap());
        let world = Self { root, path: first_path(), made_from: Arc::default() };
        for dir in ["home/.config", "template/hooks", "template/info", "tmp"] {
            std::fs::create_dir_all(world.root().join(dir)).unwrap();
        }
        std::fs::write(world.root().join("template/info/exclude"), "").unwrap();
        std::fs::write(world.root().join("home/.gitconfig"), GITCONFIG).unwrap();
        let empty = Template::after(None, &["empty"]);
        if empty.exists() {
            empty.install(world.root(), None);
        } else {
            world.git(&["init", "--quiet", "--bare", "origin.git"]);
            empty.keep(world.root(), None);
        }
        *world.made_from.lock().unwrap() = Some(empty);
        world
    }

    /// The same world with `dir` first on PATH; clones made from the answer use the git there.
    pub(crate) fn with_git(&self, dir: impl AsRef<Path>) -> Self {
        assert!(dir.as_ref().join("git").exists(), "no git in {}", dir.as_ref().display());
        self.with_programs(dir)
    }

    /// The same world with the programs in `dir` before all others of the same names.
    pub(crate) fn with_programs(&self, dir: impl AsRef<Path>) -> Self {
        let rest = std::env::split_paths(&self.path).map(PathBuf::into_os_string);
        let path = std::env::join_paths(std::iter::once(dir.as_ref().into()).chain(rest)).unwrap();
        Self { path, ..self.handle() }
    }

    pub(super) fn handle(&self) -> Self {
        Self { root: Arc::clone(&self.root), path: self.path.clone(), made_from: Arc::clone(&self.made_from) }
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The bare remote.
    pub(crate) fn origin(&self) -> PathBuf {
        self.root().join("origin.git")
    }

    pub(super) fn path(&self) -> &std::ffi::OsStr {
        &self.path
    }

    /// The git that this world runs.
    pub(crate) fn real_git(&self) -> PathBuf {
        which::which_in("git", Some(&self.path), self.root()).unwrap()
    }

    /// A clone in the directory `name`, for `name@example.com`, on `main`, which the first clone makes and pushes.
    pub(crate) fn clone(&self, name: &str) -> Repo {
        self.clone_as(name, name, &format!("{name}@example.com"))
    }

    /// As [`World::clone`] for a person of your choice.
    pub(crate) fn clone_as(&self, dir: &str, person: &str, email: &str) -> Repo {
        self.copied_or_made(&["clone", dir, person, email], dir, || {
            self.git(&["clone", "--quiet", "origin.git", dir]);
            let repo = Repo::new(self, &self.root().join(dir));
            repo.git(&["config", "user.name", person]);
            repo.git(&["config", "user.email", email]);
            if self.remote_branch("main").is_none() {
                repo.write("README.md", "a project\n");
                repo.commit("first");
                repo.git(&["push", "--quiet", "-u", "origin", "main"]);
            }
        })
    }

    /// A clone in which `git aitask init` was run.
    pub(crate) fn initialised(&self, name: &str) -> Repo {
        self.kept("initialised", name, |repo| drop(repo.aitask(&["init"]).ok()))
    }

    /// A clone that is set up with the tasks on the code branch.
    pub(crate) fn initialised_on_main(&self, name: &str) -> Repo {
        self.kept("on main", name, |repo| drop(repo.aitask(&["init", "--on", "main"]).ok()))
    }

    /// A clone in which `make`, which always does the same and is known as `step`, was run.
    pub(crate) fn kept(&self, step: &str, name: &str, make: impl FnOnce(&Repo)) -> Repo {
        self.copied_or_made(&[step, name], name, || make(&self.clone(name)))
    }

    /// The clone `dir` that `make` makes, copied where the remote is what it was when the copy was kept.
    fn copied_or_made(&self, step: &[&str], dir: &str, make: impl FnOnce()) -> Repo {
        let repo = || Repo::new(self, &self.root().join(dir));
        let before = self.made_from.lock().unwrap().take();
        // another git may be there to see the calls; a name with a slash may mean a place elsewhere
        let usual = self.path == first_path() && !dir.contains(['/', '.']) && !self.root().join(dir).exists();
        let Some(before) = before.filter(|before| usual && before.is_state_of(self.root())) else {
            make();
            return repo();
        };
        let after = Template::after(Some(&before), step);
        if after.exists() {
            after.install(self.root(), Some(dir));
            // the files are others than those that the index knows
            repo().git(&["update-index", "-q", "--refresh"]);
            if repo().path(".aitask-data").exists() {
                repo().at(".aitask-data").git(&["update-index", "-q", "--refresh"]);
            }
        } else {
            make();
            after.keep(self.root(), Some(dir));
        }
        *self.made_from.lock().unwrap() = Some(after);
        repo()
    }

    /// A file of a branch as the remote has it.
    pub(crate) fn remote_file(&self, branch: &str, path: &str) -> Option<String> {
        let run = self.try_git(&["--git-dir=origin.git", "show", &format!("refs/heads/{branch}:{path}")]);
        (run.code == 0).then_some(run.stdout)
    }

    /// The paths of all files of a branch as the remote has it; none when there is no such branch.
    pub(crate) fn remote_files(&self, branch: &str) -> Vec<String> {
        let branch = format!("refs/heads/{branch}");
        let run = self.try_git(&["--git-dir=origin.git", "ls-tree", "-r", "-z", "--name-only", &branch]);
        run.stdout.split_terminator('\0').map(Into::into).collect()
    }

    /// The commit of a branch of the remote.
    pub(crate) fn remote_branch(&self, branch: &str) -> Option<String> {
        let branch = format!("refs/heads/{branch}");
        let run = self.try_git(&["--git-dir=origin.git", "rev-parse", "--verify", "--quiet", &branch]);
        (run.code == 0).then(|| run.stdout.trim().into())
    }

    /// The lock files on the remote, such as `t1_lock.yaml`.
    pub(crate) fn locks(&self) -> Vec<String> {
        let files = self.remote_files("aitask-locks").into_iter();
        files.filter(|file| file.ends_with("_lock.yaml")).collect()
    }

    /// Makes the remote refuse pushes of a branch as a server's rule does, by an `update` hook.
    pub(crate) fn protect(&self, branch: &str) {
        let hook = self.origin().join("hooks/update");
        let text = format!("#!/bin/sh\nif [ \"$1\" = refs/heads/{branch} ]; then echo protected >&2; exit 1; fi\n");
        self.script(&hook, &text);
    }

    /// Writes an executable file. Another process does it: while this one has the file open for writing, a process
    /// that another test starts would inherit it for a moment, and executing it would fail ("text file busy").
    pub(crate) fn script(&self, path: &Path, text: &str) {
        assert!(path.starts_with(self.root()));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let draft = path.with_extension("draft");
        std::fs::write(&draft, text).unwrap();
        let mut command = self.command("/bin/sh", self.root());
        command.args(["-c", r#"cp "$1" "$2" && chmod 755 "$2" && rm "$1""#, "sh"]).args([draft.as_path(), path]);
        Running::start(command).wait().ok();
    }

    /// A command in `dir` whose environment is built from nothing.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>, dir: &Path) -> Command {
        let home = self.root().join("home");
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().env("PATH", &self.path).env("HOME", &home);
        command.env("TMPDIR", self.root().join("tmp"));
        command.env("XDG_CONFIG_HOME", home.join(".config"));
        command.env("XDG_DATA_HOME", home.join(".local/share")).env("XDG_STATE_HOME", home.join(".local/state"));
        command.env("XDG_CACHE_HOME", home.join(".cache"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("TERM", "dumb");
        // an agent that runs the tests is not the person in them
        command.env("GIT_AITASK_SESSION", "");
        // a repository around the temporary directory is not ours
        command.env("GIT_CEILING_DIRECTORIES", self.root());
        command
    }

    /// Runs git in the root and answers its stdout.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.try_git(args).ok().stdout
    }

    fn try_git(&self, args: &[&str]) -> Run {
        let mut command = self.command("git", self.root());
        command.args(args);
        Running::start(command).wait()
    }
}

/// Where worlds are made: in memory where a program can be run from there, since half of a test's time went into waiting for
/// the disk; `TMPDIR` names another place.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        if std::env::var_os("TMPDIR").is_some() || !runs_programs(memory) {
            return std::env::temp_dir();
        }
        remove_old(memory, PREFIX);
        memory.to_owned()
    })
}

/// Whether a program in this folder runs; it may be mounted so that none does.
fn runs_programs(dir: &Path) -> bool {
    let Ok(dir) = tempfile::Builder::new().prefix(PREFIX).tempdir_in(dir) else { return false };
    let copied = Command::new("cp").arg("/bin/true").arg(dir.path()).status();
    copied.is_ok_and(|status| status.success()) && Command::new(dir.path().join("true")).status().is_ok()
}

/// Where programs are found: the directory of `AITASK_TEST_GIT` first.
fn first_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap();
    let Some(first) = std::env::var_os("AITASK_TEST_GIT") else { return path };
    let dirs: Vec<_> = std::iter::once(PathBuf::from(first)).chain(std::env::split_paths(&path)).collect();
    std::env::join_paths(dirs).unwrap()
}
