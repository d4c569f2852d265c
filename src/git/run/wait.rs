//! Waiting for a process: its end, its output, a time limit, a signal.

use super::hooks::HookTrace;
use super::transfer::Transfer;
use crate::interrupt::{self, POLL_INTERVAL};
use crate::report::activity::{self, Activity};
use crate::waiting;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process, test_kill_process_group};
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a process may take to end after SIGTERM: git needs milliseconds to remove its lock files.
const GRACE: Duration = Duration::from_secs(1);

/// How long the rest of a process group may take after its first process has ended. It is short because a process that
/// has ended but is not reaped, as in a container without an init process, still counts as running.
const REST_GRACE: Duration = Duration::from_millis(200);

/// How long the output of a process that has ended is waited for: a background process that it started may keep the
/// pipe open for ever.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// How often the end of a process is checked for while it is being ended: it is over in milliseconds.
const STEP: Duration = Duration::from_millis(5);

/// How long the end after SIGKILL is waited for. Only a process in an uninterruptible system call, such as one on a
/// network file system that does not answer, takes longer, and the command must not hang with it.
const AFTER_KILL: Duration = Duration::from_secs(5);

/// How the wait ended.
pub(super) enum WaitEnd {
    /// The process ended.
    Itself(ExitStatus),
    /// The time limit was reached, and the process was ended.
    TimedOut,
    /// What git fetches for a partial clone did not come in time, and the process was ended.
    FetchTimedOut,
    /// The hook of this name took longer than it may, and the process was ended.
    HookTimedOut(String),
    /// A signal arrived, and the process was ended.
    Interrupted,
}

/// The processes to signal: a process group, or one process that shares the group of this program.
#[derive(Debug, Clone, Copy)]
pub(super) enum SignalTarget {
    Group(Pid),
    Alone(Pid),
}

impl SignalTarget {
    fn send(self, signal: Signal) {
        // A process that has ended needs no signal.
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

/// The time of one process: a limit counts neither a hook that it runs, which has one of its own, nor a transfer that
/// moves. Where a process that runs here waits for a remote, that counts as the wait of a command that uses the network.
pub(super) struct Clock {
    pub(super) limit: Duration,
    pub(super) hook_limit: Duration,
    /// Where git may run hooks.
    pub(super) hooks: Option<HookTrace>,
    /// The hook that runs, as people who wait see it.
    pub(super) shown_hook: Option<Activity>,
    /// Where this program waits for a remote, or may do so.
    pub(super) transfer: Option<Transfer>,
    /// Whether it waits for the remote all the time.
    pub(super) is_connected: bool,
    pub(super) last: Instant,
    /// For hooks, and for all else.
    pub(super) used: (Duration, Duration),
}

impl Clock {
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.used.1)
    }

    /// Counts the time since the last call; returns how the wait ends, when a limit is reached.
    pub(super) fn tick(&mut self) -> Option<WaitEnd> {
        let passed = self.last.elapsed();
        self.last += passed;
        if let Some(hooks) = &mut self.hooks {
            hooks.look();
        }
        let hook = self.hooks.as_ref().and_then(HookTrace::running);
        if hook.is_none() {
            self.shown_hook = None;
        }
        if let Some(hook) = hook {
            if self.shown_hook.is_none() {
                self.shown_hook = activity::begin(|| format!("running the hook {hook}"));
            }
            self.used.0 += passed;
            return (self.used.0 >= self.hook_limit).then(|| WaitEnd::HookTimedOut(hook.to_owned()));
        }
        if let Some(transfer) = &mut self.transfer
            && (self.is_connected || transfer.is_there())
        {
            if transfer.moves() {
                return None;
            }
            waiting::count(passed);
            if !self.is_connected && waiting::left().is_zero() {
                return Some(WaitEnd::FetchTimedOut);
            }
        }
        self.used.1 += passed;
        self.left().is_zero().then_some(WaitEnd::TimedOut)
    }
}

/// Waits for a process; `ended` waits for the given time and returns its status.
pub(super) fn wait(
    target: Option<SignalTarget>,
    clock: &mut Clock,
    ended: impl Fn(Duration) -> io::Result<Option<ExitStatus>>,
) -> io::Result<WaitEnd> {
    loop {
        let status = ended(clock.left().min(POLL_INTERVAL))?;
        let limit_reached = clock.tick();
        if let Some(status) = status {
            return Ok(WaitEnd::Itself(status));
        }
        if interrupt::is_wanted() {
            let polite = match target {
                Some(SignalTarget::Group(_)) => Signal::TERM,
                // A shell at which a user types ignores SIGTERM.
                _ => Signal::HUP,
            };
            stop(target, polite, &ended)?;
            return Ok(WaitEnd::Interrupted);
        }
        if let Some(end) = limit_reached {
            // For a remote that is a path, the server side is in the same group; after SIGTERM it removes its lock
            // files.
            stop(target, Signal::TERM, &ended)?;
            return Ok(end);
        }
    }
}

