//! Finding what does not match between locks, ids, task files, worktrees, branches and records; and mending what can be
//! mended without a loss.
//!
//! Why a repair is safe. It is decided on what was read, and done as one swap that expects just that, or as one step in
//! this clone that is refused where something is in the way. A lock goes only with an archived task. Whatever is left, by
//! a kill or a failure, is found again.

mod decide;
mod finding;
mod gather;
mod mend;
mod snapshot;

use crate::error::{Error, Result};
use crate::git::Freshness;
use crate::ledger::queue::Queue;
use crate::ops::doctor::decide::findings;
pub(crate) use crate::ops::doctor::finding::Finding;
use crate::ops::doctor::gather::{Gathered, gather};
use crate::ops::doctor::mend::mend_all;
use crate::project::context::Context;
use crate::project::outcome::Notices;
use serde::Serialize;
use std::path::Path;

/// What is mended, and how it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoctorOptions {
    /// Whether what can be mended is mended.
    pub(crate) fix: bool,
    /// Whether to fetch first.
    pub(crate) freshness: Freshness,
}

/// The outcome: what does not match.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Diagnosis {
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// What does not match.
    pub(crate) findings: Vec<Finding>,
    /// What this command has mended; absent without `--fix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mended: Option<Vec<Finding>>,
    /// What could not be judged, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_judged: Vec<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Looks, mends what was found where that is wanted, and looks again. One connection without repairs.
///
/// Only what the first look has found is mended, so that a dry run names all that is done: a repair may change what others
/// are judged by. Such a thing is a finding of the second look, and the next `--fix` mends it.
pub(crate) fn doctor(context: &Context, options: DoctorOptions) -> Result<Diagnosis> {
    let mut seen = look(context, options.freshness)?;
    let (mut mended, mut aside) = (options.fix.then(Vec::new), Notices::default());
    let mends: Vec<_> = seen.found.iter().filter_map(|finding| finding.mend.as_ref()).collect();
    if let Some(mended) = mended.as_mut().filter(|_| !mends.is_empty() && !context.dry_run) {
        mend_all(context, &mends, seen.gathered.is_current, &mut aside)?;
        let again = look(context, options.freshness)?;
        let is_left = |finding: &Finding| again.found.iter().any(|other| other.is_same(finding));
        let is_judged = |finding: &Finding| again.is_alone || !finding.is_of_clone();
        seen.found.retain(|finding| finding.fixable && is_judged(finding) && !is_left(finding));
        mended.append(&mut seen.found);
        seen = again;
    }
    let Gathered { as_of, not_judged, .. } = seen.gathered;
    Ok(Diagnosis { as_of, findings: seen.found, mended, not_judged, aside })
}

/// The diagnosis where `refusal` is what every other verb answers, since the clone at `dir` is a copy or has lost its remote:
/// this is what does not match. Which clone is meant, and whether the remote was removed on purpose, only the user knows, so
/// nothing is mended.
///
/// # Errors
/// A refusal for another cause.
pub(crate) fn of_refused(dir: &Path, refusal: Error, options: DoctorOptions) -> Result<Diagnosis> {
    let Some(kind) = refusal.reason() else { return Err(refusal) };
    let finding = Finding::new(kind, "clone", dir.display(), &refusal.to_string());
    let finding = Finding { cures: refusal.hints().to_vec(), ..finding };
    Ok(Diagnosis {
        as_of: None,
        findings: vec![finding],
        mended: options.fix.then(Vec::new),
        not_judged: vec!["everything else, which needs the clone to be the one that is meant".to_owned()],
        aside: Notices::default(),
    })
}

/// What was read, and what does not match in it.
struct Look {
    gathered: Gathered,
    found: Vec<Finding>,
    /// Whether no other command of this clone was at work.
    is_alone: bool,
}

/// Looks while no other command of this clone is at work: what that has done by half is no fault.
fn look(context: &Context, freshness: Freshness) -> Result<Look> {
    let queue = Queue::enter_to_look(&context.repository, context.settings.timeout, context.progress)?;
    let is_alone = queue.is_some();
    let mut gathered = gather(context, freshness)?;
    let mut found = findings(&gathered.seen);
    if !is_alone {
        found.retain(|finding| !finding.is_of_clone());
        gathered
            .not_judged
            .push("worktrees, branches and records: another command of this clone is running".to_owned());
    }
    Ok(Look { gathered, found, is_alone })
}
