//! Syncing the task data of this clone with the remote, and removing locks of tasks that are closed.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::locks::cleanup_step;
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, ReadLocks, kept_locks};
use crate::data_branch::carried::{Leftover, note_on_unseen};
use crate::error::{Error, Kind, Payload, Result};
use crate::git::run::Call;
use crate::git::{AheadBehind, Branch, Freshness, Oid, merge, refs};
use crate::landing::landed;
use crate::ledger::plan::OutdatedCheckout;
use crate::ledger::{Decision, Ledger, Plan, View, nonce};
use crate::ops::check::counter;
use crate::ops::check::decide::{DUPLICATE_ID, problems};
use crate::ops::list::awaited_outputs;
use crate::ops::publish::publish;
use crate::project::context::{Context, Wanted};
use crate::project::holder::may_release;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::{DryRun, Holder, Notices};
use crate::project::task_folder::TaskFolder;
use crate::sync::join::Resolutions;
use crate::sync::outcome::{Reconciled, SyncOptions, SyncProgress};
use crate::sync::reconcile::reconcile;
use crate::task::merge::MergeRules;
use crate::task::{BRANCH_PREFIX, Status, Task, TaskId, TaskName, TaskPath};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fetches, fast-forwards the checkout of the task data, and removes the locks that `stale` selects. One connection,
/// and one more if there are any. Returns the checkouts that could not be fast-forwarded.
pub(crate) fn sync(
    context: &Context,
    stale: impl Fn(&mut dyn Iterator<Item = TaskId>) -> Vec<TaskId>,
) -> Result<Vec<OutdatedCheckout>> {
    let Branches { locks: locks_branch, data } = branches(context)?;
    let held = |view: &View<'_>| -> Result<Vec<TaskId>> {
        Ok(view.locks()?.map_or_else(Vec::new, |locks| locks.tasks().collect()))
    };
    let brought = context.ledger().transact(&nonce()?, &[locks_branch.clone(), data], |view| {
        Ok(Decision::NoChange(if view.is_current { held(view)? } else { Vec::new() }))
    })?;
    // `stale` reads the checkout, which the transaction has just fast-forwarded.
    if stale(&mut brought.value.into_iter()).is_empty() {
        return Ok(brought.lagging);
    }
    context.ledger().transact(&nonce()?, &[locks_branch], |view| release_all(stale(&mut held(view)?.into_iter())))?;
    Ok(brought.lagging)
}

/// The decision that removes stale locks.
pub(crate) fn release_all(stale: Vec<TaskId>) -> Result<Decision<Vec<TaskId>>> {
    if stale.is_empty() {
        return Ok(Decision::NoChange(stale));
    }
    Ok(Decision::Publish(Plan::new().step(&Ledger::locks_branch()?, cleanup_step(&stale)), stale))
}

/// The unpublished and unmerged commits of the task data.
#[derive(Debug)]
pub(crate) struct Unreconciled {
    /// The number of commits.
    pub(crate) counts: AheadBehind,
    /// The name of the published branch.
    pub(crate) upstream: String,
}

/// Counts the commits of the task data that only this clone or only the remote has. Uses no network.
pub(crate) fn unreconciled(context: &Context) -> Option<Unreconciled> {
    let data = context.data_branch().ok()?;
    let remote = context.channel.remote()?;
    let ledger = context.reading_ledger();
    let view = ledger.view(std::slice::from_ref(data), Freshness::AsKnown).ok()?;
    let tip = view.tip(data);
    let counts = merge::ahead_behind(&context.repository, tip.local.as_ref()?, tip.published.as_ref()?).ok()?;
    Some(Unreconciled { counts, upstream: format!("{remote}/{data}") })
}

/// The outcome of `git aitask sync`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Synced {
    /// What was done.
    pub(crate) did: SyncAction,
    /// How many edited files were committed.
    pub(crate) committed: usize,
    /// Files that both sides changed, merged by the rules.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "crate::report::path::all")]
    pub(crate) merged: Vec<PathBuf>,
    /// Archived tasks whose remaining lock was removed: this session had it, or one that has ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) released: Vec<TaskId>,
    /// Task branches of this clone whose work has landed, or was taken back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) landed: Vec<LandedBranch>,
    /// The task branch, where commits of it were published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pushed: Option<Branch>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// A task branch whose work is, or was, in the branch that it goes to.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LandedBranch {
    /// The task.
    pub(crate) task_id: TaskId,
    /// The branch.
    pub(crate) branch: Branch,
    /// The branch that it goes to.
    pub(crate) into: Branch,
    /// The commit at which it landed.
    pub(crate) landed_at: Oid,
    /// The commit that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) taken_back_by: Option<Oid>,
    /// The command that ends the task, or removes what is left of it.
    pub(crate) next: String,
}

