//! The git side of setting a project up for the scripts (specification 40, section 9): what is ignored, what is
//! committed, the user's own settings. Every commit holds exactly the files that are named.

use super::context::Context;
use super::init::SEEDS;
use super::migrate::with_lines;
use crate::error::{Error, Result};
use crate::git::porcelain::status::StatusEntry;
use crate::git::run::Git;
use crate::git::worktree;
use crate::settings::Environment;
use crate::task::paths;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The framework's own files on the code branch.
const FRAMEWORK: [&str; 15] = [
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
];

/// Makes an empty repository.
pub fn init_repository(environment: &Environment, dir: &Path) -> Result<()> {
    Git::new(environment.clone()).write(dir, "init").arg("--quiet").run().map(drop)
}

/// The framework's files that somebody is at work on, to be left alone; none before the framework was first committed.
pub fn snapshot(context: &Context) -> Result<BTreeSet<PathBuf>> {
    let repository = &context.repository;
    let version = repository.read("ls-files").args(["--error-unmatch", "--", ".aitask-scripts/VERSION"]).output()?;
    if !version.success() {
        return Ok(BTreeSet::new());
    }
    Ok(changed(context, &repository.root, &FRAMEWORK)?.into_iter().map(|entry| entry.path).collect())
}

fn changed(context: &Context, dir: &Path, below: &[&str]) -> Result<Vec<StatusEntry>> {
    Ok(worktree::changes_below(&context.repository, dir, below)?.entries)
}

/// Adds lines to the `.gitignore` of the code branch and commits it; `false` when they are there.
pub fn ignore(context: &Context, lines: &[&str], message: &str) -> Result<bool> {
    let path = context.repository.root.join(".gitignore");
    let before = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| Error::io("read", &path, &error))?,
    };
    let after = with_lines(&before, lines);
    if after == before {
        return Ok(false);
    }
    std::fs::write(&path, after).map_err(|error| Error::io("write", &path, &error))?;
    commit(context, &context.repository.root, &[".gitignore"], message, &BTreeSet::new())?;
    Ok(true)
}

/// What a commit of the framework's files came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// How many files.
    pub files: usize,
    /// Files that were changed before, and are left alone.
    pub left_alone: Vec<PathBuf>,
}

/// Commits the framework's files on the code branch, but for those of the snapshot.
pub fn commit_framework(context: &Context, snapshot: &BTreeSet<PathBuf>) -> Result<Committed> {
    let root = context.repository.root.clone();
    commit(context, &root, &FRAMEWORK, "ait: Add aitask framework", snapshot)
}

/// Commits the framework's files on the data branch, where there is one.
pub fn commit_framework_data(context: &Context) -> Result<Committed> {
    let dir = context.repository.root.join(paths::DATA_WORKTREE_DIR);
    let below = [paths::METADATA_DIR, "aireviewguides"];
    commit(context, &dir, &below, "ait: Add aitask framework data", &BTreeSet::new())
}

fn commit(
    context: &Context,
    dir: &Path,
    below: &[&str],
    message: &str,
    snapshot: &BTreeSet<PathBuf>,
) -> Result<Committed> {
    let mut entries = changed(context, dir, below)?;
    let compiled = |path: &Path| {
        path.extension().is_some_and(|extension| extension == "pyc")
            || path.components().any(|part| part.as_os_str() == "__pycache__")
    };
    let is_link = |path: &Path| path == Path::new(paths::TASKS_DIR) || path == Path::new(paths::PLANS_DIR);
    entries.retain(|entry| !compiled(&entry.path) && !is_link(&entry.path));
    let (left_alone, entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| snapshot.contains(&entry.path));
    if !entries.is_empty() {
        worktree::commit_files(&context.repository, dir, message, &entries)?;
    }
    Ok(Committed { files: entries.len(), left_alone: left_alone.into_iter().map(|entry| entry.path).collect() })
}

/// Writes what task data starts with, where it is missing.
pub fn seed(context: &Context) -> Result<()> {
    for (name, content) in SEEDS {
        let path = context.data_dir().join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        match made
            .and_then(|()| std::fs::File::create_new(&path))
            .and_then(|mut file| file.write_all(content.as_bytes()))
        {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("write", &path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes the user's own settings, where there are none; `ask` gives the address, from the one that git knows.
pub fn user_config(context: &Context, ask: impl FnOnce(Option<&str>) -> Option<String>) -> Result<bool> {
    let path = context.data_dir().join(paths::USER_CONFIG_FILE);
    if path.exists() {
        return Ok(false);
    }
    let Some(email) = ask(context.repository.config().last("user.email")) else { return Ok(false) };
    let text = format!(
        "# Settings of this user on this machine; never committed\nemail: {email}\n# How the keys of the screens are \
         shown\nshortcut_label_case: preserve\n"
    );
    super::place::exclude(&context.repository.common_dir, &format!("/{}", paths::USER_CONFIG_FILE))?;
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
    made.map(|()| true).map_err(|error| Error::io("write", &path, &error))
}
