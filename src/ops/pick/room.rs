//! The room for the worktree of a task that is taken.

use crate::error::Result;
use crate::ledger::View;
use crate::project::context::{Context, Wanted};
use crate::project::index::Index;
use crate::project::outcome::{Notices, WorktreeInfo};
use crate::task::TaskPath;
use crate::worktrees::base::Base;
use crate::worktrees::plan_branches;
use crate::worktrees::task_worktree::Place;

/// Where a worktree is to be, and what its branch is cut from.
#[derive(Debug)]
pub(crate) struct Room {
    /// The base that was named.
    named: Option<String>,
    /// The base, unless the plan of the task names another one.
    base: Base,
    planned: Option<Base>,
    place: Option<Place>,
}

impl Room {
    /// The room for one of these tasks.
    ///
    /// # Errors
    /// Those of [`Base::find_for`].
    pub(super) fn new(context: &Context, named: Option<&str>, wanted: &[Wanted]) -> Result<Self> {
        let base = Base::find_for(context, named, wanted)?;
        Ok(Self { named: named.map(str::to_owned), base, planned: None, place: None })
    }

    /// Looks for the place of the task that is taken.
    ///
    /// # Errors
    /// [`Occupied`](crate::error::Kind::Occupied) when there is no room.
    pub(super) fn find(&mut self, context: &Context, view: &View<'_>, index: &Index, path: &TaskPath) -> Result<()> {
        self.planned = plan_branches::base(context, view, index, path, self.named.as_deref())?;
        let place = Place::find(context, path.name())?;
        place.require_free(context)?;
        self.place = Some(place);
        Ok(())
    }

    /// Makes the worktree, unless it is there; for a dry run only says how.
    pub(super) fn furnish(self, context: &Context, aside: &mut Notices) -> Result<Option<WorktreeInfo>> {
        let (base, Some(place)) = (self.planned.unwrap_or(self.base), self.place) else { return Ok(None) };
        if context.dry_run {
            if place.record.is_none() {
                aside.would_run(place.add_command(context, &base)?);
            }
            return Ok(None);
        }
        // The swap may have brought the base forward.
        let now = Base::find(context, Some(base.branch.as_str()))?;
        let worktree = place.ensure(context, &now)?;
        aside.notes.extend(worktree.notes());
        Ok(Some(worktree))
    }
}
