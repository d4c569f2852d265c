//! The published task branch: what a push of it may replace, which of its commits this clone lacks, and which commit
//! proves that it is merged. What this clone pushed is kept in the task's record under `.git/aitask/`.

use crate::coordination::lock_record::{Landing, LockRecord};
use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::{Branch, Oid, RemoteName, merge};
use crate::landing::merge::MergeMode;
use crate::ledger::plan::trailer;
use crate::ledger::{Channel, View};
use crate::project::context::Context;
use crate::task::{Task, TaskId, TaskPath, sanitise};
use crate::worktrees::landed::{has_landed_for_all, merge_targets};
use crate::worktrees::task_worktree::TaskWorktree;
use std::cell::RefCell;

/// Requires a fresh view where this clone knows no published task branch. The compare-and-swap detects that a known ref
/// has moved; it cannot detect a ref that this clone has never seen, because a plan names only the refs that it knows.
pub(crate) fn require_remote_known(context: &Context, view: &View<'_>, branch: Option<&Branch>) -> Result<()> {
    let unknown = |branch: &&Branch| view.tip(branch).published.is_none();
    let lacks = branch.filter(unknown).filter(|_| !view.is_current && context.channel != Channel::Local);
    match lacks {
        Some(branch) if !view.has_all_task_branches()? => {
            Err(Error::new(Kind::Behind, format!("whether {branch} is published is not known yet")))
        }
        _ => Ok(()),
    }
}

/// Refuses to continue where the published task branch has commits that neither `tip` nor `output` has. The tip that
/// this clone pushed last may be replaced: after an amend or a rebase, that is what the user wants.
///
/// # Errors
/// [`Kind::Behind`] with the commits and the command that merges them into the worktree. That is left to the user:
/// commits that were never in this worktree were not reviewed, built or tested here.
pub(crate) fn require_no_missed_commits(
    context: &Context,
    view: &View<'_>,
    task: TaskId,
    place: &TaskWorktree,
    tip: &Oid,
    output: &Oid,
) -> Result<()> {
    let repository = &context.repository;
    let Some(remote) = context.channel.remote() else { return Ok(()) };
    let Some(published) = view.tip(&place.branch).published else { return Ok(()) };
    let ours =
        LockRecord::load(repository, task).is_some_and(|held| held.pushed.iter().any(|oid| *oid == published.as_str()));
    if ours || merge::is_ancestor(repository, &published, tip)? || merge::is_ancestor(repository, &published, output)? {
        return Ok(());
    }
    Err(missed_commits(context, remote, place, tip, &published, "finish")?)
}

/// The local tip of the task branch, where it has commits that are neither published nor merged; `None` where there is
/// nothing to publish.
///
/// # Errors
/// [`Kind::Behind`] as for [`require_no_missed_commits`].
pub(crate) fn unpublished(
    context: &Context,
    view: &View<'_>,
    task: TaskId,
    place: &TaskWorktree,
    verb: &str,
) -> Result<Option<Oid>> {
    let (repository, Some(remote)) = (&context.repository, context.channel.remote()) else { return Ok(None) };
    let Some(tip) = place.tip(context)? else { return Ok(None) };
    let held = LockRecord::load(repository, task);
    if held.as_ref().is_some_and(|held| held.is_cut_at(&tip)) {
        return Ok(None);
    }
    let published = view.task_branch(&place.branch)?.published;
    if published.as_ref() == Some(&tip) || has_landed_for_all(context, &tip, &merge_targets(context, task))? {
        return Ok(None);
    }
    let Some(published) = published else { return Ok(Some(tip)) };
    let ours = held.is_some_and(|held| held.pushed.iter().any(|oid| *oid == published.as_str()));
    if ours || merge::is_ancestor(repository, &published, &tip)? {
        return Ok(Some(tip));
    }
    if merge::is_ancestor(repository, &tip, &published)? {
        return Ok(None);
    }
    Err(missed_commits(context, remote, place, &tip, &published, verb)?)
}

/// The refusal for commits of the published branch that are not here.
fn missed_commits(
    context: &Context,
    remote: &RemoteName,
    place: &TaskWorktree,
    tip: &Oid,
    published: &Oid,
    verb: &str,
) -> Result<Error> {
    let repository = &context.repository;
    let theirs = merge::described(repository, tip, published)?;
    let shown: Vec<_> = theirs.iter().take(5).map(|line| sanitise(line)).collect();
    let (commits, more) = (
        if theirs.len() == 1 { "commit that is" } else { "commits that are" },
        if theirs.len() > 5 { "; ..." } else { "" },
    );
    let branch = &place.branch;
    let count = theirs.len();
    let message = format!("{branch} on {remote} has {count} {commits} not here: {}{more}", shown.join("; "));
    let how = if merge::is_ancestor(repository, tip, published)? { "git merge --ff-only" } else { "git merge" };
    let merge = Hint::from(how).word(&format!("{remote}/{branch}")).within(&place.path);
    Ok(Error::new(Kind::Behind, message).hint(merge.note(format!("review them, then {verb} again"))))
}

