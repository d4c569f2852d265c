//! What is to become of the branches, and what came of it.

use crate::git::checkout::UncommittedInput;
use crate::git::objects::Edit;
use crate::git::{Branch, Oid, RefUpdate};
use std::collections::BTreeMap;
use std::path::Path;

/// One commit to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The subject line; the nonce goes below it.
    pub(crate) subject: String,
    /// What changes.
    pub(crate) edits: Vec<Edit>,
    /// A second parent, and the tree of the merge.
    pub(crate) merge: Option<(Oid, Oid)>,
    /// A tree that replaces the parent's without a second parent (a squashed merge).
    pub(crate) tree: Option<Oid>,
}

impl Step {
    /// A commit that changes files.
    pub(crate) fn edit(subject: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { subject: subject.into(), edits, merge: None, tree: None }
    }
}

/// What becomes of one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BranchPlan {
    /// Which.
    pub(crate) branch: Branch,
    /// A commit to move it to first; else the commits go on its tip.
    pub(crate) start: Option<Oid>,
    /// The commits to make, in order.
    pub(crate) steps: Vec<Step>,
}

/// What a transaction wants: per branch its commits, in the order a server without atomic push gets them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The branches.
    pub(crate) branches: Vec<BranchPlan>,
    /// Paths whose uncommitted state in the checkout the plan contains: there the checkout takes the plan's.
    pub(crate) adopt: Vec<String>,
}

impl Plan {
    /// A plan of nothing.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a commit to a branch.
    pub(crate) fn step(mut self, branch: &Branch, step: Step) -> Self {
        match self.branches.iter_mut().find(|plan| plan.branch == *branch) {
            Some(plan) => plan.steps.push(step),
            None => self.branches.push(BranchPlan { branch: branch.clone(), start: None, steps: vec![step] }),
        }
        self
    }

    /// What becomes of the adopted paths: their new content, or none where they go.
    pub(super) fn adopted(&self, blobs: &BTreeMap<String, Oid>, dir: &Path) -> Vec<UncommittedInput> {
        let edits = || self.branches.iter().flat_map(|branch| &branch.steps).flat_map(|step| &step.edits);
        let goes =
            |path: &String| edits().any(|edit| matches!(edit, Edit::Remove { path: removed } if removed == path));
        let adopted = self.adopt.iter().filter(|path| blobs.contains_key(*path) || goes(path));
        adopted.map(|path| UncommittedInput::read(dir, path, blobs.get(path))).collect()
    }

    /// The files that it writes; `None` when it takes whole trees.
    pub(crate) fn written(&self) -> Option<Vec<String>> {
        let steps = || self.branches.iter().flat_map(|branch| &branch.steps);
        let known = self.branches.iter().all(|branch| branch.start.is_none());
        if !known || steps().any(|step| step.merge.is_some() || step.tree.is_some()) {
            return None;
        }
        let written = steps().flat_map(|step| &step.edits).filter_map(|edit| match edit {
            Edit::Put { path, .. } | Edit::Take { path, .. } | Edit::Rename { to: path, .. } => Some(path.clone()),
            Edit::Remove { .. } => None,
        });
        Some(written.collect())
    }

    /// Moves a branch to a commit that exists.
    pub(crate) fn advance(mut self, branch: &Branch, to: Oid) -> Self {
        self.branches.push(BranchPlan { branch: branch.clone(), start: Some(to), steps: Vec::new() });
        self
    }
}

/// What a look at a view came to; an error is a refusal.
#[derive(Debug)]
pub(crate) enum Decision<T> {
    /// Publish this.
    Publish(Plan, T),
    /// It is so already.
    NoChange(T),
}

/// What came of a transaction.
#[derive(Debug)]
pub(crate) struct TransactionResult<T> {
    /// What the decision that counted gave.
    pub(crate) value: T,
    /// The refs that were swapped, or would be (`--dry-run`); empty when there was nothing to do.
    pub(crate) updates: Vec<RefUpdate>,
    /// The blobs of the edits, by path.
    pub(crate) blobs: BTreeMap<String, Oid>,
    /// Checkouts that could not be brought forward.
    pub(crate) lagging: Vec<OutdatedCheckout>,
    /// The git command of the swap, for `--dry-run` to show.
    pub(crate) command: String,
    /// No answer came, and a look at the branches found that it has landed.
    pub(crate) looked_up: bool,
}

impl<T> TransactionResult<T> {
    /// The new tip of a branch, if it was swapped.
    pub(crate) fn tip(&self, branch: &Branch) -> Option<&Oid> {
        let name = branch.full();
        self.updates.iter().find(|update| update.name == name).and_then(|update| update.new.as_ref())
    }
}

/// The trailer that makes a commit of ours unlike any other: without it, two processes of one person build the same commit
/// in one second, and both take it for theirs that landed.
const TRAILER: &str = "Aitask-Nonce";

/// The line of a commit's message that marks it as one of these.
pub(crate) fn trailer(nonce: &str) -> String {
    format!("{TRAILER}: {nonce}")
}

/// A checkout that could not be brought forward.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct OutdatedCheckout {
    /// Its branch.
    pub(crate) branch: Branch,
    /// Why it stayed where it is.
    pub(crate) reason: String,
    /// The command that brings it forward.
    pub(crate) command: String,
    /// The reason as a word.
    pub(crate) cause: Cause,
}

/// Why a checkout could not be brought forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// Uncommitted changes are in the way.
    Dirty,
    /// The user's commits and the published ones conflict.
    Conflict,
    /// Something else, as the reason says.
    Other,
}

/// What a swap in this repository does to the checkouts of its branches.
#[derive(Debug)]
pub(crate) struct CheckoutChange<'a> {
    /// Of the first commit, for the reflog.
    pub(crate) subject: &'a str,
    /// The files that were taken as they lay there.
    pub(crate) adopted: Vec<UncommittedInput>,
    /// Every file that is written, where they are known.
    pub(crate) written: Option<Vec<String>>,
}
