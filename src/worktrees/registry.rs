//! What the records of git's registry of worktrees mean for a task, and what else is in the folder of one.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, registry, worktree};
use crate::project::context::Context;
use crate::task::{BRANCH_PREFIX, WORKTREES_DIR};
use std::path::{Path, PathBuf};

/// The task branch that a registered worktree is for: the one checked out in it, or, in the place of that task's worktree,
/// the one that is being rebased there.
pub(crate) fn branch_in(context: &Context, record: &WorktreeRecord) -> Option<Branch> {
    if let Some(branch) = &record.branch {
        return branch.branch();
    }
    let branch = worktree::rebasing(record)?.branch()?;
    let place = context.repository.root.join(WORKTREES_DIR).join(branch.as_str().strip_prefix(BRANCH_PREFIX)?);
    (record.path == place).then_some(branch)
}

/// The refusal over a worktree that is not where git looks for it. It may have been moved with work in it, and then only
/// its registration leads back to that.
pub(crate) fn gone(path: &Path, branch: &Branch) -> Error {
    let show = path.display();
    let error = |what: &str| {
        Error::new(Kind::Occupied, format!("the worktree of {branch} is registered at {show}, which {what}"))
            .hint(command!["git worktree repair NEW_PLACE"].note("if it was moved by hand"))
    };
    if path.is_dir() {
        error("is no worktree any more").hint(command!["git worktree prune"].note("if it is not needed any more"))
    } else {
        error("is gone").hint(command!["git worktree remove", path.display()].note("if it was deleted"))
    }
}

/// `aiwork`, and the worktree in it, must be folders of the repository and no way out of it.
pub(crate) fn refuse_link(context: &Context, worktree: &Path) -> Result<()> {
    let dir = context.repository.root.join(WORKTREES_DIR);
    if let Some(link) = [dir.as_path(), worktree].into_iter().find(|path| path.is_symlink()) {
        let message = format!("{} is a symbolic link, and none is followed", link.display());
        return Err(Error::new(Kind::Occupied, message).hint(command!["rm", link.display()]));
    }
    match dir.symlink_metadata() {
        Ok(data) if !data.is_dir() => Err(Error::new(
            Kind::Occupied,
            format!("{} is in the way: worktrees go into a folder of that name", dir.display()),
        )
        .hint(command!["mv", dir.display(), format!("{}.old", dir.display())])),
        _ => Ok(()),
    }
}

/// Refuses a worktree that cannot go without another one in it; or, unless it is to be discarded, without a repository
/// in it, which git does not see in a folder that it ignores.
///
/// # Errors
/// [`Kind::Occupied`] and [`Kind::Dirty`].
pub(crate) fn require_alone(all: &[WorktreeRecord], path: &Path, work: Unsaved) -> Result<()> {
    let show = path.display();
    let within = |other: &&WorktreeRecord| other.path != path && other.path.starts_with(path) && other.path.is_dir();
    if let Some(other) = all.iter().find(within) {
        let message = format!("{show} has another worktree in it: {}", other.path.display());
        return Err(Error::new(Kind::Occupied, message).hint(command![
            "git worktree move",
            other.path.display(),
            "NEW_PLACE"
        ]));
    }
    let modules = registry::git_dir(path).and_then(|dir| dir.join("modules").canonicalize().ok());
    match nested(path, modules.as_deref()).filter(|_| work == Unsaved::Keep) {
        Some(other) => Err(Error::new(Kind::Dirty, format!("{show} has a repository in it: {}", other.display()))
            .hint(command!["mv", other.display(), "NEW_PLACE"])),
        None => Ok(()),
    }
}

/// A repository below a folder that is none of its submodules. No link is followed.
fn nested(folder: &Path, modules: Option<&Path>) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).filter(|path| !path.ends_with(".git")).find_map(|path| {
        let own = registry::git_dir(&path).and_then(|dir| dir.canonicalize().ok());
        let is_submodule = |dir: &Path| modules.is_some_and(|modules| dir.starts_with(modules));
        if own.is_some_and(|dir| !is_submodule(&dir)) { Some(path) } else { nested(&path, modules) }
    })
}
