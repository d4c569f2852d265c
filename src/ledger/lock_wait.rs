//! Waiting for a file lock (flock(2)) in the order in which the kernel gives it, without trying again and again: a thread
//! waits in the kernel, and this one looks for signals and for its limit meanwhile.

use crate::error::Result;
use crate::interrupt::{self, POLL_INTERVAL};
use crate::report::activity;
use crate::waiting;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockMode {
    /// By this process alone.
    Exclusive,
    /// By any number of processes that only want to know when the one before them has let go.
    Shared,
}

/// How a wait for a lock ended.
#[derive(Debug)]
pub(super) enum LockWait {
    /// The file is locked.
    Locked(File),
    /// It was not waited for any longer.
    Stopped,
    /// The file system has no locks.
    NoLocks,
}

impl LockMode {
    fn attempt(self, file: &File) -> Result<(), TryLockError> {
        match self {
            Self::Exclusive => file.try_lock(),
            Self::Shared => file.try_lock_shared(),
        }
    }

    fn block(self, file: &File) -> std::io::Result<()> {
        loop {
            let locked = match self {
                Self::Exclusive => file.lock(),
                Self::Shared => file.lock_shared(),
            };
            if !locked.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
                return locked;
            }
        }
    }
}

/// Waits for the lock of a file as long as `goes_on` says so, which is asked some fifty times a second. The time counts as
/// one that others take.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`].
pub(super) fn wait(file: File, mode: LockMode, goes_on: &mut dyn FnMut() -> bool) -> Result<LockWait> {
    match mode.attempt(&file) {
        Ok(()) => return Ok(LockWait::Locked(file)),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(_)) => return Ok(LockWait::NoLocks),
    }
    if !goes_on() {
        return Ok(LockWait::Stopped);
    }
    let _activity = activity::begin(|| "waiting for another git aitask in this clone".to_owned());
    let (sender, receiver) = channel();
    // A thread that is not waited for any more lets the lock go when it gets it, since nobody takes it.
    let waits = std::thread::Builder::new().spawn(move || {
        let locked = mode.block(&file);
        let _ = sender.send(locked.map(|()| file));
    });
    if waits.is_err() {
        return Ok(LockWait::NoLocks);
    }
    loop {
        interrupt::check()?;
        let begun = Instant::now();
        let locked = receiver.recv_timeout(POLL_INTERVAL);
        waiting::count(begun.elapsed());
        match locked {
            Ok(Ok(file)) => return Ok(LockWait::Locked(file)),
            Err(RecvTimeoutError::Timeout) if goes_on() => {}
            Err(RecvTimeoutError::Timeout) => return Ok(LockWait::Stopped),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(LockWait::NoLocks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Duration;

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap()
    }

    #[test]
    fn a_wait_that_was_given_up_does_not_take_the_lock_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = open(&path);
        held.lock().unwrap();
        let mut asked = 0;
        let mut once = || {
            asked += 1;
            asked < 2
        };
        assert!(matches!(wait(open(&path), LockMode::Exclusive, &mut once).unwrap(), LockWait::Stopped));
        drop(held);
        // the thread that waited still gets it, for a moment
        let ours = wait(open(&path), LockMode::Exclusive, &mut || true).unwrap();
        assert!(matches!(ours, LockWait::Locked(_)));
    }

    #[test]
    fn several_who_wait_for_one_go_on_together() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = open(&path);
        held.lock().unwrap();
        std::thread::scope(|scope| {
            let wait = || wait(open(&path), LockMode::Shared, &mut || true).unwrap();
            let waiting: Vec<_> = (0..4).map(|_| scope.spawn(wait)).collect();
            std::thread::sleep(Duration::from_millis(30));
            drop(held);
            let got: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(got.iter().all(|end| matches!(end, LockWait::Locked(_))));
        });
    }
}
