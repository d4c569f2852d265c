//! Moving what is finished out of the way: the task, its plan, and a parent whose last child it was.

use crate::archive::archiver::Filing;
use crate::archive::decide::{Decided, Known, Progress, decide};
use crate::archive::gates::load_pending;
use crate::archive::published;
use crate::archive::request::{Gates, Refusal, Request};
use crate::archive::shelf::Shelf;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, Locks, ReadLocks as _, Session};
use crate::error::{Error, Hint, Kind, Result};
use crate::git::{Branch, Freshness};
use crate::ledger::{Decision, Plan, TransactionResult, View, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, require_holder};
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Notices;
use crate::task::{Document, TaskId, TaskPath};
use crate::worktrees::landed;
use serde::Serialize;

/// Tasks archived.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "a key of the JSON answer")]
pub(crate) struct Archived {
    /// Their ids, parents that went along included.
    pub(crate) tasks: Vec<TaskId>,
    /// Where the files are now.
    pub(crate) archived: Vec<String>,
    /// Whether a lock was released.
    pub(crate) unlocked: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// What came of one task.
#[derive(Debug)]
pub(crate) struct Settled {
    /// It.
    pub(crate) id: TaskId,
    /// Where its file was.
    pub(crate) path: String,
    /// Whether somebody held it.
    pub(crate) held: bool,
    /// What became of it.
    pub(crate) answer: Decided,
}

/// Where tasks are archived: which task data is read, where the change is published, and how a refusal is told.
pub(crate) trait ArchivePlace {
    /// What is known of a task in a view.
    ///
    /// # Errors
    /// When there is no such task, or more than one.
    fn gather(&self, view: &View<'_>, wanted: &Wanted) -> Result<Known>;

    /// A refusal in words.
    fn tell(&self, known: Known, refusal: Refusal) -> Error;

    /// What a filing changes in which branches.
    ///
    /// # Errors
    /// When what it moves cannot be read, or the note of what is about to be done cannot be written.
    fn plan(&self, known: &Known, filing: &Filing) -> Result<Plan>;

    /// Publishes what `decide` makes of a view.
    ///
    /// # Errors
    /// Those of `decide`, and of publishing.
    fn publish(&self, decide: impl FnMut(&View<'_>) -> Result<Decision<Settled>>)
    -> Result<TransactionResult<Settled>>;
}

/// Archives one task somewhere.
///
/// # Errors
/// Those of the place; nothing is changed by a refusal.
pub(crate) fn archive_in(
    place: &impl ArchivePlace,
    wanted: &Wanted,
    request: Request,
) -> Result<TransactionResult<Settled>> {
    place.publish(|view| {
        let known = place.gather(view, wanted)?;
        let answer = match decide(&known, request) {
            Ok(answer) => answer,
            Err(refusal) => return Err(place.tell(known, refusal)),
        };
        let plan = match &answer {
            Decided::Already => None,
            Decided::File(filing) => Some(place.plan(&known, filing)?),
        };
        let held = known.locks.is_held(known.id);
        let outcome = Settled { id: known.id, path: known.path, held, answer };
        Ok(match plan {
            None => Decision::NoChange(outcome),
            Some(plan) => Decision::Publish(plan, outcome),
        })
    })
}

/// Archives tasks and releases their locks, each in one swap.
///
/// # Errors
/// [`Kind::NotHolder`] for a task that somebody else holds, [`Kind::GatePending`] for one with open gates.
pub(crate) fn archive(context: &Context, wanted: &[Wanted], gates: Gates) -> Result<Archived> {
    if wanted.len() > 1 {
        // One that is not there spares the others.
        let Branches { locks: locks_branch, data } = branches(context)?;
        let ledger = context.ledger();
        let view = ledger.view(&[locks_branch, data.clone()], Freshness::Fetched)?;
        let index = Index::load(&view, &data)?;
        wanted.iter().try_for_each(|one| index.require(one).map(drop))?;
    }
    let mut all = Archived { tasks: vec![], archived: vec![], unlocked: false, aside: Notices::default() };
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
    let Branches { locks, data } = branches(context)?;
    let published = Published { context, session, locks, data, gates };
    // The plan, which may name them, moves along.
    let homes = landed::homes(context, wanted.id);
    let landed = archive_in(&published, wanted, Request { gates, ..Request::default() })?;
    let mut aside = Notices::of(context, &landed);
    let Settled { id, path, held, answer } = landed.value;
    let (tasks, archived) = match answer {
        Decided::Already => (vec![id], vec![path]),
        Decided::File(filing) => (filing.tasks, filing.targets),
    };
    for path in archived.iter().filter_map(|path| TaskPath::parse(path)) {
        let ends = landed::loose_ends(context, path.name().as_str(), &homes);
        // It is archived; what cannot be looked at is no reason to say that it is not.
        aside.notes.extend(ends.ok().flatten());
    }
    if !context.dry_run {
        for task in &tasks {
            LockRecord::forget(&context.repository, *task)?;
        }
    }
    Ok(Archived { tasks, archived, unlocked: held, aside })
}

/// The published task data: files and locks go in one swap.
struct Published<'a> {
    context: &'a Context,
    session: Session,
    locks: Branch,
    data: Branch,
    gates: Gates,
}

impl Published<'_> {
    fn again(id: TaskId) -> Hint {
        command!["git aitask archive", id, "--override-gates"]
    }
}

impl ArchivePlace for Published<'_> {
    fn gather(&self, view: &View<'_>, wanted: &Wanted) -> Result<Known> {
        let (context, index) = (self.context, Index::load(view, &self.data)?);
        let path = index.require(wanted)?;
        let known = |state| Known {
            id: path.id(),
            path: path.as_str().to_owned(),
            state,
            not_holder: None,
            locks: Locks::default(),
            pending: None,
            shelf: Shelf::default(),
            now: Context::now(),
        };
        if path.is_archived() {
            let not_holder = displaced(context, view, path.id(), OVER)?;
            return Ok(Known { not_holder, ..known(Progress::Archived) });
        }
        let wants = [
            (&self.locks, LockEntry::path(path.id())),
            Locks::request(&self.locks),
            (&self.data, path.as_str().to_owned()),
        ];
        let found = view.read(&wants)?;
        let lock = found.lock(path.id())?;
        let known = Known { locks: found.require_locks()?, ..known(Progress::Active) };
        if lock.is_some()
            && let Err(error) = require_holder(context, &self.session, path.id(), lock.as_ref())
        {
            return Ok(Known { not_holder: Some(error), ..known });
        }
        let document = Document::parse(found.file(&self.data, path.as_str()).unwrap_or_default());
        let data = published::load_shelf(view, &index, path, &document)?;
        // Gates are asked only where they count.
        let pending = if self.gates == Gates::Count && data.open_children(known.id, &[]).is_empty() {
            load_pending(context, view, path, &document, Self::again(known.id))?
        } else {
            None
        };
        Ok(Known { pending, shelf: data, ..known })
    }

