//! Opening an archived task again: its file and its plans come back from the archive, or out of a bundle, and the branch
//! with the work that was merged is published again, all in one swap.
//!
//! Why the order is safe. Nothing follows the swap but what every verb does with the checkouts: killed before it, nothing
//! has happened; killed after it, the same command finds the task open.

mod decide;

use crate::coordination::lock_record::LockRecord;
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, Locks, ReadLocks as _};
use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::Edit;
use crate::git::{Branch, Freshness, Oid};
use crate::landing::former::FormerWork;
use crate::landing::task_branch;
use crate::ledger::{Decision, Ledger, Plan, View, nonce};
use crate::ops::data_location::LoadedFile;
use crate::ops::dependencies::{NewWaits, OtherTasks};
use crate::ops::reopen::decide::{Parent, ReopenView, as_open, decide};
use crate::ops::task_info::{Surroundings, TaskInfo};
use crate::project::context::{Context, Wanted};
use crate::project::holder::holds;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::{Holder, Notices};
use crate::task::bundle::{self, Members};
use crate::task::{Document, Task, TaskId, TaskPath, paths};
use crate::worktrees::landed::merge_targets;
use crate::worktrees::task_worktree::TaskWorktree;
use serde::Serialize;
use std::cell::RefCell;

/// The outcome: a task that is open again.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Reopened {
    /// The task.
    pub(crate) task: TaskInfo,
    /// Whether it was archived; else it was open already.
    pub(crate) changed: bool,
    /// Its branch, where that is published again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored: Option<RestoredBranch>,
    /// What else there is to say.
    #[serde(flatten)]
    pub(crate) aside: Notices,
}

/// A task branch that is published again.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RestoredBranch {
    /// Its name.
    pub(crate) branch: Branch,
    /// Its last commit.
    pub(crate) tip: Oid,
    /// The branch that has that work already: a finish merges what comes on top of it.
    pub(crate) merged_into: Branch,
}

/// What was published.
struct ReopenOutcome {
    task: Task,
    active: Vec<TaskId>,
    changed: bool,
    branch: Branch,
    former: Option<FormerWork>,
    /// Whether its branch is still there, published or in this clone.
    has_branch: bool,
    /// The lock of this session, which it keeps.
    lock: Option<LockEntry>,
}

/// Opens an archived task again. A task that is open stays as it is.
///
/// # Errors
/// [`Kind::Held`] for a task that another session has locked, [`Kind::NotClaimable`] for one whose parent is archived, [`Kind::Occupied`]
/// where both places have a file of it, [`Kind::Circle`] where it would wait for itself.
pub(crate) fn reopen(context: &Context, wanted: &Wanted) -> Result<Reopened> {
    let Branches { locks, data } = branches(context)?;
    let outputs = outputs(context, wanted.id)?;
    let mut all = vec![locks.clone(), data.clone()];
    all.extend(outputs.iter().filter(|branch| **branch != data).cloned());
    let (ledger, mark, sent) = (context.ledger(), nonce()?, RefCell::new(None));
    let attempt = |publishes: bool| {
        // The merge may have been made elsewhere, and the lock branch does not tell whether this clone has it.
        let seen = ledger.view(&all, Freshness::Fetched)?;
        ledger.transact_on(Some(seen), &mark, &all, |view| {
            let index = Index::load(view, &data)?;
            let ids = || std::iter::once(wanted.id).chain(wanted.or);
            if let Some(path) = ids().find_map(|id| index.active(id)) {
                return open_already(context, view, &index, path).map(Decision::NoChange);
            }
            let Some(archived) = ArchivedFile::of_task(view, &index, ids())? else {
                return Err(index.require_active(wanted).err().unwrap_or_else(|| Error::new(Kind::Bug, "no task")));
            };
            let mut seen = gather(context, view, &index, archived, &outputs)?;
            let (branch, has_branch, lock) = (seen.branch.clone(), seen.has_branch, seen.lock.take());
            let former = seen.former.clone().filter(|_| publishes);
            sent.replace(former.as_ref().map(|_| branch.clone()));
            let opened = decide(seen, &Context::now())?;
            let task = opened.task;
            // The branch first: a server without atomic push may get it alone, and the same command then goes on.
            let plan = former.iter().fold(Plan::new(), |plan, former| plan.advance(&branch, former.tip.clone()));
            let plan = plan.step(&data, opened.step).fenced(&locks, task.id);
            let active = index.active_ids().chain([task.id]).collect();
            Ok(Decision::Publish(plan, ReopenOutcome { task, active, changed: true, branch, former, has_branch, lock }))
        })
    };
    // The task can be worked on without its former branch.
    let (landed, refusal) = task_branch::or_without(&sent, attempt)?;
    let mut aside = Notices::of(context, &landed);
    let ReopenOutcome { task, active, changed, branch, former, has_branch, lock } = landed.value;
    if changed && lock.is_none() && !context.dry_run {
        let again = command!["git aitask reopen", task.id].note("the same command again completes it");
        let forgotten = LockRecord::forget(&context.repository, task.id);
        aside.after_swap(forgotten, "the task is open again, but this clone could not note that", [again])?;
    }
    aside.notes.extend(match (&former, refusal) {
        _ if !changed => None,
        (_, Some(why)) => Some(format!("its branch {branch} was not published again: {why}")),
        (None, None) if !has_branch => {
            let start = outputs.first().map_or("the code", Branch::as_str);
            Some(format!(
                "no merge commit names its branch (a squash or a fast-forward makes none), so the next pick begins at \
                 {start} as it is now"
            ))
        }
        _ => None,
    });
    let around = Surroundings::new(context, active);
    let task = around.describe(&task, lock.as_ref());
    let restored = former.map(|FormerWork { tip, into }| RestoredBranch { branch, tip, merged_into: into });
    Ok(Reopened { task, changed, restored, aside })
}

