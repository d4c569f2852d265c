//! A process that is kept while a command runs and answers what it is asked, one question after the other, so that each
//! further question costs no process.

use super::wait::{self, Clock, SignalTarget};
use super::{Call, Output, ended_by_signal};
use crate::error::{Error, Kind, Result};
use crate::interrupt::{self, POLL_INTERVAL};
use crate::report::{self, activity};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end once it has closed its output.
const END: Duration = Duration::from_secs(1);

/// A process that answers until its input is closed: when this is dropped, and when this program ends, also by SIGKILL.
/// Its pipes do not block, so that neither of the two waits for the other, whatever they hold.
#[derive(Debug)]
pub(crate) struct Kept {
    call: Call,
    child: Child,
    input: Option<OwnedFd>,
    output: OwnedFd,
    /// Standard error, until it is closed.
    errors: Option<OwnedFd>,
    /// What it wrote to standard error since it was asked last.
    said: Vec<u8>,
    /// The time of all its answers.
    took: Duration,
    /// Its place in the trace of the document, which may be printed before it ends.
    traced: Option<usize>,
    /// Whether it was ended from here: by a time limit or a signal.
    is_stopped: bool,
}

impl Call {
    /// Starts it, to ask it something.
    ///
    /// # Errors
    /// As [`Call::output`].
    pub(crate) fn keep(&self) -> Result<Kept> {
        if !self.dir.is_dir() {
            return Err(Error::new(Kind::Io, format!("{} is no longer a directory", self.dir.display())));
        }
        interrupt::check()?;
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(Error::new(Kind::Bug, "a process has no pipes"));
        };
        let (input, output, errors) = (OwnedFd::from(input), OwnedFd::from(output), OwnedFd::from(errors));
        for pipe in [&input, &output, &errors] {
            let unblocked = fcntl_getfl(pipe).and_then(|flags| fcntl_setfl(pipe, flags | OFlags::NONBLOCK));
            unblocked.map_err(|errno| self.not_started(&errno.into()))?;
        }
        let (input, errors) = (Some(input), Some(errors));
        Ok(Kept {
            call: self.clone(),
            child,
            input,
            output,
            errors,
            said: Vec::new(),
            took: Duration::ZERO,
            traced: None,
            is_stopped: false,
        })
    }
}

impl Kept {
    /// Asks it something. `takes` gets the answer in parts, and tells whether it is whole. Returns what the process wrote
    /// to standard error before it ended the answer.
    ///
    /// # Errors
    /// As [`Call::run`], where it ended before the answer or did not answer in time; then it cannot be asked again.
    pub(crate) fn ask(&mut self, question: &[u8], takes: impl FnMut(&[u8]) -> bool) -> Result<String> {
        let _activity = activity::begin(|| self.call.activity());
        let begun = Instant::now();
        self.said.clear();
        let answered = self.converse(question, takes, self.call.clock(self.pid()));
        self.took += begun.elapsed();
        if self.call.trace {
            report::trace_running(&mut self.traced, self.call.trace_line(self.took, "still running"));
        }
        answered.map(|()| String::from_utf8_lossy(&self.said).trim().to_owned())
    }

    /// Whether it was ended by its time limit or a signal to this program, and not by itself.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The error where git could not fetch what a partial clone lacks, if this is what it said beside an answer.
    pub(crate) fn unfetched(&self, said: &str) -> Option<Error> {
        self.call.unfetched(None, said)
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn converse(&mut self, mut left: &[u8], mut takes: impl FnMut(&[u8]) -> bool, mut clock: Clock) -> Result<()> {
        let mut part = vec![0; 1 << 16];
        loop {
            if interrupt::is_wanted() {
                self.is_stopped = true;
                self.stop();
                return Err(interrupt::error());
            }
            if let Some(end) = clock.tick() {
                self.is_stopped = true;
                self.stop();
                return Err(self.call.failure(&self.call.timed_out(&end)));
            }
            self.wait_for_pipes(!left.is_empty());
            self.read_errors(&mut part);
            if let Some(input) = self.input.as_ref().filter(|_| !left.is_empty()) {
                match rustix::io::write(input, left) {
                    Ok(count) => left = left.get(count..).unwrap_or_default(),
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(_) => return Err(self.ended()),
                }
            }
            match read(&self.output, &mut part) {
                Some(0) => return Err(self.ended()),
                // What it wrote to the other stream before the answer may have come after the look above.
                Some(count) if takes(part.get(..count).unwrap_or_default()) => {
                    self.read_errors(&mut part);
                    return Ok(());
                }
                None | Some(_) => {}
            }
        }
    }

    /// Waits until there is something to read, or something can be written.
    fn wait_for_pipes(&self, writes: bool) {
        let mut pipes = vec![PollFd::new(&self.output, PollFlags::IN)];
        pipes.extend(self.errors.iter().map(|errors| PollFd::new(errors, PollFlags::IN)));
        pipes.extend(self.input.iter().filter(|_| writes).map(|input| PollFd::new(input, PollFlags::OUT)));
        let time = Timespec { tv_sec: 0, tv_nsec: POLL_INTERVAL.subsec_nanos().into() };
        // What is not ready after an error is found out by the read.
        let _ = poll(&mut pipes, Some(&time));
    }

    /// Reads what is there of standard error.
    fn read_errors(&mut self, part: &mut [u8]) {
        while let Some(count) = self.errors.as_ref().and_then(|errors| read(errors, part)) {
            self.said.extend_from_slice(part.get(..count).unwrap_or_default());
            if count == 0 {
                self.errors = None;
            }
        }
    }

    /// The error of a process that has closed its pipes.
    fn ended(&mut self) -> Error {
        self.input = None;
        let status = self.wait_for_end();
        self.read_errors(&mut [0; 1 << 12]);
        let signal = status.map_or_else(Vec::new, ended_by_signal);
        let output = Output::silent([self.said.as_slice(), &signal].concat());
        let (code, signal) = (status.and_then(|it| it.code()), status.and_then(|it| it.signal()));
        self.stop();
        self.call.failure(&Output { code, signal, ..output })
    }

    /// Waits until it has ended, for [`END`] at most.
    fn wait_for_end(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + END;
        while let (Ok(None), true) = (self.child.try_wait(), Instant::now() < until) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.child.try_wait().ok().flatten()
    }

    /// Ends it and all that it started.
    fn stop(&mut self) {
        self.input = None;
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), self.pid()) {
            let child = std::cell::RefCell::new(&mut self.child);
            let ended = |time: Duration| {
                std::thread::sleep(time);
                child.borrow_mut().try_wait()
            };
            let _ = wait::stop(Some(SignalTarget::Group(pid)), Signal::TERM, &ended);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.input = None;
        if !self.call.trace {
            return;
        }
        let status = self.wait_for_end();
        let (code, signal) = (status.and_then(|it| it.code()), status.and_then(|it| it.signal()));
        let output = Output { code, signal, ..Output::silent(Vec::new()) };
        match self.traced {
            Some(_) => report::trace_running(&mut self.traced, self.call.trace_line(self.took, &output.ending())),
            None => self.call.print_trace(self.took, &output),
        }
    }
}

/// Reads what a pipe has: 0 bytes at its end, `None` where there is nothing yet.
fn read(pipe: impl AsFd, part: &mut [u8]) -> Option<usize> {
    match rustix::io::read(pipe, part) {
        Ok(count) => Some(count),
        Err(Errno::AGAIN | Errno::INTR) => None,
        Err(_) => Some(0),
    }
}
