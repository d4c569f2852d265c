//! The checkout that carries the task data, before anything is changed in it: not in the middle of something, and on a
//! branch (specification 30, A7 and A12; 20, section 1).

use super::context::Context;
use crate::error::{Error, Kind, Result};
use crate::git::porcelain::status::Status;
use crate::git::{Branch, worktree};
use crate::task::paths;
use std::path::{Path, PathBuf};

/// What git leaves in its directory while something is in progress.
const MARKERS: [&str; 6] =
    ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"];

/// The folder that is the top of the checkout with the task data, seen from `dir`.
#[must_use]
pub fn data_top(context: &Context, dir: &Path) -> PathBuf {
    let data = dir.join(paths::DATA_WORKTREE_DIR);
    if data.join(".git").exists() { data } else { context.repository.toplevel.clone() }
}

/// The state of these files of the checkout at `top`, and its branch.
///
/// # Errors
/// [`Kind::Occupied`] in the middle of a rebase or the like, [`Kind::DetachedHead`] on no branch.
pub fn require_ready(context: &Context, top: &Path, files: &[&str]) -> Result<(Status, Branch)> {
    let is_data = top.ends_with(paths::DATA_WORKTREE_DIR);
    let skip = context.repository.git().environment().text("AIT_GIT_SKIP_STATE_CHECK") == Some("1");
    if let Some(marker) = MARKERS.iter().find(|marker| git_dir(top).join(marker).exists()).filter(|_| is_data && !skip)
    {
        return Err(Error::new(
            Kind::Occupied,
            format!(
                "Data worktree (.aitask-data) is stuck mid-{marker}.\n\
                 Recover with one of:\n  \
                 ./ait git rebase --abort        (discard the in-progress rebase)\n  \
                 ./ait git rebase --continue     (resume if you were editing)\n  \
                 ./ait git merge --abort\n  \
                 ./ait git cherry-pick --abort\n  \
                 ./ait git revert --abort\n  \
                 ./ait git bisect reset\n\
                 Set AIT_GIT_SKIP_STATE_CHECK=1 to bypass this check.\n\
                 Run './ait git-health' for a full diagnostic."
            ),
        ));
    }
    let status = worktree::load_status_of(&context.repository, top, files)?;
    match status.branch.clone() {
        Some(branch) => Ok((status, branch)),
        None => Err(Error::new(
            Kind::DetachedHead,
            format!("{} is on no branch (detached HEAD); a commit there would be on none either", top.display()),
        )),
    }
}

/// The git directory of the checkout at `top`; that of a linked one is named in its `.git` file.
fn git_dir(top: &Path) -> PathBuf {
    let git = top.join(".git");
    let text = std::fs::read_to_string(&git).unwrap_or_default();
    match text.trim().strip_prefix("gitdir:") {
        Some(dir) => top.join(dir.trim()),
        None => git,
    }
}
