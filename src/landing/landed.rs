//! Whether the work of a branch is in another branch: merged, squashed, rebased, fast-forwarded or picked commit by
//! commit, also when the same lines were changed since; and whether it was taken back there.
//!
//! Work has landed at a commit when merging it there would change nothing. That this commit is looked for, and not only
//! the tip, is what later changes of the same lines need: at the tip, the merge would be a conflict, or would bring old
//! lines back.

mod decide;

use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::merge::{self, MergedAnew, Renames};
use crate::git::porcelain::commit::Commit;
use crate::git::porcelain::diff_raw::FileDiff;
use crate::git::porcelain::log_raw::LoggedCommit;
use crate::git::porcelain::merge_tree::MergeTree;
use crate::git::{Branch, Oid, Repository, objects};
use crate::landing::landed::decide::{Search, Work};
use crate::landing::task_branch;
use crate::ledger::{Channel, View};
use crate::project::context::Context;
use crate::task::{TaskId, paths};
use crate::worktrees::landed::{deciding_tip, merge_targets};
use crate::worktrees::task_worktree::TaskWorktree;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

/// Whether work has landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Landed {
    /// Merging it into this commit of the output branch changes nothing.
    At(Oid),
    /// It had landed, and another commit took it back.
    TakenBack {
        /// The commit at which it had landed.
        at: Oid,
        /// The commit that took it back.
        by: Oid,
        /// Whether that one is a merge, so that `git revert` needs a parent.
        is_merge: bool,
    },
    /// It has not landed.
    No,
    /// It cannot be told: the work changes nothing outside the task data, the histories have nothing in common here, or
    /// too many commits would have to be tried.
    Unknown,
}

impl Landed {
    /// The word for it in answers for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::At(_) => "landed",
            Self::TakenBack { .. } => "taken_back",
            Self::No => "not_landed",
            Self::Unknown => "unknown",
        }
    }

    /// The commit at which the work landed, and the one that took it back.
    pub(crate) fn commits(&self) -> [Option<Oid>; 2] {
        match self {
            Self::At(at) => [Some(at.clone()), None],
            Self::TakenBack { at, by, .. } => [Some(at.clone()), Some(by.clone())],
            Self::No | Self::Unknown => [None, None],
        }
    }

    /// Looks whether the work up to `tip` is in the history of `output`. `cut_from` is the commit from which the branch
    /// was cut, where that is known; only after a fast-forward, where nothing else tells it, is it needed. Two processes
    /// where the output has changed since the fork, one where it has not.
    pub(crate) fn look(repository: &Repository, tip: &Oid, output: &Oid, cut_from: Option<&Oid>) -> Result<Self> {
        let Some(base) = merge::base(repository, output, tip)? else { return Ok(Self::Unknown) };
        if base == *tip {
            return contained(repository, tip, output, cut_from);
        }
        // The output may have only what the branch was cut from.
        let landed = if base == *output { Self::No } else { elsewhere(repository, tip, output, &base)? };
        // Where the branch still begins where it was cut, the output was never merged into it.
        if landed == Self::No && cut_from != Some(&base) {
            return Self::look_before_merge(repository, tip, output, &base, cut_from);
        }
        Ok(landed)
    }

    /// Looks at the branch before the output was merged into it, where that was the last thing done on it: a merge brings
    /// the commit that took the work back, but the work stays, and would be brought back in silence. One process more
    /// where the tip is no such merge.
    fn look_before_merge(
        repository: &Repository,
        tip: &Oid,
        output: &Oid,
        base: &Oid,
        cut_from: Option<&Oid>,
    ) -> Result<Self> {
        let object = objects::load_one(repository, tip.as_str())?;
        let parents = object.and_then(|object| Commit::parse(&object.data).ok()).map_or_else(Vec::new, |it| it.parents);
        let [before, merged] = &parents[..] else { return Ok(Self::No) };
        if merged != base {
            return Ok(Self::No);
        }
        let landed = Self::look(repository, before, output, cut_from)?;
        let is_back = || merge::changes(repository, base, tip).map(|changes| code(&changes).next().is_some());
        Ok(if matches!(landed, Self::TakenBack { .. }) && is_back()? { landed } else { Self::No })
    }
}

