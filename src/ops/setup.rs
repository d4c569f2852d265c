//! Man pages and completions in the user's own folders.

use crate::error::{Error, Result};
use serde::Serialize;
use std::path::PathBuf;

/// One of them.
#[derive(Debug)]
pub struct File {
    /// Where it goes.
    pub path: PathBuf,
    /// What it says.
    pub content: Vec<u8>,
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct SetUp {
    /// The files that were written or taken away, or would be.
    pub changed: Vec<PathBuf>,
}

/// Writes the files that differ, or takes away those that are there. Their names are this program's, so nobody else's
/// file is in the place of one.
///
/// # Errors
/// [`Kind::Io`](crate::error::Kind::Io).
pub fn setup(files: &[File], uninstall: bool, dry_run: bool) -> Result<SetUp> {
    let mut changed = Vec::new();
    for File { path, content } in files {
        let found = std::fs::read(path).ok();
        let wanted = if uninstall { found.is_some() } else { found.as_ref() != Some(content) };
        if !wanted {
            continue;
        }
        if !dry_run {
            let done = if uninstall {
                std::fs::remove_file(path)
            } else {
                let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                made.and_then(|()| std::fs::write(path, content))
            };
            done.map_err(|error| Error::io(if uninstall { "remove" } else { "write" }, path, &error))?;
        }
        changed.push(path.clone());
    }
    Ok(SetUp { changed })
}
