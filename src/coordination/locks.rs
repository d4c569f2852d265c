//! Locks: one file for each held task on the branch `aitask-locks`.
//!
//! The branch has a history of its own and is never checked out. Its root holds, for each held task, the regular file
//! `t<id>_lock.yaml` (`t42_lock.yaml`, `t10_2_lock.yaml`); no file means that the task is free. Other files are kept.
//! Each operation is one commit on the previous tip. Nothing but an audit reads its message beyond the nonce (see the
//! trailer in `ledger::plan`): the subject names the lock, and `Aitask-Takeover: BLOB` the one that it takes over.
//!
//! A lock file is UTF-8 text with one `key: value` a line. It looks like YAML but is not: a value is the rest of the
//! line, without the blanks around it, and is neither quoted nor escaped, so it can hold no newline. The writer writes
//! these keys in this order:
//!
//! | key | value | when absent or empty |
//! |---|---|---|
//! | `task_id` | the id without `t` | the file name decides anyway |
//! | `locked_by` | the e-mail address of the holder | `unknown`, a holder like any other |
//! | `locked_at` | local time of the holder's host, `YYYY-MM-DD HH:MM` | `unknown` |
//! | `hostname` | the host | `unknown`, which equals no host |
//! | `pid` | the process id of the session, or `-` | `-` |
//! | `pid_starttime` | the start of that process, or `-` | `-` |
//! | `pid_starttime_kind` | the form of `pid_starttime`: `proc`, `ps` or `none` (see [`ProcessIdentity`]) | `proc` |
//! | `nonce` | 32 hexadecimal digits that make the file unlike any other | the lock was written by a script |
//! | `boot_id`, `pid_namespace` | the scope in which `pid` is valid (see [`PidScope`]); both or none | the scope is unknown |
//! | `folder` | where the holder works on that host: the worktree of the task, or the clone | it is unknown |
//! | `base` | the branch that the task branch was cut from | it is unknown |
//! | `agent` | the kind of the agent or the CI system that holds it, `claude-code` | a person, or unknown |
//! | `session` | the first 12 hexadecimal digits of the SHA-256 of the name of the session | the process tells |
//! | `since` | the time of `locked_at` with its zone (RFC 3339), to the second | the zone of the host is unknown |
//!
//! The scripts write the first seven. The first line of a key counts. Lines with other keys, and lines that are no
//! `key: value`, are kept when the lock of a session is written again. Where such a key may say which session holds the
//! lock (it begins with `session`, `pid` or the like), that session is neither taken for dead nor for this one. A file
//! that cannot be read, or is larger than 64 KiB, is a lock of an unknown holder: the task is held.
//!
//! The blob of the file is the token of the holder. Since it contains the nonce, a lock that was released and taken
//! again is a different blob, and every plan that relies on the lock can tell whether it is still the same.

use crate::coordination::Session;
use crate::coordination::agents::SessionName;
use crate::coordination::pid_scope::{PidScope, is_after_boot};
use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::error::{Error, Result};
use crate::git::objects::Edit;
use crate::git::porcelain::cat_file::Object;
use crate::git::porcelain::ls_tree;
use crate::git::{Branch, Oid, Repository};
use crate::ledger::plan::Step;
use crate::ledger::refs::Refs;
use crate::ledger::{Found, LOCKS, Ledger, LedgerLock, View, no_branch, unreadable};
use crate::task::TaskId;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// The largest lock file that is read, in bytes. Real ones have some hundred; a larger one is a mistake or an attack,
/// and reading it for every task would make every command slow.
const LARGEST: usize = 64 << 10;

