//! Preparing a new worktree: copying files that git ignores (`aitask.worktreeCopy`), and running the project's own
//! command (`aitask.worktreeSetup`).

use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use crate::git::run::Call;
use crate::git::worktree;
use crate::project::context::Context;
use crate::task::{WORKTREES_DIR, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whether the settings ask for any preparation.
pub(crate) fn is_preparation_needed(context: &Context) -> bool {
    !context.settings.worktree_copy.is_empty() || context.settings.worktree_setup.is_some()
}

/// The time limit of `aitask.worktreeSetup`. The command may install dependencies or build the project, and only its
/// author knows how long that takes: a day ends a command that hangs, and nothing else.
const SETUP_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Prepares the worktree at `path`; `copied` gets the files that were copied into it.
///
/// # Errors
/// The error of a copy, or [`Kind::CheckFailed`] for the command. The worktree exists and stays in both cases.
pub(crate) fn prepare_worktree(context: &Context, path: &Path, copied: &mut Vec<PathBuf>) -> Result<()> {
    let settings = &context.settings;
    if !settings.worktree_copy.is_empty() {
        copy(context, path, copied)?;
    }
    let Some(command) = &settings.worktree_setup else { return Ok(()) };
    let call = Call::program(context.repository.git().environment(), "sh", path).args(["-c", command]);
    let output = call.limit(SETUP_LIMIT).streams(crate::git::run::Streams::ToStderr).output()?;
    if output.success() {
        return Ok(());
    }
    let exit = output.ending();
    Err(Error::new(Kind::CheckFailed, format!("aitask.worktreeSetup failed in {} ({exit}): {command}", path.display())))
}

fn copy(context: &Context, path: &Path, copied: &mut Vec<PathBuf>) -> Result<()> {
    let root = &context.repository.root;
    let ours = [WORKTREES_DIR, paths::DATA_WORKTREE_DIR, paths::TASKS_DIR, paths::PLANS_DIR];
    for name in worktree::ignored_files(&context.repository, root, &context.settings.worktree_copy)? {
        let target = path.join(&name);
        if ours.iter().any(|folder| name.starts_with(folder)) || target.symlink_metadata().is_ok() {
            continue;
        }
        if copy_file(&Tree::new(root), &Tree::new(path), &name)? {
            copied.push(name);
        }
    }
    Ok(())
}

/// Copies a file, or a symbolic link as a link, and returns whether it was copied. The copy is written under another
/// name and renamed, so that nobody reads half of it. It replaces nothing, and it is not written through a symbolic
/// link: a folder that the commit has as a link may point outside the worktree. The operating system shares the blocks
/// where the file system can.
fn copy_file(from: &Tree, to: &Tree, name: &Path) -> Result<bool> {
    let failed = |error: std::io::Error| Error::io("copy", name, &error);
    if name.parent().is_some_and(|folder| to.make_folder(folder).is_err()) {
        return Ok(false);
    }
    let (source, target) = (from.root().join(name), to.root().join(name));
    let Ok(kind) = source.symlink_metadata().map(|data| data.file_type()) else { return Ok(false) };
    if kind.is_symlink() {
        std::fs::read_link(&source).and_then(|link| std::os::unix::fs::symlink(link, &target)).map_err(failed)?;
        return Ok(true);
    }
    if !kind.is_file() {
        return Ok(false);
    }
    let mut part = target.clone().into_os_string();
    part.push(".aitask-part");
    // A killed copy may have left this file. A commit may also contain a symbolic link of this name: it is removed,
    // since writing through it could change a file outside the worktree.
    to.remove(&part)?;
    std::fs::copy(&source, &part).map_err(failed)?;
    to.rename(&part, &target).map(|()| true)
}
