//! The active tasks with their locks as this clone knows them, for what must be fast: a prompt, and what a shell offers
//! while somebody types. Worktrees are not looked at, and no connection is made.

use crate::coordination::lock_record::LockRecord;
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

    /// The tasks of the caller's session, then those that this clone has taken, then others of the same person.
    pub(crate) fn own(&self) -> Vec<&Task> {
        let rank = |lock: &LockEntry| match () {
            () if self.is_mine(lock) => Some(0),
            () if LockRecord::has_taken(&self.context.repository, lock) => Some(1),
            () => (self.context.email() == Some(&lock.holder)).then_some(2),
        };
        let ranked = self.locks.iter().filter_map(|lock| {
            let rank = rank(lock)?;
            Some((rank, lock.task, self.tasks.iter().find(|task| task.id == lock.task)?))
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_by_key(|(rank, id, _)| (*rank, *id));
        ranked.into_iter().map(|(_, _, task)| task).collect()
    }

    /// The tasks that can be picked, best first.
    pub(crate) fn ready(&self) -> Vec<&Task> {
        let locked: BTreeSet<_> = self.locks.iter().map(|lock| lock.task).collect();
        let board = ActiveTasks::new(&self.tasks);
        board.ordered(|task| board.is_ready(task) && !locked.contains(&task.id))
    }
}
