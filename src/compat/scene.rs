//! What every script starts from: the project's root, and the remote `origin` (specification 10, section 0).

use crate::error::{Error, Kind, Result};
use crate::interrupt;
use crate::ledger::Channel;
use crate::ledger::session::parse_email;
use crate::report::Console;
use crate::settings::{Environment, Flags};
use crate::task::{TaskId, bundle, paths};
use crate::workflow::Context;
use crate::workflow::project::Project;
use std::fs::FileType;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The surroundings of a script.
pub(super) struct Scene {
    pub(super) environment: Environment,
    /// The project's root, as far as there is one.
    pub(super) dir: PathBuf,
    /// Where the caller stands: files that he names lie there.
    pub(super) from: PathBuf,
    pub(super) console: Console,
    pub(super) narrate: fn(&str),
}

/// A leading `--debug` may be repeated, and changes nothing that a caller reads.
pub(super) fn leading_debug(args: &[String]) -> (bool, &[String]) {
    let count = args.iter().take_while(|arg| *arg == "--debug").count();
    (count > 0, &args[count..])
}

impl Scene {
    /// The project that this folder belongs to. In a subdirectory it is one above; in a linked worktree, such as a
    /// task's, it is the same one in the main worktree (specification 40, verdict D2; 50, section 9).
    pub(super) fn home(&self) -> Option<PathBuf> {
        let is_home = |dir: &&Path| dir.join(".aitask-scripts").is_dir() || dir.join(paths::TASKS_DIR).exists();
        let project = self.dir.ancestors().find(is_home);
        let git = self.dir.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists());
        if project == Some(&self.dir) && git.is_none_or(|git| git.is_dir()) {
            return Some(self.dir.clone());
        }
        let repository = self.open().ok().flatten()?.repository;
        let below = project.and_then(|dir| dir.strip_prefix(&repository.toplevel).ok());
        let main = below.map(|below| repository.root.join(below)).filter(|dir| is_home(&dir.as_path()));
        main.or_else(|| Some(repository.root).filter(|root| is_home(&root.as_path())))
    }

    /// A file that the caller names, from where he stands; else from the root.
    pub(super) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        let near = self.from.join(&name);
        if near.exists() { near } else { self.dir.join(name) }
    }

    /// The repository, when this is one; `None` is what the scripts call "no remote".
    pub(super) fn open(&self) -> Result<Option<Context>> {
        match Context::open_on_origin(&self.environment, &self.dir, &Flags::default(), self.narrate) {
            Ok(context) => Ok(Some(context)),
            Err(error) if matches!(error.kind(), Kind::NotARepository | Kind::BareRepository) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The repository, when it has the remote.
    pub(super) fn open_remote(&self) -> Result<Option<Context>> {
        Ok(self.open()?.filter(|context| context.channel != Channel::Local))
    }

    /// This folder as a project.
    pub(super) fn checkout<'c>(&self, context: Option<&'c Context>) -> Project<'c> {
        let guarded = self.environment.text("AIT_GIT_SKIP_STATE_CHECK") != Some("1");
        Project { root: self.dir.clone(), context, guarded }
    }

    /// A file, or for `-` standard input, without trailing newlines.
    pub(super) fn text_of(&self, file: &str) -> Result<Vec<u8>> {
        let read = if file == "-" {
            let mut bytes = Vec::new();
            interrupt::typing(|| std::io::stdin().read_to_end(&mut bytes)).map(|_| bytes)
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

    /// Says what ended the script; gives its exit code, git's own where git failed.
    pub(super) fn fail(&self, error: &Error) -> u8 {
        for hint in error.hints().iter().filter(|hint| hint.contains("is kept")) {
            self.console.warn(hint);
        }
        self.say_error(error);
        let code = error.details().get("code").and_then(serde_json::Value::as_u64);
        code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(1)
    }

    /// Says what went wrong: in one line, unless it is a text of ours.
    pub(super) fn say_error(&self, error: &Error) {
        let text = error.to_string();
        if error.details().contains_key("lines") { self.console.error_lines(&text) } else { self.console.error(&text) }
    }

    /// `TASK_DIR`.
    pub(super) fn task_dir(&self) -> PathBuf {
        self.dir.join(self.environment.text("TASK_DIR").unwrap_or(paths::TASKS_DIR))
    }

    /// `PLAN_DIR`.
    pub(super) fn plan_dir(&self) -> PathBuf {
        self.dir.join(self.environment.text("PLAN_DIR").unwrap_or(paths::PLANS_DIR))
    }

    /// `ARCHIVED_DIR`, which does not follow `TASK_DIR`.
    pub(super) fn archived_dir(&self) -> PathBuf {
        self.dir.join(self.environment.text("ARCHIVED_DIR").unwrap_or(paths::ARCHIVED_TASKS_DIR))
    }

    /// The `email:` line of `userconfig.yaml`.
    pub(super) fn user_email(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.task_dir().join("metadata/userconfig.yaml")).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix("email:"))?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The address a lock is taken with when none is named (specification 10, section 2.1).
    pub(super) fn detect_email(&self) -> Result<String> {
        let first_line = || {
            let text = std::fs::read_to_string(self.task_dir().join("metadata/emails.txt")).ok()?;
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

    /// Paths of active task files, in the form the core knows.
    pub(super) fn active_files(&self) -> Vec<String> {
        below(&self.task_dir(), paths::TASKS_DIR, |name| name.starts_with('t'))
    }

    /// Paths of archived task files and of the members of bundles.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a bundle that cannot be read.
    pub(super) fn archived_files(&self) -> Result<Vec<String>> {
        let dir = self.archived_dir();
        let mut files = below(&dir, paths::ARCHIVED_TASKS_DIR, |_| true);
        let bundles: Vec<_> =
            files.iter().filter(|path| path.ends_with(".tar.zst") || path.ends_with(".tar.gz")).cloned().collect();
        for bundle in &bundles {
            let sibling = bundle.strip_suffix(".tar.gz").map(|stem| format!("{stem}.tar.zst"));
            if sibling.is_some_and(|sibling| bundles.contains(&sibling)) {
                continue;
            }
            let file = dir.join(bundle.trim_start_matches(paths::ARCHIVED_TASKS_DIR).trim_start_matches('/'));
            let bytes = std::fs::read(&file).map_err(|error| Error::io("read", &file, &error))?;
            files.extend(bundle::members(bundle, &bytes)?);
        }
        Ok(files)
    }
}

/// The files of a folder and of its direct subfolders, named as if it stood at `as_dir`.
fn below(dir: &Path, as_dir: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut files = Vec::new();
    for (name, path, kind) in entries(dir) {
        // What a link leads to is asked only where there is one.
        let is_dir = kind.is_dir() || (kind.is_symlink() && path.is_dir());
        if is_dir && wanted(&name) {
            files.extend(entries(&path).map(|(inner, ..)| format!("{as_dir}/{name}/{inner}")));
        } else {
            files.push(format!("{as_dir}/{name}"));
        }
    }
    files
}

fn entries(dir: &Path) -> impl Iterator<Item = (String, PathBuf, FileType)> + use<> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path(), entry.file_type().ok()?)))
}

/// An id as the scripts take it: `N`, `tN`, `N_M`, `tN_M` (specification 10, section 14).
pub(super) fn parse_id(text: &str) -> Option<TaskId> {
    TaskId::recognise(text)
}
