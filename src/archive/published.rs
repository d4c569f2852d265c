//! The task data as it is published, for a filing.

use crate::archive::shelf::{Shelf, TaskSource};
use crate::error::Result;
use crate::ledger::View;
use crate::project::index::Index;
use crate::task::{Document, TaskPath};
use std::collections::BTreeMap;

/// The task data of a view.
struct PublishedFiles<'a> {
    view: &'a View<'a>,
    index: &'a Index,
}

impl TaskSource for PublishedFiles<'_> {
    fn paths(&self) -> &[String] {
        self.index.paths()
    }

    fn load(&self, paths: &[&str]) -> Result<Vec<Document>> {
        self.index.load_documents(self.view, paths)
    }
}

/// What filing away a task needs, whose file was read.
pub(crate) fn load_shelf(view: &View<'_>, index: &Index, path: &TaskPath, document: &Document) -> Result<Shelf> {
    let read = BTreeMap::from([(path.as_str().to_owned(), document.clone())]);
    Shelf::gather(&PublishedFiles { view, index }, path.as_str(), path.id(), read)
}
