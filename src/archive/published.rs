//! Reading published task data for archiving.

use crate::archive::task_store::{TaskSource, TaskStore};
use crate::error::Result;
use crate::ledger::View;
use crate::project::index::Index;
use crate::task::{Document, TaskPath};
use std::collections::BTreeMap;

/// The task data of a view.
struct PublishedTaskSource<'a> {
    view: &'a View<'a>,
    index: &'a Index,
}

impl TaskSource for PublishedTaskSource<'_> {
    fn paths(&self) -> Vec<String> {
        self.index.paths().map(str::to_owned).collect()
    }

    fn load(&self, paths: &[&str]) -> Result<Vec<Document>> {
        self.index.load_documents(self.view, paths)
    }
}

/// Reads what archiving a task needs; its own file was read before.
pub(crate) fn load_task_store(
    view: &View<'_>,
    index: &Index,
    path: &TaskPath,
    document: &Document,
) -> Result<TaskStore> {
    let read = BTreeMap::from([(path.as_str().to_owned(), document.clone())]);
    TaskStore::gather(&PublishedTaskSource { view, index }, path.as_str(), path.id(), read)
}