/// The branches that may have the work: those that a finish could have merged it into.
fn outputs(context: &Context, task: TaskId) -> Result<Vec<Branch>> {
    let mut outputs = merge_targets(context, task);
    outputs.extend(context.work_branch()?);
    let mut seen = Vec::new();
    outputs.retain(|branch| {
        let is_new = !seen.contains(branch);
        seen.push(branch.clone());
        is_new
    });
    Ok(outputs)
}

/// The outcome for a task that is open.
fn open_already(context: &Context, view: &View<'_>, index: &Index, path: &TaskPath) -> Result<ReopenOutcome> {
    let id = path.id();
    if let Some(archived) = index.archived(id) {
        let message = format!("{} has two files: {path} and {archived}", id.prefixed());
        return Err(Error::new(Kind::Occupied, message).advice("git rm one of them, then git aitask sync"));
    }
    if let Some(lock) = view.lock(id)? {
        return Err(held(context, &lock, "is open, and"));
    }
    let document = index.load_document(view, path.as_str())?;
    let (task, active) = (Task::from_document(path.clone(), &document), index.active_ids().collect());
    let branch = Branch::parse(&path.name().branch_name())?;
    Ok(ReopenOutcome { task, active, changed: false, branch, former: None, has_branch: true, lock: None })
}

fn held(context: &Context, lock: &LockEntry, how: &str) -> Error {
    let holder = Holder::new(context, lock, &host_name(&context.repository));
    Error::new(Kind::Held, format!("{} {how} {}", lock.task.prefixed(), holder.sentence()))
        .hint("git aitask locks")
        .with(Payload::Held { holder: Payload::described(&holder) })
}

/// Reads what opening this task needs.
fn gather(
    context: &Context,
    view: &View<'_>,
    index: &Index,
    archived: ArchivedFile,
    outputs: &[Branch],
) -> Result<ReopenView> {
    let data = index.branch();
    let path = archived.task_path()?;
    let (id, place) = (path.id(), TaskWorktree::find(context, path.name())?);
    let locks = Ledger::locks_branch()?;
    let parent = id.parent();
    let parent_path = parent.and_then(|parent| index.active(parent));
    let mut wants = vec![(&locks, LockEntry::path(id)), Locks::request(&locks)];
    wants.extend(parent_path.map(|path| (data, path.as_str().to_owned())));
    let found = view.read(&wants)?;
    let lock = found.lock(id)?;
    let parent = match (parent, parent_path) {
        (None, _) => Parent::None,
        (Some(_), Some(file)) => {
            let document = Document::parse(found.file(data, file.as_str()).unwrap_or_default());
            Parent::Open(LoadedFile { path: file.as_str().to_owned(), document })
        }
        (Some(parent), None) => match ArchivedFile::of_task(view, index, std::iter::once(parent))? {
            Some(_) => Parent::Archived(parent),
            None => Parent::None,
        },
    };
    let plans = ArchivedFile::plans(view, index, id)?;
    let document = Document::parse(&archived.content);
    let (task_before, task_after) = as_open(&path, &document, &Context::now())?;
    let new = NewWaits::between(&task_before, &task_after);
    let others = OtherTasks::load(view, index, &new)?;
    let published = view.task_branch(&place.branch)?.published;
    let has_branch = published.is_some() || place.tip(context)?.is_some();
    // Somebody has filed the task by hand while this session held it.
    let is_ours = match &lock {
        Some(lock) => holds(context, &context.session()?, lock),
        None => false,
    };
    let former = if has_branch || lock.is_some() {
        None
    } else {
        FormerWork::find(context, view, [data, &place.branch], &archived.in_archive(), outputs)?
    };
    Ok(ReopenView {
        path,
        document,
        plans: plans.iter().map(ArchivedFile::active).collect(),
        occupied: std::iter::once(&archived).chain(&plans).map(ArchivedFile::active).find(|path| index.has(path)),
        moves: std::iter::once(archived).chain(plans).map(ArchivedFile::moved).collect::<Result<_>>()?,
        held: lock.as_ref().filter(|_| !is_ours).map(|lock| held(context, lock, "is")),
        lock,
        parent,
        waits: new,
        others,
        branch: place.branch,
        has_branch,
        former,
    })
}

