//! The room for the worktree of a task that is taken.

use crate::error::Result;
use crate::ledger::View;
use crate::project::context::{Context, Wanted};
use crate::project::index::Index;
use crate::project::outcome::{Aside, WorktreeInfo};
use crate::task::TaskPath;
use crate::worktrees::base::BaseBranch;
use crate::worktrees::plan_branches;
use crate::worktrees::task_worktree::TaskWorktree;

/// Where a worktree is to be, and what its branch is cut from.
#[derive(Debug)]
pub(crate) struct PlannedWorktree {
    /// The base that was named.
    named: Option<String>,
    /// The base, unless the plan of the task names another one.
    base: BaseBranch,
    planned: Option<BaseBranch>,
    place: Option<TaskWorktree>,
}

impl PlannedWorktree {
    /// The room for one of these tasks.
    ///
    /// # Errors
    /// Those of [`BaseBranch::find_for`].
    pub(super) fn new(context: &Context, named: Option<&str>, wanted: &[Wanted]) -> Result<Self> {
        let base = BaseBranch::find_for(context, named, wanted)?;
        Ok(Self { named: named.map(str::to_owned), base, planned: None, place: None })
    }

    /// Looks for the place of the task that is taken.
    ///
    /// # Errors
    /// [`Occupied`](crate::error::Kind::Occupied) when there is no room.
    pub(super) fn find(&mut self, context: &Context, view: &View<'_>, index: &Index, path: &TaskPath) -> Result<()> {
        self.planned = plan_branches::base(context, view, index, path, self.named.as_deref())?;
        let place = TaskWorktree::find(context, path.name())?;
        place.require_free(context)?;
        self.place = Some(place);
        Ok(())
    }

    /// Makes the worktree, unless it is there; for a dry run only says how.
    pub(super) fn create(self, context: &Context, aside: &mut Aside) -> Result<Option<WorktreeInfo>> {
        let (base, Some(place)) = (self.planned.unwrap_or(self.base), self.place) else { return Ok(None) };
        if context.dry_run {
            if place.record.is_none() {
                aside.would_run(place.add_command(context, &base)?);
            }
            return Ok(None);
        }
        // The swap may have brought the base forward.
        let now = BaseBranch::find(context, Some(base.branch.as_str()))?;
        let worktree = place.ensure(context, &now)?;
        aside.notes.extend(worktree.notes());
        Ok(Some(worktree))
    }
}
