//! The user's editor: a sheet goes in, what was made of it comes out, and no text is ever lost.

use crate::error::{Error, Kind, Result};
use crate::files::records::RecordKind;
use crate::git::Repository;
use crate::git::run::{Call, NO_LIMIT, Streams};
use crate::settings::Environment;
use crate::task::editor_template::MarkedTemplate;
use crate::task::{Document, editor_template};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Editors that take `+LINE`.
const TAKES_LINE: [&str; 8] = ["vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "kak"];

/// A sheet that was saved and read.
#[derive(Debug)]
pub(crate) struct Saved<T> {
    /// What was read from it.
    pub(crate) value: T,
    file: PathBuf,
}

impl<T> Saved<T> {
    /// The text has come to where it belongs.
    pub(crate) fn discard(&self) {
        let _ = std::fs::remove_file(&self.file);
    }

    /// An error after which the text is still in the sheet, and says where.
    pub(crate) fn kept(&self, error: Error) -> Error {
        kept(error, &self.file)
    }
}

fn kept(error: Error, file: &Path) -> Error {
    error.hint(crate::error::Hint::kept_in(file))
}

/// Lets the user edit a sheet until `read` takes it: what is wrong is said in the sheet, at its place. `None` when it was
/// left as it was, or emptied.
///
/// # Errors
/// What `read` said last, when the sheet was left as wrong as it was; and [`Kind::Usage`] without an editor.
pub(crate) fn edit<T>(
    environment: &Environment,
    repository: Option<&Repository>,
    text: &[u8],
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
            let message = format!("the editor `{editor}` did not end well");
            return Err(kept(Error::new(Kind::Usage, message), &file));
        }
        let now = std::fs::read(&file).map_err(|error| Error::io("read", &file, &error))?;
        let is_same = now == shown;
        match wrong {
            // An editor that is a program may bring the same text without what was said in it.
            Some((error, before)) if is_same || now == before => return Err(kept(error, &file)),
            _ if is_same || now.trim_ascii().is_empty() => {
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

/// The editor, as git chooses one. Without a terminal only one that was named.
fn editor(environment: &Environment, repository: Option<&Repository>) -> Result<String> {
    let named = ["GIT_EDITOR", "VISUAL", "EDITOR"].into_iter().find_map(|name| environment.text(name));
    let of_git = repository.and_then(|repository| repository.read("var").arg("GIT_EDITOR").run().ok());
    let editor = of_git.map(|output| output.text()).or_else(|| named.map(str::to_owned));
    editor.filter(|_| named.is_some() || std::io::stdin().is_terminal()).ok_or_else(|| {
        Error::new(Kind::Usage, "there is no terminal for an editor, and EDITOR names none").hint("export EDITOR=vi")
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
