//! The tasks that a shell offers for an argument, each with its title.

use crate::ops::list;
use crate::ops::task_info::TaskInfo;
use crate::project::Context;
use crate::settings::{Effect, Environment, Flags};
use crate::task::sanitise;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

/// Offers the ids of active tasks.
pub(crate) fn tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates().unwrap_or_default())
}

/// Errors are dropped: a message would appear in the middle of the line that the user is typing.
fn candidates() -> Option<Vec<CompletionCandidate>> {
    let here = std::env::current_dir().ok()?;
    let quiet: fn(&str) = |_| {};
    // A clone that knows nothing yet asks the remote, which must not hold up the user who is typing.
    let flags = Flags { timeout: Some("1s".to_owned()), ..Flags::default() };
    let context = Context::open(&Environment::of_process(), &here, &flags, Effect::DryRun, quiet).ok()?;
    let listed = list::list(&context, &list::ListOptions::default()).ok()?;
    let offer = |row: TaskInfo| CompletionCandidate::new(row.id.to_string()).help(Some(sanitise(&row.title).into()));
    Some(listed.tasks.into_iter().map(offer).collect())
}
