//! What was read of branches and commits, by the names it was asked for.

use crate::error::Result;
use crate::git::porcelain::cat_file::Object;
use crate::ledger::refs::Refs;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Files and folders that one question brought.
#[derive(Debug, Default)]
pub(crate) struct Found(BTreeMap<String, Object>);

impl Found {
    /// Reads objects: what each is asked for by, and its name for git. One process, however many.
    pub(super) fn load(refs: &dyn Refs, wanted: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let (keys, names): (Vec<_>, Vec<_>) = wanted.unzip();
        let objects = keys.into_iter().zip(refs.objects(&names)?);
        Ok(Self(objects.filter_map(|(key, object)| Some((key, object?))).collect()))
    }

    /// What is at a path of a branch or commit, which is its root where the path is empty; `None` where nothing is, or
    /// where it was not asked for.
    pub(crate) fn object(&self, of: impl Display, path: &str) -> Option<&Object> {
        self.0.get(&at(of, path))
    }

    /// What was found under a name of the question.
    pub(super) fn named(&self, key: &str) -> Option<&Object> {
        self.0.get(key)
    }

    /// The content of a file.
    pub(crate) fn file(&self, of: impl Display, path: &str) -> Option<&[u8]> {
        self.object(of, path).map(|object| object.data.as_slice())
    }
}

/// What names the object at a path. A path with a newline cannot be asked for, and no name of ours has one.
pub(super) fn at(of: impl Display, path: &str) -> String {
    format!("{of}:{}", path.replace('\n', " "))
}
