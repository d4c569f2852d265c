//! `aitask_pick_own.sh`, and the older `aitask_own.sh`: picks a task for the caller. Its result lines (`OWNED`,
//! `LOCK_FAILED`, `RECLAIM_CRASH` ...) decide what a skill does next, so every failure has exactly one.

use crate::compat::invocation::Invocation;
use crate::compat::locks::lock::{print_prior, refusal_line, stale_locks};
use crate::compat::locks::script_pick::ScriptPick;
use crate::compat::record::record;
use crate::coordination::LockEntry;
use crate::coordination::decide::{LockRule, ObservedLock, TakenLock, Takeover};
use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::error::{Error, Kind, Result};
use crate::git::{AheadBehind, Branch};
use crate::ledger::TransactionResult;
use crate::ledger::plan::{Cause, OutdatedCheckout};
use crate::ops::pick::{
    PickDecision, PickGates, PickOperation, PickOutcome, PickResult, PickSource, Policy, WorkState,
};
use crate::ops::sync;
use crate::ops::sync::Unreconciled;
use crate::project::{Context, data_state};
use crate::task::{Status, TaskId};

const HELP: &str = "\
Usage: aitask_pick_own.sh [--email <email>] [--force] <task_id>
       aitask_pick_own.sh --sync

Claims a task: lock, status, assignee, published in one push.";

/// The arguments of `aitask_pick_own.sh`.
#[derive(Debug, Default)]
struct PickOwnArguments {
    id: Option<TaskId>,
    email: Option<String>,
    force: bool,
    sync: bool,
    /// Whether this is `aitask_own.sh`, whose callers know fewer result lines.
    older: bool,
}

/// Runs `aitask_pick_own.sh`.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    run_as(invocation, args, false)
}

/// Runs `aitask_own.sh`, the older script.
pub(crate) fn run_older(invocation: &Invocation, args: &[String]) -> u8 {
    run_as(invocation, args, true)
}

fn run_as(invocation: &Invocation, args: &[String], older: bool) -> u8 {
    let request = match parse(args) {
        Ok(Some(request)) => PickOwnArguments { older, ..request },
        Ok(None) => {
            HELP.lines().for_each(|line| invocation.console.line(line));
            return 0;
        }
        Err(error) => return fail(invocation, &error.to_string()),
    };
    if request.sync {
        return sync_only(invocation, older);
    }
    let Some(id) = request.id else {
        return fail(invocation, "Task ID is required (or use --sync for sync-only mode). Use --help for usage.");
    };
    match invocation.open() {
        Ok(Some(context)) => claim(invocation, &context, &request, id),
        Ok(None) => fail_with_line(invocation, "LOCK_ERROR:unknown", "not inside a git repository"),
        Err(error) => fail_with_line(invocation, "LOCK_ERROR:unknown", &error.to_string()),
    }
}

fn parse(args: &[String]) -> Result<Option<PickOwnArguments>> {
    let usage = |text: String| Err(Error::new(Kind::Usage, text));
    let mut request = PickOwnArguments::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--sync" => request.sync = true,
            "--force" => request.force = true,
            "--email" => match args.next().filter(|email| !email.is_empty()) {
                Some(email) => request.email = Some(email.clone()),
                None => return usage("Missing email address after --email".to_owned()),
            },
            option if option.starts_with('-') => {
                return usage(format!("Unknown option: {option}. Use --help for usage."));
            }
            id => match TaskId::try_parse(id) {
                Some(id) => request.id = Some(id),
                None => {
                    return usage(format!("Invalid task ID: {id} (expected format: 166, t166, 16_2, or t16_2)"));
                }
            },
        }
    }
    Ok(Some(request))
}

fn fail(invocation: &Invocation, text: &str) -> u8 {
    invocation.console.error(text);
    1
}

/// Ends a failed claim: the message on standard error, and exactly one result line on standard output.
fn fail_with_line(invocation: &Invocation, line: &str, text: &str) -> u8 {
    invocation.console.error(text);
    invocation.console.line(line);
    1
}

// ---- sync

fn sync_only(invocation: &Invocation, older: bool) -> u8 {
    let line = match sync_failure(invocation) {
        Some(reason) if !older => format!("SYNC_FAILED:{reason}"),
        _ => "SYNCED".to_owned(),
    };
    invocation.console.line(&line);
    0
}

