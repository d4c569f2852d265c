//! The id counter: one file on the branch `aitask-ids` that holds the next id to hand out (specification 10,
//! section 1.2).

use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::IDS;
use crate::ledger::transaction::{Plan, Step};
use crate::ledger::view::View;

/// The counter's file.
const FILE: &str = "next_id.txt";

/// Beyond this no counter of a real project is; it keeps every sum in range, and every id readable as one.
const HIGHEST: u64 = 99_999_999_999_999_999;

/// The id to hand out: what the counter says, or one more than the highest active task if that is higher.
///
/// # Errors
/// [`Kind::NotInitialised`] without the branch, [`Kind::Unparsable`] for a counter that is no number.
pub fn next(view: &View<'_>, branch: &Branch, active_max: u64) -> Result<u64> {
    if view.base(branch).is_none() {
        return Err(Error::new(
            Kind::NotInitialised,
            format!("there is no branch {IDS}: this repository is not set up yet"),
        )
        .hint("git aitask init"));
    }
    let file = view.files(&[(branch, FILE.to_owned())])?.pop().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&file).trim().to_owned();
    let counter = Some(&text)
        .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|&counter| counter < HIGHEST);
    let counter: u64 = counter.ok_or_else(|| {
        Error::new(Kind::Unparsable, format!("the id counter on {IDS} holds {text:?} instead of a number"))
            .hint(format!("git log -p {IDS}"))
    })?;
    Ok(counter.max(active_max + 1).max(1))
}

/// Adds the claim of an id to a plan.
#[must_use]
pub fn claim(plan: Plan, branch: &Branch, id: u64) -> Plan {
    let next = id + 1;
    plan.step(branch, Step::edit(format!("ait: Claim task ID t{id}, advance counter to {next}"), vec![put(next)]))
}

/// Adds a new counter to a plan.
#[must_use]
pub fn initialise(plan: Plan, branch: &Branch, next: u64, local: bool) -> Plan {
    let kind = if local { "local task" } else { "task" };
    plan.step(branch, Step::edit(format!("ait: Initialize {kind} ID counter at {next}"), vec![put(next)]))
}

fn put(next: u64) -> Edit {
    Edit::Put { path: FILE.to_owned(), content: format!("{next}\n").into_bytes() }
}
