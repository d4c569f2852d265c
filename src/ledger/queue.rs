//! The queue of the processes of one clone: a burst of agents takes turns instead of racing over the network and
//! colliding on the index of one checkout. It is only an optimisation: every compare-and-swap is correct without it.
//!
//! The queue is the file `aitask/queue.lock` in the common git directory. The process at the head holds an exclusive
//! lock on it (flock(2)) and has written its process id into it as decimal digits without a newline; the number is only
//! shown to those who wait. The kernel releases the lock when that process ends, so the file is never removed.

use crate::error::{Error, Result};
use crate::files::records::RecordKind;
use crate::git::Repository;
use crate::git::run::WITHIN;
use crate::waiting;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a process may wait before it says so: a shorter wait is not noticed.
const SAY_AFTER: Duration = Duration::from_secs(2);

/// What a wait leaves of the limit for the remote, or half of it where that is less.
const LEFT_FOR_REMOTE: Duration = Duration::from_secs(10);

/// How often a waiting process tries again. flock(2) cannot wait with a time limit; a try costs some microseconds, and
/// a turn of the process at the head takes at least some ten milliseconds.
const RETRY_AFTER: Duration = Duration::from_millis(7);

/// Whether this process is at the head of the queue.
static HELD: AtomicBool = AtomicBool::new(false);

/// How a wait for the head of the queue ended.
enum Turn {
    /// This process is at the head.
    Ours(File),
    /// Another one stayed there.
    TooLate,
    /// The file system has no locks.
    NoLocks,
}

/// The place at the head of the queue, released when dropped.
#[derive(Debug)]
pub(crate) struct Queue(Option<File>);

impl Queue {
    /// Waits for the head of the queue, at most `limit`, and no longer than leaves time for the remote; after that the
    /// command proceeds without it, since the queue only saves work. A wait of more than two seconds is reported.
    pub(crate) fn enter(repository: &Repository, limit: Duration, progress: fn(&str)) -> Result<Self> {
        // A nested call, or a hook that a git of this program runs, belongs to the process at the head: waiting for it
        // would be waiting for itself.
        if HELD.load(Ordering::Acquire) || repository.git().environment().text(WITHIN).is_some() {
            return Ok(Self(None));
        }
        repository.records().folder()?;
        let path = repository.records().path(RecordKind::Queue, "");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| Error::io("open", &path, &error))?;
        Ok(match Self::wait(file, limit, progress)? {
            Turn::Ours(mut file) => {
                // The number is only shown to those who wait, so a failure does no harm.
                let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
                Self(Some(file))
            }
            Turn::TooLate | Turn::NoLocks => Self(None),
        })
    }

    /// [`Self::enter`] for a command that must not see the half-done work of others, and changes no file: neither is the
    /// queue made, nor is the number written into it. `None` where another process stays at the head.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`].
    pub(crate) fn enter_to_look(repository: &Repository, limit: Duration, progress: fn(&str)) -> Result<Option<Self>> {
        if HELD.load(Ordering::Acquire) || repository.git().environment().text(WITHIN).is_some() {
            return Ok(Some(Self(None)));
        }
        // Without the file no command of this clone has changed anything yet.
        let Ok(file) = File::open(repository.records().path(RecordKind::Queue, "")) else {
            return Ok(Some(Self(None)));
        };
        Ok(match Self::wait(file, limit, progress)? {
            Turn::Ours(file) => Some(Self(Some(file))),
            Turn::NoLocks => Some(Self(None)),
            Turn::TooLate => None,
        })
    }

    fn wait(mut file: File, limit: Duration, progress: fn(&str)) -> Result<Turn> {
        let left = waiting::left();
        let limit = limit.min(left.saturating_sub(LEFT_FOR_REMOTE.min(left / 2)));
        let started = Instant::now();
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    HELD.store(true, Ordering::Release);
                    return Ok(Turn::Ours(file));
                }
                Err(TryLockError::WouldBlock) if started.elapsed() < limit => {
                    if !said && started.elapsed() > SAY_AFTER {
                        said = true;
                        let mut holder = String::new();
                        let _ = file.rewind().and_then(|()| file.read_to_string(&mut holder));
                        progress(&format!("waiting for another git aitask in this clone (pid {holder})"));
                    }
                    waiting::pause(RETRY_AFTER)?;
                }
                // A process that hangs at the head, or a file system without locks, must not stop every other command.
                Err(TryLockError::WouldBlock) => return Ok(Turn::TooLate),
                Err(TryLockError::Error(_)) => return Ok(Turn::NoLocks),
            }
        }
    }

    /// Whether this is the head of the queue; otherwise the wait was too long and another process holds it.
    pub(crate) fn is_ours(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.is_ours() {
            HELD.store(false, Ordering::Release);
        }
    }
}
