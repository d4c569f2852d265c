//! Lock files (gitrepository-layout(5), `*.lock`) that a killed git left behind. They must be told from those of a git
//! that is running, since removing one of those could damage the index.

use super::registry::{common_dir, git_dir};
use crate::error::Result;
use crate::{interrupt, waiting};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The part of the repository to which lock files belong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'s> {
    /// The checkout at this path.
    Checkout(&'s Path),
    /// Every checkout of the repository with this common git directory.
    Repository(&'s Path),
}

/// Removes these lock files when they were made after `since`, the time at which a git of this program that is gone now
/// was started. A lock file may belong to another git that is running there or has it open; that is waited for, for
/// `limit` at most, and after that the file stays and the next git reports it.
pub(crate) fn remove(scope: Scope<'_>, locks: &[PathBuf], since: SystemTime, limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    loop {
        let locks: Vec<_> = locks.iter().filter(|lock| is_made_after(lock, since)).collect();
        if locks.is_empty() {
            return Ok(());
        }
        if !is_busy(scope) && !locks.iter().any(|lock| is_open(lock)) {
            for lock in locks {
                // Best effort: where the file stays, the next git reports it.
                let _ = std::fs::remove_file(lock);
            }
            return Ok(());
        }
        if Instant::now() > until {
            return Ok(());
        }
        waiting::pause(interrupt::POLL_INTERVAL)?;
    }
}

/// Whether a lock file exists that was made after `since`.
pub(crate) fn is_made_after(lock: &Path, since: SystemTime) -> bool {
    let made = lock.symlink_metadata().and_then(|data| data.modified());
    made.is_ok_and(|made| made >= since)
}

/// How old a lock file must be to count as abandoned: a program that is no git, and is not seen, holds one for
/// milliseconds.
const ABANDONED_AFTER: Duration = Duration::from_secs(2);

/// Whether a lock file is there that no git at work in the repository, and no other program, has to do with.
pub(crate) fn is_abandoned(common_dir: &Path, lock: &Path) -> bool {
    let made = lock.symlink_metadata().and_then(|data| data.modified());
    let age = made.ok().and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age > ABANDONED_AFTER) && !is_busy(Scope::Repository(common_dir)) && !is_open(lock)
}

/// Whether a process that this user may inspect has the file open (proc(5)).
pub(crate) fn is_open(file: &Path) -> bool {
    let file = canonicalize_lenient(file);
    let mut open = processes().map(|process| process.join("fd")).flat_map(folder);
    open.any(|link| std::fs::read_link(link).is_ok_and(|target| target == file))
}

/// Whether a git that this program did not start is running there. A file that is not open may still be in use: git
/// closes its lock file while the user writes the message of a commit.
fn is_busy(scope: Scope<'_>) -> bool {
    // Where processes cannot be listed, this is unknown, and the lock files are left alone.
    !Path::new("/proc/self/cwd").exists() || processes().any(|process| is_git_in(&process, scope))
}

fn is_git_in(process: &Path, scope: Scope<'_>) -> bool {
    let name = std::fs::read(process.join("comm")).unwrap_or_default();
    let is_git = name.starts_with(b"git") && !name.starts_with(b"git-aitask");
    let here = || std::fs::read_link(process.join("cwd")).ok();
    let Some(here) = is_git.then(here).flatten() else { return false };
    // `git aitask` itself runs as a child of a git, which waits for it.
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let is_us = line.split(|byte| *byte == 0).any(|argument| argument == b"aitask");
    // The git that reads objects for a command, this one or another, goes on until the command ends, and locks nothing.
    let only_reads = line.split(|byte| *byte == 0).nth(1) == Some(b"cat-file");
    let top = || here.ancestors().find(|at| at.join(".git").exists());
    let is_there = match scope {
        Scope::Checkout(path) => {
            top() == Some(&canonicalize_lenient(path))
                || git_dir(path).is_some_and(|dir| here.starts_with(canonicalize_lenient(&dir)))
        }
        Scope::Repository(common) => {
            let its_common = top().and_then(git_dir).map(common_dir);
            here.starts_with(canonicalize_lenient(common))
                || its_common.is_some_and(|dir| canonicalize_lenient(&dir) == canonicalize_lenient(common))
        }
    };
    is_there && !is_us && !only_reads
}

fn canonicalize_lenient(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn processes() -> impl Iterator<Item = PathBuf> {
    folder("/proc".into()).filter(|process| process.join("comm").exists())
}

/// The lock files in a folder.
pub(crate) fn inside(path: &Path) -> Vec<PathBuf> {
    folder(path.to_owned()).filter(|file| file.extension().is_some_and(|end| end == "lock")).collect()
}

/// The lock files in a folder, and in those within.
pub(crate) fn below(path: &Path) -> Vec<PathBuf> {
    let folders = folder(path.to_owned()).filter(|entry| entry.is_dir());
    folders.flat_map(|folder| below(&folder)).chain(inside(path)).collect()
}

/// The entries of a folder.
pub(crate) fn folder(path: PathBuf) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_of_somebody_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (old, open, left) = (folder.path().join("old"), folder.path().join("open"), folder.path().join("left"));
        let now = SystemTime::now();
        let kept = std::fs::File::create(&open).unwrap();
        std::fs::File::create(&old).unwrap().set_modified(now - Duration::from_secs(60)).unwrap();
        std::fs::write(&left, "").unwrap();
        let since = now - Duration::from_secs(30);
        let remove = |lock: &PathBuf| {
            let scope = Scope::Checkout(folder.path());
            super::remove(scope, std::slice::from_ref(lock), since, Duration::ZERO).unwrap();
        };
        [&old, &open, &left].into_iter().for_each(remove);
        assert_eq!([old.exists(), open.exists(), left.exists()], [true, true, false]);
        drop(kept);
        remove(&open);
        assert!(!open.exists());
    }
}
