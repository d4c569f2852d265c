//! Text for people: lines, tables and advice.

use crate::task::harmless;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

/// A page of text, made line by line.
#[derive(Debug, Clone, Default)]
pub struct Page {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
enum Line {
    Text(String, Style),
    Table(Table),
    Advice(String),
}

/// Rows of cells: in columns on a terminal, separated by tabs elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell.into())).collect());
    }

    fn render(&self, text: &mut String, columns: bool) {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |n: usize| self.rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max();
        let widths: Vec<_> = (0..count).map(|n| width(n).unwrap_or(0)).collect();
        for row in &self.rows {
            let line = if columns {
                let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            } else {
                row.join("\t")
            };
            text.push_str(&line);
            text.push('\n');
        }
    }
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line::Text(one_line(text.as_ref()), Style::new()));
        self
    }

    /// Adds a line for each.
    #[must_use]
    pub fn lines<T: AsRef<str>>(self, lines: impl IntoIterator<Item = T>) -> Self {
        lines.into_iter().fold(self, Self::line)
    }

    /// Adds a line that stands out.
    #[must_use]
    pub fn title(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line::Text(one_line(text.as_ref()), Style::new().bold()));
        self
    }

    /// Adds a line that says what should be looked at.
    #[must_use]
    pub fn warning(mut self, text: impl AsRef<str>) -> Self {
        let yellow = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
        self.lines.push(Line::Text(one_line(text.as_ref()), yellow));
        self
    }

    /// Adds a command that may be next; left out when only the answer is wanted.
    #[must_use]
    pub fn advice(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line::Advice(one_line(text.as_ref())));
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.lines.push(Line::Table(table));
        self
    }

    /// Adds a text of several lines as it is, made harmless line by line.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        text.lines().fold(self, Self::line)
    }

    /// The text. `columns` for a terminal, `quiet` leaves advice out.
    pub(super) fn render(&self, columns: bool, quiet: bool) -> String {
        let dim = Style::new().dimmed();
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line, style) => styled(&mut text, line, *style),
                Line::Advice(_) if quiet => {}
                Line::Advice(line) => styled(&mut text, line, dim),
                Line::Table(table) => table.render(&mut text, columns),
            }
        }
        text
    }
}

fn styled(text: &mut String, line: &str, style: Style) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{style}{line}{style:#}");
}

fn one_line(text: &str) -> String {
    harmless(text).trim_end().to_owned()
}
