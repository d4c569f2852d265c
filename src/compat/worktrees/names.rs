//! Checks of branch names from the command line, from files and from profiles.

use crate::error::{Error, Kind, Result};
use crate::git::types::Branch;

pub(crate) fn usage<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::new(Kind::Usage, text))
}

pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

pub(crate) fn safe_branch(option: &str, name: &str) -> Result<String> {
    if is_plain(name) && Branch::parse(name).is_ok() {
        return Ok(name.to_owned());
    }
    usage(format!(
        "{option}: unsafe branch name '{name}' (allowed: a branch name that git accepts, with A-Z a-z 0-9 . _ / -)"
    ))
}
