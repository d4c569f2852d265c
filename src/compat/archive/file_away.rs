//! Archiving as the scripts do it: a commit in the checkout, which the caller publishes later, and then the release
//! of the lock. Every refusal comes before the first change, and an interrupted run is completed by the next one of
//! the same task: its record in `.git/aitask/` has the result lines and the locks that were still to be printed and
//! released.

use crate::archive::archiver::{ArchiveChanges, ArchiveEvent};
use crate::archive::carry_over::CarryOver;
use crate::archive::decide::{ArchiveDecision, ArchiveState, ArchiveView};
use crate::archive::gates::PendingGates;
use crate::archive::request::{ArchiveRefusal, ArchiveRequest};
use crate::archive::task_store::{TaskSource as _, TaskStore, is_archived, is_left_behind};
use crate::compat::archive::snapshot::{DataCheckout, TaskDataSnapshot};
use crate::coordination::lock_record::LockRecord;
use crate::coordination::locks::{taking_over, unlock_step};
use crate::coordination::{LockEntry, Locks, ReadLocks as _};
use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use crate::files::records::RecordKind;
use crate::git::Freshness;
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::queue::Queue;
use crate::ledger::{Channel, Decision, Ledger, Plan, TransactionResult, View, nonce};
use crate::ops::archive::{ArchiveOutcome, ArchivePlace, archive_in};
use crate::project::context::{Context, Wanted};
use crate::task::{Document, TaskId, bundle, edits, paths};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The time limit for releasing locks. Callers end the script after 30 s, and the archiving itself needs a part of
/// that; a lock that is not released in time is stale and removed by the next cleanup.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);

/// What is done with the change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Publication {
    /// A commit on the checkout's branch.
    #[default]
    Commit,
    /// It is staged, without a commit.
    Stage,
    /// It is only shown.
    Show,
}

/// Archiving a task in a checkout, with a script's rules.
pub(crate) struct ScriptArchive<'a> {
    /// The checkout.
    pub(crate) checkout: &'a DataCheckout<'a>,
    /// What is done with the change.
    pub(crate) publication: Publication,
    /// The task that takes over the deferred items of a checklist.
    pub(crate) carry_over: Option<CarryOver>,
    /// The result lines of a note, for the record that completes an interrupted run.
    pub(crate) lines: fn(&DataCheckout<'_>, &ArchiveEvent) -> Vec<String>,
}

/// The result of archiving a task.
#[derive(Debug, Clone)]
pub(crate) struct ArchivedByScript {
    /// What was done, or the lines of a run that was interrupted after its commit.
    pub(crate) report: ArchiveReport,
    /// The commit, abbreviated.
    pub(crate) commit: Option<String>,
    /// The tasks whose locks are no longer needed.
    pub(crate) released: Vec<TaskId>,
}

/// The report on an archived task.
#[derive(Debug, Clone)]
pub(crate) enum ArchiveReport {
    /// What was done, in order.
    Notes(Vec<ArchiveEvent>),
    /// The result lines of a run that was interrupted after its commit and before it printed them.
    Lines(Vec<String>),
}

/// The record of what is about to be done, for the run after an interrupted one. It is written before the commit and
/// removed after the locks are released. As JSON: `lines`, the result lines, `released`, the ids whose locks go, and
/// `parents`, the files to change after the commit, each with the id that goes from its list.
#[derive(Debug, Default, Serialize, Deserialize)]
struct ArchiveIntent {
    lines: Vec<String>,
    released: Vec<String>,
    #[serde(default)]
    parents: Vec<(String, String)>,
}

