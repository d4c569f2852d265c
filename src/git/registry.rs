//! The list of worktrees as git gives it, before a [`Repository`](crate::git::Repository) is known, and where their git
//! directories lie.

use crate::error::Result;
use crate::git::porcelain::worktree_list::{self, PartialList, WorktreeRecord};
use crate::git::run::Git;
use crate::git::types::Branch;
use crate::interrupt;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every registered worktree as git says it (git-worktree(1), porcelain format).
pub(super) fn load(git: &Git, root: &Path) -> Result<Vec<WorktreeRecord>> {
    match listed(git, root)? {
        Listed::EndedByNul(bytes) => worktree_list::parse(&bytes),
        Listed::InLines(bytes) => worktree_list::parse_lines(&bytes),
    }
}

/// The same as far as it can be understood.
pub(super) fn load_loosely(git: &Git, root: &Path) -> Result<PartialList> {
    match listed(git, root)? {
        Listed::EndedByNul(bytes) => Ok(PartialList { records: worktree_list::parse(&bytes)?, whole: true }),
        Listed::InLines(bytes) => Ok(worktree_list::parse_lines_loosely(&bytes)),
    }
}

/// What git prints.
enum Listed {
    EndedByNul(Vec<u8>),
    /// Before git 2.36 there is no `-z`.
    InLines(Vec<u8>),
}

fn listed(git: &Git, root: &Path) -> Result<Listed> {
    let list = |options: &[&str]| git.read(root, "worktree").args(["list", "--porcelain"]).args(options);
    let mut output = list(&["-z"]).output()?;
    for _ in 0..HALF_WRITTEN_TRIES {
        if !is_half_written(&output.stderr_text()) {
            break;
        }
        interrupt::pause(Duration::from_millis(5))?;
        output = list(&["-z"]).output()?;
    }
    Ok(if output.success() { Listed::EndedByNul(output.stdout) } else { Listed::InLines(list(&[]).run()?.stdout) })
}

/// How often a registration that another git is writing is looked at again, 5 ms apart.
const HALF_WRITTEN_TRIES: u32 = 100;

/// Whether git gave up over a worktree that another git is just making or removing.
pub(super) fn is_half_written(stderr_text: &str) -> bool {
    stderr_text.contains("failed to read") && stderr_text.contains("/worktrees/")
}

/// The git directory of the worktree at `path` (gitrepository-layout(5)).
pub(crate) fn git_dir(path: &Path) -> Option<PathBuf> {
    let link = path.join(".git");
    if link.is_dir() {
        return Some(link);
    }
    let text = std::fs::read(link).ok()?;
    let name = text.strip_prefix(b"gitdir: ")?.trim_ascii_end();
    Some(path.join(OsStr::from_bytes(name)))
}

/// Whether the worktree at `path` certainly has a branch checked out, told without asking git: `.git` names its folder,
/// and `HEAD` there the branch (gitrepository-layout(5)).
pub(crate) fn has_checked_out(path: &Path, branch: &Branch) -> bool {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let folder = read(&path.join(".git")).and_then(|text| Some(path.join(text.strip_prefix("gitdir: ")?.trim_end())));
    let head = folder.and_then(|folder| read(&folder.join("HEAD")));
    head.is_some_and(|head| head.trim_end() == format!("ref: {}", branch.full()))
}
