//! Whether refs have moved since a look at the files of git (gitrepository-layout(5)), told without running git.

use crate::git::Repository;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the files say that hold refs, in whatever format, and the indexes and heads of the worktrees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefsState(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl RefsState {
    /// Looks. No process.
    pub(crate) fn look(repository: &Repository) -> Self {
        let (dir, mut seen) = (&repository.common_dir, BTreeMap::new());
        for name in ["HEAD", "index", "packed-refs", "reftable", "refs"] {
            note(&dir.join(name), &mut seen);
        }
        for worktree in std::fs::read_dir(dir.join("worktrees")).into_iter().flatten().flatten() {
            for name in ["HEAD", "index"] {
                note(&worktree.path().join(name), &mut seen);
            }
        }
        // A check begins and ends without a ref that moves.
        note(&dir.join("aitask/landings"), &mut seen);
        Self(seen)
    }
}

fn note(path: &Path, seen: &mut BTreeMap<PathBuf, (Option<SystemTime>, u64)>) {
    let Ok(data) = path.symlink_metadata() else { return };
    if data.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            note(&entry.path(), seen);
        }
    } else {
        seen.insert(path.to_owned(), (data.modified().ok(), data.len()));
    }
}
