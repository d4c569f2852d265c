//! What every script starts from: the project's root, the caller's directory and environment, and the remote `origin`.
//! The scripts know no other remote: a repository without `origin` counts as one without a remote.

use crate::compat::console::Console;
use crate::compat::folders::{TaskFolder, TaskFolders};
use crate::coordination::session::{email_of, parse_email};
use crate::error::{Error, Kind, Payload, Result};
use crate::files::{FolderEntry, Tree};
use crate::interrupt;
use crate::ledger::Channel;
use crate::project::Context;
use crate::project::task_files::TaskFiles;
use crate::settings::{Environment, Flags};
use crate::task::{bundle, paths};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// One call of a script: its environment, directories and output.
pub(crate) struct Invocation {
    pub(crate) environment: Environment,
    /// The project's root; the caller's directory where there is no project.
    pub(crate) dir: PathBuf,
    /// The caller's directory: relative paths in the arguments start there.
    pub(crate) from: PathBuf,
    pub(crate) console: Console,
    /// Prints a plain line on standard error.
    pub(crate) notice: fn(&str),
    /// Whether `--debug` was the first argument.
    pub(crate) debug: bool,
}

impl Invocation {
    /// The arguments after a leading `--debug`. It may be repeated, and changes no line that callers read.
    pub(crate) fn take_leading_debug<'a>(&mut self, args: &'a [String]) -> &'a [String] {
        let count = args.iter().take_while(|arg| *arg == "--debug").count();
        self.debug = count > 0;
        &args[count..]
    }

    /// The root of the project that this folder belongs to. From a subdirectory it is a folder above; from a linked
    /// worktree, such as a task's, it is the same folder in the main worktree, since only that one has the data
    /// worktree and the scripts.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let is_home = |dir: &&Path| dir.join(".aitask-scripts").is_dir() || dir.join(paths::TASKS_DIR).exists();
        let project = self.dir.ancestors().find(is_home);
        let git = self.dir.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists());
        if project == Some(&self.dir) && git.is_none_or(|git| git.is_dir()) {
            return Some(self.dir.clone());
        }
        let repository = self.open().ok().flatten()?.repository;
        let below = project.and_then(|dir| dir.strip_prefix(&repository.toplevel).ok());
        let main = below.map(|below| repository.root.join(below)).filter(|dir| is_home(&dir.as_path()));
        main.or_else(|| Some(repository.root.clone()).filter(|root| is_home(&root.as_path())))
    }

    /// The path of a file in the arguments: relative to the caller's directory, else to the project's root.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        let near = self.from.join(&name);
        if near.exists() { near } else { self.dir.join(name) }
    }

    /// The repository; `None` outside of one, which the scripts treat like a repository without a remote.
    pub(crate) fn open(&self) -> Result<Option<Context>> {
        match Context::open_on_origin(&self.environment, &self.dir, &Flags::default(), self.notice) {
            Ok(context) => Ok(Some(context)),
            Err(error) if matches!(error.kind(), Kind::NotARepository | Kind::BareRepository) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The repository, when it has the remote `origin`.
    pub(crate) fn open_remote(&self) -> Result<Option<Context>> {
        Ok(self.open()?.filter(|context| context.channel != Channel::Local))
    }

    /// The task files of this project. `AIT_GIT_SKIP_STATE_CHECK=1` lifts the check for an unfinished rebase or
    /// merge: it is the scripts' documented way to repair a data worktree.
    pub(crate) fn checkout<'c>(&self, context: Option<&'c Context>) -> TaskFiles<'c> {
        let guarded = self.environment.text("AIT_GIT_SKIP_STATE_CHECK") != Some("1");
        TaskFiles { root: self.dir.clone(), context, guarded }
    }

    /// A file, or for `-` standard input, without trailing newlines.
    pub(crate) fn load_text(&self, file: &str) -> Result<Vec<u8>> {
        let read = if file == "-" {
            let mut bytes = Vec::new();
            interrupt::waiting_for_input(|| std::io::stdin().read_to_end(&mut bytes)).map(|_| bytes)
        } else {
            std::fs::read(self.file(file))
        };
        let none = |_| Error::new(Kind::Usage, format!("Description file not found: {file}"));
        let mut bytes = read.map_err(none)?;
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Ok(bytes)
    }

    /// Prints the error that ended the script, and gives the exit code: git's own where git failed, since callers
    /// tell a refused commit from a wrong argument by it.
    pub(crate) fn fail(&self, error: &Error) -> u8 {
        for hint in error.hints().iter().filter(|hint| hint.tells_where_text_is()) {
            self.console.warn(&hint.to_string());
        }
        self.print_error(error);
        let code = error.payloads().iter().find_map(|payload| match payload {
            Payload::ExitCode { code } => Some(*code),
            _ => None,
        });
        code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(1)
    }

    /// Prints an error: in one line, unless all of its text is this program's own, since text of others could forge a
    /// line.
    pub(crate) fn print_error(&self, error: &Error) {
        let text = error.to_string();
        let is_own_text = error.payloads().contains(&Payload::Lines { lines: true });
        if is_own_text { self.console.error_lines(&text) } else { self.console.error(&text) }
    }

    /// The tree through which the files of the project are reached; it follows no symbolic link.
    pub(crate) fn tree(&self) -> Tree {
        Tree::new(&self.dir)
    }

    /// The folder that `TASK_DIR` names.
    pub(crate) fn tasks(&self) -> TaskFolder {
        TaskFolders::below(&self.dir, self.environment.text("TASK_DIR").unwrap_or(paths::TASKS_DIR)).tasks
    }

    /// The text of a file in the folder `metadata`.
    pub(crate) fn metadata(&self, name: &str) -> Option<String> {
        let tasks = self.tasks();
        tasks.tree().text(tasks.path("metadata").join(name)).ok()
    }

    /// The address in `userconfig.yaml`. The original reads the line `email:` of any text, so a file that is not
    /// valid YAML must give its address too: then that line alone is parsed as YAML, and if this fails taken as it
    /// is.
    pub(crate) fn user_email(&self) -> Option<String> {
        let text = self.metadata("userconfig.yaml")?;
        let parsed = |text: &str| email_of(Path::new("userconfig.yaml"), text.as_bytes());
        parsed(&text).unwrap_or_else(|_| {
            let line = text.lines().find(|line| line.starts_with("email:"))?;
            parsed(line).unwrap_or_else(|_| line.strip_prefix("email:").map(|value| value.trim().to_owned()))
        })
    }

    /// The address of the holder when the arguments name none: that of `userconfig.yaml`, else the first line of
    /// `emails.txt`, in the order of the scripts.
    pub(crate) fn detect_email(&self) -> Result<String> {
        let first_line = || {
            let text = self.metadata("emails.txt")?;
            let line: String = text.lines().next()?.split_whitespace().collect();
            (!line.is_empty()).then_some(line)
        };
        let email = self.user_email().or_else(first_line).ok_or_else(|| {
            Error::new(
                Kind::NoIdentity,
                "No email provided and none found in userconfig.yaml or emails.txt. Use --email <email> or configure \
                 aitasks/metadata/userconfig.yaml",
            )
        })?;
        parse_email(&email)
    }

    /// Refuses to judge a kind of follow-up where `AIT_FOLLOWUP_KINDS_DIR` names a folder without the kinds. They are
    /// built in here, but callers' tests point the variable at an empty folder and expect the error.
    pub(crate) fn require_followup_kinds(&self) -> Result<()> {
        let has_files = |dir: &str| std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
        if self.environment.text("AIT_FOLLOWUP_KINDS_DIR").is_none_or(has_files) {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "cannot resolve the follow-up kind vocabulary"))
    }

    /// The paths of the active task files as the core names them, below `aitasks/` whatever `TASK_DIR` is.
    pub(crate) fn active_files(&self) -> Vec<String> {
        below(&self.tasks(), paths::TASKS_DIR, |name| name.starts_with('t'))
    }

    /// Paths of the files of the archive.
    pub(crate) fn archived_names(&self) -> Vec<String> {
        below(&self.archive(), paths::ARCHIVED_TASKS_DIR, |_| true)
    }

    fn archive(&self) -> TaskFolder {
        TaskFolders::of_environment(&self.environment, &self.dir).archived
    }

    /// Paths of archived task files and of the members of bundles.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a bundle that cannot be read.
    pub(crate) fn archived_files(&self) -> Result<Vec<String>> {
        let archived = self.archive();
        let mut files = self.archived_names();
        let is_there = |path: &str| files.iter().any(|file| file == path);
        let bundles: Vec<_> = files.iter().filter(|path| paths::is_task_bundle(path, is_there)).cloned().collect();
        for bundle in &bundles {
            let bytes = archived.read(bundle.trim_start_matches(paths::ARCHIVED_TASKS_DIR).trim_start_matches('/'))?;
            files.extend(bundle::members(bundle, &bytes)?);
        }
        Ok(files)
    }
}

/// The files of a folder and of its direct subfolders, with `as_dir` as the folder in their paths.
fn below(folder: &TaskFolder, as_dir: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut files = Vec::new();
    for FolderEntry { name, is_folder } in folder.entries() {
        if is_folder && wanted(&name) {
            files.extend(
                folder.below(&name).entries().into_iter().map(|inner| format!("{as_dir}/{name}/{}", inner.name)),
            );
        } else {
            files.push(format!("{as_dir}/{name}"));
        }
    }
    files
}
