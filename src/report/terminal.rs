//! The terminal on which a result is seen.

use anstream::adapter::strip_str;
use rustix::fs::{FileType, fstat};
use std::io;
use std::os::fd::AsFd;
use unicode_width::UnicodeWidthStr as _;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Size {
    /// Whether a text, of which the terminal wraps wide lines, and the line with the next prompt need more rows.
    pub(super) fn is_exceeded_by(self, text: &str) -> bool {
        let text = strip_str(text).to_string();
        let rows = text.lines().map(|line| line.width().div_ceil(self.columns).max(1));
        rows.sum::<usize>() >= self.rows
    }
}

/// The size of the terminal of standard output; `None` where that is no terminal.
pub(super) fn size() -> Option<Size> {
    size_of(io::stdout())
}

/// The columns of the terminal of standard error; `None` where that is no terminal.
pub(super) fn columns_of_errors() -> Option<usize> {
    size_of(io::stderr()).map(|size| size.columns)
}

/// A terminal that does not tell its size counts as one of 80 columns and 24 rows.
fn size_of(stream: impl AsFd + io::IsTerminal) -> Option<Size> {
    if !stream.is_terminal() {
        return None;
    }
    let (columns, rows) = rustix::termios::tcgetwinsize(stream).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    let or = |count: u16, usual: usize| if count == 0 { usual } else { count.into() };
    Some(Size { columns: or(columns, 80), rows: or(rows, 24) })
}

/// The width of the terminal behind the pager that git started for this command (`pager.aitask`, `git -p`), from the
/// variables that git sets. A command within such a one, whose output goes elsewhere, inherits these; but git gives its
/// pager standard error, too.
pub(crate) fn width_behind_pager(pager_in_use: Option<&str>, columns: Option<&str>) -> Option<usize> {
    let is_in_use = pager_in_use.is_some_and(|value| ["true", "1"].contains(&value));
    let pipe = |stream: &dyn AsFd| {
        let found = fstat(stream).ok()?;
        (FileType::from_raw_mode(found.st_mode) == FileType::Fifo).then_some((found.st_dev, found.st_ino))
    };
    let (out, err) = (io::stdout(), io::stderr());
    let is_pager = is_in_use && pipe(&out).is_some_and(|out| pipe(&err) == Some(out));
    is_pager.then(|| columns.and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0).unwrap_or(80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_line_takes_several_rows_and_the_prompt_one() {
        let size = Size { columns: 10, rows: 4 };
        assert!(!size.is_exceeded_by("a\n\nb\n") && size.is_exceeded_by("a\n\nb\nc\n"));
        assert!(!size.is_exceeded_by("0123456789\nab\nc\n") && size.is_exceeded_by("01234567890\nab\nc\n"));
        assert!(!size.is_exceeded_by("\u{1b}[31m0123456789\u{1b}[0m\nb\nc\n"));
    }
}
