//! The queue of the processes of one clone: a burst of agents takes turns instead of racing over the network and
//! colliding on the index of one checkout. It is only an optimisation: every compare-and-swap is correct without it.
//!
//! The queue is the file `aitask/queue.lock` in the common git directory. The process at the head holds an exclusive
//! lock on it (flock(2)) and has written its process id into it as decimal digits without a newline; the number is only
//! shown to those who wait. The kernel releases the lock when that process ends, so the file is never removed. Those who
//! find it locked come to the head in the order in which they entered ([`Tickets`]).

use crate::error::{Error, Result};
use crate::files::records::RecordKind;
use crate::git::Repository;
use crate::git::run::WITHIN;
use crate::ledger::lock_wait::{self, LockMode, LockWait};
use crate::ledger::tickets::{Ticket, Tickets, Waiting};
use crate::report::activity::{self, Activity};
use crate::waiting;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a process may wait before it says so: a shorter wait is not noticed.
const SAY_AFTER: Duration = Duration::from_secs(2);

/// What a wait leaves of the limit for the remote, or half of it where that is less.
const LEFT_FOR_REMOTE: Duration = Duration::from_secs(10);

/// Whether this process is at the head of the queue.
static HELD: AtomicBool = AtomicBool::new(false);

/// The place at the head of the queue, released when dropped.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Released before the ticket, so that whoever waits for that one finds the head free.
    head: Option<File>,
    ticket: Option<Ticket>,
}

/// How a process enters the queue.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'e> {
    /// The number that it had before, where it comes back.
    pub(crate) place: Option<u64>,
    /// With whom its pushes may be joined; asked only where it has to wait.
    pub(crate) group: &'e dyn Fn() -> String,
}

impl Queue {
    /// Waits for the head of the queue, at most `limit`, and no longer than leaves time for the remote; after that the
    /// command proceeds without it, since the queue only saves work. A wait of more than two seconds is reported.
    pub(crate) fn enter(repository: &Repository, limit: Duration, progress: fn(&str)) -> Result<Self> {
        Self::enter_as(repository, limit, progress, Entry { place: None, group: &String::new })
    }

