//! What the hooks of agent programs ask and do: whether a file may be written, what a session still holds, and worktrees
//! that a program wants made or removed. All but the worktrees is read from what this clone knows, without a connection.

use crate::agents::payload::Payload;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, ReadLocks as _, Session};
use crate::error::{Error, Kind, Result};
use crate::files::{canonicalize_lenient, exclude};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::run::Call;
use crate::git::worktree::{Coverage, Unsaved};
use crate::git::{Branch, Freshness, RefName, RefUpdate, Repository, merge, refs, worktree};
use crate::ledger::Ledger;
use crate::ops::worktrees;
use crate::project::context::{Context, Wanted};
use crate::project::holder::holds;
use crate::project::outcome::Holder;
use crate::task::{TaskId, TaskName, paths};
use crate::worktrees::base::BaseBranch;
use crate::worktrees::prepare;
use crate::worktrees::registry::{task_branch_of, task_of};
use std::path::{Path, PathBuf};

/// The folder in which a program expects the worktrees that it asks for by name.
const FOLDER: &str = ".claude/worktrees";

/// The locks that this clone knows.
fn locks(context: &Context) -> Result<Vec<LockEntry>> {
    let repository: &Repository = &context.repository;
    let (branch, ledger) = (Ledger::locks_branch()?, context.ledger());
    let view = ledger.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
    view.entries(repository)
}

/// The tasks that this session holds.
pub(crate) fn held(context: &Context) -> Result<Vec<TaskId>> {
    let session = context.session()?;
    let own = locks(context)?.into_iter().filter(|lock| holds(context, &session, lock));
    Ok(own.map(|lock| lock.task).collect())
}

/// The worktrees of this clone with the tasks that they are of.
struct Checkouts(Vec<(PathBuf, Option<TaskId>)>);

impl Checkouts {
    fn load(context: &Context) -> Result<Self> {
        let task = |record: &WorktreeRecord| task_of(context, record).map(|name| name.id());
        let records = worktree::list(&context.repository)?;
        Ok(Self(records.iter().map(|record| (canonicalize_lenient(&record.path), task(record))).collect()))
    }

    /// The innermost one around a file.
    fn around(&self, file: &Path) -> Option<&(PathBuf, Option<TaskId>)> {
        let around = self.0.iter().filter(|(path, _)| file.starts_with(path));
        around.max_by_key(|(path, _)| path.components().count())
    }

    fn of(&self, task: TaskId) -> Option<&Path> {
        self.0.iter().find(|(_, of)| *of == Some(task)).map(|(path, _)| path.as_path())
    }
}

/// Why a tool may not write the files that it names: one of them is in the worktree of a task that another session holds,
/// or, where this session holds tasks, outside of their worktrees in this repository. `None` where there is nothing
/// against it; task data may be written always.
pub(crate) fn refusal(context: &Context, payload: &Payload) -> Result<Option<String>> {
    let files: Vec<_> = payload.written_from(&context.here).map(|file| canonicalize_lenient(&file)).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let session = context.session()?;
    let (own, others): (Vec<_>, Vec<_>) = locks(context)?.into_iter().partition(|lock| holds(context, &session, lock));
    if own.is_empty() && others.is_empty() {
        return Ok(None);
    }
    let checkouts = Checkouts::load(context)?;
    let refuse = |file: &PathBuf| refused(context, &session, &checkouts, (&own, &others), file);
    Ok(files.iter().find_map(refuse))
}

fn refused(
    context: &Context,
    session: &Session,
    checkouts: &Checkouts,
    (own, others): (&[LockEntry], &[LockEntry]),
    file: &Path,
) -> Option<String> {
    let (place, task) = checkouts.around(file)?;
    let below = file.strip_prefix(place).ok()?;
    let is_data = [paths::TASKS_DIR, paths::PLANS_DIR].iter().any(|folder| below.starts_with(folder));
    if is_data || place.ends_with(paths::DATA_WORKTREE_DIR) || own.iter().any(|lock| Some(lock.task) == *task) {
        return None;
    }
    let show = file.display();
    if let Some(lock) = others.iter().find(|lock| Some(lock.task) == *task) {
        let holder = Holder::new(context, lock, &session.host);
        return Some(format!(
            "{show} was not written: it is in the worktree of {}, which is {}",
            lock.task.prefixed(),
            holder.sentence()
        ));
    }
    let mut worktrees = own.iter().map(|lock| Some((lock.task, checkouts.of(lock.task)?)));
    // A task without a worktree is worked on in the main checkout.
    let (task, path) = worktrees.clone().all(|found| found.is_some()).then(|| worktrees.next().flatten())??;
    Some(format!(
        "{show} was not written: you hold {}, whose worktree is {}; write {} instead",
        task.prefixed(),
        path.display(),
        path.join(below).display()
    ))
}

