//! Listing tasks in order, with their holders, worktrees and open dependencies.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, ReadLocks, Session};
use crate::error::Result;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Freshness, Oid, merge, worktree};
use crate::landing::landed::{self, Landed};
use crate::ledger::{Ledger, View};
use crate::ops::filter::TaskFilter;
use crate::project::context::Context;
use crate::project::index::{Branches, Index, branches};
use crate::project::outcome::Holder;
use crate::project::repaired::Interruption;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::{ActiveTasks, Blocker, Level, Order, Reference, Selection, Status, Task, TaskId, TaskName, TaskPath};
use crate::worktrees::landed::merge_targets;
use crate::worktrees::registry::task_branch_of;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Which tasks are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TaskSet {
    /// Active tasks.
    #[default]
    Active,
    /// Active tasks that can be picked now.
    Ready,
    /// Archived tasks.
    Archived,
}

/// How children are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Among all other tasks.
    #[default]
    Flat,
    /// After their parents.
    Tree,
}

/// The options of `git aitask list`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    /// Which tasks are listed.
    pub(crate) among: TaskSet,
    /// Which of them.
    pub(crate) filter: TaskFilter,
    /// Only tasks that are assigned to the caller.
    pub(crate) mine: bool,
    /// How children are ordered.
    pub(crate) shape: Shape,
    /// At most this many.
    pub(crate) limit: Option<usize>,
    /// Whether to fetch first.
    pub(crate) freshness: Freshness,
}

/// A task with its lock, worktree and dependencies.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its name.
    pub(crate) name: TaskName,
    /// Its title.
    pub(crate) title: String,
    /// Its status.
    pub(crate) status: Status,
    /// Its priority.
    pub(crate) priority: Level,
    /// Its effort.
    pub(crate) effort: Level,
    /// Its issue type.
    #[serde(rename = "type")]
    pub(crate) issue_type: String,
    /// Its labels.
    pub(crate) labels: Vec<String>,
    /// Its dependencies.
    pub(crate) depends: Vec<Reference>,
    /// The dependencies that are still open.
    pub(crate) blocked_by: Vec<Blocker>,
    /// Its open children.
    pub(crate) children: Vec<TaskId>,
    /// Its assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assigned_to: Option<String>,
    /// Its holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<Holder>,
    /// Its worktree in this clone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worktree: Option<WorktreeState>,
    /// Its pull request, where this clone pushed its branch for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pull_request: Option<PullRequest>,
}

/// What became of a pull request, as far as this clone knows the output branch.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PullRequest {
    /// The tip that was pushed.
    pub(crate) tip: String,
    /// The branch that the work goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) into: Option<Branch>,
    /// Whether its work has landed: `landed`, `taken_back`, `not_landed` or `unknown`.
    pub(crate) state: &'static str,
    /// The commit at which it landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landed_at: Option<Oid>,
    /// The commit that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) taken_back_by: Option<Oid>,
}

impl PullRequest {
    /// That of a task; none, where this clone pushed its branch for none.
    fn load(context: &Context, task: TaskId) -> Option<Self> {
        let tip = LockRecord::load(&context.repository, task)?.requested?;
        let unknown = (Landed::Unknown, None);
        let looked = Oid::parse(&tip).map(|tip| landed::in_outputs(context, task, &tip));
        let (landed, into) = looked.transpose().ok().flatten().unwrap_or(unknown);
        let (state, [landed_at, taken_back_by]) = (landed.name(), landed.commits());
        Some(Self { tip, into, state, landed_at, taken_back_by })
    }

    /// A few words: whether it is merged, and where.
    pub(crate) fn sentence(&self) -> String {
        let into = self.into.as_ref().map_or("its output branch", Branch::as_str);
        match (&self.landed_at, &self.taken_back_by) {
            (Some(_), Some(by)) => format!("pull request merged, and taken back by {}", by.short()),
            (Some(at), None) => format!("pull request merged into {into} at {}", at.short()),
            (None, _) => format!("pull request not merged into {into} yet"),
        }
    }
}

impl Row {
    /// Whether the caller holds the task on this machine and it has no worktree in this clone: its pick may have been
    /// interrupted.
    pub(crate) fn lacks_worktree(&self, context: &Context, own: Option<&Session>) -> bool {
        let ours = |lock: &Holder| lock.is_here() && own.is_some_and(|own| own.email == lock.holder);
        let here = self.lock.as_ref().is_some_and(ours);
        here && self.status == Status::Implementing && self.worktree.is_none() && context.settings.worktree
    }
}

/// The state of a task's worktree.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WorktreeState {
    /// Where it is.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) path: PathBuf,
    /// The task branch.
    pub(crate) branch: Branch,
    /// The git operation that is in progress there: a rebase, a merge ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_progress: Option<&'static str>,
    /// Whether it has uncommitted work; `null` when it cannot be read.
    pub(crate) dirty: Option<bool>,
    /// Commits that the main worktree's branch lacks; `null` when they cannot be counted.
    pub(crate) ahead: Option<u32>,
    /// Commits of the main worktree's branch that it lacks.
    pub(crate) behind: Option<u32>,
}

