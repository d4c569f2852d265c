//! The list of worktrees as git prints it, and the git directories of worktrees, for use before a
//! [`Repository`](crate::git::Repository) is known.

use crate::error::Result;
use crate::git::porcelain::worktree_list::{self, PartialList, WorktreeRecord};
use crate::git::run::Git;
use crate::git::types::Branch;
use crate::interrupt;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every registered worktree as git prints it (git-worktree(1), porcelain format).
pub(super) fn load(git: &Git, root: &Path) -> Result<Vec<WorktreeRecord>> {
    match listed(git, root)? {
        Listed::EndedByNul(bytes) => worktree_list::parse(&bytes),
        Listed::InLines(bytes) => worktree_list::parse_lines(&bytes),
    }
}

/// [`load`], as far as the output can be parsed.
pub(super) fn load_loosely(git: &Git, root: &Path) -> Result<PartialList> {
    match listed(git, root)? {
        Listed::EndedByNul(bytes) => Ok(PartialList { records: worktree_list::parse(&bytes)?, whole: true }),
        Listed::InLines(bytes) => Ok(worktree_list::parse_lines_loosely(&bytes)),
    }
}

/// The output of git.
enum Listed {
    EndedByNul(Vec<u8>),
    /// Before git 2.36 there is no `-z`, and records are lines.
    InLines(Vec<u8>),
}

fn listed(git: &Git, root: &Path) -> Result<Listed> {
    let list = |options: &[&str]| git.read(root, "worktree").args(["list", "--porcelain"]).args(options);
    let mut output = list(&["-z"]).output()?;
    for _ in 0..HALF_WRITTEN_TRIES {
        if !is_half_written(&output.stderr_text()) {
            break;
        }
        interrupt::pause(HALF_WRITTEN_PAUSE)?;
        output = list(&["-z"]).output()?;
    }
    Ok(if output.success() { Listed::EndedByNul(output.stdout) } else { Listed::InLines(list(&[]).run()?.stdout) })
}

/// How often a registration that another git is writing is read again, 5 ms apart: half a second in all, while git
/// writes one within milliseconds.
const HALF_WRITTEN_TRIES: u32 = 100;

/// The pause before a registration is read again.
const HALF_WRITTEN_PAUSE: Duration = Duration::from_millis(5);

/// Whether git gave up because another git is adding or removing a worktree.
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

/// The git directory that all worktrees of a repository share, of the git directory of one of them.
pub(crate) fn common_dir(git_dir: PathBuf) -> PathBuf {
    match std::fs::read(git_dir.join("commondir")) {
        Ok(name) => git_dir.join(OsStr::from_bytes(name.trim_ascii_end())),
        Err(_) => git_dir,
    }
}

/// Whether the folder at `path` was a worktree of the repository at `common_dir`, which has no registration of it any more:
/// `git worktree prune` removes that of a folder that is away, as one on a disk that is not mounted. Another worktree may
/// have got its name.
pub(crate) fn is_forgotten(common_dir: &Path, path: &Path) -> bool {
    let Some(dir) = git_dir(path) else { return false };
    let all = dir.parent().filter(|all| all.ends_with("worktrees")).and_then(Path::parent);
    let is_ours =
        all.and_then(|all| all.canonicalize().ok()).is_some_and(|all| common_dir.canonicalize().ok() == Some(all));
    is_ours && (!dir.exists() || is_of_another(common_dir, &dir, path))
}

/// Where a registered worktree is, as its registration says.
pub(super) fn registered_at(registration: &Path) -> Option<PathBuf> {
    let text = std::fs::read(registration.join("gitdir")).ok()?;
    let marker = registration.join(OsStr::from_bytes(text.trim_ascii_end()));
    Some(marker.parent()?.to_owned())
}

/// Whether a registration is that of another worktree than the one at `path`, and that one is where it says. One within the
/// git directory is made for a moment only.
fn is_of_another(common_dir: &Path, registration: &Path, path: &Path) -> bool {
    let is_same = |one: &Path, other: &Path| one.canonicalize().ok() == other.canonicalize().ok();
    let other = registered_at(registration).filter(|other| !other.starts_with(common_dir) && !is_same(other, path));
    other.and_then(|other| git_dir(&other)).is_some_and(|dir| dir.exists() && is_same(&dir, registration))
}

/// Whether the worktree at `path` certainly has a branch checked out, told without running git: `.git` names its git
/// directory, and `HEAD` there the branch (gitrepository-layout(5)).
pub(crate) fn has_checked_out(path: &Path, branch: &Branch) -> bool {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let folder = read(&path.join(".git")).and_then(|text| Some(path.join(text.strip_prefix("gitdir: ")?.trim_end())));
    let head = folder.and_then(|folder| read(&folder.join("HEAD")));
    head.is_some_and(|head| head.trim_end() == format!("ref: {}", branch.full()))
}
