//! Which tasks in work change the same files, and whether they conflict: by their branches, as this clone knows them, and
//! by the uncommitted work of its worktrees. It fails no verb: what cannot be told is unknown, with the reason.

use crate::coordination::LockEntry;
use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::overlaps::{self, ScratchStore, Unsaved};
use crate::git::porcelain::diff_raw::FileDiff;
use crate::git::refs::ListedRefs;
use crate::git::{Branch, Oid, RefName};
use crate::landing::overlap::{self, Landing, Overlap, OwnCommits, Side, landing_order, shared, some};
use crate::project::context::Context;
use crate::task::named_files::NamedFiles;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which tasks in work change the same files.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Overlaps {
    /// The pairs of tasks that do, conflicts first; after a pick those of its task. `null` where it is not known.
    pub(crate) pairs: Option<Vec<Overlap>>,
    /// The order in which the tasks had best land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landing_order: Option<Vec<Landing>>,
    /// The tasks that change files which the task that was picked names in its text or its plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) named: Vec<ChangesNamed>,
    /// The tasks whose work is not, or not all, known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unknown: Vec<UnknownWork>,
    /// Why something is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// A task that changes files which another one names.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ChangesNamed {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The files.
    #[serde(serialize_with = "crate::report::path::all")]
    pub(crate) files: Vec<PathBuf>,
}

/// A task whose work is not known.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct UnknownWork {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Why.
    pub(crate) why: String,
    /// Whether that is as usual: its holder has published nothing yet.
    #[serde(skip)]
    pub(crate) is_usual: bool,
}

impl UnknownWork {
    fn new(task_id: TaskId, why: impl Into<String>) -> Self {
        Self { task_id, why: why.into(), is_usual: false }
    }
}

/// How many pairs are shown to people.
const SHOWN: usize = 5;

/// How many tasks of the order of landing are shown to people.
const IN_ORDER: usize = 10;

impl Overlaps {
    fn not_known(why: &Error) -> Self {
        Self { why: Some(why.to_string()), ..Self::default() }
    }

    /// A line for each pair, conflicts first, at most a handful.
    pub(crate) fn lines(&self) -> Vec<String> {
        let pairs = self.pairs.as_deref().unwrap_or_default();
        let mut lines: Vec<_> = pairs.iter().take(SHOWN).map(Overlap::sentence).collect();
        if pairs.len() > SHOWN {
            lines.push(format!("and {} more (git aitask status --json)", pairs.len() - SHOWN));
        }
        lines
    }

    /// What is not known, and why, for people.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let unusual = self.unknown.iter().filter(|work| !work.is_usual);
        let lines = unusual.map(|work| format!("what {} changes is unknown: {}", work.task_id.prefixed(), work.why));
        let what = if self.pairs.is_some() { "whether tasks conflict" } else { "whether tasks change the same files" };
        lines.chain(self.why.iter().map(|why| format!("{what} is unknown: {why}"))).collect()
    }

    /// The order of landing and how to compare two tasks, where some conflict.
    pub(crate) fn advice(&self) -> Vec<String> {
        let conflicts = || self.pairs.iter().flatten().filter(|pair| pair.conflict == Some(true));
        if conflicts().next().is_none() {
            return Vec::new();
        }
        let order: Vec<_> = self.landing_order.iter().flatten().map(|landing| landing.task_id.prefixed()).collect();
        let (first, rest) = order.split_at(order.len().min(IN_ORDER));
        let rest = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let compare = conflicts().find_map(|pair| pair.hint.as_ref());
        let order = format!("proposed order of landing: {}{rest}", first.join(", "));
        std::iter::once(order).chain(compare.map(|hint| format!("to compare: {hint}"))).collect()
    }

    /// One line about the task that was picked; `None` where there is nothing to say.
    pub(crate) fn line_of_pick(&self, picked: TaskId) -> Option<String> {
        let named = self.named.iter().map(|named| {
            let (other, files) = (named.task_id.prefixed(), some(&named.files));
            format!("{other} changes {files} that {} names", picked.prefixed())
        });
        let mut all = self.pairs.iter().flatten().map(Overlap::sentence).chain(named);
        let first = all.next()?;
        Some(match all.count() {
            0 => first,
            more => format!("{first}; and {more} more"),
        })
    }
}