/// Looks whether the work of a task has landed, and refuses where the published task branch has commits that are
/// neither in `tip` nor in what landed. Commits that a reviewer added to the published branch may have landed with it.
///
/// # Errors
/// [`Kind::Behind`].
pub(crate) fn of_task(
    context: &Context,
    view: &View<'_>,
    task: TaskId,
    place: &TaskWorktree,
    [tip, output]: [&Oid; 2],
) -> Result<Landed> {
    let repository = &context.repository;
    let held = LockRecord::load(repository, task);
    let cut_from = held.and_then(|held| Oid::parse(&held.base_commit?));
    if let Some(reviewed) = view.tip(&place.branch).published.filter(|published| published != tip)
        && context.channel != Channel::Local
        && merge::is_ancestor(repository, tip, &reviewed)?
    {
        let landed = Landed::look(repository, &reviewed, output, cut_from.as_ref())?;
        if !matches!(landed, Landed::No | Landed::Unknown) {
            return Ok(landed);
        }
    }
    task_branch::require_no_missed_commits(context, view, task, place, tip, output)?;
    Landed::look(repository, tip, output, cut_from.as_ref())
}

/// Looks whether what this clone pushed last of a task branch has landed: for a branch that is gone here.
pub(crate) fn of_pushed(context: &Context, task: TaskId, output: &Oid) -> Result<Landed> {
    let held = LockRecord::load(&context.repository, task);
    let pushed = held.as_ref().and_then(|held| held.pushed.last()).and_then(|tip| Oid::parse(tip));
    let cut_from = held.as_ref().and_then(|held| Oid::parse(held.base_commit.as_ref()?));
    match pushed {
        Some(tip) => Landed::look(&context.repository, &tip, output, cut_from.as_ref()),
        None => Ok(Landed::No),
    }
}

/// The published tip of a task branch, and whether its work has landed: for a clone that has no commit of it, and no record
/// of what it was cut from. A tip on the first-parent history of the output cannot be told from a branch without commits.
pub(crate) fn of_published(
    context: &Context,
    view: &View<'_>,
    branch: &Branch,
    output: &Oid,
) -> Result<Option<(Oid, Landed)>> {
    let published = view.tip(branch).published.filter(|_| context.channel != Channel::Local);
    let Some(tip) = published else { return Ok(None) };
    let landed = match Landed::look(&context.repository, &tip, output, None)? {
        Landed::At(at) | Landed::TakenBack { at, .. } if at == tip => Landed::Unknown,
        landed => landed,
    };
    Ok(Some((tip, landed)))
}

/// Looks whether the work of a task up to `tip` is in one of the branches that it may be merged into, as they are
/// published as far as this clone knows. With the branch: the first that has it, else the first.
pub(crate) fn in_outputs(context: &Context, task: TaskId, tip: &Oid) -> Result<(Landed, Option<Branch>)> {
    let held = LockRecord::load(&context.repository, task);
    if held.as_ref().is_some_and(|held| held.is_cut_at(tip)) {
        // It has no commits yet.
        return Ok((Landed::Unknown, merge_targets(context, task).into_iter().next()));
    }
    look_in_outputs(context, task, tip, held)
}

/// [`in_outputs`] of a task that is over: with a branch that never had commits nothing is lost, so it counts as landed.
pub(crate) fn of_ended(context: &Context, task: TaskId, tip: &Oid) -> Result<(Landed, Option<Branch>)> {
    look_in_outputs(context, task, tip, LockRecord::load(&context.repository, task))
}

fn look_in_outputs(
    context: &Context,
    task: TaskId,
    tip: &Oid,
    held: Option<LockRecord>,
) -> Result<(Landed, Option<Branch>)> {
    let cut_from = held.and_then(|held| Oid::parse(&held.base_commit?));
    let mut answer = None;
    for branch in merge_targets(context, task) {
        let Some(output) = deciding_tip(context, &branch)? else { continue };
        match Landed::look(&context.repository, tip, &output, cut_from.as_ref())? {
            landed @ Landed::At(_) => return Ok((landed, Some(branch))),
            landed => answer = answer.or(Some((landed, Some(branch)))),
        }
    }
    Ok(answer.unwrap_or((Landed::Unknown, None)))
}

