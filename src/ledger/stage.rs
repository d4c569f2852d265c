//! Staging: the edits of a plan go into the index and the files of the branch's checkout, and no commit is made.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, checkout};
use crate::ledger::queue::Queue;
use crate::ledger::{Decision, Edit, Ledger, View};

impl Ledger<'_> {
    /// Reads `branch`, lets `decide` make a plan, and stages its edits where the branch is checked out. Every edit must be
    /// an [`Edit::Put`] or [`Edit::Remove`].
    ///
    /// # Errors
    /// Those of `decide`, and [`Kind::Git`] when the branch is checked out nowhere.
    pub(crate) fn stage<T>(&self, branch: &Branch, decide: impl FnOnce(&View<'_>) -> Result<Decision<T>>) -> Result<T> {
        let _queue = Queue::enter(self.repository, self.timeout, self.progress)?;
        self.finish_checkout_updates()?;
        let view = self.view(std::slice::from_ref(branch), Freshness::AsKnown)?;
        let (mut plan, value) = match decide(&view)? {
            Decision::Publish(plan, value) => (plan, value),
            Decision::NoChange(value) => return Ok(value),
        };
        let nowhere = || Error::new(Kind::Git, format!("the branch {branch} is checked out nowhere"));
        let checkout = self.checkout_of(branch)?.ok_or_else(nowhere)?;
        let edits = plan.branches.iter().flat_map(|plan| &plan.steps).flat_map(|step| &step.edits);
        let paths = edits.filter_map(|edit| match edit {
            Edit::Put { path, .. } | Edit::Remove { path } => Some(path.clone()),
            Edit::Take { .. } | Edit::Rename { .. } => None,
        });
        plan.adopt = paths.collect();
        // The commit is built only to write its blobs; no ref ever points to it, and git's own gc removes it.
        let blobs = self.build(&view, &plan, "")?.blobs;
        checkout::accept_committed(self.repository, &checkout, &plan.adopted(&blobs, &checkout))?;
        Ok(value)
    }
}
