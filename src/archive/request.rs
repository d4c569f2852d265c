//! How a task is to be archived, and why that may be refused.

pub(crate) use crate::archive::gates::Deferred;
use crate::archive::gates::PendingGates;
use crate::error::{Error, Kind};
use crate::task::TaskId;
pub(crate) use crate::task::edits::Ending;

/// Whether gates that have not passed refuse the archiving of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Gates {
    /// They do.
    #[default]
    Count,
    /// They do not; the user overrode them.
    Overridden,
}

/// The rules by which a task is archived. They differ where callers of the scripts depend on the scripts' behaviour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ArchiveRules {
    /// For published task data. Archiving an archived task succeeds; any active child refuses the archiving of its
    /// parent.
    #[default]
    Published,
    /// For the scripts, in the files of a checkout. Archiving an archived task is refused; children that were folded
    /// into their parent are deleted with it; a parent that stays active is written in canonical form.
    Checkout,
}

/// How a task is to be archived.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArchiveRequest {
    /// The rules.
    pub(crate) rules: ArchiveRules,
    /// Whether gates count.
    pub(crate) gates: Gates,
    /// What becomes of the deferred items of its checklist.
    pub(crate) deferred: Deferred,
    /// Why it is archived: completed, or superseded.
    pub(crate) ending: Ending,
}

/// Why a task is not archived. Nothing is changed then.
#[derive(Debug)]
pub(crate) enum ArchiveRefusal {
    /// Another session holds it.
    NotHolder,
    /// It is archived already, as this file.
    Archived(String),
    /// These children of it are still active.
    OpenChildren(Vec<TaskId>),
    /// Its gates or its checklist have not passed.
    Pending(PendingGates),
    /// Its files: two with one id, a name that the archive already has, a file that cannot be parsed.
    Files(Error),
}

/// The refusal to end a task with these open children.
pub(crate) fn has_open_children(id: TaskId, children: Vec<TaskId>) -> Error {
    let open: Vec<_> = children.into_iter().map(TaskId::prefixed).collect();
    let message = format!("{} has open children: {}", id.prefixed(), open.join(", "));
    Error::new(Kind::NotClaimable, message).hint(command!["git aitask list --parent", id])
}

impl From<Error> for ArchiveRefusal {
    fn from(error: Error) -> Self {
        Self::Files(error)
    }
}
