//! Notes that a git of this program is changing index and files of a checkout, or refs, so that a later command can
//! finish what a killed one left behind: a record ([`RecordKind::AtWork`]) for each checkout, and one for the refs.
//! While git runs, the file is locked ([`InProgressMarker`]).

use super::leftover_lock::{self, Scope};
use super::marker::{InProgressMarker, Shared};
use super::registry::git_dir;
use super::run::{Call, Output};
use crate::error::Result;
use crate::files::records::{self, Location, RecordKind};
use crate::git::Repository;
use crate::interrupt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a git that outlived its command, or another git in the same checkout, is waited for. An update of a large
/// checkout takes seconds; after ten seconds the command reports it instead of hanging.
pub(super) const WAIT_LIMIT: Duration = Duration::from_secs(10);

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
    let mark = InProgressMarker::at(file.clone(), Shared::WithChildren);
    if mark.is_there() && !mark.is_held() {
        unlock_refs(repository, file)?;
    }
    let mut mark = Some(mark).filter(|mark| !mark.is_there());
    if let Some(mark) = &mut mark {
        mark.set()?;
    }
    let output = call.output()?;
    if let Some(mark) = mark.as_mut().filter(|_| output.signal.is_none() && !output.timed_out) {
        mark.clear();
    }
    Ok(output)
}

/// Removes the lock files of refs that a killed git left behind.
pub(super) fn unlock_refs(repository: &Repository, file: PathBuf) -> Result<()> {
    let Ok(begun) = file.metadata().and_then(|data| data.modified()) else { return Ok(()) };
    let common = &repository.common_dir;
    let folders = leftover_lock::folder(common.join("worktrees"));
    let own = folders.chain([common.clone(), common.join("reftable")]).flat_map(|dir| leftover_lock::inside(&dir));
    let mut locks = leftover_lock::below(&common.join("refs"));
    locks.extend(own.filter(|lock| !is_of_index(lock)));
    let mut mark = InProgressMarker::at(file, Shared::WithChildren);
    let until = Instant::now() + WAIT_LIMIT;
    while mark.is_held() {
        // A background process that git started still has the note locked, although git itself has ended.
        if Instant::now() > until || !locks.iter().any(|lock| leftover_lock::is_made_after(lock, begun)) {
            return Ok(());
        }
        interrupt::pause(interrupt::POLL_INTERVAL)?;
    }
    leftover_lock::remove(Scope::Repository(common), &locks, begun, WAIT_LIMIT)?;
    mark.clear();
    Ok(())
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

/// Whether a lock file is that of the index, or of the index that a commit of some files uses.
pub(super) fn is_of_index(lock: &Path) -> bool {
    let name = lock.file_name().unwrap_or_default().to_string_lossy();
    name == "index.lock" || name.starts_with("next-index-")
}
