//! The ledger of a repository, and the names of its branches.

use crate::error::Result;
use crate::git::porcelain::cat_file::Object;
use crate::git::{Branch, Oid, Repository, registry};
use crate::ledger::channel::Channel;
use crate::ledger::company::Company;
use crate::ledger::refs::Refs;
use std::path::PathBuf;
use std::time::Duration;

/// The branch of locks.
pub(crate) const LOCKS: &str = "aitask-locks";
/// The branch of the id counter.
pub(crate) const IDS: &str = "aitask-ids";
/// The branch of the task data, where the data has a branch of its own.
pub(crate) const DATA: &str = "aitask-data";

/// The ledger of a repository.
#[derive(Debug, Clone)]
pub(crate) struct Ledger<'r> {
    /// The repository.
    pub(crate) repository: &'r Repository,
    /// Its refs and objects.
    pub(crate) refs: &'r dyn Refs,
    /// Where its branches are published.
    pub(crate) channel: Channel,
    /// The time limit of all network operations of a command together.
    pub(crate) timeout: Duration,
    /// The branch that holds nothing but task data, where there is one. Commits on it that only this clone has are
    /// published together with a plan; on a code branch it is the user who decides when to push them.
    pub(crate) data_only_branch: Option<Branch>,
    /// The code branch that carries the task data, where it is the same one whatever is checked out.
    pub(crate) code_home: Option<CodeHome>,
    /// The code branch that every fetch brings along, where the task data is not on it: a task branch is cut from what
    /// the remote has, with the work that finished the tasks of the same fetch.
    pub(crate) work: Option<Branch>,
    /// Whether local branches and checkouts are left where they are.
    pub(crate) keep_checkouts: bool,
    /// Whether this command creates or restores missing branches; every other command refuses when one is missing.
    pub(crate) repairs: bool,
    /// Whether a plan is built and shown, but not published.
    pub(crate) dry_run: bool,
    /// Whether its pushes may go along with those of other processes of this clone.
    pub(crate) company: Company<'r>,
    /// Where lines about the progress go.
    pub(crate) progress: fn(&str),
    /// How to read the files on the branch of locks.
    pub(crate) lock_format: LockFormat,
}

/// A code branch that carries the task data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeHome {
    /// The branch.
    pub(crate) branch: Branch,
    /// Whether the settings of this clone name it; else it is the default branch of the remote.
    pub(crate) is_named: bool,
}

/// A lock, as far as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerLock {
    /// What is locked, as it is named in messages.
    pub(crate) about: String,
    /// The blob of the lock file.
    pub(crate) blob: Oid,
}

/// How to read the files on the branch of locks. The module of coordination provides it, so that the ledger can compare
/// locks without knowing their format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockFormat {
    /// The locks in the root tree of a commit.
    pub(crate) entries: fn(&Object) -> Result<Vec<LedgerLock>>,
    /// Whether the first commit has a lock that this clone took and that the second commit lacks.
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

    /// The data branch, where `branches` name a code branch that carries the task data: another clone may have moved
    /// the data to its own branch since, so that must be looked at too.
    pub(crate) fn unlisted_data_branch(&self, branches: &[Branch]) -> Result<Option<Branch>> {
        // A reading ledger names the code branch as its data branch, so the field alone does not tell.
        let is_named = self.code_home.as_ref().is_some_and(|home| home.is_named);
        // A script writes to the code branch that is checked out as if it had nothing but task data.
        let is_left = |own: &Branch| own.as_str() != DATA && self.channel != Channel::Local;
        let on_code = !is_named
            && (self.data_only_branch.as_ref().is_none_or(is_left) || self.dry_run)
            && branches.iter().any(|branch| !branch.as_str().starts_with("aitask-"));
        let data = Branch::parse(DATA)?;
        Ok((on_code && !branches.contains(&data)).then_some(data))
    }

    /// Where `branch` is checked out. No process for the two usual places: the main worktree and `.aitask-data`.
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
