//! The holder of a task, and whether that is this session.

use crate::coordination::decide::{LocalEvidence, LockConflict, LockRequest, LockRule, ObservedLock};
use crate::coordination::lock_record::LockRecord;
use crate::coordination::process::{self, Liveness};
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session, locks};
use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Freshness, Oid, RefName, merge, refs, worktree};
use crate::ledger::{LOCKS, Ledger, View, unreadable};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::project::outcome::Holder;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName};

/// What can be determined here about a lock that a session wants to replace.
pub(crate) fn observe_lock(context: &Context, claimant: &LockRequest<'_>, lock: LockEntry) -> ObservedLock {
    let (repository, session) = (&context.repository, claimant.session);
    let same_person = lock.holder == session.email;
    let liveness = match claimant.rule {
        _ if !same_person => Liveness::Unknown,
        LockRule::Verb => LockRecord::liveness(repository, &lock, &session.host),
        LockRule::Script => lock.liveness_as_scripts_judge(repository, &session.host),
    };
    let nameless = !lock.is_known() && !session.is_known();
    let inside = is_inside(context, &lock);
    let is_placed = || inside || !session.is_known() && is_around(context, &lock);
    let record = || LockRecord::load(repository, lock.task).filter(|held| held.is_about(&lock));
    let evidence = match (claimant.rule, lock.nonce.as_deref()) {
        (LockRule::Verb, Some(nonce)) if nonce == claimant.nonce => LocalEvidence::ThisCommand,
        (LockRule::Verb, _) if is_placed() && may_go_on(context, session, &lock, inside) => LocalEvidence::Worktree,
        // An interrupted attempt belongs to its session, which has no process; neither has this one, so it may be the
        // same.
        (LockRule::Verb, Some(_)) if nameless => match record() {
            Some(_) if inside => LocalEvidence::Worktree,
            Some(held) if held.is_leftover(repository, &lock) => LocalEvidence::CutOff,
            _ => LocalEvidence::Nothing,
        },
        _ => LocalEvidence::Nothing,
    };
    ObservedLock { lock, liveness, evidence }
}

/// The error for a session that meets the lock of another.
pub(crate) fn held(context: &Context, session: &Session, in_the_way: &LockConflict) -> Error {
    let LockConflict { lock, changed, .. } = in_the_way;
    if lock.is_lost {
        return unreadable(LOCKS);
    }
    let holder = Holder::new(context, lock, &session.host);
    let why = if *changed { "was taken over meanwhile: it is" } else { "is" };
    let sentence = holder.sentence_about(&holder.seen_by(false));
    let place = place_of(context, lock, &holder);
    let error = Error::new(Kind::Held, format!("{} {why} {sentence}{place}", lock.task.prefixed()))
        .with(Payload::Held { holder: Payload::described(&holder) });
    with_folder(error, context, session, lock)
}

/// How the task of a lock can be taken over. It is a command only where its session is probably gone: who follows hints as
/// they stand, as programs do, must not take live work away. Else it says whom to ask.
pub(crate) fn takeover(context: &Context, lock: &LockEntry, host: &str) -> Hint {
    let (holder, task) = (Holder::new(context, lock, host), lock.task);
    if let Some(why) = why_gone(context, lock, &holder, host) {
        return command!["git aitask pick", task, "--steal"].note(format!("take it over: {why}"));
    }
    let first = if holder.is_own() { "go on in that session".to_owned() } else { format!("ask {}", holder.holder) };
    Hint::advice(format!("{first}; only if that session is over: git aitask pick {task} --steal"))
}

/// Why the session of a lock is probably gone: it is dead, or took the task longer than `aitask.staleAfter` ago and has
/// committed nothing since, as far as this clone knows. `None` where nothing speaks for it.
fn why_gone(context: &Context, lock: &LockEntry, holder: &Holder, host: &str) -> Option<String> {
    if standing(context, host, lock) == Standing::Dead {
        return Some("its session is dead".to_owned());
    }
    let since: jiff::Timestamp = lock.since_with_zone(host)?.parse().ok()?;
    let limit = context.settings.stale_after.as_secs();
    let is_old = |time: i64| {
        let age = jiff::Timestamp::now().as_second().saturating_sub(time);
        u64::try_from(age).is_ok_and(|age| age >= limit)
    };
    let is_quiet = || last_commit(context, lock.task).ok()?.is_none_or(is_old).then_some(());
    if holder.session == Liveness::Alive || !is_old(since.as_second()) {
        return None;
    }
    is_quiet().map(|()| format!("it was taken {} and has no commit since", holder.age()))
}

