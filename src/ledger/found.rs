//! Objects that were read from branches and commits in one request, found again by the name they were requested by.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::cat_file::Object;
use crate::ledger::refs::Refs;
use std::collections::BTreeMap;
use std::fmt::Display;

/// The files and folders that one request returned.
#[derive(Debug, Default)]
pub(crate) struct Found(BTreeMap<String, Object>);

impl Found {
    /// Reads objects; each pair is the key to find the object by and its name for git. One process, however many.
    pub(super) fn load(refs: &dyn Refs, wanted: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let (keys, names): (Vec<_>, Vec<_>) = wanted.unzip();
        let objects = keys.into_iter().zip(refs.objects(&names)?);
        Ok(Self(objects.filter_map(|(key, object)| Some((key, object?))).collect()))
    }

    /// The object at a path of a branch or commit; an empty path is the root tree. `None` where there is no such
    /// object, or where it was not requested.
    pub(crate) fn object(&self, of: impl Display, path: &str) -> Option<&Object> {
        self.0.get(&at(of, path))
    }

    /// The object of a key of the request.
    pub(super) fn named(&self, key: &str) -> Option<&Object> {
        self.0.get(key)
    }

    /// The content of a file.
    pub(crate) fn file(&self, of: impl Display, path: &str) -> Option<&[u8]> {
        self.object(of, path).map(|object| object.data.as_slice())
    }
}

/// The error for a coordination branch that this clone has, and cannot read: an object of it is missing.
pub(crate) fn unreadable(branch: &str) -> Error {
    Error::new(Kind::Damaged, format!("this clone is damaged: what the branch {branch} has cannot be read"))
        .hint(command!["git fetch --refetch --all"].note("brings what the remote has; git 2.36"))
        .hint(command!["git fsck --full"].note("shows what is broken"))
}

/// The name of the object at a path. git reads one name per line, so a path with a newline cannot be requested; no file
/// of this program has one.
pub(super) fn at(of: impl Display, path: &str) -> String {
    format!("{of}:{}", path.replace('\n', " "))
}
