//! The plan of a transaction: the commits to make on each branch; and the result of publishing it.

use crate::error::Hint;
use crate::git::checkout::UncommittedInput;
use crate::git::objects::Edit;
use crate::git::{Branch, Oid, RefUpdate};
use crate::ledger::queue::Queue;
use std::collections::BTreeMap;
use std::path::Path;

/// One commit of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The subject line, and trailers where it has some; the one with the nonce is added below.
    pub(crate) subject: String,
    /// The files that change.
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

/// The plan for one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BranchPlan {
    /// The branch.
    pub(crate) branch: Branch,
    /// A commit to move the branch to first; without it the new commits go on its tip, and without any the branch is
    /// removed.
    pub(crate) start: Option<Oid>,
    /// The commits to make, in order.
    pub(crate) steps: Vec<Step>,
}

/// The commits that a transaction makes, branch by branch, in the order in which a server without atomic push gets the
/// branches: what takes a lock comes first, what releases one comes last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The branches.
    pub(crate) branches: Vec<BranchPlan>,
    /// Paths of the checkout whose uncommitted content is part of the plan: after publishing, index and file get the
    /// committed content, unless the file was changed since.
    pub(crate) adopt: Vec<String>,
    /// Places in line of those without whose commits the plan must not be published, in order ([`super::Train`]).
    pub(crate) with: Vec<u64>,
}

impl Plan {
    /// An empty plan.
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

    /// The paths of [`Self::adopt`] with their blobs of the plan; no blob where the plan removes the file.
    pub(super) fn adopted(&self, blobs: &BTreeMap<String, Oid>, dir: &Path) -> Vec<UncommittedInput> {
        let edits = || self.branches.iter().flat_map(|branch| &branch.steps).flat_map(|step| &step.edits);
        let goes =
            |path: &String| edits().any(|edit| matches!(edit, Edit::Remove { path: removed } if removed == path));
        let adopted = self.adopt.iter().filter(|path| blobs.contains_key(*path) || goes(path));
        adopted.map(|path| UncommittedInput::read(dir, path, blobs.get(path))).collect()
    }

    /// The files that the plan writes; `None` when it takes whole trees, whose files are not known here.
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

    /// The step that merges code into a branch: the first one of it, which takes a whole tree.
    pub(crate) fn merge_into(&mut self, branch: &Branch) -> Option<&mut Step> {
        let plan = self.branches.iter_mut().find(|plan| plan.branch == *branch)?;
        plan.steps.first_mut().filter(|step| step.merge.is_some() || step.tree.is_some())
    }

    /// Puts a commit that exists in the place of the step that merges code into a branch.
    pub(crate) fn replace_merge(&mut self, branch: &Branch, commit: Oid) {
        if let Some(plan) = self.branches.iter_mut().find(|plan| plan.branch == *branch && !plan.steps.is_empty()) {
            plan.steps.remove(0);
            plan.start = Some(commit);
        }
    }

    /// Removes a branch.
    pub(crate) fn remove(mut self, branch: &Branch) -> Self {
        self.branches.push(BranchPlan { branch: branch.clone(), start: None, steps: Vec::new() });
        self
    }
}

/// The decision on a view; a refusal is an error.
#[derive(Debug)]
pub(crate) enum Decision<T> {
    /// Publish this plan.
    Publish(Plan, T),
    /// There is nothing to do.
    NoChange(T),
}

/// The result of a transaction.
#[derive(Debug)]
pub(crate) struct TransactionResult<T> {
    /// The value of the decision that was published.
    pub(crate) value: T,
    /// The refs that were moved, or would be (`--dry-run`); empty when there was nothing to do.
    pub(crate) updates: Vec<RefUpdate>,
    /// The blobs of the edits, by path.
    pub(crate) blobs: BTreeMap<String, Oid>,
    /// Checkouts that could not be updated.
    pub(crate) lagging: Vec<OutdatedCheckout>,
    /// The git command that publishes, which `--dry-run` shows.
    pub(crate) command: String,
    /// The addresses that the server offered for a task branch.
    pub(crate) addresses: Vec<String>,
    /// Whether no answer to the push came, and the refs showed that it had landed.
    pub(crate) looked_up: bool,
    /// The place at the head of the queue, for one that does the rest of its work there before others come: else they see
    /// that half done.
    pub(crate) queue: Option<Queue>,
}

