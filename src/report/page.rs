//! Text for people: lines, tables and advice.

use crate::task::sanitise;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether advice is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    Given,
    LeftOut,
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

/// The colour of a cell, where colours are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// No colour.
    #[default]
    Plain,
    /// A task that can be picked.
    Ready,
    /// A task that is held.
    Busy,
    /// High priority, or a lock that was taken over.
    Urgent,
    /// Low priority, or a task that is over.
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Ready => color(AnsiColor::Green),
            Self::Busy => color(AnsiColor::Yellow),
            Self::Urgent => color(AnsiColor::Red),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// The cell with this tone.
    pub(crate) fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    fn width(&self) -> usize {
        self.text.width()
    }

    /// The cell in a column of this width: cut with an ellipsis, or padded.
    fn fitted(&self, width: usize) -> String {
        let style = self.tone.style();
        let own = self.width();
        if own <= width {
            return format!("{style}{}{style:#}{}", self.text, " ".repeat(width - own));
        }
        let mut cut = String::new();
        let mut used = 0;
        for c in self.text.chars() {
            let more = c.width().unwrap_or(0);
            if used + more + 1 > width {
                break;
            }
            used += more;
            cut.push(c);
        }
        format!("{style}{cut}\u{2026}{style:#}{}", " ".repeat(width.saturating_sub(used + 1)))
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: one_line(text.as_ref()), tone: Tone::Plain }
    }
}

/// Rows of cells: in columns on a terminal, separated by tabs elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// The width below which no column is narrowed.
const NARROWEST: usize = 8;

/// The space between two columns.
const GAP: &str = "  ";

impl Table {
    /// Adds a row.
    pub(crate) fn row<T: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn render(&self, text: &mut String, columns: Option<usize>) {
        let widths = columns.map(|columns| self.widths(columns));
        for row in &self.rows {
            let line = match &widths {
                Some(widths) => {
                    let cells = row.iter().zip(widths).map(|(cell, width)| cell.fitted(*width));
                    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
                }
                None => row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join("\t"),
            };
            text.push_str(&line);
            text.push('\n');
        }
    }

    /// The widths of the columns: those of their cells; where the sum is too wide, the widest columns are narrowed.
    fn widths(&self, room: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |n: usize| self.rows.iter().filter_map(|row| row.get(n)).map(Cell::width).max().unwrap_or(0);
        let mut widths: Vec<_> = (0..count).map(widest).collect();
        let gaps = GAP.len() * count.saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }
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
        anstream::adapter::strip_str(&self.render(None, Advice::LeftOut)).to_string()
    }

    /// The text, cut to the `columns` of a terminal.
    pub(super) fn render(&self, columns: Option<usize>, advice: Advice) -> String {
        let dim = Style::new().dimmed();
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line, style) => styled(&mut text, line, *style),
                Line::Advice(_) if advice == Advice::LeftOut || self.dry_run => {}
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
    sanitise(text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(columns: Option<usize>, rows: &[&[&str]]) -> String {
        let mut table = Table::default();
        for row in rows {
            table.row(row.iter().copied());
        }
        let text = Page::new().table(table).render(columns, Advice::Given);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn wide_characters_and_those_without_width_keep_the_columns_straight() {
        let rows: &[&[&str]] =
            &[&["1", "\u{65e5}\u{672c}\u{8a9e}", "x"], &["22", "e\u{301}te", "y"], &["3", "plain", "z"]];
        assert_eq!(render(Some(80), rows), "1   \u{65e5}\u{672c}\u{8a9e}  x\n22  e\u{301}te     y\n3   plain   z\n");
        assert_eq!(render(None, rows), "1\t\u{65e5}\u{672c}\u{8a9e}\tx\n22\te\u{301}te\ty\n3\tplain\tz\n");
    }

    #[test]
    fn the_widest_columns_give_way_on_a_narrow_terminal() {
        let rows: &[&[&str]] = &[&["12", "a title that is much too long", "held by somebody"], &["3", "short", ""]];
        for columns in [20, 30, 40, 50] {
            let text = render(Some(columns), rows);
            assert!(text.lines().all(|line| line.width() <= columns.max(22)), "{text}");
            assert!(text.starts_with("12  a ti") && text.contains('\u{2026}'), "{text}");
        }
        assert!(
            render(Some(24), &[&["\u{65e5}\u{672c}\u{8a9e}\u{65e5}\u{672c}\u{8a9e}", "x", "yyyyyyyyyyyyyyyy"]])
                .contains('\u{2026}')
        );
    }
}