/// When the last commit of a task branch was made, here or as published, in seconds since 1970. One process, where there is
/// such a branch.
fn last_commit(context: &Context, task: TaskId) -> Result<Option<i64>> {
    let published = context.channel.remote().map(|remote| format!("refs/remotes/{remote}/"));
    let mut names = Vec::new();
    for above in ["refs/heads/".to_owned()].into_iter().chain(published) {
        let found = refs::load_below(&context.repository, &format!("{above}{BRANCH_PREFIX}"))?;
        let is_of_task = |name: &RefName| {
            let branch = name.as_str().strip_prefix(&above);
            branch.and_then(TaskName::from_branch).is_some_and(|name| name.id() == task)
        };
        names.extend(found.into_keys().filter(is_of_task));
    }
    Ok(refs::load_tips(&context.repository, &names)?.iter().map(|(_, tip)| tip.time).max())
}

/// Adds to an error about the lock of another session the folder of the task in this clone, where this session may go on
/// with the task in it.
fn with_folder(error: Error, context: &Context, session: &Session, lock: &LockEntry) -> Error {
    if is_inside(context, lock) || !may_go_on(context, session, lock, true) {
        return error;
    }
    let found = worktree_of(context, lock.task);
    found
        .iter()
        .fold(error, |error, (_, it)| error.hint(command!["cd", it.path.display()].note("goes on in its worktree")))
}

/// Where another session of this person works, in this clone. One process, for its own locks.
fn place_of(context: &Context, lock: &LockEntry, holder: &Holder) -> String {
    let found = if holder.is_own() && !is_inside(context, lock) { worktree_of(context, lock.task) } else { None };
    found.map_or_else(String::new, |(_, record)| format!("; its worktree is {}", record.path.display()))
}

/// The worktree of a task in this clone, and the name of the task.
fn worktree_of(context: &Context, task: TaskId) -> Option<(TaskName, WorktreeRecord)> {
    let records = worktree::list(&context.repository).unwrap_or_default();
    records.into_iter().filter(|record| record.path.is_dir()).find_map(|record| {
        let name = TaskName::from_branch(record.branch.as_ref()?.branch()?.as_str())?;
        (name.id() == task).then_some((name, record))
    })
}

/// What happened to a task that was archived, or is gone.
pub(crate) const OVER: &str = "is over";

/// The error for a session whose task was taken by another one and is now locked by none: the record of this clone
/// tells that it had the task, and the history of the locks who took it last. `since` tells what happened to the task.
/// `None` where this clone took it last, or where this is unknown.
pub(crate) fn displaced(context: &Context, view: &View<'_>, task: TaskId, since: &str) -> Result<Option<Error>> {
    let Some(held) = LockRecord::load(&context.repository, task) else { return Ok(None) };
    let is_of_other = |last: &LockEntry| !held.is_about(last) && !held.is_alone();
    let Some(by) = locks::last(view, task)?.filter(is_of_other) else { return Ok(None) };
    let holder = Holder::new(context, &by, &host_name(&context.repository));
    let Holder { holder: who, host, since_shown: at, .. } = &holder;
    let message = format!("{} was taken over by {who} on {host} at {at}, and {since}", task.prefixed());
    let error = Error::new(Kind::NotHolder, message)
        .hint(command!["git aitask log", task])
        .hint(command!["git aitask worktree remove", task].note("when it is no longer needed"))
        .with(Payload::Held { holder: Payload::described(&holder) });
    Ok(Some(error))
}

/// Whether a session may go on with the task of a lock, from where it is now: it is the session that the lock names. Else
/// it is of the same person, in the clone that took the lock and so has its nonce, and
/// - the lock names no session, and this is the worktree of the task, or a person's terminal or pane, or nothing tells which
///   session this is either; or
/// - this is the worktree of the task, and the session of the lock is dead, or is the terminal or pane that this command
///   runs in; or nothing tells which session this is, and one of the two holds: this is its worktree, or this command
///   runs in that terminal, as one that `xargs` or a hook starts without it as its input.
///
/// Every other session goes on only by `pick --steal`.
pub(crate) fn holds(context: &Context, session: &Session, lock: &LockEntry) -> bool {
    may_go_on(context, session, lock, is_inside(context, lock))
}

