//! `aitask_lock.sh` (specification 10, section 2).

use super::scene::{Scene, parse_id};
use crate::error::{Error, Kind, Result};
use crate::ledger::Edit;
use crate::ledger::liveness::Liveness;
use crate::ledger::session::host_name;
use crate::ledger::transaction::Step;
use crate::ledger::{Decision, Ledger, LockEntry, Locks, Plan, Session, locks, nonce};
use crate::task::{TaskId, query};
use crate::workflow::Context;

const USAGE_LOCK: &str = "Usage: ait lock <task_id> [--email <email>]";

const HELP: &str = "\
Usage: ait lock <task_id> [--email <email>]
       aitask_lock.sh --lock <task_id> | --unlock <task_id> | --check <task_id>
       aitask_lock.sh --list | --init | --cleanup

Locks of tasks, kept on the branch aitask-locks of the remote origin.";

/// Runs the script.
pub(super) fn run(scene: &Scene, args: &[String]) -> u8 {
    let word = args.first().map(String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    match word {
        None => fail(scene, "No command specified. Use --help for usage."),
        Some("--help" | "-h") => {
            HELP.lines().for_each(|line| scene.console.line(line));
            0
        }
        Some("--lock" | "lock") => lock(scene, rest),
        Some("--unlock" | "unlock") => with_id(scene, rest, "Usage: aitask_lock.sh --unlock <task_id>", unlock),
        Some("--check" | "check") => with_id(scene, rest, "Usage: aitask_lock.sh --check <task_id>", check),
        Some("--list" | "list") => list(scene),
        Some("--init" | "init") => init(scene),
        Some("--cleanup" | "cleanup") => cleanup(scene),
        Some(id) if parse_id(id).is_some() => lock(scene, args),
        Some(other) => fail(scene, &format!("Unknown option: {other}. Use --help for usage.")),
    }
}

fn fail(scene: &Scene, text: &str) -> u8 {
    scene.console.error(text);
    1
}

fn with_id(scene: &Scene, rest: &[String], usage: &str, run: fn(&Scene, TaskId) -> u8) -> u8 {
    match rest.first().filter(|id| !id.is_empty()) {
        None => fail(scene, usage),
        Some(id) => match parse_id(id) {
            Some(id) => run(scene, id),
            None => fail(scene, &format!("Invalid task ID: {id} (expected format: 166, t166, 16_2, or t16_2)")),
        },
    }
}

/// Why a lock was not taken: the one in the way.
#[derive(Debug)]
pub(super) struct Refusal {
    lock: Box<LockEntry>,
    by: Holder,
}

#[derive(Debug, Clone, Copy)]
enum Holder {
    /// Another owner.
    Other,
    /// A live session of the same person on this machine.
    Live,
    /// A session of the same person on this machine that nobody can judge.
    Unverifiable,
}

impl Refusal {
    fn new(by: Holder, lock: &LockEntry) -> Self {
        Self { lock: Box::new(lock.clone()), by }
    }

    /// Whether it is another person's.
    pub(super) fn is_of_another(&self) -> bool {
        matches!(self.by, Holder::Other)
    }

    /// The result line, with the word for another owner that the caller uses.
    pub(super) fn line(&self, other: &str) -> String {
        let LockEntry { holder, since, host, anchor, .. } = self.lock();
        match self.by {
            Holder::Other => format!("{other}:{holder}|{since}|{host}"),
            Holder::Live => format!("LOCK_LIVE_HOLDER:{holder}|{since}|{host}|{}", anchor.pid),
            Holder::Unverifiable => format!("LOCK_UNVERIFIABLE_HOLDER:{holder}|{since}|{host}|{}", anchor.pid),
        }
    }

    /// The lock in the way.
    pub(super) fn lock(&self) -> &LockEntry {
        &self.lock
    }

    fn exit_code(&self) -> u8 {
        match self.by {
            Holder::Other => 1,
            Holder::Live => 13,
            Holder::Unverifiable => 14,
        }
    }

    fn explain(&self) -> String {
        let LockEntry { task: id, holder, since, host, anchor, .. } = self.lock();
        let pid = &anchor.pid;
        match self.by {
            Holder::Other => {
                format!("Task t{id} is already locked by {holder} (since {since}, hostname: {host})")
            }
            Holder::Live => format!(
                "Task t{id} is held by a live session of yours on this host (pid {pid}, since {since}). Let it finish, or \
                 release it with './ait lock --unlock {id}'."
            ),
            Holder::Unverifiable => format!(
                "Task t{id} is held by a session of yours on this host whose liveness could not be established (pid {pid}, \
                 since {since}). If it is gone, claim with --force, or release it with './ait lock --unlock {id}'."
            ),
        }
    }
}

/// The table of section 2.3: the lines that go with taking the lock, or why it is not taken.
pub(super) fn judge(context: &Context, session: &Session, lock: &LockEntry) -> Result<Vec<String>, Refusal> {
    let prior = || {
        let anchor = &lock.anchor;
        format!("PRIOR_LOCK:{}|{}|{}|{}|{}", anchor.pid, anchor.start, lock.host, lock.since, anchor.kind)
    };
    if lock.holder != session.email {
        return Err(Refusal::new(Holder::Other, lock));
    }
    if lock.host != "unknown" && lock.host != session.host {
        return Ok(vec![format!("LOCK_RECLAIM:{}|{}|{}", lock.host, lock.since, session.host), prior()]);
    }
    if lock.host == "unknown" || lock.anchor.is_same(&session.anchor) {
        return Ok(vec![prior()]);
    }
    match lock.anchor.liveness(&context.repository) {
        Liveness::Alive => Err(Refusal::new(Holder::Live, lock)),
        Liveness::Unknown if lock.anchor.number().is_some() => Err(Refusal::new(Holder::Unverifiable, lock)),
        Liveness::Unknown | Liveness::Dead => Ok(vec![prior()]),
    }
}

/// The step that writes a lock.
pub(super) fn lock_step(entry: &LockEntry) -> Step {
    let edit = Edit::Put { path: LockEntry::path(entry.task), content: entry.to_bytes() };
    Step::edit(format!("ait: Lock task t{} for {}", entry.task, entry.holder), vec![edit])
}

fn lock(scene: &Scene, rest: &[String]) -> u8 {
    let Some(id) = rest.first().filter(|id| !id.is_empty()) else { return fail(scene, USAGE_LOCK) };
    let Some(id) = parse_id(id) else {
        return fail(scene, &format!("Invalid task ID: {id} (expected format: 166, t166, 16_2, or t16_2)"));
    };
    // Honoured only directly after the id.
    let email = match rest.get(1).map(String::as_str) {
        Some("--email") => match rest.get(2).filter(|email| !email.is_empty()) {
            Some(email) => crate::ledger::session::parse_email(email),
            None => return fail(scene, "Missing email address after --email"),
        },
        _ => scene.detect_email(),
    };
    match email.and_then(|email| take(scene, id, &email)) {
        Ok(code) => code,
        Err(error) => broken(scene, &error, &format!("Failed to lock task t{id} after 5 attempts")),
    }
}

fn take(scene: &Scene, id: TaskId, email: &str) -> Result<u8> {
    let Some(context) = scene.open_remote()? else { return Ok(0) };
    let session = Session::of_script(&context.repository, email, scene.narrate)?;
    let branch = Ledger::locks_branch()?;
    let landed = context.ledger().transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        let objects = view.objects(&[(&branch, LockEntry::path(id)), Locks::request(&branch)])?;
        Locks::of(objects.get(1).and_then(Option::as_ref))?;
        let lines = match locks::entry(id, objects.first().and_then(Option::as_ref)) {
            None => Vec::new(),
            Some(lock) => match judge(&context, &session, &lock) {
                Ok(lines) => lines,
                Err(refusal) => return Ok(Decision::Nothing(Err(refusal))),
            },
        };
        let entry = LockEntry::taken(id, &session, &Context::now(), None);
        Ok(Decision::Swap(Plan::new().step(&branch, lock_step(&entry)), Ok(lines)))
    })?;
    match landed.value {
        Ok(lines) => {
            for line in &lines {
                scene.console.line(line);
            }
            scene.console.success(&format!("Locked task t{id}"));
            Ok(0)
        }
        Err(refusal) => {
            scene.console.line(&refusal.line("LOCK_HOLDER"));
            scene.console.error(&refusal.explain());
            Ok(refusal.exit_code())
        }
    }
}

