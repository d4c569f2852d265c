//! The task data as it is published, for a filing.

use super::Shelf;
use crate::error::Result;
use crate::ledger::View;
use crate::project::index::Index;
use crate::task::Document;

/// The task data of a view.
pub(super) struct Published<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) index: &'a Index,
}

impl Shelf for Published<'_> {
    fn paths(&self) -> &[String] {
        self.index.paths()
    }

    fn load(&self, paths: &[&str]) -> Result<Vec<Document>> {
        self.index.load_documents(self.view, paths)
    }
}
