//! Where an operation on task files reads and writes: the one way in which the faces differ at it.

use crate::error::Result;
use crate::project::task_files::{Snapshot, TaskFiles};
use crate::task::Document;

/// Where the task data is read, and how a change of it is written and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataLocation {
    /// The published branch, by one swap: a file changes in the lines that the change is about.
    Published,
    /// The files of this checkout, which others see when it is synchronised: a file is written in canonical form, as the
    /// scripts that share the checkout write it.
    Checkout,
}

impl DataLocation {
    /// A changed file as it is written here.
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
    /// What is in it.
    pub(crate) document: Document,
}

impl LoadedFile {
    /// The active file of a task in a checkout, by its number as it was written.
    pub(crate) fn here(files: &TaskFiles<'_>, snapshot: &mut Snapshot<'_>, id: &str) -> Result<Option<Self>> {
        let path = files.active(id).into_iter().next();
        path.map(|path| Ok(Self { document: snapshot.document(&path)?, path })).transpose()
    }
}