/// Runs a transaction that publishes the task branch where it is told so; where the push was refused because of the branch,
/// runs it again without, and returns why. `sent` is the branch that the attempt has pushed, if any.
pub(crate) fn or_without<T>(
    sent: &RefCell<Option<Branch>>,
    attempt: impl Fn(bool) -> Result<T>,
) -> Result<(T, Option<String>)> {
    match attempt(true) {
        Err(error) if is_refused(&error, sent.borrow().as_ref()) => Ok((attempt(false)?, Some(error.to_string()))),
        landed => Ok((landed?, None)),
    }
}

/// Whether a push was refused because of the task branch: by the server, or by a hook of the user for code, which runs
/// since the branch is part of the push.
fn is_refused(error: &Error, branch: Option<&Branch>) -> bool {
    let by_hook = || error.payloads().iter().any(|payload| matches!(payload, Payload::Hook { .. }));
    branch.is_some_and(|branch| error.is_denied_for(branch.as_str()) || by_hook())
}

/// Records, before the push, that `tip` is about to be published as the task branch: the next push may replace it.
/// Recorded afterwards, a kill in between would leave a published tip that this clone no longer recognises as its own.
pub(crate) fn begin_push(context: &Context, view: &View<'_>, task: TaskId, branch: &Branch, tip: &Oid) -> Result<()> {
    let Some(held) = LockRecord::load(&context.repository, task).filter(|_| !context.dry_run) else { return Ok(()) };
    // Until the server has answered, either the old or the new tip may be the published one.
    let known = view.tip(branch).published.map(|oid| oid.to_string()).filter(|oid| held.pushed.contains(oid));
    let pushed = known.into_iter().chain([tip.to_string()]).collect();
    LockRecord { pushed, ..held }.save(&context.repository, task)
}

/// Records, before the push, that `tip` is proposed as a pull request: a finish waits until that is merged.
pub(crate) fn begin_request(context: &Context, task: TaskId, tip: &Oid) -> Result<()> {
    let held = LockRecord::load(&context.repository, task).filter(|_| !context.dry_run);
    match held.filter(|held| held.requested.as_deref() != Some(tip.as_str())) {
        Some(held) => LockRecord { requested: Some(tip.to_string()), ..held }.save(&context.repository, task),
        None => Ok(()),
    }
}

/// Refuses to merge work past its pull request: one for which this clone pushed the branch, or was to. Where the server
/// has no such branch, it refused it, the request was rejected, or what it became is not recognised as this work, or is in
/// another branch.
///
/// # Errors
/// [`Kind::NotMerged`].
pub(crate) fn require_no_request(
    context: &Context,
    view: &View<'_>,
    task: TaskId,
    branch: &Branch,
    into: &Branch,
    mode: MergeMode,
) -> Result<()> {
    let held = LockRecord::load(&context.repository, task);
    let Some(requested) = held.and_then(|held| held.requested) else { return Ok(()) };
    let is_gone = view.tip(branch).published.is_none();
    // Later commits are work of their own.
    if is_gone
        && let (Some(requested), Some(output)) = (Oid::parse(&requested), view.base(into))
        && merge::is_ancestor(&context.repository, &requested, output)?
    {
        return Ok(());
    }
    let past = match mode {
        MergeMode::Merge => command!["git aitask finish", task, "--merge"],
        MergeMode::Squash => command!["git aitask finish", task, "--squash"],
        MergeMode::Ff => command!["git aitask finish", task, "--ff"],
    };
    let past = past.note("merges it here, past the pull request");
    Err(match context.channel.remote() {
        Some(remote) if is_gone => {
            let message =
                format!("{branch} is for a pull request, and {remote} has no such branch; {into} has not all of");
            Error::new(Kind::NotMerged, format!("{message} this work, or only in another form"))
                .hint(command!["git diff", format!("{remote}/{into}...{branch}")].note("the work"))
                .hint(command!["git aitask archive", task].note("if it was merged in another form, or rejected"))
                .hint(command!["git aitask finish", task, "--no-push"].note("proposes it again"))
                .hint(past)
        }
        _ => Error::new(
            Kind::NotMerged,
            format!("{branch} was pushed for a pull request, and its work is not in {into} yet"),
        )
        .hint(command!["git aitask finish", task].note("once it is merged"))
        .hint(past),
    })
}

/// Records, before the push, that a merge of `tip` is about to be published by commits with this nonce. A finish that
/// is killed after the push finds its merge on the output branch by this record, and does not merge a second time.
pub(crate) fn begin_landing(context: &Context, task: TaskId, tip: &Oid, nonce: &str) -> Result<()> {
    match LockRecord::load(&context.repository, task).filter(|_| !context.dry_run) {
        Some(held) => {
            let landing = Landing { tip: tip.to_string(), nonce: nonce.to_owned() };
            // The outcome of earlier pushes that were not answered is unknown, so their records stay.
            let others = held.landings.iter().filter(|other| **other != landing).cloned();
            let landings = others.chain([landing.clone()]).collect();
            LockRecord { landings, ..held }.save(&context.repository, task)
        }
        None => Ok(()),
    }
}