impl ScriptArchive<'_> {
    /// Archives a task.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`]; [`Kind::NotClaimable`] when it is archived already or has open children, and those of
    /// [`ArchiveChanges`]; a checkout with an unfinished rebase or merge, or on no branch. Nothing is changed then.
    pub(crate) fn archive(&self, id: TaskId, request: ArchiveRequest) -> Result<ArchivedByScript> {
        let checkout = self.checkout;
        let landed = archive_in(self, &id.into(), request).inspect_err(|error| {
            // Errors of these kinds may come after the commit, so the record must stay. After all others nothing was
            // changed.
            if self.publication == Publication::Commit && !matches!(error.kind(), Kind::Git | Kind::Io | Kind::Unknown)
            {
                checkout.forget_intent(id);
            }
        })?;
        let commit = landed.tip(&checkout.branch).map(|oid| oid.short().to_owned());
        let ArchiveOutcome { path, answer, .. } = landed.value;
        Ok(match answer {
            ArchiveDecision::Already => {
                let ArchiveIntent { lines, released, parents } = checkout.load_intent(id).unwrap_or_default();
                let parents = parents.into_iter().filter_map(|(path, id)| Some((path, TaskId::try_parse(&id)?)));
                checkout.update_parents(&parents.collect::<Vec<_>>())?;
                let released = released.iter().filter_map(|id| TaskId::try_parse(id)).collect();
                ArchivedByScript { report: ArchiveReport::Lines(lines), commit: checkout.last_commit(&path)?, released }
            }
            ArchiveDecision::File(changes) => {
                if self.publication != Publication::Show {
                    checkout.update_parents(&changes.uncommitted)?;
                    checkout.update_folders(id, &changes);
                }
                let released = released(&changes);
                ArchivedByScript { report: ArchiveReport::Notes(changes.events), commit, released }
            }
        })
    }
}

impl ArchivePlace for ScriptArchive<'_> {
    fn gather(&self, view: &View<'_>, wanted: &Wanted) -> Result<ArchiveView> {
        let snapshot = TaskDataSnapshot::load(self.checkout, view)?;
        let FoundFile { path, state } = self.checkout.find_file(&snapshot, wanted.id)?;
        let data = match state {
            ArchiveState::Active | ArchiveState::Moved => {
                TaskStore::gather(&snapshot, &path, wanted.id, BTreeMap::new())?
            }
            ArchiveState::Archived | ArchiveState::CutOff => TaskStore::default(),
        };
        // The gates were checked before the repository was opened. Locks are released whoever holds them: the lock of
        // an archived task protects nothing.
        let (pending, not_holder, locks) = (None, None, Locks::default());
        let (carry_over, now) = (self.carry_over, Context::now());
        Ok(ArchiveView { id: wanted.id, path, state, not_holder, locks, pending, carry_over, store: data, now })
    }

    fn tell(&self, known: ArchiveView, refusal: ArchiveRefusal) -> Error {
        refusal_error(known.id, refusal, |path| self.checkout.folder_paths.shown(path))
    }

    fn plan(&self, known: &ArchiveView, changes: &ArchiveChanges) -> Result<Plan> {
        let (checkout, folder_paths) = (self.checkout, &self.checkout.folder_paths);
        let mut edits: Vec<_> = changes.edits.iter().cloned().map(|edit| folder_paths.edit(edit)).collect();
        if self.publication == Publication::Stage {
            edits = edits.into_iter().map(|edit| checkout.split_rename(edit)).collect::<Result<Vec<_>>>()?.concat();
        }
        if self.publication != Publication::Show {
            // The record is written before the commit: after it nothing in the files shows what was still to be done.
            let lines = changes.events.iter().flat_map(|note| (self.lines)(checkout, note)).collect();
            checkout.save_intent(known.id, changes, lines)?;
        }
        let mut plan = Plan::new().step(&checkout.branch, Step::edit(changes.subject.clone(), edits));
        plan.adopt = changes.adopt.iter().map(|path| folder_paths.in_git(path)).collect();
        Ok(plan)
    }

    fn publish(
        &self,
        mut decide: impl FnMut(&View<'_>) -> Result<Decision<ArchiveOutcome>>,
    ) -> Result<TransactionResult<ArchiveOutcome>> {
        let (ledger, branch) = (self.checkout.ledger(), &self.checkout.branch);
        let branches = std::slice::from_ref(branch);
        match self.publication {
            Publication::Commit => ledger.transact("", branches, decide),
            Publication::Stage => ledger.stage(branch, decide).map(TransactionResult::unmoved),
            Publication::Show => {
                let (Decision::Publish(_, value) | Decision::NoChange(value)) =
                    decide(&ledger.view(branches, Freshness::AsKnown)?)?;
                Ok(TransactionResult::unmoved(value))
            }
        }
    }
}

