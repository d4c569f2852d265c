//! Waiting for a process: its end, its output, a time limit, a signal.

use crate::interrupt::{self, POLL_INTERVAL};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process, test_kill_process_group};
use std::io::{self, PipeWriter, Read as _};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what was asked to end may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// How long the rest of a group may take after its first process. Not the whole time: one that has ended, and that nobody
/// waits for (a container without an init process), still counts as there.
const REST_GRACE: Duration = Duration::from_millis(200);

/// How long the output of a process that has ended is waited for: what it started in the background may hold it open for
/// ever.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// How waiting came to its end.
pub(super) enum WaitEnd {
    /// The process ended.
    Itself(ExitStatus),
    /// The time was up, and it was ended.
    TimedOut,
    /// A signal came, and it was ended.
    Interrupted,
}

/// What is to be ended: a process group, or a process that shares ours.
#[derive(Debug, Clone, Copy)]
pub(super) enum SignalTarget {
    Group(Pid),
    Alone(Pid),
}

impl SignalTarget {
    fn send(self, signal: Signal) {
        // What is gone needs no signal.
        let _ = match self {
            Self::Group(pid) => kill_process_group(pid, signal),
            Self::Alone(pid) => kill_process(pid, signal),
        };
    }

    fn is_there(self) -> bool {
        match self {
            Self::Group(pid) => test_kill_process_group(pid).is_ok(),
            Self::Alone(pid) => test_kill_process(pid).is_ok(),
        }
    }
}

/// Waits for a process; `ended` waits that long and gives its status.
pub(super) fn wait(
    target: Option<SignalTarget>,
    limit: Duration,
    ended: impl Fn(Duration) -> io::Result<Option<ExitStatus>>,
) -> io::Result<WaitEnd> {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if let Some(status) = ended(left.min(POLL_INTERVAL))? {
            return Ok(WaitEnd::Itself(status));
        }
        if interrupt::is_wanted() {
            let polite = match target {
                Some(SignalTarget::Group(_)) => Signal::TERM,
                // A shell that somebody types into takes no notice of SIGTERM.
                _ => Signal::HUP,
            };
            stop(target, polite, &ended)?;
            return Ok(WaitEnd::Interrupted);
        }
        if left.is_zero() {
            // The server of a path is in the group, too: asked to end, it takes its lock files along.
            stop(target, Signal::TERM, &ended)?;
            return Ok(WaitEnd::TimedOut);
        }
    }
}

/// Ends it: politely, and after a moment for certain.
fn stop(
    target: Option<SignalTarget>,
    polite: Signal,
    ended: &impl Fn(Duration) -> io::Result<Option<ExitStatus>>,
) -> io::Result<()> {
    let Some(target) = target else { return Ok(()) };
    target.send(polite);
    let mut until = Instant::now() + GRACE;
    let mut has_ended = false;
    // The group outlives its first process: helpers (ssh, git-remote-https), and what a check started.
    while Instant::now() < until && (!has_ended || target.is_there()) {
        if !has_ended && ended(Duration::from_millis(5))?.is_some() {
            (has_ended, until) = (true, until.min(Instant::now() + REST_GRACE));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if target.is_there() {
        target.send(Signal::KILL);
        ended(Duration::from_secs(5))?;
    }
    Ok(())
}

/// Puts what is kept of the next part of an output after what was kept before.
pub(crate) type OutputFilter = Box<dyn FnMut(&[u8], &mut Vec<u8>) + Send>;

/// Reads what comes out of a pipe, beside everything else.
pub(super) struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

impl Capture {
    /// Begins to read; what is written goes into the pipe that is given along.
    pub(super) fn start(mut sieve: Option<OutputFilter>) -> io::Result<(Self, PipeWriter)> {
        let (mut reader, writer) = io::pipe()?;
        let (bytes, (sender, done)) = (Arc::default(), channel());
        let capture = Self { bytes: Arc::clone(&bytes), done };
        std::thread::spawn(move || {
            let mut part = vec![0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut part) {
                let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                let part = part.get(..count).unwrap_or_default();
                match &mut sieve {
                    Some(sieve) => sieve(part, &mut bytes),
                    None => bytes.extend_from_slice(part),
                }
            }
            let _ = sender.send(());
        });
        Ok((capture, writer))
    }

    /// What was written, up to the end of it, or up to now where that is long in coming.
    pub(super) fn finish(self) -> Vec<u8> {
        let _ = self.done.recv_timeout(OUTPUT_GRACE);
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
