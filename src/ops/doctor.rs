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

use crate::error::Result;
use crate::git::Freshness;
use crate::ops::doctor::decide::findings;
pub(crate) use crate::ops::doctor::finding::Finding;
use crate::ops::doctor::gather::gather;
use crate::ops::doctor::mend::mend_all;
use crate::project::context::Context;
use crate::project::outcome::Notices;
use serde::Serialize;

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

/// How often is looked again after repairs: one repair may make another one possible, as a lock that is released makes
/// its branch one that can go.
const ROUNDS: usize = 3;

/// Looks, mends where that is wanted, and looks again. One connection without repairs.
pub(crate) fn doctor(context: &Context, options: DoctorOptions) -> Result<Diagnosis> {
    let mut gathered = gather(context, options.freshness)?;
    let mut found = findings(&gathered.seen);
    let (mut mended, mut aside) = (options.fix.then(Vec::new), Notices::default());
    for _ in 0..ROUNDS {
        let mends: Vec<_> = found.iter().filter_map(|finding| finding.mend.as_ref()).collect();
        let Some(mended) = mended.as_mut().filter(|_| !mends.is_empty() && !context.dry_run) else { break };
        mend_all(context, &mends, gathered.is_current, &mut aside)?;
        gathered = gather(context, options.freshness)?;
        let left = findings(&gathered.seen);
        let (gone, _): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|finding| finding.fixable && !left.iter().any(|other| other.is_same(finding)));
        let is_stuck = gone.is_empty();
        mended.extend(gone);
        found = left;
        if is_stuck {
            break;
        }
    }
    // What failed in one round may fail in the next one.
    let (mut notes, not_judged) = (Vec::new(), gathered.not_judged);
    for note in std::mem::take(&mut aside.notes) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    aside.notes = notes;
    Ok(Diagnosis { as_of: gathered.as_of, findings: found, mended, not_judged, aside })
}