/// A refusal in the scripts' words.
pub(crate) fn refusal_error(id: TaskId, refusal: ArchiveRefusal, shown: impl Fn(&str) -> String) -> Error {
    match refusal {
        ArchiveRefusal::NotHolder => Error::new(Kind::NotHolder, format!("{} is held by somebody else", id.prefixed())),
        ArchiveRefusal::Archived(path) => {
            Error::new(Kind::NotClaimable, format!("Task {} is already archived: {}", id.prefixed(), shown(&path)))
        }
        ArchiveRefusal::OpenChildren(open) => {
            let open: Vec<_> = open.into_iter().map(TaskId::prefixed).collect();
            let open = open.join(",");
            let message = format!("Cannot archive parent task: children_to_implement still contains: {open}");
            Error::new(Kind::NotClaimable, message)
        }
        ArchiveRefusal::Pending(PendingGates::Items { open, deferred }) => {
            let count = |word: &str, count| if count > 0 { format!("{word}:{count}\n") } else { String::new() };
            let why = if open > 0 {
                "VERIFICATION_PENDING: cannot archive until all items are terminal (pass/fail/skip)"
            } else {
                "VERIFICATION_DEFERRED: use --with-deferred-carryover to archive with carry-over task"
            };
            let (open, deferred) = (count("PENDING", open), count("DEFERRED", deferred));
            Error::new(Kind::GatePending, format!("{open}{deferred}{why}"))
        }
        ArchiveRefusal::Pending(PendingGates::Gates(gates)) => Error::new(
            Kind::GatePending,
            format!(
                "GATE_PENDING:{gates}\nGATE_BLOCKED: cannot archive until all declared gates pass \
                 (use --ignore-gates to override)"
            ),
        ),
        ArchiveRefusal::Files(error) => error,
    }
}

/// The file to archive.
struct FoundFile {
    path: String,
    state: ArchiveState,
}