/// The tasks with a record in this clone that this session holds, as far as this clone knows.
pub(crate) fn held_here(context: &Context) -> Result<Vec<TaskId>> {
    let (session, locks) = (context.session()?, Ledger::locks_branch()?);
    let ledger = context.reading_ledger();
    let view = ledger.view(&[locks], Freshness::AsKnown)?;
    let mut held = Vec::new();
    for task in LockRecord::tasks(&context.repository) {
        held.extend(view.lock(task)?.filter(|lock| holds(context, &session, lock)).map(|lock| lock.task));
    }
    Ok(held)
}

/// A sentence about a lock that this session may not go on with from where it is; `None` where it may.
pub(crate) fn held_by_another(context: &Context, session: &Session, lock: &LockEntry) -> Option<String> {
    let holder = Holder::new(context, lock, &session.host);
    (!holds(context, session, lock)).then(|| holder.sentence_about(&holder.seen_by(false)))
}

/// The lock by which another session took the task in this clone, where another clone has taken the task from it: the lock
/// is now `lock`, or none. That session may still work in its worktree, and its uncommitted files are there.
pub(crate) fn displaced_here(
    context: &Context,
    session: &Session,
    task: TaskId,
    lock: Option<&LockEntry>,
) -> Option<LockEntry> {
    let held = LockRecord::load(&context.repository, task)?;
    let former = LockEntry::parse(task, held.completed()?.as_bytes(), None);
    let is_there = lock.is_some_and(|lock| lock.nonce == former.nonce);
    (!is_there && !holds(context, session, &former)).then_some(former)
}

/// Whether the session of a lock is known to live, and is none in which this command runs.
pub(crate) fn lives_beside(context: &Context, session: &Session, lock: &LockEntry) -> bool {
    let repository = &context.repository;
    lock.liveness(repository, &session.host) == Liveness::Alive
        && !lock.process.number().is_some_and(|pid| process::is_above(repository, pid))
}

/// Whether a lock is of a dead session whose task the caller may go on with in its worktree.
pub(crate) fn is_left_by_the_dead(context: &Context, session: &Session, lock: &LockEntry) -> bool {
    standing(context, &session.host, lock) == Standing::Dead && may_go_on(context, session, lock, true)
}

/// Whether a lock that nothing needs any more, of a task that is archived, may be released here: it is of this session, or of
/// one that has certainly ended, or of this person and names no session. Only the others know what they are at.
pub(crate) fn may_release(context: &Context, lock: &LockEntry) -> bool {
    let Ok(session) = context.session() else { return false };
    holds(context, &session, lock)
        || match standing(context, &session.host, lock) {
            Standing::Dead => true,
            Standing::Unnamed => lock.holder == session.email,
            Standing::MayLive => false,
        }
}

/// Whether this command runs in the worktree of the task.
fn is_inside(context: &Context, lock: &LockEntry) -> bool {
    context.task_here().is_some_and(|name| name.id() == lock.task)
}

/// Whether the lock was taken in this clone. A lock of the scripts has no nonce: for it, the host decides.
fn is_taken_here(context: &Context, host: &str, lock: &LockEntry) -> bool {
    if lock.nonce.is_some() { LockRecord::has_taken(&context.repository, lock) } else { lock.host == host }
}

/// [`holds`], `inside` the worktree of the task or elsewhere.
fn may_go_on(context: &Context, session: &Session, lock: &LockEntry, inside: bool) -> bool {
    lock.is_of(session)
        || lock.holder == session.email
            && is_taken_here(context, &session.host, lock)
            && match standing(context, &session.host, lock) {
                // The scripts cannot name an agent, so that their lock may be that of any.
                Standing::Unnamed => inside || !session.is_known() || lock.nonce.is_none() || session.is_at_terminal(),
                Standing::Dead => inside,
                Standing::MayLive if session.is_known() => inside && is_around(context, lock),
                Standing::MayLive => inside || is_around(context, lock),
            }
}

/// Whether the session of a lock is the terminal, the tmux pane or the like in which this command runs: an agent that a
/// person started there goes on with what was taken there.
fn is_around(context: &Context, lock: &LockEntry) -> bool {
    let repository = &context.repository;
    let is_place = lock.agent().is_none() && lock.session().is_none();
    is_place
        && lock.process.liveness(repository) == Liveness::Alive
        && lock.process.number().is_some_and(|pid| process::is_above(repository, pid))
}

