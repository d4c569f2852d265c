//! Tables: columns on a terminal, tabs elsewhere.

use crate::task::sanitise;
use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

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

    /// The cell in a column of this width: cut, or padded.
    fn fitted(&self, width: usize) -> String {
        let (style, text) = (self.tone.style(), cut(&self.text, width));
        format!("{style}{text}{style:#}{}", " ".repeat(width.saturating_sub(text.width())))
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: one_line(text.as_ref()), tone: Tone::Plain }
    }
}

/// What others wrote, as one harmless line.
pub(super) fn one_line(text: &str) -> String {
    sanitise(text).trim_end().to_owned()
}

/// The text, cut to this width with an ellipsis where it is wider.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let more = c.width().unwrap_or(0);
        if used + more + 1 > width {
            break;
        }
        used += more;
        cut.push(c);
    }
    cut.push('\u{2026}');
    cut
}

/// A column, as a terminal shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    head: &'static str,
    rank: u8,
    least: usize,
}

impl Column {
    /// A column below this heading. Where the terminal is too narrow for all columns, each with its least width, the one
    /// with the highest rank is left out first; one of rank 0 stays.
    pub(crate) const fn new(head: &'static str, rank: u8, least: usize) -> Self {
        Self { head, rank, least }
    }
}

/// A column of which nothing is said.
const PLAIN: Column = Column::new("", 0, 8);

/// Rows of cells: in columns on a terminal, separated by tabs elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    columns: &'static [Column],
    has_head: bool,
    none: Option<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// The space between two columns.
const GAP: &str = "  ";

impl Table {
    /// An empty table with these columns.
    pub(crate) fn of(columns: &'static [Column]) -> Self {
        Self { columns, ..Self::default() }
    }

    /// The table with the headings of its columns, which a terminal shows.
    pub(crate) fn with_head(self) -> Self {
        Self { has_head: true, ..self }
    }

    /// The table with what a terminal shows where there is no row: people take an empty answer for a failure, programs need
    /// it.
    pub(crate) fn or_none(self, none: &'static str) -> Self {
        Self { none: Some(none), ..self }
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    pub(super) fn render(&self, text: &mut String, room: Option<usize>) {
        let Some(room) = room else {
            for row in &self.rows {
                let cells: Vec<_> = row.iter().map(|cell| cell.text.as_str()).collect();
                text.extend([&cells.join("\t"), "\n"]);
            }
            return;
        };
        if let (true, Some(none)) = (self.rows.is_empty(), self.none) {
            text.extend([none, "\n"]);
        }
        let shown = self.shown(room);
        let mut line = |cells: &dyn Fn(usize) -> Cell| {
            let cells: Vec<_> = shown.iter().map(|(n, width)| cells(*n).fitted(*width)).collect();
            text.extend([cells.join(GAP).trim_end(), "\n"]);
        };
        if self.has_head && !self.rows.is_empty() {
            line(&|n| Cell::from(self.column(n).head).tone(Tone::Faint));
        }
        for row in &self.rows {
            line(&|n| row.get(n).cloned().unwrap_or_default());
        }
    }

    fn column(&self, n: usize) -> Column {
        self.columns.get(n).copied().unwrap_or(PLAIN)
    }

    /// The columns that fit, each with its width: that of its cells. Columns without any text are left out. Where the
    /// others are too wide together, those of the highest rank go, and then the widest are narrowed.
    fn shown(&self, room: usize) -> Vec<(usize, usize)> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |n: usize| self.rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.text.width()).max();
        let head = |n: usize| if self.has_head { self.column(n).head.width() } else { 0 };
        let cells = (0..count).map(|n| (n, widest(n).unwrap_or(0)));
        let mut shown: Vec<_> =
            cells.filter(|(_, width)| *width > 0).map(|(n, width)| (n, width.max(head(n)))).collect();
        let gaps = |shown: &[(usize, usize)]| GAP.len() * shown.len().saturating_sub(1);
        let rank = |n: usize| self.column(n).rank;
        // Where all would not fit, a column that is the same in each row tells least.
        let first = |n: usize| self.rows.first().and_then(|row| row.get(n)).map(|cell| &cell.text);
        let is_same =
            |n: usize| self.rows.len() > 1 && self.rows.iter().all(|row| row.get(n).map(|it| &it.text) == first(n));
        while shown.iter().map(|(_, width)| width).sum::<usize>() + gaps(&shown) > room {
            let same = shown.iter().enumerate().filter(|(_, (n, _))| rank(*n) > 1 && is_same(*n));
            match same.max_by_key(|(_, (n, _))| rank(*n)) {
                Some((at, _)) => drop(shown.remove(at)),
                None => break,
            }
        }
        let least = |(n, width): (usize, usize)| width.min(self.column(n).least.max(head(n)));
        while shown.iter().map(|one| least(*one)).sum::<usize>() + gaps(&shown) > room {
            let unimportant = shown.iter().enumerate().max_by_key(|(_, (n, _))| self.column(*n).rank);
            match unimportant {
                Some((at, (n, _))) if self.column(*n).rank > 0 => drop(shown.remove(at)),
                _ => break,
            }
        }
        while shown.iter().map(|(_, width)| width).sum::<usize>() + gaps(&shown) > room {
            // What people read first, such as titles, keeps more.
            let wide = |(n, width): (usize, usize)| if rank(n) == 0 { width } else { width + 16 };
            let narrowed = shown.iter_mut().filter(|one| one.1 > least(**one)).max_by_key(|one| wide(**one));
            match narrowed {
                Some((_, width)) => *width -= 1,
                None => break,
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(columns: Option<usize>, rows: &[&[&str]]) -> String {
        let mut table = Table::default();
        for row in rows {
            table.row(row.iter().copied());
        }
        rendered(&table, columns)
    }

    fn rendered(table: &Table, columns: Option<usize>) -> String {
        let mut text = String::new();
        table.render(&mut text, columns);
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

    #[test]
    fn the_least_important_columns_go_first_and_empty_ones_are_not_shown() {
        static COLUMNS: [Column; 4] = [
            Column::new("id", 0, 4),
            Column::new("effort", 2, 6),
            Column::new("title", 0, 10),
            Column::new("who", 1, 6),
        ];
        let mut table = Table::of(&COLUMNS).with_head();
        table.row(["1", "high", "a title of twenty ch", "ann@example"]);
        let at = |columns| rendered(&table, Some(columns));
        assert_eq!(at(80), "id  effort  title                 who\n1   high    a title of twenty ch  ann@example\n");
        assert_eq!(at(30), "id  effort  title       who\n1   high    a title o\u{2026}  ann@e\u{2026}\n");
        assert_eq!(at(29), "id  title              who\n1   a title of twent\u{2026}  ann@e\u{2026}\n");
        assert_eq!(at(16), "id  title\n1   a title of \u{2026}\n");
        assert_eq!(rendered(&table, None), "1\thigh\ta title of twenty ch\tann@example\n");
        // what is the same in each row goes before a title is cut
        let mut table = Table::of(&COLUMNS).with_head();
        table.row(["1", "high", "a title of twenty ch", "ann@example"]);
        table.row(["2", "high", "short", "bob@example"]);
        assert_eq!(rendered(&table, Some(80)).lines().next(), Some("id  effort  title                 who"));
        assert_eq!(rendered(&table, Some(40)).lines().nth(1), Some("1   a title of twenty ch  ann@example"));
        let mut table = Table::of(&COLUMNS).with_head();
        table.row(["1", "", "a title", ""]);
        assert_eq!(rendered(&table, Some(80)), "id  title\n1   a title\n");
    }
}
