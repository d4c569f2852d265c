//! Setting up a project for the scripts, as far as git is concerned: ignored files, commits, the user's settings. Every
//! commit holds exactly the files that are named here, so that no work of the user gets into it.

use crate::data_branch::initial_files::INITIAL_FILES;
use crate::data_branch::migrate::require_clean;
use crate::error::Result;
use crate::git::porcelain::status::StatusEntry;
use crate::git::run::Git;
use crate::git::worktree;
use crate::project::context::Context;
use crate::project::data_state;
use crate::project::ignores::with_lines;
use crate::settings::Environment;
use crate::task::paths;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file that shows that the framework is installed.
const VERSION: &str = ".aitask-scripts/VERSION";
/// The framework's own files on the code branch.
const FRAMEWORK: [&str; 16] = [
    ".aitask-scripts",
    "aitasks/metadata",
    "aireviewguides",
    "ait",
    ".claude/skills",
    ".agents",
    ".codex",
    ".opencode",
    ".gitignore",
    ".github/workflows",
    "CLAUDE.md",
    "AGENTS.md",
    "opencode.json",
    "install.sh",
    ".gitlab-ci.yml",
    "bitbucket-pipelines.yml",
];
/// The framework's own files on the data branch.
const FRAMEWORK_DATA: [&str; 2] = [paths::METADATA_DIR, "aireviewguides"];

/// Creates an empty repository.
pub(crate) fn init_repository(environment: &Environment, dir: &Path) -> Result<()> {
    Git::new(environment.clone()).write(dir, "init").arg("--quiet").run().map(drop)
}

/// The framework's files that had uncommitted changes before setup began. These are the user's work and not committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangedBeforeSetup {
    /// Whether the framework was never committed here. Then all of its files are, since the installer has just
    /// written them.
    pub(crate) is_first: bool,
    code: BTreeSet<PathBuf>,
    data: BTreeSet<PathBuf>,
}

impl ChangedBeforeSetup {
    /// Reads the status of both checkouts. In one without a commit of the framework no file counts as changed.
    pub(crate) fn take(context: &Context) -> Result<Self> {
        let tracks = |dir: &Path, path: &str| -> Result<bool> {
            let call = context.repository.git().read(dir, "ls-files").args(["-z", "--", path]);
            Ok(!call.run()?.stdout.is_empty())
        };
        let names = |dir: &Path, below: &[&str]| -> Result<BTreeSet<PathBuf>> {
            Ok(load_changed(context, dir, below)?.into_iter().map(|entry| entry.path).collect())
        };
        let root = &context.repository.root;
        let is_first = root.join(VERSION).exists() && !tracks(root, VERSION)?;
        let code = if is_first { BTreeSet::new() } else { names(root, &FRAMEWORK)? };
        let data = match data_state::data_worktree(context) {
            Some(dir) if tracks(&dir, paths::METADATA_DIR)? => names(&dir, &FRAMEWORK_DATA)?,
            _ => BTreeSet::new(),
        };
        Ok(Self { is_first, code, data })
    }
}

fn load_changed(context: &Context, dir: &Path, below: &[&str]) -> Result<Vec<StatusEntry>> {
    Ok(worktree::changes_below(&context.repository, dir, below)?.entries)
}

/// Adds lines to the `.gitignore` of the code branch and commits it; `false` when it has them. If the commit is
/// refused, the file is restored.
///
/// # Errors
/// [`Kind::Dirty`](crate::error::Kind::Dirty) for a file with uncommitted changes, which would get into the commit.
pub(crate) fn ignore(context: &Context, lines: &[&str], message: &str) -> Result<bool> {
    let root = &context.repository.root;
    let path = root.join(".gitignore");
    let before = context.tree().load(&path)?;
    let text = before.as_deref().unwrap_or_default();
    let after = with_lines(text, lines);
    if after == text {
        return Ok(false);
    }
    // Before the first commit there is nothing to compare with, so the file is committed as it is.
    if !context.repository.unborn {
        require_clean(context, root)?;
    }
    context.tree().replace(&path, &after)?;
    let entries = load_changed(context, root, &[".gitignore"])?;
    worktree::commit_files(&context.repository, root, message, &entries).inspect_err(|_| {
        let _ = match &before {
            Some(before) if !before.is_empty() => context.tree().replace(&path, before),
            _ => context.tree().remove(&path).map(drop),
        };
    })?;
    Ok(true)
}

