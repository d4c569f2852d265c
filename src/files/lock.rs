//! Locking a file, so that one process at a time of those that work on it decides what becomes of it.

use super::{AccessError, Tree};
use crate::error::{Error, Kind, Result};
use crate::interrupt;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How long a file is waited for that is held only while it is read and written. Whoever holds it longer is stopped or hangs.
const BRIEFLY: Duration = Duration::from_secs(3);

/// Waits for the lock of a file that nobody holds for long; `None` where somebody does.
///
/// # Errors
/// [`Kind::Interrupted`].
pub(crate) fn wait_briefly(file: File) -> Result<Option<File>> {
    let since = Instant::now();
    wait_while(vec![file], &mut || since.elapsed() < BRIEFLY)
}

/// Waits for the lock of one of these files as long as `goes_on` says so, which is asked some fifty times a second, and
/// returns the file that has it; `None` after that. The operating system wakes the one that waits; nothing is tried again
/// and again. On a file system without locks nobody waits.
///
/// # Errors
/// [`Kind::Interrupted`].
pub(crate) fn wait_while(files: Vec<File>, goes_on: &mut dyn FnMut() -> bool) -> Result<Option<File>> {
    let (tell, told) = channel();
    for file in files {
        let tell = tell.clone();
        std::thread::spawn(move || {
            while file.lock().is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted) {}
            // Where another one was first, or nobody waits any more, this closes the file, which releases the lock.
            let _ = tell.send(file);
        });
    }
    loop {
        match told.recv_timeout(interrupt::POLL_INTERVAL) {
            Ok(file) => return Ok(Some(file)),
            Err(_) => interrupt::check()?,
        }
        if !goes_on() {
            return Ok(None);
        }
    }
}

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

/// Whether two open files are one.
pub(crate) fn is_same(one: &File, other: &File) -> bool {
    let identity = |file: &File| file.metadata().map(|data| (data.dev(), data.ino())).ok();
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_locked_files_the_first_that_is_free_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| File::create(dir.path().join(name)).unwrap();
        let held = ["a", "b"].map(open);
        for file in &held {
            file.lock().unwrap();
        }
        let [a, b] = held;
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait_while(vec![open("a"), open("b")], &mut || true).unwrap());
            drop(b);
            let taken = waiting.join().unwrap().unwrap();
            assert!(is_same(&taken, &open("b")) && open("b").try_lock().is_err());
            drop(taken);
        });
        drop(a);
        // whoever waited for the other one keeps nothing
        let kept = wait_briefly(open("a")).unwrap();
        assert!(kept.is_some() && wait_briefly(open("a")).unwrap().is_none());
    }

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
