//! A task in an answer: one object, the same in every JSON document.
//!
//! Its file, the names of the active tasks and its lock are at hand in every operation. The worktree costs a process, and
//! two more where there is one, so an operation that shows a page does not look it up.

use crate::coordination::lock_record::LockRecord;
use crate::coordination::session::host_name;
use crate::coordination::{LockEntry, Locks, ReadLocks as _, Session};
use crate::error::Result;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Oid, RefName, merge, worktree};
use crate::landing::landed::{self, Landed};
use crate::ledger::{Found, Ledger};
use crate::project::context::Context;
use crate::project::holder::holds;
use crate::project::outcome::Holder;
use crate::project::repaired::Interruption;
use crate::project::worktree_recovery::RecoverableWorktree;
use crate::task::{
    ActiveTasks, BRANCH_PREFIX, Blocker, Level, Reference, Status, Task, TaskId, TaskName, WORKTREES_DIR,
};
use crate::worktrees::landed::counted_from;
use crate::worktrees::registry::{task_branch_of, task_of};
use serde::Serialize;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// A task. What does not apply to it is absent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TaskInfo {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its name.
    pub(crate) name: TaskName,
    /// Its title.
    pub(crate) title: String,
    /// Its status.
    pub(crate) status: Status,
    /// Its issue type.
    #[serde(rename = "type")]
    pub(crate) issue_type: String,
    /// Its priority.
    pub(crate) priority: Level,
    /// Its effort.
    pub(crate) effort: Level,
    /// Its labels.
    pub(crate) labels: Vec<String>,
    /// Its file, relative to the root of the task data; of a bundled one `BUNDLE:FILE`.
    pub(crate) path: String,
    /// Its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<TaskId>,
    /// Its open children.
    pub(crate) children: Vec<TaskId>,
    /// The tasks that it depends on.
    pub(crate) depends: Vec<Reference>,
    /// Those of them that are still open.
    pub(crate) blocked_by: Vec<Blocker>,
    /// The e-mail address of its assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assigned_to: Option<String>,
    /// Whether it is archived.
    pub(crate) archived: bool,
    /// Its lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<Holder>,
    /// Its worktree in this clone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worktree: Option<WorktreeState>,
    /// The name of its branch, whether there is one yet or not; absent once it is archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) branch: Option<Branch>,
    /// Whether the caller's session holds it.
    pub(crate) mine: bool,
    /// Its pull request, where this clone pushed its branch for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pull_request: Option<PullRequest>,
}

impl TaskInfo {
    /// Whether this session holds the task on this machine and it has no worktree in this clone: its pick may have been
    /// interrupted.
    pub(crate) fn lacks_worktree(&self, context: &Context) -> bool {
        let here = self.mine && self.lock.as_ref().is_some_and(Holder::is_here);
        here && self.status == Status::Implementing && self.worktree.is_none() && context.settings.worktree
    }
}

/// A plan.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PlanText {
    /// Its file.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl PlanText {
    /// That of a file which was read.
    pub(crate) fn of(found: &Found, data: &Branch, path: String) -> Option<Self> {
        let text = String::from_utf8_lossy(found.file(data, &path)?).into_owned();
        Some(Self { path, text })
    }
}

/// The state of a task's worktree.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorktreeState {
    /// Where it is.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) path: PathBuf,
    /// Whether it is the main worktree, which has the task branch checked out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) main: bool,
    /// The task branch.
    pub(crate) branch: Branch,
    /// What is checked out there in place of the task branch: `on feature/x`, or `on no branch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checked_out: Option<String>,
    /// The git operation that is in progress there: a rebase, a merge ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_progress: Option<&'static str>,
    /// Whether it has uncommitted work; `null` when it cannot be read.
    pub(crate) dirty: Option<bool>,
    /// Commits that the branch lacks from which it was cut, as that is published; `null` when they cannot be counted.
    pub(crate) ahead: Option<u32>,
    /// Commits of that branch that it lacks.
    pub(crate) behind: Option<u32>,
}

