//! Shows results and errors, as text for people or as one JSON document for programs.
//!
//! This is the only code that prints. Text that others wrote (titles, addresses, messages of git) is sanitised here, right
//! before it is shown, so that it can neither control a terminal nor add a line. Results go to standard output, errors and
//! progress to standard error.
//!
//! The verbs of `cli` call this module, and modules that report progress hold a function of it.

pub(crate) mod activity;
mod page;
pub(crate) mod path;
mod relative;
mod screen;
mod table;
mod terminal;

pub(crate) use page::Page;
use page::{Advice, Lines, with_short_note};
pub(crate) use relative::{as_of, local_time, relative};
pub(crate) use screen::Screen;
pub(crate) use table::{Cell, Column, Table, Tone};
pub(crate) use terminal::width_behind_pager;
use terminal::{columns_of_errors, size};

use crate::error::{Error, Kind, Payload, is_unsafe, redacted, sanitise};
use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The version of the JSON form. Within a version, fields are only added.
pub(crate) const SCHEMA: u32 = 2;

/// What every answer and error of a command begins with: a line for people, and a key of the document.
#[derive(Debug, Clone)]
pub(crate) struct Heading {
    what: String,
    line: String,
    key: &'static str,
    value: Value,
}

impl Heading {
    /// What has happened, and how; and the facts under this key.
    pub(crate) fn new(what: String, how: &str, key: &'static str, facts: &impl Serialize) -> Self {
        Self { line: sanitise(&format!("{what} {how}")), what, key, value: Payload::described(facts) }
    }
}

type FindHeading = Box<dyn Fn() -> Option<Heading> + Send + Sync>;

static HEADING: OnceLock<FindHeading> = OnceLock::new();

/// Lets the answers of this process begin with what is found when there is one. Verbs know nothing of it, so that none can
/// forget it. The first call counts.
pub(crate) fn begin_with(find: impl Fn() -> Option<Heading> + Send + Sync + 'static) {
    let _ = HEADING.set(Box::new(find));
}

fn heading() -> Option<Heading> {
    HEADING.get()?()
}

/// The calls of git that are shown in the document of this process, under `trace`; none where they are shown at once.
static TRACE: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Shows the calls of git in the document, so that standard error has nothing but an error. Those after it are shown there.
pub(crate) fn trace_in_document() {
    *TRACE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
}

/// Shows a call of git.
pub(crate) fn trace(line: &str) {
    match TRACE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        Some(lines) => lines.push(line.to_owned()),
        None => pass_on(format!("{line}\n").as_bytes()),
    }
}

/// Shows a call of git that still runs in the document, in the place (`at`) of what it shows of that call; nothing where the
/// calls are shown at once, or the document has been printed.
pub(crate) fn trace_running(at: &mut Option<usize>, line: String) {
    if let Some(lines) = TRACE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        if let Some(shown) = at.and_then(|at| lines.get_mut(at)) {
            *shown = line;
        } else {
            *at = Some(lines.len());
            lines.push(line);
        }
    }
}

/// What every document may have beside its own fields.
fn beside() -> impl Iterator<Item = (String, Value)> {
    let heading = heading().map(|heading| (heading.key.to_owned(), heading.value));
    let trace = TRACE.lock().unwrap_or_else(PoisonError::into_inner).take();
    heading.into_iter().chain(trace.map(|lines| ("trace".to_owned(), lines.into())))
}

/// How to show things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// One JSON document instead of text.
    pub(crate) json: bool,
    /// Only the result, no advice.
    pub(crate) quiet: bool,
    /// When to use colour.
    pub(crate) color: ColorChoice,
    /// The width of the terminal behind the pager that git started for this command, where it did.
    pub(crate) behind_pager: Option<usize>,
}

impl Report {
    /// The form of an error before, or without, a command line that can be parsed.
    pub(crate) fn by_arguments(mut args: impl Iterator<Item = std::ffi::OsString>) -> Self {
        let json = args.any(|arg| arg == "--json" || arg == "--schema");
        Self { json, quiet: false, color: anstream::ColorChoice::Auto, behind_pager: None }
    }

    /// Whether a person sees the result as a page, on a terminal.
    pub(crate) fn is_seen(self) -> bool {
        !self.json && (self.behind_pager.is_some() || io::stdout().is_terminal())
    }

    /// The columns of the terminal on which the result is seen.
    fn columns(self) -> Option<usize> {
        self.behind_pager.or_else(|| size().map(|size| size.columns))
    }

    /// Shows a result on standard output.
    ///
    /// # Errors
    /// [`Kind::Io`] when it cannot be written; a reader that closed the pipe is no error.
    pub(crate) fn answer<T: Serialize>(self, outcome: &T, page: impl FnOnce() -> Page) -> Result<(), Error> {
        self.answer_through(|_| false, outcome, page)
    }

    /// The same for a result that may be long. A page that is longer than the screen is given to `pager`, which returns
    /// whether it has shown it.
    ///
    /// # Errors
    /// As for [`Report::answer`].
    pub(crate) fn answer_through<T: Serialize>(
        self,
        pager: impl FnOnce(&str) -> bool,
        outcome: &T,
        page: impl FnOnce() -> Page,
    ) -> Result<(), Error> {
        let (mut pager, mut page) = (Some(pager), Some(page));
        self.answer_with(
            &mut |text| pager.take().is_some_and(|pager| pager(text)),
            &|| serde_json::to_value(outcome),
            &mut || page.take().map_or_else(Page::new, |page| page()),
        )
    }

