//! Paths in answers for programs, for `#[serde(serialize_with)]`: text, as JSON demands, in which bytes that are no UTF-8
//! are replaced by U+FFFD, as everywhere else in an answer.

use serde::Serializer;
use std::path::{Path, PathBuf};

/// Serialises a path.
///
/// # Errors
/// Those of the serialiser.
pub(crate) fn one<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

/// Serialises a path that may be absent.
///
/// # Errors
/// Those of the serialiser.
#[expect(clippy::ref_option, reason = "serde gives it so")]
pub(crate) fn optional<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => one(path, to),
        None => to.serialize_none(),
    }
}

/// Serialises paths.
///
/// # Errors
/// Those of the serialiser.
pub(crate) fn all<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}
