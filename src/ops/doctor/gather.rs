//! Reads what a diagnosis looks at: each branch once, the registry of worktrees once, and the records.

use crate::coordination::ids;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::process::Liveness;
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, Locks, ReadLocks as _};
use crate::data_branch::attach;
use crate::data_branch::carried::Leftover;
use crate::error::{Error, Hint, Kind, Result};
use crate::files::data_checkout;
use crate::files::records::{Location, Oddity, RecordKind};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Freshness, RefName, leftover_lock, merge, objects, refs, registry, remote, worktree};
use crate::landing::landed::{self, Landed};
use crate::ledger::view::Tip;
use crate::ledger::{Channel, IDS, LOCKS, Ledger, View};
use crate::ops::check::decide::{Problem, problems};
use crate::ops::doctor::snapshot::{
    DataCheckout, Folder, LostBranch, SeenBranch, SeenLock, SeenRecord, SeenWorktree, Snapshot,
};
use crate::ops::list::as_of;
use crate::ops::prune::known_branches;
use crate::project::context::Context;
use crate::project::data_home::known_default;
use crate::project::holder::may_release;
use crate::project::leftovers::PREFIX;
use crate::project::task_folder::TaskFolder;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::project::{data_state, index, place};
use crate::task::{TaskId, TaskName, TaskPath, WORKTREES_DIR, paths};
use crate::worktrees::branches::{successor, tips};
use crate::worktrees::former_name::FormerNames;
use crate::worktrees::published::compare;
use crate::worktrees::registry::{ignored_files, task_branch_of};
use crate::worktrees::task_worktree::TaskWorktree;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was read, and how well.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// What was read.
    pub(crate) seen: Snapshot,
    /// Whether it is what the remote has now.
    pub(crate) is_current: bool,
    /// What could not be judged.
    pub(crate) not_judged: Vec<String>,
    /// When the remote was last fetched.
    pub(crate) as_of: Option<String>,
}

/// Reads everything. One connection, where a fetch is wanted.
pub(crate) fn gather(context: &Context, freshness: Freshness) -> Result<Gathered> {
    let index::Branches { locks, data } = index::branches(context)?;
    let ids = Ledger::ids_branch()?;
    let mut all = vec![locks.clone(), ids.clone(), data.clone()];
    let known = known_branches(context)?;
    all.extend(known.keys().cloned());
    let ledger = Ledger { repairs: true, ..context.reading_ledger() };
    let mut not_judged = Vec::new();
    let view = match ledger.view(&all, freshness) {
        Err(error) if freshness == Freshness::Fetched && is_out_of_reach(&error) => {
            not_judged.push(format!("what has changed on the remote since it was last fetched: {error}"));
            ledger.view(&all, Freshness::AsKnown)
        }
        view => view,
    };
    let view = match view {
        Err(error) if matches!(error.kind(), Kind::BranchGone | Kind::NotInitialised) => {
            return Ok(without_tasks("tasks_gone", data, &error, as_of(&ledger)));
        }
        view => view?,
    };
    // A clone of one branch learns of the branch of the tasks by this fetch, and is read again.
    match view.require_home() {
        Err(error) if error.is_retryable() => return Err(error),
        Err(error) => return Ok(without_tasks("tasks_moved", data, &error, as_of(&ledger))),
        Ok(()) => {}
    }
    if freshness == Freshness::AsKnown && context.channel != Channel::Local {
        not_judged.push("what has changed on the remote since it was last fetched".to_owned());
    }
    let mut seen = Snapshot {
        remote: context.channel.remote().map(ToString::to_string),
        data: data.to_string(),
        data_dir: context.data_dir(),
        moved: (context.repository.root.clone(), place::moved(&context.repository)),
        root_branch: context.repository.root_branch.clone(),
        renamed: if view.is_current { renamed(context)? } else { None },
        ..Snapshot::default()
    };
    lost(&view, &[locks.clone(), ids.clone(), data.clone()], &mut seen);
    if ledger.unpublished_locks(&view)?.is_some() {
        let error = ledger.unpublished_error();
        let (why, cures) = (error.to_string(), error.hints().to_vec());
        seen.lost.push(LostBranch { kind: "unpublished_locks", branch: locks.clone(), why, cures });
    }
    if view.base(&data).is_some() {
        seen.files = TaskFolder::of_branch(&view, &data)?;
    }
    let counter = match ids::load_published(&view, &ids) {
        Err(error) if matches!(error.kind(), Kind::Unparsable | Kind::Damaged) => {
            seen.problems.push(Problem::of_counter(&error));
            None
        }
        counter => counter?,
    };
    seen.problems.extend(problems(&seen.files, counter));
    read_locks(context, &view, &locks, &mut seen)?;
    let registered = worktree::list(&context.repository)?;
    read_worktrees(context, &registered, &mut seen);
    read_folders(context, &registered, &mut seen);
    read_branches(context, &view, known, &mut seen)?;
    read_records(context, &mut seen);
    seen.checkout = if context.has_data_branch() { read_checkout(context, &view, &data, &registered)? } else { None };
    if context.has_data_branch() {
        seen.second_home = second_home(context, &registered)?;
    }
    settings(context, &mut seen)?;
    let remotes = context.repository.config();
    for name in refs::load_below(&context.repository, KNOWN)?.into_keys() {
        let remote = name.as_str().strip_prefix(KNOWN).and_then(|rest| rest.rsplit_once('/')).map(|(remote, _)| remote);
        let is_there = remote.is_none_or(|remote| remotes.last(&format!("remote.{remote}.url")).is_some());
        seen.refs.extend((!is_there).then(|| name.to_string()));
    }
    Ok(Gathered { is_current: view.is_current, not_judged, as_of: as_of(&ledger), seen })
}

