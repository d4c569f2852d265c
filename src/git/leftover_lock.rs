//! Lock files (gitrepository-layout(5), `*.lock`) that a git which was killed left behind, told from those of a git that is
//! at work.

use super::worktree::git_dir;
use crate::error::Result;
use crate::interrupt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Removes these lock files, which belong to the checkout at `path`, as far as they were made after `since`, when a git of
/// ours that is gone by now was started. While another git is at work there, or has one open, it may be that one's, so that
/// is waited for, for `limit` at most; after that they stay, and the next git says so.
pub fn remove(path: &Path, locks: &[PathBuf], since: SystemTime, limit: Duration) -> Result<()> {
    let is_ours = |lock: &Path| {
        let made = lock.symlink_metadata().and_then(|data| data.modified());
        made.is_ok_and(|made| made >= since)
    };
    let until = Instant::now() + limit;
    loop {
        let locks: Vec<_> = locks.iter().filter(|lock| is_ours(lock)).collect();
        if locks.is_empty() {
            return Ok(());
        }
        if !is_busy(path) && !locks.iter().any(|lock| is_open(lock)) {
            for lock in locks {
                // Best effort: where it stays, the next git says so.
                let _ = std::fs::remove_file(lock);
            }
            return Ok(());
        }
        if Instant::now() > until {
            return Ok(());
        }
        interrupt::pause(Duration::from_millis(20))?;
    }
}

/// Whether a process that we may look at has this file open (proc(5)).
#[must_use]
pub fn is_open(file: &Path) -> bool {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let mut open = processes().map(|process| process.join("fd")).flat_map(folder);
    open.any(|link| std::fs::read_link(link).is_ok_and(|target| target == file))
}

/// Whether a git that is none of ours works in the checkout at `path`, for all that can be told: a git may have closed the
/// lock file that it still needs, as while somebody writes the message of a commit.
fn is_busy(path: &Path) -> bool {
    // Where processes cannot be looked at, nobody can tell.
    !Path::new("/proc/self/cwd").exists() || processes().any(|process| is_git_in(&process, path))
}

fn is_git_in(process: &Path, path: &Path) -> bool {
    let is_git = std::fs::read(process.join("comm")).is_ok_and(|name| name.trim_ascii_end() == b"git");
    let here = || std::fs::read_link(process.join("cwd")).ok();
    let Some(here) = is_git.then(here).flatten() else { return false };
    // `git aitask` is a git that waits for us.
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let is_us = line.split(|byte| *byte == 0).any(|argument| argument == b"aitask");
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let in_checkout = here.ancestors().find(|at| at.join(".git").exists()) == Some(&real(path));
    let in_git_dir = git_dir(path).is_some_and(|dir| here.starts_with(real(&dir)));
    !is_us && (in_checkout || in_git_dir)
}

fn processes() -> impl Iterator<Item = PathBuf> {
    folder("/proc".into()).filter(|process| process.join("comm").exists())
}

fn folder(path: PathBuf) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path())
}
