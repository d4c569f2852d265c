//! The result of a process.

use super::hooks::FailedHook;
use crate::error::redacted;

/// The result of a process.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// The exit code; `None` when a signal or the time limit ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// The time limit was reached and the process group was ended.
    pub(crate) timed_out: bool,
    /// The hook that failed, or took too long, where git ran one.
    pub(crate) hook: Option<FailedHook>,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: Vec<u8>,
}

impl Output {
    /// That of a process without an exit code, which wrote this to standard error.
    pub(super) fn silent(stderr: Vec<u8>) -> Self {
        Self { code: None, signal: None, timed_out: false, hook: None, stdout: Vec::new(), stderr }
    }

    /// Whether it exited with 0.
    pub(crate) fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// How it ended: `exit N`, or the signal.
    pub(crate) fn ending(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no answer in time".to_owned(),
        }
    }

    /// Standard output as text, without the final newline; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// The last lines of both streams that are not blank, as text.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        let text = format!("{}\n{}", self.text(), self.stderr_text());
        let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(count)..].iter().map(|line| redacted(line)).collect()
    }

    /// Standard error as text; bytes that are not UTF-8 are replaced, and URLs lose their secrets.
    pub(crate) fn stderr_text(&self) -> String {
        redacted(String::from_utf8_lossy(&self.stderr).trim())
    }
}
