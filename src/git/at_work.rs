//! Notes that a git of ours is at work on index and files of a checkout, so that a later command can tell what one that was
//! killed left behind, and finish it: a record ([`RecordKind::AtWork`]) for each checkout, and one for the refs. While git is at
//! work, it has the file locked ([`InProgressMarker`]).

use super::marker::{InProgressMarker, Shared};
use super::registry::git_dir;
use super::run::{Call, Output};
use crate::error::Result;
use crate::files::records::{self, Location, RecordKind};
use crate::git::Repository;
use std::path::{Path, PathBuf};

/// A note that we left.
#[derive(Debug)]
pub(crate) struct AtWorkMarker {
    /// None where one is there already: it has to be finished first, or is of a command beside us.
    mark: Option<InProgressMarker>,
    lock: PathBuf,
}

impl AtWorkMarker {
    /// Notes that git is at work in the checkout at `path`, and what has to be known to finish it.
    pub(crate) fn leave(repository: &Repository, path: &Path, work: &impl serde::Serialize) -> Result<Self> {
        let lock = git_dir(path).unwrap_or_default().join("index.lock");
        let file = file(repository, path).filter(|file| !file.exists());
        let mut mark = file.map(|file| InProgressMarker::at(file, Shared::WithChildren));
        if let Some(mark) = &mut mark {
            mark.say(&records::encode(work)?)?;
        }
        Ok(Self { mark, lock })
    }

    /// Takes it away again, unless git was killed so that its lock file is there still.
    pub(crate) fn clear(mut self) {
        if let Some(mark) = self.mark.as_mut().filter(|_| !self.lock.exists()) {
            mark.clear();
        }
    }
}

/// Notes that git is at work in the checkout at `path` for as long as this takes.
pub(crate) fn noted<T>(repository: &Repository, path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let note = AtWorkMarker::leave(repository, path, &Location { path: path.to_owned() })?;
    let done = work();
    note.clear();
    done
}

/// Runs a git that moves refs, and notes that meanwhile: killed, it leaves the locks of those refs behind.
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

/// The file of the note that a git moves refs.
pub(crate) fn refs_file(repository: &Repository) -> PathBuf {
    repository.records().path(RecordKind::AtWork, "refs")
}

/// The file that the note about the checkout at `path` has; none where that is no checkout.
pub(crate) fn file(repository: &Repository, path: &Path) -> Option<PathBuf> {
    let dir = git_dir(path)?.canonicalize().ok()?;
    let is_main = repository.common_dir.canonicalize().is_ok_and(|common| common == dir);
    let name = if is_main { "main".to_owned() } else { format!("linked-{}", dir.file_name()?.to_string_lossy()) };
    Some(repository.records().path(RecordKind::AtWork, &name))
}

/// All such files.
pub(crate) fn files(repository: &Repository) -> Vec<PathBuf> {
    let records = repository.records();
    records.names(RecordKind::AtWork).iter().map(|name| records.path(RecordKind::AtWork, name)).collect()
}
