//! What verbs answer with, in the form that specification 60, section 3, fixes for JSON.

use crate::coordination::LockEntry;
use crate::coordination::process::Liveness;
use crate::error::redacted;
use crate::git::{Branch, Oid, RefUpdate};
use crate::ledger::Landed;
use crate::ledger::plan::Lagging;
use crate::project::context::Context;
use crate::task::{Status, Task, TaskId, TaskName};
use serde::Serialize;
use std::path::PathBuf;

/// The task a verb was about.
#[derive(Debug, Clone, Serialize)]
pub struct TaskInfo {
    /// Its id.
    pub id: TaskId,
    /// Its name.
    pub name: TaskName,
    /// Its title.
    pub title: String,
    /// Its status now.
    pub status: Status,
    /// Its file, relative to the repository's root.
    pub path: String,
    /// Who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<String>,
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
pub struct Holder {
    /// The address.
    pub holder: String,
    /// The machine.
    pub host: String,
    /// Since when, local time of that machine.
    pub since: String,
    /// The lock's blob; `null` for one that is not written yet.
    pub token: Option<Oid>,
    /// The process that stands for the session, when one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Whether it lives: `alive`, `dead` or `unknown`.
    pub session: Liveness,
    #[serde(skip)]
    here: bool,
}

impl Holder {
    /// Describes a lock, seen from the machine `host`.
    #[must_use]
    pub fn new(context: &Context, lock: &LockEntry, host: &str) -> Self {
        Self {
            holder: lock.holder.clone(),
            host: lock.host.clone(),
            since: lock.since.clone(),
            token: lock.token.clone(),
            pid: lock.anchor.number(),
            session: lock.liveness(&context.repository, host),
            here: lock.host == host,
        }
    }

    /// Whether the machine is the one we are on.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.here
    }

    /// One sentence: who, since when, where, alive or not and how we know.
    #[must_use]
    pub fn sentence(&self) -> String {
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
pub struct WorktreeInfo {
    /// Where it is.
    pub path: PathBuf,
    /// The task branch.
    pub branch: Branch,
    /// The branch it was cut from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Branch>,
    /// Whether this command made it.
    pub created: bool,
    /// Commits of its own that the branch has, where the branch was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u32>,
    /// Commits of the base that it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<u32>,
    /// Files that git ignores, and this command copied into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copied: Vec<PathBuf>,
    /// What was done to it, where a command had been killed at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended: Option<String>,
    /// Why it is not quite ready to work in; it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The commit it was cut from.
    #[serde(skip)]
    pub cut_from: Option<CutFrom>,
}

/// The commit that a task branch was cut from.
#[derive(Debug, Clone)]
pub struct CutFrom {
    /// Its id.
    pub commit: Oid,
    /// When it was made, in seconds since 1970.
    pub time: i64,
}

impl WorktreeInfo {
    /// What else there is to say of it.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        [&self.mended, &self.unfinished].into_iter().flatten().cloned()
    }
}

/// One ref of a swap, as `--dry-run` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct RefChange {
    /// The full name.
    #[serde(rename = "ref")]
    pub name: String,
    /// What it must be now; `null` when it must not exist.
    pub old: Option<Oid>,
    /// What it becomes.
    pub new: Option<Oid>,
}

impl From<&RefUpdate> for RefChange {
    fn from(update: &RefUpdate) -> Self {
        Self { name: update.name.to_string(), old: update.old.clone(), new: update.new.clone() }
    }
}

/// What a `--dry-run` would have done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DryRun {
    /// The refs it would swap.
    pub refs: Vec<RefChange>,
    /// The git commands it would run.
    pub commands: Vec<String>,
}

impl DryRun {
    /// Of a transaction that was not published.
    #[must_use]
    pub fn of<T>(landed: &Landed<T>) -> Self {
        let commands = if landed.updates.is_empty() { Vec::new() } else { vec![landed.command.clone()] };
        Self { refs: landed.updates.iter().map(RefChange::from).collect(), commands }
    }
}

/// What goes with every answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Aside {
    /// Set only under `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRun>,
    /// Checkouts that could not be brought forward.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lagging: Vec<Lagging>,
    /// What else the user should know; one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Aside {
    /// Of a transaction.
    #[must_use]
    pub fn of<T>(context: &Context, landed: &Landed<T>) -> Self {
        let dry_run = context.dry_run.then(|| DryRun::of(landed));
        Self { dry_run, lagging: landed.lagging.clone(), notes: Vec::new() }
    }

    /// Adds what goes with another step of the same command.
    pub fn extend(&mut self, more: Self) {
        self.notes.extend(more.notes);
        self.lagging.extend(more.lagging);
        if let Some(more) = more.dry_run {
            let dry_run = self.dry_run.get_or_insert_default();
            dry_run.refs.extend(more.refs);
            dry_run.commands.extend(more.commands);
        }
    }

    /// Adds a command to what a dry run would run.
    pub fn would_run(&mut self, command: impl Into<String>) {
        if let Some(dry_run) = &mut self.dry_run {
            dry_run.commands.push(redacted(&command.into()));
        }
    }
}

/// The first lines of a task's text, without its heading.
pub(crate) fn excerpt(document: &crate::task::Document) -> Vec<String> {
    let body = String::from_utf8_lossy(document.body()).into_owned();
    let lines = body.lines().filter(|line| !line.starts_with("# ")).map(crate::task::harmless);
    lines.skip_while(|line| line.trim().is_empty()).take(6).map(|line| line.trim_end().to_owned()).collect()
}