fn unlock(scene: &Scene, id: TaskId) -> u8 {
    let release = || -> Result<u8> {
        let Some(context) = scene.open_remote()? else { return Ok(0) };
        let branch = Ledger::locks_branch()?;
        context.ledger().transact(&nonce()?, std::slice::from_ref(&branch), |view| {
            let objects = view.objects(&[(&branch, LockEntry::path(id)), Locks::request(&branch)])?;
            Locks::of(objects.get(1).and_then(Option::as_ref))?;
            if objects.first().and_then(Option::as_ref).is_none() {
                return Ok(Decision::Nothing(()));
            }
            let edit = Edit::Remove { path: LockEntry::path(id) };
            Ok(Decision::Swap(Plan::new().step(&branch, Step::edit(format!("ait: Unlock task t{id}"), vec![edit])), ()))
        })?;
        Ok(0)
    };
    release().unwrap_or_else(|error| broken(scene, &error, &format!("Failed to unlock task t{id} after 5 attempts")))
}

fn check(scene: &Scene, id: TaskId) -> u8 {
    let look = || -> Result<u8> {
        let Some(context) = scene.open_remote()? else { return Ok(1) };
        let branch = Ledger::locks_branch()?;
        let ledger = context.ledger();
        let view = ledger.view(std::slice::from_ref(&branch), true)?;
        let file = view.files(&[(&branch, LockEntry::path(id))])?.pop().flatten();
        Ok(file.map_or(1, |bytes| {
            scene.console.bytes(&bytes);
            0
        }))
    };
    look().unwrap_or_else(|error| unreadable(scene, &error))
}