/// The branch that the main worktree has checked out, with the default branch of the remote, where it was published there and
/// is gone. Two connections there, and none elsewhere; what cannot be asked is not judged.
fn renamed(context: &Context) -> Result<Option<(Branch, Branch)>> {
    let (Some(remote), Some(branch)) = (context.channel.remote(), &context.repository.root_branch) else {
        return Ok(None);
    };
    let known = tips(context, branch)?;
    let (Some(local), None, true) =
        (known.local, known.tracking, remote::was_published(&context.repository, remote, branch))
    else {
        return Ok(None);
    };
    let next = successor(context, remote, branch, &local).ok().flatten();
    Ok(next.filter(|next| next.continues).map(|next| (branch.clone(), next.branch)))
}

/// Where this program keeps what it knew of the branches of a remote.
const KNOWN: &str = "refs/aitask/known/";

/// What is left to say where the tasks cannot be read: next to nothing can be judged without them.
fn without_tasks(kind: &'static str, branch: Branch, error: &Error, as_of: Option<String>) -> Gathered {
    let lost = LostBranch { kind, branch, why: error.to_string(), cures: error.hints().to_vec() };
    let not_judged = vec!["everything else, which needs the tasks".to_owned()];
    Gathered { seen: Snapshot { lost: vec![lost], ..Snapshot::default() }, is_current: false, not_judged, as_of }
}

fn is_out_of_reach(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Unreachable | Kind::NoRemote | Kind::Authentication | Kind::Denied | Kind::Contention | Kind::Git
    )
}

fn lost(view: &View<'_>, branches: &[Branch], seen: &mut Snapshot) {
    for branch in branches {
        let init = |note| vec![Hint::from("git aitask init").note(note)];
        let (kind, why, cures) = if let Some(gone) = view.gone(branch) {
            let at = gone.newest.as_ref().unwrap_or(&gone.last).short();
            ("branch_gone", format!("it is gone from the remote; this clone knew it at {at}"), init("restores it"))
        } else if let Some(set_back) = view.set_back(branch) {
            let lacks = set_back.lost.join(", ");
            let lacks = if lacks.is_empty() { lacks } else { format!(", and lacks the locks of {lacks}") };
            let why = format!("it was set back to an older state than this clone knew{lacks}");
            ("branch_set_back", why, init("restores the newer state"))
        } else if view.base(branch).is_none() && view.tip(branch).local.is_none() {
            let what = match branch.as_str() {
                LOCKS => "locks",
                IDS => "id counter",
                _ => "tasks",
            };
            ("missing_branch", format!("there is no branch of the {what}"), init("makes it"))
        } else {
            continue;
        };
        seen.lost.push(LostBranch { kind, branch: branch.clone(), why, cures });
    }
}

