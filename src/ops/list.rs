//! Listing tasks in order, with their holders, worktrees and open dependencies.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, kept_locks};
use crate::data_branch::carried::{Leftover, note_on_unseen};
use crate::error::Result;
use crate::git::{Branch, Freshness};
use crate::ledger::{LOCKS, Ledger, View, unreadable};
use crate::ops::filter::TaskFilter;
use crate::ops::task_info::{Surroundings, TaskInfo, Worktrees};
use crate::project::context::Context;
use crate::project::index::{Branches, Index, branches};
use crate::task::{ActiveTasks, Order, Selection, Task, TaskId, TaskPath, paths};
use crate::worktrees::landed::merge_targets;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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

/// The list.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TaskList {
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// The tasks.
    pub(crate) tasks: Vec<TaskInfo>,
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Doubts {
    /// Files that look like tasks and are none by their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) misnamed: Vec<String>,
    /// Files that cannot be read, or that have a status or level that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_understood: Vec<NotUnderstood>,
    /// Files of the main worktree with task changes that are not on the branch of the tasks, so that nobody else sees them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unseen: Vec<String>,
}

/// A file that is not understood.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NotUnderstood {
    /// The file.
    pub(crate) path: TaskPath,
    /// What is not understood, and what follows.
    pub(crate) why: String,
}

impl Doubts {
    fn of(index: &Index, tasks: &[Task], unseen: Vec<String>) -> Self {
        let doubts = tasks.iter().filter_map(|task| Some((task, task.doubt()?)));
        let not_understood = doubts.map(|(task, why)| NotUnderstood { path: task.path.clone(), why }).collect();
        Self { misnamed: index.misnamed.clone(), not_understood, unseen }
    }

    /// One line each, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let named = |path: &String| format!("{path} {}", paths::why_misnamed(path));
        let read = |doubt: &NotUnderstood| format!("{}: {}", doubt.path, doubt.why);
        let unseen = note_on_unseen(&self.unseen);
        self.misnamed.iter().map(named).chain(self.not_understood.iter().map(read)).chain(unseen).collect()
    }
}

/// What the reading verbs (`list`, `show`, `status`) read.
pub(crate) struct ReadView<'c> {
    /// The active tasks.
    pub(crate) tasks: Vec<Task>,
    /// The locks.
    pub(crate) locks: BTreeMap<TaskId, LockEntry>,
    /// What tells of the tasks besides their files.
    pub(crate) around: Surroundings<'c>,
    /// The files.
    pub(crate) index: Index,
    /// What of them is not understood.
    pub(crate) doubts: Doubts,
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

impl<'c> ReadView<'c> {
    /// Reads it all.
    pub(crate) fn load(context: &'c Context, ledger: &'c Ledger<'c>, freshness: Freshness) -> Result<(Self, View<'c>)> {
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
        let entries = kept_locks::entries(&view)?;
        if entries.iter().any(|lock| lock.is_lost) {
            let error = unreadable(LOCKS);
            (context.progress)(&format!("{error}: who holds a task is not known; git aitask doctor"));
        }
        let locks = entries.into_iter().map(|lock| (lock.task, lock)).collect();
        let worktrees = Worktrees::load(context)?;
        let around = Surroundings::new(context, index.active_ids()).with_worktrees(worktrees);
        let as_of = as_of(ledger);
        let doubts = Doubts::of(&index, &tasks, Leftover::unseen(context)?);
        Ok((Self { tasks, locks, around, index, doubts, as_of }, view))
    }

    /// The object of a task.
    pub(crate) fn describe(&self, task: &Task) -> TaskInfo {
        self.around.describe(task, self.locks.get(&task.id))
    }
}

/// Lists tasks. Uses the network only if the options ask for a fetch.
pub(crate) fn list(context: &Context, options: &ListOptions) -> Result<TaskList> {
    let ledger = context.reading_ledger();
    let (mut loaded, view) = ReadView::load(context, &ledger, options.freshness)?;
    let active = std::mem::take(&mut loaded.tasks);
    let board = ActiveTasks::new(&active);
    let mut bundled = BTreeMap::new();
    let archived = match options.among {
        TaskSet::Archived => {
            let mut archived = loaded.index.load_archived(&view)?;
            for (place, task) in loaded.index.load_bundled(&view)? {
                bundled.insert(task.path.to_string(), place);
                archived.push(task);
            }
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
    loaded.around.announce(chosen.iter().copied());
    let describe = |task: &Task| {
        let mut info = loaded.describe(task);
        if let Some(place) = bundled.remove(&info.path).filter(|_| !loaded.index.has(&info.path)) {
            info.path = place;
        }
        info
    };
    let tasks = chosen.into_iter().map(describe).collect();
    let duplicates = board.duplicates();
    Ok(TaskList { as_of: loaded.as_of, tasks, duplicates, doubts: loaded.doubts, shape: options.shape })
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