fn list(scene: &Scene) -> u8 {
    let look = || -> Result<u8> {
        let Some(context) = scene.open_remote()? else {
            scene.console.info("No locks (no remote configured)");
            return Ok(0);
        };
        let branch = Ledger::locks_branch()?;
        let ledger = context.ledger();
        let view = ledger.view(std::slice::from_ref(&branch), true)?;
        let root = view.objects(&[Locks::request(&branch)])?.pop().flatten();
        let Some(root) = root else {
            scene.console.info("No locks (branch not initialized)");
            return Ok(0);
        };
        let mut entries = Locks::of(Some(&root))?.entries(&view)?;
        // In tree order, which is git's byte order of the names.
        entries.sort_by_key(|entry| LockEntry::path(entry.task));
        for lock in &entries {
            let LockEntry { task, holder, host, since, .. } = lock;
            scene.console.line(&format!("t{task}: locked by {holder} on {host} since {since}"));
        }
        if entries.is_empty() {
            scene.console.info("No active locks");
        }
        Ok(0)
    };
    look().unwrap_or_else(|error| unreadable(scene, &error))
}

fn init(scene: &Scene) -> u8 {
    let make = || -> Result<u8> {
        let Some(context) = scene.open_remote()? else {
            scene.console.error("No git remote 'origin' configured. Cannot initialize atomic task locks.");
            return Ok(10);
        };
        let branch = Ledger::locks_branch()?;
        let landed = context.ledger().transact(&nonce()?, std::slice::from_ref(&branch), |view| {
            if view.base(&branch).is_some() {
                return Ok(Decision::Nothing(false));
            }
            let step = Step::edit("ait: Initialize task lock branch", Vec::new());
            Ok(Decision::Swap(Plan::new().step(&branch, step), true))
        })?;
        if landed.value {
            scene.console.info("Initializing lock branch 'aitask-locks'...");
            scene.console.success("Lock branch 'aitask-locks' created");
        } else {
            scene.console.info("Lock branch 'aitask-locks' already exists on remote.");
        }
        Ok(0)
    };
    make().unwrap_or_else(|error| fail(scene, &format!("Failed to push lock branch: {error}")))
}

