//! The active tasks with their locks as this clone knows them, for what must be fast: a prompt, and what a shell offers
//! while somebody types. Worktrees are not looked at, and no connection is made.

use crate::coordination::{LockEntry, Session, kept_locks};
use crate::error::Result;
use crate::git::Freshness;
use crate::project::context::Context;
use crate::project::holder::holds;
use crate::project::index::{Branches, Index, branches};
use crate::task::{ActiveTasks, Task, TaskId};
use std::collections::BTreeSet;

/// The tasks and their locks.
#[derive(Debug)]
pub(crate) struct KnownTasks {
    /// The context.
    pub(crate) context: Context,
    session: Option<Session>,
    /// The active tasks.
    pub(crate) tasks: Vec<Task>,
    /// The locks.
    pub(crate) locks: Vec<LockEntry>,
}

impl KnownTasks {
    /// Reads them; `None` where it would take a connection to tell where they are. One process, and up to three more
    /// where tasks or locks have changed.
    pub(crate) fn load(context: Context) -> Result<Option<Self>> {
        if !context.knows_data_branch() {
            return Ok(None);
        }
        let Branches { locks, data } = branches(&context)?;
        let (tasks, locks) = {
            let ledger = context.reading_ledger();
            let view = ledger.view(&[locks, data.clone()], Freshness::AsKnown)?;
            (Index::load(&view, &data)?.load_active(&view)?, kept_locks::entries(&view)?)
        };
        let session = if locks.is_empty() { None } else { context.session().ok() };
        Ok(Some(Self { context, session, tasks, locks }))
    }

    /// The lock of a task.
    pub(crate) fn lock(&self, task: TaskId) -> Option<&LockEntry> {
        self.locks.iter().find(|lock| lock.task == task)
    }

    /// Whether the session of the caller holds a lock.
    pub(crate) fn is_mine(&self, lock: &LockEntry) -> bool {
        self.session.as_ref().is_some_and(|session| holds(&self.context, session, lock))
    }

    /// The tasks of the caller's session, by their ids: those of others it can neither finish nor drop.
    pub(crate) fn own(&self) -> Vec<&Task> {
        let mut own: Vec<_> = self.locks.iter().filter(|lock| self.is_mine(lock)).map(|lock| lock.task).collect();
        own.sort_unstable();
        own.iter().filter_map(|id| self.tasks.iter().find(|task| task.id == *id)).collect()
    }

    /// The tasks that can be picked, best first.
    pub(crate) fn ready(&self) -> Vec<&Task> {
        let locked: BTreeSet<_> = self.locks.iter().map(|lock| lock.task).collect();
        let board = ActiveTasks::new(&self.tasks);
        board.ordered(|task| board.is_ready(task) && !locked.contains(&task.id))
    }
}
