//! What verbs answer with, in the form that specification 60, section 3, fixes for JSON.

use crate::coordination::LockEntry;
use crate::coordination::process::Liveness;
use crate::error::redacted;
use crate::git::{Branch, Oid, RefUpdate};
use crate::ledger::TransactionResult;
use crate::ledger::plan::OutdatedCheckout;
use crate::project::context::Context;
use crate::task::{Status, Task, TaskId, TaskName};
use serde::Serialize;
use std::path::PathBuf;

/// The task a verb was about.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskInfo {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its name.
    pub(crate) name: TaskName,
    /// Its title.
    pub(crate) title: String,
    /// Its status now.
    pub(crate) status: Status,
    /// Its file, relative to the repository's root.
    pub(crate) path: String,
    /// Who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assigned_to: Option<String>,
}

impl From<&Task> for TaskInfo {
    fn from(task: &Task) -> Self {
        Self {
            id: task.id,
            name: task.name.clone(),
            title: task.title.clone(),
            status: task.status.clone(),
            path: task.path.as_str().to_owned(),
            assigned_to: task.assigned_to.clone(),
        }
    }
}

/// Who holds a task.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "a key of the JSON answer")]
pub(crate) struct Holder {
    /// The address.
    pub(crate) holder: String,
    /// The machine.
    pub(crate) host: String,
    /// Since when, local time of that machine.
    pub(crate) since: String,
    /// The lock's blob; `null` for one that is not written yet.
    pub(crate) token: Option<Oid>,
    /// The process that stands for the session, when one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    /// Whether it lives: `alive`, `dead` or `unknown`.
    pub(crate) session: Liveness,
    #[serde(skip)]
    here: bool,
}

impl Holder {
    /// Describes a lock, seen from the machine `host`.
    pub(crate) fn new(context: &Context, lock: &LockEntry, host: &str) -> Self {
        Self {
            holder: lock.holder.clone(),
            host: lock.host.clone(),
            since: lock.since.clone(),
            token: lock.token.clone(),
            pid: lock.process.number(),
            session: lock.liveness(&context.repository, host),
            here: lock.host == host,
        }
    }

    /// Whether the machine is the one we are on.
    pub(crate) fn is_here(&self) -> bool {
        self.here
    }

    /// One sentence: who, since when, where, alive or not and how we know.
    pub(crate) fn sentence(&self) -> String {
        let Self { holder, since, host, .. } = self;
        let how = match (self.session, self.pid, self.here) {
            (Liveness::Alive, Some(pid), _) => format!("its session lives (pid {pid} is running)"),
            (Liveness::Dead, Some(pid), _) => format!("its session is dead (pid {pid} is gone)"),
            (_, Some(pid), true) => format!("whether its session (pid {pid}) lives cannot be told"),
            (_, _, false) => "whether its session lives cannot be told from this machine".to_owned(),
            (_, None, true) => "its session left no process to look at".to_owned(),
        };
        format!("held by {holder} on {host} since {since}; {how}")
    }
}

/// A task's worktree.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WorktreeInfo {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The task branch.
    pub(crate) branch: Branch,
    /// The branch it was cut from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<Branch>,
    /// Whether this command made it.
    pub(crate) created: bool,
    /// Commits of its own that the branch has, where the branch was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ahead: Option<u32>,
    /// Commits of the base that it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) behind: Option<u32>,
    /// Files that git ignores, and this command copied into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) copied: Vec<PathBuf>,
    /// What was done to it, where a command had been killed at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mended: Option<String>,
    /// Why it is not quite ready to work in; it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<String>,
    /// The commit it was cut from.
    #[serde(skip)]
    pub(crate) cut_from: Option<CutFrom>,
}

/// The commit that a task branch was cut from.
#[derive(Debug, Clone)]
pub(crate) struct CutFrom {
    /// Its id.
    pub(crate) commit: Oid,
    /// When it was made, in seconds since 1970.
    pub(crate) time: i64,
}

impl WorktreeInfo {
    /// What else there is to say of it.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        [&self.mended, &self.unfinished].into_iter().flatten().cloned()
    }
}

/// One ref of a swap, as `--dry-run` shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RefChange {
    /// The full name.
    #[serde(rename = "ref")]
    pub(crate) name: String,
    /// What it must be now; `null` when it must not exist.
    pub(crate) old: Option<Oid>,
    /// What it becomes.
    pub(crate) new: Option<Oid>,
}

impl From<&RefUpdate> for RefChange {
    fn from(update: &RefUpdate) -> Self {
        Self { name: update.name.to_string(), old: update.old.clone(), new: update.new.clone() }
    }
}

/// What a `--dry-run` would have done.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DryRun {
    /// The refs it would swap.
    pub(crate) refs: Vec<RefChange>,
    /// The git commands it would run.
    pub(crate) commands: Vec<String>,
}

impl DryRun {
    /// Of a transaction that was not published.
    pub(crate) fn of<T>(landed: &TransactionResult<T>) -> Self {
        let commands = if landed.updates.is_empty() { Vec::new() } else { vec![landed.command.clone()] };
        Self { refs: landed.updates.iter().map(RefChange::from).collect(), commands }
    }
}

/// What goes with every answer.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Notices {
    /// Set only under `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<DryRun>,
    /// Checkouts that could not be brought forward.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lagging: Vec<OutdatedCheckout>,
    /// What else the user should know; one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

impl Notices {
    /// Of a transaction.
    pub(crate) fn of<T>(context: &Context, landed: &TransactionResult<T>) -> Self {
        let dry_run = context.dry_run.then(|| DryRun::of(landed));
        Self { dry_run, lagging: landed.lagging.clone(), notes: Vec::new() }
    }

    /// Adds what goes with another step of the same command.
    pub(crate) fn extend(&mut self, more: Self) {
        self.notes.extend(more.notes);
        self.lagging.extend(more.lagging);
        if let Some(more) = more.dry_run {
            let dry_run = self.dry_run.get_or_insert_default();
            dry_run.refs.extend(more.refs);
            dry_run.commands.extend(more.commands);
        }
    }

    /// Adds a command to what a dry run would run.
    pub(crate) fn would_run(&mut self, command: impl Into<String>) {
        if let Some(dry_run) = &mut self.dry_run {
            dry_run.commands.push(redacted(&command.into()));
        }
    }
}

/// The first lines of a task's text, without its heading.
pub(crate) fn excerpt(document: &crate::task::Document) -> Vec<String> {
    let body = String::from_utf8_lossy(document.body()).into_owned();
    let lines = body.lines().filter(|line| !line.starts_with("# ")).map(crate::task::sanitise);
    lines.skip_while(|line| line.trim().is_empty()).take(6).map(|line| line.trim_end().to_owned()).collect()
}
