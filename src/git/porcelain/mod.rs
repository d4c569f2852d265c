//! Pure parsers of git's output: no process, no file, no clock. Each file names the section of git's manual that
//! describes its format, and is tested on output recorded from several gits (`fixtures/porcelain/record.sh`). No input
//! makes a parser panic; bytes that are not in the format are an error of [`Kind::Git`] that says what was expected.
//! Only `git` runs what is parsed here; the modules above use the types.

use crate::error::{Error, Kind, Result};
use crate::git::types::{Oid, RefName};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The recordings of one case by all gits, as `(version, bytes)`.
#[cfg(test)]
macro_rules! recorded {
    ($case:expr) => {
        [("2.39.5", recorded!("2.39.5", $case)), ("2.47.3", recorded!("2.47.3", $case))]
    };
    ($version:expr, $case:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/porcelain/", $version, "/", $case)).as_slice()
    };
}

pub(crate) mod cat_file;
pub(crate) mod commit;
pub(crate) mod config;
pub(crate) mod damage;
pub(crate) mod diff_raw;
pub(crate) mod failure;
pub(crate) mod for_each_ref;
pub(crate) mod log_graph;
pub(crate) mod log_raw;
pub(crate) mod ls_tree;
pub(crate) mod merge_tree;
pub(crate) mod push;
mod quoted;
pub(crate) mod ref_tips;
pub(crate) mod status;
pub(crate) mod unmerged;
pub(crate) mod worktree_list;

/// The error for bytes that are not in the format of git's manual.
fn malformed(expected: &str, bytes: &[u8]) -> Error {
    // As much as a line of a terminal shows: the output may be megabytes.
    const SHOWN: usize = 80;
    let start = String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes));
    let more = if bytes.len() > SHOWN { " and more" } else { "" };
    Error::new(Kind::Git, format!("cannot read git's output: expected {expected}, found {start:?}{more}"))
}

/// The records of an output, each of which ends with `end`; an incomplete last one is an error.
fn records<'a>(expected: &str, bytes: &'a [u8], end: u8) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>> {
    let body = match bytes.split_last() {
        None => None,
        Some((last, body)) if *last == end => Some(body),
        Some(_) => {
            let tail = bytes.rsplit(|byte| *byte == end).next().unwrap_or(bytes);
            return Err(malformed(&format!("{expected} with an end"), tail));
        }
    };
    Ok(body.into_iter().flat_map(move |body| body.split(move |byte| *byte == end)))
}

/// What is before and after the first `separator`.
fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// An object name in hexadecimal.
fn oid(bytes: &[u8]) -> Option<Oid> {
    Oid::parse(std::str::from_utf8(bytes).ok()?)
}

/// A full ref name, if it is one that we can name.
fn ref_name(bytes: &[u8]) -> Option<RefName> {
    RefName::parse(std::str::from_utf8(bytes).ok()?)
}

/// Text for people; bytes that are not UTF-8 are replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path, byte for byte.
fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_need_their_end() {
        let all = |bytes| records("a record", bytes, 0).map(|found| found.map(<[u8]>::to_vec).collect::<Vec<_>>());
        assert!(all(b"").unwrap().is_empty());
        assert_eq!(all(b"a\0\0").unwrap(), [b"a".to_vec(), vec![]]);
        let error = all(b"a\0b").unwrap_err();
        assert_eq!(error.kind(), Kind::Git);
        assert_eq!(error.to_string(), "cannot read git's output: expected a record with an end, found \"b\"");
    }

    #[test]
    fn errors_are_short_and_harmless() {
        let error = malformed("a name", &[0x1b; 500]).to_string();
        assert!(error.len() < 800 && error.ends_with(" and more"), "{error}");
        assert!(!error.contains('\u{1b}'));
    }
}
