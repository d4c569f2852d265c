//! What an agent must know before it works: who it is, what it holds and where that is, what was taken from it, and what
//! is ready. From what this clone knows; the remote is not contacted.

use crate::agents::texts::VerbHelp;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, Session};
use crate::error::{Hint, Result};
use crate::git::Freshness;
use crate::ledger::Ledger;
use crate::ops::list::ReadView;
use crate::ops::lock::LockedTask;
use crate::ops::next_step::NextStep;
use crate::ops::task_info::TaskInfo;
use crate::ops::whoami::Identity;
use crate::project::context::Context;
use crate::project::holder::holds;
use crate::project::outcome::{Holder, Incomplete};
use crate::task::{ActiveTasks, TaskId};
use serde::Serialize;
use std::path::PathBuf;

/// How many tasks of each kind are named: a brief is read at the beginning of every session.
const NAMED: usize = 5;

/// The outcome.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Brief {
    /// Who asks; `null` where that is unknown.
    pub(crate) who: Option<Identity>,
    /// Why it is unknown, so that no task can be held; absent where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) who_unknown: Option<Incomplete>,
    /// Whether this clone is set up for tasks.
    pub(crate) initialised: bool,
    /// Tasks that were taken over: another session holds them now.
    pub(crate) lost: Vec<LockedTask>,
    /// The tasks that this session holds.
    pub(crate) holds: Vec<TaskInfo>,
    /// The task in whose worktree the command runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) here: Option<TaskId>,
    /// Where to go: the worktree of the first task that it holds; absent in a worktree of one of them.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) cd: Option<PathBuf>,
    /// How many tasks other sessions hold.
    pub(crate) held_by_others: usize,
    /// The first of the tasks that can be picked, best first.
    pub(crate) ready: Vec<TaskInfo>,
    /// How many can be picked.
    pub(crate) ready_count: usize,
    /// What to do next.
    pub(crate) next: Hint,
    /// The verbs of a day.
    pub(crate) verbs: Vec<VerbHelp>,
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
}

/// Reads it all.
pub(crate) fn brief(context: &Context, verbs: Vec<VerbHelp>) -> Result<Brief> {
    let ledger = context.reading_ledger();
    let (mut loaded, view) = ReadView::load(context, &ledger, Freshness::AsKnown)?;
    // A session begins with the brief, also one that could hold no task yet; it is told what is missing.
    let (session, unknown) = match loaded.around.session().cloned().map_or_else(|| context.session(), Ok) {
        Ok(session) => (Some(session), None),
        Err(error) => (None, Some(Incomplete::from(&error))),
    };
    let tasks = std::mem::take(&mut loaded.tasks);
    let board = ActiveTasks::new(&tasks);
    let is_held = |id: TaskId| {
        let lock = loaded.locks.get(&id).zip(session.as_ref());
        lock.is_some_and(|(lock, session)| holds(context, session, lock))
    };
    let here = context.task_here().map(|name| name.id());
    let mut own: Vec<_> = board.ordered(|task| is_held(task.id));
    own.sort_by_key(|task| Some(task.id) != here);
    let holds: Vec<_> = own.iter().take(NAMED).map(|task| loaded.describe(task)).collect();
    let free: Vec<_> = board.ready().into_iter().filter(|task| !loaded.locks.contains_key(&task.id)).collect();
    let ready: Vec<_> = free.iter().take(NAMED).map(|task| loaded.describe(task)).collect();
    // In the worktree of such a task every answer begins with it.
    let lost = |session: &Session| {
        let is_lost = |lock: &LockEntry| {
            let held = LockRecord::load(&context.repository, lock.task);
            held.is_some_and(|held| held.is_taken_over(lock, Some(&session.email), |lock| lock.is_of(session)))
        };
        let lost = loaded.locks.values().filter(|lock| Some(lock.task) != here && is_lost(lock));
        lost.map(|lock| LockedTask { task_id: lock.task, lock: Holder::new(context, lock, &session.host) }).collect()
    };
    let lost = session.as_ref().map(lost).unwrap_or_default();
    let initialised = view.base(&Ledger::locks_branch()?).is_some();
    let is_here = holds.iter().any(|task| Some(task.id) == here);
    let place = |task: &TaskInfo| task.worktree.as_ref().map(|worktree| worktree.path.clone());
    let cd = holds.iter().find_map(place).filter(|_| !is_here);
    // Without a name and an address no task can be taken or created.
    let cure = unknown.as_ref().filter(|_| initialised).and_then(|unknown| unknown.hints.first().cloned());
    let next = cure.unwrap_or_else(|| NextStep::of(context, initialised, &holds, !ready.is_empty()).hint);
    Ok(Brief {
        held_by_others: loaded.locks.len().saturating_sub(own.len()),
        who: session.map(|session| Identity::of(context, session)),
        who_unknown: unknown,
        initialised,
        lost,
        holds,
        here: here.filter(|_| is_here),
        cd,
        ready_count: free.len(),
        ready,
        next,
        verbs,
        as_of: loaded.as_of.clone(),
    })
}
