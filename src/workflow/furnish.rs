//! What a new worktree needs besides the files of its commit: copies of files that git ignores (`aitask.worktreeCopy`),
//! and a command of the project's own (`aitask.worktreeSetup`).

use super::context::Context;
use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use crate::git::worktree;
use crate::task::{WORKTREES_DIR, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whether a new worktree needs anything.
#[must_use]
pub fn is_wanted(context: &Context) -> bool {
    !context.settings.worktree_copy.is_empty() || context.settings.worktree_setup.is_some()
}

/// Furnishes the worktree at `path`; `copied` gets the files that were copied into it.
///
/// # Errors
/// What could not be copied, or [`Kind::CheckFailed`] for the command; the worktree is there all the same.
pub fn furnish(context: &Context, path: &Path, copied: &mut Vec<PathBuf>) -> Result<()> {
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
    let exit = output.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"));
    Err(Error::new(Kind::CheckFailed, format!("aitask.worktreeSetup failed in {} ({exit}): {command}", path.display())))
}

fn copy(context: &Context, path: &Path, copied: &mut Vec<PathBuf>) -> Result<()> {
    let root = &context.repository.root;
    let ours = [WORKTREES_DIR, paths::DATA_WORKTREE_DIR, paths::TASKS_DIR, paths::PLANS_DIR];
    for name in worktree::ignored_files(&context.repository, root, &context.settings.worktree_copy)? {
        let target = path.join(&name);
        // A folder that is a link in the new worktree leads who knows where.
        let through_a_link = name.ancestors().skip(1).any(|folder| path.join(folder).is_symlink());
        if ours.iter().any(|folder| name.starts_with(folder)) || target.symlink_metadata().is_ok() || through_a_link {
            continue;
        }
        copy_file(&root.join(&name), &target)?;
        copied.push(name);
    }
    Ok(())
}

/// Copies a file or a link itself, beside its place first, so that nobody finds half of it there. The system shares the
/// blocks where the file system can.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let made = to.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
        let kind = from.symlink_metadata()?.file_type();
        if kind.is_symlink() {
            return std::os::unix::fs::symlink(std::fs::read_link(from)?, to);
        }
        if !kind.is_file() {
            return Ok(());
        }
        let mut part = to.as_os_str().to_owned();
        part.push(".aitask-part");
        std::fs::copy(from, &part).and_then(|_| std::fs::rename(&part, to))
    });
    made.map_err(|error| Error::io("copy", from, &error))
}
