//! The parts that the results of several operations share. Their field names are those of the JSON answers: programs
//! depend on them, so within a schema version fields are only added.

use crate::coordination::LockEntry;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::process::Liveness;
use crate::error::{Error, Hint, Kind, Result, redacted};
use crate::git::{Branch, Oid, RefUpdate};
use crate::ledger::TransactionResult;
use crate::ledger::plan::OutdatedCheckout;
use crate::project::context::Context;
use crate::report::{local_time, relative};
use serde::Serialize;
use std::path::PathBuf;

/// The holder of a task.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(clippy::struct_field_names, reason = "a key of the JSON answer")]
pub(crate) struct Holder {
    /// The e-mail address.
    pub(crate) holder: String,
    /// The host.
    pub(crate) host: String,
    /// When the lock was taken (RFC 3339); `null` where the zone of its host is unknown.
    pub(crate) since: Option<String>,
    /// When the lock was taken, in the unknown zone of its host, as the lock says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since_local: Option<String>,
    /// When the lock was taken, as people see it: local time of the reader, or of its host where the zone of that is
    /// unknown.
    #[serde(skip)]
    pub(crate) since_shown: String,
    /// The blob of the lock; `null` for a lock that is not written yet.
    pub(crate) token: Option<Oid>,
    /// The process id of the session, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    /// The kind of the agent or CI system; absent for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    /// The name of the session, where it is one of yours that took the task in this clone and has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_name: Option<String>,
    /// Whether the session lives: `alive`, `dead` or `unknown`.
    pub(crate) session: Liveness,
    #[serde(skip)]
    here: bool,
    /// Whether it is the person who asks, in whatever session.
    #[serde(skip)]
    own: bool,
    /// The key of a newer version that says which session it is.
    #[serde(skip)]
    unjudged: Option<String>,
}

impl Holder {
    /// Describes a lock, seen from the host `host`.
    pub(crate) fn new(context: &Context, lock: &LockEntry, host: &str) -> Self {
        let since = lock.since_with_zone(host);
        let (pid, session) = LockRecord::process_and_liveness(&context.repository, lock, host);
        let own = context.email() == Some(&lock.holder);
        let session_name = if own { LockRecord::session_name(&context.repository, lock) } else { None };
        Self {
            holder: lock.holder.clone(),
            host: lock.host.clone(),
            since_local: since.is_none().then(|| lock.since.clone()),
            since_shown: since.as_deref().and_then(local_time).unwrap_or_else(|| lock.since.clone()),
            since,
            token: lock.token.clone(),
            pid,
            agent: lock.agent().map(str::to_owned),
            session_name,
            session,
            here: lock.host == host,
            own,
            unjudged: lock.unjudged().map(str::to_owned),
        }
    }

    /// Whether the holder's host is this one.
    pub(crate) fn is_here(&self) -> bool {
        self.here
    }

    /// Whether the holder is the person who asks, in whatever session.
    pub(crate) fn is_own(&self) -> bool {
        self.own
    }

    /// ` (codex)`, or the name of the session; nothing for a person without one.
    pub(crate) fn agent_in_brackets(&self) -> String {
        self.agent.as_ref().or(self.session_name.as_ref()).map_or_else(String::new, |name| format!(" ({name})"))
    }

    /// Who holds it, as the caller sees it, whose session holds it or not.
    pub(crate) fn seen_by(&self, mine: bool) -> String {
        let agent = self.agent_in_brackets();
        match (mine, self.own) {
            (true, _) => "you".to_owned(),
            (false, true) => format!("another session of yours{agent}"),
            (false, false) => format!("{}{agent}", self.holder),
        }
    }

    /// The same in the few words of a table.
    pub(crate) fn seen_in_brief(&self, mine: bool) -> String {
        let who = match (mine, self.own) {
            (true, _) => "you",
            (false, true) => "you elsewhere",
            (false, false) => &self.holder,
        };
        format!("{who}{}", self.agent_in_brackets())
    }

    /// How long ago the lock was taken; the time that it says, where that is in the future of this clock.
    pub(crate) fn age(&self) -> String {
        let since = self.since.as_ref().unwrap_or(&self.since_shown);
        relative(since).unwrap_or_else(|| format!("since {}", self.since_shown))
    }