fn read_locks(context: &Context, view: &View<'_>, branch: &Branch, seen: &mut Snapshot) -> Result<()> {
    let repository = &context.repository;
    // Where the branch is there and cannot be read, all that it holds would seem free.
    let Some(root) = view.object(branch, "")? else { return view.locks().map(drop) };
    let is_other = |name: &String| LockEntry::task_of(name).is_none() && !name.starts_with('.');
    seen.no_locks = objects::names_in(&root)?.into_iter().filter(is_other).collect();
    let entries = Locks::of(&root)?.entries(&**repository)?;
    let host = if entries.is_empty() { String::new() } else { host_name(repository) };
    let files = &seen.files;
    let has_ended = |id| !files.is_active(id) && files.is_archived(id);
    let judged = |entry: LockEntry| SeenLock {
        liveness: LockRecord::liveness(repository, &entry, &host),
        is_ours: has_ended(entry.task) && may_release(context, &entry),
        entry,
    };
    seen.locks = entries.into_iter().map(judged).collect();
    Ok(())
}

fn read_worktrees(context: &Context, registered: &[WorktreeRecord], seen: &mut Snapshot) {
    let repository = &context.repository;
    let (within, data) = (repository.root.join(WORKTREES_DIR), repository.root.join(paths::DATA_WORKTREE_DIR));
    let records = repository.records();
    let noted: Vec<PathBuf> = records
        .names(RecordKind::Scratch)
        .iter()
        .filter_map(|name| records.load::<Location>(RecordKind::Scratch, name))
        .map(|note| note.path)
        .collect();
    for record in registered.iter().skip(1).filter(|record| record.path != data) {
        let branch = task_branch_of(context, record);
        let named = record.path.strip_prefix(&within).ok().and_then(Path::to_str).and_then(TaskName::try_parse);
        let is_temporary = record.path.components().any(|part| part.as_os_str().to_string_lossy().starts_with(PREFIX));
        let is_noted = noted.iter().any(|folder| record.path.starts_with(folder));
        let name_of = branch.clone().or_else(|| Branch::parse(&named.as_ref()?.branch_name()).ok());
        let site = |branch: &Branch| RecoverableWorktree::of(repository, &record.path, branch).interruption();
        let strayed = || {
            let branch = Branch::parse(&named.as_ref()?.branch_name()).ok()?;
            let place = TaskWorktree::from_records(context, registered.to_vec(), branch, record.path.clone());
            place.describe_stray(context, place.strayed(context)?).ok()
        };
        let has_ended = branch
            .as_ref()
            .and_then(|branch| TaskName::from_branch(branch.as_str()))
            .is_some_and(|name| !seen.files.is_active(name.id()) && seen.files.is_archived(name.id()));
        let is_gone = worktree::is_gone(record) && record.locked.is_none();
        let is_there = has_ended && !is_gone;
        // Where they cannot be listed there may be one.
        let ignored = || ignored_files(repository, &record.path).map_or(1, |files| files.len());
        let is_dirty = || worktree::load_status(repository, &record.path).is_ok_and(|status| status.is_dirty());
        seen.worktrees.push(SeenWorktree {
            path: record.path.clone(),
            interruption: name_of.as_ref().and_then(site),
            is_busy: worktree::in_progress(&record.path).is_some(),
            is_dirty: is_there && is_dirty(),
            ignored: if is_there { ignored() } else { 0 },
            is_left: is_temporary && !is_noted,
            stray: strayed(),
            named,
            branch,
            is_gone,
        });
    }
}

fn read_folders(context: &Context, registered: &[WorktreeRecord], seen: &mut Snapshot) {
    let within = context.repository.root.join(WORKTREES_DIR);
    let mut folders: Vec<_> = leftover_lock::folder(within).collect();
    folders.sort();
    for path in folders {
        if registered.iter().any(|record| record.path == path) {
            continue;
        }
        let is_folder = path.symlink_metadata().is_ok_and(|data| data.is_dir());
        let ours = context.repository.common_dir.join("worktrees");
        let folder = match registry::git_dir(&path) {
            Some(_) if registry::is_forgotten(&context.repository.common_dir, &path) => {
                let name = path.file_name().and_then(|name| TaskName::try_parse(name.to_str()?));
                name.map_or(Folder::Broken, Folder::Forgotten)
            }
            Some(admin) if admin.is_dir() && admin.starts_with(&ours) => Folder::Moved,
            Some(admin) if admin.is_dir() => Folder::Foreign,
            Some(_) => Folder::Broken,
            None if is_folder && leftover_lock::folder(path.clone()).next().is_none() => Folder::Empty,
            None => Folder::Other,
        };
        seen.folders.push((path, folder));
    }
}