/// A file of the archive: by itself, or in a bundle.
struct ArchivedFile {
    /// Its path below `aitasks/` or `aiplans/`.
    name: String,
    root: &'static str,
    content: Vec<u8>,
    bundle: Option<Bundle>,
}

/// The bundle of a file.
struct Bundle {
    path: String,
    /// Its other files.
    rest: Members,
}

impl ArchivedFile {
    /// The file of the first of these tasks that is in the archive.
    ///
    /// # Errors
    /// [`Kind::NotClaimable`] where two have its id; [`Kind::Unparsable`] for a bundle that cannot be read.
    fn of_task(view: &View<'_>, index: &Index, ids: impl Iterator<Item = TaskId>) -> Result<Option<Self>> {
        for id in ids {
            let files: Vec<_> = index.archived.iter().map(|(path, _)| path).filter(|path| path.id() == id).collect();
            match files[..] {
                [] => {}
                [path] => return Self::loose(view, index, paths::TASKS_DIR, path.as_str()).map(Some),
                _ => {
                    let names: Vec<_> = files.iter().map(|path| path.as_str()).collect();
                    let message =
                        format!("{} files of the archive have the id {id}: {}", names.len(), names.join(", "));
                    return Err(
                        Error::new(Kind::NotClaimable, message).advice("git mv one of them to an id of its own")
                    );
                }
            }
            if let Some(found) = Self::bundled(view, index, paths::TASKS_DIR, 't', id)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The archived plans of a task.
    fn plans(view: &View<'_>, index: &Index, id: TaskId) -> Result<Vec<Self>> {
        let loose = index.plans.iter().filter(|plan| plan.id() == id && plan.is_archived());
        let loose: Vec<_> =
            loose.map(|plan| Self::loose(view, index, paths::PLANS_DIR, plan.as_str())).collect::<Result<_>>()?;
        if !loose.is_empty() {
            return Ok(loose);
        }
        Ok(Self::bundled(view, index, paths::PLANS_DIR, 'p', id)?.into_iter().collect())
    }

    fn loose(view: &View<'_>, index: &Index, root: &'static str, path: &str) -> Result<Self> {
        let content = view.document(index.branch(), path)?.unwrap_or_default();
        let name = path.strip_prefix(root).and_then(|rest| rest.strip_prefix("/archived/")).unwrap_or(path);
        Ok(Self { name: name.to_owned(), root, content, bundle: None })
    }

    fn bundled(view: &View<'_>, index: &Index, root: &'static str, letter: char, id: TaskId) -> Result<Option<Self>> {
        let id = id.to_string();
        for name in bundle::names_for(&id) {
            let path = format!("{root}/archived/{name}");
            // Of two forms of one bundle only the newer one counts.
            let is_replaced = path.strip_suffix(".gz").is_some_and(|stem| index.has(&format!("{stem}.zst")));
            if !index.has(&path) || is_replaced {
                continue;
            }
            let bytes = view.document(index.branch(), &path)?.unwrap_or_default();
            let mut rest: Members = bundle::files(&path, &bytes)?.into_iter().collect();
            let Some(name) = rest.keys().find(|name| bundle::is_of(name, letter, &id)).cloned() else { continue };
            let content = rest.remove(&name).unwrap_or_default();
            return Ok(Some(Self { name, root, content, bundle: Some(Bundle { path, rest }) }));
        }
        Ok(None)
    }

    /// Its path outside of the archive.
    fn active(&self) -> String {
        format!("{}/{}", self.root, self.name)
    }

    fn task_path(&self) -> Result<TaskPath> {
        let path = self.active();
        TaskPath::parse(&path)
            .ok_or_else(|| Error::new(Kind::Unparsable, format!("{path} is not the path of a task file")))
    }

    /// The path by which it was put into the archive.
    fn in_archive(&self) -> String {
        format!("{}/archived/{}", self.root, self.name)
    }

    /// The edits that take it out of the archive and put it back as it is.
    fn moved(self) -> Result<Vec<Edit>> {
        let (from, to) = (self.in_archive(), self.active());
        let Some(Bundle { path, rest }) = self.bundle else {
            return Ok(vec![Edit::Rename { from, to }]);
        };
        let mut edits = vec![Edit::Put { path: to, content: self.content }];
        let packed = (!rest.is_empty()).then(|| bundle::pack(&rest)).transpose()?;
        let newest = path.strip_suffix(".gz").map_or_else(|| path.clone(), |stem| format!("{stem}.zst"));
        if packed.is_none() || newest != path {
            edits.push(Edit::Remove { path });
        }
        edits.extend(packed.map(|content| Edit::Put { path: newest, content }));
        Ok(edits)
    }
}
