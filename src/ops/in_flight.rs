//! How far the tasks in work are: the last commit of each, whether it lands now, with which others it conflicts, and which
//! locks are so old that their work may have been left.

use crate::coordination::LockEntry;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::process::Liveness;
use crate::error::{Kind, Result};
use crate::git::porcelain::ref_tips::TipCommit;
use crate::git::refs::ListedRefs;
use crate::git::{Branch, Oid, RefName, Repository, refs};
use crate::landing::{line, turn};
use crate::ops::lock::LockedTask;
use crate::ops::radar::{Overlaps, picked_at};
use crate::ops::task_info::TaskInfo;
use crate::project::context::Context;
use crate::project::outcome::Holder;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// What a task in work is at; who holds it, and in which worktree, its own object tells.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct InFlight {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The last commit of its branch, here or as it was fetched; absent where it has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_commit: Option<LastCommit>,
    /// Its place among those that are checked and land in a clone of this user on this machine; absent where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landing: Option<LandingPlace>,
    /// The tasks in work with which it conflicts, as far as that is known.
    pub(crate) conflicts_with: Vec<TaskId>,
}

/// The last commit of a task branch.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LastCommit {
    /// The commit.
    pub(crate) commit: Oid,
    /// When it was made (RFC 3339).
    pub(crate) time: String,
    /// Its author.
    pub(crate) author: String,
    /// The first line of its message.
    pub(crate) subject: String,
    #[serde(skip)]
    seconds: i64,
}

/// A place in the line of those that land.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LandingPlace {
    /// The output branch.
    pub(crate) into: String,
    /// How many are before it; 0 while it is checked and lands.
    pub(crate) before: usize,
    /// The clone in which it lands, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) clone: Option<PathBuf>,
}

impl LandingPlace {
    /// A few words.
    pub(crate) fn sentence(&self) -> String {
        let place = self.clone.as_ref().map_or_else(String::new, |clone| format!(" in {}", clone.display()));
        match self.before {
            0 => format!("being checked{place}, lands on {}", self.into),
            before => format!("waits{place} to land on {}, {before} before it", self.into),
        }
    }
}

/// A lock that may be left over.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DoubtfulLock {
    /// The task and its holder.
    #[serde(flatten)]
    pub(crate) locked: LockedTask,
    /// Why we think so.
    pub(crate) why: String,
}

/// What each of these held tasks is at. At most one process.
pub(crate) fn of_all(context: &Context, rows: &[TaskInfo], overlaps: Option<&Overlaps>) -> Result<Vec<InFlight>> {
    let mut commits = last_commits(context, rows.iter().map(|row| (row.id, &row.name)))?;
    let mut landings = landings(context);
    let conflicts = || overlaps.and_then(|it| it.pairs.as_ref()).into_iter().flatten();
    let of = |row: &TaskInfo| InFlight {
        task_id: row.id,
        last_commit: commits.remove(&row.id),
        landing: landings.remove(&row.name.branch_name()),
        conflicts_with: conflicts()
            .filter(|pair| pair.conflict == Some(true) && pair.tasks.contains(&row.id))
            .flat_map(|pair| pair.tasks.into_iter().filter(|task| *task != row.id))
            .collect(),
    };
    Ok(rows.iter().map(of).collect())
}

/// The last commits of the branches of tasks, without those that only are where they were cut. One process, where there
/// may be any.
fn last_commits<'t>(
    context: &Context,
    tasks: impl Iterator<Item = (TaskId, &'t TaskName)>,
) -> Result<BTreeMap<TaskId, LastCommit>> {
    let repository = &context.repository;
    let here = format!("refs/heads/{BRANCH_PREFIX}");
    let there = context.channel.remote().map(|remote| format!("refs/remotes/{remote}/{BRANCH_PREFIX}"));
    let listed = ListedRefs::of(repository, std::iter::once(here).chain(there));
    let mut wanted: BTreeMap<RefName, TaskId> = BTreeMap::new();
    let mut cut: BTreeSet<(TaskId, Oid)> = BTreeSet::new();
    for (task, name) in tasks {
        let Ok(branch) = Branch::parse(&name.branch_name()) else { continue };
        let held = LockRecord::load(repository, task);
        cut.extend(held.and_then(|held| Some((task, Oid::parse(&held.base_commit?)?))));
        let names = std::iter::once(branch.full()).chain(context.channel.remote().map(|it| branch.tracking(it)));
        let is_new = |name: &RefName| listed.tip(name).is_some_and(|tip| cut.contains(&(task, tip.clone())));
        let moved = names.filter(|name| listed.may_have(name) && !is_new(name)).map(|name| (name, task));
        wanted.extend(moved.collect::<Vec<_>>());
    }
    let mut newest: BTreeMap<TaskId, TipCommit> = BTreeMap::new();
    for (name, tip) in tips(repository, &wanted.keys().cloned().collect::<Vec<_>>())? {
        let Some(task) = wanted.get(&name).filter(|task| !cut.contains(&(**task, tip.oid.clone()))) else { continue };
        if newest.get(task).is_none_or(|other| other.time < tip.time) {
            newest.insert(*task, tip);
        }
    }
    Ok(newest.into_iter().filter_map(|(task, tip)| Some((task, LastCommit::new(tip)?))).collect())
}

