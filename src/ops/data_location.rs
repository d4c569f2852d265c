//! Where an operation on task files reads and writes: the one difference between the two faces there.

use crate::error::Result;
use crate::project::task_files::{FilesAsRead, TaskFiles};
use crate::task::Document;

/// Where task data is read, and how a change of it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataLocation {
    /// The published branch, by one swap. Only the lines that the change is about are rewritten.
    Published,
    /// The files of this checkout, which others see after a sync. A file is written in canonical form, as the scripts
    /// that use the same checkout write it.
    Checkout,
}

impl DataLocation {
    /// The form in which a changed file is written here.
    pub(crate) fn written(self, mut document: Document, now: &str) -> Result<Document> {
        match self {
            Self::Published => document.set("updated_at", now).map(|()| document),
            Self::Checkout => document.canonical(now),
        }
    }
}

/// A task file as it was read.
#[derive(Debug, Clone)]
pub(crate) struct LoadedFile {
    /// Its path.
    pub(crate) path: String,
    /// Its content.
    pub(crate) document: Document,
}

impl LoadedFile {
    /// Loads the active file of a task in a checkout, named by its number as the caller wrote it.
    pub(crate) fn here(files: &TaskFiles<'_>, snapshot: &mut FilesAsRead<'_>, id: &str) -> Result<Option<Self>> {
        let path = files.active(id).into_iter().next();
        path.map(|path| Ok(Self { document: snapshot.document(&path)?, path })).transpose()
    }
}
