//! Taking a task: lock, status and assignee in one swap, then its worktree. Both faces take tasks so; they differ by a
//! [`Policy`], and by the [`PickSource`] that the task is read from.

mod choose;
mod decide;
mod operation;
mod planned_worktree;

pub(crate) use decide::{PickDecision, PickGates, PickRefusal, PickView, Policy, WorkState};
pub(crate) use operation::{PickOperation, PickOutcome, PickResult, PickSource, WorkingCopy};

use crate::coordination::LockEntry;
use crate::coordination::claim_record::Held;
use crate::coordination::decide::{Holding, LockRule, Takeover};
use crate::error::{Error, Kind, Result};
use crate::project::context::{Context, Wanted};
use crate::project::holder::held;
use crate::project::outcome::{Aside, Holder, TaskInfo, WorktreeInfo, excerpt};
use planned_worktree::PlannedWorktree;
use serde::Serialize;

/// What to take, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct PickOptions {
    /// The tasks to try, in order; empty takes the best ready one.
    pub(crate) wanted: Vec<Wanted>,
    /// Whether to make a worktree; `None` asks the settings.
    pub(crate) worktree: Option<bool>,
    /// The branch to cut the task branch from.
    pub(crate) base: Option<String>,
    /// Take it over from whoever holds it.
    pub(crate) steal: bool,
    /// Take it although it waits for others.
    pub(crate) ignore_blocked: bool,
}

/// How the task came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PickKind {
    /// It was free.
    New,
    /// It was ours already: this session's, or a dead one's of the same person on this machine.
    Mine,
    /// It was taken over.
    Stolen,
}

/// A task taken.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Picked {
    /// The task.
    pub(crate) task: TaskInfo,
    /// Its lock.
    pub(crate) lock: Holder,
    /// Its worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worktree: Option<WorktreeInfo>,
    /// How it came to be ours.
    pub(crate) took: PickKind,
    /// Who held it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Holder>,
    /// The first lines of its text.
    #[serde(skip)]
    pub(crate) excerpt: Vec<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Aside,
}

/// Takes a task.
///
/// # Errors
/// [`Kind::Held`] with the holder and what to pick instead; [`Kind::NotClaimable`], [`Kind::Blocked`],
/// [`Kind::NoSuchTask`], [`Kind::NothingToPick`]; [`Kind::Occupied`] when there is no room for the worktree.
pub(crate) fn pick(context: &Context, options: &PickOptions) -> Result<Picked> {
    let session = context.session()?;
    let policy = Policy {
        rule: LockRule::Verb,
        takeover: if options.steal { Takeover::Wanted } else { Takeover::Refused },
        gates: if options.ignore_blocked { PickGates::Children } else { PickGates::Blockers },
    };
    let mut taker = PickOperation::new(context, policy, PickSource::Published(&options.wanted, &session))?;
    if options.worktree.unwrap_or(context.settings.worktree) {
        taker.planned_worktree = Some(PlannedWorktree::new(context, options.base.as_deref(), &options.wanted)?);
    }
    let PickResult { landed, unpublished } = taker.run()?;
    let mut aside = Aside::of(context, &landed);
    aside.notes.extend(unpublished.map(|error| {
        let data = &taker.data;
        format!(
            "the server refuses pushes to {data} ({error}); the lock is taken, the status is committed here only. \
             Cure: a branch of its own for the task data (git aitask init --data-branch)"
        )
    }));
    let taking = match landed.value {
        PickOutcome::Taken(taking) => taking,
        PickOutcome::Refused(in_the_way) => return Err(held(context, &session, &in_the_way)),
    };
    let excerpt = excerpt(&taking.document);
    let Some(mut locked) = taking.lock else { return Err(Error::new(Kind::Bug, "a task was taken without its lock")) };
    if let Some(token) = landed.blobs.get(&LockEntry::path(taking.task.id)) {
        locked.entry.token = Some(token.clone());
    }
    let worktree = taker
        .planned_worktree
        .take()
        .map(|planned_worktree| planned_worktree.create(context, &mut aside))
        .transpose()?
        .flatten();
    if !context.dry_run {
        remember(context, &locked.entry, worktree.as_ref())?;
    }
    let before = locked.before.as_ref();
    let previous = before.filter(|before| before.holding != Holding::Ours);
    Ok(Picked {
        task: TaskInfo::from(&taking.task),
        lock: Holder::new(context, &locked.entry, &session.host),
        worktree,
        took: match before.map(|before| before.holding) {
            None => PickKind::New,
            Some(Holding::Ours | Holding::Left) => PickKind::Mine,
            Some(Holding::InTheWay(_)) => PickKind::Stolen,
        },
        previous: previous.map(|before| Holder::new(context, &before.sight.lock, &session.host)),
        excerpt,
        aside,
    })
}

/// Notes that the taking is complete, and where the branch was cut from.
fn remember(context: &Context, lock: &LockEntry, worktree: Option<&WorktreeInfo>) -> Result<()> {
    let Some(nonce) = lock.nonce.clone() else { return Ok(()) };
    let data = Some(context.data_branch()?.to_string());
    let mut held = Held { data, ..Held::taken(&context.repository, lock, nonce) };
    if let Some(worktree) = worktree
        && (worktree.created || held.base.is_none())
    {
        held.base = worktree.base.as_ref().map(ToString::to_string);
        held.base_commit = worktree.cut_from.as_ref().map(|from| from.commit.to_string());
        held.merged &= !worktree.created;
    }
    held.save(&context.repository, lock.task)
}