/// A lock: who holds a task, by the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockEntry {
    /// The task.
    pub(crate) task: TaskId,
    /// The address of the holder, or `unknown`.
    pub(crate) holder: String,
    /// The host of the holder, or `unknown`.
    pub(crate) host: String,
    /// Local time of the holder's host, `YYYY-MM-DD HH:MM`, or `unknown`. Only shown: clocks of two hosts are not
    /// compared.
    pub(crate) since: String,
    /// The process that stands for the holder's session.
    pub(crate) process: ProcessIdentity,
    /// The nonce; locks of the scripts have none.
    pub(crate) nonce: Option<String>,
    /// Lines with unknown keys, which a newer version or another program wrote. They are kept.
    pub(crate) further: Vec<String>,
    /// The lock file's blob: the holder's token. `None` before it is written.
    pub(crate) token: Option<Oid>,
    /// Whether this clone is damaged, and lacks the file: nothing tells whose lock it is.
    pub(crate) is_lost: bool,
}

impl LockEntry {
    /// The lock that a session takes now. A lock of a script has neither nonce nor scope: callers of the scripts read
    /// exactly seven lines.
    pub(crate) fn taken(
        task: TaskId,
        session: &Session,
        now: &str,
        nonce: Option<&str>,
        (folder, base): (Option<&Path>, Option<&Branch>),
    ) -> Self {
        // A path that is no single line of text is left out: it could not be read back.
        let folder = folder.filter(|_| nonce.is_some()).and_then(Path::to_str);
        let folder = folder.filter(|folder| !folder.contains(char::is_control));
        let base = base.filter(|_| nonce.is_some()).map(|base| format!("{BASE}{base}"));
        let scope = session.process.scope.clone().filter(|_| nonce.is_some());
        let SessionName { kind, digest } = &session.name;
        let name = [(AGENT, kind), (SESSION, digest)].map(|(key, value)| Some(format!("{key}{}", value.as_ref()?)));
        let name = name.into_iter().flatten().filter(|_| nonce.is_some());
        let since = (nonce.is_some() && now.contains('T')).then(|| format!("{SINCE}{now}"));
        Self {
            task,
            holder: session.email.clone(),
            host: session.host.clone(),
            since: local_minute(now),
            process: ProcessIdentity { scope, ..session.process.clone() },
            nonce: nonce.map(str::to_owned),
            further: folder
                .map(|folder| format!("{FOLDER}{folder}"))
                .into_iter()
                .chain(base)
                .chain(name)
                .chain(since)
                .collect(),
            token: None,
            is_lost: false,
        }
    }

    /// Where the holder works, on the host of the lock.
    pub(crate) fn folder(&self) -> Option<&str> {
        self.further.iter().find_map(|line| line.strip_prefix(FOLDER)).filter(|folder| !folder.is_empty())
    }

    /// The branch that the task branch was cut from, which is the one that it goes back to.
    pub(crate) fn base(&self) -> Option<Branch> {
        self.further.iter().find_map(|line| Branch::parse(line.strip_prefix(BASE)?.trim()).ok())
    }

    /// The kind of the agent or CI system that holds it.
    pub(crate) fn agent(&self) -> Option<&str> {
        self.value(AGENT)
    }

    /// The digest of the name of the holder's session.
    pub(crate) fn session(&self) -> Option<&str> {
        self.value(SESSION)
    }

    /// When it was taken, with the zone (RFC 3339). A lock without a zone is of this host's zone where it was taken here;
    /// `None` where the zone is unknown. An older script that refreshes a lock of a verb changes only the time of the
    /// scripts, so that both have to agree.
    pub(crate) fn since_with_zone(&self, host: &str) -> Option<String> {
        let minute = |time: DateTime| time.strftime("%Y-%m-%d %H:%M").to_string();
        let written = self.value(SINCE).filter(|time| time.parse().is_ok_and(|time| minute(time) == self.since));
        let here = || {
            let time = DateTime::strptime("%Y-%m-%d %H:%M", &self.since).ok()?;
            let time = time.to_zoned_datetime(TimeZone::system()).ok()?;
            (self.host == host && host != "unknown").then(|| time.strftime(RFC_3339).to_string())
        };
        written.map(str::to_owned).or_else(here)
    }