    fn tell(&self, known: Known, refusal: Refusal) -> Error {
        let id = known.id;
        match refusal {
            Refusal::NotHolder => known.not_holder.unwrap_or_else(|| Error::new(Kind::NotHolder, id.prefixed())),
            Refusal::Archived(path) => {
                Error::new(Kind::NotClaimable, format!("{} is archived ({path})", id.prefixed()))
            }
            Refusal::OpenChildren(children) => {
                let open: Vec<_> = children.into_iter().map(TaskId::prefixed).collect();
                let message = format!("{} has open children: {}", id.prefixed(), open.join(", "));
                Error::new(Kind::NotClaimable, message).hint(command!["git aitask list --children", id])
            }
            Refusal::Pending(pending) => pending.refusal(id, Self::again(id)),
            Refusal::Files(error) => error,
        }
    }

    fn plan(&self, known: &Known, filing: &Filing) -> Result<Plan> {
        // Also a task that nobody holds: somebody may be locking it just now.
        Ok(filing.plan(Plan::new(), &self.data, &self.locks, &known.locks).fenced(&self.locks, known.id))
    }

    fn publish(
        &self,
        decide: impl FnMut(&View<'_>) -> Result<Decision<Settled>>,
    ) -> Result<TransactionResult<Settled>> {
        self.context.ledger().transact(&nonce()?, &[self.locks.clone(), self.data.clone()], decide)
    }
}
