//! Man pages and completions in the user's own folders.

use crate::error::{Error, Result};
use crate::settings::Effect;
use serde::Serialize;
use std::path::PathBuf;

/// A file to install.
#[derive(Debug)]
pub(crate) struct SetupFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) content: Vec<u8>,
}

/// Whether the files are installed or removed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SetupAction {
    /// They are written.
    Written,
    /// They are removed.
    Gone,
}

/// The outcome.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SetUp {
    /// The files that were written or removed; in a dry run, those that would be.
    #[serde(serialize_with = "crate::report::path::all")]
    pub(crate) changed: Vec<PathBuf>,
    /// The text of the function for a shell, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<&'static str>,
}

/// Writes the files that differ, or removes those that exist. Their names belong to this program, so no other program's
/// file is overwritten.
///
/// # Errors
/// [`Kind::Io`](crate::error::Kind::Io).
pub(crate) fn setup(files: &[SetupFile], wanted: SetupAction, effect: Effect) -> Result<SetUp> {
    let mut changed = Vec::new();
    for SetupFile { path, content } in files {
        let found = std::fs::read(path).ok();
        let differs = match wanted {
            SetupAction::Written => found.as_ref() != Some(content),
            SetupAction::Gone => found.is_some(),
        };
        if !differs {
            continue;
        }
        if effect == Effect::Real {
            match wanted {
                SetupAction::Written => {
                    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                    let written = made.and_then(|()| std::fs::write(path, content));
                    written.map_err(|error| Error::io("write", path, &error))?;
                }
                SetupAction::Gone => std::fs::remove_file(path).map_err(|error| Error::io("remove", path, &error))?,
            }
        }
        changed.push(path.clone());
    }
    Ok(SetUp { changed, function: None })
}