/// Whether the files of the task data on the code branch are committed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskData {
    /// They are.
    Included,
    /// They are not.
    LeftAlone,
}

/// Files of the framework to commit.
#[derive(Debug)]
pub(crate) struct FrameworkFiles {
    /// The files that were changed before setup began, and are not committed.
    pub(crate) left_alone: Vec<PathBuf>,
    dir: PathBuf,
    message: &'static str,
    entries: Vec<StatusEntry>,
}

impl FrameworkFiles {
    /// The files of the code branch, and those of the task data where it has no branch of its own.
    pub(crate) fn code(context: &Context, before: &ChangedBeforeSetup, task_data: TaskData) -> Result<Self> {
        let dir = context.repository.root.clone();
        let mut pending = Self::load(context, dir, &FRAMEWORK, "ait: Add aitask framework", &before.code)?;
        pending.entries.retain(|entry| task_data == TaskData::Included || !entry.path.starts_with(paths::TASKS_DIR));
        Ok(pending)
    }

    /// The files of the data branch, whose checkout is `dir`.
    pub(crate) fn data(context: &Context, before: &ChangedBeforeSetup, dir: PathBuf) -> Result<Self> {
        Self::load(context, dir, &FRAMEWORK_DATA, "ait: Add aitask framework data", &before.data)
    }

    fn load(
        context: &Context,
        dir: PathBuf,
        below: &[&str],
        message: &'static str,
        before: &BTreeSet<PathBuf>,
    ) -> Result<Self> {
        let mut entries = load_changed(context, &dir, below)?;
        let compiled = |path: &Path| {
            path.extension().is_some_and(|extension| extension == "pyc")
                || path.components().any(|part| part.as_os_str() == "__pycache__")
        };
        let never = [paths::TASKS_DIR, paths::PLANS_DIR, paths::USER_CONFIG_FILE].map(Path::new);
        entries.retain(|entry| !compiled(&entry.path) && !never.contains(&entry.path.as_path()));
        let (left, entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| before.contains(&entry.path));
        Ok(Self { left_alone: left.into_iter().map(|entry| entry.path).collect(), dir, message, entries })
    }

    /// The number of files to commit.
    pub(crate) fn files(&self) -> usize {
        self.entries.len()
    }

    /// Commits these files, and nothing else.
    pub(crate) fn commit(&self, context: &Context) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        worktree::commit_files(&context.repository, &self.dir, self.message, &self.entries)
    }
}

/// Creates the folders of the task data that git does not keep while they are empty: the scripts fail without them.
pub(crate) fn create_folders(context: &Context) -> Result<()> {
    let folders = [paths::DRAFTS_DIR, paths::ARCHIVED_TASKS_DIR, paths::ARCHIVED_PLANS_DIR];
    folders.iter().try_for_each(|name| context.tree().make_folder(context.data_dir().join(name)))
}

/// Writes the initial files of the task data that are missing.
pub(crate) fn write_initial_files(context: &Context) -> Result<()> {
    for (name, content) in INITIAL_FILES {
        let path = context.data_dir().join(name);
        let tree = context.tree();
        if !tree.is_there(&path) {
            if content.is_empty() { tree.create_empty(&path)? } else { tree.create(&path, content.as_bytes())? }
        }
    }
    Ok(())
}

/// Lets git ignore the user's settings before they are written, so that no commit can contain them.
pub(crate) fn hide_user_config(context: &Context) -> Result<()> {
    crate::files::exclude(&context.repository.common_dir, &format!("/{}", paths::USER_CONFIG_FILE))
}

/// Writes the user's settings where there are none. `ask` gets the address that git is configured with, and gives the
/// one to write.
pub(crate) fn user_config(context: &Context, ask: impl FnOnce(Option<&str>) -> Option<String>) -> Result<bool> {
    let path = context.data_dir().join(paths::USER_CONFIG_FILE);
    if context.tree().is_there(&path) {
        return Ok(false);
    }
    let Some(email) = ask(context.repository.config().last("user.email")) else { return Ok(false) };
    let text = format!(
        "# Settings of this user on this machine; never committed\nemail: {email}\n# How the keys of the screens are \
         shown\nshortcut_label_case: preserve\n"
    );
    context.tree().create(&path, text.as_bytes()).map(|()| true)
}
