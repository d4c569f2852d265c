//! A process that is alive for as long as a test says.

use super::wait_for_end;
use std::process::{Child, Command, Stdio};

/// A real process whose id can stand for an agent's session (`AIT_AGENT_PID`); ended with the guard.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    pub(crate) fn new() -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// The id of the living process.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends the process: the answer is the id of a session that has died.
    pub(crate) fn die(self) -> u32 {
        self.pid()
    }

    /// Ends the process, and does not ask for its exit code, as the first process of many containers does not.
    pub(crate) fn end_unasked(&mut self) -> u32 {
        self.0.kill().unwrap();
        wait_for_end(self.pid());
        self.pid()
    }

    /// Ends the process, and keeps its id.
    pub(crate) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.end();
    }
}
