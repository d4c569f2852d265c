//! Processes on one host queue, so that a burst of agents in one clone does not race itself over the network and
//! does not collide on the index of one checkout. Only an optimisation: every swap is right without it.

use crate::error::{Error, Result};
use crate::files::records::RecordKind;
use crate::git::Repository;
use crate::git::run::WITHIN;
use crate::interrupt;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// This process is at the head of the queue.
static HELD: AtomicBool = AtomicBool::new(false);

/// A place at the head of the queue, given up when dropped.
#[derive(Debug)]
pub(crate) struct Queue(Option<File>);

impl Queue {
    /// Waits for our turn, at most `limit`; after that we go on without it. A wait that somebody would notice is
    /// narrated.
    pub(crate) fn enter(repository: &Repository, limit: Duration, progress: fn(&str)) -> Result<Self> {
        // Within a turn of ours, also in a hook of a command of ours, the turn is ours already.
        if HELD.load(Ordering::Acquire) || repository.git().environment().text(WITHIN).is_some() {
            return Ok(Self(None));
        }
        repository.records().folder()?;
        let path = repository.records().path(RecordKind::Queue, "");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| Error::io("open", &path, &error))?;
        let started = Instant::now();
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    // The number is for the narration of others, so it may fail.
                    let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
                    HELD.store(true, Ordering::Release);
                    return Ok(Self(Some(file)));
                }
                Err(TryLockError::WouldBlock) if started.elapsed() < limit => {
                    if !said && started.elapsed() > Duration::from_secs(2) {
                        said = true;
                        let mut holder = String::new();
                        let _ = file.rewind().and_then(|()| file.read_to_string(&mut holder));
                        progress(&format!("waiting for another git aitask in this clone (pid {holder})"));
                    }
                    interrupt::pause(Duration::from_millis(7))?;
                }
                // File systems without locks, and a holder that hangs, must not stop us.
                Err(_) => return Ok(Self(None)),
            }
        }
    }

    /// Whether we are at the head; otherwise we waited too long and go on beside the holder.
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