/// Which locks are of tasks that are archived and not active any more (specification 10, section 9, Q13).
pub(super) fn stale(scene: &Scene, held: impl Iterator<Item = TaskId>) -> Vec<TaskId> {
    let held: Vec<_> = held.collect();
    if held.is_empty() {
        return Vec::new();
    }
    let ids = |paths: &[String]| query::ids(paths.iter().map(String::as_str));
    let active = ids(&scene.active_files());
    // A bundle that cannot be read makes nothing stale.
    let archived = ids(&scene.archived_files().unwrap_or_default());
    let gone = |id: &TaskId| {
        let parent = id.parent().is_some_and(|parent| archived.contains(&parent));
        !active.contains(id) && (archived.contains(id) || parent)
    };
    held.into_iter().filter(gone).collect()
}

/// The commit that removes stale locks.
pub(super) fn cleanup_step(stale: &[TaskId]) -> Step {
    let edits = stale.iter().map(|id| Edit::Remove { path: LockEntry::path(*id) }).collect();
    Step::edit(format!("ait: Cleanup {} stale lock(s)", stale.len()), edits)
}

fn cleanup(scene: &Scene) -> u8 {
    let mut found = 0;
    let outcome = sweep(scene, &mut found);
    match outcome {
        Ok(0) => 0,
        Ok(count) => {
            scene.console.info(&format!("Removing {count} stale lock(s)..."));
            scene.console.success(&format!("Cleaned up {count} stale lock(s)"));
            0
        }
        Err(error) if matches!(error.kind(), Kind::Contention | Kind::Denied) => {
            scene.console.warn(&format!(
                "{found} stale lock(s) left in place after 5 push attempt(s): {error}; release one by hand with \
                 './ait lock --unlock <task_id>'"
            ));
            12
        }
        Err(error) => {
            let what = if found == 0 {
                "could not read the 'aitask-locks' lock branch \u{2014} stale lock cleanup did not run".to_owned()
            } else {
                format!("could not re-read the 'aitask-locks' lock branch \u{2014} {found} stale lock(s) left in place")
            };
            scene.console.warn(&format!("{what}; {}", hint(&error)));
            11
        }
    }
}

/// Removes stale locks; gives how many.
fn sweep(scene: &Scene, found: &mut usize) -> Result<usize> {
    let Some(context) = scene.open_remote()? else { return Ok(0) };
    let branch = Ledger::locks_branch()?;
    let landed = context.ledger().transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        let root = view.objects(&[Locks::request(&branch)])?.pop().flatten();
        let Some(root) = root else { return Ok(Decision::Nothing(0)) };
        let stale = stale(scene, Locks::of(Some(&root))?.tasks());
        // What is stale is told from the remote's state: "nothing" of an older view is answered with a look at it.
        if stale.is_empty() || !view.fresh {
            return Ok(Decision::Nothing(0));
        }
        *found = stale.len();
        Ok(Decision::Swap(Plan::new().step(&branch, cleanup_step(&stale)), stale.len()))
    })?;
    Ok(landed.value)
}

/// The hint of specification 40, section 4.4, with the command that tries again.
fn hint(error: &Error) -> String {
    match error.kind() {
        Kind::Unreachable | Kind::Authentication => {
            "remote unreachable (network, auth, or no configured destination); retry \
            './ait lock --cleanup' once connectivity is restored"
                .to_owned()
        }
        _ => format!("retry './ait lock --cleanup' (git: {error})"),
    }
}

/// The exit code of a lock or unlock that broke (specification 10, section 2.2).
fn broken(scene: &Scene, error: &Error, exhausted: &str) -> u8 {
    let (text, code) = match error.kind() {
        Kind::NotInitialised => {
            ("Lock branch 'aitask-locks' not found on remote. Run 'ait setup' to initialize.".to_owned(), 10)
        }
        Kind::Unreachable | Kind::Authentication | Kind::Unknown => {
            ("Failed to reach origin to check 'aitask-locks' (network or auth issue).".to_owned(), 11)
        }
        Kind::Contention | Kind::Denied => (format!("{exhausted}: {error}"), 12),
        _ => (error.to_string(), 1),
    };
    scene.console.error(&text);
    code
}

/// A query that got no answer is not an answer (specification 10, section 14).
fn unreadable(scene: &Scene, error: &Error) -> u8 {
    scene.console.error(&format!("could not read the 'aitask-locks' lock branch: {error}"));
    11
}

/// This machine's name, for the sake of the diagnosis.
pub(super) fn host(context: &Context) -> String {
    host_name(&context.repository)
}