impl WorktreeState {
    /// The states of worktrees. A process each, several at the same time, and one for all of them that were cut from one
    /// branch; before git 2.41 one more each.
    pub(crate) fn load_all(context: &Context, wanted: &[(&WorktreeRecord, Branch)]) -> Vec<Self> {
        let mut refs: BTreeMap<Oid, Vec<RefName>> = BTreeMap::new();
        for (_, branch) in wanted {
            if let Some(base) = counted_from(context, branch) {
                refs.entry(base).or_default().push(branch.full());
            }
        }
        let shared = refs.iter().filter(|(_, refs)| refs.len() > 1);
        let shared = shared.map(|(base, refs)| (base, merge::counted_together(&context.repository, refs, base)));
        let shared: BTreeMap<_, _> = shared.collect();
        let load = |(record, branch): &(&WorktreeRecord, Branch)| {
            let state = Self::uncounted(context, record, branch);
            let (head, base) = (record.head.as_ref(), counted_from(context, branch));
            let counts = base.as_ref().and_then(|base| shared.get(base)?.get(head?));
            match counts {
                Some(counts) => Self { ahead: Some(counts.ahead), behind: Some(counts.behind), ..state },
                None => state.counted(context, head, base.as_ref()),
            }
        };
        // git status waits for the disk, and more of them than that would keep it from the others.
        let size = wanted.len().div_ceil(std::thread::available_parallelism().map_or(1, NonZero::get).clamp(1, 4));
        if wanted.len() <= size {
            return wanted.iter().map(load).collect();
        }
        std::thread::scope(|scope| {
            let load = &load;
            let parts = wanted.chunks(size).map(|part| scope.spawn(move || part.iter().map(load).collect::<Vec<_>>()));
            let parts: Vec<_> = parts.collect();
            let ended =
                parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            ended.flatten().collect()
        })
    }

    fn uncounted(context: &Context, record: &WorktreeRecord, branch: &Branch) -> Self {
        let cut_off = RecoverableWorktree::of(&context.repository, &record.path, branch).interruption();
        let there = !worktree::is_gone(record) && cut_off.is_none();
        let status = there.then(|| worktree::load_status(&context.repository, &record.path).ok()).flatten();
        let in_progress = cut_off.map(Interruption::name).or_else(|| worktree::in_progress(&record.path));
        let dirty = status.map(|status| status.is_dirty());
        let is_stray = task_branch_of(context, record).as_ref() != Some(branch)
            && worktree::branch_to_return_to(&record.path).is_none();
        let checked_out = is_stray.then(|| match &record.branch {
            Some(other) => format!("on {}", other.branch().map_or_else(|| other.to_string(), |it| it.to_string())),
            None => "on no branch".to_owned(),
        });
        let (path, branch) = (record.path.clone(), branch.clone());
        let main = path == context.repository.root;
        Self { path, main, branch, checked_out, in_progress, dirty, ahead: None, behind: None }
    }

    /// Where it is, for people: `aiwork/t1_x`, else its path.
    pub(crate) fn place(&self) -> String {
        let path = &self.path;
        let is_usual = path.parent().and_then(Path::file_name).is_some_and(|name| name == WORKTREES_DIR);
        match path.file_name().filter(|_| is_usual && !self.main) {
            Some(folder) => format!("{WORKTREES_DIR}/{}", folder.to_string_lossy()),
            None if self.main => format!("{}, the main checkout", path.display()),
            None => path.display().to_string(),
        }
    }

    /// The state of a worktree that was just made at this commit of the branch; in a dry run, that would be made. One
    /// process.
    pub(crate) fn made(
        context: &Context,
        path: &Path,
        branch: &Branch,
        head: Option<&Oid>,
        base: Option<&Oid>,
    ) -> Self {
        let (path, branch) = (path.to_owned(), branch.clone());
        let (checked_out, in_progress, dirty) = (None, None, Some(false));
        let made = Self { path, main: false, branch, checked_out, in_progress, dirty, ahead: None, behind: None };
        made.counted(context, head, base)
    }

    /// What there is to say of it and of what is checked out and in progress there: `, on no branch`.
    pub(crate) fn remark(&self) -> String {
        if !self.path.exists() {
            return ", whose folder is gone".to_owned();
        }
        let other = self.checked_out.as_ref().map_or_else(String::new, |other| format!(", {other}"));
        let busy = self.in_progress.map_or_else(String::new, |what| format!(", in the middle of {what}"));
        other + &busy
    }

    /// With the commits that this one and the base have beyond each other. One process.
    fn counted(self, context: &Context, head: Option<&Oid>, base: Option<&Oid>) -> Self {
        let counts = head.zip(base).and_then(|(head, base)| merge::counted(&context.repository, head, base));
        let (ahead, behind) = counts.map(|counts| (counts.ahead, counts.behind)).unzip();
        Self { ahead, behind, ..self }
    }
}

