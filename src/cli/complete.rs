//! What a shell offers for an argument: the tasks that make sense there, each with its title, and the words of the project.
//!
//! A shell inserts what is offered without quotes, so a word that it would read in another way is not offered. Titles are
//! only shown, as one line without control characters.

use crate::git::worktree;
use crate::ops::known_tasks::KnownTasks;
use crate::ops::list::{self, TaskSet};
use crate::ops::vocabulary::Vocabulary;
use crate::project::Context;
use crate::settings::{Effect, Environment, Flags};
use crate::task::{Task, TaskId, sanitise};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use std::collections::BTreeSet;

/// Offers active tasks.
pub(crate) fn tasks() -> ArgValueCandidates {
    known(|known| known.tasks.iter().collect())
}

/// Offers tasks that can be picked, best first.
pub(crate) fn ready_tasks() -> ArgValueCandidates {
    known(KnownTasks::ready)
}

/// Offers tasks that nobody holds.
pub(crate) fn free_tasks() -> ArgValueCandidates {
    known(|known| known.tasks.iter().filter(|task| known.lock(task.id).is_none()).collect())
}

/// Offers tasks that somebody holds, those of the caller first.
pub(crate) fn held_tasks() -> ArgValueCandidates {
    known(|known| {
        let mut held = known.own();
        let own: Vec<_> = held.iter().map(|task| task.id).collect();
        let others = known.tasks.iter().filter(|task| known.lock(task.id).is_some() && !own.contains(&task.id));
        held.extend(others);
        held
    })
}

/// Offers tasks that have a worktree in this clone.
pub(crate) fn tasks_with_worktree() -> ArgValueCandidates {
    known(|known| {
        let records = worktree::list(&known.context.repository).unwrap_or_default();
        let branches: BTreeSet<_> = records.iter().filter_map(|record| record.branch.as_ref()?.branch()).collect();
        let has_worktree = |task: &Task| branches.iter().any(|branch| branch.as_str() == task.name().branch_name());
        known.tasks.iter().filter(|task| has_worktree(task)).collect()
    })
}

/// Offers tasks that the session of the caller holds.
pub(crate) fn own_tasks() -> ArgValueCandidates {
    known(KnownTasks::own)
}

/// Offers archived tasks, those in bundles left out.
pub(crate) fn archived_tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let options = list::ListOptions { among: TaskSet::Archived, ..list::ListOptions::default() };
        let listed = context().and_then(|context| list::list(&context, &options).ok());
        listed.into_iter().flat_map(|listed| listed.tasks).map(|row| task(row.id, &row.title)).collect()
    })
}

/// Offers the issue types of the project.
pub(crate) fn types() -> ArgValueCandidates {
    ArgValueCandidates::new(|| words(vocabulary().types))
}

/// Offers the labels of the project.
pub(crate) fn labels() -> ArgValueCandidates {
    ArgValueCandidates::new(|| words(vocabulary().words().labels))
}

/// Offers the labels of the project, to be added or removed.
pub(crate) fn signed_labels() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let labels = vocabulary().words().labels;
        words(["+", "-"].iter().flat_map(|sign| labels.iter().map(move |label| format!("{sign}{label}"))).collect())
    })
}

/// Offers the priorities and efforts.
pub(crate) fn levels() -> ArgValueCandidates {
    ArgValueCandidates::new(|| ["high", "medium", "low"].map(CompletionCandidate::new).into())
}

/// Offers these statuses.
pub(crate) fn statuses(of: &'static [&'static str]) -> ArgValueCandidates {
    ArgValueCandidates::new(|| of.iter().map(CompletionCandidate::new).collect())
}

/// Offers the branches that work may start from or be merged into.
pub(crate) fn branches() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut names = context().map(|context| context.branches()).unwrap_or_default();
        names.sort_unstable();
        names.dedup();
        words(names)
    })
}

fn words(words: Vec<String>) -> Vec<CompletionCandidate> {
    let is_plain = |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.+/".contains(&byte));
    words.into_iter().filter(is_plain).map(CompletionCandidate::new).collect()
}

fn vocabulary() -> Vocabulary {
    context().and_then(|context| Vocabulary::known(&context).ok()).unwrap_or_default()
}

/// Errors are dropped: a message would appear in the middle of the line that the user is typing.
fn context() -> Option<Context> {
    let here = std::env::current_dir().ok()?;
    let quiet: fn(&str) = |_| {};
    // A clone that knows nothing yet asks the remote, which must not hold up the user who is typing.
    let flags = Flags { timeout: Some("1s".to_owned()), ..Flags::default() };
    Context::open(&Environment::of_process(), &here, &flags, Effect::DryRun, quiet).ok()
}

fn known(of: fn(&KnownTasks) -> Vec<&Task>) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let Some(context) = context() else { return Vec::new() };
        let Ok(Some(known)) = KnownTasks::load(context) else { return Vec::new() };
        of(&known).into_iter().map(|it| task(it.id, &it.title)).collect()
    })
}

fn task(id: TaskId, title: &str) -> CompletionCandidate {
    CompletionCandidate::new(id.to_string()).help(Some(sanitise(title).into()))
}
