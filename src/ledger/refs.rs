//! What the ledger needs of git: refs and objects of this repository, and one remote; nothing that touches a checkout.
//! It is a trait so that tests can run thousands of interleaved transactions in memory.

use crate::error::Result;
use crate::files::records::Records;
use crate::git::objects::{self, BuiltObjects, NewCommit};
use crate::git::porcelain::cat_file::Object;
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::refs::{self, Swap};
use crate::git::remote::{self, PushOptions, Pushed};
use crate::git::{Branch, Oid, RefName, RefUpdate, RemoteName, Repository, merge};
use crate::ledger::backoff::Deadline;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// Refs, objects and a remote: those of a git repository, or, in tests, some in memory.
pub(crate) trait Refs: Debug {
    /// The refs among `names` that exist. One process.
    fn tips(&self, names: &[RefName]) -> Result<BTreeMap<RefName, Oid>>;

    /// Brings the remote-tracking refs of branches up to date, and returns the code branches that the remote lacks. One
    /// connection.
    fn fetch(&self, remote: &RemoteName, branches: &[Branch], limit: Duration) -> Result<Vec<Branch>>;

    /// Reads objects by name; `None` where nothing has the name. One process.
    fn objects(&self, names: &[String]) -> Result<Vec<Option<Object>>>;

    /// Reads one object. One process.
    fn object(&self, name: &str) -> Result<Option<Object>> {
        Ok(self.objects(&[name.to_owned()])?.into_iter().next().flatten())
    }

    /// The files of a commit below some folders. One process.
    fn list(&self, commit: &Oid, folders: &[&str]) -> Result<Vec<TreeEntry>>;

    /// Whether a commit is in the history of another. At most one process.
    fn is_ancestor(&self, ancestor: &Oid, commit: &Oid) -> Result<bool>;

    /// The merge base of two commits. One process.
    fn base(&self, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>>;

    /// Builds commits. One process.
    fn build(&self, commits: &[NewCommit]) -> Result<BuiltObjects>;

    /// The files that commits lack and the commits before them have; `pairs` is a line `NEW OLD` each. One process.
    fn removed(&self, pairs: String) -> Result<Vec<Vec<u8>>>;

    /// Moves refs of the remote, each only from its old value. One connection.
    fn push(&self, remote: &RemoteName, updates: &[RefUpdate], options: PushOptions) -> Result<Pushed>;

    /// Moves refs of this repository, all or none, each only from its old value. One process.
    fn swap(&self, updates: &[RefUpdate], reason: &str) -> Result<Swap>;

    /// Sets refs here, whatever value they had. One process.
    fn follow(&self, refs: &[(RefName, &Oid)]) -> Result<()>;

    /// Where what was read of objects is kept; nowhere, unless they are those of git, whose names tell their contents.
    fn kept(&self) -> Option<Records> {
        None
    }

    /// Waits before the next attempt; `false` when the deadline has passed.
    fn wait(&self, deadline: Deadline, attempt: u32) -> Result<bool> {
        deadline.wait(attempt)
    }
}

impl Refs for Repository {
    fn tips(&self, names: &[RefName]) -> Result<BTreeMap<RefName, Oid>> {
        refs::load(self, names)
    }

    fn fetch(&self, remote: &RemoteName, branches: &[Branch], limit: Duration) -> Result<Vec<Branch>> {
        remote::fetch(self, remote, branches, limit)
    }

    fn objects(&self, names: &[String]) -> Result<Vec<Option<Object>>> {
        objects::load(self, names)
    }

    fn list(&self, commit: &Oid, folders: &[&str]) -> Result<Vec<TreeEntry>> {
        objects::list(self, commit, folders)
    }

    fn is_ancestor(&self, ancestor: &Oid, commit: &Oid) -> Result<bool> {
        merge::is_ancestor(self, ancestor, commit)
    }

    fn base(&self, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>> {
        merge::base(self, ours, theirs)
    }

    fn build(&self, commits: &[NewCommit]) -> Result<BuiltObjects> {
        objects::build(self, commits)
    }

    fn removed(&self, pairs: String) -> Result<Vec<Vec<u8>>> {
        objects::removed(self, pairs)
    }

    fn push(&self, remote: &RemoteName, updates: &[RefUpdate], options: PushOptions) -> Result<Pushed> {
        remote::push(self, remote, updates, options)
    }

    fn swap(&self, updates: &[RefUpdate], reason: &str) -> Result<Swap> {
        refs::swap(self, updates, reason)
    }

    fn follow(&self, refs: &[(RefName, &Oid)]) -> Result<()> {
        refs::follow(self, refs)
    }

    fn kept(&self) -> Option<Records> {
        Some(self.records())
    }
}