    /// [`Self::enter`] for a process whose pushes may be joined with those of others.
    pub(crate) fn enter_as(
        repository: &Repository,
        limit: Duration,
        progress: fn(&str),
        entry: Entry<'_>,
    ) -> Result<Self> {
        // A nested call, or a hook that a git of this program runs, belongs to the process at the head: waiting for it
        // would be waiting for itself.
        if HELD.load(Ordering::Acquire) || repository.git().environment().text(WITHIN).is_some() {
            return Ok(Self::outside());
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
        let tickets = Tickets::new(repository.records());
        let free = entry.place.is_none() && (limit.is_zero() || tickets.numbers().is_empty());
        match free.then(|| file.try_lock()) {
            Some(Ok(())) => return Ok(Self::at_head(file, None)),
            Some(Err(TryLockError::Error(_))) => return Ok(Self::outside()),
            Some(Err(TryLockError::WouldBlock)) if limit.is_zero() => return Ok(Self::outside()),
            Some(Err(TryLockError::WouldBlock)) | None => {}
        }
        let mut patience = Patience::new(limit, &path, progress);
        let mut goes_on = || patience.goes_on();
        // Without a ticket this process only may come too early.
        let ticket = tickets.take(entry.place, (entry.group)());
        if let Some(ticket) = &ticket
            && !tickets.wait_for_smaller(ticket.number, &mut goes_on)?
        {
            return Ok(Self::outside());
        }
        Ok(match lock_wait::wait(file, LockMode::Exclusive, &mut goes_on)? {
            LockWait::Locked(file) => Self::at_head(file, ticket),
            // A process that hangs at the head, or a file system without locks, must not stop every other command.
            LockWait::Stopped | LockWait::NoLocks => Self::outside(),
        })
    }

    fn at_head(mut file: File, ticket: Option<Ticket>) -> Self {
        HELD.store(true, Ordering::Release);
        // The number is only shown to those who wait, so a failure does no harm.
        let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        Self { head: Some(file), ticket }
    }

    /// The place of a process that takes no turn.
    pub(super) fn outside() -> Self {
        Self { head: None, ticket: None }
    }

    /// [`Self::enter`] for a command that must not see the half-done work of others, and changes no file: neither is the
    /// queue made, nor is the number written into it. `None` where another process stays at the head.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`].
    pub(crate) fn enter_to_look(repository: &Repository, limit: Duration, progress: fn(&str)) -> Result<Option<Self>> {
        if HELD.load(Ordering::Acquire) || repository.git().environment().text(WITHIN).is_some() {
            return Ok(Some(Self::outside()));
        }
        // Without the file no command of this clone has changed anything yet.
        let path = repository.records().path(RecordKind::Queue, "");
        let Ok(file) = File::open(&path) else {
            return Ok(Some(Self::outside()));
        };
        let mut patience = Patience::new(limit, &path, progress);
        Ok(match lock_wait::wait(file, LockMode::Exclusive, &mut || patience.goes_on())? {
            LockWait::Locked(file) => {
                HELD.store(true, Ordering::Release);
                Some(Self { head: Some(file), ticket: None })
            }
            LockWait::NoLocks => Some(Self::outside()),
            LockWait::Stopped => None,
        })
    }

    /// Who comes next.
    pub(super) fn next(&self, repository: &Repository) -> Option<Waiting> {
        Tickets::new(repository.records()).next(self.ticket.as_ref().map(|ticket| ticket.number))
    }

    /// Lets the next one come to the head. Returns the number of this process, where it had one.
    pub(super) fn leave(&mut self) -> Option<u64> {
        if self.head.take().is_some() {
            HELD.store(false, Ordering::Release);
        }
        self.ticket.take().map(|ticket| ticket.number)
    }

    /// Comes to the head as soon as that is free, before those who wait with a ticket. False where it was not waited for any
    /// longer.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`].
    pub(super) fn come_to_head(&mut self, repository: &Repository, goes_on: &mut dyn FnMut() -> bool) -> Result<bool> {
        let path = repository.records().path(RecordKind::Queue, "");
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|error| Error::io("open", &path, &error))?;
        let LockWait::Locked(file) = lock_wait::wait(file, LockMode::Exclusive, goes_on)? else { return Ok(false) };
        *self = Self::at_head(file, None);
        Ok(true)
    }

    /// Whether this is the head of the queue; otherwise the wait was too long and another process holds it.
    pub(crate) fn is_ours(&self) -> bool {
        self.head.is_some()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.is_ours() {
            HELD.store(false, Ordering::Release);
        }
    }
}

/// How long a process still waits, and what it has said of it.
struct Patience<'p> {
    limit: Duration,
    since: Instant,
    queue: &'p Path,
    progress: fn(&str),
    /// What was said; at a terminal it is shown as long as this waits.
    said: Vec<Option<Activity>>,
}

impl<'p> Patience<'p> {
    fn new(limit: Duration, queue: &'p Path, progress: fn(&str)) -> Self {
        let left = waiting::left();
        let limit = limit.min(left.saturating_sub(LEFT_FOR_REMOTE.min(left / 2)));
        Self { limit, since: Instant::now(), queue, progress, said: Vec::new() }
    }

    fn goes_on(&mut self) -> bool {
        let waited = self.since.elapsed();
        if self.said.is_empty() && waited > SAY_AFTER && waited < self.limit {
            let holder = std::fs::read_to_string(self.queue).unwrap_or_default();
            let text = format!("waiting for another git aitask in this clone (pid {holder})");
            self.said.push(activity::begin_or_say(self.progress, &text));
        }
        waited < self.limit
    }
}
