//! Which tasks are listed, or picked from.

use crate::error::Result;
use crate::ledger::View;
use crate::ops::vocabulary::Vocabulary;
use crate::project::context::Wanted;
use crate::project::index::Index;
use crate::task::{Filter, Task, TaskId, TaskPath};

/// Which tasks are chosen; the default chooses all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TaskFilter {
    /// By their fields.
    pub(crate) fields: Filter,
    /// The children of this task.
    pub(crate) parent: Option<Wanted>,
}

/// A filter whose words are those of the project.
#[derive(Debug)]
pub(crate) struct KnownFilter<'f> {
    fields: &'f Filter,
    parent: Option<TaskId>,
}

impl TaskFilter {
    /// Whether it chooses all tasks.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Looks its words up. One process where it names an issue type.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] for an issue type that the project does not have; those of
    /// [`Index::require_active`] for the parent.
    pub(crate) fn look_up(&self, view: &View<'_>, index: &Index) -> Result<KnownFilter<'_>> {
        if let Some(wanted) = &self.fields.issue_type {
            Vocabulary::published(view, index.branch())?.require_type(wanted)?;
        }
        let parent = self.parent.as_ref().map(|wanted| index.require_active(wanted)).transpose()?;
        Ok(KnownFilter { fields: &self.fields, parent: parent.map(TaskPath::id) })
    }
}

impl KnownFilter<'_> {
    /// Whether it chooses a task.
    pub(crate) fn matches(&self, task: &Task) -> bool {
        self.fields.matches(task) && (self.parent.is_none() || task.id.parent() == self.parent)
    }
}
