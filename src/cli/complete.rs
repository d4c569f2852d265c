//! What a shell offers for an argument: tasks, each with its title, and the words of the project.

use crate::ops::list::{self, TaskSet};
use crate::ops::task_info::TaskInfo;
use crate::ops::vocabulary::Vocabulary;
use crate::project::Context;
use crate::settings::{Effect, Environment, Flags};
use crate::task::sanitise;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

/// Offers the ids of active tasks.
pub(crate) fn tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(TaskSet::default()).unwrap_or_default())
}

/// Offers the ids of archived tasks, those in bundles left out.
pub(crate) fn archived_tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(TaskSet::Archived).unwrap_or_default())
}

/// Offers the issue types of the project.
pub(crate) fn types() -> ArgValueCandidates {
    ArgValueCandidates::new(|| words(|known| known.types.clone()))
}

/// Offers the labels of the project.
pub(crate) fn labels() -> ArgValueCandidates {
    ArgValueCandidates::new(|| words(|known| known.words().labels))
}

/// Offers the priorities and efforts.
pub(crate) fn levels() -> ArgValueCandidates {
    ArgValueCandidates::new(|| ["high", "medium", "low"].map(CompletionCandidate::new).into())
}

/// A shell inserts what is offered without quotes, so a word that it would read in another way is not offered.
fn words(of: fn(&Vocabulary) -> Vec<String>) -> Vec<CompletionCandidate> {
    let known = context().and_then(|context| Vocabulary::known(&context).ok()).unwrap_or_default();
    let is_plain = |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    of(&known).into_iter().filter(is_plain).map(CompletionCandidate::new).collect()
}

fn context() -> Option<Context> {
    let here = std::env::current_dir().ok()?;
    let quiet: fn(&str) = |_| {};
    // A clone that knows nothing yet asks the remote, which must not hold up the user who is typing.
    let flags = Flags { timeout: Some("1s".to_owned()), ..Flags::default() };
    Context::open(&Environment::of_process(), &here, &flags, Effect::DryRun, quiet).ok()
}

/// Errors are dropped: a message would appear in the middle of the line that the user is typing.
fn candidates(among: TaskSet) -> Option<Vec<CompletionCandidate>> {
    let context = context()?;
    let listed = list::list(&context, &list::ListOptions { among, ..list::ListOptions::default() }).ok()?;
    let offer = |row: TaskInfo| CompletionCandidate::new(row.id.to_string()).help(Some(sanitise(&row.title).into()));
    Some(listed.tasks.into_iter().map(offer).collect())
}
