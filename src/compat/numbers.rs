//! Ids as the scripts accept them: digits, with or without a leading `t`.

use crate::compat::options::usage;
use crate::error::Result;

/// An id without one leading `t` and then one leading `p`.
pub(crate) fn bare(text: &str) -> &str {
    let text = text.strip_prefix('t').unwrap_or(text);
    text.strip_prefix('p').unwrap_or(text)
}

pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether this is `16` or `16_2`.
pub(crate) fn is_id(text: &str) -> bool {
    text.split_once('_').map_or_else(|| is_number(text), |(parent, child)| is_number(parent) && is_number(child))
}

/// The digits of a number, as they were written: leading zeros stay, since file names are compared as text.
pub(crate) fn parse_number<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    let number = bare(text);
    let refusal = || usage(format!("Invalid {what}: '{number}' (expected a number like 16 or t16)"));
    is_number(number).then_some(number).ok_or_else(refusal)
}