    /// One sentence: who, since when, where, whether the session lives and how that is known.
    pub(crate) fn sentence(&self) -> String {
        let agent = self.agent_in_brackets();
        self.sentence_about(&format!("{}{agent}", self.holder))
    }

    /// The same about the holder as [`Self::seen_by`] names it.
    pub(crate) fn sentence_about(&self, holder: &str) -> String {
        let Self { since_shown: since, host, .. } = self;
        let how = match (self.session, self.pid, self.here) {
            _ if self.unjudged.is_some() => {
                let key = self.unjudged.as_deref().unwrap_or_default();
                format!("a newer version says in {key} which session it is, and this one cannot judge that")
            }
            (Liveness::Alive, Some(pid), _) => format!("its session lives (pid {pid} is running)"),
            (Liveness::Dead, Some(pid), _) => format!("its session is dead (pid {pid} is gone)"),
            (_, Some(pid), true) => format!("it is unknown whether its session (pid {pid}) lives"),
            (_, _, false) => "it is unknown on this machine whether its session lives".to_owned(),
            (_, None, true) => "its session has no recorded process".to_owned(),
        };
        format!("held by {holder} on {host} since {since}; {how}")
    }
}

/// A task's worktree.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorktreeInfo {
    /// Its path.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) path: PathBuf,
    /// The task branch.
    pub(crate) branch: Branch,
    /// The branch that the task branch was cut from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<Branch>,
    /// Whether this command created it.
    pub(crate) created: bool,
    /// The number of commits that the branch has beyond its base, where the branch existed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ahead: Option<u32>,
    /// The number of commits of the base that the branch lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) behind: Option<u32>,
    /// Ignored files that this command copied into it.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "crate::report::path::all")]
    pub(crate) copied: Vec<PathBuf>,
    /// What was repaired, where a command had been killed while it worked on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mended: Option<String>,
    /// Why it is not fully prepared; it is kept all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<String>,
    /// The task branch as it is published, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) published: Option<PublishedWork>,
    /// What there is to say about the published branch.
    #[serde(skip)]
    pub(crate) handover: Option<String>,
    /// What a task branch that this command made lacks of the local base.
    #[serde(skip)]
    pub(crate) left_out: Option<String>,
    /// Its commit.
    #[serde(skip)]
    pub(crate) head: Option<Oid>,
    /// The commit that the task branch was cut from.
    #[serde(skip)]
    pub(crate) cut_from: Option<CutFrom>,
}

/// A task branch as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PublishedWork {
    /// Its tip.
    pub(crate) tip: Oid,
    /// The number of its commits that the base lacks; `null` where this shallow clone cannot tell.
    pub(crate) commits: Option<u32>,
    /// The author of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) author: Option<String>,
    /// How the local branch related to it.
    pub(crate) local: LocalBranch,
}

/// How a local task branch relates to the published one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum LocalBranch {
    /// There was none; it was made from the published one.
    Absent,
    /// It is the same commit.
    Same,
    /// It lacked commits of the published one and had none of its own; it was fast-forwarded.
    Behind,
    /// It has all commits of the published one, or replaces what this clone pushed; it was kept.
    Ahead,
    /// Both have commits that the other lacks; it was kept.
    Diverged,
}

/// The commit that a task branch was cut from.
#[derive(Debug, Clone)]
pub(crate) struct CutFrom {
    /// The commit.
    pub(crate) commit: Oid,
    /// When it was made, in seconds since 1970.
    pub(crate) time: i64,
}

impl WorktreeInfo {
    /// The notes about the worktree.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        [&self.handover, &self.left_out, &self.mended, &self.unfinished].into_iter().flatten().cloned()
    }
}

/// One ref of a swap, as `--dry-run` shows it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RefChange {
    /// The full name.
    #[serde(rename = "ref")]
    pub(crate) name: String,
    /// The expected value; `null` when the ref must not exist.
    pub(crate) old: Option<Oid>,
    /// The new value.
    pub(crate) new: Option<Oid>,
}

