//! Moving what is finished out of the way: the task, its plan, and a parent whose last child it was.

use crate::archive::archiver::Filing;
use crate::coordination::claim_record::Held;
use crate::coordination::{LockEntry, Locks, ReadLocks};
use crate::error::{Error, Kind, Result};
use crate::ledger::{Decision, Plan, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, displaced_by, require_holder};
use crate::project::index::{Index, branches};
use crate::project::outcome::Aside;
use crate::task::{Document, TaskId, TaskPath};
use crate::worktrees::landed;
use serde::Serialize;

/// Tasks archived.
#[derive(Debug, Clone, Serialize)]
pub struct Archived {
    /// Their ids, parents that went along included.
    pub tasks: Vec<TaskId>,
    /// Where the files are now.
    pub archived: Vec<String>,
    /// Whether a lock was released.
    pub unlocked: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// Whether gates that have not passed keep a task from being archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gates {
    /// They do.
    Count,
    /// They do not; somebody said so.
    Overridden,
}

/// Archives tasks and releases their locks, each in one swap.
///
/// # Errors
/// [`Kind::NotHolder`] for a task that somebody else holds, [`Kind::GatePending`] for one with open gates.
pub fn archive(context: &Context, wanted: &[Wanted], gates: Gates) -> Result<Archived> {
    if wanted.len() > 1 {
        // One that is not there spares the others.
        let (locks_branch, data) = branches(context)?;
        let ledger = context.ledger();
        let view = ledger.view(&[locks_branch, data.clone()], true)?;
        let index = Index::load(&view, &data)?;
        let is_archived =
            |wanted: &Wanted| [Some(wanted.id), wanted.or].iter().flatten().any(|id| index.archived(*id).is_some());
        wanted.iter().filter(|wanted| !is_archived(wanted)).try_for_each(|one| index.require_active(one).map(drop))?;
    }
    let mut all = Archived { tasks: vec![], archived: vec![], unlocked: false, aside: Aside::default() };
    for wanted in wanted {
        let one = archive_one(context, wanted, gates)?;
        all.tasks.extend(one.tasks);
        all.archived.extend(one.archived);
        all.unlocked |= one.unlocked;
        // The last one looked at the checkouts last.
        all.aside.lagging.clear();
        all.aside.extend(one.aside);
    }
    Ok(all)
}

fn archive_one(context: &Context, wanted: &Wanted, gates: Gates) -> Result<Archived> {
    let session = context.session()?;
    let (locks_branch, data) = branches(context)?;
    // The plan, which may name them, moves along.
    let homes = landed::homes(context, wanted.id);
    let landed = context.ledger().transact(&nonce()?, &[locks_branch.clone(), data.clone()], |view| {
        let index = Index::load(view, &data)?;
        let ids = || std::iter::once(wanted.id).chain(wanted.or);
        if ids().all(|id| index.active(id).is_none())
            && let Some(path) = ids().find_map(|id| index.archived(id))
        {
            if let Some(by) = displaced_by(context, view, path.id())? {
                return Err(displaced(context, &by, OVER));
            }
            // Archived already: the same command again is done.
            let filing =
                Filing { tasks: vec![path.id()], targets: vec![path.as_str().to_owned()], ..Filing::default() };
            return Ok(Decision::Nothing((filing, false)));
        }
        let path = index.require_active(wanted)?;
        let wants = [
            (&locks_branch, LockEntry::path(path.id())),
            Locks::request(&locks_branch),
            (&data, path.as_str().to_owned()),
        ];
        let found = view.read(&wants)?;
        let lock = found.lock(path.id())?;
        let locks = found.require_locks()?;
        if lock.is_some() {
            require_holder(context, &session, path.id(), lock.as_ref())?;
        }
        let open: Vec<_> = index.children_of(path.id()).map(TaskId::t).collect();
        if !open.is_empty() {
            let message = format!("{} has open children: {}", path.id().t(), open.join(", "));
            return Err(Error::new(Kind::NotClaimable, message).hint(command!["git aitask list --children", path.id()]));
        }
        if gates == Gates::Count {
            let document = Document::parse(found.file(&data, path.as_str()).unwrap_or_default());
            let again = command!["git aitask archive", path.id(), "--override-gates"];
            crate::archive::gates::require_passed(context, view, path, &document, again)?;
        }
        let filing = Filing::of(view, &index, path)?;
        // Also a task that nobody holds: somebody may be locking it just now.
        let plan = filing.plan(Plan::new(), &data, &locks_branch, &locks).fenced(&locks_branch, path.id());
        Ok(Decision::Swap(plan, (filing, lock.is_some())))
    })?;
    let mut aside = Aside::of(context, &landed);
    let (filing, unlocked) = landed.value;
    for path in filing.targets.iter().filter_map(|path| TaskPath::parse(path)) {
        let ends = landed::loose_ends(context, path.name().as_str(), &homes);
        // It is archived; what cannot be looked at is no reason to say that it is not.
        aside.notes.extend(ends.ok().flatten());
    }
    if !context.dry_run {
        for task in &filing.tasks {
            Held::forget(&context.repository, *task)?;
        }
    }
    Ok(Archived { tasks: filing.tasks, archived: filing.targets, unlocked, aside })
}