    /// The lock as a script writes it again: with another time, and without a line that was not there.
    pub(super) fn refreshed_by_script(mut self, host: String, now: &str) -> Self {
        if let Some(line) = self.further.iter_mut().find(|line| line.starts_with(SINCE)) {
            *line = format!("{SINCE}{now}");
        }
        Self { host, since: local_minute(now), token: None, ..self }
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.further.iter().find_map(|line| line.strip_prefix(key)).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Whether the session of the holder can be told from others of the same person.
    pub(crate) fn is_known(&self) -> bool {
        self.process.number().is_some() || self.session().is_some() || self.unjudged().is_some()
    }

    /// The key in which a newer version of this program may say which session holds the lock, in a way that this version
    /// does not know. Such a session is known to nobody here: neither dead nor this one.
    pub(crate) fn unjudged(&self) -> Option<&str> {
        let is_digest = |name: &str| name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if self.session().is_some_and(|name| !is_digest(name)) {
            return Some("session");
        }
        let keys = self.unknown_lines().filter_map(|line| Some(line.split_once(':')?.0));
        keys.into_iter().find(|key| ABOUT_SESSIONS.iter().any(|word| key.starts_with(word)))
    }

    /// The lines that this version does not know.
    fn unknown_lines(&self) -> impl Iterator<Item = &String> {
        self.further
            .iter()
            .filter(|line| ![FOLDER, BASE, AGENT, SESSION, SINCE].iter().any(|key| line.starts_with(key)))
    }

    /// The lock with the lines of an older one of the same session that this version does not know.
    pub(crate) fn with_unknown_lines_of(mut self, older: &Self) -> Self {
        self.further.extend(older.unknown_lines().cloned());
        self
    }

    /// The name of a task's lock file.
    pub(crate) fn path(task: TaskId) -> String {
        format!("{}_lock.yaml", task.prefixed())
    }

    /// The task in the name of a lock file; `None` for another file.
    pub(crate) fn task_of(path: &str) -> Option<TaskId> {
        let id = path.strip_suffix("_lock.yaml")?.strip_prefix('t')?;
        TaskId::parse(id).ok().filter(|task| Self::path(*task) == path)
    }

    /// Reads a lock file. Missing values are `unknown`: a lock that cannot be read is held by an unknown holder, and is
    /// never treated as free.
    pub(crate) fn parse(task: TaskId, bytes: &[u8], token: Option<Oid>) -> Self {
        let bytes = if bytes.len() > LARGEST { &[][..] } else { bytes };
        let text = String::from_utf8_lossy(bytes);
        let mut fields = BTreeMap::new();
        let mut further = Vec::new();
        // a line that is written back ends as it is read again
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            let known = line.split_once(':').filter(|(key, _)| KEYS.contains(key));
            match known {
                Some((key, value)) if !fields.contains_key(key) => drop(fields.insert(key, value.trim())),
                Some(_) => {}
                None => further.push(line.to_owned()),
            }
        }
        let field = |key: &str, absent: &str| {
            let value = fields.get(key).filter(|value| !value.is_empty());
            value.map_or(absent, |value| value).to_owned()
        };
        Self {
            task,
            holder: field("locked_by", "unknown"),
            host: field("hostname", "unknown"),
            since: field("locked_at", "unknown"),
            process: ProcessIdentity {
                pid: field("pid", "-"),
                start: field("pid_starttime", "-"),
                kind: field("pid_starttime_kind", "proc"),
                scope: fields
                    .get("boot_id")
                    .zip(fields.get("pid_namespace"))
                    .map(|(boot, namespace)| PidScope { boot: (*boot).to_owned(), namespace: (*namespace).to_owned() }),
            },
            nonce: fields.get("nonce").map(|nonce| (*nonce).to_owned()),
            further,
            token,
            is_lost: false,
        }
    }

    /// The lock of a task, from its file; `None` is one that this clone lacks.
    pub(super) fn read(task: TaskId, file: Option<&[u8]>, token: Oid) -> Self {
        let lock = Self::parse(task, file.unwrap_or_default(), Some(token));
        Self { is_lost: file.is_none(), ..lock }
    }

    /// The lock of a task, from its file.
    fn of(task: TaskId, file: &Object) -> Self {
        Self::read(task, Some(&file.data), file.oid.clone())
    }

