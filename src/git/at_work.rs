//! Notes that a git of this program is changing index and files of a checkout, or refs, so that a later command can
//! finish what a killed one left behind: a record ([`RecordKind::AtWork`]) for each checkout, and one for the refs.
//! While git runs, the file is locked ([`InProgressMarker`]).

use super::marker::{InProgressMarker, Shared};
use super::registry::git_dir;
use super::run::{Call, Output};
use crate::error::Result;
use crate::files::records::{self, Location, RecordKind};
use crate::git::Repository;
use std::path::{Path, PathBuf};

/// A note that this process has written.
#[derive(Debug)]
pub(crate) struct AtWorkMarker {
    /// None where there is a note already: it must be finished first, or belongs to another running command.
    mark: Option<InProgressMarker>,
    lock: PathBuf,
}

impl AtWorkMarker {
    /// Records that git is working in the checkout at `path`, and what is needed to finish the work.
    pub(crate) fn leave(repository: &Repository, path: &Path, work: &impl serde::Serialize) -> Result<Self> {
        let lock = git_dir(path).unwrap_or_default().join("index.lock");
        let file = file(repository, path).filter(|file| !file.exists());
        let mut mark = file.map(|file| InProgressMarker::at(file, Shared::WithChildren));
        if let Some(mark) = &mut mark {
            mark.say(&records::encode(work)?)?;
        }
        Ok(Self { mark, lock })
    }

    /// Removes the note, unless git was killed and its lock file is still there.
    pub(crate) fn clear(mut self) {
        if let Some(mark) = self.mark.as_mut().filter(|_| !self.lock.exists()) {
            mark.clear();
        }
    }
}

/// Runs `work`, which calls git in the checkout at `path`, within a note.
pub(crate) fn noted<T>(repository: &Repository, path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let note = AtWorkMarker::leave(repository, path, &Location { path: path.to_owned() })?;
    let done = work();
    note.clear();
    done
}

/// Runs a git that moves refs within a note: when it is killed, it leaves the lock files of those refs behind.
pub(crate) fn moving_refs(repository: &Repository, call: &Call) -> Result<Output> {
    let file = refs_file(repository);
    let mut mark = (!file.exists()).then(|| InProgressMarker::at(file, Shared::WithChildren));
    if let Some(mark) = &mut mark {
        mark.set()?;
    }
    let output = call.output()?;
    if let Some(mark) = mark.as_mut().filter(|_| output.signal.is_none() && !output.timed_out) {
        mark.clear();
    }
    Ok(output)
}

/// The file of the note about refs.
pub(crate) fn refs_file(repository: &Repository) -> PathBuf {
    repository.records().path(RecordKind::AtWork, "refs")
}

/// The file of the note about the checkout at `path`; none where that is no checkout.
pub(crate) fn file(repository: &Repository, path: &Path) -> Option<PathBuf> {
    let dir = git_dir(path)?.canonicalize().ok()?;
    let is_main = repository.common_dir.canonicalize().is_ok_and(|common| common == dir);
    let name = if is_main { "main".to_owned() } else { format!("linked-{}", dir.file_name()?.to_string_lossy()) };
    Some(repository.records().path(RecordKind::AtWork, &name))
}

/// The files of all notes.
pub(crate) fn files(repository: &Repository) -> Vec<PathBuf> {
    let records = repository.records();
    records.names(RecordKind::AtWork).iter().map(|name| records.path(RecordKind::AtWork, name)).collect()
}
