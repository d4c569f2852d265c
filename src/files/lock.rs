//! Locking a file, so that one process at a time of those that work on it decides what becomes of it.

use super::{AccessError, Tree};
use crate::error::{Error, Kind, Result};
use crate::interrupt;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

impl Tree {
    /// Locks a file against other processes of this program until the result is dropped; waits for them, at most
    /// `limit`. `None` where there is none, also when it is removed while it is waited for.
    ///
    /// # Errors
    /// [`Kind::Contention`] after `limit`; as [`Tree::read`].
    pub(crate) fn lock(&self, path: impl AsRef<Path>, limit: Duration) -> Result<Option<File>> {
        let path = path.as_ref();
        let until = Instant::now() + limit;
        while let Some(file) = self.open(path)? {
            match file.try_lock() {
                // While it was waited for, the file may have been removed, or another one may have taken its place.
                Ok(()) if self.open(path)?.is_some_and(|now| is_same(&now, &file)) => return Ok(Some(file)),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < until => interrupt::pause(interrupt::POLL_INTERVAL)?,
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another process is still working on {}", path.display());
                    return Err(Error::new(Kind::Contention, message));
                }
                // A file system without locks.
                Err(TryLockError::Error(_)) => return Ok(Some(file)),
            }
        }
        Ok(None)
    }

    /// Opens a file to read it; `None` where there is none.
    fn open(&self, path: &Path) -> Result<Option<File>> {
        match self.parent(path, false).and_then(|(folder, name)| folder.open(&name)) {
            Err(trouble) if trouble.is_absence => Ok(None),
            opened => opened.map(Some).map_err(AccessError::error),
        }
    }
}

fn is_same(one: &File, other: &File) -> bool {
    let identity = |file: &File| file.metadata().map(|data| (data.dev(), data.ino())).ok();
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_file_is_waited_for_and_may_be_gone_after_that() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::new(dir.path());
        let lock = |limit| tree.lock("x", Duration::from_secs(limit));
        assert!(lock(0).unwrap().is_none());
        std::fs::write(dir.path().join("x"), "").unwrap();
        let first = lock(0).unwrap().unwrap();
        assert_eq!(lock(0).unwrap_err().kind(), Kind::Contention);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| lock(60).unwrap().is_none());
            std::fs::remove_file(dir.path().join("x")).unwrap();
            drop(first);
            assert!(second.join().unwrap());
        });
    }
}