/// The list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskList {
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// The tasks.
    pub(crate) tasks: Vec<Row>,
    /// Ids that two files have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) duplicates: Vec<TaskId>,
    /// Files that are not understood.
    #[serde(flatten)]
    pub(crate) doubts: Doubts,
    /// How children are ordered.
    #[serde(skip)]
    pub(crate) shape: Shape,
}

/// What is not understood of the files of active tasks.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Doubts {
    /// Files that look like tasks and are none by their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) misnamed: Vec<String>,
    /// Files that cannot be read, or that have a status or level that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_understood: Vec<NotUnderstood>,
}

/// A file that is not understood.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NotUnderstood {
    /// The file.
    pub(crate) path: TaskPath,
    /// What is not understood, and what follows.
    pub(crate) why: String,
}

impl Doubts {
    fn of(index: &Index, tasks: &[Task]) -> Self {
        let doubts = tasks.iter().filter_map(|task| Some((task, task.doubt()?)));
        let not_understood = doubts.map(|(task, why)| NotUnderstood { path: task.path.clone(), why }).collect();
        Self { misnamed: index.misnamed.clone(), not_understood }
    }

    /// One line each, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let named = |path: &String| format!("{path} is no task by its name; one is called t12_add_login.md");
        let read = |doubt: &NotUnderstood| format!("{}: {}", doubt.path, doubt.why);
        self.misnamed.iter().map(named).chain(self.not_understood.iter().map(read)).collect()
    }
}

/// What the reading verbs (`list`, `show`, `status`) read.
pub(crate) struct ReadView {
    /// The active tasks.
    pub(crate) tasks: Vec<Task>,
    /// The locks.
    pub(crate) locks: BTreeMap<TaskId, LockEntry>,
    /// The worktrees of this clone.
    pub(crate) worktrees: Vec<WorktreeRecord>,
    /// The places of the worktrees in that list, by their branches. To find the branch of a detached one takes reading
    /// files, so it is done once.
    places: BTreeMap<String, usize>,
    /// This machine's name.
    pub(crate) host: String,
    /// The files.
    pub(crate) index: Index,
    /// What of them is not understood.
    pub(crate) doubts: Doubts,
    /// The active children of every parent, by their files.
    children: BTreeMap<TaskId, Vec<TaskId>>,
    /// When the remote was last fetched.
    pub(crate) as_of: Option<String>,
}

/// When the remote was last fetched (RFC 3339), as far as this clone knows.
pub(crate) fn as_of(ledger: &Ledger<'_>) -> Option<String> {
    let time = jiff::Timestamp::try_from(ledger.as_of()?).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The branches into which pull requests of this clone go, except that of the task data.
pub(crate) fn awaited_outputs(context: &Context) -> Result<BTreeSet<Branch>> {
    let data = context.data_branch()?;
    let requested =
        |task: &TaskId| LockRecord::load(&context.repository, *task).is_some_and(|held| held.requested.is_some());
    let tasks = LockRecord::tasks(&context.repository).into_iter().filter(requested);
    Ok(tasks.flat_map(|task| merge_targets(context, task)).filter(|branch| branch != data).collect())
}

impl ReadView {
    /// Reads it all.
    pub(crate) fn load<'c>(
        context: &'c Context,
        ledger: &'c Ledger<'c>,
        freshness: Freshness,
    ) -> Result<(Self, View<'c>)> {
        let mut all: Vec<_> = Vec::new();
        if freshness == Freshness::Fetched {
            context.ledger().require_same_default()?;
            // Whether a pull request has landed is judged by the branch that it goes to.
            all.extend(awaited_outputs(context)?);
        }
        let Branches { locks: locks_branch, data } = branches(context)?;
        all.extend([locks_branch, data.clone()]);
        let view = ledger.view(&all, freshness)?;
        view.require_home()?;
        let index = Index::load(&view, &data)?;
        let tasks = index.load_active(&view)?;
        let entries = view.locks()?.map_or(Ok(Vec::new()), |locks| locks.entries(&context.repository))?;
        let locks = entries.into_iter().map(|lock| (lock.task, lock)).collect();
        let worktrees = worktree::list(&context.repository)?;
        let branches = worktrees.iter().map(|record| task_branch_of(context, record));
        let places = branches.enumerate().rev().filter_map(|(at, branch)| Some((branch?.to_string(), at))).collect();
        let as_of = as_of(ledger);
        let host = host_name(&context.repository);
        let mut children: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for id in index.active.iter().map(|(path, _)| path.id()) {
            if let Some(parent) = id.parent() {
                children.entry(parent).or_default().push(id);
            }
        }
        let doubts = Doubts::of(&index, &tasks);
        Ok((Self { tasks, locks, worktrees, places, host, index, doubts, children, as_of }, view))
    }

    /// The row of a task.
    pub(crate) fn row(&self, context: &Context, board: &ActiveTasks<'_>, task: &Task) -> Row {
        let mut children = self.children.get(&task.id).cloned().unwrap_or_default();
        children.extend(&task.children);
        children.sort_unstable();
        children.dedup();
        Row {
            id: task.id,
            name: task.name.clone(),
            title: task.title.clone(),
            status: task.status.clone(),
            priority: task.priority,
            effort: task.effort,
            issue_type: task.issue_type.clone(),
            labels: task.labels.clone(),
            depends: task.depends.clone(),
            blocked_by: board.blocked_by(task),
            children,
            assigned_to: task.assigned_to.clone(),
            lock: self.locks.get(&task.id).map(|lock| Holder::new(context, lock, &self.host)),
            worktree: self.worktree(context, &task.name),
            pull_request: self.locks.get(&task.id).and_then(|_| PullRequest::load(context, task.id)),
        }
    }

    fn worktree(&self, context: &Context, name: &TaskName) -> Option<WorktreeState> {
        let branch = Branch::parse(&name.branch_name()).ok()?;
        let record = self.worktrees.get(*self.places.get(branch.as_str())?)?;
        Some(worktree_state(context, record, branch, self.worktrees.first().and_then(|main| main.head.as_ref())))
    }
}

