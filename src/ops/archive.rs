//! Archiving tasks without merging anything: files and locks change in one swap. The scripts' face uses the same
//! operation on the files of a checkout.
//!
//! Why the order is safe. The record of the task in this clone is removed after the swap: killed in between, it stays,
//! and the same command finds the task archived and removes it. What the archived task leaves in this clone, commits
//! and uncommitted work, is only reported, never removed.

use crate::archive::archiver::ArchiveChanges;
use crate::archive::carry_over::CarryOver;
use crate::archive::decide::{ArchiveDecision, ArchiveState, ArchiveView, decide};
use crate::archive::gates::load_pending;
use crate::archive::published;
use crate::archive::request::{ArchiveRefusal, ArchiveRequest, Deferred, Gates, has_open_children};
use crate::archive::task_store::TaskStore;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, Locks, ReadLocks as _, Session};
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, refs};
use crate::landing::parent;
use crate::ledger::{Decision, Ledger, Plan, TransactionResult, View, nonce};
use crate::ops::task_info::{Surroundings, TaskInfo};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, require_holder};
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Notices;
use crate::task::{Task, TaskId, TaskName, TaskPath};
use crate::worktrees::landed;
use serde::Serialize;
use std::cell::{Cell, RefCell};

/// The outcome: the archived tasks.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ArchivedTasks {
    /// Them, and the parents that were archived with them.
    pub(crate) tasks: Vec<TaskInfo>,
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
pub(crate) fn archive(context: &Context, wanted: &[Wanted], request: ArchiveRequest) -> Result<ArchivedTasks> {
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
        let one = archive_one(context, wanted, request)?;
        all.tasks.extend(one.tasks);
        all.archived.extend(one.archived);
        all.unlocked |= one.unlocked;
        // Each task reports the checkouts anew; the last report is the current one.
        all.aside.lagging.clear();
        all.aside.extend(one.aside);
    }
    Ok(all)
}

fn archive_one(context: &Context, wanted: &Wanted, request: ArchiveRequest) -> Result<ArchivedTasks> {
    let session = context.session()?;
    let Branches { locks, data } = branches(context)?;
    let (ids, claimed) = (Ledger::ids_branch()?, Cell::new(None));
    let (active, filed) = Default::default();
    let published = PublishedTasks { context, session, locks, data, ids, request, claimed, active, filed };
    // Read before the swap, since the plan, which may name them, is archived with the task.
    let merge_targets = landed::merge_targets(context, wanted.id);
    let landed = archive_in(&published, wanted, request)?;
    let mut aside = Notices::of(context, &landed);
    let ArchiveOutcome { id, path, held, answer } = landed.value;
    let (ids, tasks, archived, folded) = match answer {
        ArchiveDecision::Already => (vec![id], Vec::from_iter(published.filed.take()), vec![path], Vec::new()),
        ArchiveDecision::File(changes) => {
            aside.notes.extend(changes.notes());
            let tasks = changes.tasks.iter().filter_map(|id| changes.filed(*id)).collect();
            (changes.tasks, tasks, changes.targets, changes.folded)
        }
    };
    for path in archived.iter().filter_map(|path| TaskPath::parse(path)) {
        let ends = landed::describe_remaining_work(context, path.name().as_str(), &merge_targets);
        // The task is archived; a failure to inspect its branch must not report an error.
        aside.notes.extend(ends.ok().flatten());
        aside.notes.extend(remains_published(context, path.name()));
    }
    for task in ids.iter().filter(|_| !context.dry_run) {
        let again = command!["git aitask archive", task].note("the same command again completes it");
        let forgotten = LockRecord::forget(&context.repository, *task);
        aside.after_swap(forgotten, "the task is archived, but this clone could not note that", [again])?;
    }
    let active = published.active.take().into_iter().filter(|id| !ids.contains(id) && !folded.contains(id));
    let around = Surroundings::new(context, active);
    let tasks = tasks.iter().map(|task| around.describe(task, None)).collect();
    Ok(ArchivedTasks { tasks, archived, unlocked: held, aside })
}

/// The note about the branch of an archived task that is published, as far as this clone knows. No process, as a
/// rule.
fn remains_published(context: &Context, name: &TaskName) -> Option<String> {
    let (remote, branch) = (context.channel.remote()?, Branch::parse(&name.branch_name()).ok()?);
    let found = refs::load(&context.repository, &[branch.tracking(remote)]);
    found
        .is_ok_and(|found| !found.is_empty())
        .then(|| format!("{branch} stays on {remote}; once its work has landed, git aitask worktree prune removes it"))
}