/// What became of a pull request, as far as this clone knows the output branch.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
        Some(Self::of(context, task, LockRecord::load(&context.repository, task)?.requested?))
    }

    /// That of a task whose branch is pushed for one at this tip.
    pub(crate) fn of(context: &Context, task: TaskId, tip: String) -> Self {
        let unknown = (Landed::Unknown, None);
        let looked = Oid::parse(&tip).map(|tip| landed::in_outputs(context, task, &tip));
        let (landed, into) = looked.transpose().ok().flatten().unwrap_or(unknown);
        let (state, [landed_at, taken_back_by]) = (landed.name(), landed.commits());
        Self { tip, into, state, landed_at, taken_back_by }
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

/// The worktrees of this clone.
#[derive(Debug)]
pub(crate) struct Worktrees {
    /// The registry.
    pub(crate) records: Vec<WorktreeRecord>,
    /// The places of the worktrees in that list, by their branches. To find the branch of a detached one takes reading
    /// files, so it is done once.
    places: BTreeMap<String, usize>,
    /// The same by the ids of their tasks: for a task whose file was renamed, and for a worktree in which no task branch is
    /// checked out.
    by_task: BTreeMap<TaskId, usize>,
    /// The states that were read.
    states: RefCell<BTreeMap<String, WorktreeState>>,
}

impl Worktrees {
    /// Reads git's registry. One process, where there is another worktree than the main one, or that is of a task.
    pub(crate) fn load(context: &Context) -> Result<Self> {
        let repository = &context.repository;
        let is_of_task =
            repository.root_branch.as_ref().is_none_or(|branch| branch.as_str().starts_with(BRANCH_PREFIX));
        let has_others =
            std::fs::read_dir(repository.common_dir.join("worktrees")).is_ok_and(|mut all| all.next().is_some());
        let records = if is_of_task || has_others { worktree::list(repository)? } else { Vec::new() };
        Ok(Self::new(context, records))
    }

    /// From git's registry.
    pub(crate) fn new(context: &Context, records: Vec<WorktreeRecord>) -> Self {
        let branches = records.iter().map(|record| task_branch_of(context, record));
        let places = branches.enumerate().rev().filter_map(|(at, branch)| Some((branch?.to_string(), at))).collect();
        let names = records.iter().map(|record| task_of(context, record));
        let by_task = names.enumerate().rev().filter_map(|(at, name)| Some((name?.id(), at))).collect();
        Self { records, places, by_task, states: RefCell::default() }
    }

    /// The worktree of a task.
    pub(crate) fn record_of(&self, name: &TaskName) -> Option<&WorktreeRecord> {
        // most tasks have none, and their names need not be spelled out where no task has one
        let of_task = *self.by_task.get(&name.id())?;
        self.records.get(*self.places.get(&name.branch_name()).unwrap_or(&of_task))
    }

    fn of(&self, context: &Context, name: &TaskName) -> Option<WorktreeState> {
        self.record_of(name)?;
        self.read(context, [name]);
        self.states.borrow().get(&name.branch_name()).cloned()
    }

    /// Reads the states of the worktrees of these tasks together.
    fn read<'t>(&self, context: &Context, tasks: impl IntoIterator<Item = &'t TaskName>) {
        let mut states = self.states.borrow_mut();
        let wanted = tasks.into_iter().filter_map(|name| {
            let record = self.record_of(name)?;
            let former = || task_branch_of(context, record).filter(|it| TaskName::from_branch(it.as_str()).is_some());
            let branch = former().or_else(|| Branch::parse(&name.branch_name()).ok())?;
            (!states.contains_key(&name.branch_name())).then_some((name.branch_name(), (record, branch)))
        });
        let (names, wanted): (Vec<_>, Vec<_>) = wanted.unzip();
        let read = WorktreeState::load_all(context, &wanted);
        states.extend(names.into_iter().zip(read));
    }
}

/// What tells of a task besides its file: the active tasks, the worktrees of this clone, and who asks. What is not needed
/// is not read.
#[derive(Debug)]
pub(crate) struct Surroundings<'c> {
    context: &'c Context,
    /// Whether worktrees and pull requests are looked up: for a document, and for a page that shows them.
    is_whole: bool,
    /// The active tasks, by their files' names.
    active: ActiveTasks<'static>,
    children: BTreeMap<TaskId, Vec<TaskId>>,
    worktrees: OnceCell<Option<Worktrees>>,
    session: OnceCell<Option<Session>>,
    host: OnceCell<String>,
}

