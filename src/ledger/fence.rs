//! Fencing: a swap that goes by a lock moves the lock branch really. Git does not send a ref whose value does not change, so
//! the server compares nothing for it, and a takeover that lands while its hooks run would go unnoticed.

use super::transaction::{BranchPlan, Plan, Step};
use crate::git::Branch;
use crate::task::TaskId;

/// How the subject of a commit begins that changes no lock.
pub const FENCE: &str = "ait: Confirm lock of task ";

impl Plan {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Makes the plan move the lock branch, too, unless it is empty or does so already: by a commit that changes no file.
    #[must_use]
    pub fn fenced(self, locks: &Branch, task: TaskId) -> Self {
        if self.is_empty() || self.branches.iter().any(|plan| plan.branch == *locks) {
            return self;
        }
        let fence = Step::edit(format!("{FENCE}{}", task.t()), Vec::new());
        let fence = BranchPlan { branch: locks.clone(), start: None, steps: vec![fence] };
        // First, for a server that takes one branch after the other.
        Self { branches: [vec![fence], self.branches].concat(), adopt: self.adopt }
    }
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
    fn a_plan_that_leaves_the_locks_alone_gets_a_commit_on_them() {
        let (locks, main) = (branch("aitask-locks"), branch("main"));
        let plan = Plan::new().step(&main, Step::edit("merge", vec![])).fenced(&locks, TaskId::top(1));
        assert_eq!(moved(&plan), ["aitask-locks", "main"]);
        assert!(plan.branches[0].steps[0].edits.is_empty());
        let unlock = Plan::new().step(&main, Step::edit("a", vec![])).step(&locks, Step::edit("unlock", vec![]));
        assert_eq!(unlock.clone().fenced(&locks, TaskId::top(1)), unlock);
        assert!(Plan::new().fenced(&locks, TaskId::top(1)).is_empty());
    }
}