/// What a sync did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum SyncAction {
    /// Both sides were equal.
    Nothing,
    /// Local commits were pushed.
    Pushed,
    /// Published commits were fetched.
    Pulled,
    /// Both of these.
    Both,
    /// Both of these, and files were merged by the rules.
    Merged,
    /// There is no remote.
    Alone,
}

/// Syncs the task data, and removes the locks of archived tasks. One connection when there is nothing to do; where the tasks
/// are on the default branch of the remote, one more when there is.
///
/// # Errors
/// [`Kind::Conflict`] with the files; [`Kind::Unreachable`], [`Kind::Dirty`], [`Kind::Denied`] and others with the
/// command that helps. Nothing is half done.
pub(crate) fn sync_task_data(context: &Context) -> Result<Synced> {
    context.ledger().require_same_default()?;
    let (mut committed, mut published) = (Vec::new(), None);
    let (mut code_stays, mut merged, mut dry_run) = (0, Vec::new(), DryRun::default());
    let mut progress = |progress| match progress {
        SyncProgress::Committing(files) => committed.extend(files),
        SyncProgress::Published { from, to } => published = from.map(|from| [from, to]),
        SyncProgress::Merged(path) => merged.push(path),
        SyncProgress::WouldSwap(update) => dry_run.refs.push((&update).into()),
        SyncProgress::WouldRun(command) => dry_run.commands.push(command),
        SyncProgress::CodeStays(commits) => code_stays = commits,
        SyncProgress::Fetching | SyncProgress::Pulling(_) | SyncProgress::Pushing(_) => {}
    };
    let mut also = vec![Ledger::locks_branch()?];
    also.extend(awaited_outputs(context)?);
    let resolutions = Resolutions::new();
    let options = SyncOptions {
        commit: true,
        push_first: false,
        code_stays: true,
        also: &also,
        rules: MergeRules::ThreeWay,
        resolutions: &resolutions,
        progress: &mut progress,
    };
    let did = match reconcile(context, options)? {
        Reconciled::Nothing => SyncAction::Nothing,
        Reconciled::Pushed => SyncAction::Pushed,
        Reconciled::Pulled => SyncAction::Pulled,
        Reconciled::Both => SyncAction::Both,
        Reconciled::Merged => SyncAction::Merged,
        Reconciled::NoRemote => SyncAction::Alone,
        Reconciled::Failed(_, error) => return Err(error),
        Reconciled::Conflict(files) => {
            let names: Vec<_> = files.iter().map(|file| file.path.display().to_string()).collect();
            if let Some(taken) = files.iter().find(|file| file.is_number_taken()) {
                let path = taken.path.display();
                let message = format!("the number of {path} was given to another new task at the remote");
                let hint = command!["ls", taken.path.parent().unwrap_or(&taken.path).display()]
                    .within(context.data_dir())
                    .note("shows which numbers are free: git mv it to one, correct the parent's children_to_implement, and sync again");
                return Err(Error::new(Kind::Conflict, message).hint(hint).with(Payload::Files { files: names }));
            }
            let message = format!(
                "files were changed both locally and at the remote, and no rule merges them: {}",
                names.join(", ")
            );
            let upstream = context.channel.remote().map_or_else(String::new, |remote| format!("{remote}/"));
            let data = context.data_branch()?;
            let (dir, upstream) = (context.data_dir(), format!("{upstream}{data}"));
            // git merges nothing while something is staged.
            let staged = context.repository.git().read(&dir, "diff").args(["--cached", "--quiet"]).output()?;
            let (merge, then) = if staged.code == Some(1) {
                (command!["git stash && git merge", upstream], "git stash pop, and run git aitask sync")
            } else {
                (command!["git merge", upstream], "run git aitask sync")
            };
            let hint = merge.within(dir).note(format!("resolve the conflict and commit, then {then}"));
            return Err(Error::new(Kind::Conflict, message).hint(hint).with(Payload::Files { files: names }));
        }
    };
    let mut aside = Notices { dry_run: context.dry_run.then_some(dry_run), ..Notices::default() };
    if code_stays > 0 {
        let (data, plural) = (context.data_branch()?, if code_stays == 1 { "" } else { "s" });
        aside.notes.push(format!(
            "{code_stays} commit{plural} of {data} with other files than task data stay{} in this clone; git push publishes them",
            if code_stays == 1 { "s" } else { "" }
        ));
    }
    aside.notes.extend(note_on_unseen(&Leftover::unseen(context)?));
    // The lock branch was fetched in the same connection; only a lock that must be removed costs another one.
    let (all, ledger) = (branches(context)?.both(), context.reading_ledger());
    let view = ledger.view(&all, Freshness::AsKnown)?;
    // The files are published, whether they can be judged or not.
    aside.notes.extend(problems_of(context, &view, &committed, published).unwrap_or_default());
    let StaleLocks { mut ours, others } = stale_locks(context, &view)?;
    if !ours.is_empty() {
        let landed =
            context.ledger().transact(&nonce()?, &all, |view| release_all(stale_locks(context, view)?.ours))?;
        aside.extend(Notices { lagging: Vec::new(), ..Notices::of(context, &landed) });
        ours = landed.value;
    }
    let host = if others.is_empty() { String::new() } else { host_name(&context.repository) };
    aside.notes.extend(others.iter().map(|lock| {
        let (id, holder) = (lock.task, Holder::new(context, lock, &host));
        format!(
            "{} is archived, and still {}; git aitask unlock {id} --force releases it, if nobody works on it",
            id.prefixed(),
            holder.sentence()
        )
    }));
    let landed = landed_branches(context)?;
    Ok(Synced { did, committed: committed.len(), merged, released: ours, landed, pushed: None, aside })
}

