//! One person's clone, and the directory and environment of the next call in it.

use super::{Run, Running, World};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A clone. [`Repo::at`] and [`Repo::env`] answer a changed copy of the handle, so calls read as one line:
/// `ann.at("src").env("AIT_AGENT_PID", agent.pid()).aitask(&["pick", "1"])`.
pub(crate) struct Repo {
    world: World,
    top: PathBuf,
    dir: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Repo {
    pub(super) fn new(world: &World, top: &Path) -> Self {
        Self { world: world.handle(), top: top.into(), dir: top.into(), env: Vec::new() }
    }

    fn handle(&self) -> Self {
        Self { world: self.world.handle(), top: self.top.clone(), dir: self.dir.clone(), env: self.env.clone() }
    }

    /// The world this clone is in.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The top directory of the clone.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    /// The directory of the next call.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in the clone, from its top.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.top.join(path)
    }

    /// The same clone, called from another directory: in it, or absolute (a task's worktree).
    pub(crate) fn at(&self, dir: impl AsRef<Path>) -> Self {
        Self { dir: self.top.join(dir), ..self.handle() }
    }

    /// The same clone, called with one more environment variable.
    pub(crate) fn env(&self, name: impl Into<OsString>, value: impl std::fmt::Display) -> Self {
        let mut next = self.handle();
        next.env.push((name.into(), format!("{value}").into()));
        next
    }

    /// The same clone, called with the programs in `dir` before all others of the same names.
    pub(crate) fn with_programs(&self, dir: impl AsRef<Path>) -> Self {
        self.env("PATH", self.world.with_programs(dir).path().display())
    }

    /// A command of this person, in the handle's directory and environment.
    pub(super) fn command<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: &[A]) -> Command {
        let mut command = self.world.command(program, &self.dir);
        command.args(args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs any program to its end.
    #[track_caller]
    pub(crate) fn run(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Run {
        Running::start(self.command(program, args)).wait()
    }

    /// Runs `git aitask ARGS` to its end.
    #[track_caller]
    pub(crate) fn aitask(&self, args: &[&str]) -> Run {
        self.start(args).wait()
    }

    /// Runs `git aitask ARGS` to its end, with a text on standard input.
    #[track_caller]
    pub(crate) fn aitask_fed(&self, args: &[&str], input: &str) -> Run {
        Running::fed(self.command(env!("CARGO_BIN_EXE_git-aitask"), args), Some(input.to_owned())).wait()
    }

    /// Runs `git aitask ARGS` to its end, with a terminal as standard input and output, as a person does.
    #[track_caller]
    pub(crate) fn aitask_at_terminal(&self, args: &[&str]) -> Run {
        let errors = tempfile::NamedTempFile::new_in(self.world.root()).unwrap();
        let quoted = |word: &str| format!("'{}'", word.replace('\'', r"'\''"));
        let words = std::iter::once(env!("CARGO_BIN_EXE_git-aitask")).chain(args.iter().copied()).map(quoted);
        let line = format!("{} 2>{}", words.collect::<Vec<_>>().join(" "), quoted(&errors.path().to_string_lossy()));
        let run = self.run("script", &["-qec", &line, "/dev/null"]);
        let stderr = std::fs::read_to_string(errors.path()).unwrap();
        Run { stdout: run.stdout.replace("\r\n", "\n"), stderr, ..run }
    }

    /// Starts `git aitask ARGS` and does not wait.
    #[track_caller]
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(env!("CARGO_BIN_EXE_git-aitask"), args))
    }

    /// As [`Repo::start`] for arguments that may be no UTF-8.
    #[track_caller]
    pub(crate) fn start_with(&self, args: &[OsString]) -> Running {
        Running::start(self.command(env!("CARGO_BIN_EXE_git-aitask"), args))
    }

    /// Starts any program and does not wait.
    #[track_caller]
    pub(crate) fn start_program(&self, program: &str, args: &[&str]) -> Running {
        Running::start(self.command(program, args))
    }

    /// Runs a script of the drop-in face to its end.
    #[track_caller]
    pub(crate) fn script(&self, name: &str, args: &[&str]) -> Run {
        self.start_script(name, args).wait()
    }

    /// Starts a script of the drop-in face and does not wait.
    #[track_caller]
    pub(crate) fn start_script(&self, name: &str, args: &[&str]) -> Running {
        self.start(&[&["compat", name], args].concat())
    }

    /// Runs git, which must succeed, and answers its stdout.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.run("git", args).ok().stdout
    }

    /// Runs git, which must fail.
    #[track_caller]
    pub(crate) fn git_fails(&self, args: &[&str]) -> Run {
        let run = self.run("git", args);
        assert!(run.code != 0, "expected a failure, got\n{run}");
        run
    }

    /// Files a task with `git aitask new` and answers its id.
    #[track_caller]
    pub(crate) fn task(&self, title: &str, fields: &[(&str, &str)]) -> String {
        let options: Vec<String> = fields.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        let mut args = vec!["new", title, "--json"];
        args.extend(options.iter().map(String::as_str));
        let answer = self.aitask(&args).ok().json();
        answer["task"]["id"].as_str().unwrap_or_else(|| panic!("no task.id in {answer}")).into()
    }

    /// Writes a file and the folders above it, from the handle's directory.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file, from the handle's directory.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Commits everything there is, and answers the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().into()
    }

    /// Lets git sign every commit of this person, and show the signatures in every log.
    pub(crate) fn sign_and_show_it(&self) {
        let gpg = self.world.root().join("tmp/gpg");
        let signature = "-----BEGIN PGP SIGNATURE-----\\nx\\n-----END PGP SIGNATURE-----\\n";
        let script = format!(
            "#!/bin/sh\ncat >/dev/null\ncase $* in *--verify*) echo 'gpg: a signature' >&2; exit ;; esac\n\
             printf '\\n[GNUPG:] SIG_CREATED \\n' >&2\nprintf -- '{signature}'\n"
        );
        self.world.script(&gpg, &script);
        let program = gpg.display().to_string();
        for (name, value) in [("gpg.program", &*program), ("commit.gpgSign", "true"), ("log.showSignature", "true")] {
            self.git(&["config", name, value]);
        }
    }

    /// Puts the task data on the branch `aitask-data`, checked out in `.aitask-data`, by hand.
    pub(crate) fn give_data_a_branch(&self) {
        self.git(&["switch", "-q", "--orphan", "aitask-data"]);
        self.write("aitasks/metadata/task_types.txt", "bug\nfeature\n");
        self.write("aiplans/README.md", "plans\n");
        self.commit("data");
        self.git(&["push", "-q", "-u", "origin", "aitask-data"]);
        self.git(&["switch", "-q", "main"]);
        self.git(&["worktree", "add", "-q", ".aitask-data", "aitask-data"]);
        for folder in ["aitasks", "aiplans"] {
            std::os::unix::fs::symlink(format!(".aitask-data/{folder}"), self.path(folder)).unwrap();
        }
        self.write(".gitignore", "/.aitask-data\n/aitasks\n/aiplans\n");
        self.commit("data lives elsewhere");
        self.git(&["push", "-q"]);
    }
}