fn read_branches(
    context: &Context,
    view: &View<'_>,
    known: BTreeMap<Branch, TaskName>,
    seen: &mut Snapshot,
) -> Result<()> {
    let repository = &context.repository;
    for (branch, name) in known {
        let Tip { local, published, .. } = view.tip(&branch);
        let published = published.filter(|_| context.channel.remote().is_some());
        let Some(tip) = local.as_ref().or(published.as_ref()) else { continue };
        let relation = match (&local, &published) {
            (Some(local), Some(published)) => {
                let held = LockRecord::load(repository, name.id());
                let is_ours = held.is_some_and(|held| held.pushed.iter().any(|tip| tip == published.as_str()));
                let is_ancestor = |one: &_, other: &_| merge::is_ancestor(repository, one, other);
                Some(compare(Some(local), published, is_ours, is_ancestor)?)
            }
            _ => None,
        };
        let has_ended = !seen.files.is_active(name.id()) && seen.files.is_archived(name.id());
        let judge = if has_ended { landed::of_ended } else { landed::in_outputs };
        let mut landed = judge(context, name.id(), tip)?;
        if !has_ended && landed::is_without_work(context, name.id(), &branch, tip, &landed.0)? {
            landed.0 = Landed::Unknown;
        }
        if let (Landed::At(_), Some(other)) = (&landed.0, published.as_ref().filter(|other| *other != tip)) {
            let other = judge(context, name.id(), other)?;
            landed = if matches!(other.0, Landed::At(_)) { landed } else { other };
        }
        let active = seen.files.tasks.iter().find(|task| task.id == name.id());
        let is_former = match active.filter(|task| task.name().branch_name() != branch.as_str()) {
            Some(_) => {
                let held = LockRecord::load(repository, name.id());
                FormerNames::load(context, name.id(), held.as_ref())?.has(&branch)
            }
            None => false,
        };
        seen.branches.push(SeenBranch { branch, task: name.id(), is_former, local, published, relation, landed });
    }
    Ok(())
}

fn read_records(context: &Context, seen: &mut Snapshot) {
    let repository = &context.repository;
    let records = repository.records();
    seen.oddities = records.oddities();
    for name in records.names(RecordKind::Held) {
        let path = records.path(RecordKind::Held, &name);
        if seen.oddities.iter().any(|(odd, _)| *odd == path) {
            continue;
        }
        let task = name.strip_suffix(".json").and_then(TaskId::try_parse);
        let Some((task, held)) = task.and_then(|task| Some((task, LockRecord::load(repository, task)?))) else {
            seen.oddities.push((path, Oddity::Unreadable));
            continue;
        };
        let is_taking = held.taking.is_some() && !held.was_cut_off(repository);
        let lock = seen.locks.iter().map(|lock| &lock.entry).find(|lock| lock.task == task);
        let is_of_other_lock = lock.is_some_and(|lock| lock.nonce.is_some() && !held.is_about(lock));
        let is_alive = |text: &String| {
            let lock = LockEntry::parse(task, text.as_bytes(), None);
            LockRecord::liveness(repository, &lock, &host_name(repository)) == Liveness::Alive
        };
        let is_of_living = is_of_other_lock && held.completed().is_some_and(is_alive);
        seen.held.push(SeenRecord { task, is_taking, is_of_other_lock, is_of_living });
    }
    let unreadable = seen.oddities.iter().filter(|(_, oddity)| *oddity == Oddity::Unreadable);
    seen.needed = unreadable
        .filter_map(|(path, _)| {
            let name = path.strip_prefix(records.path(RecordKind::Held, "")).ok()?.to_str()?;
            let task = TaskId::try_parse(name.strip_suffix(".json")?)?;
            let lock = seen.locks.iter().map(|lock| &lock.entry).find(|lock| lock.task == task)?;
            is_of_clone(context, lock).then(|| (path.clone(), task))
        })
        .collect();
    let common = &repository.common_dir;
    let lock_files = leftover_lock::inside(common).into_iter().chain(leftover_lock::below(&common.join("refs")));
    seen.lock_files = lock_files.filter(|lock| leftover_lock::is_abandoned(common, lock)).collect();
}

/// Whether a lock names this person, this host, and a folder of this clone where it names one.
fn is_of_clone(context: &Context, lock: &LockEntry) -> bool {
    let is_within = |folder: &str| Path::new(folder).starts_with(&context.repository.root);
    context.email() == Some(lock.holder.as_str())
        && lock.host == host_name(&context.repository)
        && lock.folder().is_none_or(is_within)
}