impl<T> TransactionResult<T> {
    /// A result that moved nothing.
    pub(crate) fn unmoved(value: T) -> Self {
        let (updates, blobs, lagging, command, addresses, queue) = Default::default();
        Self { value, updates, blobs, lagging, command, addresses, looked_up: false, queue }
    }

    /// The new tip of a branch, if it was moved.
    pub(crate) fn tip(&self, branch: &Branch) -> Option<&Oid> {
        let name = branch.full();
        self.updates.iter().find(|update| update.name == name).and_then(|update| update.new.as_ref())
    }
}

/// The key of the trailer with the nonce. Every commit that is made for a swap ends with the line
/// `Aitask-Nonce: <32 hexadecimal digits>`, in a paragraph of its own or at the end of other trailers; all commits of one
/// transaction have the same nonce.
///
/// Without it, two processes of one person that make the same change within one second build the *same* commit, since
/// all its bytes are equal; git reports "up to date" to the second, and both would believe that they took the task.
const TRAILER: &str = "Aitask-Nonce";

/// The nonce in the message of a commit of a swap.
pub(crate) fn nonce_of(message: &str) -> Option<&str> {
    let mut lines = message.lines().rev();
    lines.find_map(|line| line.strip_prefix(TRAILER)?.strip_prefix(": ")).filter(|nonce| !nonce.is_empty())
}

/// The trailer line with this nonce.
pub(crate) fn trailer(nonce: &str) -> String {
    format!("{TRAILER}: {nonce}")
}

/// The nonce in a message; that of the last trailer, where a message cites another.
pub(crate) fn nonce_in(message: &str) -> Option<&str> {
    message.lines().rev().find_map(|line| line.strip_prefix(TRAILER)?.strip_prefix(": ")).map(str::trim)
}

/// A message with this nonce at its end. Other trailers, such as `Signed-off-by`, count only in the last paragraph, so the
/// nonce becomes one of them.
pub(crate) fn marked(message: &str, nonce: &str) -> String {
    let message = message.trim_end();
    let is_trailer = |line: &str| {
        let is_key =
            |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        line.starts_with([' ', '\t']) || line.split_once(": ").is_some_and(|(key, _)| is_key(key))
    };
    let last = message.rsplit_once("\n\n").map(|(_, last)| last);
    let joins = last.is_some_and(|last| !last.starts_with([' ', '\t', '\n']) && last.lines().all(is_trailer));
    format!("{message}\n{}{}\n", if joins { "" } else { "\n" }, trailer(nonce))
}

/// A checkout that could not be updated to the published commit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OutdatedCheckout {
    /// The branch that is checked out there.
    pub(crate) branch: Branch,
    /// Why it was not updated.
    pub(crate) reason: String,
    /// The command that updates it.
    pub(crate) hint: Hint,
    /// The reason as a word.
    pub(crate) cause: Cause,
}

/// Why a checkout could not be updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// Uncommitted changes are in the way.
    Dirty,
    /// The user's commits and the published ones conflict.
    Conflict,
    /// Another cause, which the reason describes.
    Other,
}