/// Whether a branch has nothing but what it was cut from, and what it was brought forward to since, as by `git pull` before
/// the first commit: then the output has all of it, but no work has landed. The reflog of this clone tells it; where there
/// is none, the answer is no. One process, and none where the work came with a merge.
pub(crate) fn is_without_work(
    context: &Context,
    task: TaskId,
    branch: &Branch,
    tip: &Oid,
    landed: &Landed,
) -> Result<bool> {
    let held = LockRecord::load(&context.repository, task).filter(|held| held.pushed.is_empty());
    let Some(start) = held.and_then(|held| held.base_commit) else { return Ok(false) };
    if *landed != Landed::At(tip.clone()) {
        return Ok(false);
    }
    let remote = context.channel.remote().map(|remote| format!("{remote}/"));
    let call = context.repository.read("reflog").args(["show", "--format=%H %gs", branch.full().as_str(), "--"]);
    let text = call.output()?.text();
    let steps: Vec<_> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    // By its words the step went to what the remote has, and not to work that was done elsewhere: on another branch here, or
    // on this one in another clone.
    let is_move = |step: &str| {
        let from = |start: &str| step.strip_prefix(start).filter(|rest| rest.ends_with(": Fast-forward"));
        let of_remote = || from("merge ").is_some_and(|rest| remote.as_ref().is_some_and(|it| rest.starts_with(it)));
        let is_pulled = (from("pull").is_some() || of_remote()) && !step.contains("aitask/");
        is_pulled || step.starts_with("rebase (finish)")
    };
    Ok(steps
        .split_last()
        .is_some_and(|((first, _), later)| *first == start && later.iter().all(|(_, step)| is_move(step))))
}

/// The answer where the output branch has the commits themselves.
fn contained(repository: &Repository, tip: &Oid, output: &Oid, cut_from: Option<&Oid>) -> Result<Landed> {
    let later = merge::first_parents(repository, &[tip], output)?;
    let (mut history, at, work, fork);
    let mut is_merged = true;
    match later.iter().position(|commit| commit.parents.iter().skip(1).any(|parent| parent == tip)) {
        Some(merged) => {
            (history, at) = (later, merged);
            work = Work::of(history.get(at).iter().flat_map(|commit| code(&commit.changes)));
            fork = history.get(at).and_then(|commit| commit.parents.first()).cloned();
        }
        None if later.first().is_none_or(|first| first.parents.first() == Some(tip)) => {
            if !later.iter().any(|commit| code(&commit.changes).next().is_some()) {
                return Ok(Landed::At(tip.clone()));
            }
            // A fast-forward: the commits of the branch are on the first-parent history.
            let own = match cut_from {
                Some(start) if merge::is_ancestor(repository, start, tip)? => {
                    merge::first_parents(repository, &[start], tip)?
                }
                _ => Vec::new(),
            };
            let own = if own.is_empty() { vec![unread(tip)] } else { own };
            is_merged = false;
            (at, fork) = (own.len() - 1, cut_from.cloned());
            // A merge of the output into the branch brought the work of others.
            let plain = own.iter().filter(|commit| commit.parents.len() < 2);
            work = Work::of(plain.flat_map(|commit| code(&commit.changes)));
            history = own;
            history.extend(later);
        }
        None => {
            // It came with another branch, which was merged.
            let first = merge::first_with(repository, tip, output)?;
            let Some(found) = later.iter().position(|commit| Some(&commit.oid) == first.as_ref()) else {
                return Ok(Landed::At(tip.clone()));
            };
            (history, at, fork) = (later, found, None);
            work = Work::default();
        }
    }
    let own = OwnCommits::new(repository, fork, tip);
    let is_back = |commit: &Oid| own.are_back_in(commit, None);
    let by = decide::taken_back(&history, at, &work, |name| own.has(name, &history, at), is_back)?;
    // What is merged may be the rest of a branch of which another part was taken back before.
    let part = if by.is_none() && is_merged { merged_part(repository, tip, &history)? } else { None };
    Ok(part.unwrap_or_else(|| answer(&history, at, by)))
}