impl From<&RefUpdate> for RefChange {
    fn from(update: &RefUpdate) -> Self {
        Self { name: update.name.to_string(), old: update.old.clone(), new: update.new.clone() }
    }
}

/// The result of a `--dry-run`.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DryRun {
    /// The refs that would be moved.
    pub(crate) refs: Vec<RefChange>,
    /// The git commands that would be run.
    pub(crate) commands: Vec<String>,
}

impl DryRun {
    /// The dry run of a transaction.
    pub(crate) fn of<T>(landed: &TransactionResult<T>) -> Self {
        let commands = if landed.updates.is_empty() { Vec::new() } else { vec![landed.command.clone()] };
        Self { refs: landed.updates.iter().map(RefChange::from).collect(), commands }
    }
}

/// The notices that go with every result.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Notices {
    /// Set only under `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<DryRun>,
    /// Checkouts that could not be updated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lagging: Vec<OutdatedCheckout>,
    /// Further notes for the user, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    /// What failed after the change was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incomplete: Option<Incomplete>,
}

/// What failed after the change was published, or beside what was read: it is no error of the command, since what was
/// asked for has happened.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Incomplete {
    /// The kind of the error, as in errors.
    pub(crate) kind: &'static str,
    /// What is missing, and why.
    pub(crate) message: String,
    /// The commands that complete it, or take it back.
    pub(crate) hints: Vec<Hint>,
}

impl From<&Error> for Incomplete {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind().name(), message: error.to_string(), hints: error.hints().to_vec() }
    }
}

impl Notices {
    /// The notices of a transaction.
    pub(crate) fn of<T>(context: &Context, landed: &TransactionResult<T>) -> Self {
        let dry_run = context.dry_run.then(|| DryRun::of(landed));
        Self { dry_run, lagging: landed.lagging.clone(), ..Self::default() }
    }

    /// Takes the result of a step that follows the swap. What was published stays published, so its failure is reported
    /// beside the outcome: `what` is missing, for this reason, and these hints lead on. A signal ends the command all the
    /// same.
    ///
    /// # Errors
    /// [`Kind::Interrupted`].
    pub(crate) fn after_swap<T>(
        &mut self,
        done: Result<T>,
        what: &str,
        hints: impl IntoIterator<Item = Hint>,
    ) -> Result<Option<T>> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.kind() == Kind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind().name();
                let message = format!("{what}: {error}");
                let hints = error.hints().iter().cloned().chain(hints).collect();
                self.incomplete.get_or_insert(Incomplete { kind, message, hints });
                Ok(None)
            }
        }
    }

    /// Adds the notices of another step of the same command.
    pub(crate) fn extend(&mut self, more: Self) {
        self.notes.extend(more.notes);
        self.lagging.extend(more.lagging);
        self.incomplete = self.incomplete.take().or(more.incomplete);
        if let Some(more) = more.dry_run {
            let dry_run = self.dry_run.get_or_insert_default();
            dry_run.refs.extend(more.refs);
            dry_run.commands.extend(more.commands);
        }
    }

    /// Adds a command that would be run.
    pub(crate) fn would_run(&mut self, command: impl Into<String>) {
        if let Some(dry_run) = &mut self.dry_run {
            dry_run.commands.push(redacted(&command.into()));
        }
    }
}

/// The length of an excerpt in lines: enough to recognise the task below the result of a command.
const EXCERPT: usize = 6;

/// The first lines of a task's text, without its heading, and where the rest is.
pub(crate) fn excerpt(document: &crate::task::Document, task: crate::task::TaskId) -> Vec<String> {
    let body = String::from_utf8_lossy(document.body()).into_owned();
    let lines = body.trim_end().lines().filter(|line| !line.starts_with("# ")).map(crate::task::sanitise);
    let lines = lines.skip_while(|line| line.trim().is_empty()).map(|line| line.trim_end().to_owned());
    let mut lines: Vec<_> = lines.collect();
    let more = lines.len().saturating_sub(EXCERPT);
    // one line more takes no more room than to say so
    if more > 1 {
        lines.truncate(EXCERPT);
        lines.push(format!("\u{2026} {more} more lines: git aitask show {task}"));
    }
    lines
}
