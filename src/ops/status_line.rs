//! The state in one line, for a prompt or the status line of an agent.

use crate::coordination::{LockEntry, kept_locks};
use crate::error::Result;
use crate::git::Freshness;
use crate::ops::task_info::Surroundings;
use crate::project::context::Context;
use crate::project::holder::holds;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Holder;
use crate::task::{ActiveTasks, TaskId};

/// The columns of a title: a prompt has no more room.
const TITLE: usize = 40;

/// The task of this worktree, else one that this session holds, and how many are held and ready; `None` where there are no
/// tasks, or it would take a connection to tell. Three processes; in a linked worktree, and where tasks or locks have
/// changed, up to three more.
pub(crate) fn line(context: &Context) -> Result<Option<String>> {
    if !context.knows_data_branch() {
        return Ok(None);
    }
    let Branches { locks, data } = branches(context)?;
    let ledger = context.reading_ledger();
    let view = ledger.view(&[locks, data.clone()], Freshness::AsKnown)?;
    let index = Index::load(&view, &data)?;
    let tasks = index.load_active(&view)?;
    let locks = kept_locks::entries(&view)?;
    if tasks.is_empty() {
        return Ok(None);
    }
    let board = ActiveTasks::new(&tasks);
    let around = Surroundings::new(context, index.active_ids());
    let is_held = |id: TaskId| locks.iter().any(|lock| lock.task == id);
    let is_mine = |lock: &LockEntry| around.session().is_some_and(|session| holds(context, session, lock));
    let title = |id: TaskId| {
        let task = tasks.iter().find(|task| task.id == id);
        task.map(|task| task.title.chars().take(TITLE).collect::<String>()).unwrap_or_default()
    };
    let mine: Vec<_> = locks.iter().filter(|lock| is_mine(lock)).map(|lock| lock.task).collect();
    let here = context.task_here().map(|name| name.id()).filter(|id| is_held(*id) || index.active(*id).is_some());
    let shown = match here {
        Some(id) if !mine.contains(&id) => Some(match locks.iter().find(|lock| lock.task == id) {
            None => format!("{} is not locked", id.prefixed()),
            Some(lock) => {
                let holder = Holder::new(context, lock, around.host());
                format!("{} is held by {}", id.prefixed(), holder.seen_by(false))
            }
        }),
        here => here.or(mine.first().copied()).map(|id| {
            let more = if mine.len() > 1 { format!(" +{}", mine.len() - 1) } else { String::new() };
            format!("{} {}{more}", id.prefixed(), title(id))
        }),
    };
    let ready = board.ready().into_iter().filter(|task| !is_held(task.id)).count();
    let counts = format!("{} held, {ready} ready", locks.len());
    Ok(Some(shown.into_iter().chain([counts]).collect::<Vec<_>>().join(" | ")))
}
