//! Archiving tasks without merging anything: files and locks change in one swap. The scripts' face uses the same
//! operation on the files of a checkout.
//!
//! Why the order is safe. The record of the task in this clone is removed after the swap: killed in between, it stays,
//! and the same command finds the task archived and removes it. What the archived task leaves in this clone, commits
//! and uncommitted work, is only reported, never removed.

use crate::archive::archiver::ArchiveChanges;
use crate::archive::decide::{ArchiveDecision, ArchiveState, ArchiveView, decide};
use crate::archive::gates::load_pending;
use crate::archive::published;
use crate::archive::request::{ArchiveRefusal, ArchiveRequest, Gates};
use crate::archive::task_store::TaskStore;
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

/// The outcome: the archived tasks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ArchivedTasks {
    /// Their ids, parents that were archived with them included.
    pub(crate) tasks: Vec<TaskId>,
    /// The paths of their files in the archive.
    pub(crate) archived: Vec<String>,
    /// Whether a lock was removed.
    pub(crate) unlocked: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// The outcome for one task.
#[derive(Debug)]
pub(crate) struct ArchiveOutcome {
    /// Its id.
    pub(crate) id: TaskId,
    /// The path of its file before.
    pub(crate) path: String,
    /// Whether it was locked.
    pub(crate) held: bool,
    /// The decision.
    pub(crate) answer: ArchiveDecision,
}

/// Where tasks are archived: the published task data, or the files of a checkout.
pub(crate) trait ArchivePlace {
    /// Reads what archiving a task needs.
    ///
    /// # Errors
    /// When there is no such task, or more than one.
    fn gather(&self, view: &View<'_>, wanted: &Wanted) -> Result<ArchiveView>;

    /// The error for a refusal.
    fn tell(&self, known: ArchiveView, refusal: ArchiveRefusal) -> Error;

    /// The plan that publishes the changes.
    ///
    /// # Errors
    /// When a file that moves cannot be read, or the record of the operation cannot be written.
    fn plan(&self, known: &ArchiveView, changes: &ArchiveChanges) -> Result<Plan>;

    /// Runs `decide` on views until its plan is published.
    ///
    /// # Errors
    /// Those of `decide`, and of publishing.
    fn publish(
        &self,
        decide: impl FnMut(&View<'_>) -> Result<Decision<ArchiveOutcome>>,
    ) -> Result<TransactionResult<ArchiveOutcome>>;
}

/// Archives one task.
///
/// # Errors
/// Those of [`ArchivePlace`]. A refusal changes nothing.
pub(crate) fn archive_in(
    place: &impl ArchivePlace,
    wanted: &Wanted,
    request: ArchiveRequest,
) -> Result<TransactionResult<ArchiveOutcome>> {
    place.publish(|view| {
        let known = place.gather(view, wanted)?;
        let answer = match decide(&known, request) {
            Ok(answer) => answer,
            Err(refusal) => return Err(place.tell(known, refusal)),
        };
        let plan = match &answer {
            ArchiveDecision::Already => None,
            ArchiveDecision::File(changes) => Some(place.plan(&known, changes)?),
        };
        let held = known.locks.is_held(known.id);
        let outcome = ArchiveOutcome { id: known.id, path: known.path, held, answer };
        Ok(match plan {
            None => Decision::NoChange(outcome),
            Some(plan) => Decision::Publish(plan, outcome),
        })
    })
}

/// Archives published tasks and removes their locks, each task in one swap.
///
/// # Errors
/// [`Kind::NotHolder`] for a task that another session holds, [`Kind::GatePending`] for one whose gates have not passed.
pub(crate) fn archive(context: &Context, wanted: &[Wanted], gates: Gates) -> Result<ArchivedTasks> {
    if wanted.len() > 1 {
        // A task that does not exist refuses the command before any other task is archived.
        let Branches { locks: locks_branch, data } = branches(context)?;
        let ledger = context.ledger();
        let view = ledger.view(&[locks_branch, data.clone()], Freshness::Fetched)?;
        let index = Index::load(&view, &data)?;
        wanted.iter().try_for_each(|one| index.require(one).map(drop))?;
    }
    let mut all = ArchivedTasks { tasks: vec![], archived: vec![], unlocked: false, aside: Notices::default() };
    for wanted in wanted {
        let one = archive_one(context, wanted, gates)?;
        all.tasks.extend(one.tasks);
        all.archived.extend(one.archived);
        all.unlocked |= one.unlocked;
        // Each task reports the checkouts anew; the last report is the current one.
        all.aside.lagging.clear();
        all.aside.extend(one.aside);
    }
    Ok(all)
}

fn archive_one(context: &Context, wanted: &Wanted, gates: Gates) -> Result<ArchivedTasks> {
    let session = context.session()?;
    let Branches { locks, data } = branches(context)?;
    let published = PublishedTasks { context, session, locks, data, gates };
    // Read before the swap, since the plan, which may name them, is archived with the task.
    let merge_targets = landed::merge_targets(context, wanted.id);
    let landed = archive_in(&published, wanted, ArchiveRequest { gates, ..ArchiveRequest::default() })?;
    let mut aside = Notices::of(context, &landed);
    let ArchiveOutcome { id, path, held, answer } = landed.value;
    let (tasks, archived) = match answer {
        ArchiveDecision::Already => (vec![id], vec![path]),
        ArchiveDecision::File(changes) => (changes.tasks, changes.targets),
    };
    for path in archived.iter().filter_map(|path| TaskPath::parse(path)) {
        let ends = landed::describe_remaining_work(context, path.name().as_str(), &merge_targets);
        // The task is archived; a failure to inspect its branch must not report an error.
        aside.notes.extend(ends.ok().flatten());
    }
    if !context.dry_run {
        for task in &tasks {
            LockRecord::forget(&context.repository, *task)?;
        }
    }
    Ok(ArchivedTasks { tasks, archived, unlocked: held, aside })
}

/// The published task data.
struct PublishedTasks<'a> {
    context: &'a Context,
    session: Session,
    locks: Branch,
    data: Branch,
    gates: Gates,
}

impl PublishedTasks<'_> {
    fn again(id: TaskId) -> Hint {
        command!["git aitask archive", id, "--override-gates"]
    }
}

