//! Where the worktree of a task is, whatever state it is in.

use crate::error::Result;
use crate::git::porcelain::worktree_list::{PartialList, WorktreeRecord};
use crate::git::{Branch, worktree};
use crate::project::context::Context;
use crate::project::repaired::Interruption;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::BRANCH_PREFIX;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The name of a task as the scripts take it: one path segment, plain characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorktreeName {
    text: String,
    branch: Branch,
}

impl WorktreeName {
    /// Reads a name; `None` for what could lead out of `aiwork/` or is no branch.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        let task = text.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let branch = Branch::parse(&format!("{BRANCH_PREFIX}{text}")).ok()?;
        (plain && task).then(|| Self { text: text.to_owned(), branch })
    }

    /// The task branch.
    pub(crate) fn branch(&self) -> &Branch {
        &self.branch
    }
}

/// What is registered to a task's branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Registered {
    /// Nothing.
    Nowhere,
    /// A worktree that can be worked in.
    Usable(PathBuf),
    /// A folder that is gone.
    Stale(PathBuf),
    /// A worktree that is locked.
    Locked(PathBuf),
    /// The main worktree.
    Main(PathBuf),
    /// A path that no line protocol can carry; empty when git's list could not be understood whole.
    Unsafe(PathBuf),
}

impl Registered {
    /// What a record of git's registry is; `None`: what it means that there is no record.
    pub(crate) fn of(context: &Context, listed: &PartialList, record: Option<&WorktreeRecord>) -> Self {
        let Some(record) = record else {
            return if listed.whole { Self::Nowhere } else { Self::Unsafe(PathBuf::new()) };
        };
        let path = record.path.clone();
        let control = path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'\t' | b'\r' | b'\n'));
        match record {
            _ if control => Self::Unsafe(path),
            // Of a bare repository one worktree stands for the main one.
            _ if listed.records.first() == Some(record) || path == context.repository.root => Self::Main(path),
            WorktreeRecord { locked: Some(_), .. } => Self::Locked(path),
            _ if worktree::is_gone(record) => Self::Stale(path),
            _ => Self::Usable(path),
        }
    }
}

/// Looks it up in git's registry. One process.
pub(crate) fn resolve(context: &Context, name: &WorktreeName) -> Result<Registered> {
    let listed = worktree::list_loosely(&context.repository)?;
    let full = name.branch.full();
    let record = listed.records.iter().find(|record| record.branch.as_ref() == Some(&full));
    let registered = Registered::of(context, &listed, record);
    let Registered::Usable(path) = &registered else { return Ok(registered) };
    // The scripts have no words of their own for what is half made, and for what is half removed.
    Ok(match RecoverableWorktree::of(&context.repository, path, &name.branch).interruption() {
        None => registered,
        Some(Interruption::Making) => Registered::Locked(path.clone()),
        Some(Interruption::Removal) => Registered::Stale(path.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::WorktreeName;

    #[test]
    fn names_that_stay_in_their_folder() {
        for good in ["t1_a", "t3", "t16_2_add_login", "t1_a.b-c"] {
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
            "x",
            "t1_a..b",
            "t1_a.lock",
            "t1 a",
            "t1\na",
        ] {
            assert!(WorktreeName::parse(bad).is_none(), "{bad}");
        }
    }
}
