//! A temporary folder outside of the repository that the next command removes, with what is in it, when this one is killed.

use crate::error::{Error, Result};
use crate::files::private_folder;
use crate::files::records::{Location, RecordKind};
use crate::git::marker::{Shared, share};
use crate::git::{Repository, worktree};
use std::path::Path;

/// Works in a new folder, and removes it. Where the work fails, its note stays: the next command looks whether something
/// of it is left in the registry of worktrees.
pub(super) fn in_noted_folder<T>(repository: &Repository, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let folder = worktree::temporary_folder()?;
    let temp = private_folder("git-aitask-merge-", &folder)?;
    // The record tells the next command which folder to remove when this one is killed. A git that outlives this
    // command keeps it locked.
    let (name, records) = (temp.path().file_name().unwrap_or_default().to_string_lossy(), repository.records());
    let note = records.save_locked(RecordKind::Scratch, &name, &Location { path: temp.path().to_owned() })?;
    share(&note, Shared::WithChildren);
    let done = work(temp.path())?;
    let name = name.into_owned();
    temp.close().map_err(|error| Error::io("remove", &folder, &error))?;
    records.forget(RecordKind::Scratch, &name)?;
    Ok(done)
}