/// The commits at the tips. Where git fails at one of them, each is asked for by itself, so that it hides no other.
fn tips(repository: &Repository, names: &[RefName]) -> Result<Vec<(RefName, TipCommit)>> {
    match refs::load_tips(repository, names) {
        Err(error) if error.kind() != Kind::Interrupted => {
            let alone = names.iter().filter_map(|name| refs::load_tips(repository, std::slice::from_ref(name)).ok());
            Ok(alone.flatten().collect())
        }
        tips => tips,
    }
}

impl LastCommit {
    fn new(tip: TipCommit) -> Option<Self> {
        let TipCommit { oid: commit, time: seconds, author, subject } = tip;
        let time = jiff::Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Some(Self { commit, time, author, subject, seconds })
    }
}

/// The places of those that land in this clone, and in others of this user on this machine, by their task branches.
fn landings(context: &Context) -> BTreeMap<String, LandingPlace> {
    let mut before: BTreeMap<(Option<PathBuf>, String), usize> = BTreeMap::new();
    let mut places = BTreeMap::new();
    let others = turn::in_other_clones(context).into_iter().map(|(clone, entry)| (Some(clone), entry));
    let own = line::all(&context.repository.records()).into_iter().map(|entry| (None, entry));
    for (clone, entry) in others.chain(own) {
        let count = before.entry((clone.clone(), entry.into.clone())).or_default();
        places.insert(entry.branch, LandingPlace { into: entry.into, before: *count, clone });
        *count += 1;
    }
    places
}

/// How wrong the time of a lock may be whose host names no zone: as far as two zones are apart.
const ZONES_APART: Duration = Duration::from_secs(26 * 3600);

/// The locks that were taken before `aitask.staleAfter`, without a commit since, and whose session is not known to be
/// dead: those have a list of their own. A lock that does not tell when it was taken is not called old. `host` is this
/// machine.
pub(crate) fn old_locks<'l>(
    context: &Context,
    locks: impl Iterator<Item = &'l LockEntry>,
    rows: &[InFlight],
    host: &str,
) -> Vec<DoubtfulLock> {
    let now = jiff::Timestamp::now().as_second();
    let limit = context.settings.stale_after;
    let age = |time: i64| Duration::from_secs(u64::try_from(now.saturating_sub(time)).unwrap_or(0));
    let judge = |lock: &LockEntry| {
        let doubt = if lock.since_with_zone(host).is_some() { Duration::ZERO } else { ZONES_APART };
        let taken = age(picked_at(lock, host)?).saturating_sub(doubt);
        let commit = rows.iter().find(|row| row.task_id == lock.task).and_then(|row| row.last_commit.as_ref());
        let last = commit.map(|commit| age(commit.seconds));
        if taken.min(last.unwrap_or(taken)) < limit {
            return None;
        }
        let holder = Holder::new(context, lock, host);
        let session = match holder.session {
            Liveness::Dead => return None,
            Liveness::Alive => "its session lives",
            Liveness::Unknown => "whether its session lives is unknown",
        };
        let work = match last.filter(|last| *last < taken) {
            Some(last) => format!("its last commit is {} old", span(last)),
            None => format!("it was taken {} ago and has no commit since, as far as this clone knows", span(taken)),
        };
        Some(DoubtfulLock {
            locked: LockedTask { task_id: lock.task, lock: holder },
            why: format!("{work}; {session}"),
        })
    };
    locks.filter_map(judge).collect()
}

/// A span in hours, or in days.
fn span(time: Duration) -> String {
    match time.as_secs() / 3600 {
        0 => format!("{} min", time.as_secs() / 60),
        hours @ 1..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}
