//! The task data as it is published, for a filing.

use crate::archive::task_store::Shelf;
use crate::error::Result;
use crate::ledger::View;
use crate::project::index::Index;
use crate::task::Document;

/// The task data of a view.
pub(crate) struct Published<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) index: &'a Index,
}

impl Shelf for Published<'_> {
    fn paths(&self) -> &[String] {
        self.index.paths()
    }

    fn load(&self, paths: &[&str]) -> Result<Vec<Document>> {
        self.index.load_documents(self.view, paths)
    }
}
