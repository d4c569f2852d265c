//! Plans that the ledger refuses to publish, whichever operation made them.

use crate::error::{Error, Kind, Result};
use crate::git::Oid;
use crate::ledger::plan::{BranchPlan, Plan};
use crate::ledger::uncommitted_rename::UncommittedRename;
use crate::ledger::view::View;
use crate::ledger::{IDS, LOCKS, Ledger};

impl Ledger<'_> {
    /// Why a plan that was decided on this view must not be published: it would continue a branch that was set back to
    /// an older state, create a coordination branch, which only `init` may do, or bring back the old name of a task file
    /// that is renamed here. `None` where nothing speaks against it.
    pub(super) fn refusal(&self, view: &View<'_>, plan: &Plan) -> Result<Option<Error>> {
        for BranchPlan { branch, .. } in plan.branches.iter().filter(|_| !self.repairs) {
            let base = view.base(branch);
            match (branch.as_str(), view.set_back(branch)) {
                (LOCKS | IDS, _) if base.is_none() => return Ok(Some(no_branch(branch.as_str()))),
                // A counter that was set back is safe to continue: the newer value is read too, so no id is handed out
                // twice.
                (IDS, _) | (_, None) => {}
                (_, Some(set_back)) => {
                    let contains = |base: &Oid| self.refs.is_ancestor(&set_back.newer, base);
                    if !base.map(contains).transpose()?.unwrap_or(false) {
                        return Ok(Some(self.set_back_error(branch, set_back)));
                    }
                }
            }
        }
        Ok(UncommittedRename::refuse(self, plan).err())
    }
}

/// The error for a repository that lacks one of the coordination branches, since it was never set up.
pub(crate) fn no_branch(branch: &str) -> Error {
    Error::new(Kind::NotInitialised, format!("there is no branch {branch}: this repository is not set up yet"))
        .hint("git aitask init")
}