/// The reason why the task data is not in step with the remote; `None` when it is, and without a remote.
fn sync_failure(invocation: &Invocation) -> Option<&'static str> {
    let context = invocation.open_remote().ok().flatten()?;
    let with_sweep = sync::sync(&context, |held| stale_locks(invocation, held));
    let outcome = match with_sweep {
        Err(error) if matches!(error.kind(), Kind::Denied | Kind::Contention) => {
            invocation.console.warn(&format!(
                "1 stale lock(s) or more left in place ({error}); they can cause LOCK_FAILED for a task nobody is \
                 working on"
            ));
            sync::sync(&context, |_| Vec::new())
        }
        other => other,
    };
    match outcome {
        Ok(_) if warn_elsewhere(invocation, &context) => Some("unknown"),
        Ok(lagging) => lagging.first().map(|lagging| warn_lagging(invocation, &context, lagging)),
        Err(error) => Some(warn_unreachable(invocation, &context, &error)),
    }
}

/// Warns when the data worktree could not be updated, since it is not on its branch.
fn warn_elsewhere(invocation: &Invocation, context: &Context) -> bool {
    let is_elsewhere = is_elsewhere(context);
    if is_elsewhere {
        invocation.console.warn(
            "task data not reconciled: unreconciled commit counts unavailable; .aitask-data is not on its branch, see \
             './ait git-health' (git: on no branch)",
        );
    }
    is_elsewhere
}

/// Whether the data worktree has another branch checked out, or none.
fn is_elsewhere(context: &Context) -> bool {
    let Some(dir) = data_state::data_worktree(context).filter(|_| context.has_data_branch()) else { return false };
    let record = context.data_branch().and_then(|data| context.repository.worktree_of(data));
    record.is_ok_and(|record| record.is_none_or(|record| record.path != dir))
}

/// What is not in step, in the words that callers search for.
fn unreconciled(counted: Option<&Unreconciled>) -> String {
    match counted {
        Some(Unreconciled { counts: AheadBehind { ahead, behind }, upstream }) => format!(
            "task data not reconciled with {upstream}: {ahead} local unpushed, {behind} remote unpulled \
             (as of the last successful fetch)"
        ),
        None => "task data not reconciled: unreconciled commit counts unavailable".to_owned(),
    }
}

fn warn_lagging(invocation: &Invocation, context: &Context, lagging: &OutdatedCheckout) -> &'static str {
    let (reason, hint) = match lagging.cause {
        Cause::Dirty => {
            ("dirty_worktree", "data worktree has unstaged changes in the way; reconcile with 'ait syncer'".to_owned())
        }
        Cause::Conflict => (
            "rebase_conflict",
            "your own commits conflict; nothing was touched, so no './ait git rebase --abort' is needed".to_owned(),
        ),
        Cause::Other => ("unknown", "see './ait git-health'".to_owned()),
    };
    invocation.console.warn(&format!(
        "{}; {hint} ({})",
        unreconciled(sync::unreconciled(context).as_ref()),
        lagging.reason
    ));
    reason
}

fn warn_unreachable(invocation: &Invocation, context: &Context, error: &Error) -> &'static str {
    let (reason, hint) = match error.kind() {
        Kind::Unreachable | Kind::NoRemote | Kind::Authentication | Kind::Unknown => {
            ("remote_unreachable", "remote unreachable; retry './ait sync' once connectivity is restored".to_owned())
        }
        _ => ("unknown", format!("see './ait git-health' (git: {error})")),
    };
    let counted = sync::unreconciled(context);
    // Where nothing waits on either side, being offline has no consequence to warn of.
    if !matches!(counted, Some(Unreconciled { counts: AheadBehind { ahead: 0, behind: 0 }, .. })) {
        invocation.console.warn(&format!("{}; {hint}", unreconciled(counted.as_ref())));
    }
    reason
}

// ---- claim

fn claim(invocation: &Invocation, context: &Context, request: &PickOwnArguments, id: TaskId) -> u8 {
    let wanted = ScriptPick { invocation, context, id, email: request.email.as_deref() };
    let policy = Policy {
        rule: LockRule::Script,
        takeover: if request.force { Takeover::Wanted } else { Takeover::Refused },
        gates: PickGates::Closed,
    };
    let take = || PickOperation::new(context, policy, PickSource::WorkingCopy(&wanted))?.run();
    // This check comes before anything is published: with an unfinished rebase here the checkout could not follow.
    let checkout = invocation.checkout(Some(context));
    match checkout.require_committable().and_then(|_| take()) {
        Ok(PickResult {
            landed: TransactionResult { value: PickOutcome::Taken(taking), lagging, .. },
            unpublished,
        }) => {
            if let Some(error) = unpublished {
                warn_unpublished(invocation, context, &error);
            }
            warn_if_assigned_to_another(invocation, &wanted, &taking);
            warn_elsewhere(invocation, context);
            if let Some(lagging) = lagging.first() {
                warn_lagging(invocation, context, lagging);
            }
            answer(invocation, context, &taking, request.older)
        }
        Ok(PickResult { landed: TransactionResult { value: PickOutcome::Refused(refusal), .. }, .. }) => {
            let owner = &refusal.lock.holder;
            invocation.console.line(&if request.older {
                format!("LOCK_FAILED:{owner}")
            } else {
                refusal_line(&refusal, "LOCK_FAILED")
            });
            1
        }
        Err(error) => {
            let (line, text) = explain(&error);
            // In a clone that has not heard that the tasks were moved, the branch of locks is not what is missing.
            let may_be_moved = error.kind() == Kind::NotInitialised;
            let moved = may_be_moved.then(|| checkout.require_home().err()).flatten();
            let text = moved.map_or(text, |moved| moved.to_string());
            let line = if request.older { "LOCK_INFRA_MISSING" } else { line };
            fail_with_line(invocation, line, &text)
        }
    }
}