/// The number of files in a folder and in those within.
fn count_files(path: &Path) -> usize {
    let is_folder = path.symlink_metadata().is_ok_and(|data| data.is_dir());
    if is_folder { leftover_lock::folder(path.to_owned()).map(|entry| count_files(&entry)).sum() } else { 1 }
}

fn read_checkout(
    context: &Context,
    view: &View<'_>,
    data: &Branch,
    registered: &[WorktreeRecord],
) -> Result<Option<DataCheckout>> {
    let root = &context.repository.root;
    let path = root.join(paths::DATA_WORKTREE_DIR);
    let full = data.full();
    if registered
        .iter()
        .any(|record| record.branch.as_ref() == Some(&full) && record.path != path && record.path.exists())
    {
        // It is checked out elsewhere, as in a bare repository with worktrees.
        return Ok(None);
    }
    let mut seen = DataCheckout { is_missing: data_checkout(root).is_none(), path, ..DataCheckout::default() };
    if seen.is_missing {
        // A new clone has no local branch yet: it is checked out with the first verb that changes something.
        return Ok(view.tip(data).local.is_some().then_some(seen));
    }
    let record = registered.iter().find(|record| record.path == seen.path);
    let other = record.filter(|record| record.branch.as_ref() != Some(&full)).map(|record| record.branch.as_ref());
    seen.other = other.map(|other| other.map_or_else(|| "no branch".to_owned(), ToString::to_string));
    seen.unfinished = data_state::unfinished(&seen.path).first().map(|marker| data_state::operation(marker));
    let tip = view.tip(data);
    if let (Some(local), Some(published)) = (&tip.local, &tip.published)
        && local != published
    {
        let counts = merge::ahead_behind(&context.repository, local, published)?;
        seen.has_diverged = counts.ahead > 0 && counts.behind > 0;
    }
    for name in [paths::TASKS_DIR, paths::PLANS_DIR] {
        let link = root.join(name);
        match std::fs::read_link(&link) {
            Ok(_) if !link.exists() => seen.broken_links.push(name),
            Ok(to) if link.canonicalize().ok() != seen.path.join(name).canonicalize().ok() => {
                seen.other_links.push((name, to));
            }
            Err(_) if link.symlink_metadata().is_err() && attach::is_missing(context) => seen.broken_links.push(name),
            Err(_) if link.symlink_metadata().is_ok() => match count_files(&link) {
                // Where nothing could be lost, the link is made in its place.
                0 if leftover_lock::folder(link.clone()).next().is_none() => seen.broken_links.push(name),
                count => seen.folders.push((name, count)),
            },
            Ok(_) | Err(_) => {}
        }
    }
    seen.left = Leftover::find(context)?.map(|left| left.unseen);
    Ok(Some(seen))
}

/// The default branch of the remote, else the one of the main worktree, where it has task files.
fn second_home(context: &Context, registered: &[WorktreeRecord]) -> Result<Option<String>> {
    let repository = &context.repository;
    let default = context.channel.remote().and_then(|remote| {
        let branch = known_default(repository, remote)?.0?;
        Some((branch.tracking(remote), branch))
    });
    let (tip, name) = if let Some((tracking, branch)) = default {
        (refs::load(repository, std::slice::from_ref(&tracking))?.remove(&tracking), branch.to_string())
    } else {
        let main = registered.first();
        let name = main.and_then(|main| main.branch.as_ref().and_then(RefName::branch));
        (main.and_then(|main| main.head.clone()), name.map_or_else(|| "HEAD".to_owned(), |name| name.to_string()))
    };
    let Some(tip) = tip else { return Ok(None) };
    let files = objects::list(repository, &tip, &[paths::TASKS_DIR])?;
    let is_task = |path: Option<&str>| path.and_then(TaskPath::parse).is_some();
    Ok(files.iter().any(|entry| is_task(entry.path_str())).then_some(name))
}

fn settings(context: &Context, seen: &mut Snapshot) -> Result<()> {
    let settings = &context.settings;
    for (key, name) in [("aitask.base", &settings.base), ("aitask.output", &settings.output)] {
        let Some(branch) = name.as_deref().and_then(|name| Branch::parse(name).ok()) else { continue };
        let tips = tips(context, &branch)?;
        if tips.local.is_none() && tips.tracking.is_none() {
            seen.settings.push((key, branch.to_string()));
        }
    }
    Ok(())
}
