//! Fencing: a swap that relies on a lock must move the lock branch. git does not send a ref whose value stays the same,
//! so the server would compare nothing for it, and a takeover that lands while the hooks of the push run would go
//! unnoticed.
//!
//! A server without atomic push gets the fence first, then the other branches, and the release of the lock last. So a
//! former holder is refused before any part of its plan lands, and nobody can take the task before all of it has
//! landed.

use super::plan::{BranchPlan, Plan, Step};
use crate::error::Result;
use crate::git::Branch;
use crate::ledger::view::View;
use crate::ledger::{Channel, IDS, LOCKS, Ledger};
use crate::task::TaskId;

/// How the subject of a fence begins: a commit on the lock branch that changes no file.
pub(crate) const FENCE: &str = "ait: Confirm lock of ";

impl Plan {
    /// Whether the plan changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Adds a fence for `task`, unless the plan is empty or moves the lock branch already.
    pub(crate) fn fenced(self, locks: &Branch, task: TaskId) -> Self {
        if self.is_empty() || self.branches.iter().any(|plan| plan.branch == *locks) {
            return self;
        }
        self.moving(locks, &format!("task {}", task.prefixed()))
    }

    /// Adds a commit without a change to a branch: whoever expects its present tip has to look again.
    pub(crate) fn moving(self, branch: &Branch, of: &str) -> Self {
        let fence = BranchPlan { branch: branch.clone(), start: None, steps: vec![fence(of)] };
        Self { branches: [vec![fence], self.branches].concat(), ..self }
    }

    /// The plan for a server without atomic push: where the lock branch is not the first to be pushed, it gets a fence
    /// before its own steps.
    pub(super) fn fenced_first(mut self) -> Self {
        let locks = self.branches.iter_mut().skip(1).find(|plan| plan.branch.as_str() == LOCKS);
        if let Some(plan) = locks.filter(|plan| !plan.steps.is_empty()) {
            plan.steps.insert(0, fence("tasks to be released"));
        }
        self
    }
}

impl Ledger<'_> {
    /// The code branch of the task data, where another clone may move the data to its own branch. That move is one of the
    /// coordination branches, too, and leaves the code branch, whose commit may stay unpublished. So whoever publishes task
    /// data on the code branch moves a coordination branch: after the move, that fails.
    fn leaving_home(&self) -> Option<&Branch> {
        let home = self.code_home.as_ref().filter(|home| !home.is_named && self.channel != Channel::Local);
        home.map(|home| &home.branch)
    }

    /// Adds a coordination branch to the branches of a transaction that may move that branch.
    pub(super) fn with_fence(&self, mut branches: Vec<Branch>) -> Result<Vec<Branch>> {
        let is_there = branches.iter().any(|branch| matches!(branch.as_str(), LOCKS | IDS));
        if self.leaving_home().is_some_and(|home| !is_there && branches.contains(home)) {
            branches.push(Self::locks_branch()?);
        }
        Ok(branches)
    }

    /// Makes a plan that moves that branch move a coordination branch, too.
    pub(super) fn fenced_from_home(&self, view: &View<'_>, plan: Plan) -> Result<Plan> {
        let moves = |branch: &Branch| plan.branches.iter().any(|plan| plan.branch == *branch);
        let both = [Self::locks_branch()?, Self::ids_branch()?];
        if !self.leaving_home().is_some_and(moves) || both.iter().any(moves) {
            return Ok(plan);
        }
        // A branch that this command creates or puts back moves anyway.
        let is_there = |branch: &&Branch| view.tip(branch).published.is_some() && view.set_back(branch).is_none();
        Ok(match both.iter().find(is_there) {
            Some(branch) => plan.moving(branch, "the task data"),
            None => plan,
        })
    }
}

impl BranchPlan {
    /// Whether the branch gets nothing but a fence.
    pub(super) fn is_fence(&self) -> bool {
        self.start.is_none() && !self.steps.is_empty() && self.steps.iter().all(|step| step.subject.starts_with(FENCE))
    }

    /// Whether the first commit of the branch is a fence, and others follow.
    pub(super) fn has_fence_first(&self) -> bool {
        self.steps.len() > 1 && self.steps.first().is_some_and(|step| step.subject.starts_with(FENCE))
    }
}

fn fence(of: &str) -> Step {
    Step::edit(format!("{FENCE}{of}"), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(name: &str) -> Branch {
        Branch::parse(name).unwrap()
    }

    fn moved(plan: &Plan) -> Vec<&str> {
        plan.branches.iter().map(|plan| plan.branch.as_str()).collect()
    }

    #[test]
    fn a_plan_without_the_lock_branch_gets_a_fence() {
        let (locks, main) = (branch("aitask-locks"), branch("main"));
        let plan = Plan::new().step(&main, Step::edit("merge", vec![])).fenced(&locks, TaskId::top(1));
        assert_eq!(moved(&plan), ["aitask-locks", "main"]);
        assert!(plan.branches[0].steps[0].edits.is_empty());
        let unlock = Plan::new().step(&main, Step::edit("a", vec![])).step(&locks, Step::edit("unlock", vec![]));
        assert_eq!(unlock.clone().fenced(&locks, TaskId::top(1)), unlock);
        assert!(Plan::new().fenced(&locks, TaskId::top(1)).is_empty());
    }

    #[test]
    fn a_server_without_atomic_push_gets_the_fence_first_and_the_release_last() {
        let (locks, main) = (branch("aitask-locks"), branch("main"));
        let plan = Plan::new().step(&main, Step::edit("merge", vec![])).step(&locks, Step::edit("unlock", vec![]));
        let fenced = plan.fenced_first();
        assert_eq!(moved(&fenced), ["main", "aitask-locks"]);
        assert!(fenced.branches[1].has_fence_first() && fenced.branches[1].steps[1].subject == "unlock");
        // A fence alone is none that others follow, nor are several steps without one first.
        let lone = Plan::new().step(&main, Step::edit("merge", vec![])).fenced(&locks, TaskId::top(1));
        let fence = &lone.branches[0];
        assert!(fence.is_fence() && !fence.has_fence_first() && !fenced.branches[1].is_fence());
        let two = Plan::new().step(&main, Step::edit("a", vec![])).step(&main, Step::edit("b", vec![]));
        assert!(!two.branches[0].has_fence_first() && !two.branches[0].is_fence());
        // A plan that takes a lock has the lock branch first already.
        let pick = Plan::new().step(&locks, Step::edit("lock", vec![])).step(&main, Step::edit("start", vec![]));
        assert_eq!(pick.clone().fenced_first(), pick);
    }
}
