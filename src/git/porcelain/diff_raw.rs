//! `git diff-tree -r -z`, `git diff-index -z` and `git diff-files -z` without renames: git-diff-tree(1), section "RAW
//! OUTPUT FORMAT".

use super::{malformed, oid, path, records};
use crate::error::Result;
use crate::git::types::Oid;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file that differs between two sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileDiff {
    /// Its mode on the first side; zeros where the file is missing there.
    pub(crate) old_mode: String,
    /// Its mode on the second side; zeros where the file is missing there.
    pub(crate) new_mode: String,
    /// Its object on the first side; none where the file is missing.
    pub(crate) old: Option<Oid>,
    /// Its object on the second side; none where the file is missing, or where git did not compute it.
    pub(crate) new: Option<Oid>,
    /// The status letter: `A`, `D`, `M`, `T`, `U`.
    pub(crate) status: char,
    /// Its path.
    pub(crate) path: PathBuf,
}

/// Parses the records.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<FileDiff>> {
    let mut changes = Vec::new();
    let mut records = records(EXPECTED, bytes, 0)?;
    while let Some(record) = records.next() {
        changes.push(parse_one(record, records.next())?);
    }
    Ok(changes)
}

/// Parses the output of `git diff-tree --stdin` for pairs of commits: the changes of each pair after the name of its
/// first commit. A pair that does not differ is missing.
pub(crate) fn parse_many(bytes: &[u8]) -> Result<BTreeMap<Oid, Vec<FileDiff>>> {
    let mut changes: BTreeMap<Oid, Vec<FileDiff>> = BTreeMap::new();
    let mut records = records(EXPECTED, bytes, 0)?;
    let mut current = None;
    while let Some(record) = records.next() {
        if record.starts_with(b":") {
            let of =
                current.as_ref().and_then(|oid| changes.get_mut(oid)).ok_or_else(|| malformed(EXPECTED, record))?;
            of.push(parse_one(record, records.next())?);
        } else {
            let commit = oid(record).ok_or_else(|| malformed("the name of a commit", record))?;
            changes.insert(commit.clone(), Vec::new());
            current = Some(commit);
        }
    }
    Ok(changes)
}

const EXPECTED: &str = "a file that differs";

/// Parses one record and the path that follows it.
pub(super) fn parse_one(record: &[u8], name: Option<&[u8]>) -> Result<FileDiff> {
    let broken = || malformed(EXPECTED, record);
    let text = std::str::from_utf8(record).ok().and_then(|text| text.strip_prefix(':')).ok_or_else(broken)?;
    let fields: Vec<_> = text.split(' ').collect();
    let [old_mode, new_mode, old, new, status] = fields[..] else { return Err(broken()) };
    Ok(FileDiff {
        old_mode: old_mode.to_owned(),
        new_mode: new_mode.to_owned(),
        old: Oid::parse_or_zero(old).map_err(|_| broken())?,
        new: Oid::parse_or_zero(new).map_err(|_| broken())?,
        status: status.chars().next().ok_or_else(broken)?,
        path: path(name.ok_or_else(broken)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_that_differ() {
        let (zeros, oid) = ("0".repeat(40), "1".repeat(40));
        let text = format!(":000000 100755 {zeros} {oid} A\0a b\0:100644 000000 {oid} {zeros} D\0\nc\0");
        let changes = parse(text.as_bytes()).unwrap();
        let brief: Vec<_> = changes.iter().map(|c| (c.status, c.new_mode.as_str(), c.new.is_some())).collect();
        assert_eq!(brief, [('A', "100755", true), ('D', "000000", false)]);
        assert_eq!(changes[1].path, PathBuf::from("\nc"));
        assert_eq!(parse(b"").unwrap(), []);
        assert!(parse(format!(":000000 100755 {zeros} {oid} A\0").as_bytes()).is_err());
    }

    #[test]
    fn the_files_of_many_pairs() {
        let [zeros, one, two] = ["0", "1", "2"].map(|digit| digit.repeat(40));
        let text = format!("{one}\0:000000 100755 {zeros} {one} A\0a\0{two}\0:100644 000000 {one} {zeros} D\0:b\0");
        let found = parse_many(text.as_bytes()).unwrap();
        let paths: Vec<_> = found.values().map(|changes| changes[0].path.clone()).collect();
        assert_eq!(paths, [PathBuf::from("a"), PathBuf::from(":b")]);
        assert!(parse_many(format!(":000000 100755 {zeros} {one} A\0a\0").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = (parse(&bytes), parse_many(&bytes));
        }
    }
}
