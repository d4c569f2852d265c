//! `aitask_lock.sh`: takes, releases, shows and cleans up locks. Exit codes callers switch on: 10 without a lock
//! branch, 11 when the remote cannot be read, 12 when the push is refused or keeps losing to others, 13 and 14 for a
//! live or unverifiable session of the same holder.

use crate::compat::invocation::Invocation;
use crate::compat::record::record;
use crate::coordination::decide::{HeldBy, LockConflict, LockRule};
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, ReadLocks, Session};
use crate::error::{Error, Kind, Payload, Result};
use crate::ledger::{Decision, LOCKS, Ledger, nonce};
use crate::ops::lock::LockOutcome;
use crate::ops::sync::release_all;
use crate::ops::{self, init};
use crate::project::Context;
use crate::task::{TaskId, query};

const USAGE_LOCK: &str = "Usage: ait lock <task_id> [--email <email>]";

const HELP: &str = "\
Usage: ait lock <task_id> [--email <email>]
       aitask_lock.sh --lock <task_id> | --unlock <task_id> | --check <task_id>
       aitask_lock.sh --list | --init | --cleanup

Locks of tasks, kept on the branch aitask-locks of the remote origin.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let word = args.first().map(String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    match word {
        None => fail(invocation, "No command specified. Use --help for usage."),
        Some("--help" | "-h") => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            0
        }
        Some("--lock" | "lock") => lock(invocation, rest),
        Some("--unlock" | "unlock") => with_id(invocation, rest, "Usage: aitask_lock.sh --unlock <task_id>", unlock),
        Some("--check" | "check") => with_id(invocation, rest, "Usage: aitask_lock.sh --check <task_id>", check),
        Some("--list" | "list") => list(invocation),
        Some("--init" | "init") => init(invocation),
        Some("--cleanup" | "cleanup") => cleanup(invocation),
        Some(id) if TaskId::try_parse(id).is_some() => lock(invocation, args),
        Some(other) => fail(invocation, &format!("Unknown option: {other}. Use --help for usage.")),
    }
}

fn fail(invocation: &Invocation, text: &str) -> u8 {
    invocation.console.error(text);
    1
}

fn with_id(invocation: &Invocation, rest: &[String], usage: &str, run: fn(&Invocation, TaskId) -> u8) -> u8 {
    match rest.first().filter(|id| !id.is_empty()) {
        None => fail(invocation, usage),
        Some(id) => match TaskId::try_parse(id) {
            Some(id) => run(invocation, id),
            None => fail(invocation, &format!("Invalid task ID: {id} (expected format: 166, t166, 16_2, or t16_2)")),
        },
    }
}

/// The result line of a refusal. `other` is the word for a lock of another holder: `aitask_lock.sh` prints
/// `LOCK_HOLDER`, the scripts that pick print `LOCK_FAILED`.
pub(crate) fn refusal_line(refusal: &LockConflict, other: &str) -> String {
    let LockEntry { holder, since, host, process, .. } = &*refusal.lock;
    match refusal.by {
        HeldBy::Other => format!("{other}:{}", record(&[holder, since, host])),
        HeldBy::Live => format!("LOCK_LIVE_HOLDER:{}", record(&[holder, since, host, &process.pid])),
        HeldBy::Unverifiable => format!("LOCK_UNVERIFIABLE_HOLDER:{}", record(&[holder, since, host, &process.pid])),
    }
}

/// The lines for a lock that its holder takes again: skills read them to decide whether an earlier session crashed.
pub(crate) fn print_prior(invocation: &Invocation, prior: &LockEntry, host_now: &str) {
    let LockEntry { since, host, process, .. } = prior;
    // With a scope it is known that this is the same machine, whatever it was called then.
    if process.scope.is_none() && host != "unknown" && host != host_now {
        invocation.console.line(&format!("LOCK_RECLAIM:{}", record(&[host, since, host_now])));
    }
    let prior = record(&[&process.pid, &process.start, host, since, &process.kind]);
    invocation.console.line(&format!("PRIOR_LOCK:{prior}"));
}

/// The exit code of a refusal, and its message.
fn explain(refusal: &LockConflict) -> (u8, String) {
    let LockEntry { task: id, holder, since, host, process, .. } = &*refusal.lock;
    let pid = &process.pid;
    match refusal.by {
        HeldBy::Other => (1, format!("Task t{id} is already locked by {holder} (since {since}, hostname: {host})")),
        HeldBy::Live => (
            13,
            format!(
                "Task t{id} is held by a live session of yours on this host (pid {pid}, since {since}). Let it finish, \
                 or release it with './ait lock --unlock {id}'."
            ),
        ),
        HeldBy::Unverifiable => (
            14,
            format!(
                "Task t{id} is held by a session of yours on this host whose liveness could not be established \
                 (pid {pid}, since {since}). If it is gone, claim with --force, or release it with \
                 './ait lock --unlock {id}'."
            ),
        ),
    }
}

