//! What takes long at the moment, in the last line of the terminal of standard error. The line is removed when it is done.
//!
//! Whoever waits begins an [`Activity`] and drops it at the end. A thread draws the innermost that has lasted for a second,
//! so that nobody who waits must remember to draw. Piped, with `--json` and with `--quiet` there is none.

use super::table::{cut, one_line};
use super::terminal::columns_of_errors;
use crate::error::redacted;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is over sooner is not shown.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// How often the line is drawn: it tells seconds, and how far a transfer is.
const DRAW_EVERY: Duration = Duration::from_millis(200);

static IS_ON: AtomicBool = AtomicBool::new(false);
/// The attempt of the transaction; 0 for the first.
static ATTEMPT: AtomicU32 = AtomicU32::new(0);
static LINE: Mutex<Line> = Mutex::new(Line { doing: Vec::new(), begun: 0, is_drawn: false, is_kept: false });

/// The line, and what may be in it.
struct Line {
    doing: Vec<Doing>,
    /// How many activities have begun.
    begun: u64,
    is_drawn: bool,
    /// Whether the thread runs.
    is_kept: bool,
}

struct Doing {
    number: u64,
    /// `None` while another program has the terminal.
    text: Option<String>,
    detail: String,
    since: Instant,
}

/// Something that may take long, until it is dropped.
#[derive(Debug)]
pub(crate) struct Activity(u64);

/// Shows activities of this process from now on, where standard error is a terminal that can erase a line.
pub(crate) fn show_activities(terminal: Option<&str>) {
    IS_ON.store(terminal != Some("dumb") && columns_of_errors().is_some(), Ordering::Release);
}

/// Shows none any more.
pub(crate) fn hide_activities() {
    IS_ON.store(false, Ordering::Release);
    erase();
}

/// Whether activities are shown.
pub(crate) fn shows_activities() -> bool {
    IS_ON.load(Ordering::Acquire)
}

/// Begins something that may take long.
pub(crate) fn begin(text: impl FnOnce() -> String) -> Option<Activity> {
    shows_activities().then(|| push(Some(redacted(&text()))))
}

/// Begins something that people hear of in any case: as an activity, else as a line of progress.
pub(crate) fn begin_or_say(progress: fn(&str), text: &str) -> Option<Activity> {
    let begun = begin(|| text.to_owned());
    if begun.is_none() {
        progress(text);
    }
    begun
}

/// Gives the terminal to another program.
pub(crate) fn give_away() -> Option<Activity> {
    shows_activities().then(|| {
        erase();
        push(None)
    })
}

/// Notes which attempt begins; 0 for the first.
pub(crate) fn note_attempt(attempt: u32) {
    ATTEMPT.store(attempt, Ordering::Release);
}

impl Activity {
    /// Says how far it is, from any thread.
    pub(crate) fn detail(&self) -> impl Fn(&str) + Send + use<> {
        let number = self.0;
        move |detail| {
            if let Some(doing) = line().doing.iter_mut().find(|doing| doing.number == number) {
                doing.detail = one_line(detail);
            }
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        let mut line = line();
        line.doing.retain(|doing| doing.number != self.0);
        line.erase();
    }
}

/// Removes the line, before something else is written to the terminal.
pub(super) fn erase() {
    line().erase();
}

fn line() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn push(text: Option<String>) -> Activity {
    let mut line = line();
    line.begun += 1;
    let number = line.begun;
    line.doing.push(Doing { number, text, detail: String::new(), since: Instant::now() });
    if !std::mem::replace(&mut line.is_kept, true) {
        // Without the thread nothing is shown, and nothing is lost.
        let _ = std::thread::Builder::new().spawn(|| {
            loop {
                std::thread::sleep(DRAW_EVERY);
                self::line().draw();
            }
        });
    }
    Activity(number)
}

impl Line {
    fn erase(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    fn draw(&mut self) {
        let Some(columns) = columns_of_errors().filter(|_| shows_activities()) else { return };
        let Some(text) = self.text() else { return };
        // The last column stays free: a terminal may go to the next line behind it.
        let text = cut(&text, columns.saturating_sub(1));
        let _ = io::stderr().write_all(format!("\r{text}\x1b[K").as_bytes());
        self.is_drawn = true;
    }

    fn text(&self) -> Option<String> {
        if self.doing.iter().any(|doing| doing.text.is_none()) {
            return None;
        }
        let doing = self.doing.iter().rev().find(|doing| doing.since.elapsed() >= SHOW_AFTER)?;
        let mut text = format!("git aitask: {}", one_line(doing.text.as_deref()?));
        let attempt = ATTEMPT.load(Ordering::Acquire);
        // Writing to a String cannot fail.
        if attempt > 0 {
            let _ = write!(text, ", attempt {}", attempt + 1);
        }
        let _ = write!(text, " ({} s)", doing.since.elapsed().as_secs());
        if !doing.detail.is_empty() {
            let _ = write!(text, ": {}", doing.detail);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_that_lasts_is_shown_and_none_while_another_program_has_the_terminal() {
        let before = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let doing = |text: Option<&str>, detail: &str, seconds| Doing {
            number: seconds,
            text: text.map(str::to_owned),
            detail: detail.to_owned(),
            since: before(seconds),
        };
        let mut line = Line { doing: Vec::new(), begun: 0, is_drawn: false, is_kept: false };
        assert_eq!(line.text(), None);
        line.doing =
            vec![doing(Some("waiting"), "", 70), doing(Some("pushing\nto origin"), "50%", 3), doing(Some("x"), "", 0)];
        assert_eq!(line.text().unwrap(), "git aitask: pushing to origin (3 s): 50%");
        note_attempt(1);
        assert_eq!(line.text().unwrap(), "git aitask: pushing to origin, attempt 2 (3 s): 50%");
        line.doing.push(doing(None, "", 9));
        assert_eq!(line.text(), None);
    }
}