/// Ends the processes: by SIGTERM, and after [`GRACE`] by SIGKILL.
pub(super) fn stop(
    target: Option<SignalTarget>,
    polite: Signal,
    ended: &impl Fn(Duration) -> io::Result<Option<ExitStatus>>,
) -> io::Result<()> {
    let Some(target) = target else { return Ok(()) };
    target.send(polite);
    let mut until = Instant::now() + GRACE;
    let mut has_ended = false;
    // The group outlives its first process: helpers (ssh, git-remote-https), and what a check command started.
    while Instant::now() < until && (!has_ended || target.is_there()) {
        if !has_ended && ended(STEP)?.is_some() {
            (has_ended, until) = (true, until.min(Instant::now() + REST_GRACE));
        }
        std::thread::sleep(STEP);
    }
    if target.is_there() {
        target.send(Signal::KILL);
        ended(AFTER_KILL)?;
    }
    Ok(())
}

/// Appends what is to be kept of the next part of an output to what was kept before.
pub(super) type OutputFilter = Box<dyn FnMut(&[u8], &mut Vec<u8>) + Send>;

/// Reads a pipe in a thread, so that neither of two pipes can fill up and block the process.
pub(super) struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Whether the process has ended.
    ended: Arc<AtomicBool>,
    done: Receiver<()>,
}

impl Capture {
    /// Starts reading; returns the pipe to write to.
    pub(super) fn start(mut sieve: Option<OutputFilter>) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let (bytes, ended, (sender, done)) = (Arc::default(), Arc::<AtomicBool>::default(), channel());
        let capture = Self { bytes: Arc::clone(&bytes), ended: Arc::clone(&ended), done };
        std::thread::spawn(move || {
            read_all(reader, &ended, |part| {
                let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                match &mut sieve {
                    Some(sieve) => sieve(part, &mut bytes),
                    None => bytes.extend_from_slice(part),
                }
            });
            let _ = sender.send(());
        });
        Ok((capture, writer))
    }

    /// The output of the process, which has ended: all of it, however long the thread was not scheduled, since half an
    /// output would be taken for the whole. What a background process writes after [`OUTPUT_GRACE`] is left out.
    pub(super) fn finish(self) -> Vec<u8> {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.done.recv();
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// More than a pipe holds, in parts of 64 KiB.
const PARTS_IN_A_PIPE: usize = 32;

/// Reads a pipe up to its end; or, once the process has ended and another one keeps the pipe open, up to what is in it
/// after [`OUTPUT_GRACE`].
fn read_all(mut reader: PipeReader, ended: &AtomicBool, mut keep: impl FnMut(&[u8])) {
    let mut part = vec![0; 1 << 16];
    let mut until = None;
    let mut left = PARTS_IN_A_PIPE;
    while left > 0 {
        if until.is_none() && ended.load(Ordering::SeqCst) {
            until = Some(Instant::now() + OUTPUT_GRACE);
        }
        let is_late = until.is_some_and(|until| Instant::now() >= until);
        let time = if is_late { Duration::ZERO } else { POLL_INTERVAL };
        let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&reader, PollFlags::IN)], Some(&time)) {
            Ok(0) if is_late => return,
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match reader.read(&mut part) {
            Ok(count @ 1..) => keep(part.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return,
        }
        left -= usize::from(is_late);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_a_process_wrote_is_read_however_late_the_reader_comes() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"all of it").unwrap();
        drop(writer);
        let mut found = Vec::new();
        read_all(reader, &AtomicBool::new(true), |part| {
            std::thread::sleep(OUTPUT_GRACE);
            found.extend_from_slice(part);
        });
        assert_eq!(found, b"all of it");
    }

    #[test]
    fn a_pipe_that_stays_open_is_not_waited_for() {
        let (capture, mut writer) = Capture::start(None).unwrap();
        writer.write_all(b"said").unwrap();
        let begun = Instant::now();
        assert_eq!(capture.finish(), b"said");
        assert!(begun.elapsed() < OUTPUT_GRACE * 20);
        drop(writer);
    }
}