/// A task in work.
#[derive(Debug, Clone)]
pub(crate) struct InWork<'t> {
    /// Its lock.
    pub(crate) lock: &'t LockEntry,
    /// Its name.
    pub(crate) name: &'t TaskName,
    /// Its worktree in this clone, where that is to be looked at.
    pub(crate) checkout: Option<Checkout>,
}

/// A worktree.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The commit that is checked out.
    pub(crate) head: Option<Oid>,
    /// Whether it has uncommitted work; `None` where it cannot be read.
    pub(crate) dirty: Option<bool>,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All pairs.
    All,
    /// The pairs of one task.
    Of(TaskId),
    /// No pairs, but what each task changes.
    Changes,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What the tasks change, in the order of their picks.
    pub(crate) sides: Vec<Side>,
    /// The pairs.
    pub(crate) pairs: Vec<Overlap>,
    /// The tasks whose work is not known.
    pub(crate) unknown: Vec<UnknownWork>,
    /// Why it is not known whether tasks conflict.
    pub(crate) why: Option<String>,
}

/// The overlaps of all tasks in work; `None` where there are fewer than two. No process there; else two to four for the
/// tasks of one output branch, two more for each worktree with uncommitted work, and one for all of these.
pub(crate) fn of_all(context: &Context, tasks: &[InWork<'_>], host: &str) -> Result<Option<Overlaps>> {
    if tasks.len() < 2 {
        return Ok(None);
    }
    let found = match look(context, tasks, host, Scope::All) {
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        Err(error) => return Ok(Some(Overlaps::not_known(&error))),
        Ok(found) => found,
    };
    let mut files: Vec<(TaskId, BTreeSet<&PathBuf>)> = Vec::new();
    for side in &found.sides {
        match files.iter_mut().find(|(task, _)| *task == side.task) {
            Some((_, files)) => files.extend(side.paths()),
            None => files.push((side.task, side.paths().iter().collect())),
        }
    }
    let sizes: Vec<_> = files.into_iter().map(|(task, files)| (task, files.len())).collect();
    let landing_order = Some(landing_order(&sizes, &found.pairs));
    let Found { pairs, unknown, why, .. } = found;
    Ok(Some(Overlaps { pairs: Some(pairs), landing_order, unknown, why, ..Overlaps::default() }))
}

/// The overlaps of a task that was picked, and that names these files, with others in work; `None` where none of these has
/// changed anything. At most three processes.
pub(crate) fn of_picked(
    context: &Context,
    picked: &InWork<'_>,
    others: &[(LockEntry, TaskName)],
    wanted: &NamedFiles,
    host: &str,
) -> Result<Option<Overlaps>> {
    if others.is_empty() {
        return Ok(None);
    }
    let others = others.iter().map(|(lock, name)| InWork { lock, name, checkout: None });
    let tasks: Vec<_> = others.chain([picked.clone()]).collect();
    let task = picked.lock.task;
    let found = match look(context, &tasks, host, Scope::Of(task)) {
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        Err(error) => return Ok(Some(Overlaps::not_known(&error))),
        Ok(found) => found,
    };
    let is_paired = |other: TaskId| found.pairs.iter().any(|pair| pair.tasks.contains(&other));
    let others = found.sides.iter().filter(|side| side.task != task && !is_paired(side.task));
    let named = others.filter_map(|side| {
        let files: Vec<_> = side.paths().iter().filter(|path| wanted.has(path)).cloned().collect();
        (!files.is_empty()).then_some(ChangesNamed { task_id: side.task, files })
    });
    let named = named.collect();
    if found.sides.is_empty() && found.unknown.is_empty() {
        return Ok(None);
    }
    let Found { pairs, unknown, why, .. } = found;
    Ok(Some(Overlaps { pairs: Some(pairs), landing_order: None, named, unknown, why }))
}

/// A task whose work can be looked at.
struct Known {
    task: TaskId,
    published: RefName,
    local: RefName,
    /// Those of the two that may exist.
    refs: Vec<RefName>,
    is_ours: bool,
    /// A worktree with uncommitted work, and its commit.
    unsaved: Option<(PathBuf, Oid)>,
}

/// Work that may become a [`Side`].
struct Candidate {
    task: TaskId,
    /// The branch with the commit at its tip.
    committed: Option<(RefName, Oid)>,
    /// The worktree that counts in place of that, and its commit.
    unsaved: Option<(PathBuf, Oid)>,
    base: Oid,
}

/// Looks what tasks in work change; `host` is this machine.
pub(crate) fn look(context: &Context, tasks: &[InWork<'_>], host: &str, scope: Scope) -> Result<Found> {
    let (repository, remote) = (&context.repository, context.channel.remote());
    let mut found = Found::default();
    let here = format!("refs/heads/{BRANCH_PREFIX}");
    let there = remote.map_or_else(|| here.clone(), |remote| format!("refs/remotes/{remote}/{BRANCH_PREFIX}"));
    let prefixes = [here, there];
    let listed = ListedRefs::of(repository, prefixes.clone());
    let mut tasks: Vec<_> = tasks.iter().collect();
    tasks.sort_by_key(|task| (picked_at(task.lock, host), task.lock.task));
    let wanted = match scope {
        Scope::Of(task) => tasks.iter().find(|it| it.lock.task == task).and_then(|it| output_of(context, it.lock)),
        Scope::All | Scope::Changes => None,
    };
    let mut groups: BTreeMap<Branch, Vec<Known>> = BTreeMap::new();
    for it in tasks {
        let task = it.lock.task;
        let Ok(branch) = Branch::parse(&it.name.branch_name()) else { continue };
        let local = branch.full();
        let published = remote.map_or_else(|| local.clone(), |remote| branch.tracking(remote));
        let both = [&published, &local].into_iter();
        let mut refs: BTreeSet<_> = both.filter(|name| listed.may_have(name)).cloned().collect();
        // One that certainly still is where this clone cut it has nothing.
        let is_cut = |tip| LockRecord::load(repository, task).is_some_and(|held| held.is_cut_at(tip));
        if refs.len() == 1 && listed.tip(&local).is_some_and(is_cut) {
            refs.remove(&local);
        }
        let dirty = it.checkout.as_ref().filter(|checkout| checkout.dirty == Some(true));
        let unsaved = dirty.and_then(|checkout| Some((checkout.path.clone(), checkout.head.clone()?)));
        if let Some(checkout) = it.checkout.as_ref().filter(|checkout| checkout.dirty.is_none()) {
            let why = format!("its worktree {} cannot be read", checkout.path.display());
            found.unknown.push(UnknownWork::new(task, why));
        }
        let is_ours = LockRecord::has_taken(repository, it.lock);
        if refs.is_empty() && unsaved.is_none() {
            if !is_ours && scope != Scope::Of(task) {
                let why = "its branch is not published, as far as this clone knows";
                found.unknown.push(UnknownWork { is_usual: true, ..UnknownWork::new(task, why) });
            }
            continue;
        }
        match output_of(context, it.lock) {
            Some(output) if wanted.as_ref().is_none_or(|wanted| *wanted == output) => {
                let refs = refs.into_iter().collect();
                groups.entry(output).or_default().push(Known { task, published, local, refs, is_ours, unsaved });
            }
            Some(_) => {}
            None => found.unknown.push(UnknownWork::new(task, "it is not known where it is to be merged")),
        }
    }
    let least = if scope == Scope::All { 2 } else { 1 };
    let mut work = Vec::new();
    for (output, group) in groups.into_iter().filter(|(_, group)| group.len() >= least) {
        let output = remote.map_or_else(|| output.full(), |remote| output.tracking(remote));
        let candidates = candidates(context, &group, &output, &prefixes, &mut found.unknown)?;
        // What one task alone changes is nobody's overlap.
        if candidates.len() >= least {
            work.push((output, candidates));
        }
    }
    if work.is_empty() {
        return Ok(found);
    }
    ScratchStore::with(repository, |store| {
        for (output, candidates) in work {
            let sides = sides(store, candidates, &mut found.unknown)?;
            compare(context, store, scope, &output, &sides, &mut found)?;
            found.sides.extend(sides);
        }
        Ok(())
    })?;
    Ok(found)
}

/// When a task was picked, in seconds since 1970; where the zone of its host is not known, as if that were UTC. `None` where
/// its lock does not tell.
pub(crate) fn picked_at(lock: &LockEntry, host: &str) -> Option<i64> {
    let with_zone = lock.since_with_zone(host).and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let without = || DateTime::strptime("%Y-%m-%d %H:%M", &lock.since).ok()?.to_zoned_datetime(TimeZone::UTC).ok();
    with_zone.or_else(|| without().map(|time| time.timestamp())).map(jiff::Timestamp::as_second)
}

/// The branch that the work of a task goes to, as far as that is known without a process.
fn output_of(context: &Context, lock: &LockEntry) -> Option<Branch> {
    let settings = &context.settings;
    let configured = |name: Option<&String>| name.and_then(|name| Branch::parse(name).ok());
    let here = || context.repository.root_branch.clone().filter(|it| !it.as_str().starts_with(BRANCH_PREFIX));
    configured(settings.output.as_ref())
        .or_else(|| lock.base())
        .or_else(|| configured(settings.base.as_ref()))
        .or_else(here)
        .or_else(|| context.ledger().work)
}

/// What the branches and worktrees of the tasks of one output branch have. One process; where that fails, one for each
/// task, so that a branch which cannot be read hides no other one.
fn candidates(
    context: &Context,
    group: &[Known],
    output: &RefName,
    prefixes: &[String],
    unknown: &mut Vec<UnknownWork>,
) -> Result<Vec<Candidate>> {
    let read = |tasks: &[&Known]| {
        let starts = tasks.iter().flat_map(|task| {
            task.refs.iter().map(RefName::as_str).chain(task.unsaved.iter().map(|(_, head)| head.as_str()))
        });
        overlaps::own_commits(&context.repository, &starts.collect::<Vec<_>>(), output, prefixes)
    };
    let all: Vec<_> = group.iter().collect();
    let mut unread = BTreeSet::new();
    let listed = together_or_alone(&all, read, |task, error| {
        unread.insert(task.task);
        unknown.push(UnknownWork::new(task.task, error.to_string()));
    })?;
    let own = OwnCommits::new(listed.into_iter().flatten().collect());
    let mut found = Vec::new();
    for known in group.iter().filter(|known| !unread.contains(&known.task)) {
        let task = known.task;
        let chosen = own.choose(&known.published, &known.local, known.is_ours);
        let mut add =
            |committed: Option<(RefName, Oid)>, unsaved: Option<(PathBuf, Oid)>, tip: &Oid| match own.base(tip) {
                Some(base) => found.push(Candidate { task, committed, unsaved, base }),
                None => unknown.push(UnknownWork::new(task, format!("it has no commit in common with {output} here"))),
            };
        let committed = || chosen.map(|(name, tip)| (name.clone(), tip.clone()));
        if let Some(unsaved) = &known.unsaved {
            let has_all = chosen.is_none_or(|(_, tip)| own.contains(&unsaved.1, tip));
            add(committed().filter(|_| has_all), Some(unsaved.clone()), &unsaved.1);
            if has_all {
                continue;
            }
        }
        if let Some((_, tip)) = chosen {
            add(committed(), None, tip);
        }
    }
    Ok(found)
}

/// Asks for all at once; where that fails, for one after the other, and tells which failed.
fn together_or_alone<T, A>(
    all: &[T],
    mut ask: impl FnMut(&[T]) -> Result<A>,
    mut failed: impl FnMut(&T, &Error),
) -> Result<Vec<A>> {
    match ask(all) {
        Ok(answer) => return Ok(vec![answer]),
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        Err(error) => {
            if let [only] = all {
                failed(only, &error);
                return Ok(Vec::new());
            }
        }
    }
    let mut answers = Vec::new();
    for one in all {
        match ask(std::slice::from_ref(one)) {
            Ok(answer) => answers.push(answer),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => failed(one, &error),
        }
    }
    Ok(answers)
}

/// What each of them changes. One process, and those that read uncommitted work.
fn sides(store: &ScratchStore<'_>, candidates: Vec<Candidate>, unknown: &mut Vec<UnknownWork>) -> Result<Vec<Side>> {
    let unsaved = candidates.iter().filter_map(|it| it.unsaved.as_ref());
    let unsaved: Vec<_> = unsaved.map(|(path, head)| Unsaved { path, head }).collect();
    let mut commits = store.commit_all(&unsaved)?.into_iter();
    let mut tips: Vec<(TaskId, Oid, Option<RefName>, Oid)> = Vec::new();
    for Candidate { task, committed, unsaved, base } in candidates {
        let commit = unsaved.and_then(|(path, _)| Some((path, commits.next()?)));
        let commit = match commit {
            Some((_, Ok(commit))) => Some((None, commit)),
            Some((path, Err(error))) => {
                unknown.push(unread_worktree(task, &path, &error));
                committed.map(|(name, tip)| (Some(name), tip))
            }
            None => committed.map(|(name, tip)| (Some(name), tip)),
        };
        tips.extend(commit.map(|(name, commit)| (task, commit, name, base)));
    }
    let read = |tips: &[(TaskId, Oid, Option<RefName>, Oid)]| {
        store.changes(&tips.iter().map(|(_, commit, _, base)| (commit, base)).collect::<Vec<_>>())
    };
    let mut unread = BTreeSet::new();
    let changes = together_or_alone(&tips, read, |(task, ..), error| {
        unread.insert(*task);
        unknown.push(UnknownWork::new(*task, error.to_string()));
    })?;
    let changes: BTreeMap<Oid, Vec<FileDiff>> = changes.into_iter().flatten().collect();
    let side = |(task, commit, name, _): (TaskId, Oid, Option<RefName>, Oid)| {
        let changes = changes.get(&commit)?;
        Side::new(task, commit, name, changes)
    };
    Ok(tips.into_iter().filter_map(side).collect())
}

fn unread_worktree(task: TaskId, path: &Path, error: &Error) -> UnknownWork {
    UnknownWork::new(task, format!("the uncommitted work in {} cannot be read: {error}", path.display()))
}

/// Finds the pairs, and whether they conflict. One process where there are any.
fn compare(
    context: &Context,
    store: &ScratchStore<'_>,
    scope: Scope,
    output: &RefName,
    sides: &[Side],
    found: &mut Found,
) -> Result<()> {
    let is_wanted = |task: TaskId| match scope {
        Scope::All => true,
        Scope::Of(wanted) => task == wanted,
        Scope::Changes => false,
    };
    let side = |n: usize| sides.get(n);
    let mut pairs = shared(sides);
    pairs.retain(|pair| pair.sides.into_iter().filter_map(side).any(|side| is_wanted(side.task)));
    if pairs.is_empty() {
        return Ok(());
    }
    let commits = pairs.iter().filter_map(|pair| Some((&side(pair.sides[0])?.commit, &side(pair.sides[1])?.commit)));
    let merges = match may_fetch(context) {
        Ok(false) => store.merge_all(&commits.collect::<Vec<_>>(), output),
        Ok(true) => Err(Error::new(Kind::GitTooOld, "in a partial clone git before 2.44 would fetch what it lacks")),
        Err(error) => Err(error),
    };
    let merges = match merges {
        Ok(Some(merges)) => Some(merges),
        Ok(None) => {
            found.why = Some("git before 2.39 cannot merge many pairs at once".to_owned());
            None
        }
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        Err(error) => {
            found.why = Some(error.to_string());
            None
        }
    };
    found.pairs.extend(overlap::overlaps(sides, &pairs, merges.as_deref()));
    Ok(())
}

/// Whether git would make a connection for a file that this clone does not have. One process in a partial clone.
fn may_fetch(context: &Context) -> Result<bool> {
    let repository = &context.repository;
    Ok(repository.git().is_partial() && repository.git_version()? < (2, 44))
}
