//! Whether what an output branch had, and took back, was the work of a task, or the same change by somebody else: the content
//! alone does not tell.

use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::porcelain::commit::Commit;
use crate::git::porcelain::log_raw::LoggedCommit;
use crate::git::{Branch, Oid, merge, objects};
use crate::ledger::View;
use crate::project::context::Context;
use crate::task::TaskId;

/// Whose change it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// That of the task, by a sign: its branch was published or merged, or a commit there is a copy of one of its own.
    Own,
    /// Nothing tells: it came there after the task had it.
    Unknown,
    /// That of others: it came there before the task had any commit, and nothing of the task was ever published.
    Others,
}

/// Whose change came to the output branch with the commit `at`, where the work of a task up to `tip` has the same content.
/// Four processes at most, and none where this clone published the branch.
pub(crate) fn of(
    context: &Context,
    view: &View<'_>,
    task: TaskId,
    branch: &Branch,
    [tip, at]: [&Oid; 2],
) -> Result<Origin> {
    let repository = &context.repository;
    let Some(held) = LockRecord::load(repository, task) else { return Ok(Origin::Own) };
    let is_published = !held.pushed.is_empty() || held.requested.is_some() || !held.landings.is_empty() || held.merged;
    let Some(start) = held.base_commit.and_then(|start| Oid::parse(&start)).filter(|_| !is_published) else {
        return Ok(Origin::Own);
    };
    if view.tip(branch).published.is_some() || merge::is_ancestor(repository, tip, at)? {
        return Ok(Origin::Own);
    }
    let there = objects::load_one(repository, at.as_str())?.map(|object| Commit::parse(&object.data)).transpose()?;
    let Some(there) = there else { return Ok(Origin::Own) };
    for merged in there.parents.iter().skip(1) {
        if merge::is_ancestor(repository, merged, tip)? {
            return Ok(Origin::Own);
        }
    }
    Ok(judge(&merge::first_parents(repository, &[&start], tip)?, at, &there))
}

/// The decision, from the own commits of the branch and the commit that brought the content.
fn judge(own: &[LoggedCommit], at: &Oid, there: &Commit) -> Origin {
    let is_of = |own: &LoggedCommit| {
        let is_same = written(own).is_some_and(|(author, _)| author == there.author) && own.subject() == there.subject;
        is_same || own.oid == *at || there.body.contains(own.oid.as_str())
    };
    if own.iter().any(is_of) {
        return Origin::Own;
    }
    let first = own.iter().filter_map(|own| Some(written(own)?.1)).min();
    match first {
        Some(first) if first > there.committer_time => Origin::Others,
        _ => Origin::Unknown,
    }
}

/// The author of a commit, and when it was written, in seconds since 1970. A rebase keeps both.
fn written(commit: &LoggedCommit) -> Option<(&str, i64)> {
    let (author, time) = commit.author.rsplit_once(' ')?;
    Some((author, time.parse().ok()?))
}

/// The refusal where nothing tells whose change it was.
pub(crate) fn refuse(task: TaskId, branch: &Branch, into: &Branch, [at, by]: [&Oid; 2]) -> Error {
    let (at, by) = (at.short(), by.short());
    let message =
        format!("{into} had the same change as {branch} at {at}, and {by} took it back, so it is not merged unasked");
    Error::new(Kind::Conflict, message)
        .hint(command!["git aitask finish", task, "--merge"].note("merges it all the same"))
        .hint(command!["git aitask archive", task].note("if it is not wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: char) -> Oid {
        Oid::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn own(digit: char, author: &str, message: &str) -> LoggedCommit {
        let (author, message) = (author.to_owned(), message.to_owned());
        LoggedCommit { oid: oid(digit), parents: Vec::new(), author, message, changes: Vec::new() }
    }

    #[test]
    fn a_change_is_of_the_task_by_a_sign_and_of_others_where_the_task_came_later() {
        let branch = [own('1', "Ann <a@x> 100", "flag on"), own('2', "Ann <a@x> 300", "more")];
        let there = |subject: &str, committer_time| Commit {
            tree: oid('7'),
            parents: vec![oid('8')],
            author: "Ann <a@x>".to_owned(),
            committer_time,
            subject: subject.to_owned(),
            body: String::new(),
        };
        let judge = |there: &Commit| super::judge(&branch, &oid('9'), there);
        assert_eq!(judge(&there("try flag", 99)), Origin::Others);
        assert_eq!(judge(&there("try flag", 100)), Origin::Unknown);
        assert_eq!(judge(&there("flag on", 99)), Origin::Own);
        assert_eq!(judge(&Commit { author: "Bob <b@x>".to_owned(), ..there("flag on", 99) }), Origin::Others);
        assert_eq!(judge(&Commit { body: format!("commit {}", oid('2')), ..there("try", 99) }), Origin::Own);
        assert_eq!(super::judge(&branch, &oid('1'), &there("try", 99)), Origin::Own);
        // Without a commit whose time is known nothing tells.
        assert_eq!(super::judge(&[own('1', "Ann", "x")], &oid('9'), &there("try", 99)), Origin::Unknown);
    }
}
