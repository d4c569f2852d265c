//! Single checks of git and the remote, for a diagnosis. None of them changes a branch.

use crate::coordination::locks;
use crate::error::{Error, Kind, Result};
use crate::git::objects::{self, NewCommit, ParentCommit};
use crate::git::remote::{self, PushOptions};
use crate::git::{Branch, Freshness, Oid, RefUpdate, destination};
use crate::ledger::{Channel, Ledger, View};

/// Runs the checks on a ledger.
#[derive(Debug)]
pub(crate) struct Probe<'r>(Ledger<'r>);

impl<'r> Probe<'r> {
    /// A probe of a ledger.
    pub(crate) fn new(ledger: Ledger<'r>) -> Self {
        Self(ledger)
    }

    /// The output of `git version`.
    pub(crate) fn version(&self) -> Result<String> {
        Ok(self.0.repository.read("version").run()?.text())
    }

    /// The remote's address.
    pub(crate) fn url(&self) -> Option<String> {
        remote::url(self.0.repository, self.0.channel.remote()?).map(str::to_owned)
    }

    /// Git's credential helper.
    pub(crate) fn credential_helper(&self) -> Option<String> {
        let output = self.0.repository.read("config").args(["--get", "credential.helper"]).output().ok()?;
        output.success().then(|| output.text())
    }

    /// Whether the remote has a branch. One connection.
    pub(crate) fn is_there(&self, branch: &Branch) -> Result<bool> {
        let name = self.0.channel.remote().ok_or_else(|| Error::new(Kind::Usage, "no remote is configured"))?;
        remote::has_branch(self.0.repository, name, branch, self.0.timeout)
    }

    /// Fetches the lock branch. One connection.
    pub(crate) fn fetch(&self) -> Result<()> {
        self.0.view(&[Ledger::locks_branch()?], Freshness::Fetched).map(drop)
    }

    /// The tree of the lock branch, as known here.
    pub(crate) fn tree(&self) -> Result<Oid> {
        let branch = Ledger::locks_branch()?;
        let view: View<'_> = self.0.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
        let root = view.object(&branch, "")?;
        let root = root.ok_or_else(|| Error::new(Kind::NotInitialised, "no tracking ref of the lock branch"))?;
        locks::entries(&root)?;
        Ok(root.oid)
    }

    /// Whether git can write a file, a folder and a commit.
    pub(crate) fn plumbing(&self) -> Vec<(&'static str, Result<()>)> {
        let run = |name: &'static str, args: &[&str], input: &str| {
            let call = self.0.repository.write(name).args(args).input(input);
            call.run().map(|output| output.text())
        };
        let blob = run("hash-object", &["-w", "--stdin"], "test\n");
        let tree = run("mktree", &[], "");
        let commit = match &tree {
            Ok(tree) => run("commit-tree", &[tree, "-m", "test"], ""),
            Err(_) => Err(Error::new(Kind::Git, "there is no folder to commit")),
        };
        vec![("hash-object", blob.map(drop)), ("mktree", tree.map(drop)), ("commit-tree", commit.map(drop))]
    }

    /// Whether the remote would take a push of the lock branch. One connection.
    pub(crate) fn dry_push(&self) -> Result<()> {
        let branch = Ledger::locks_branch()?;
        let view = self.0.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
        let (Channel::Remote(name), Some(tip)) = (&self.0.channel, view.base(&branch)) else {
            return Err(Error::new(Kind::NotInitialised, "there is no lock branch"));
        };
        let commit = NewCommit {
            parent: ParentCommit::Commit(tip.clone()),
            merged: None,
            tree: None,
            edits: Vec::new(),
            message: "test\n".to_owned(),
        };
        let new = objects::build(self.0.repository, &[commit])?.commits.into_iter().next();
        let updates = [RefUpdate { name: branch.full(), old: Some(tip.clone()), new }];
        let options = PushOptions { atomic: false, hooks: false, dry_run: true, limit: self.0.timeout };
        destination::require_one_repository(self.0.repository, name, self.0.timeout)?;
        remote::push_call(self.0.repository, name, &updates, options).run().map(drop)
    }
}