/// The published task data.
struct PublishedTasks<'a> {
    context: &'a Context,
    session: Session,
    locks: Branch,
    data: Branch,
    ids: Branch,
    request: ArchiveRequest,
    /// The number that the last attempt claimed for a task that takes over deferred items.
    claimed: Cell<Option<u64>>,
    /// The active tasks before.
    active: RefCell<Vec<TaskId>>,
    /// The task that is archived already, for a document.
    filed: RefCell<Option<Task>>,
}

/// The command, for hints.
const VERB: &str = "git aitask archive";

impl ArchivePlace for PublishedTasks<'_> {
    fn gather(&self, view: &View<'_>, wanted: &Wanted) -> Result<ArchiveView> {
        let (context, index) = (self.context, Index::load(view, &self.data)?);
        let path = index.require(wanted)?;
        self.active.replace(index.active_ids().collect());
        let known = |state| ArchiveView {
            id: path.id(),
            path: path.as_str().to_owned(),
            state,
            not_holder: None,
            locks: Locks::default(),
            pending: None,
            carry_over: None,
            store: TaskStore::default(),
            now: Context::now(),
        };
        if path.is_archived() {
            let not_holder = displaced(context, view, path.id(), OVER)?;
            if context.json {
                let document = index.load_document(view, path.as_str())?;
                self.filed.replace(Some(Task::from_document(path.clone(), &document)));
            }
            return Ok(ArchiveView { not_holder, ..known(ArchiveState::Archived) });
        }
        let mut wants = vec![
            (&self.locks, LockEntry::path(path.id())),
            Locks::request(&self.locks),
            (&self.data, path.as_str().to_owned()),
        ];
        let parent = path.id().parent();
        wants.extend(parent.map(|parent| (&self.locks, LockEntry::path(parent))));
        let found = view.read(&wants)?;
        let lock = found.lock(path.id())?;
        let known = ArchiveView { locks: found.require_locks()?, ..known(ArchiveState::Active) };
        if lock.is_some()
            && let Err(error) = require_holder(context, &self.session, path.id(), lock.as_ref())
        {
            return Ok(ArchiveView { not_holder: Some(error), ..known });
        }
        let document = index.document(&found, path.as_str())?;
        let mut data = published::load_task_store(view, &index, path, &document)?;
        let above = parent.map(|parent| found.lock(parent)).transpose()?.flatten();
        if let Some(parent) = parent.and_then(|parent| index.active(parent)) {
            data.parent_stays = parent::stays_until(context, &self.session, parent, above.as_ref(), None)?;
        }
        // The gate script is run only where its answer counts.
        let ArchiveRequest { gates, deferred, .. } = self.request;
        let pending = if gates == Gates::Count && data.open_children(known.id, &[]).is_empty() {
            load_pending(context, view, path, &document, deferred, VERB)?
        } else {
            None
        };
        let carry_over = match deferred {
            Deferred::CarryOver => CarryOver::next(view, &self.ids, &index, &document, self.claimed.get())?,
            Deferred::Refuse => None,
        };
        self.claimed.set(carry_over.map(CarryOver::number));
        Ok(ArchiveView { pending, carry_over, store: data, ..known })
    }

    fn tell(&self, known: ArchiveView, refusal: ArchiveRefusal) -> Error {
        let id = known.id;
        match refusal {
            ArchiveRefusal::NotHolder => known.not_holder.unwrap_or_else(|| Error::new(Kind::NotHolder, id.prefixed())),
            ArchiveRefusal::Archived(path) => {
                Error::new(Kind::NotClaimable, format!("{} is archived ({path})", id.prefixed()))
            }
            ArchiveRefusal::OpenChildren(children) => has_open_children(id, children),
            ArchiveRefusal::Pending(pending) => pending.refusal(id, VERB),
            ArchiveRefusal::Files(error) => error,
        }
    }

    fn plan(&self, known: &ArchiveView, changes: &ArchiveChanges) -> Result<Plan> {
        // Fenced also where nobody holds the task: another session may be locking it at this moment.
        let claimed = known.carry_over.map(|carry_over| carry_over.claim(Plan::new(), &self.ids));
        let plan = claimed.unwrap_or_default();
        Ok(changes.plan(plan, &self.data, &self.locks, &known.locks).fenced(&self.locks, known.id))
    }

    fn publish(
        &self,
        decide: impl FnMut(&View<'_>) -> Result<Decision<ArchiveOutcome>>,
    ) -> Result<TransactionResult<ArchiveOutcome>> {
        let mut branches = vec![self.locks.clone(), self.data.clone()];
        branches.extend((self.request.deferred == Deferred::CarryOver).then(|| self.ids.clone()));
        self.context.ledger().transact(&nonce()?, &branches, decide)
    }
}