    /// The bytes of the lock file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let ProcessIdentity { pid, start, kind, scope } = &self.process;
        let mut text = format!(
            "task_id: {}\nlocked_by: {}\nlocked_at: {}\nhostname: {}\npid: {pid}\npid_starttime: {start}\npid_starttime_kind: {kind}\n",
            self.task, self.holder, self.since, self.host,
        );
        if let Some(nonce) = &self.nonce {
            let _ = writeln!(text, "nonce: {nonce}");
        }
        if let Some(PidScope { boot, namespace }) = scope {
            let _ = writeln!(text, "boot_id: {boot}\npid_namespace: {namespace}");
        }
        for line in &self.further {
            let _ = writeln!(text, "{line}");
        }
        text.into_bytes()
    }

    /// Whether the session of the holder lives, as far as this host can tell. A lock of the scripts has no scope: its
    /// process id is valid only on the host that it names, where all processes are visible, and only if the lock is
    /// younger than the boot.
    pub(crate) fn liveness(&self, repository: &Repository, host: &str) -> Liveness {
        if self.unjudged().is_some() {
            return Liveness::Unknown;
        }
        if self.process.scope.is_some() {
            return self.process.liveness(repository);
        }
        let is_here =
            self.host == host && host != "unknown" && PidScope::here(repository).is_some_and(PidScope::sees_all);
        if is_here && is_after_boot(repository, &self.since) {
            self.process.liveness_of_number(repository)
        } else {
            Liveness::Unknown
        }
    }

    /// [`Self::liveness`] by the rule of the scripts, which judge their locks by host name and process id alone.
    pub(crate) fn liveness_as_scripts_judge(&self, repository: &Repository, host: &str) -> Liveness {
        match &self.process.scope {
            None if self.host == host && host != "unknown" => self.process.liveness_of_number(repository),
            _ => self.liveness(repository, host),
        }
    }

    /// Whether this session holds the lock.
    pub(crate) fn is_of(&self, session: &Session) -> bool {
        self.holder == session.email && self.is_of_session(session)
    }

    /// Whether the lock names this session, whoever the person is. Where both have a scope the host name is not compared,
    /// since it may change while a session lives. A name counts more than a process: an agent that was started again
    /// goes on with its session. The same process with another name is the same agent after it cleared its context; but
    /// names that the user gave mean what they say, and are compared on one host only, since nothing makes them unique.
    pub(crate) fn is_of_session(&self, session: &Session) -> bool {
        let is_process = |process: &ProcessIdentity| {
            let scopes = self.process.scope.is_some() && process.scope.is_some();
            (scopes || self.is_on_host_of(session)) && self.process.is_same(process)
        };
        let is_same_process = || {
            let is_of = is_process(&session.process) || session.agent_process.as_ref().is_some_and(is_process);
            is_of && self.unjudged().is_none()
        };
        let SessionName { kind, digest } = &session.name;
        match (self.session(), digest.as_deref()) {
            (Some(there), Some(here)) => {
                let is_named = there == here && (kind.is_some() || self.is_on_host_of(session));
                self.agent() == kind.as_deref() && (is_named || kind.is_some() && is_same_process())
            }
            _ => is_same_process(),
        }
    }

    /// Whether this lock of the session tells less than one that it would take now: the agent was started again, or
    /// changed the name of its session.
    pub(crate) fn is_outdated(&self, session: &Session) -> bool {
        let process = session.process.number().is_some() && !self.process.is_same(&session.process);
        self.session().is_some()
            && session.name.digest.is_some()
            && (process || self.session() != session.name.digest.as_deref())
    }

    fn is_on_host_of(&self, session: &Session) -> bool {
        self.host == session.host && session.host != "unknown"
    }
}

/// The key of [`LockEntry::folder`]. The line is kept with those that are not known, as older versions of this program keep
/// it.
const FOLDER: &str = "folder: ";
/// The key of [`LockEntry::base`], kept likewise.
const BASE: &str = "base: ";
/// The key of [`LockEntry::agent`], kept likewise.
const AGENT: &str = "agent: ";
/// The key of [`LockEntry::session`], kept likewise.
const SESSION: &str = "session: ";

