//! Checks of the checkout with the task data before anything is changed in it: it must be on a branch, and without an
//! unfinished rebase or merge, since a commit there would get into that operation.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::data_checkout;
use crate::git::porcelain::status::{StatusKind, WorktreeStatus};
use crate::git::{Branch, RefName, registry, worktree};
use crate::ledger::DATA;
use crate::project::context::Context;
use crate::project::data_state;
use crate::task::paths;
use std::path::{Path, PathBuf};

/// The top of the checkout with the task data, for a project in `dir`.
pub(crate) fn data_top(context: &Context, dir: &Path) -> PathBuf {
    data_checkout(dir).unwrap_or_else(|| context.repository.toplevel.clone())
}

/// The branch of the checkout at `top`. Starts no process, unless the repository stores refs outside of files.
///
/// # Errors
/// [`Kind::Occupied`] during a rebase, merge or the like, [`Kind::DetachedHead`] on no branch.
pub(crate) fn require_branch(context: &Context, top: &Path) -> Result<Branch> {
    let is_data = top.ends_with(paths::DATA_WORKTREE_DIR);
    let skip = context.repository.git().environment().text("AIT_GIT_SKIP_STATE_CHECK") == Some("1");
    if let Some(marker) = data_state::unfinished(top).first().filter(|_| is_data && !skip) {
        return Err(
            Error::new(Kind::Occupied, data_state::unfinished_message(marker)).with(Payload::Lines { lines: true })
        );
    }
    let git_dir = registry::git_dir(top).unwrap_or_default();
    let head = std::fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default();
    let name = match head.trim().strip_prefix("ref: ") {
        // Reftable repositories have this name in HEAD, for programs that read the file.
        Some("refs/heads/.invalid") => {
            context.repository.git().read(top, "symbolic-ref").args(["--quiet", "HEAD"]).output()?.text()
        }
        Some(name) => name.to_owned(),
        None => String::new(),
    };
    RefName::parse(&name).and_then(|name| name.branch()).ok_or_else(|| {
        let message =
            format!("{} is on no branch (detached HEAD), so a commit there would belong to none", top.display());
        Error::new(Kind::DetachedHead, message).hint(command!["git switch", DATA].within(top))
    })
}

/// The status of these files of the checkout at `top`, which must still be on `branch`.
///
/// # Errors
/// [`Kind::Occupied`] when a file is in conflict, or another branch was checked out meanwhile.
pub(crate) fn require_status(context: &Context, top: &Path, branch: &Branch, files: &[&str]) -> Result<WorktreeStatus> {
    let status = worktree::load_status_of(&context.repository, top, files)?;
    if status.branch.as_ref() != Some(branch) {
        return Err(Error::new(
            Kind::Occupied,
            format!("{} was switched from the branch {branch} to another one", top.display()),
        ));
    }
    if let Some(entry) = status.entries.iter().find(|entry| entry.kind == StatusKind::Unmerged) {
        return Err(Error::new(Kind::Occupied, format!("{} is in conflict", entry.path.display())));
    }
    Ok(status)
}