/// What is wrong with the files that were committed, and with those between the tips that were published: a note for each
/// file. One process where something was published, and two more to read the counter. `known` has the locks.
fn problems_of(
    context: &Context,
    known: &View<'_>,
    committed: &[PathBuf],
    published: Option<[Oid; 2]>,
) -> Result<Vec<String>> {
    let mut changed = committed.to_vec();
    if let Some([from, to]) = published {
        changed.extend(merge::changes(&context.repository, &from, &to)?.into_iter().map(|change| change.path));
    }
    let changed: BTreeSet<_> = changed.iter().filter_map(|path| Some(path.to_str()?.to_owned())).collect();
    let Some(files) = (!changed.is_empty()).then(|| TaskFolder::of_checkout(&context.data_dir())).flatten() else {
        return Ok(Vec::new());
    };
    let ids: BTreeSet<_> = changed.iter().filter_map(|path| Some(TaskPath::parse(path)?.id())).collect();
    let mut notes: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let ids_branch = Ledger::ids_branch()?;
    let ledger = context.reading_ledger();
    let view = ledger.view(std::slice::from_ref(&ids_branch), Freshness::AsKnown)?;
    let counter = counter(&view)?.and_then(Result::ok);
    for problem in problems(&files, counter) {
        // Of two files with one id, the problem is told of the last one.
        let is_double = problem.kind == DUPLICATE_ID && problem.task_id.is_some_and(|id| ids.contains(&id));
        if changed.contains(&problem.path) || is_double {
            let note = format!("{}:{}: {}", problem.path, problem.line, problem.message);
            notes.entry(problem.path).or_insert((note, 0)).1 += 1;
        }
    }
    let more = |(note, count): (String, usize)| match count {
        1 => note,
        more => format!("{note} (and {} more; git aitask check lists them)", more - 1),
    };
    let mut notes: Vec<_> = notes.into_values().map(more).collect();
    let locks = kept_locks::entries(known)?.into_iter().filter(|lock| ids.contains(&lock.task));
    notes.extend(locks.filter_map(|lock| {
        let task = files.tasks.iter().find(|task| task.id == lock.task)?;
        differs_from_lock(task, &lock)
    }));
    Ok(notes)
}

