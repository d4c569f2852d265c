//! Archiving as the scripts do it: a commit in the checkout, which somebody else publishes, and then the lock's release
//! (specification 30, sections 3 and 14). Everything that can refuse does so before the first change, and a run that was
//! cut off is completed by the next one of the same task (A3).

use crate::archive::archiver::{Filing, Manner, Note};
use crate::archive::task_store::{Shelf, is_archived};
use crate::compat::archive::snapshot::{Desk, Site};
use crate::coordination::claim_record::Held;
use crate::coordination::locks::unlock_step;
use crate::coordination::{LockEntry, ReadLocks};
use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use crate::files::records::RecordKind;
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::{Channel, Decision, Ledger, Plan, View, nonce};
use crate::task::{TaskId, bundle, paths};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest that the release of locks may take: callers end the script after 30 s (A13).
const RELEASE_LIMIT: Duration = Duration::from_secs(10);

/// How to archive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// It was overtaken by another task.
    pub superseded: bool,
    /// Stage it, and make no commit.
    pub no_commit: bool,
    /// Only show it.
    pub dry_run: bool,
}

/// What archiving came to.
#[derive(Debug, Clone)]
pub struct Archived {
    /// What happened, in order.
    pub notes: Vec<Note>,
    /// The commit, abbreviated.
    pub commit: Option<String>,
    /// The tasks whose locks are no longer needed.
    pub released: Vec<TaskId>,
}

/// What was about to be done, for the run after one that was cut off.
#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    lines: Vec<String>,
    released: Vec<String>,
}

/// A run that was cut off after its commit.
#[derive(Debug, Clone)]
pub struct CutOff {
    /// The lines it would have printed.
    pub lines: Vec<String>,
    /// The commit, abbreviated.
    pub commit: Option<String>,
    /// The tasks whose locks are no longer needed.
    pub released: Vec<TaskId>,
}

/// A task that is to be archived, or was by a run that could not say so.
enum Found<T> {
    Active(T),
    CutOff(CutOff),
}

