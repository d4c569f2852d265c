//! Where a history received some work, and where it was taken back: pure functions of the history and of what the work
//! changes. Whether a merge would change nothing is asked of git, by a function that the caller gives.

use crate::error::Result;
use crate::git::Oid;
use crate::git::porcelain::diff_raw::FileDiff;
use crate::git::porcelain::log_raw::LoggedCommit;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How many merges are tried. Each is a process of some milliseconds; a commit is tried only when it has changed every
/// path of the work, so that more of them means a file that every commit changes.
const MOST_TRIES: usize = 500;

/// What a commit has at a path: mode and object; nothing where it has no such file.
type Content = Option<(String, Oid)>;

/// What some work changes: at each path, what was there before and what is there with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Work(BTreeMap<PathBuf, (Content, Content)>);

impl Work {
    /// The changes one after the other, the oldest first.
    pub(super) fn of<'c>(changes: impl IntoIterator<Item = &'c FileDiff>) -> Self {
        let mut work: BTreeMap<PathBuf, (Content, Content)> = BTreeMap::new();
        for change in changes {
            let (old, new) = (old(change), new(change));
            work.entry(change.path.clone()).and_modify(|it| it.1.clone_from(&new)).or_insert((old, new));
        }
        work.retain(|_, (old, new)| old != new);
        Self(work)
    }

    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_changed_by(&self, commit: &LoggedCommit) -> bool {
        commit.changes.iter().any(|change| self.0.contains_key(&change.path))
    }

    fn start(&self) -> State<'_> {
        State(self.0.iter().map(|(path, (old, _))| (path, old.clone())).collect())
    }
}

/// What a commit has at the paths of the work.
struct State<'w>(BTreeMap<&'w PathBuf, Content>);

impl State<'_> {
    fn follow(&mut self, commit: &LoggedCommit) {
        for change in &commit.changes {
            if let Some(content) = self.0.get_mut(&change.path) {
                *content = new(change);
            }
        }
    }

    fn all(&self, is_so: impl Fn(&PathBuf, &Content) -> bool) -> bool {
        self.0.iter().all(|(path, content)| is_so(path, content))
    }

    /// Whether it has all of the work as it is on the task branch.
    fn has(&self, work: &Work) -> bool {
        self.all(|path, content| work.0.get(path).is_some_and(|(_, new)| new == content))
    }

    /// Whether every path of the work was changed: where one has its old content, a merge would change it.
    fn may_have(&self, work: &Work) -> bool {
        self.all(|path, content| work.0.get(path).is_some_and(|(old, _)| old != content))
    }
}

fn old(change: &FileDiff) -> Content {
    change.old.clone().map(|oid| (change.old_mode.clone(), oid))
}

fn new(change: &FileDiff) -> Content {
    change.new.clone().map(|oid| (change.new_mode.clone(), oid))
}

/// The result of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// The commit at this place of the history has the work.
    At(usize),
    /// None has it.
    Nowhere,
    /// There were too many commits to try.
    TooMany,
}

/// The first commit of the history (oldest first, from where the work began) that has the work: the content is the
/// same, or `contains` says that a merge of the work into it changes nothing.
pub(super) fn search(
    history: &[LoggedCommit],
    work: &Work,
    mut contains: impl FnMut(&Oid) -> Result<bool>,
) -> Result<Search> {
    let mut state = work.start();
    let mut to_try = Vec::new();
    for (at, commit) in history.iter().enumerate().filter(|(_, commit)| work.is_changed_by(commit)) {
        state.follow(commit);
        if state.has(work) {
            return Ok(Search::At(at));
        }
        if state.may_have(work) {
            to_try.push((at, &commit.oid));
        }
    }
    for (at, commit) in to_try.iter().take(MOST_TRIES) {
        if contains(commit)? {
            return Ok(Search::At(*at));
        }
    }
    Ok(if to_try.len() > MOST_TRIES { Search::TooMany } else { Search::Nowhere })
}

