//! Checks of option values.

use crate::compat::invocation::Invocation;
use crate::compat::numbers::is_id;
use crate::compat::options::{one_of, usage};
use crate::error::Result;
use crate::project::task_files::TaskFiles;
use crate::task::fields;

/// Refuses an issue type that the project does not have.
pub(crate) fn check_type(checkout: &TaskFiles<'_>, issue_type: &str) -> Result<()> {
    let known = checkout.issue_types();
    if known.iter().any(|known| known == issue_type) {
        return Ok(());
    }
    Err(usage(format!("Invalid type: {issue_type} (must be one of: {})", known.join(","))))
}

/// Refuses an unknown kind of follow-up.
pub(crate) fn check_kind(invocation: &Invocation, kind: &str) -> Result<()> {
    invocation.require_followup_kinds()?;
    one_of(kind, &fields::FOLLOWUP_KINDS, "followup_kind", &format!("one of: {}", fields::FOLLOWUP_KINDS.join(" ")))
}

/// The id in `25`, `t25`, `25_1` or `t25_1`, without the `t`.
pub(crate) fn parse_id(text: &str) -> Option<&str> {
    let id = text.strip_prefix('t').unwrap_or(text);
    is_id(id).then_some(id)
}
