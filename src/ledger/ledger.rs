//! The ledger of a repository, and the names of its branches.

use crate::error::Result;
use crate::git::porcelain::cat_file::Object;
use crate::git::{Branch, Oid, Repository, registry};
use crate::ledger::channel::Channel;
use crate::ledger::refs::Refs;
use std::path::PathBuf;
use std::time::Duration;

/// The branch of locks.
pub(crate) const LOCKS: &str = "aitask-locks";
/// The branch of the id counter.
pub(crate) const IDS: &str = "aitask-ids";
/// The branch of the task data, where it has one of its own.
pub(crate) const DATA: &str = "aitask-data";

/// The ledger of a repository.
#[derive(Debug, Clone)]
pub(crate) struct Ledger<'r> {
    /// The repository.
    pub(crate) repository: &'r Repository,
    /// Its refs and objects.
    pub(crate) refs: &'r dyn Refs,
    /// Where its swaps happen.
    pub(crate) channel: Channel,
    /// Limit of the whole network part.
    pub(crate) timeout: Duration,
    /// The branch that holds nothing but task data, when there is one: commits that only this clone has are
    /// published along with ours. On a code branch they are the user's to push.
    pub(crate) data_only_branch: Option<Branch>,
    /// Leave local branches and checkouts where they are.
    pub(crate) keep_checkouts: bool,
    /// This command makes or puts back branches that are missing; others refuse then.
    pub(crate) repairs: bool,
    /// Build and show, but publish nothing.
    pub(crate) dry_run: bool,
    /// Where narration goes, line by line.
    pub(crate) progress: fn(&str),
    /// What the files on the branch of locks mean.
    pub(crate) lock_format: LockFormat,
}

/// A lock, as far as the ledger is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerLock {
    /// What it is about.
    pub(crate) about: String,
    /// Its file.
    pub(crate) blob: Oid,
}

/// What the files on the branch of locks mean: those above know, and the ledger asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockFormat {
    /// The locks in the root tree of a commit.
    pub(crate) entries: fn(&Object) -> Result<Vec<LedgerLock>>,
    /// Whether the first commit has a lock that this clone took, and the second one lacks it.
    pub(crate) has_own_locks_missing_in: fn(&Repository, &Oid, &Oid) -> Result<bool>,
}

impl Ledger<'_> {
    /// The branch of locks.
    pub(crate) fn locks_branch() -> Result<Branch> {
        Branch::parse(LOCKS)
    }

    /// The branch of the id counter.
    pub(crate) fn ids_branch() -> Result<Branch> {
        Branch::parse(IDS)
    }

    /// The data branch, where these branches are a code branch with task data: it may have moved since.
    pub(crate) fn unlisted_data_branch(&self, branches: &[Branch]) -> Result<Option<Branch>> {
        // Readers have it as their own, too.
        let on_code = (self.data_only_branch.is_none() || self.dry_run)
            && branches.iter().any(|branch| !branch.as_str().starts_with("aitask-"));
        let data = Branch::parse(DATA)?;
        Ok((on_code && !branches.contains(&data)).then_some(data))
    }

    /// Where `branch` is checked out; no process for the two places it usually is.
    pub(crate) fn checkout_of(&self, branch: &Branch) -> Result<Option<PathBuf>> {
        let repository = self.repository;
        if repository.root_branch.as_ref() == Some(branch) {
            return Ok(Some(repository.root.clone()));
        }
        let data = repository.root.join(".aitask-data");
        if branch.as_str() == DATA && registry::has_checked_out(&data, branch) {
            return Ok(Some(data));
        }
        if matches!(branch.as_str(), LOCKS | IDS) {
            return Ok(None);
        }
        Ok(repository.worktree_of(branch)?.map(|record| record.path))
    }
}
