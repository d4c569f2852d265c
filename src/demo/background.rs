//! A process that runs beside us until we end it.

use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The process; ended, as by a crash, when this is dropped.
#[derive(Debug)]
pub(crate) struct BackgroundProcess {
    pid: Pid,
    waiting: Option<JoinHandle<()>>,
}

impl BackgroundProcess {
    /// Starts `program ARGS` by way of `shell`, a call of `sh`. `dir` is where it notes its number.
    pub(crate) fn start(shell: Call, dir: &Path, program: &OsStr, args: &[&str]) -> Result<Self> {
        let note = tempfile::NamedTempFile::new_in(dir).map_err(|error| Error::io("write in", dir, &error))?;
        let call = shell.args(["-c", r#"echo $$ >"$0"; exec "$@""#]).arg(note.path()).arg(program).args(args);
        let waiting = std::thread::spawn(move || drop(call.output()));
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            let text = std::fs::read_to_string(note.path()).unwrap_or_default();
            let number = text.strip_suffix('\n').and_then(|text| text.parse().ok());
            if let Some(pid) = number.and_then(Pid::from_raw) {
                return Ok(Self { pid, waiting: Some(waiting) });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(Error::new(Kind::Invariant, "a process of the demo did not start within 10 s"))
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }
}

impl Drop for BackgroundProcess {
    fn drop(&mut self) {
        // A thread that is done has waited for the process, so its number may be somebody else's by now.
        let Some(waiting) = self.waiting.take().filter(|waiting| !waiting.is_finished()) else { return };
        let _ = kill_process_group(self.pid, Signal::KILL);
        let _ = waiting.join();
    }
}