/// The key of [`LockEntry::since_with_zone`], kept likewise.
const SINCE: &str = "since: ";

/// A time as RFC 3339 has it, to the second.
pub(crate) const RFC_3339: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// The local time of an RFC 3339 time, as locks and task files write it. Another text stays as it is.
pub(crate) fn local_minute(time: &str) -> String {
    match time.split_once('T').and_then(|(date, time)| Some((date, time.get(..5)?))) {
        Some((date, minute)) => format!("{date} {minute}"),
        None => time.to_owned(),
    }
}

/// How keys that say which session holds a lock would begin.
const ABOUT_SESSIONS: [&str; 7] = ["session", "agent", "holder", "locked", "pid", "process", "thread"];

/// The keys of a lock file, in the order in which they are written.
const KEYS: [&str; 10] = [
    "task_id",
    "locked_by",
    "locked_at",
    "hostname",
    "pid",
    "pid_starttime",
    "pid_starttime_kind",
    "nonce",
    "boot_id",
    "pid_namespace",
];

/// The locks of a view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    names: BTreeMap<TaskId, Oid>,
}

impl Locks {
    /// Which tasks are held, by the root of the lock branch; no lock file is read yet.
    pub(crate) fn of(root: &Object) -> Result<Self> {
        let entries = ls_tree::parse_tree(&root.data, root.oid.as_str().len() / 2)?;
        let names = entries.into_iter().filter_map(|entry| Some((LockEntry::task_of(entry.path_str()?)?, entry.oid)));
        Ok(Self { names: names.collect() })
    }

    /// Locks of these tasks.
    #[cfg(test)]
    pub(crate) fn held(tasks: impl IntoIterator<Item = TaskId>) -> Self {
        let blob = Oid::parse(&"1".repeat(40));
        Self { names: tasks.into_iter().zip(std::iter::repeat_with(|| blob.clone()).flatten()).collect() }
    }

    /// The request that makes a [`Found`] answer [`ReadLocks::locks`].
    pub(crate) fn request(branch: &Branch) -> (&Branch, String) {
        (branch, String::new())
    }

    /// The held tasks.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.names.keys().copied()
    }

    /// Whether a task is locked.
    pub(crate) fn is_held(&self, task: TaskId) -> bool {
        self.names.contains_key(&task)
    }

    /// The token of the holder of a task.
    pub(crate) fn token(&self, task: TaskId) -> Option<&Oid> {
        self.names.get(&task)
    }

    /// Reads the lock files. One process.
    pub(crate) fn entries(&self, refs: &dyn Refs) -> Result<Vec<LockEntry>> {
        let names: Vec<_> = self.names.values().map(ToString::to_string).collect();
        let blobs = refs.objects(&names)?;
        let read = self.names.iter().zip(blobs).map(|((task, oid), blob)| {
            LockEntry::read(*task, blob.as_ref().map(|blob| blob.data.as_slice()), oid.clone())
        });
        Ok(read.collect())
    }
}

/// The error for a repository without a branch of locks.
pub(crate) fn no_lock_branch() -> Error {
    no_branch(LOCKS)
}

/// The locks in a tree, in the form of the ledger.
pub(crate) fn entries(root: &Object) -> Result<Vec<LedgerLock>> {
    Ok(Locks::of(root)?.names.into_iter().map(|(task, blob)| LedgerLock { about: task.prefixed(), blob }).collect())
}

/// The locks of a commit. Two processes.
pub(crate) fn at_commit(refs: &dyn Refs, commit: &Oid) -> Result<Vec<LockEntry>> {
    let root = refs.object(&format!("{commit}:"))?;
    root.map_or_else(|| Ok(Vec::new()), |root| Locks::of(&root)?.entries(refs))
}