    /// [`Self::answer_through`], compiled once for all outcomes.
    fn answer_with(
        self,
        pager: &mut dyn FnMut(&str) -> bool,
        outcome: &dyn Fn() -> serde_json::Result<Value>,
        page: &mut dyn FnMut() -> Page,
    ) -> Result<(), Error> {
        activity::erase();
        let written = if self.json {
            let mut document = document(outcome())?;
            document.extend(beside());
            print_json(&Value::Object(document))
        } else {
            let mut stream = AutoStream::new(io::stdout(), self.color);
            let (heading, mut page) = (heading(), page());
            if let Some(Heading { line, .. }) = heading {
                if self.quiet || page.is_bare() {
                    let _ = writeln!(io::stderr(), "{line}");
                } else {
                    page = page.below(&line);
                }
            }
            let text = page.render(self.columns(), self.advice(), Lines::Whole);
            let is_plain = stream.current_choice() == ColorChoice::Never;
            let seen = || if is_plain { strip_str(&text).to_string() } else { text.clone() };
            if size().is_some_and(|size| size.is_exceeded_by(&text)) && pager(&seen()) {
                return Ok(());
            }
            stream.write_all(text.as_bytes())
        };
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                // An outcome is there only after the command has done its work.
                Err(Error::new(
                    Kind::Io,
                    format!("the command did its work, but its result cannot be written: {error}"),
                )
                .with(Payload::Done { done: true }))
            }
            _ => Ok(()),
        }
    }

    fn advice(self) -> Advice {
        if self.quiet { Advice::LeftOut } else { Advice::Given }
    }

    /// Shows an error on standard error.
    pub(crate) fn error(self, error: &Error) {
        activity::erase();
        if self.json {
            let mut document =
                Map::from_iter([("schema".to_owned(), SCHEMA.into()), ("error".to_owned(), error.described().into())]);
            document.extend(beside());
            let document = Value::Object(document);
            let _ = writeln!(io::stderr(), "{}", escaped(&document.to_string()));
            return;
        }
        let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        // An error that says the same is the first line itself.
        let heading = heading().filter(|heading| !error.to_string().starts_with(&heading.what));
        let mut text = heading.map(|heading| heading.line + "\n").unwrap_or_default();
        let _ = writeln!(text, "{red}error:{red:#} {}", sanitise(&error.to_string()));
        if !self.quiet {
            for hint in error.hints() {
                let line = format!("  try: {}", sanitise(&hint.to_string()));
                text.extend([&with_short_note(&line, columns_of_errors()), "\n"]);
            }
        }
        let _ = AutoStream::new(io::stderr(), self.color).write_all(text.as_bytes());
    }
}

/// Shows the schema of documents on standard output.
///
/// # Errors
/// As for [`Report::answer`].
pub(crate) fn show_schema(schema: &Value) -> Result<(), Error> {
    match print_json(schema) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Io, format!("the schema cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Uses colour as `color.ui` of git says, where the command line does not name it.
pub(crate) fn color_as_git(color_ui: Option<&str>) {
    match color_ui.map(str::to_ascii_lowercase).as_deref() {
        Some("always") => ColorChoice::Always.write_global(),
        Some("never" | "false" | "no" | "off" | "0") => ColorChoice::Never.write_global(),
        _ => {}
    }
}

/// Shows a line of progress on standard error.
pub(crate) fn progress(line: &str) {
    activity::erase();
    let _ = writeln!(io::stderr(), "git aitask: {}", sanitise(&redacted(line)));
}

/// Passes on to standard error what a program of the user printed.
pub(crate) fn pass_on(output: &[u8]) {
    activity::erase();
    let _ = io::stderr().write_all(output);
}

/// Shows on standard error why a hook refuses.
pub(crate) fn reason(text: &str) {
    let _ = writeln!(io::stderr(), "git aitask: {}", sanitise(&redacted(text)));
}

/// Shows on standard output a message that an agent program gives its user.
pub(crate) fn message(text: &str) {
    let document = serde_json::json!({ "systemMessage": format!("git aitask: {text}") });
    let _ = writeln!(io::stdout(), "{}", escaped(&document.to_string()));
}

/// Shows on standard output a path as it is, for a program that expects nothing else.
pub(crate) fn path_alone(path: &std::path::Path) {
    use std::os::unix::ffi::OsStrExt as _;
    let _ = io::stdout().write_all(&[path.as_os_str().as_bytes(), b"\n"].concat());
}

/// Shows on standard output a line for a prompt.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{}", sanitise(text));
}

/// Shows no progress.
pub(crate) fn no_progress(_line: &str) {}

/// JSON in which characters that could move the cursor of a terminal, or change the writing direction, are escapes. Such
/// characters occur in strings only, so that line ends are those of the layout.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text
}

fn print_json(document: &Value) -> io::Result<()> {
    // GitHub takes `##[` anywhere in a line of a log for the beginning of a command.
    writeln!(io::stdout(), "{}", escaped(&format!("{document:#}")).replace("##[", "#\\u0023["))
}

fn document(outcome: serde_json::Result<Value>) -> Result<Map<String, Value>, Error> {
    let value = outcome.map_err(|error| Error::new(Kind::Bug, error.to_string()))?;
    let mut document = Map::from_iter([("schema".to_owned(), SCHEMA.into())]);
    match value {
        Value::Object(fields) => document.extend(fields),
        other => drop(document.insert("value".to_owned(), other)),
    }
    Ok(document)
}