/// Whether a path of the work has, somewhere in the history, a content again that it had before another one: as where
/// something was taken back.
pub(super) fn goes_back(history: &[LoggedCommit], work: &Work) -> bool {
    let mut had: BTreeMap<&PathBuf, (&Content, BTreeSet<Content>)> = BTreeMap::new();
    had.extend(work.0.iter().map(|(path, (old, _))| (path, (old, BTreeSet::new()))));
    let changes = history.iter().flat_map(|commit| &commit.changes);
    changes.into_iter().any(|change| match had.get_mut(&change.path) {
        Some((first, before)) => {
            let content = new(change);
            content == **first || !before.insert(content)
        }
        None => false,
    })
}

/// The commit that took back the work which the commit `at` brought, unless a later one put it back. The files say so,
/// where all that this commit changed are as they were some time before; else a message does, that of `git revert` or
/// of a forge. `is_part` says whether an abbreviated name is that of another commit of the work.
pub(super) fn taken_back(
    history: &[LoggedCommit],
    at: usize,
    work: &Work,
    mut is_part: impl FnMut(&str) -> Result<bool>,
    mut contains: impl FnMut(&Oid) -> Result<bool>,
) -> Result<Option<usize>> {
    let Some(landed) = history.get(at) else { return Ok(None) };
    let mut state = work.start();
    let mut before: BTreeMap<&PathBuf, BTreeSet<Content>> = BTreeMap::new();
    for commit in history.iter().take(at + 1) {
        for (path, content) in &state.0 {
            before.entry(path).or_default().insert(content.clone());
        }
        state.follow(commit);
    }
    let was_there = |path: &PathBuf, content: &Content| before.get(path).is_some_and(|all| all.contains(content));
    // What it brought, path by path. The rest came by earlier commits, as when several were rebased.
    let mut brought: BTreeMap<PathBuf, Content> =
        state.0.iter().map(|(path, content)| ((*path).clone(), content.clone())).collect();
    brought.retain(|path, content| !was_there(path, content));
    let mut taken: Option<usize> = None;
    for (n, commit) in history.iter().enumerate().skip(at + 1) {
        if !(work.is_empty() || work.is_changed_by(commit)) {
            continue;
        }
        state.follow(commit);
        // A file that was moved as it is has not been taken back.
        brought.retain(|path, content| !(state.0.get(path) == Some(&None) && is_moved(commit, content.as_ref())));
        let now = |path: &PathBuf| state.0.get(path);
        match taken.and_then(|taken| history.get(taken)) {
            None => {
                let gone = brought.keys().all(|path| now(path).is_some_and(|content| was_there(path, content)));
                let gone = gone && !brought.is_empty();
                let mut said = gone || reverts(commit, landed);
                for name in reverted(commit) {
                    said = said || is_part(name)?;
                }
                taken = said.then_some(n);
            }
            Some(by) => {
                let back = brought.iter().all(|(path, content)| now(path) == Some(content)) && !brought.is_empty();
                if back || reverts(commit, by) || (state.may_have(work) && contains(&commit.oid)?) {
                    taken = None;
                }
            }
        }
    }
    Ok(taken)
}

fn is_moved(commit: &LoggedCommit, content: Option<&(String, Oid)>) -> bool {
    let added = |change: &FileDiff| change.old.is_none() && change.new.as_ref() == content.map(|(_, oid)| oid);
    content.is_some() && commit.changes.iter().any(added)
}

/// Whether the message says that this commit reverts the other one: by its name, or, as forges write it, by its title.
fn reverts(commit: &LoggedCommit, other: &LoggedCommit) -> bool {
    let title = || {
        let rest = commit.subject().strip_prefix("Revert \"");
        let rest = rest.and_then(|rest| rest.strip_prefix(other.subject()));
        !other.subject().is_empty() && rest.is_some_and(|rest| rest.starts_with('"'))
    };
    reverted(commit).any(|name| other.oid.as_str().starts_with(name)) || title()
}

/// The names of the commits that a message of `git revert` says are reverted.
fn reverted(commit: &LoggedCommit) -> impl Iterator<Item = &str> {
    const SHORTEST: usize = 7;
    commit.message.split("This reverts commit ").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        rest.get(..end).filter(|name| name.len() >= SHORTEST)
    })
}

#[cfg(test)]
mod tests;
