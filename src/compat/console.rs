//! The output of the scripts: result lines for programs, and messages for people. Messages are coloured for a terminal
//! and plain elsewhere; result lines are never coloured, since programs compare them.

use crate::error::{redacted, sanitise, sanitise_lines};
use crate::interrupt;
use anstream::{AutoStream, ColorChoice};
use std::io::{self, IsTerminal as _, Write};
use std::iter::once;
use std::sync::atomic::{AtomicBool, Ordering};

static LOST: AtomicBool = AtomicBool::new(false);

fn remember_failure(written: &io::Result<()>) {
    if written.is_err() {
        LOST.store(true, Ordering::Relaxed);
    }
}

// The escape codes of the original scripts, so that their coloured output stays the same byte for byte.
const BLUE: &str = "0;34";
const GREEN: &str = "0;32";
const YELLOW: &str = "1;33";
const RED: &str = "0;31";

/// Prints as the scripts do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Console;

#[expect(clippy::unused_self, reason = "a value that stands for the two streams of the process")]
impl Console {
    /// A result line on standard output, never coloured.
    pub(crate) fn line(self, text: &str) {
        remember_failure(&writeln!(io::stdout(), "{}", sanitise(text)));
    }

    /// Lines that others wrote, or that hold what others wrote, on standard output.
    pub(crate) fn lines(self, bytes: &[u8]) {
        let text = sanitise_lines(&String::from_utf8_lossy(bytes));
        remember_failure(&io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()));
    }

    /// Whether a part of the answer could not be written. The caller lacks it, so the exit code must not be 0.
    pub(crate) fn has_lost_output(self) -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// A plain line on standard error.
    pub(crate) fn stderr_line(self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", sanitise(text));
    }

    /// The output of a program, on standard error, without the passwords that URLs in it may hold.
    pub(crate) fn stderr_lines(self, bytes: &[u8]) {
        let text = sanitise_lines(&redacted(&String::from_utf8_lossy(bytes)));
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Asks a question; `None` where standard input is no terminal, so that no script waits for an answer forever.
    pub(crate) fn ask(self, question: &str) -> Option<String> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let _ = write!(io::stderr(), "{}", sanitise(question));
        let mut answer = String::new();
        interrupt::waiting_for_input(|| io::stdin().read_line(&mut answer))
            .ok()
            .filter(|read| *read > 0)
            .map(|_| answer.trim().to_owned())
    }

    /// An info line on standard output.
    pub(crate) fn info(self, text: &str) {
        paint(io::stdout(), BLUE, "", once(text));
    }

    /// An info line on standard error.
    pub(crate) fn stderr_info(self, text: &str) {
        paint(io::stderr(), BLUE, "", once(text));
    }

    /// A line of setup on standard output; only its tag `[ait]` is coloured.
    pub(crate) fn tagged(self, text: &str) {
        let color = if text.starts_with("Warning: ") { YELLOW } else { BLUE };
        let mut stream = AutoStream::new(io::stdout(), ColorChoice::Auto);
        remember_failure(&writeln!(stream, "\x1b[{color}m[ait]\x1b[0m {}", sanitise(text)));
    }

    /// A line of success on standard output.
    pub(crate) fn success(self, text: &str) {
        paint(io::stdout(), GREEN, "", once(text));
    }

    /// A warning on standard error.
    pub(crate) fn warn(self, text: &str) {
        paint(io::stderr(), YELLOW, "Warning: ", once(redacted(text.trim_end_matches('\n')).as_str()));
    }

    /// A warning of several lines. All of the text must be this program's own, since text of others could forge a line.
    pub(crate) fn warn_lines(self, text: &str) {
        paint(io::stderr(), YELLOW, "Warning: ", text.lines());
    }

    /// The error that ends the script, in several lines. All of the text must be this program's own, as for a warning.
    pub(crate) fn error_lines(self, text: &str) {
        paint(io::stderr(), RED, "Error: ", text.lines());
    }

    /// The error that ends the script, on standard error.
    pub(crate) fn error(self, text: &str) {
        paint(io::stderr(), RED, "Error: ", once(redacted(text.trim_end_matches('\n')).as_str()));
    }
}

/// A line of progress as the scripts write it: without colour, on standard error.
pub(crate) fn plain(line: &str) {
    let _ = writeln!(io::stderr(), "{}", sanitise(&redacted(line)));
}

fn paint<'t>(
    stream: impl anstream::stream::AsLockedWrite + anstream::stream::RawStream,
    color: &str,
    prefix: &str,
    lines: impl Iterator<Item = &'t str>,
) {
    let text = lines.map(sanitise).collect::<Vec<_>>().join("\n");
    let _ = writeln!(AutoStream::new(stream, ColorChoice::Auto), "\x1b[{color}m{prefix}{text}\x1b[0m");
}