/// Warns that the lock is published, but the commit with the status is in this clone only.
fn warn_unpublished(invocation: &Invocation, context: &Context, error: &Error) {
    let data = context.data_branch().map_or("", Branch::as_str);
    invocation.console.warn(&format!(
        "1 commit(s) not pushed to {}/{data}: {error}; reconcile with 'ait syncer', or retry './ait git push' once \
         connectivity is restored",
        context.channel.remote().map_or("origin", |remote| remote.as_str())
    ));
}

/// Warns when a call without `--email` picked the task for its assignee and not for the user.
fn warn_if_assigned_to_another(invocation: &Invocation, wanted: &ScriptPick<'_>, taking: &PickDecision) {
    if let (None, Some(own), Some(email)) = (wanted.email, invocation.user_email(), &taking.email)
        && own != *email
    {
        invocation.console.warn(&format!("t{} is claimed for its assignee {email}, not for {own}", wanted.id));
    }
}

fn explain(error: &Error) -> (&'static str, String) {
    match error.kind() {
        Kind::BranchGone => ("LOCK_INFRA_MISSING", format!("{error}. Run 'aitask_lock.sh --init' to put it back.")),
        Kind::NotInitialised => ("LOCK_INFRA_MISSING", "Run 'ait setup' to initialize lock infrastructure.".to_owned()),
        Kind::Unreachable | Kind::NoRemote | Kind::Authentication | Kind::Unknown | Kind::Damaged => {
            ("LOCK_ERROR:fetch_failed", error.to_string())
        }
        Kind::Contention => ("LOCK_ERROR:race_exhaustion", error.to_string()),
        Kind::Denied => ("LOCK_ERROR:push_rejected", error.to_string()),
        Kind::NoSuchTask => ("LOCK_ERROR:no_such_task", error.to_string()),
        Kind::NotClaimable => ("LOCK_ERROR:not_claimable", error.to_string()),
        Kind::DetachedHead => ("LOCK_ERROR:detached_head", error.to_string()),
        Kind::Dirty | Kind::Conflict => ("LOCK_ERROR:dirty_worktree", error.to_string()),
        _ => ("LOCK_ERROR:unknown", error.to_string()),
    }
}

/// Prints the lines of a claim. The callers of the older script know none about a lock that was there before.
fn answer(invocation: &Invocation, context: &Context, taking: &PickDecision, older: bool) -> u8 {
    let PickDecision { task, email, lock, before: WorkState { status, assigned }, changed, .. } = taking;
    let id = task.id;
    let prior = lock.as_ref().and_then(|lock| Some((lock.prior()?, &lock.entry))).filter(|_| !older);
    if let Some((prior, entry)) = prior {
        print_prior(invocation, &prior.lock, &entry.host);
    }
    let forced = lock.as_ref().and_then(TakenLock::displaced);
    if let Some(refusal) = &forced {
        invocation.console.line(&refusal_line(refusal, "LOCK_FAILED"));
        invocation.console.line(&format!("FORCE_UNLOCKED:{}", refusal.lock.holder));
    }
    invocation.console.line(&format!("Updated: {}", task.path.as_str()));
    if !changed {
        invocation.console.info("No changes to commit (task may already be in Implementing status)");
    }
    invocation.console.line(&format!("OWNED:{id}"));
    let again = status == Status::Implementing.as_str();
    if again && !older && forced.is_none() && email.as_ref() == Some(assigned) {
        let crashed = prior.filter(|(prior, _)| prior.liveness == Liveness::Dead);
        invocation.console.line(&match crashed {
            Some((
                ObservedLock { lock: LockEntry { since, host, process: ProcessIdentity { pid, .. }, .. }, .. },
                _,
            )) => {
                format!("RECLAIM_CRASH:{}", record(&[since, host, pid]))
            }
            None => format!("RECLAIM_STATUS:{}", record(&[status, assigned])),
        });
    }
    if !again {
        let script = invocation.environment.scripts_folder(&invocation.dir).join("aitask_change_surface.sh");
        if script.is_file() {
            sync::run_script(context, &script, &["capture", &id.to_string()]);
        }
    }
    0
}