/// The merge or squash of this tip which this clone published to `output`.
pub(crate) fn published_merge(context: &Context, task: TaskId, tip: &Oid, output: &Oid) -> Result<Option<Oid>> {
    let repository = &context.repository;
    let landings = LockRecord::load(repository, task).map(|held| held.landings).unwrap_or_default();
    for landing in landings.iter().filter(|landing| landing.tip == tip.as_str()) {
        if let Some(commit) = merge::with_message(repository, output, &trailer(&landing.nonce))? {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

/// Records that this tip is the published one now: the next push may replace it.
pub(crate) fn remember_pushed(context: &Context, task: TaskId, tip: &Oid) -> Result<()> {
    match LockRecord::load(&context.repository, task) {
        Some(held) => LockRecord { pushed: vec![tip.to_string()], ..held }.save(&context.repository, task),
        None => Ok(()),
    }
}

/// The refusal for a task that was archived without the commits of this clone: who archived it, when, and where the
/// commits are.
pub(crate) fn archived_without_work(context: &Context, view: &View<'_>, path: &TaskPath, work_location: &str) -> Error {
    let id = path.id();
    let archived = context.data_branch().ok().and_then(|data| view.base(data).cloned()).and_then(|tip| {
        let format = "--format=%an <%ae> on %ad";
        let call =
            context.repository.read("log").args(["-1", "--diff-filter=AR", "--date=format:%Y-%m-%d %H:%M", format]);
        call.args([tip.as_str(), "--", path.as_str()]).run().ok().map(|output| sanitise(&output.text()))
    });
    let by = archived.filter(|by| !by.is_empty()).map_or_else(String::new, |by| format!(" by {by}"));
    Error::new(Kind::NotHolder, format!("{} was archived{by}; {work_location}", id.prefixed()))
        .hint(command!["git aitask log", id])
        .hint(command!["git aitask reopen", id].note("goes on with it"))
        .with(Payload::Archived { archived: path.to_string() })
}

/// The refusal for a task branch that this clone does not have; `published` is its tip on the remote, whose work is not known
/// to be in `into`.
pub(crate) fn missing(task: &Task, branch: &Branch, into: &Branch, published: Option<&Oid>) -> Error {
    let without = format!("{} has no branch {branch} in this clone", task.id.prefixed());
    let done = command!["git aitask archive", task.id].note("if its work is merged already, or done elsewhere");
    let pick = command!["git aitask pick", task.id];
    match published {
        None => Error::new(Kind::NoCommits, without).hint(done).hint(pick.note("adds a worktree")),
        Some(tip) => {
            let where_it_is =
                format!("{without}; the published one ({}) has no new work that is known to be in {into}", tip.short());
            let again = command!["git aitask finish", task.id].note("once it is merged");
            Error::new(Kind::NoCommits, where_it_is)
                .hint(pick.note("adds a worktree that goes on from it"))
                .hint(again)
                .hint(done)
        }
    }
}

/// Refuses a task branch that never had a commit: there is nothing to finish. A branch whose commits are all in the
/// output branch is accepted.
pub(crate) fn require_commits(
    context: &Context,
    path: &TaskPath,
    tip: &Oid,
    output: &Oid,
    place: &TaskWorktree,
    children: &[TaskId],
) -> Result<()> {
    let held = LockRecord::load(&context.repository, path.id());
    let cut_from = held.and_then(|held| Oid::parse(&held.base_commit?));
    let empty = match cut_from {
        Some(start) => start == *tip,
        None => merge::is_ancestor(&context.repository, tip, output)?,
    };
    if empty { Err(without_commits(path.id(), place, children)) } else { Ok(()) }
}

/// The refusal for a task branch without work, of a task with these open children. Nothing is uncommitted there, since that
/// is refused before.
pub(crate) fn without_commits(task: TaskId, place: &TaskWorktree, children: &[TaskId]) -> Error {
    let error = Error::new(Kind::NoCommits, format!("{} has no commits of its own", place.branch));
    if children.is_empty() {
        return error
            .hint(command!["git aitask drop", task].note("gives it back"))
            .hint(command!["git aitask archive", task].note("if its work is merged already, or there is none"));
    }
    let names: Vec<_> = children.iter().map(|id| id.prefixed()).collect();
    let error =
        error.append(&format!(", and {} has open children, which end first: {}", task.prefixed(), names.join(", ")));
    let first = children.iter().take(1);
    first
        .fold(error, |error, first| error.hint(command!["git aitask pick", first]))
        .hint(command!["git aitask drop", task].note("gives it back"))
}

/// Removes the record of a merge that certainly was not published. After an unknown outcome it stays, since the push
/// may still have landed.
pub(crate) fn end_landing(context: &Context, task: TaskId, nonce: &str, error: &Error) {
    if let Some(mut held) = LockRecord::load(&context.repository, task)
        && !matches!(error.kind(), Kind::Unknown | Kind::Interrupted)
    {
        held.landings.retain(|landing| landing.nonce != nonce);
        // A record that stays is harmless: it counts only when a commit with its nonce is found on the output branch.
        let _ = held.save(&context.repository, task);
    }
}
