//! What a new worktree needs besides the files of its commit: copies of files that git ignores (`aitask.worktreeCopy`),
//! and a command of the project's own (`aitask.worktreeSetup`).

use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use crate::git::run::Call;
use crate::git::worktree;
use crate::project::context::Context;
use crate::task::{WORKTREES_DIR, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whether a new worktree needs anything.
pub(crate) fn is_wanted(context: &Context) -> bool {
    !context.settings.worktree_copy.is_empty() || context.settings.worktree_setup.is_some()
}

/// Furnishes the worktree at `path`; `copied` gets the files that were copied into it.
///
/// # Errors
/// What could not be copied, or [`Kind::CheckFailed`] for the command; the worktree is there all the same.
pub(crate) fn furnish(context: &Context, path: &Path, copied: &mut Vec<PathBuf>) -> Result<()> {
    let settings = &context.settings;
    if !settings.worktree_copy.is_empty() {
        copy(context, path, copied)?;
    }
    let Some(command) = &settings.worktree_setup else { return Ok(()) };
    let call = Call::program(context.repository.git().environment(), "sh", path).args(["-c", command]);
    let output = call.limit(Duration::from_secs(24 * 3600)).streams(crate::git::run::Streams::ToStderr).output()?;
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

/// Copies a file, or a link itself, beside its place first, so that nobody finds half of it there; never over something,
/// and not through a link: a folder that is one in the new worktree leads who knows where. The system shares the blocks
/// where the file system can. Whether it was copied.
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
    // What a copy that was killed left, or a link that somebody committed under this name, which must not be written through.
    to.remove(&part)?;
    std::fs::copy(&source, &part).map_err(failed)?;
    to.rename(&part, &target).map(|()| true)
}
