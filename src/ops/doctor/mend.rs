//! Repairs that lose nothing. Each is one swap with the judged state expected, or one step in this clone; killed
//! anywhere, the next diagnosis finds what is left, and the same command goes on.

use crate::coordination::ids::{self, Counter};
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, ReadLocks as _};
use crate::data_branch::attach;
use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::{Oid, refs, worktree};
use crate::ledger::plan::Step;
use crate::ledger::queue::Queue;
use crate::ledger::{Decision, Ledger, Plan, nonce};
use crate::ops::doctor::finding::Mend;
use crate::ops::prune::prune;
use crate::ops::sync::{release_all, stale_locks};
use crate::project::context::Context;
use crate::project::index::{self, Index};
use crate::project::outcome::Notices;
use crate::project::task_folder::TaskFolder;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::{Document, TaskId, edits};
use std::collections::BTreeSet;
use std::path::Path;

/// Does all of these repairs; those of what everybody shares only where the judged state is that of the remote. Says what
/// was kept first, and what failed.
pub(crate) fn mend_all(context: &Context, mends: &[&Mend], is_current: bool, aside: &mut Notices) -> Result<()> {
    let locks: Vec<_> = mends
        .iter()
        .filter_map(|mend| if let Mend::Lock(id, token) = mend { Some((*id, token.clone())) } else { None })
        .collect();
    let landed =
        mends.iter().filter_map(|mend| if let Mend::Prune(branch) = mend { Some(branch.clone()) } else { None });
    let mut landed: BTreeSet<_> = landed.collect();
    let release = (!locks.is_empty() && is_current).then(|| release(context, &locks, aside));
    let mut done: Vec<_> = release.into_iter().collect();
    for mend in mends {
        done.push(match mend {
            Mend::Lock(..) => continue,
            Mend::Counter | Mend::Children(_) | Mend::Prune(_) if !is_current => continue,
            Mend::Counter => advance(context, aside),
            Mend::Children(path) => without_archived_children(context, path, aside),
            Mend::Prune(_) if landed.is_empty() => continue,
            Mend::Prune(_) => {
                let all = std::mem::take(&mut landed);
                prune(context, Some(&all)).map(|pruned| aside.extend(pruned.aside))
            }
            Mend::Displaced(task) => LockRecord::give_back(&context.repository, &context.channel, *task),
            Mend::Record(task) => LockRecord::forget(&context.repository, *task),
            Mend::File(path) => remove_kept(context, path, aside),
            Mend::Attach => attach::attach_known(context).map(drop),
            Mend::EmptyFolder(path) => std::fs::remove_dir(path).map_err(|error| Error::io("remove", path, &error)),
            Mend::Moved(path) => queued(context, || worktree::repair(&context.repository, &[path])),
            Mend::MovedClone(paths) => queued(context, || worktree::repair(&context.repository, paths)),
            Mend::Forgotten(path, branch) => {
                queued(context, || worktree::register_again(&context.repository, path, branch))
            }
            Mend::Scratch(path) => queued(context, || worktree::remove_cut_off(&context.repository, path)),
            Mend::Incomplete(path, branch) => queued(context, || {
                let site = RecoverableWorktree::of(&context.repository, path, branch);
                let repaired = site.repair(context.settings.timeout)?;
                aside.notes.extend(repaired.and_then(|repaired| repaired.describe(path)));
                Ok(())
            }),
        });
    }
    for outcome in done {
        match outcome {
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => aside.notes.push(format!("not mended: {error}")),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Keeps other commands from changing the same.
fn queued(context: &Context, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let _queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
    act()
}

/// Releases locks of archived tasks, as far as they are still the ones that were judged.
fn release(context: &Context, judged: &[(TaskId, Oid)], aside: &mut Notices) -> Result<()> {
    let all = index::branches(context)?.both();
    let mut ours = Vec::new();
    let decided = context.ledger().transact(&nonce()?, &all, |view| {
        let stale = stale_locks(context, view)?.ours;
        let is_judged =
            |lock: &LockEntry| lock.token.as_ref().is_some_and(|token| judged.contains(&(lock.task, token.clone())));
        let entries = view.entries(&*context.repository)?;
        let over: Vec<_> = entries.iter().filter(|lock| is_judged(lock) && stale.contains(&lock.task)).collect();
        ours = over.iter().filter(|lock| LockRecord::has_taken(&context.repository, lock)).map(|it| it.task).collect();
        release_all(over.iter().map(|lock| lock.task).collect())
    });
    aside.extend(Notices::of(context, &decided?));
    ours.into_iter().try_for_each(|task| LockRecord::forget(&context.repository, task))
}

/// Sets the counter beyond the highest number of a task.
fn advance(context: &Context, aside: &mut Notices) -> Result<()> {
    let (ids, data) = (Ledger::ids_branch()?, context.data_branch()?.clone());
    let decided = context.ledger().transact(&nonce()?, &[ids.clone(), data.clone()], |view| {
        let highest = Index::load(view, &data)?.highest_number(view)?;
        let known = ids::load(view, &ids)?.unwrap_or_default();
        Ok(match ids::load_published(view, &ids)? {
            Some(counter) if highest >= counter => {
                let next = ids::next_of(known, highest);
                let plan = ids::resync(Plan::new(), &ids, next, Counter::of(&context.channel));
                Decision::Publish(plan, ())
            }
            _ => Decision::NoChange(()),
        })
    });
    decided.map(|landed| aside.extend(Notices::of(context, &landed)))
}

/// Takes archived children out of the list of a parent, which waits for them.
fn without_archived_children(context: &Context, path: &str, aside: &mut Notices) -> Result<()> {
    let data = context.data_branch()?.clone();
    let now = Context::now();
    let decided = context.ledger().transact(&nonce()?, std::slice::from_ref(&data), |view| {
        let folder = TaskFolder::of_branch(view, &data)?;
        let Some(task) = folder.tasks.iter().find(|task| task.path.as_str() == path) else {
            return Ok(Decision::NoChange(()));
        };
        let is_over = |child: &&TaskId| {
            child.parent() == Some(task.id) && !folder.is_active(**child) && folder.is_archived(**child)
        };
        let mut document = Document::parse(folder.texts.get(&task.path).map_or(&[][..], Vec::as_slice));
        let mut has_changed = false;
        for child in task.children.iter().filter(is_over) {
            has_changed |= edits::remove_child(&mut document, *child, &now)?;
        }
        if !has_changed {
            return Ok(Decision::NoChange(()));
        }
        let put = Edit::Put { path: path.to_owned(), content: document.to_bytes() };
        let subject = format!("ait: Remove archived children from {}", task.id.prefixed());
        Ok(Decision::Publish(Plan::new().step(&data, Step::edit(subject, vec![put])), ()))
    });
    decided.map(|landed| aside.extend(Notices::of(context, &landed)))
}

/// Removes a private file; what is in it is kept as a commit first.
fn remove_kept(context: &Context, path: &Path, aside: &mut Notices) -> Result<()> {
    let repository = &context.repository;
    let bytes = read_own(path)?;
    if !bytes.is_empty() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let put = Edit::Put { path: name.clone(), content: bytes };
        let message = format!("aitask: {name} as it was before git aitask doctor removed it\n");
        let commit = NewCommit { parent: ParentCommit::Root, merged: None, tree: None, edits: vec![put], message };
        let built = objects::build(repository, &[commit])?;
        let oid = built.commits.first().ok_or_else(|| Error::new(Kind::Bug, "no commit was built"))?;
        let kept = refs::back_up(repository, oid)?;
        aside.notes.push(format!("{name} was kept in {kept}"));
    }
    std::fs::remove_file(path).map_err(|error| Error::io("remove", path, &error))
}
