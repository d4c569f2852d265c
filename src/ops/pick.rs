//! Picking a task: lock, status and assignee in one swap, then its worktree. Both faces pick tasks by this operation;
//! they differ in a [`Policy`], and in the [`PickSource`] from which the task is read.
//!
//! Why the order is safe. What would make the worktree fail is refused before the swap, so that no task is picked
//! without a place to work in. The record of the pick is written before the swap: a command that is killed right after
//! it finds, by the nonce in that record, that the lock is its own. The worktree comes after the swap, because only the
//! holder may create the task branch. Killed before the swap, nothing has happened; killed after it, the same command
//! picks the task again (it is the holder's) and adds the worktree.

mod apart;
mod choose;
mod decide;
mod next;
mod operation;
mod planned_worktree;

pub(crate) use choose::Among;
pub(crate) use decide::{PickDecision, PickGates, PickRefusal, PickView, Policy, WorkState};
pub(crate) use next::{NextOptions, Patience, pick_next};
pub(crate) use operation::{PickOperation, PickOutcome, PickResult, PickSource, WorkingCopy};

use crate::coordination::LockEntry;
use crate::coordination::decide::{LockRule, Ownership, PriorLock, Takeover};
use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefUpdate};
use crate::ops::radar::{self, InWork, Overlaps};
use crate::ops::task_info::{PlanText, Surroundings, TaskInfo, WorktreeState};
use crate::project::context::{Context, Wanted};
use crate::project::holder::held;
use crate::project::outcome::{Holder, Notices, WorktreeInfo, excerpt};
use crate::task::named_files::NamedFiles;
use crate::task::{TaskId, TaskName, sanitise};
use planned_worktree::PlannedWorktree;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The options of `git aitask pick`.
#[derive(Debug, Clone, Default)]
pub(crate) struct PickOptions {
    /// The tasks to try, in order; empty picks the best ready one.
    pub(crate) wanted: Vec<Wanted>,
    /// The tasks of which that is the best.
    pub(crate) among: Among,
    /// Whether to add a worktree; `None` follows the settings.
    pub(crate) worktree: Option<bool>,
    /// The branch to cut the task branch from.
    pub(crate) base: Option<String>,
    /// Take it over from its holder.
    pub(crate) steal: bool,
    /// Pick it although it depends on open tasks.
    pub(crate) ignore_blocked: bool,
}

/// From whom the task was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum PickKind {
    /// Nobody held it.
    New,
    /// This session held it already, or a dead session of the same person on this machine did.
    Mine,
    /// Another session held it, and it was taken over.
    Stolen,
}

/// The outcome: a task that was picked.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Picked {
    /// The task.
    pub(crate) task: TaskInfo,
    /// Its lock.
    pub(crate) lock: Holder,
    /// Its worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worktree: Option<WorktreeInfo>,
    /// Where the shell should go.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// Its text.
    pub(crate) text: String,
    /// Its plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<PlanText>,
    /// From whom it was picked.
    pub(crate) took: PickKind,
    /// Who held it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Holder>,
    /// Where the work of the former holder is, of whom nothing is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unpublished: Option<UnpublishedWork>,
    /// The overlaps with other tasks in work; absent where none has changes that this clone knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overlaps: Option<Overlaps>,
    /// The tasks that were picked after it, each as if it were the only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) more: Vec<Self>,
    /// The tasks that would have been picked before it, had nothing been in the way of their worktrees.
    #[serde(skip)]
    pub(crate) passed_over: Vec<TaskId>,
    /// The first lines of its text, and where the rest is.
    #[serde(skip)]
    pub(crate) excerpt: Vec<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// Work that only its holder has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct UnpublishedWork {
    /// The host of the holder.
    pub(crate) host: String,
    /// The folder on that host; absent where the lock does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<String>,
}

/// Whether the holder of a lock works in this clone.
fn is_in_clone(context: &Context, lock: &LockEntry, host: &str) -> bool {
    lock.host == host && lock.folder().is_some_and(|folder| Path::new(folder).starts_with(&context.repository.root))
}

impl UnpublishedWork {
    /// The work of the holder of a lock that was replaced; `None` where it is in this clone.
    fn of(context: &Context, lock: &LockEntry, host: &str) -> Option<Self> {
        let is_here = is_in_clone(context, lock, host);
        (!is_here).then(|| Self { host: sanitise(&lock.host), folder: lock.folder().map(sanitise) })
    }