/// What a swap within this repository changes in the checkouts of its branches.
#[derive(Debug)]
pub(crate) struct CheckoutChange<'a> {
    /// The subject of the first commit, for the reflog.
    pub(crate) subject: &'a str,
    /// The files whose uncommitted content is part of the plan.
    pub(crate) adopted: Vec<UncommittedInput>,
    /// Every file that the plan writes, where they are known.
    pub(crate) written: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_is_the_last_line_and_breaks_no_other_trailer() {
        for (message, marked_as) in [
            ("Merge it", "Merge it\n\nAitask-Nonce: 1f\n"),
            ("Merge it\n\nWith a body.\n", "Merge it\n\nWith a body.\n\nAitask-Nonce: 1f\n"),
            ("feature: Merge it", "feature: Merge it\n\nAitask-Nonce: 1f\n"),
            (
                "a\n\nSigned-off-by: A <a@b>\n  more\nChange-Id: I1",
                "a\n\nSigned-off-by: A <a@b>\n  more\nChange-Id: I1\nAitask-Nonce: 1f\n",
            ),
            ("a\n\nSee: this\nand that", "a\n\nSee: this\nand that\n\nAitask-Nonce: 1f\n"),
            ("a\n\n    code", "a\n\n    code\n\nAitask-Nonce: 1f\n"),
        ] {
            assert_eq!(marked(message, "1f"), marked_as, "{message:?}");
        }
    }

    #[test]
    fn a_plan_adopts_the_files_that_it_writes_or_removes_and_no_other() {
        let (dir, data) = (tempfile::tempdir().unwrap(), Branch::parse("aitask-data").unwrap());
        for name in ["new", "gone", "other"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let edits =
            vec![Edit::Put { path: "new".to_owned(), content: Vec::new() }, Edit::Remove { path: "gone".to_owned() }];
        let mut plan = Plan::new().step(&data, Step::edit("x", edits));
        plan.adopt = ["new", "gone", "other"].map(str::to_owned).to_vec();
        let oid = Oid::parse(&"a".repeat(40)).unwrap();
        let adopted = plan.adopted(&BTreeMap::from([("new".to_owned(), oid.clone())]), dir.path());
        let found: Vec<_> = adopted.iter().map(|input| (input.path.as_str(), input.oid.as_deref())).collect();
        assert_eq!(found, [("new", Some(oid.as_str())), ("gone", None)]);
        assert_eq!(adopted[0].seen.as_deref(), Some(b"new".as_slice()));
    }

    #[test]
    fn a_branch_that_is_removed_is_added_to_the_others_and_has_no_commit() {
        let (main, task) = (Branch::parse("main").unwrap(), Branch::parse("aitask/t1_one").unwrap());
        let plan = Plan::new().step(&main, Step::edit("merge", vec![])).remove(&task);
        let removed = BranchPlan { branch: task, start: None, steps: Vec::new() };
        assert_eq!((plan.branches.len(), &plan.branches[1]), (2, &removed));
        assert!(!removed.is_fence() && !removed.has_fence_first());
    }

    #[test]
    fn the_files_of_a_plan_are_known_unless_it_takes_whole_trees() {
        let (main, data, oid) = (
            Branch::parse("main").unwrap(),
            Branch::parse("aitask-data").unwrap(),
            Oid::parse(&"a".repeat(40)).unwrap(),
        );
        let edits = vec![
            Edit::Put { path: "new".to_owned(), content: Vec::new() },
            Edit::Rename { from: "old".to_owned(), to: "renamed".to_owned() },
            Edit::Remove { path: "gone".to_owned() },
        ];
        let plan = Plan::new().step(&data, Step::edit("x", edits));
        assert_eq!(plan.written(), Some(vec!["new".to_owned(), "renamed".to_owned()]));
        assert_eq!(plan.clone().advance(&main, oid.clone()).written(), None);
        let merged = Step { merge: Some((oid.clone(), oid.clone())), ..Step::edit("merge", vec![]) };
        let squashed = Step { tree: Some(oid.clone()), ..Step::edit("squash", vec![]) };
        for step in [merged, squashed] {
            let mut plan = plan.clone().step(&main, step.clone());
            assert_eq!(plan.written(), None);
            assert_eq!(plan.merge_into(&main).cloned(), Some(step));
            assert_eq!(plan.merge_into(&data), None);
            plan.replace_merge(&main, oid.clone());
            let of_main = plan.branches.iter().find(|plan| plan.branch == main).unwrap();
            assert_eq!((of_main.start.as_ref(), of_main.steps.len()), (Some(&oid), 0));
        }
    }
}
