//! The user's editor: it opens a template, and the result is read. The text that the user typed is never lost: until it
//! is stored elsewhere it stays in the file, and errors tell where that is.

use crate::error::{Error, Kind, Result};
use crate::files::records::RecordKind;
use crate::git::Repository;
use crate::git::run::{Call, NO_LIMIT, Streams};
use crate::settings::Environment;
use crate::task::editor_template::MarkedTemplate;
use crate::task::{Document, editor_template};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Editors that understand `+LINE`.
const TAKES_LINE: [&str; 8] = ["vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "kak"];

/// A template that the user has saved and that was read.
#[derive(Debug)]
pub(crate) struct Saved<T> {
    /// The value that was read from it.
    pub(crate) value: T,
    file: PathBuf,
}

impl<T> Saved<T> {
    /// Removes the file, since its text is now stored elsewhere.
    pub(crate) fn discard(&self) {
        let _ = std::fs::remove_file(&self.file);
    }

    /// Adds to an error that the text is kept in the file.
    pub(crate) fn kept(&self, error: Error) -> Error {
        kept(error, &self.file)
    }
}

fn kept(error: Error, file: &Path) -> Error {
    error.hint(crate::error::Hint::kept_in(file))
}

/// What a text means that was left as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// Nothing is done.
    GivesUp,
    /// It is what is wanted.
    Counts,
}

/// Opens the editor until `read` accepts the text; errors are written into the template at the field that they are
/// about. `None` when the text was emptied, or left unchanged where that gives up.
///
/// # Errors
/// The last error of `read`, when the text was left unchanged after it; [`Kind::Usage`] without an editor.
pub(crate) fn edit<T>(
    environment: &Environment,
    repository: Option<&Repository>,
    text: &[u8],
    unchanged: Unchanged,
    mut read: impl FnMut(&Document) -> Result<T>,
) -> Result<Option<Saved<T>>> {
    let editor = editor(environment, repository)?;
    let dir = match repository {
        Some(repository) => repository.records().folder()?.to_owned(),
        None => PathBuf::from(environment.text("TMPDIR").unwrap_or("/tmp")),
    };
    let staged = tempfile::Builder::new().prefix(RecordKind::Draft.place()).suffix(".md").tempfile_in(&dir);
    let file = staged.and_then(|staged| staged.keep().map_err(|error| error.error));
    let (_, file) = file.map_err(|error| Error::io("make a file in", &dir, &error))?;
    let (mut shown, mut line, mut wrong) = (text.to_vec(), 1, None::<(Error, Vec<u8>)>);
    loop {
        std::fs::write(&file, &shown).map_err(|error| Error::io("write", &file, &error))?;
        let code = open(environment, &editor, &file, line, &dir).map_err(|error| kept(error, &file))?;
        if code != Some(0) {
            let message = format!("the editor `{editor}` failed");
            return Err(kept(Error::new(Kind::Usage, message), &file));
        }
        let now = std::fs::read(&file).map_err(|error| Error::io("read", &file, &error))?;
        let is_same = now == shown;
        match wrong {
            // A program as the editor may write the same text again without the error that was added to it.
            Some((error, before)) if is_same || now == before => return Err(kept(error, &file)),
            _ if (is_same && unchanged == Unchanged::GivesUp) || now.trim_ascii().is_empty() => {
                let _ = std::fs::remove_file(&file);
                return Ok(None);
            }
            _ => {}
        }
        match editor_template::read(&now).and_then(|document| read(&document)) {
            Ok(value) => return Ok(Some(Saved { value, file })),
            Err(error) => {
                MarkedTemplate { text: shown, line } = editor_template::with_error(&now, &error);
                wrong = Some((error, now));
            }
        }
    }
}

/// The editor, chosen as git does. Without a terminal only one that the environment names.
fn editor(environment: &Environment, repository: Option<&Repository>) -> Result<String> {
    let named = ["GIT_EDITOR", "VISUAL", "EDITOR"].into_iter().find_map(|name| environment.text(name));
    let of_git = repository.and_then(|repository| repository.read("var").arg("GIT_EDITOR").run().ok());
    let editor = of_git.map(|output| output.text()).or_else(|| named.map(str::to_owned));
    editor.filter(|_| named.is_some() || std::io::stdin().is_terminal()).ok_or_else(|| {
        Error::new(Kind::Usage, "there is no terminal for an editor, and EDITOR names none")
            .advice("export EDITOR=vi, or another one")
    })
}

fn open(environment: &Environment, editor: &str, file: &Path, line: usize, dir: &Path) -> Result<Option<i32>> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let takes_line = TAKES_LINE.contains(&program.rsplit('/').next().unwrap_or_default());
    let place = (takes_line && line > 1).then(|| format!("+{line}"));
    let call = Call::program(environment, "sh", dir).args(["-c", &format!("{editor} \"$@\""), editor]);
    let call = call.args(place).arg(file).streams(Streams::Ours);
    Ok(call.limit(NO_LIMIT).output()?.code)
}