fn lock(invocation: &Invocation, rest: &[String]) -> u8 {
    let Some(id) = rest.first().filter(|id| !id.is_empty()) else { return fail(invocation, USAGE_LOCK) };
    let Some(id) = TaskId::try_parse(id) else {
        return fail(invocation, &format!("Invalid task ID: {id} (expected format: 166, t166, 16_2, or t16_2)"));
    };
    // The scripts accept --email only directly after the id; elsewhere they ignore it.
    let email = match rest.get(1).map(String::as_str) {
        Some("--email") => match rest.get(2).filter(|email| !email.is_empty()) {
            Some(email) => crate::coordination::session::parse_email(email),
            None => return fail(invocation, "Missing email address after --email"),
        },
        _ => invocation.detect_email(),
    };
    match email.and_then(|email| take(invocation, id, &email)) {
        Ok(code) => code,
        Err(error) => report_failure(invocation, &error, &format!("Failed to lock task t{id} after 5 attempts")),
    }
}

fn take(invocation: &Invocation, id: TaskId, email: &str) -> Result<u8> {
    let Some(context) = invocation.open_remote()? else { return Ok(0) };
    let session = Session::of_script(&context.repository, email, invocation.notice)?;
    match ops::lock::take(&context, LockRule::Script, &session, &id.into())?.value {
        LockOutcome::Taken(taken) => {
            if let Some(prior) = taken.prior() {
                print_prior(invocation, &prior.lock, &session.host);
            }
            invocation.console.success(&format!("Locked task t{id}"));
            Ok(0)
        }
        LockOutcome::Refused(refusal) => {
            invocation.console.line(&refusal_line(&refusal, "LOCK_HOLDER"));
            let (code, text) = explain(&refusal);
            invocation.console.error(&text);
            Ok(code)
        }
    }
}

fn unlock(invocation: &Invocation, id: TaskId) -> u8 {
    let release = || -> Result<u8> {
        let Some(context) = invocation.open_remote()? else { return Ok(0) };
        ops::lock::release(&context, id, None)?;
        Ok(0)
    };
    release().unwrap_or_else(|error| {
        report_failure(invocation, &error, &format!("Failed to unlock task t{id} after 5 attempts"))
    })
}

fn check(invocation: &Invocation, id: TaskId) -> u8 {
    let look = || -> Result<u8> {
        let Some(context) = invocation.open_remote()? else { return Ok(1) };
        let branch = Ledger::locks_branch()?;
        let found = context.ledger().fetch(&[(&branch, LockEntry::path(id))])?;
        Ok(found.file(&branch, &LockEntry::path(id)).map_or(1, |file| {
            invocation.console.lines(file);
            0
        }))
    };
    look().unwrap_or_else(|error| report_unreadable(invocation, &error))
}

fn list(invocation: &Invocation) -> u8 {
    let look = || -> Result<u8> {
        let Some(context) = invocation.open_remote()? else {
            invocation.console.info("No locks (no remote configured)");
            return Ok(0);
        };
        match listed(ops::lock::fetch(&context)?) {
            Ok(lines) => lines.iter().for_each(|line| invocation.console.line(line)),
            Err(none) => invocation.console.info(none),
        }
        Ok(0)
    };
    look().unwrap_or_else(|error| report_unreadable(invocation, &error))
}

/// A line for each lock, in the order of the files on the branch, git's byte order of their names.
///
/// # Errors
/// What is said where there is no lock, or no branch.
pub(crate) fn listed(locks: Option<Vec<LockEntry>>) -> Result<Vec<String>, &'static str> {
    let mut locks = locks.ok_or("No locks (branch not initialized)")?;
    if locks.is_empty() {
        return Err("No active locks");
    }
    locks.sort_by_key(|lock| LockEntry::path(lock.task));
    let line = |LockEntry { task, holder, host, since, .. }: &LockEntry| {
        format!("t{task}: locked by {holder} on {host} since {since}")
    };
    Ok(locks.iter().map(line).collect())
}

fn init(invocation: &Invocation) -> u8 {
    let make = || -> Result<u8> {
        let Some(context) = invocation.open_remote()? else {
            invocation.console.error("No git remote 'origin' configured. Cannot initialize atomic task locks.");
            return Ok(10);
        };
        let made = init::init_locks(&context)?;
        match made.as_slice() {
            [] => invocation.console.info("Lock branch 'aitask-locks' already exists on remote."),
            [one] if *one == format!("branch {LOCKS}") => {
                invocation.console.info("Initializing lock branch 'aitask-locks'...");
                invocation.console.success("Lock branch 'aitask-locks' created");
                if let Some(other) = context.ledger().other_remote_with_branches()? {
                    invocation.console.warn(&format!(
                        "The remote '{other}' has a lock branch, too; the scripts look at that of 'origin' alone"
                    ));
                }
            }
            _ => made.iter().for_each(|what| invocation.console.success(&format!("Lock branch restored: {what}"))),
        }
        Ok(0)
    };
    make().unwrap_or_else(|error| fail(invocation, &format!("Failed to push lock branch: {error}")))
}