/// A note on a held task whose file was edited by hand to say something else. The lock counts, and the file is only what
/// people read, so it is published.
fn differs_from_lock(task: &Task, lock: &LockEntry) -> Option<String> {
    let is = match (&task.status, &task.assigned_to) {
        (Status::Implementing, None) => return None,
        (Status::Implementing, Some(other)) if *other == lock.holder => return None,
        (Status::Implementing, Some(other)) => format!("assigned to {other}"),
        (status, _) => status.to_string(),
    };
    let (path, holder) = (&task.path, &lock.holder);
    Some(format!(
        "{path}: the task is {is}, and {holder} has its lock, which counts; git aitask doctor says what to do"
    ))
}

/// Syncs the task data, and publishes the branch of the named task, else of the task whose worktree this is.
///
/// # Errors
/// As [`sync_task_data`] and [`publish`]. A task that nobody named is not refused: then the outcome is incomplete, and
/// says why its branch was not published, with the command that helps.
pub(crate) fn sync_and_publish(context: &Context, named: Option<&Wanted>) -> Result<Synced> {
    let mut synced = sync_task_data(context)?;
    let wanted = match (named, context.task_here()) {
        (Some(named), _) => named.clone(),
        (None, Some(name)) => name.id().into(),
        (None, None) => return Ok(synced),
    };
    match publish(context, &wanted) {
        Ok(publication) => {
            synced.pushed = publication.pushed;
            synced.aside.extend(publication.aside);
        }
        Err(error) if named.is_none() && error.kind().exit_code() == 1 => {
            synced.aside.after_swap(Err::<(), _>(error), "the task branch was not published", [])?;
        }
        Err(error) => return Err(error),
    }
    Ok(synced)
}

/// The task branches of this clone whose work has landed.
fn landed_branches(context: &Context) -> Result<Vec<LandedBranch>> {
    let repository = &context.repository;
    let mut found = Vec::new();
    for (name, tip) in refs::load_below(repository, &format!("refs/heads/{BRANCH_PREFIX}"))? {
        let Some(branch) = name.branch() else { continue };
        let Some(task) = TaskName::from_branch(branch.as_str()).map(|name| name.id()) else { continue };
        let (landed, into) = landed::in_outputs(context, task, &tip)?;
        if landed::is_without_work(context, task, &branch, &tip, &landed)? {
            continue;
        }
        let ([Some(landed_at), taken_back_by], Some(into)) = (landed.commits(), into) else { continue };
        // Without a record the task is not one of this clone any more.
        let next = match LockRecord::load(repository, task) {
            Some(_) => format!("git aitask finish {task}"),
            None => "git aitask worktree prune".to_owned(),
        };
        found.push(LandedBranch { task_id: task, branch, into, landed_at, taken_back_by, next });
    }
    Ok(found)
}

/// The locks of tasks that are archived and not active.
#[derive(Debug, Default)]
pub(crate) struct StaleLocks {
    /// The tasks whose locks this session may release.
    pub(crate) ours: Vec<TaskId>,
    /// The locks of others: somebody has filed the task by hand, and its holder may be at work on it.
    pub(crate) others: Vec<LockEntry>,
}

/// The locks of tasks that are archived and not active.
pub(crate) fn stale_locks(context: &Context, view: &View<'_>) -> Result<StaleLocks> {
    let data = context.data_branch()?.clone();
    let mut stale = StaleLocks::default();
    let Some(locks) = view.locks()? else { return Ok(stale) };
    if locks.tasks().next().is_none() {
        return Ok(stale);
    }
    let index = Index::load(view, &data)?;
    let has_ended = |id: TaskId| index.active(id).is_none() && index.archived(id).is_some();
    if locks.tasks().any(has_ended) {
        for lock in locks.entries(&*context.repository)?.into_iter().filter(|lock| has_ended(lock.task)) {
            if may_release(context, &lock) { stale.ours.push(lock.task) } else { stale.others.push(lock) }
        }
    }
    Ok(stale)
}

/// The time limit of such a script: it records state for the user and must not hold up the caller.
const SCRIPT_LIMIT: Duration = Duration::from_secs(60);

/// Runs a script of the project for its effects. Its output and exit code are ignored, as the scripts do.
pub(crate) fn run_script(context: &Context, script: &Path, args: &[&str]) {
    let call = Call::script(context.repository.git().environment(), script, &context.repository.root);
    let _ = call.args(args).limit(SCRIPT_LIMIT).output();
}
