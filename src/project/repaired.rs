//! What interrupted a worktree, and the result of repairing it, as messages.

use crate::git::porcelain::status::StatusEntry;
use std::path::{Path, PathBuf};

/// How many files a message names: a whole worktree of them would fill the screen.
const SHOWN: usize = 5;

/// What was interrupted in a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// Its creation.
    Making,
    /// Its removal.
    Removal,
}

impl Interruption {
    /// The interruption, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Making => "being made",
            Self::Removal => "being removed",
        }
    }
}

/// The result of repairing a worktree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Repaired {
    /// It was repaired: these files were missing and were restored; these entries differ from the commit and were left
    /// alone.
    Whole(Interruption, Vec<PathBuf>, Vec<StatusEntry>),
    /// Only its registration was left, and was removed.
    Unregistered,
}

impl Repaired {
    /// The note for a command about this worktree. None where only files were restored in a worktree that had not been
    /// used yet: the user need not know that.
    pub(crate) fn note(&self, path: &Path) -> Option<String> {
        match self {
            Self::Whole(Interruption::Making, _, work) if work.is_empty() => None,
            _ => self.describe(path),
        }
    }

    /// The note for another command.
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

/// The first files with uncommitted changes, and how many more there are.
pub(crate) fn first_work(work: &[StatusEntry]) -> String {
    first_of(work.iter().map(|entry| entry.path.as_path()))
}

/// The first of some files, and how many more there are.
pub(crate) fn first_of<'p>(mut paths: impl ExactSizeIterator<Item = &'p Path>) -> String {
    let names: Vec<_> = paths.by_ref().take(SHOWN).map(|path| path.display().to_string()).collect();
    let more = paths.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
