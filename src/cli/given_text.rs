//! A text of a task, as the command line gives it, and whether an editor can be opened for it.

use crate::cli::app::App;
use crate::error::{Error, Hint, Kind, Result, is_unsafe};
use crate::files::LARGEST_TEXT;
use crate::interrupt;
use std::io::{IsTerminal as _, Read};
use std::path::Path;

/// The largest text that is read: with the largest header above it the file can still be read.
const LARGEST: u64 = LARGEST_TEXT - (64 << 10);

/// The text of `-m`, of which several are paragraphs, or of `-F`; `None` where neither is given.
///
/// # Errors
/// [`Kind::Usage`] for a text that is too large, no UTF-8, or has a control character, and for standard input at a terminal;
/// [`Kind::Io`] for a file that cannot be read.
pub(super) fn given_text(app: &App, messages: &[String], file: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = file else {
        messages.iter().try_for_each(|message| require_safe(message))?;
        return Ok((!messages.is_empty()).then(|| messages.join("\n\n")));
    };
    if path.as_os_str() != "-" {
        let path = app.dir.join(path);
        let bytes = std::fs::File::open(&path).and_then(bounded).map_err(|error| Error::io("read", &path, &error))?;
        return parse(bytes, &path.display().to_string()).map(Some);
    }
    if let Some(text) = app.input.get() {
        return Ok(Some(text.clone()));
    }
    if std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "`-F -` reads standard input, which is a terminal")
            .advice("give the text with -m TEXT or -F FILE, or through a pipe"));
    }
    let bytes = interrupt::waiting_for_input(|| bounded(std::io::stdin()));
    let bytes = bytes.map_err(|error| Error::io("read", path, &error))?;
    let text = parse(bytes, "standard input")?;
    Ok(Some(app.input.get_or_init(|| text).clone()))
}

fn bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes).map(|_| bytes)
}

fn parse(bytes: Vec<u8>, from: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::new(Kind::Usage, format!("the text in {from} {why}")));
    if bytes.len() as u64 > LARGEST {
        return refuse("is larger than a task file can be (8 MiB)");
    }
    // git and grep would take the task file for a binary one.
    if bytes.contains(&0) {
        return refuse("has a NUL byte in it");
    }
    let Ok(text) = String::from_utf8(bytes) else { return refuse("is not UTF-8") };
    // Some editors begin a file with the mark of the byte order, which would hide its title.
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    require_safe(&text).map(|()| text)
}

/// Refuses a text that could move the cursor, or turn the direction, of whoever reads it at a terminal.
///
/// # Errors
/// [`Kind::Usage`] with the first such character.
pub(super) fn require_safe(text: &str) -> Result<()> {
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_line_end = c == '\r' && rest.peek() == Some(&'\n');
        if is_unsafe(c) && !matches!(c, '\n' | '\t') && !is_line_end {
            let name = c.escape_unicode().to_string();
            return Err(Error::new(Kind::Usage, format!("the text has the control character {name:?} in it")));
        }
    }
    Ok(())
}

/// Whether an editor can be opened: the answer is for a person who sees it.
pub(super) fn may_open_editor(app: &App) -> bool {
    !app.report.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Refuses to open an editor where nobody could use it: it would wait for ever.
///
/// # Errors
/// [`Kind::Usage`] with what to give instead.
pub(super) fn require_editor(app: &App, instead: impl IntoIterator<Item = Hint>) -> Result<()> {
    if may_open_editor(app) {
        return Ok(());
    }
    let why = if app.report.json { "--json opens no editor" } else { "there is no terminal for an editor" };
    Err(instead.into_iter().fold(Error::new(Kind::Usage, why), Error::hint))
}