impl<'c> Surroundings<'c> {
    /// For the answer of an operation, by the ids of the active tasks. Its page shows no more of a task than its file.
    pub(crate) fn new(context: &'c Context, active: impl IntoIterator<Item = TaskId>) -> Self {
        let active: Vec<_> = active.into_iter().collect();
        let mut children: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for id in &active {
            if let Some(parent) = id.parent() {
                children.entry(parent).or_default().push(*id);
            }
        }
        let (worktrees, session, host) = Default::default();
        let active = ActiveTasks::with_other_ids(&[], active);
        Self { context, is_whole: context.json, active, children, worktrees, session, host }
    }

    /// The same for an answer that shows the worktrees, too.
    pub(crate) fn with_worktrees(mut self, worktrees: Worktrees) -> Self {
        (self.is_whole, self.worktrees) = (true, OnceCell::from(Some(worktrees)));
        self
    }

    /// The same for an operation that knows the session of the caller.
    pub(crate) fn asked_by(mut self, session: &Session) -> Self {
        self.session = OnceCell::from(Some(session.clone()));
        self
    }

    /// The worktrees of this clone. One process, the first time.
    pub(crate) fn worktrees(&self) -> Option<&Worktrees> {
        self.worktrees.get_or_init(|| Worktrees::load(self.context).ok()).as_ref()
    }

    /// Reads the worktrees of tasks that will be described, together.
    pub(crate) fn announce<'t>(&self, tasks: impl IntoIterator<Item = &'t Task>) {
        if let Some(worktrees) = self.worktrees().filter(|_| self.is_whole) {
            worktrees.read(self.context, tasks.into_iter().map(Task::name));
        }
    }

    /// The session of the caller; `None` without an e-mail address.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.get_or_init(|| self.context.session().ok()).as_ref()
    }

    /// This machine's name. One process, unless the session has it.
    pub(crate) fn host(&self) -> &str {
        let found = || self.session().map(|session| session.host.clone());
        self.host.get_or_init(|| found().unwrap_or_else(|| host_name(&self.context.repository)))
    }

    /// The lock of a task as this clone knows it, for an operation that has no need of it. One process.
    pub(crate) fn known_lock(&self, task: TaskId) -> Option<LockEntry> {
        let locks = Ledger::locks_branch().ok().filter(|_| self.is_whole)?;
        let wanted = [(&locks, LockEntry::path(task)), Locks::request(&locks)];
        self.context.reading_ledger().read_known(&wanted).ok()?.lock(task).ok()?
    }

    /// The object of a task with this lock.
    pub(crate) fn describe(&self, task: &Task, lock: Option<&LockEntry>) -> TaskInfo {
        let worktrees = if self.is_whole { self.worktrees() } else { None };
        let worktree = worktrees.and_then(|worktrees| worktrees.of(self.context, task.name()));
        self.describe_at(task, lock, worktree)
    }

    /// The object of a task with this lock and this worktree.
    pub(crate) fn describe_at(
        &self,
        task: &Task,
        lock: Option<&LockEntry>,
        worktree: Option<WorktreeState>,
    ) -> TaskInfo {
        let context = self.context;
        let mut children = self.children.get(&task.id).cloned().unwrap_or_default();
        children.extend(&task.children);
        children.sort_unstable();
        children.dedup();
        let named = || Branch::parse(&task.name().branch_name()).ok().filter(|_| !task.path.is_archived());
        let is_mine = |lock| {
            let session = self.session().filter(|session| holds(context, session, lock));
            session.is_some_and(|session| {
                LockRecord::note_process_of_reader(&context.repository, session, lock);
                true
            })
        };
        // First, so that a session that was started again hears that it lives.
        let mine = lock.is_some_and(is_mine);
        TaskInfo {
            id: task.id,
            name: task.name().clone(),
            title: task.title.clone(),
            status: task.status.clone(),
            issue_type: task.issue_type.clone(),
            priority: task.priority,
            effort: task.effort,
            labels: task.labels.clone(),
            path: task.path.as_str().to_owned(),
            parent: task.id.parent(),
            children,
            depends: task.depends.clone(),
            blocked_by: self.active.blocked_by(task),
            assigned_to: task.assigned_to.clone(),
            archived: task.path.is_archived(),
            lock: lock.map(|lock| Holder::new(context, lock, self.host())),
            branch: worktree.as_ref().map(|worktree| worktree.branch.clone()).or_else(named),
            worktree,
            mine,
            pull_request: lock.filter(|_| self.is_whole).and_then(|_| PullRequest::load(context, task.id)),
        }
    }
}