/// The last lock of a task in the history of the lock branch, as far as this clone has it; it may have been released
/// since. Two processes.
pub(crate) fn last(view: &View<'_>, task: TaskId) -> Result<Option<LockEntry>> {
    let path = LockEntry::path(task);
    Ok(view.last_written(&Ledger::locks_branch()?, &path)?.map(|object| LockEntry::of(task, &object)))
}

/// The locks of a task, newest first, since a holder last released it: all but the one that is there, if any, were taken
/// over or removed by force. Two processes.
pub(crate) fn since_release(view: &View<'_>, task: TaskId) -> Result<Vec<LockEntry>> {
    let mut written = Vec::new();
    for commit in view.changes_of(&Ledger::locks_branch()?, &LockEntry::path(task))? {
        let Some(change) = commit.changes.first() else { continue };
        match &change.new {
            Some(blob) => written.push(blob.clone()),
            None if taken_over_in(&commit.message).is_none() => break,
            None => {}
        }
    }
    let blobs = view.blobs(&written)?;
    Ok(blobs.iter().flatten().map(|blob| LockEntry::of(task, blob)).collect())
}

/// The locks of a view, or of what was read of one.
pub(crate) trait ReadLocks {
    /// The lock of a task; `None` where it is not locked.
    fn lock(&self, task: TaskId) -> Result<Option<LockEntry>>;

    /// Which tasks are held; `None` where there is no lock branch.
    fn locks(&self) -> Result<Option<Locks>>;

    /// Which tasks are held.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`](crate::error::Kind::NotInitialised) when there is no lock branch.
    fn require_locks(&self) -> Result<Locks> {
        self.locks()?.ok_or_else(no_lock_branch)
    }

    /// The lock files; none where there is no lock branch. One process more than [`Self::locks`].
    fn entries(&self, refs: &dyn Refs) -> Result<Vec<LockEntry>> {
        self.locks()?.map_or_else(|| Ok(Vec::new()), |locks| locks.entries(refs))
    }
}

/// One process each.
impl ReadLocks for View<'_> {
    fn lock(&self, task: TaskId) -> Result<Option<LockEntry>> {
        let branch = Ledger::locks_branch()?;
        self.read(&[(&branch, LockEntry::path(task)), Locks::request(&branch)])?.lock(task)
    }

    fn locks(&self) -> Result<Option<Locks>> {
        let branch = Ledger::locks_branch()?;
        match self.object(&branch, "")? {
            // To show no locks would show held tasks as free.
            None if self.base(&branch).is_some() => Err(unreadable(LOCKS)),
            root => root.map(|root| Locks::of(&root)).transpose(),
        }
    }
}

/// From the files that were requested by [`LockEntry::path`] and [`Locks::request`]; both for a lock.
impl ReadLocks for Found {
    fn lock(&self, task: TaskId) -> Result<Option<LockEntry>> {
        if let Some(object) = self.object(LOCKS, &LockEntry::path(task)) {
            return Ok(Some(LockEntry::of(task, object)));
        }
        // The file of a lock may be missing in a clone that is damaged; then nothing tells whose lock it is.
        let named = self.locks()?.and_then(|locks| locks.names.get(&task).cloned());
        Ok(named.map(|oid| LockEntry::read(task, None, oid)))
    }

    fn locks(&self) -> Result<Option<Locks>> {
        self.object(LOCKS, "").map(Locks::of).transpose()
    }
}

/// The commit that writes a lock.
pub(crate) fn lock_step(entry: &LockEntry) -> Step {
    let edit = Edit::Put { path: LockEntry::path(entry.task), content: entry.to_bytes() };
    Step::edit(format!("ait: Lock task {} for {}", entry.task.prefixed(), entry.holder), vec![edit])
}

/// The commit that removes the locks of finished tasks.
pub(crate) fn cleanup_step(stale: &[TaskId]) -> Step {
    let edits = stale.iter().map(|id| Edit::Remove { path: LockEntry::path(*id) }).collect();
    Step::edit(format!("ait: Cleanup {} stale lock(s)", stale.len()), edits)
}