impl<T> Found<T> {
    fn archived(self, archive: impl FnOnce(T) -> Archived) -> Archival {
        match self {
            Self::Active(found) => Archival::Archived(archive(found)),
            Self::CutOff(cut_off) => Archival::CutOff(cut_off),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub enum Archival {
    /// It archived the task.
    Archived(Archived),
    /// A run before it had, and was cut off.
    CutOff(CutOff),
}

impl Site<'_> {
    /// Archives a task; `line` shows a note, for the run after one that is cut off.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`] with the message of section 3.1, [`Kind::NotClaimable`] when it is archived already or has
    /// open children, and those of [`Filing`]; a checkout in the middle of something, or on no branch. Nothing is
    /// changed then.
    pub fn archive(&self, id: TaskId, options: Options, line: impl Fn(&Note) -> Vec<String>) -> Result<Archival> {
        let ledger = self.ledger();
        let branches = std::slice::from_ref(&self.branch);
        let decide = |view: &View<'_>| self.decide(view, id, options, &line);
        if options.dry_run {
            let (Decision::Swap(_, found) | Decision::Nothing(found)) = decide(&ledger.view(branches, false)?)?;
            return Ok(found.archived(|filing| done(&filing, None)));
        }
        if options.no_commit {
            let staged = ledger.stage(&self.branch, decide)?;
            return Ok(staged.archived(|filing| self.tidied(id, &filing, None)));
        }
        let landed = ledger.transact("", branches, decide).inspect_err(|error| {
            // These may also come after the commit.
            if !matches!(error.kind(), Kind::Git | Kind::Io | Kind::Unknown) {
                self.forget_intent(id);
            }
        })?;
        let commit = landed.tip(&self.branch).map(|oid| oid.short().to_owned());
        Ok(landed.value.archived(|filing| self.tidied(id, &filing, commit)))
    }

    /// The folder of a parent's children stays as long as the parent is active, empty or not, and goes with it.
    fn tidied(&self, id: TaskId, filing: &Filing, commit: Option<String>) -> Archived {
        let parent = id.parent().unwrap_or(id);
        let tree = Tree::new(&self.places.top);
        let folder = |root: &str, letter: char| self.places.in_git(&format!("{root}/{letter}{parent}"));
        // Best effort: an empty folder is in no commit.
        if filing.tasks.contains(&parent) {
            let _ = tree.remove_folder(folder(paths::TASKS_DIR, 't'));
            let _ = tree.remove_folder(folder(paths::PLANS_DIR, 'p'));
        } else if filing.notes.iter().any(|note| matches!(note, Note::ParentEdited(..))) {
            let _ = tree.make_folder(folder(paths::TASKS_DIR, 't'));
        }
        done(filing, commit)
    }

    fn decide(
        &self,
        view: &View<'_>,
        id: TaskId,
        options: Options,
        line: &impl Fn(&Note) -> Vec<String>,
    ) -> Result<Decision<Found<Filing>>> {
        let desk = Desk::load(self, view)?;
        let path = match self.find_file(&desk, id)? {
            Found::Active(path) => path,
            Found::CutOff(cut_off) => return Ok(Decision::Nothing(Found::CutOff(cut_off))),
        };
        let manner = Manner { superseded: options.superseded, canonical: true };
        let mut filing = Filing::from_shelf(&desk, &path, id, manner)?;
        require_no_open_children(&desk, id, &filing)?;
        let mut edits: Vec<_> =
            std::mem::take(&mut filing.edits).into_iter().map(|edit| self.places.edit(edit)).collect();
        for parent in filing.tasks.iter().filter(|task| !task.is_child()) {
            let staged = desk.staged_below(*parent)?;
            edits.extend(
                staged
                    .into_iter()
                    .filter(|staged| !edits.iter().any(|edit| path_of(edit) == path_of(staged)))
                    .collect::<Vec<_>>(),
            );
        }
        if options.no_commit {
            edits = edits.into_iter().map(|edit| self.unfold(edit)).collect::<Result<Vec<_>>>()?.concat();
        }
        if !options.dry_run {
            self.save_intent(id, &filing, line)?;
        }
        let mut plan = Plan::new().step(&self.branch, Step::edit(filing.subject.clone(), edits));
        plan.adopt = filing.adopt.iter().map(|path| self.places.in_git(path)).collect();
        Ok(Decision::Swap(plan, Found::Active(filing)))
    }

    /// The file to archive: the active one, or one that was moved and not committed.
    fn find_file(&self, desk: &Desk<'_>, id: TaskId) -> Result<Found<String>> {
        let of_task = |archived: bool| {
            let paths = desk.paths().iter().filter(move |path| is_archived(path) == archived);
            paths.filter(|path| paths::loose_id(path) == Some(id)).cloned().collect::<Vec<_>>()
        };
        let (mut active, archived) = (of_task(false), of_task(true));
        if active.len() > 1 || (active.is_empty() && archived.len() > 1) {
            let shown = if id.is_child() { id.t() } else { format!("task {id}") };
            return Err(Error::new(Kind::NoSuchTask, format!("Multiple task files found for {shown}")));
        }
        if let Some(path) = active.pop() {
            return Ok(Found::Active(path));
        }
        if let Some(path) = archived.first() {
            if !desk.is_committed(path) || !desk.left_behind(id).is_empty() {
                return Ok(Found::Active(path.clone()));
            }
            if let Some(intent) = self.load_intent(id) {
                return Ok(Found::CutOff(CutOff {
                    lines: intent.lines,
                    commit: self.last_commit(path)?,
                    released: intent.released.iter().filter_map(|id| TaskId::recognise(id)).collect(),
                }));
            }
            let message = format!("Task {} is already archived: {}", id.t(), self.places.shown(path));
            return Err(Error::new(Kind::NotClaimable, message));
        }
        let mut broken = None;
        let bundled = self.checkout.archived.find_bundled('t', &id.to_string(), |error| broken = Some(error));
        if let Some((bundle, member)) = bundled {
            let message = format!("Task {} is already archived: {} in {bundle}", id.t(), bundle::plain(&member));
            return Err(Error::new(Kind::NotClaimable, message));
        }
        if let Some(error) = broken {
            return Err(error);
        }
        let what = if id.is_child() { id.t() } else { format!("task number {id}") };
        let message = format!("No task file found for {what} (checked active, archived, and numbered archives)");
        Err(Error::new(Kind::NoSuchTask, message))
    }

    /// A move as the two edits that staging wants.
    fn unfold(&self, edit: Edit) -> Result<Vec<Edit>> {
        let Edit::Rename { from, to } = edit else { return Ok(vec![edit]) };
        let content = Tree::new(&self.places.top).read(&from)?;
        Ok(vec![Edit::Remove { path: from }, Edit::Put { path: to, content }])
    }

    fn last_commit(&self, path: &str) -> Result<Option<String>> {
        let path = self.places.in_git(path);
        let call = self.context.repository.git().read(&self.places.top, "log");
        let output = call.args(["-1", "--format=%H", self.branch.full().as_str(), "--", &path]).run()?;
        Ok(crate::git::Oid::parse(&output.text()).map(|oid| oid.short().to_owned()))
    }

    fn save_intent(&self, id: TaskId, filing: &Filing, line: &impl Fn(&Note) -> Vec<String>) -> Result<()> {
        let lines = filing.notes.iter().flat_map(line).collect();
        let released = released(filing).iter().map(TaskId::to_string).collect();
        self.context.repository.records().save(RecordKind::Archiving, &intent_name(id), &Intent { lines, released })
    }

    fn load_intent(&self, id: TaskId) -> Option<Intent> {
        self.context.repository.records().load(RecordKind::Archiving, &intent_name(id))
    }

    /// Forgets what was about to be done: it is.
    pub fn forget_intent(&self, id: TaskId) {
        let _ = self.context.repository.records().forget(RecordKind::Archiving, &intent_name(id));
    }

    /// Releases the locks of tasks that are archived, whoever holds them: such a lock is stale by definition. Gives the
    /// locks that were released.
    ///
    /// # Errors
    /// When the remote cannot be reached, or not within 10 s.
    pub fn release(&self, tasks: &[TaskId]) -> Result<Vec<LockEntry>> {
        for task in tasks {
            Held::forget(&self.context.repository, *task)?;
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
            let plan = held.iter().fold(Plan::new(), |plan, lock| plan.step(&branch, unlock_step(lock.task)));
            Ok(if held.is_empty() { Decision::Nothing(held) } else { Decision::Swap(plan, held) })
        })?;
        Ok(landed.value)
    }
}

fn intent_name(id: TaskId) -> String {
    format!("{}.json", id.t())
}

fn done(filing: &Filing, commit: Option<String>) -> Archived {
    Archived { notes: filing.notes.clone(), commit, released: released(filing) }
}

fn released(filing: &Filing) -> Vec<TaskId> {
    let released = filing.notes.iter().filter_map(|note| match note {
        Note::Released(id) => Some(*id),
        _ => None,
    });
    released.collect()
}

fn path_of(edit: &Edit) -> &str {
    match edit {
        Edit::Put { path, .. } | Edit::Take { path, .. } | Edit::Remove { path } | Edit::Rename { from: path, .. } => {
            path
        }
    }
}

/// The children of an archived parent could never be archived with it, so it stays until they are (A5).
fn require_no_open_children(desk: &Desk<'_>, id: TaskId, filing: &Filing) -> Result<()> {
    let gone: Vec<_> = filing.edits.iter().map(path_of).collect();
    let active = desk.paths().iter().filter(|path| !is_archived(path) && !gone.contains(&path.as_str()));
    let open = active.filter_map(|path| paths::loose_id(path)).filter(|child| child.parent() == Some(id));
    let mut open: Vec<_> = open.map(TaskId::t).collect();
    open.dedup();
    if open.is_empty() {
        return Ok(());
    }
    let message = format!("Cannot archive parent task: children_to_implement still contains: {}", open.join(","));
    Err(Error::new(Kind::NotClaimable, message))
}
