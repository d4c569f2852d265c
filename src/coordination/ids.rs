//! The id counter on the branch `aitask-ids`.
//!
//! The branch holds one file, [`FILE`]: the next id to hand out, as decimal digits and a newline. A reader trims white
//! space and accepts a number below [`HIGHEST_ID`]; anything else is an error, never a zero. To claim an id, write the
//! next number in a commit on the tip that was read and publish it with that tip as the expected value, with a nonce in
//! the message (see the trailer in `ledger::plan`). The value only grows; other files of the branch are kept.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::{self, Edit};
use crate::git::{Branch, Oid};
use crate::ledger::plan::{Plan, Step};
use crate::ledger::view::{Tip, View};
use crate::ledger::{Channel, IDS, no_branch, unreadable};
use crate::task::id::HIGHEST_ID;

/// The file of the counter.
pub(crate) const FILE: &str = "next_id.txt";

/// The value of the counter: the highest of the published value, that of the local branch (which is higher where ids
/// were handed out before there was a remote), and that which this clone knew before the branch was set back. `None`
/// when the branch is not published.
///
/// # Errors
/// [`Kind::Unparsable`] for a counter that is no number, with its text; and where the branch lacks its file.
pub(crate) fn load(view: &View<'_>, branch: &Branch) -> Result<Option<u64>> {
    if view.tip(branch).published.is_none() {
        return Ok(None);
    }
    let Tip { published, local, .. } = view.tip(branch);
    let newer = view.set_back(branch).map(|set_back| &set_back.newer);
    let found = view.read_at(&[(published.as_ref(), FILE), (local.as_ref(), FILE), (newer, FILE)])?;
    let file = |commit: Option<&Oid>| commit.and_then(|commit| found.file(commit, FILE));
    let published = match file(published.as_ref()) {
        Some(file) => parse(file)?,
        None => return Err(without_file(view, published.as_ref())),
    };
    let others = [local.as_ref(), newer].into_iter().filter_map(|commit| parse(file(commit)?).ok());
    Ok(Some(others.fold(published, u64::max)))
}

/// The published value of the counter, whatever else this clone knows; `None` when the branch is not published.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_published(view: &View<'_>, branch: &Branch) -> Result<Option<u64>> {
    let Some(tip) = view.tip(branch).published else { return Ok(None) };
    let found = view.read_at(&[(Some(&tip), FILE)])?;
    found.file(&tip, FILE).map_or_else(|| Err(without_file(view, Some(&tip))), |file| parse(file).map(Some))
}

/// The error where the file of the counter cannot be read in a commit: the branch lacks it, or this clone does.
fn without_file(view: &View<'_>, commit: Option<&Oid>) -> Error {
    let root = view.read_at(&[(commit, "")]).ok();
    let root = root.as_ref().zip(commit).and_then(|(root, commit)| root.object(commit, ""));
    match root.map(objects::names_in) {
        Some(Ok(names)) if !names.iter().any(|name| name == FILE) => no_file(),
        Some(Err(error)) => error,
        Some(Ok(_)) | None => unreadable(IDS),
    }
}

/// A counter that is not published but that this clone has: the commit to continue from, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The commit to publish first: the last known tip of a branch that is gone, else the local branch.
    pub(crate) start: Oid,
    /// The value in that commit.
    pub(crate) at_start: Option<u64>,
    /// The higher value of the last known tip and the local branch.
    pub(crate) value: u64,
}

/// The counter as this clone has it while it is not published; `None` where it has none.
pub(crate) fn load_kept(view: &View<'_>, branch: &Branch) -> Result<Option<Kept>> {
    let (known, local) = (view.base(branch).cloned(), view.tip(branch).local);
    let Some(start) = known.clone().or_else(|| local.clone()) else { return Ok(None) };
    let found = view.read_at(&[(known.as_ref(), FILE), (local.as_ref(), FILE)])?;
    let read = |commit: Option<Oid>| commit.and_then(|commit| found.file(commit, FILE)).map(parse).transpose();
    let (known, local) = (read(known)?, read(local)?);
    let at_start = known.or(local);
    Ok(known.max(local).map(|value| Kept { start, at_start, value }))
}

