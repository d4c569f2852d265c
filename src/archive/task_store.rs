//! Where the archive keeps its files.

use crate::error::Result;
use crate::task::{Document, TaskId};

/// The task data as a filing sees it. Paths are those of [`crate::task::paths`].
pub trait Shelf {
    /// The files there are.
    fn paths(&self) -> &[String];

    /// Reads files.
    fn load(&self, paths: &[&str]) -> Result<Vec<Document>>;

    /// What stands in a file of the checkout and in no commit.
    fn changed(&self, _path: &str) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Active files of a task that the last commit has and the checkout has not: what a move that was cut off left.
    fn left_behind(&self, _id: TaskId) -> Vec<String> {
        Vec::new()
    }
}

/// Whether a path lies in the archive.
#[must_use]
pub fn is_archived(path: &str) -> bool {
    path.split('/').nth(1) == Some("archived")
}

/// The place of a file in the archive.
pub(crate) fn archived(path: &str) -> String {
    match path.split_once('/') {
        Some((root, rest)) if !is_archived(path) => format!("{root}/archived/{rest}"),
        _ => path.to_owned(),
    }
}