/// What is known here of the session of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The lock names no session.
    Unnamed,
    /// It has ended.
    Dead,
    /// It lives; or this cannot be told, as of one in another PID namespace or on another host.
    MayLive,
}

/// The standing of the session of a lock, seen from the clone that took it: one that this host started before its last
/// boot has ended.
fn standing(context: &Context, host: &str, lock: &LockEntry) -> Standing {
    let repository = &context.repository;
    let is_over = || lock.process.scope.as_ref().is_some_and(|scope| scope.is_over(repository) && lock.host == host);
    match LockRecord::liveness(repository, lock, host) {
        Liveness::Dead => Standing::Dead,
        Liveness::Unknown if !lock.is_known() => Standing::Unnamed,
        Liveness::Unknown if lock.unjudged().is_none() && is_over() => Standing::Dead,
        Liveness::Alive | Liveness::Unknown => Standing::MayLive,
    }
}

/// Checks that a session may drop or finish a task with this lock ([`holds`]).
///
/// # Errors
/// [`Kind::NotHolder`] that names the holder.
pub(crate) fn require_holder(
    context: &Context,
    session: &Session,
    task: TaskId,
    lock: Option<&LockEntry>,
) -> Result<()> {
    let Some(lock) = lock else {
        return Err(Error::new(Kind::NotHolder, format!("{} is not locked; pick it first", task.prefixed()))
            .hint(command!["git aitask pick", task]));
    };
    let repository = &context.repository;
    let held = LockRecord::load(repository, task);
    let data = context.data_branch()?;
    if let Some(other) = held.as_ref().filter(|held| held.is_about(lock)).and_then(|held| held.data.as_deref())
        && other != data.as_str()
        // Elsewhere the lock was taken before the data was moved to its own branch, or before its branch was renamed.
        && context.follows_checkout()
    {
        let root = repository.root.display();
        let message = format!("{} was taken with its task data on {other}, and {root} is on {data}", task.prefixed());
        return Err(Error::new(Kind::Occupied, message).hint(command!["git switch", other].within(&repository.root)));
    }
    if holds(context, session, lock) {
        if let Some(held) = held.filter(|_| !context.dry_run) {
            held.note_process(repository, session, lock);
        }
        return Ok(());
    }
    if lock.is_lost {
        return Err(unreadable(LOCKS));
    }
    let holder = Holder::new(context, lock, &session.host);
    let was_ours = held.as_ref().is_some_and(|held| !held.is_about(lock));
    let what = match was_ours {
        true if held.is_some_and(|held| held.is_alone()) => "was taken here without a remote, and is not yours there",
        true => "was taken over",
        false => "is not yours",
    };
    let message = if holder.is_own() {
        let place = if was_ours { String::new() } else { place_of(context, lock, &holder) };
        format!("{} is {}{place}", task.prefixed(), holder.sentence_about(&holder.seen_by(false)))
    } else {
        format!("{} {what}: {}", task.prefixed(), holder.sentence())
    };
    let mut error = Error::new(Kind::NotHolder, message);
    if let Some((name, worktree)) = was_ours.then(|| worktree_of(context, task)).flatten() {
        let (branch, tip) = (name.branch_name(), worktree.head.as_ref().map(|tip| format!(" ({})", tip.short())));
        let (tip, dir) = (tip.unwrap_or_default(), worktree.path.display());
        error = error.append(&format!("; your work is on {branch}{tip} in {dir}"));
        error = push_of(context, &branch, worktree.head.as_ref())?.into_iter().fold(error, Error::hint);
    }
    let error = with_folder(error, context, session, lock);
    let is_free = lock.holder == session.email && holder.session == Liveness::Dead;
    let goes_on = || command!["git aitask pick", task].note("goes on with it");
    let way = if is_free { goes_on() } else { takeover(context, lock, &session.host) };
    Err(error.hint(way).with(Payload::Held { holder: Payload::described(&holder) }))
}

/// The command by which a former holder publishes the commits of its task branch; none where they are published. Where the
/// published branch has others, they go to a branch of another name, outside of `aitask/`. One process.
fn push_of(context: &Context, branch: &str, tip: Option<&Oid>) -> Result<Option<Hint>> {
    let (Some(remote), Some(tip)) = (context.channel.remote(), tip) else { return Ok(None) };
    let tracking = Branch::parse(branch)?.tracking(remote);
    let push = command!["git push", remote].note("keeps your commits for others");
    let Some(published) = refs::load(&context.repository, std::slice::from_ref(&tracking))?.remove(&tracking) else {
        return Ok(Some(push.word(&branch)));
    };
    if merge::is_ancestor(&context.repository, tip, &published)? {
        return Ok(None);
    }
    let may_follow = merge::is_ancestor(&context.repository, &published, tip)?;
    let name = branch.strip_prefix(BRANCH_PREFIX).unwrap_or(branch);
    let beside = format!("{branch}:refs/heads/{name}-{}", tip.short());
    Ok(Some(if may_follow { push.word(&branch) } else { push.word(&beside) }))
}

