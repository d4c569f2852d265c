//! A process in the background that is killed when its value is dropped.

use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A background process. Dropping it kills its process group, as a crash would.
#[derive(Debug)]
pub(crate) struct BackgroundProcess {
    pid: Pid,
    waiting: Option<JoinHandle<()>>,
}

impl BackgroundProcess {
    /// Starts `program ARGS` through `shell`, a call of `sh` that writes its process id to a file in `dir` and then
    /// becomes the program.
    pub(crate) fn start(shell: Call, dir: &Path, program: &OsStr, args: &[&str]) -> Result<Self> {
        let note = tempfile::NamedTempFile::new_in(dir).map_err(|error| Error::io("write in", dir, &error))?;
        let call = shell.args(["-c", r#"echo $$ >"$0"; exec "$@""#]).arg(note.path()).arg(program).args(args);
        let waiting = std::thread::spawn(move || drop(call.output()));
        let started = Instant::now();
        // A shell starts in milliseconds; ten seconds allow for a machine under full load.
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

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }
}

impl Drop for BackgroundProcess {
    fn drop(&mut self) {
        // A finished thread has waited for the process, so the system may have given its id to another one.
        let Some(waiting) = self.waiting.take().filter(|waiting| !waiting.is_finished()) else { return };
        let _ = kill_process_group(self.pid, Signal::KILL);
        let _ = waiting.join();
    }
}
