//! Text for people: lines, tables and advice.

use super::table::{Table, cut, one_line};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// Whether advice is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    Given,
    LeftOut,
}

/// How lines that are wider than the terminal are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// As they are, so that the terminal wraps them.
    Whole,
    /// Cut.
    Cut,
}

/// A page of text, built line by line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    lines: Vec<Line>,
    dry_run: bool,
    bare: bool,
}

#[derive(Debug, Clone)]
enum Line {
    Text(String, Style),
    Table(Table),
    Advice(String),
}

impl Page {
    /// An empty page.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub(crate) fn line(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line::Text(one_line(text.as_ref()), Style::new()));
        self
    }

    /// Adds a line for each.
    pub(crate) fn lines<T: AsRef<str>>(self, lines: impl IntoIterator<Item = T>) -> Self {
        lines.into_iter().fold(self, Self::line)
    }

    /// Adds a line that stands out.
    pub(crate) fn title(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line::Text(one_line(text.as_ref()), Style::new().bold()));
        self
    }

    /// Adds a line that needs attention.
    pub(crate) fn warning(mut self, text: impl AsRef<str>) -> Self {
        let yellow = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
        self.lines.push(Line::Text(one_line(text.as_ref()), yellow));
        self
    }

    /// Adds a command that may be next; `--quiet` leaves it out.
    pub(crate) fn advice(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line::Advice(one_line(text.as_ref())));
        self
    }

    /// Says at the top that nothing was changed, and leaves out advice, which would be for a change that was made.
    pub(crate) fn dry_run(mut self) -> Self {
        self.dry_run = true;
        let head = "nothing was changed (--dry-run); without it the result would be:".to_owned();
        self.lines.insert(0, Line::Text(head, Style::new().bold()));
        self
    }

    /// This page, and then another one.
    pub(crate) fn and(mut self, mut other: Self) -> Self {
        // What is said at the top is said once.
        if self.dry_run && other.dry_run && !other.lines.is_empty() {
            other.lines.remove(0);
        }
        self.lines.append(&mut other.lines);
        Self { dry_run: self.dry_run || other.dry_run, bare: self.bare || other.bare, ..self }
    }

    /// Programs read its lines, so none is put before them.
    pub(crate) fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    pub(super) fn is_bare(&self) -> bool {
        self.bare
    }

    /// The page below a line that needs attention.
    pub(super) fn below(mut self, line: &str) -> Self {
        let lines = Self::new().warning(line).lines;
        self.lines.splice(..0, lines);
        self
    }

    /// Adds a table.
    pub(crate) fn table(mut self, table: Table) -> Self {
        self.lines.push(Line::Table(table));
        self
    }

    /// Adds a text of several lines, each sanitised.
    pub(crate) fn text(self, text: &str) -> Self {
        text.lines().fold(self, Self::line)
    }

    /// The text without colours and advice.
    pub(crate) fn plain(&self) -> String {
        anstream::adapter::strip_str(&self.render(None, Advice::LeftOut, Lines::Whole)).to_string()
    }

    /// The text. On a terminal with so many columns, tables and the notes of advice fit into them.
    pub(super) fn render(&self, columns: Option<usize>, advice: Advice, lines: Lines) -> String {
        let dim = Style::new().dimmed();
        let fitted = |line: &str| match columns.filter(|_| lines == Lines::Cut) {
            Some(columns) => cut(line, columns),
            None => line.to_owned(),
        };
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line, style) => styled(&mut text, &fitted(line), *style),
                Line::Advice(_) if advice == Advice::LeftOut || self.dry_run => {}
                Line::Advice(line) => styled(&mut text, &fitted(&with_short_note(line, columns)), dim),
                Line::Table(table) => table.render(&mut text, columns),
            }
        }
        text
    }
}

/// What stands between a command and its note.
const BEFORE_NOTE: &str = "   ";

/// A command with its note, cut to the terminal: only the note is, since half a command would be pasted.
pub(super) fn with_short_note(line: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|columns| line.width() > *columns) else { return line.to_owned() };
    let indent = line.len() - line.trim_start().len();
    let Some(at) = line.get(indent..).and_then(|line| line.find(BEFORE_NOTE)) else { return line.to_owned() };
    let command = line.get(..indent + at).unwrap_or(line);
    // A note of less than one word says nothing.
    if command.width() + BEFORE_NOTE.len() + 8 > columns { command.to_owned() } else { cut(line, columns) }
}

fn styled(text: &mut String, line: &str, style: Style) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{style}{line}{style:#}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_and_a_command_never() {
        let hint = "  try: git aitask pick 3   # Fix the footer";
        assert_eq!(with_short_note(hint, None), hint);
        assert_eq!(with_short_note(hint, Some(43)), hint);
        assert_eq!(with_short_note(hint, Some(36)), "  try: git aitask pick 3   # Fix th\u{2026}");
        assert_eq!(with_short_note(hint, Some(34)), "  try: git aitask pick 3");
        assert_eq!(with_short_note(hint, Some(9)), "  try: git aitask pick 3");
        assert_eq!(with_short_note("  try: git aitask list --fetch", Some(9)), "  try: git aitask list --fetch");
    }
}