/// The error for a branch without the file of the counter.
pub(crate) fn no_file() -> Error {
    Error::new(Kind::Unparsable, format!("the branch {IDS} has no file {FILE}")).hint(command!["git log -p", IDS])
}

/// Reads the file of the counter.
///
/// # Errors
/// [`Kind::Unparsable`] for what is no number, with its text.
pub(crate) fn parse(bytes: &[u8]) -> Result<u64> {
    let text = String::from_utf8_lossy(bytes).trim().to_owned();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let counter = text.parse().ok().filter(|&counter| digits && counter < HIGHEST_ID);
    counter.ok_or_else(|| {
        Error::new(Kind::Unparsable, format!("the id counter on {IDS} holds {text:?} instead of a number"))
            .hint(command!["git log -p", IDS])
            .with(Payload::Counter { value: text })
    })
}

/// The id to hand out: what the counter says, or one more than the highest number of a task if that is higher, as after
/// the counter was set back. `highest` finds that number, for this counter.
///
/// # Errors
/// [`Kind::NotInitialised`] without the branch, [`Kind::Unparsable`] for a counter that is no number.
pub(crate) fn next(view: &View<'_>, branch: &Branch, highest: impl FnOnce(u64) -> u64) -> Result<u64> {
    let counter = load(view, branch)?.ok_or_else(|| no_branch(IDS))?;
    Ok(next_of(counter, highest(counter)))
}

/// Decides which id is next, by the counter and the highest number of a task.
pub(crate) fn next_of(counter: u64, highest: u64) -> u64 {
    counter.max(highest + 1)
}

/// Adds the claim of an id to a plan.
pub(crate) fn claim(plan: Plan, branch: &Branch, id: u64) -> Plan {
    let next = id + 1;
    plan.step(branch, set(format!("ait: Claim task ID t{id}, advance counter to {next}"), next))
}

/// The kind of the counter, for the subject of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// The counter of a remote, which all clones share.
    Shared,
    /// The counter of a repository without a remote.
    Local,
}

impl Counter {
    /// The counter of a channel.
    pub(crate) fn of(channel: &Channel) -> Self {
        match channel {
            Channel::Remote(_) => Self::Shared,
            Channel::Local => Self::Local,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Shared => "task",
            Self::Local => "local task",
        }
    }
}

/// Adds a new counter to a plan.
pub(crate) fn initialise(plan: Plan, branch: &Branch, next: u64, counter: Counter) -> Plan {
    let kind = counter.name();
    plan.step(branch, set(format!("ait: Initialize {kind} ID counter at {next}"), next))
}

/// Adds a correction of the counter to a plan.
pub(crate) fn resync(plan: Plan, branch: &Branch, next: u64, counter: Counter) -> Plan {
    let kind = counter.name();
    plan.step(branch, set(format!("ait: Resync {kind} ID counter to {next}"), next))
}

fn set(subject: String, next: u64) -> Step {
    Step::edit(subject, vec![Edit::Put { path: FILE.to_owned(), content: format!("{next}\n").into_bytes() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_digits_and_below_the_highest_id() {
        for (bytes, value) in [("7", Some(7)), (" 12\n", Some(12)), ("0", Some(0)), ("007", Some(7))] {
            assert_eq!(parse(bytes.as_bytes()).ok(), value, "{bytes:?}");
        }
        let highest = HIGHEST_ID.to_string();
        for bytes in ["", "\n", "+7", "-7", "7 8", "7x", "0x7", &highest, "99999999999999999999999"] {
            assert_eq!(parse(bytes.as_bytes()).unwrap_err().kind(), Kind::Unparsable, "{bytes:?}");
        }
        let below = HIGHEST_ID - 1;
        assert_eq!(parse(below.to_string().as_bytes()).unwrap(), below);
    }
}
