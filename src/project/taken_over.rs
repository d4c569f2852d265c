//! What the former holder of a task is told in its worktree, whatever the verb: somebody has taken the task over.
//!
//! It is told from what this clone knows, at the time of the answer, so that a verb that has fetched tells what it has
//! fetched. It costs one process, in a worktree whose task this clone took; one more where the task has no lock any more.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, Session};
use crate::git::{RefName, Repository};
use crate::ledger::Ledger;
use crate::ledger::refs::Refs as _;
use crate::project::context::Context;
use crate::report::{Heading, local_time};
use crate::task::TaskId;
use serde::Serialize;
use std::sync::Arc;

/// A task that was taken over, and who holds it since.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TakenOver {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The e-mail address of the new holder.
    pub(crate) holder: String,
    /// Its host.
    pub(crate) host: String,
    /// When it took the task (RFC 3339); `null` where the zone of its host is unknown.
    pub(crate) since: Option<String>,
    /// When it took the task, in the unknown zone of its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since_local: Option<String>,
    #[serde(skip)]
    since_shown: String,
    /// The kind of the agent or CI system; absent for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
}

/// Where the lock of the task of this worktree is known.
#[derive(Debug)]
struct Place {
    repository: Arc<Repository>,
    locks: RefName,
    task: TaskId,
    /// The address of the caller.
    email: Option<String>,
}

/// What answers of this command begin with, where it runs in the worktree of a task that this clone took; the rest is found
/// out when there is an answer.
pub(crate) fn heading(context: &Context) -> Option<impl Fn() -> Option<Heading> + Send + Sync + 'static> {
    let (repository, task) = (Arc::clone(&context.repository), context.task_here()?.id());
    LockRecord::load(&repository, task)?;
    let branch = Ledger::locks_branch().ok()?;
    let locks = context.channel.remote().map_or_else(|| branch.full(), |remote| branch.tracking(remote));
    let place = Place { repository, locks, task, email: context.email().map(str::to_owned) };
    Some(move || {
        let taken = place.taken_over()?;
        let agent = taken.agent.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
        let TakenOver { holder, host, since_shown: since, .. } = &taken;
        let what = format!("{} was taken over", task.prefixed());
        Some(Heading::new(what, &format!("by {holder}{agent} on {host} at {since}"), "taken_over", &taken))
    })
}

impl Place {
    fn taken_over(&self) -> Option<TakenOver> {
        let held = LockRecord::load(&self.repository, self.task)?;
        let lock = self.lock().or_else(|| self.last_lock())?;
        // Who took the task in this clone was on this host.
        let session = Session::with(&self.repository, &lock.holder, &lock.host);
        let is_of_it = |lock: &LockEntry| lock.is_of_session(&Session { host: lock.host.clone(), ..session.clone() });
        if !held.is_taken_over(&lock, self.email.as_deref(), is_of_it) {
            return None;
        }
        let since = lock.since_with_zone("unknown");
        Some(TakenOver {
            task_id: self.task,
            agent: lock.agent().map(str::to_owned),
            since_local: since.is_none().then(|| lock.since.clone()),
            since_shown: since.as_deref().and_then(local_time).unwrap_or(lock.since),
            since,
            holder: lock.holder,
            host: lock.host,
        })
    }

    fn parsed(&self, bytes: &[u8]) -> LockEntry {
        LockEntry::parse(self.task, bytes, None)
    }

    fn lock(&self) -> Option<LockEntry> {
        let found = self.repository.object(&format!("{}:{}", self.locks, LockEntry::path(self.task))).ok()??;
        Some(self.parsed(&found.data))
    }

    /// The last lock in the history, of a task that has none now: the commit that wrote it shows the whole file.
    fn last_lock(&self) -> Option<LockEntry> {
        let path = LockEntry::path(self.task);
        let call = self.repository.read("log").args(["-1", "--diff-filter=AM", "--format=", "-p", "-U999"]);
        let call = call.args(["--no-color", "--no-ext-diff", "--no-textconv", self.locks.as_str(), "--", &path]);
        let text = call.run().ok()?.text();
        let lines = text.lines().skip_while(|line| !line.starts_with("@@")).skip(1);
        let file: Vec<_> = lines.filter_map(|line| line.strip_prefix(['+', ' '])).collect();
        (!file.is_empty()).then(|| self.parsed(file.join("\n").as_bytes()))
    }
}
