//! The files of a conflict with their versions: `<mode> <object> <stage> TAB <path> NUL`, as `git ls-files -u -z` and
//! `git merge-tree --write-tree -z` print them.

use super::{malformed, oid, path, records, split_once};
use crate::error::Result;
use crate::git::types::Oid;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One version of a file in conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Version {
    /// The mode, `100644` for an ordinary file.
    pub(crate) mode: String,
    /// The blob.
    pub(crate) oid: Oid,
}

/// The versions of a file in conflict; what a side does not have is absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Versions {
    /// What both began with.
    pub(crate) base: Option<Version>,
    /// Ours.
    pub(crate) ours: Option<Version>,
    /// Theirs.
    pub(crate) theirs: Option<Version>,
}

/// Parses the records, up to an empty one or the end.
pub(crate) fn parse(bytes: &[u8]) -> Result<BTreeMap<PathBuf, Versions>> {
    let mut files = BTreeMap::new();
    for record in records(EXPECTED, bytes, 0)?.take_while(|record| !record.is_empty()) {
        add(&mut files, record)?;
    }
    Ok(files)
}

const EXPECTED: &str = "a file in conflict";

/// Adds the version of one record.
pub(super) fn add(files: &mut BTreeMap<PathBuf, Versions>, record: &[u8]) -> Result<()> {
    let broken = || malformed(EXPECTED, record);
    let (fields, name) = split_once(record, b'\t').ok_or_else(broken)?;
    let fields: Vec<_> = fields.split(|byte| *byte == b' ').collect();
    let [mode, object, stage] = fields[..] else { return Err(broken()) };
    let version =
        Version { mode: String::from_utf8(mode.to_vec()).map_err(|_| broken())?, oid: oid(object).ok_or_else(broken)? };
    let versions = files.entry(path(name)).or_default();
    match stage {
        b"1" => versions.base = Some(version),
        b"2" => versions.ours = Some(version),
        b"3" => versions.theirs = Some(version),
        _ => return Err(broken()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_of_a_file() {
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(40));
        let printed = format!("100644 {one} 1\ta b\0100755 {two} 3\ta b\0100644 {two} 2\tc\0\0message");
        let files = parse(format!("{printed}\0").as_bytes()).unwrap();
        let [a, c] = [path(b"a b"), path(b"c")].map(|name| files.get(&name).unwrap());
        assert_eq!((a.base.as_ref().unwrap().mode.as_str(), a.ours.is_none()), ("100644", true));
        assert_eq!((a.theirs.as_ref().unwrap().mode.as_str(), c.theirs.is_none()), ("100755", true));
        for bad in ["x\0", "100644 1 1\ta\0", "100644\ta\0"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
