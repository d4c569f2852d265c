//! What git's registry of worktrees says about the branch of a task, as the scripts distinguish it.

use crate::error::Result;
use crate::git::porcelain::worktree_list::{PartialList, WorktreeRecord};
use crate::git::{Branch, worktree};
use crate::project::context::Context;
use crate::project::repaired::Interruption;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::BRANCH_PREFIX;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The name of a task's worktree: one path segment that no command can take for an option or for another folder. It is
/// any such name, since people add worktrees by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorktreeName {
    branch: Branch,
}

impl WorktreeName {
    /// Parses a name; `None` for a text that could be a path out of `aiwork/`, or that git accepts as no branch.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_segment = !text.starts_with('-') && !text.contains(|c: char| c == '/' || c.is_control());
        let branch = Branch::parse(&format!("{BRANCH_PREFIX}{text}")).ok()?;
        is_segment.then_some(Self { branch })
    }

    /// The task branch.
    pub(crate) fn branch(&self) -> &Branch {
        &self.branch
    }
}

/// The worktree that is registered for a task's branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegistryState {
    /// There is none.
    Nowhere,
    /// A worktree that can be worked in.
    Usable(PathBuf),
    /// A worktree whose folder is gone.
    Stale(PathBuf),
    /// A worktree that is locked.
    Locked(PathBuf),
    /// The main worktree.
    Main(PathBuf),
    /// A path that cannot be printed on one line; empty when git's list could not be parsed completely.
    Unsafe(PathBuf),
}

impl RegistryState {
    /// Classifies a record of git's registry. `None` for the record means that the list has none.
    pub(crate) fn of(context: &Context, listed: &PartialList, record: Option<&WorktreeRecord>) -> Self {
        let Some(record) = record else {
            return if listed.whole { Self::Nowhere } else { Self::Unsafe(PathBuf::new()) };
        };
        let path = record.path.clone();
        let control = path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'\t' | b'\r' | b'\n'));
        match record {
            _ if control => Self::Unsafe(path),
            // In a bare repository the first worktree takes the part of the main one.
            _ if listed.records.first() == Some(record) || path == context.repository.root => Self::Main(path),
            WorktreeRecord { locked: Some(_), .. } => Self::Locked(path),
            _ if worktree::is_gone(record) => Self::Stale(path),
            _ => Self::Usable(path),
        }
    }
}

/// Looks up the worktree of a task in git's registry. One process.
pub(crate) fn resolve(context: &Context, name: &WorktreeName) -> Result<RegistryState> {
    let listed = worktree::list_loosely(&context.repository)?;
    let full = name.branch.full();
    let record = listed.records.iter().find(|record| record.branch.as_ref() == Some(&full));
    let registry_state = RegistryState::of(context, &listed, record);
    let RegistryState::Usable(path) = &registry_state else { return Ok(registry_state) };
    // The scripts' callers know no word for a worktree that is half made or half removed. A half-made one must not be
    // touched, like a locked one; a half-removed one is no longer usable, like one whose folder is gone.
    Ok(match RecoverableWorktree::of(&context.repository, path, &name.branch).interruption() {
        None => registry_state,
        Some(Interruption::Making) => RegistryState::Locked(path.clone()),
        Some(Interruption::Removal) => RegistryState::Stale(path.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::WorktreeName;

    #[test]
    fn names_that_stay_in_their_folder() {
        for good in ["t1_a", "t3", "t16_2_add_login", "t1_a.b-c", "tA", "x", "fix@2"] {
            assert!(WorktreeName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../../outside",
            "../src",
            "t1/../x",
            "t1_a/b",
            "-t1",
            "/",
            "t1\u{85}a",
            "t1_a..b",
            "t1_a.lock",
            "t1 a",
            "t1\na",
        ] {
            assert!(WorktreeName::parse(bad).is_none(), "{bad}");
        }
    }
}
