//! The notes about a worktree that is being created, prepared or removed.

use crate::files::records::RecordKind;
use crate::git::Repository;
pub(crate) use crate::git::marker::{InProgressMarker, Shared, share};

impl InProgressMarker {
    /// The note that git is creating the worktree of this name.
    pub(crate) fn making(repository: &Repository, name: &str) -> Self {
        of(repository, RecordKind::WorktreeMaking, Shared::WithChildren, name)
    }

    /// The note that the worktree of this name is being prepared for work.
    pub(crate) fn furnishing(repository: &Repository, name: &str) -> Self {
        of(repository, RecordKind::WorktreeFurnishing, Shared::No, name)
    }

    /// The note that the worktree of this name is being removed.
    pub(crate) fn removing(repository: &Repository, name: &str) -> Self {
        of(repository, RecordKind::WorktreeRemoving, Shared::WithChildren, name)
    }
}

fn of(repository: &Repository, record: RecordKind, shared: Shared, name: &str) -> InProgressMarker {
    InProgressMarker::at(repository.records().path(record, name), shared)
}
