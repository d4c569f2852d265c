//! Text that others wrote, made fit for one line.

pub use crate::error::{harmless, is_unsafe};

/// A run of 1 to 18 ASCII digits as a number greater than zero.
pub(super) fn parse_number(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}

/// Splits a text after its leading ASCII digits.
pub(crate) fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