/// The stale locks among those that are held: their task, or its parent, is archived, and it is not active.
pub(crate) fn stale_locks(invocation: &Invocation, held: impl Iterator<Item = TaskId>) -> Vec<TaskId> {
    let held: Vec<_> = held.collect();
    if held.is_empty() {
        return Vec::new();
    }
    let ids = |paths: &[String]| query::ids(paths.iter().map(String::as_str));
    let active = ids(&invocation.active_files());
    // With a bundle that cannot be read it is unknown what is archived: no lock counts as stale then.
    let archived = ids(&invocation.archived_files().unwrap_or_default());
    let gone = |id: &TaskId| {
        let parent = id.parent().is_some_and(|parent| archived.contains(&parent));
        !active.contains(id) && (archived.contains(id) || parent)
    };
    held.into_iter().filter(gone).collect()
}

fn cleanup(invocation: &Invocation) -> u8 {
    let mut progress = CleanupProgress::default();
    let outcome = remove_stale(invocation, &mut progress);
    let CleanupProgress { found, pushes } = progress;
    match outcome {
        Ok(0) => 0,
        Ok(count) => {
            invocation.console.info(&format!("Removing {count} stale lock(s)..."));
            invocation.console.success(&format!("Cleaned up {count} stale lock(s)"));
            0
        }
        Err(error) if matches!(error.kind(), Kind::Contention | Kind::Denied) => {
            invocation.console.warn(&format!(
                "{found} stale lock(s) left in place after {pushes} push attempt(s): {error}; release one by hand with \
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
            invocation.console.warn(&format!("{what}; {}", hint(&error)));
            11
        }
    }
}

/// How far a cleanup came, also when it fails.
#[derive(Debug, Default)]
struct CleanupProgress {
    /// The number of stale locks.
    found: usize,
    /// The number of pushes.
    pushes: usize,
}

/// Removes stale locks in one publication; gives how many.
fn remove_stale(invocation: &Invocation, progress: &mut CleanupProgress) -> Result<usize> {
    let Some(context) = invocation.open_remote()? else { return Ok(0) };
    let branch = Ledger::locks_branch()?;
    // Without `repairs` the ledger fails on a lock branch that is gone or was set back. The decision below leaves
    // such a branch as it is: cleaning up must not restore a branch that somebody removed, and is no reason to fail.
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let landed = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        if view.gone(&branch).is_some() || view.set_back(&branch).is_some() {
            return Ok(Decision::NoChange(Vec::new()));
        }
        let Some(locks) = view.locks()? else { return Ok(Decision::NoChange(Vec::new())) };
        let stale = stale_locks(invocation, locks.tasks());
        // Only the remote's present state shows which locks are stale. `Nothing` on an older view makes the ledger
        // fetch and decide again.
        if !view.is_current {
            return Ok(Decision::NoChange(Vec::new()));
        }
        progress.found = stale.len();
        // Every decision that has locks to remove is pushed once.
        progress.pushes += usize::from(!stale.is_empty());
        release_all(stale)
    })?;
    Ok(landed.value.len())
}

/// The cause, and the command that tries again.
fn hint(error: &Error) -> String {
    match error.kind() {
        Kind::Unreachable | Kind::NoRemote | Kind::Authentication => {
            "remote unreachable (network, auth, or no configured destination); retry \
            './ait lock --cleanup' once connectivity is restored"
                .to_owned()
        }
        _ => format!("retry './ait lock --cleanup' (git: {error})"),
    }
}

/// Prints the error of a lock or unlock that failed, and gives its exit code.
fn report_failure(invocation: &Invocation, error: &Error, exhausted: &str) -> u8 {
    let (text, code) = match error.kind() {
        Kind::BranchGone => (format!("{error}. Run 'aitask_lock.sh --init' to put it back."), 10),
        Kind::NotInitialised if error.payloads().iter().any(|it| matches!(it, Payload::Unpublished { .. })) => {
            (format!("{error}. Run 'aitask_lock.sh --init' to publish them."), 10)
        }
        Kind::NotInitialised => {
            ("Lock branch 'aitask-locks' not found on remote. Run 'ait setup' to initialize.".to_owned(), 10)
        }
        Kind::Unreachable | Kind::NoRemote | Kind::Authentication | Kind::Unknown => {
            ("Failed to reach origin to check 'aitask-locks' (network or auth issue).".to_owned(), 11)
        }
        Kind::Damaged => (error.to_string(), 11),
        Kind::Contention | Kind::Denied => (format!("{exhausted}: {error}"), 12),
        _ => (error.to_string(), 1),
    };
    invocation.console.error(&text);
    code
}

/// Prints that the lock branch could not be read: exit 11, since "not locked" (exit 1) would be a guess.
fn report_unreadable(invocation: &Invocation, error: &Error) -> u8 {
    invocation.console.error(&format!("could not read the 'aitask-locks' lock branch: {error}"));
    11
}

/// The name of this host, as locks record it.
pub(crate) fn host(context: &Context) -> String {
    host_name(&context.repository)
}
