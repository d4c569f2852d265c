//! A page that is drawn again and again on the terminal of standard output.

use super::page::{Lines, Page};
use super::terminal::{Size, size};
use super::{Report, sanitise};
use crate::interrupt::POLL_INTERVAL;
use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{self, Read as _, Write as _};

/// A screen of its own, so that what was on the terminal is there again afterwards; and no cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What is between these two a terminal that knows them shows at once, others as it comes.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";

/// The screen. Dropped, it gives the terminal back as it was.
#[derive(Debug)]
pub(crate) struct Screen {
    report: Report,
    /// How standard input was, where that is a terminal.
    before: Option<Termios>,
    reads_keys: bool,
    drawn: Option<(String, Size)>,
}

impl Screen {
    /// Takes the terminal; `None` where standard output is none.
    pub(crate) fn open(report: Report) -> Option<Self> {
        size()?;
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            // Keys are not shown, and come at once. A process that is stopped, or ended with a core, could not give the
            // terminal back.
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            quiet.special_codes[SpecialCodeIndex::VSUSP] = 0;
            quiet.special_codes[SpecialCodeIndex::VQUIT] = 0;
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
        }
        let screen = Self { report, reads_keys: before.is_some(), before, drawn: None };
        print(ENTER);
        Some(screen)
    }

    /// Draws a page below a line, in place of the one before; what does not fit is counted.
    pub(crate) fn draw(&mut self, line: &str, page: &Page) {
        let Some(size) = size() else { return };
        let text = page.render(Some(size.columns), self.report.advice(), Lines::Cut);
        let text = format!("{}\n{text}", super::table::cut(&sanitise(line), size.columns));
        let choice = AutoStream::new(io::stdout(), self.report.color).current_choice();
        let text = if choice == ColorChoice::Never { strip_str(&text).to_string() } else { text };
        if self.drawn.as_ref().is_some_and(|(drawn, at)| *drawn == text && *at == size) {
            return;
        }
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        if lines.len() > size.rows {
            let shown = size.rows.saturating_sub(1);
            let more = lines.len() - shown;
            lines.truncate(shown);
            lines.push(format!("\u{2026} {more} more lines"));
        }
        let lines: Vec<_> = lines.iter().map(|line| format!("{line}\x1b[K")).collect();
        print(&format!("{BEGIN}{}{END}", lines.join("\n")));
        self.drawn = Some((text, size));
    }

    /// Whether the terminal has another size than when the page was drawn.
    pub(crate) fn is_resized(&self) -> bool {
        size().is_some_and(|now| self.drawn.as_ref().is_none_or(|(_, size)| *size != now))
    }

    /// Waits for a moment; whether the user wants the end, by `q` or by the end of the input, or the terminal is gone.
    pub(crate) fn is_ended(&mut self) -> bool {
        if size().is_none() {
            return true;
        }
        if !self.reads_keys {
            std::thread::sleep(POLL_INTERVAL);
            return false;
        }
        let time = Timespec { tv_sec: 0, tv_nsec: POLL_INTERVAL.subsec_nanos().into() };
        let is_ready = poll(&mut [PollFd::new(&io::stdin(), PollFlags::IN)], Some(&time)).is_ok_and(|ready| ready > 0);
        if !is_ready {
            return false;
        }
        let mut keys = [0; 64];
        let count = io::stdin().read(&mut keys).unwrap_or(0);
        count == 0 || keys.iter().take(count).any(|key| matches!(key, b'q' | 4))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        print(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn print(text: &str) {
    let mut stdout = io::stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