impl ArchivePlace for PublishedTasks<'_> {
    fn gather(&self, view: &View<'_>, wanted: &Wanted) -> Result<ArchiveView> {
        let (context, index) = (self.context, Index::load(view, &self.data)?);
        let path = index.require(wanted)?;
        let known = |state| ArchiveView {
            id: path.id(),
            path: path.as_str().to_owned(),
            state,
            not_holder: None,
            locks: Locks::default(),
            pending: None,
            store: TaskStore::default(),
            now: Context::now(),
        };
        if path.is_archived() {
            let not_holder = displaced(context, view, path.id(), OVER)?;
            return Ok(ArchiveView { not_holder, ..known(ArchiveState::Archived) });
        }
        let wants = [
            (&self.locks, LockEntry::path(path.id())),
            Locks::request(&self.locks),
            (&self.data, path.as_str().to_owned()),
        ];
        let found = view.read(&wants)?;
        let lock = found.lock(path.id())?;
        let known = ArchiveView { locks: found.require_locks()?, ..known(ArchiveState::Active) };
        if lock.is_some()
            && let Err(error) = require_holder(context, &self.session, path.id(), lock.as_ref())
        {
            return Ok(ArchiveView { not_holder: Some(error), ..known });
        }
        let document = Document::parse(found.file(&self.data, path.as_str()).unwrap_or_default());
        let data = published::load_task_store(view, &index, path, &document)?;
        // The gate script is run only where its answer counts.
        let pending = if self.gates == Gates::Count && data.open_children(known.id, &[]).is_empty() {
            load_pending(context, view, path, &document, Self::again(known.id))?
        } else {
            None
        };
        Ok(ArchiveView { pending, store: data, ..known })
    }

    fn tell(&self, known: ArchiveView, refusal: ArchiveRefusal) -> Error {
        let id = known.id;
        match refusal {
            ArchiveRefusal::NotHolder => known.not_holder.unwrap_or_else(|| Error::new(Kind::NotHolder, id.prefixed())),
            ArchiveRefusal::Archived(path) => {
                Error::new(Kind::NotClaimable, format!("{} is archived ({path})", id.prefixed()))
            }
            ArchiveRefusal::OpenChildren(children) => {
                let open: Vec<_> = children.into_iter().map(TaskId::prefixed).collect();
                let message = format!("{} has open children: {}", id.prefixed(), open.join(", "));
                Error::new(Kind::NotClaimable, message).hint(command!["git aitask list --children", id])
            }
            ArchiveRefusal::Pending(pending) => pending.refusal(id, Self::again(id)),
            ArchiveRefusal::Files(error) => error,
        }
    }

    fn plan(&self, known: &ArchiveView, changes: &ArchiveChanges) -> Result<Plan> {
        // Fenced also where nobody holds the task: another session may be locking it at this moment.
        Ok(changes.plan(Plan::new(), &self.data, &self.locks, &known.locks).fenced(&self.locks, known.id))
    }

    fn publish(
        &self,
        decide: impl FnMut(&View<'_>) -> Result<Decision<ArchiveOutcome>>,
    ) -> Result<TransactionResult<ArchiveOutcome>> {
        self.context.ledger().transact(&nonce()?, &[self.locks.clone(), self.data.clone()], decide)
    }
}
