//! Plans that are not published, whoever made them.

use crate::error::{Error, Kind, Result};
use crate::git::Oid;
use crate::ledger::plan::{BranchPlan, Plan};
use crate::ledger::view::View;
use crate::ledger::{IDS, LOCKS, Ledger};

impl Ledger<'_> {
    /// What keeps a plan that was made on a view from being published: it would go on from a state that was set back, or
    /// make a coordination branch, which is for the commands that repair.
    pub(super) fn refusal(&self, view: &View<'_>, plan: &Plan) -> Result<Option<Error>> {
        for BranchPlan { branch, .. } in plan.branches.iter().filter(|_| !self.repairs) {
            let base = view.base(branch);
            match (branch.as_str(), view.set_back(branch)) {
                (LOCKS | IDS, _) if base.is_none() => return Ok(Some(no_branch(branch.as_str()))),
                // No id comes twice: the newer count is read, too.
                (IDS, _) | (_, None) => {}
                (_, Some(set_back)) => {
                    let contains = |base: &Oid| self.refs.is_ancestor(&set_back.newer, base);
                    if !base.map(contains).transpose()?.unwrap_or(false) {
                        return Ok(Some(self.set_back_error(branch, set_back)));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// The error for a repository that lacks one of the coordination branches, since it was never set up.
pub(crate) fn no_branch(branch: &str) -> Error {
    Error::new(Kind::NotInitialised, format!("there is no branch {branch}: this repository is not set up yet"))
        .hint("git aitask init")
}