/// Whose sessions keep the worktree of a task from being removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Respected {
    /// Those of other people.
    Others,
    /// Those of other people, and the other ones of this person.
    All,
    /// All that took the task in this clone, and so may work in its worktree.
    Here,
}

/// Refuses to remove the worktree of a task while another session that may live on this host works on it: neither this
/// session nor, where nothing tells which session this is, an ancestor of this process. It uses the locks that this clone
/// knows; the remote is not contacted.
///
/// # Errors
/// [`Kind::Held`] that names the holder.
pub(crate) fn require_idle(context: &Context, name: &str, respected: Respected) -> Result<()> {
    let repository = &context.repository;
    let Some(lock) = known_lock(context, name)? else { return Ok(()) };
    let session = match context.session() {
        Ok(session) => Some(session),
        Err(error) if error.kind() == Kind::NoIdentity => None,
        Err(error) => return Err(error),
    };
    let host = session.as_ref().map_or_else(|| host_name(repository), |session| session.host.clone());
    let is_alive = LockRecord::liveness(repository, &lock, &host) == Liveness::Alive;
    // A process of a script's lock may be any process of that host, so it counts only where it is seen.
    let may_live = || lock.process.scope.is_some() && standing(context, &host, &lock) == Standing::MayLive;
    let is_here = || is_taken_here(context, &host, &lock);
    // A command that names no session works there perhaps, and this one certainly is another.
    let is_known = session.as_ref().is_some_and(Session::is_known);
    let is_unnamed = || lock.nonce.is_some() && standing(context, &host, &lock) == Standing::Unnamed && is_here();
    let is_busy = is_alive || session.is_some() && may_live() || is_known && is_unnamed();
    if !is_busy || respected == Respected::Here && !is_here() {
        return Ok(());
    }
    let same_person = session.as_ref().is_none_or(|session| session.email == lock.holder);
    let same_session = session.as_ref().is_some_and(|session| lock.is_of_session(session));
    let above = || lock.process.number().is_some_and(|pid| process::is_above(repository, pid));
    let is_overruled = respected == Respected::Others && session.is_some();
    let goes_on = || session.as_ref().is_some_and(|session| holds(context, session, &lock));
    // A session that can be told from that of an agent above it holds the task, or does not.
    let may_end = || same_session || !is_known && above() || (is_known || respected == Respected::Here) && goes_on();
    if same_person && (is_overruled || may_end()) {
        return Ok(());
    }
    let holder = Holder::new(context, &lock, &host);
    Err(Error::new(Kind::Held, format!("{} is {}", lock.task.prefixed(), holder.sentence()))
        .hint(takeover(context, &lock, &host))
        .with(Payload::Held { holder: Payload::described(&holder) }))
}

/// The lock of the task with this name, as this clone knows it.
fn known_lock(context: &Context, name: &str) -> Result<Option<LockEntry>> {
    let Some(name) = TaskName::try_parse(name) else { return Ok(None) };
    let (branch, ledger) = (Ledger::locks_branch()?, context.reading_ledger());
    let ids: Vec<_> = std::iter::once(name.id()).chain(name.as_top_level().map(|top| top.id())).collect();
    let view = ledger.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
    let wanted: Vec<_> = ids.iter().map(|id| (&branch, LockEntry::path(*id))).collect();
    let found = view.read(&[wanted, vec![Locks::request(&branch)]].concat())?;
    let found = ids.iter().find_map(|id| found.lock(*id).transpose()).transpose()?;
    let lock = match found {
        Some(lock) if lock.task != name.id() => lock,
        found => return Ok(found),
    };
    // Only the path of its file tells whether t16_2024_report is a child, or the task 16.
    let data = context.data_branch()?.clone();
    let index = Index::load(&ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?, &data)?;
    let is_top = index.active(lock.task).is_some_and(|path| path.name().as_str() == name.as_str());
    Ok(is_top.then_some(lock))
}
