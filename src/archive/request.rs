//! What is asked of archiving, and why it may be refused.

use crate::archive::gates::PendingGates;
use crate::error::Error;
use crate::task::TaskId;
pub(crate) use crate::task::edits::Ending;

/// Whether gates that have not passed keep a task from being archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Gates {
    /// They do.
    #[default]
    Count,
    /// They do not; somebody said so.
    Overridden,
}

/// By which rules a task is archived: they differ in what the scripts have promised their callers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ArchiveRules {
    /// Those of the published task data. A task that is archived already is done; every active child keeps its parent from being
    /// archived.
    #[default]
    Published,
    /// Those of the scripts in the files of a checkout. A task that is archived already is refused; children that are
    /// folded into their parent go with it; a parent that stays is written in the order of the scripts' update.
    Checkout,
}

/// How a task is to be archived.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArchiveRequest {
    /// By which rules.
    pub(crate) rules: ArchiveRules,
    /// Whether open gates keep it.
    pub(crate) gates: Gates,
    /// Why.
    pub(crate) ending: Ending,
}

/// Why a task is not archived; nothing is changed then.
#[derive(Debug)]
pub(crate) enum ArchiveRefusal {
    /// It is not the caller's to archive.
    NotHolder,
    /// It is archived already, in this file.
    Archived(String),
    /// These children of it are still active.
    OpenChildren(Vec<TaskId>),
    /// Its gates or its checklist.
    Pending(PendingGates),
    /// The files themselves: two with one id, a name that the archive has already, a file that cannot be changed.
    Files(Error),
}

impl From<Error> for ArchiveRefusal {
    fn from(error: Error) -> Self {
        Self::Files(error)
    }
}