/// The answer where the output branch has other commits than the branch.
fn elsewhere(repository: &Repository, tip: &Oid, output: &Oid, base: &Oid) -> Result<Landed> {
    let history = merge::first_parents(repository, &[base], output)?;
    // Commits of task data alone are many, and cannot have brought the work.
    if !history.iter().any(|commit| code(&commit.changes).next().is_some()) {
        return Ok(Landed::No);
    }
    let changes = merge::changes(repository, base, tip)?;
    if Work::of(code(&changes)).is_empty() {
        return Ok(Landed::Unknown);
    }
    // Notes and ticked boxes of the branch are work, too.
    let work = Work::of(changes.iter());
    let contains = |commit: &Oid| is_merged(repository, commit, tip);
    match decide::search(&history, &work, contains)? {
        Search::Nowhere => earlier_part(repository, tip, base, &history, &work),
        Search::TooMany => Ok(Landed::Unknown),
        Search::At(at) => {
            let own = OwnCommits::new(repository, Some(base.clone()), tip);
            let by = decide::taken_back(&history, at, &work, |name| own.has(name, &history, at), contains)?;
            Ok(answer(&history, at, by))
        }
    }
}

/// The answer where the output branch does not have all of the branch, as after commits that came after its pull request:
/// whether it had an earlier part of it that was taken back. To merge the rest would bring a squashed part back, and would
/// leave a merged one out, in silence. No process where the output branch took nothing back.
fn earlier_part(
    repository: &Repository,
    tip: &Oid,
    base: &Oid,
    history: &[LoggedCommit],
    work: &Work,
) -> Result<Landed> {
    if let Some(landed) = merged_part(repository, tip, history)? {
        return Ok(landed);
    }
    if !decide::goes_back(history, work) {
        return Ok(Landed::No);
    }
    let own = merge::first_parents(repository, &[base], tip)?;
    let mut tries = 0;
    // All of it was looked for before.
    for (end, LoggedCommit { oid, .. }) in own.iter().enumerate().rev().skip(1) {
        let part = Work::of(own.iter().take(end + 1).flat_map(|commit| &commit.changes));
        let mut contains = |commit: &Oid| {
            tries += 1;
            Ok(tries <= MOST_TRIES_OF_PARTS && is_merged(repository, commit, oid)?)
        };
        if part.is_empty() {
            continue;
        }
        if let Search::At(at) = decide::search(history, &part, &mut contains)? {
            let of_part = OwnCommits::new(repository, Some(base.clone()), oid);
            let by = decide::taken_back(history, at, &part, |name| of_part.has(name, history, at), contains)?;
            return Ok(by.map_or(Landed::No, |by| answer(history, at, Some(by))));
        }
    }
    Ok(Landed::No)
}

/// How many merges are tried for all earlier parts of a branch; each is a process.
const MOST_TRIES_OF_PARTS: usize = 50;