/// The commit that releases a lock.
pub(crate) fn unlock_step(task: TaskId) -> Step {
    Step::edit(format!("ait: Unlock task {}", task.prefixed()), vec![Edit::Remove { path: LockEntry::path(task) }])
}

/// The key of the trailer of a commit that takes a task from its holder, or removes the lock by force, with the blob of
/// the lock that was judged. The history alone shows by it that a takeover was wanted, and of which lock.
const TAKEOVER: &str = "Aitask-Takeover: ";

/// A step that says to take over the lock with this token.
pub(crate) fn taking_over(step: Step, token: Option<&Oid>) -> Step {
    let Some(token) = token else { return step };
    Step { subject: format!("{}\n\n{TAKEOVER}{token}", step.subject), ..step }
}

/// The lock that a commit with this message says to take over.
pub(crate) fn taken_over_in(message: &str) -> Option<Oid> {
    message.lines().rev().find_map(|line| Oid::parse(line.strip_prefix(TAKEOVER)?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(text: &str) -> TaskId {
        TaskId::parse(text).unwrap()
    }

    #[test]
    fn the_seven_lines_of_the_scripts_are_read_and_written_back() {
        let bytes = b"task_id: 10_2\nlocked_by: a@example.com\nlocked_at: 2026-01-02 03:04\nhostname: box\npid: 42\n\
            pid_starttime: 99\npid_starttime_kind: proc\n";
        let entry = LockEntry::parse(task("10_2"), bytes, None);
        assert_eq!((entry.holder.as_str(), entry.host.as_str(), entry.nonce.as_ref()), ("a@example.com", "box", None));
        assert_eq!(entry.to_bytes(), bytes);
    }

    #[test]
    fn a_lock_that_cannot_be_read_has_an_unknown_holder() {
        for bytes in [&b""[..], b"\xff\xfe\x00", b"<<<<<<< HEAD\nlocked_by\n"] {
            let entry = LockEntry::parse(task("1"), bytes, None);
            assert_eq!((entry.holder.as_str(), entry.host.as_str()), ("unknown", "unknown"));
            assert_eq!(entry.process.number(), None);
        }
    }

    #[test]
    fn older_shapes_and_unknown_keys() {
        let four = b"task_id: 1\nlocked_by: a\nlocked_at: b\nhostname: c\nreason: lunch\n";
        let entry = LockEntry::parse(task("1"), four, None);
        assert_eq!(entry.process, ProcessIdentity { kind: "proc".into(), ..ProcessIdentity::default() });
        assert!(String::from_utf8(entry.to_bytes()).unwrap().ends_with("\nreason: lunch\n"));
    }

    #[test]
    fn the_time_of_a_lock_has_a_zone_where_one_is_known() {
        let since = |lines: &str| {
            let text = format!("locked_at: 2026-01-02 03:04\nhostname: box\n{lines}");
            LockEntry::parse(task("1"), text.as_bytes(), None).since_with_zone("far")
        };
        let known = "2026-01-02T03:04:05+02:00";
        assert_eq!(since(&format!("since: {known}\n")).as_deref(), Some(known));
        // a script has refreshed it since
        assert_eq!(since("since: 2026-01-02T03:03:05+02:00\n"), None);
        assert_eq!((since(""), since("since: noon\n")), (None, None));
        let here = LockEntry::parse(task("1"), b"locked_at: 2026-01-02 03:04\nhostname: box\n", None);
        assert!(here.since_with_zone("box").unwrap().starts_with("2026-01-02T03:04:00"));
        let odd = LockEntry::parse(task("1"), b"locked_at: unknown\nhostname: box\n", None);
        assert_eq!(odd.since_with_zone("box"), None);
    }

    #[test]
    fn names_of_lock_files() {
        assert_eq!(LockEntry::task_of("t10_2_lock.yaml"), Some(task("10_2")));
        for odd in ["t1.yaml", "tt5_lock.yaml", "t_lock.yaml", "t01_lock.yaml", "x/t1_lock.yaml", "README"] {
            assert_eq!(LockEntry::task_of(odd), None, "{odd}");
        }
    }
}