/// The state of one worktree, compared with the commit of the main one.
pub(crate) fn worktree_state(
    context: &Context,
    record: &WorktreeRecord,
    branch: Branch,
    main: Option<&Oid>,
) -> WorktreeState {
    let cut_off = RecoverableWorktree::of(&context.repository, &record.path, &branch).interruption();
    let there = !worktree::is_gone(record) && cut_off.is_none();
    let status = there.then(|| worktree::load_status(&context.repository, &record.path).ok()).flatten();
    let counts = record.head.as_ref().zip(main);
    let counts = counts.and_then(|(head, main)| merge::ahead_behind(&context.repository, head, main).ok());
    WorktreeState {
        path: record.path.clone(),
        branch,
        in_progress: cut_off.map(Interruption::name).or_else(|| worktree::in_progress(&record.path)),
        dirty: status.map(|status| status.is_dirty()),
        ahead: counts.map(|counts| counts.ahead),
        behind: counts.map(|counts| counts.behind),
    }
}

/// Lists tasks. Uses the network only if the options ask for a fetch.
pub(crate) fn list(context: &Context, options: &ListOptions) -> Result<TaskList> {
    let ledger = context.reading_ledger();
    let (mut loaded, view) = ReadView::load(context, &ledger, options.freshness)?;
    let active = std::mem::take(&mut loaded.tasks);
    let board = ActiveTasks::new(&active);
    let archived = match options.among {
        TaskSet::Archived => {
            let mut archived = loaded.index.load_archived(&view)?;
            archived.extend(loaded.index.load_bundled(&view)?);
            archived.sort_by_key(|task| task.id);
            archived
        }
        TaskSet::Active | TaskSet::Ready => Vec::new(),
    };
    let mut filter = options.filter.clone();
    if options.mine {
        filter.fields.assigned_to = Some(context.session()?.email);
    }
    let filter = filter.look_up(&view, &loaded.index)?;
    let (tasks, order): (Vec<&Task>, _) = match options.among {
        TaskSet::Active => (board.tasks().collect(), Order::Best),
        TaskSet::Ready => {
            let is_free = |task: &&Task| board.is_ready(task) && !loaded.locks.contains_key(&task.id);
            (board.tasks().filter(is_free).collect(), Order::Best)
        }
        TaskSet::Archived => (archived.iter().collect(), Order::AsGiven),
    };
    let tasks = tasks.into_iter().filter(|task| filter.matches(task));
    let mut chosen = board.choose(&Selection { order, ..Selection::default() }, tasks);
    if options.shape == Shape::Tree {
        chosen = as_tree(&chosen);
    }
    chosen.truncate(options.limit.unwrap_or(usize::MAX));
    let rows = chosen.into_iter().map(|task| loaded.row(context, &board, task)).collect();
    let duplicates = board.duplicates();
    Ok(TaskList { as_of: loaded.as_of, tasks: rows, duplicates, doubts: loaded.doubts, shape: options.shape })
}

/// Orders tasks as a tree: each parent, followed by its children. A child whose parent is not in the list is on the top
/// level.
fn as_tree<'t>(tasks: &[&'t Task]) -> Vec<&'t Task> {
    let ids: BTreeSet<_> = tasks.iter().map(|task| task.id).collect();
    let parent = |task: &Task| task.id.parent().filter(|id| ids.contains(id));
    let mut children: BTreeMap<TaskId, Vec<&Task>> = BTreeMap::new();
    for task in tasks {
        if let Some(parent) = parent(task) {
            children.entry(parent).or_default().push(task);
        }
    }
    let mut ordered = Vec::with_capacity(tasks.len());
    for task in tasks.iter().filter(|task| parent(task).is_none()) {
        ordered.push(*task);
        ordered.extend(children.remove(&task.id).unwrap_or_default());
    }
    ordered
}
