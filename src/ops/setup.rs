//! Man pages and completions in the user's own folders.

use crate::error::{Error, Result};
use crate::settings::Effect;
use serde::Serialize;
use std::path::PathBuf;

/// One of them.
#[derive(Debug)]
pub(crate) struct SetupFile {
    /// Where it goes.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) content: Vec<u8>,
}

/// What is to be of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SetupAction {
    /// They are there, with this content.
    Written,
    /// They are gone.
    Gone,
}

/// What was done.
#[derive(Debug, Serialize)]
pub(crate) struct SetUp {
    /// The files that were written or taken away, or would be.
    pub(crate) changed: Vec<PathBuf>,
}

/// Writes the files that differ, or takes away those that are there. Their names are this program's, so nobody else's
/// file is in the place of one.
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
    Ok(SetUp { changed })
}
