//! What a killed command was in the middle of in a worktree, and what came of making that whole, in words.

use crate::git::porcelain::status::StatusEntry;
use std::path::{Path, PathBuf};

/// What a worktree is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// Being made.
    Making,
    /// Being removed.
    Removal,
}

impl Interruption {
    /// What the worktree is in the middle of, in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Making => "being made",
            Self::Removal => "being removed",
        }
    }
}

/// What came of making a worktree whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Repaired {
    /// It is whole: these files were missing, and what else differs from its commit was left alone.
    Whole(Interruption, Vec<PathBuf>, Vec<StatusEntry>),
    /// Nothing but its registration was there, and that is gone.
    Unregistered,
}

impl Repaired {
    /// What to say of it to somebody who asked for the worktree: that files came back in one that nobody has worked in
    /// yet is nothing to know.
    pub(crate) fn note(&self, path: &Path) -> Option<String> {
        match self {
            Self::Whole(Interruption::Making, _, work) if work.is_empty() => None,
            _ => self.describe(path),
        }
    }

    /// What to say of it to somebody who asked for something else.
    pub(crate) fn describe(&self, path: &Path) -> Option<String> {
        let Self::Whole(what, missing, work) = self else { return None };
        let restored = if missing.is_empty() {
            String::new()
        } else {
            format!(", and missing files were restored: {}", first_of(missing.iter().map(PathBuf::as_path)))
        };
        let left = if work.is_empty() {
            String::new()
        } else {
            format!("; what differs from its commit was left as it is: {}", first_work(work))
        };
        Some(format!("a command was killed while {} was {}{restored}{left}", path.display(), what.name()))
    }
}

/// The first few of the files with work, and how many more there are.
pub(crate) fn first_work(work: &[StatusEntry]) -> String {
    first_of(work.iter().map(|entry| entry.path.as_path()))
}

/// The first few of some files, and how many more there are.
fn first_of<'p>(mut paths: impl ExactSizeIterator<Item = &'p Path>) -> String {
    let names: Vec<_> = paths.by_ref().take(5).map(|path| path.display().to_string()).collect();
    let more = paths.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