/// The answer where a merge in this history brought a part of the branch that was taken back, and nothing brought it again:
/// no later merge of the branch, and no commits with its content. No process where nothing was taken back; else one for
/// all merges, and some for each that merged a part of this branch.
fn merged_part(repository: &Repository, tip: &Oid, history: &[LoggedCommit]) -> Result<Option<Landed>> {
    let mut parts = Vec::new();
    for (at, LoggedCommit { parents, changes, .. }) in history.iter().enumerate() {
        let [first, merged] = &parents[..] else { continue };
        let part = Work::of(code(changes));
        // Whose commits a message names costs a process for each merge, so here any name counts.
        let mut is_named = false;
        let name = |_: &str| {
            is_named = true;
            Ok(false)
        };
        if decide::taken_back(history, at, &part, name, |_| Ok(false))?.is_some() || is_named {
            parts.push((at, OwnCommits::new(repository, Some(first.clone()), merged), part));
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let merges = || history.iter().filter_map(|commit| Some((&commit.oid, commit.parents.get(1)?)));
    let ours = merge::in_history(repository, merges().map(|(_, merged)| merged), tip)?;
    let merges: BTreeMap<_, _> = merges().filter(|(_, merged)| ours.contains(merged)).collect();
    for (at, own, part) in parts.iter().filter(|(_, own, _)| ours.contains(own.tip)) {
        let is_back = |commit: &Oid| own.are_back_in(commit, merges.get(commit).copied());
        let by = decide::taken_back(history, *at, part, |name| own.has(name, history, *at), is_back)?;
        if by.is_some() {
            return Ok(Some(answer(history, *at, by)));
        }
    }
    Ok(None)
}

fn answer(history: &[LoggedCommit], at: usize, by: Option<usize>) -> Landed {
    let Some(at) = history.get(at).map(|commit| commit.oid.clone()) else { return Landed::Unknown };
    match by.and_then(|by| history.get(by)) {
        Some(by) => Landed::TakenBack { at, by: by.oid.clone(), is_merge: by.parents.len() > 1 },
        None => Landed::At(at),
    }
}

/// The changes outside the task data, which every command changes.
fn code(changes: &[FileDiff]) -> impl Iterator<Item = &FileDiff> {
    changes.iter().filter(|change| ![paths::TASKS_DIR, paths::PLANS_DIR].iter().any(|dir| change.path.starts_with(dir)))
}

/// A commit of which nothing but the name is known.
fn unread(oid: &Oid) -> LoggedCommit {
    let (parents, changes) = (Vec::new(), Vec::new());
    LoggedCommit { oid: oid.clone(), parents, author: String::new(), message: String::new(), changes }
}

/// Whether merging `tip` into this commit changes nothing.
fn is_merged(repository: &Repository, commit: &Oid, tip: &Oid) -> Result<bool> {
    let MergeTree::Clean { tree } = merge::merge_tree(repository, commit, tip, Renames::AsConfigured)? else {
        return Ok(false);
    };
    Ok(merge::tree_of(repository, commit)? == Some(tree))
}

/// The commits of the branch, read when a message names a commit that was reverted.
struct OwnCommits<'r> {
    repository: &'r Repository,
    fork: Option<Oid>,
    tip: &'r Oid,
    commits: OnceCell<Vec<LoggedCommit>>,
    /// How often their content was merged.
    tries: Cell<usize>,
}

impl<'r> OwnCommits<'r> {
    fn new(repository: &'r Repository, fork: Option<Oid>, tip: &'r Oid) -> Self {
        Self { repository, fork, tip, commits: OnceCell::new(), tries: Cell::new(0) }
    }

    /// Whether a commit that has them in its history, and came after they were taken back, has their work again: merging
    /// it anew would change nothing; or the commit is a merge of the same branch with these `later` commits, whose work it
    /// has, and which have not lost that of the earlier ones.
    fn are_back_in(&self, commit: &Oid, later: Option<&Oid>) -> Result<bool> {
        let tries = self.tries.replace(self.tries.get() + 1);
        let Some(fork) = self.fork.as_ref().filter(|_| tries < MOST_TRIES_OF_PARTS) else { return Ok(false) };
        let Some(fork) = merge::base(self.repository, fork, self.tip)? else { return Ok(false) };
        let anew = |commit: &Oid, work: &Oid| merge::anew(self.repository, &fork, commit, work);
        Ok(match later {
            None => anew(commit, self.tip)? == MergedAnew::Nothing,
            Some(later) => {
                anew(commit, later)? == MergedAnew::Nothing && anew(later, self.tip)? != MergedAnew::Something
            }
        })
    }

    /// Whether this is the name of a commit of the branch, or of a copy of one in the history up to `at`.
    fn has(&self, name: &str, history: &[LoggedCommit], at: usize) -> Result<bool> {
        let Some(fork) = &self.fork else { return Ok(false) };
        let commits = if let Some(commits) = self.commits.get() {
            commits
        } else {
            let read = merge::first_parents(self.repository, &[fork], self.tip)?;
            self.commits.get_or_init(|| read)
        };
        let is_copy = |copy: &LoggedCommit| {
            let same = |own: &LoggedCommit| (own.author.as_str(), own.subject()) == (&copy.author, copy.subject());
            copy.oid.as_str().starts_with(name) && commits.iter().any(same)
        };
        let is_own = |own: &LoggedCommit| own.parents.len() < 2 && own.oid.as_str().starts_with(name);
        Ok(commits.iter().any(is_own) || history.iter().take(at + 1).any(is_copy))
    }
}

/// The refusal to merge work again that was taken back; `by` is a merge or not.
pub(crate) fn refuse_again(task: TaskId, branch: &Branch, into: &Branch, [at, by]: [&Oid; 2], is_merge: bool) -> Error {
    let message = format!(
        "{branch} was merged into {into} at {}, and {} took it back, so it is not merged again",
        at.short(),
        by.short()
    );
    let revert = if is_merge { command!["git revert -m 1", by] } else { command!["git revert", by] };
    Error::new(Kind::Conflict, message)
        .hint(revert.note(format!("on {into}, if the work is wanted after all; then finish again")))
        .hint(command!["git aitask archive", task].note("if it is not"))
}