    fn note(&self, holder: &str) -> String {
        let place = self.folder.as_ref().map_or_else(String::new, |folder| format!("in {folder} "));
        format!(
            "no commit of {holder} is published on the branch of this task; what there is lies {place}on {}",
            self.host
        )
    }
}

/// Picks a task.
///
/// # Errors
/// [`Kind::Held`] with the holder and what to pick instead; [`Kind::NotClaimable`], [`Kind::Blocked`],
/// [`Kind::NoSuchTask`], [`Kind::NothingToPick`]; [`Kind::Occupied`] when the worktree cannot be added.
pub(crate) fn pick(context: &Context, options: &PickOptions) -> Result<Picked> {
    let session = context.session()?;
    let policy = Policy {
        rule: LockRule::Verb,
        takeover: if options.steal { Takeover::Wanted } else { Takeover::Refused },
        gates: if options.ignore_blocked { PickGates::Children } else { PickGates::Blockers },
    };
    let mut taker = PickOperation::new(context, policy, PickSource::Published(&options.wanted, &session))?;
    taker.among = options.among.clone();
    if options.worktree.unwrap_or(context.settings.worktree) {
        taker.planned_worktree = Some(PlannedWorktree::new(context, options.base.as_deref(), &options.wanted)?);
    }
    let PickResult { landed, unpublished } = taker.run()?;
    let mut aside = Notices::of(context, &landed);
    aside.notes.extend(unpublished.map(|error| {
        let data = &taker.data;
        format!(
            "the server refuses pushes to {data} ({error}); the lock is published, the status is committed only \
             locally; git aitask init --data-branch moves the task data to a branch of its own"
        )
    }));
    aside.notes.extend(
        taker
            .passed_over
            .iter()
            .map(|(id, why)| format!("{} was passed over: {why}; git aitask pick {id} says what to do", id.prefixed())),
    );
    let taking = match landed.value {
        PickOutcome::Taken(taking) => taking,
        PickOutcome::Refused(in_the_way) => return Err(held(context, &session, &in_the_way)),
    };
    let excerpt = excerpt(&taking.document, taking.task.id);
    let text = String::from_utf8_lossy(taking.document.body()).into_owned();
    let Some(mut locked) = taking.lock else { return Err(Error::new(Kind::Bug, "a task was picked without its lock")) };
    if let Some(token) = landed.blobs.get(&LockEntry::path(taking.task.id)) {
        locked.entry.token = Some(token.clone());
    }
    let id = taking.task.id;
    let before = locked.before.as_ref();
    let previous = before.filter(|before| before.ownership != Ownership::Ours);
    if let Some(former) = former_here(context, &taker, previous, &session.host) {
        // The task is taken; that something cannot be told changes nothing.
        aside.notes.extend(planned_worktree::left_by(context, taking.task.name(), former).unwrap_or_default());
    }
    let made = match taker.planned_worktree.take() {
        Some(planned) => planned.create(context, &landed.updates, &mut aside),
        None => Ok(None),
    };
    let ways = [
        command!["git aitask worktree add", id].note("adds it, once that is mended"),
        command!["git aitask drop", id].note("gives the task back"),
    ];
    let worktree = aside.after_swap(made, "the task is yours, but its worktree could not be added", ways)?.flatten();
    // Without the worktree the record stays that of an attempt that is not complete: the same command completes it.
    if !context.dry_run && aside.incomplete.is_none() {
        let noted = remember(context, &locked.entry, worktree.as_ref());
        let again = command!["git aitask pick", id].note("notes it again");
        aside.after_swap(noted, "the task is yours, but this clone could not note that", [again])?;
    }
    let lost = unpublished_work(context, &taker, &session.host);
    aside.notes.extend(lost.iter().map(|(holder, work)| work.note(&sanitise(holder))));
    let nearest = taker.earlier.first().filter(|lock| !is_in_clone(context, lock, &session.host));
    let unpublished = nearest.and_then(|_| lost.into_iter().next()).map(|(_, work)| work);
    aside.notes.extend(taker.apart_note.take());
    let plan = taker.plan.as_ref().map(|plan| plan.text.as_str());
    let names = NamedFiles::of(&taking.document, plan);
    let picked = InWork { lock: &locked.entry, name: taking.task.name(), checkout: None };
    let overlaps = radar::of_picked(context, &picked, &taker.in_work, &names, &session.host)?;
    let around = Surroundings::new(context, taker.active).asked_by(&session);
    // What a dry run has not made is not in the registry.
    let made = worktree.as_ref().filter(|made| context.json && context.dry_run && made.created);
    let mut task = match made {
        Some(made) => {
            let state = would_be(context, made, &landed.updates);
            around.describe_at(&taking.task, Some(&locked.entry), Some(state))
        }
        None => around.describe(&taking.task, Some(&locked.entry)),
    };
    task.mine = true;
    Ok(Picked {
        task,
        lock: Holder::new(context, &locked.entry, &session.host),
        cd: worktree.as_ref().map(|worktree| worktree.path.clone()),
        text,
        plan: taker.plan,
        worktree,
        took: match before.map(|before| before.ownership) {
            None => PickKind::New,
            Some(Ownership::Ours | Ownership::Abandoned) => PickKind::Mine,
            Some(Ownership::Conflict(_)) => PickKind::Stolen,
        },
        previous: previous.map(|before| Holder::new(context, &before.observed.lock, &session.host)),
        unpublished,
        overlaps,
        more: Vec::new(),
        passed_over: taker.passed_over.into_keys().collect(),
        excerpt,
        aside,
    })
}