/// Gives back the tasks of this session in which nothing was done: no commit, and no change. A process of its own does
/// it after this one, since an agent program waits for a second at its end, and not for a server.
pub(crate) fn give_back(context: &Context, session_variable: (&str, &str)) -> Result<()> {
    let session = context.session()?;
    let records = worktree::list(&context.repository)?;
    for lock in locks(context)?.iter().filter(|lock| lock.is_of(&session)) {
        if is_untouched(context, &records, lock)? {
            let program =
                std::env::current_exe().map_err(|error| Error::io("find", Path::new("git-aitask"), &error))?;
            let (name, value) = session_variable;
            let environment = context.repository.git().environment();
            let call = Call::program(environment, program, &context.repository.root).env(name, value);
            call.args(["drop", &lock.task.to_string(), "--quiet"]).detach()?;
        }
    }
    Ok(())
}

/// Whether nothing was done in the worktree of a task. Where that cannot be told, something was.
fn is_untouched(context: &Context, records: &[WorktreeRecord], lock: &LockEntry) -> Result<bool> {
    let repository = &context.repository;
    let held = LockRecord::load(repository, lock.task).filter(|held| held.is_about(lock));
    let of_branch = |record: &WorktreeRecord| TaskName::from_branch(task_branch_of(context, record)?.as_str());
    let is_of_task = |record: &&WorktreeRecord| of_branch(record).is_some_and(|name| name.id() == lock.task);
    let (Some(held), Some(record)) = (held, records.iter().find(is_of_task)) else { return Ok(false) };
    if !record.head.as_ref().is_some_and(|head| held.is_cut_at(head)) || worktree::is_gone(record) {
        return Ok(false);
    }
    Ok(!worktree::load_status(repository, &record.path)?.is_dirty())
}

/// Makes the worktree that a program asks for by name, or finds it: that of the task of this name, else one on a branch
/// of its own where the program keeps its worktrees.
pub(crate) fn create_worktree(context: &Context, name: &str) -> Result<PathBuf> {
    let real = |path: &Path| path.canonicalize().map_err(|error| Error::io("find", path, &error));
    if let Ok(wanted) = Wanted::parse(name) {
        match worktrees::add(context, &wanted, None) {
            Err(error) if matches!(error.kind(), Kind::NoSuchTask | Kind::NotInitialised) => {}
            added => {
                let worktree = added?.worktree;
                return worktree.map_or_else(|| Err(Error::new(Kind::Bug, "no worktree")), |made| real(&made.path));
            }
        }
    }
    let repository = &context.repository;
    let (branch, path) = (Branch::parse(&format!("worktree-{name}"))?, repository.root.join(FOLDER).join(name));
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(Error::new(Kind::Usage, format!("{name:?} cannot be the name of a worktree")).advice("use letters"));
    }
    let full = branch.full();
    let there = worktree::list(repository)?.into_iter().find(|record| record.branch.as_ref() == Some(&full));
    if let Some(record) = there {
        return real(&record.path);
    }
    let tree = context.tree();
    tree.make_folder(FOLDER)?;
    if tree.is_there(&path) {
        return Err(Error::new(Kind::Occupied, format!("{} exists", path.display())).advice("use another name"));
    }
    exclude(&repository.common_dir, &format!("/{FOLDER}/"))?;
    let known = refs::load(repository, std::slice::from_ref(&full))?.contains_key(&full);
    let base = BaseBranch::find(context, None)?;
    worktree::add(repository, &path, &branch, Some(&base.commit).filter(|_| !known), Coverage::AsHere)?;
    // What could not be copied is missing, and the worktree can be used all the same.
    let _ = prepare::copy_ignored_files(context, &path, &mut Vec::new());
    real(&path)
}

/// Removes a worktree that a program no longer needs, unless there is work in it: changes, or commits that are nowhere
/// else. Its branch stays where it has commits. Others than those that this program makes are left alone.
pub(crate) fn remove_worktree(context: &Context, path: &Path) -> Result<()> {
    let (repository, wanted) = (&context.repository, canonicalize_lenient(path));
    let records = worktree::list(repository)?;
    let main = records.first().and_then(|main| main.head.clone());
    let Some(record) = records.iter().skip(1).find(|record| canonicalize_lenient(&record.path) == wanted) else {
        return Ok(());
    };
    let branch = record.branch.as_ref().and_then(RefName::branch);
    let task = branch.as_ref().and_then(|branch| TaskName::from_branch(branch.as_str()));
    if let Some(name) = task {
        let id = name.id();
        // Whoever holds the task goes on there.
        let is_held = locks(context)?.iter().any(|lock| lock.task == id);
        return if is_held { Ok(()) } else { worktrees::remove(context, &id.into(), Unsaved::Keep).map(drop) };
    }
    let is_ours = wanted.starts_with(canonicalize_lenient(&repository.root.join(FOLDER)));
    let Some(branch) = branch.filter(|branch| is_ours && branch.as_str().starts_with("worktree-")) else {
        return Ok(());
    };
    let is_merged = match (&record.head, &main) {
        (Some(head), Some(main)) => merge::is_ancestor(repository, head, main)?,
        _ => false,
    };
    if !is_merged || worktree::load_status(repository, &record.path)?.is_dirty() {
        return Ok(());
    }
    worktree::remove(repository, &record.path, Unsaved::Keep)?;
    if let Some(head) = &record.head {
        let gone = RefUpdate { name: branch.full(), old: Some(head.clone()), new: None };
        refs::swap(repository, &[gone], "aitask: a worktree without work was removed")?;
    }
    Ok(())
}
