//! The state in one line, for a prompt or the status line of an agent.

use crate::coordination::session::host_name;
use crate::error::Result;
use crate::ops::known_tasks::KnownTasks;
use crate::project::context::Context;
use crate::project::outcome::Holder;
use crate::task::TaskId;

/// The columns of a title: a prompt has no more room.
const TITLE: usize = 40;

/// The task of this worktree, else one that this session holds, and how many are held and ready; `None` where there are no
/// tasks, or it would take a connection to tell.
pub(crate) fn line(context: Context) -> Result<Option<String>> {
    let Some(known) = KnownTasks::load(context)?.filter(|known| !known.tasks.is_empty()) else { return Ok(None) };
    let context = &known.context;
    let task = |id: TaskId| known.tasks.iter().find(|task| task.id == id);
    let mine: Vec<_> = known.locks.iter().filter(|lock| known.is_mine(lock)).map(|lock| lock.task).collect();
    let here = context.task_here().map(|name| name.id());
    let here = here.filter(|id| known.lock(*id).is_some() || task(*id).is_some());
    let shown = match here {
        Some(id) if !mine.contains(&id) => Some(match known.lock(id) {
            None => format!("{} is not locked", id.prefixed()),
            Some(lock) => {
                let holder = Holder::new(context, lock, &host_name(&context.repository));
                format!("{} is held by {}", id.prefixed(), holder.seen_by(false))
            }
        }),
        here => here.or(mine.first().copied()).map(|id| {
            let title: String = task(id).map(|task| task.title.chars().take(TITLE).collect()).unwrap_or_default();
            let more = if mine.len() > 1 { format!(" +{}", mine.len() - 1) } else { String::new() };
            format!("{} {title}{more}", id.prefixed())
        }),
    };
    let counts = format!("{} held, {} ready", known.locks.len(), known.ready().len());
    Ok(Some(shown.into_iter().chain([counts]).collect::<Vec<_>>().join(" | ")))
}