/// The lock of the session from which the task came, where that worked in this clone and did not release it.
fn former_here<'t>(
    context: &Context,
    taker: &'t PickOperation<'_>,
    previous: Option<&'t PriorLock>,
    host: &str,
) -> Option<&'t LockEntry> {
    let stolen = previous.filter(|before| before.ownership != Ownership::Abandoned);
    let mut earlier = stolen.map(|before| &before.observed.lock).into_iter().chain(&taker.earlier);
    let displaced = taker.planned_worktree.as_ref().and_then(PlannedWorktree::former);
    displaced.or_else(|| earlier.find(|lock| is_in_clone(context, lock, host)))
}

/// What those who had the task before have of it elsewhere, where its branch is not published, with their addresses.
fn unpublished_work<'t>(
    context: &Context,
    taker: &'t PickOperation<'_>,
    host: &str,
) -> Vec<(&'t str, UnpublishedWork)> {
    let mut found: Vec<(&str, UnpublishedWork)> = Vec::new();
    for lock in taker.earlier.iter().filter(|_| taker.finds_work == Some(false)) {
        let work = UnpublishedWork::of(context, lock, host).map(|work| (lock.holder.as_str(), work));
        found.extend(work.filter(|work| !found.contains(work)));
    }
    found
}

/// The state of a worktree that a dry run says would be made, beside a base that the swap would have moved.
fn would_be(context: &Context, made: &WorktreeInfo, swapped: &[RefUpdate]) -> WorktreeState {
    let base = made.base.as_ref().map(Branch::full);
    let moved = swapped.iter().find(|update| Some(&update.name) == base.as_ref()).and_then(|update| update.new.clone());
    let base = moved.or_else(|| made.cut_from.as_ref().map(|from| from.commit.clone()));
    WorktreeState::made(context, &made.path, &made.branch, made.head.as_ref(), base.as_ref())
}

/// Records that the pick is complete, and what the task branch was cut from.
fn remember(context: &Context, lock: &LockEntry, worktree: Option<&WorktreeInfo>) -> Result<()> {
    let Some(nonce) = lock.nonce.clone() else { return Ok(()) };
    let data = Some(context.data_branch()?.to_string());
    let mut held = LockRecord { data, ..LockRecord::taken(&context.repository, lock, nonce) };
    if let Some(worktree) = worktree
        && (worktree.created || held.base.is_none())
    {
        held.base = worktree.base.as_ref().map(ToString::to_string);
        held.base_commit = worktree.cut_from.as_ref().map(|from| from.commit.to_string());
        held.merged &= !worktree.created;
    }
    let here = context.repository.root_branch.as_ref().filter(|it| TaskName::from_branch(it.as_str()).is_none());
    if let (None, Some(here)) = (worktree, here) {
        held.picked_on = Some(here.to_string());
    }
    held.with_base_of(lock).save(&context.repository, lock.task)
}