impl DataCheckout<'_> {
    /// Removes archived children from the lists of parents that are changed in the checkout alone. It comes after the
    /// commit, since nothing may change here when that fails; the record lets the next run complete it.
    fn update_parents(&self, parents: &[(String, TaskId)]) -> Result<()> {
        if parents.is_empty() {
            return Ok(());
        }
        let (ledger, now) = (self.context.ledger(), Context::now());
        let _queue = Queue::enter(ledger.repository, ledger.timeout, ledger.progress)?;
        let tree = Tree::new(&self.folder_paths.top);
        for (path, child) in parents {
            let path = self.folder_paths.in_git(path);
            let Some(content) = tree.load(&path)? else { continue };
            let mut document = Document::parse(&content);
            if edits::remove_child(&mut document, *child, &now)? {
                tree.replace(&path, &document.canonical(&now)?.to_bytes())?;
            }
        }
        Ok(())
    }

    /// Keeps the folder of a parent's children, even empty, as long as the parent is active, and removes it with the
    /// parent: the scripts take a task whose folder exists for an active parent.
    fn update_folders(&self, id: TaskId, changes: &ArchiveChanges) {
        let parent = id.parent().unwrap_or(id);
        let tree = Tree::new(&self.folder_paths.top);
        let folder = |root: &str, letter: char| self.folder_paths.in_git(&format!("{root}/{letter}{parent}"));
        // Errors are ignored: git keeps no empty folders, so no commit depends on them.
        if changes.tasks.contains(&parent) {
            let _ = tree.remove_folder(folder(paths::TASKS_DIR, 't'));
            let _ = tree.remove_folder(folder(paths::PLANS_DIR, 'p'));
        } else if changes.events.iter().any(|note| matches!(note, ArchiveEvent::ParentEdited(..))) {
            let _ = tree.make_folder(folder(paths::TASKS_DIR, 't'));
        }
    }

    /// Finds the file to archive: the active one, or one that an interrupted run moved and did not commit.
    fn find_file(&self, snapshot: &TaskDataSnapshot<'_>, id: TaskId) -> Result<FoundFile> {
        let of_task = |archived: bool| {
            let paths = snapshot.paths().into_iter().filter(move |path| is_archived(path) == archived);
            paths.filter(|path| paths::loose_id(path) == Some(id)).collect::<Vec<_>>()
        };
        let (mut active, archived) = (of_task(false), of_task(true));
        if active.len() > 1 || (active.is_empty() && archived.len() > 1) {
            let shown = if id.is_child() { id.prefixed() } else { format!("task {id}") };
            return Err(Error::new(Kind::NoSuchTask, format!("Multiple task files found for {shown}")));
        }
        if let Some(path) = active.pop() {
            return Ok(FoundFile { path, state: ArchiveState::Active });
        }
        if let Some(path) = archived.first() {
            let is_moved =
                !snapshot.is_committed(path) || snapshot.missing().iter().any(|path| is_left_behind(path, id));
            let state = match is_moved {
                true => ArchiveState::Moved,
                false if self.load_intent(id).is_some() => ArchiveState::CutOff,
                false => ArchiveState::Archived,
            };
            return Ok(FoundFile { path: path.clone(), state });
        }
        let mut broken = None;
        let bundled = self.folders.archived.find_bundled('t', &id.to_string(), |error| broken = Some(error));
        if let Some((bundle, member)) = bundled {
            let message = format!("Task {} is already archived: {} in {bundle}", id.prefixed(), bundle::plain(&member));
            return Err(Error::new(Kind::NotClaimable, message));
        }
        if let Some(error) = broken {
            return Err(error);
        }
        let what = if id.is_child() { id.prefixed() } else { format!("task number {id}") };
        let message = format!("No task file found for {what} (checked active, archived, and numbered archives)");
        Err(Error::new(Kind::NoSuchTask, message))
    }

    /// A move as removal and addition, which is what the index can hold.
    fn split_rename(&self, edit: Edit) -> Result<Vec<Edit>> {
        let Edit::Rename { from, to } = edit else { return Ok(vec![edit]) };
        let content = Tree::new(&self.folder_paths.top).read(&from)?;
        Ok(vec![Edit::Remove { path: from }, Edit::Put { path: to, content }])
    }

    fn last_commit(&self, path: &str) -> Result<Option<String>> {
        let path = self.folder_paths.in_git(path);
        let call = self.context.repository.git().read(&self.folder_paths.top, "log");
        let output = call.args(["-1", "--format=%H", self.branch.full().as_str(), "--", &path]).run()?;
        Ok(crate::git::Oid::parse(&output.text()).map(|oid| oid.short().to_owned()))
    }

    fn save_intent(&self, id: TaskId, changes: &ArchiveChanges, lines: Vec<String>) -> Result<()> {
        let released = released(changes).iter().map(TaskId::to_string).collect();
        let parents = changes.uncommitted.iter().map(|(path, child)| (path.clone(), child.to_string())).collect();
        self.context.repository.records().save(
            RecordKind::Archiving,
            &intent_name(id),
            &ArchiveIntent { lines, released, parents },
        )
    }

    fn load_intent(&self, id: TaskId) -> Option<ArchiveIntent> {
        self.context.repository.records().load(RecordKind::Archiving, &intent_name(id))
    }

    /// Removes the record, once everything in it is done.
    pub(crate) fn forget_intent(&self, id: TaskId) {
        let _ = self.context.repository.records().forget(RecordKind::Archiving, &intent_name(id));
    }

    /// Releases the locks of archived tasks, whoever holds them, since such a lock is stale. Gives the locks that were
    /// released.
    ///
    /// # Errors
    /// When the remote cannot be reached within 10 s.
    pub(crate) fn release(&self, tasks: &[TaskId]) -> Result<Vec<LockEntry>> {
        for task in tasks {
            LockRecord::forget(&self.context.repository, *task)?;
        }
        let context = self.context;
        if context.channel == Channel::Local {
            return Ok(Vec::new());
        }
        let branch = Ledger::locks_branch()?;
        let ledger = Ledger { timeout: context.settings.timeout.min(RELEASE_LIMIT), ..context.ledger() };
        let landed = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
            let files = tasks.iter().map(|task| (&branch, LockEntry::path(*task)));
            let found = view.read(&files.collect::<Vec<_>>())?;
            let held = tasks.iter().filter_map(|task| found.lock(*task).transpose()).collect::<Result<Vec<_>>>()?;
            let release = |lock: &LockEntry| taking_over(unlock_step(lock.task), lock.token.as_ref());
            let plan = held.iter().fold(Plan::new(), |plan, lock| plan.step(&branch, release(lock)));
            Ok(if held.is_empty() { Decision::NoChange(held) } else { Decision::Publish(plan, held) })
        })?;
        Ok(landed.value)
    }
}

fn intent_name(id: TaskId) -> String {
    format!("{}.json", id.prefixed())
}

fn released(changes: &ArchiveChanges) -> Vec<TaskId> {
    let released = changes.events.iter().filter_map(|note| match note {
        ArchiveEvent::Released(id) => Some(*id),
        _ => None,
    });
    released.collect()
}
