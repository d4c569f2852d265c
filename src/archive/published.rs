//! The task data as it is published, for a filing.

use crate::archive::archiver::Filing;
use crate::archive::request::Request;
use crate::archive::shelf::{Shelf, TaskSource};
use crate::error::Result;
use crate::ledger::View;
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::{Document, TaskPath};
use std::collections::BTreeMap;

/// The task data of a view.
pub(crate) struct PublishedFiles<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) index: &'a Index,
}

impl TaskSource for PublishedFiles<'_> {
    fn paths(&self) -> &[String] {
        self.index.paths()
    }

    fn load(&self, paths: &[&str]) -> Result<Vec<Document>> {
        self.index.load_documents(self.view, paths)
    }
}

/// Files away a task whose file was read.
pub(crate) fn file_away(view: &View<'_>, index: &Index, path: &TaskPath, document: &Document) -> Result<Filing> {
    let read = BTreeMap::from([(path.as_str().to_owned(), document.clone())]);
    let shelf = Shelf::gather(&PublishedFiles { view, index }, path.as_str(), path.id(), read)?;
    Filing::of(&shelf, path.as_str(), path.id(), Request::default(), &Context::now())
}
