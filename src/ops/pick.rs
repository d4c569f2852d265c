//! Taking a task: lock, status and assignee in one swap, then its worktree.

use crate::coordination::claim_record::Held;
use crate::coordination::decide::Holding;
use crate::coordination::locks::lock_step;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session};
use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::objects::Edit;
use crate::git::{Branch, Oid};
use crate::ledger::plan::Step;
use crate::ledger::{Channel, Decision, Landed, Ledger, Plan, View, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::judge;
use crate::project::index::{Index, branches};
use crate::project::outcome::{Aside, Holder, TaskInfo, WorktreeInfo, excerpt};
use crate::task::{Board, Document, Status, Task, TaskId, TaskPath, edits};
use crate::worktrees::base::Base;
use crate::worktrees::plan_branches;
use crate::worktrees::task_worktree::Place;
use serde::Serialize;

/// What to take, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The tasks to try, in order; empty takes the best ready one.
    pub wanted: Vec<Wanted>,
    /// Whether to make a worktree; `None` asks the settings.
    pub worktree: Option<bool>,
    /// The branch to cut the task branch from.
    pub base: Option<String>,
    /// Take it over from whoever holds it.
    pub steal: bool,
    /// Take it although it waits for others.
    pub ignore_blocked: bool,
}

/// How the task came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Took {
    /// It was free.
    New,
    /// It was ours already: this session's, or a dead one's of the same person on this machine.
    Mine,
    /// It was taken over.
    Stolen,
}

/// A task taken.
#[derive(Debug, Clone, Serialize)]
pub struct Picked {
    /// The task.
    pub task: TaskInfo,
    /// Its lock.
    pub lock: Holder,
    /// Its worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeInfo>,
    /// How it came to be ours.
    pub took: Took,
    /// Who held it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Holder>,
    /// The first lines of its text.
    #[serde(skip)]
    pub excerpt: Vec<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// What a look at the view came to.
struct Taken {
    task: Task,
    path: TaskPath,
    lock: LockEntry,
    took: Took,
    previous: Option<LockEntry>,
    excerpt: Vec<String>,
}

/// Takes a task.
///
/// # Errors
/// [`Kind::Held`] with the holder and what to pick instead; [`Kind::NotClaimable`], [`Kind::Blocked`],
/// [`Kind::NoSuchTask`], [`Kind::NothingToPick`]; [`Kind::Occupied`] when there is no room for the worktree.
pub fn pick(context: &Context, options: &Options) -> Result<Picked> {
    let session = context.session()?;
    let (locks_branch, data) = branches(context)?;
    let wants_worktree = options.worktree.unwrap_or(context.settings.worktree);
    let base = wants_worktree.then(|| Base::find_for(context, options.base.as_deref(), &options.wanted)).transpose()?;
    let mut picker = Picker {
        context,
        options,
        session: &session,
        nonce: nonce()?,
        judged: None,
        place: None,
        base,
        planned: None,
        recorded: None,
    };
    let mark = picker.nonce.clone();
    let all = [locks_branch.clone(), data.clone()];
    let ledger = context.ledger();
    let outcome = ledger.transact(&mark, &all, |view| picker.decide(view, true));
    let mut notes = Vec::new();
    let landed = match outcome {
        Err(error) if error.is_denied_for(data.as_str()) => {
            notes.push(format!(
                "the server refuses pushes to {data} ({error}); the lock is taken, the status is committed here only. \
                 Cure: a branch of its own for the task data (git aitask init --data-branch)"
            ));
            picker.take_lock_alone(&ledger, &all).map_err(|error| picker.forget(error))?
        }
        Err(error) => return Err(picker.forget(error)),
        Ok(landed) => landed,
    };
    let mut aside = Aside::of(context, &landed);
    aside.notes = notes;
    let Landed { value: mut taken, blobs, .. } = landed;
    if let Some(token) = blobs.get(&LockEntry::path(taken.task.id)) {
        taken.lock.token = Some(token.clone());
    }
    let place = picker.place.take();
    let worktree = match (picker.planned.as_ref().or(picker.base.as_ref()), place) {
        (Some(base), Some(place)) if context.dry_run => {
            if place.record.is_none() {
                aside.would_run(place.add_command(context, base)?);
            }
            None
        }
        (Some(base), Some(place)) => {
            // The swap may have brought the base forward.
            let now = Base::find(context, Some(base.branch.as_str()))?;
            Some(place.ensure(context, &now)?)
        }
        _ => None,
    };
    aside.notes.extend(worktree.iter().flat_map(WorktreeInfo::notes));
    if !context.dry_run {
        remember(context, &taken.lock, worktree.as_ref())?;
    }
    Ok(Picked {
        task: TaskInfo::from(&taken.task),
        lock: Holder::new(context, &taken.lock, &session.host),
        worktree,
        took: taken.took,
        previous: taken.previous.as_ref().map(|lock| Holder::new(context, lock, &session.host)),
        excerpt: taken.excerpt,
        aside,
    })
}

/// Notes that the taking is complete, and where the branch was cut from.
fn remember(context: &Context, lock: &LockEntry, worktree: Option<&WorktreeInfo>) -> Result<()> {
    let Some(nonce) = lock.nonce.clone() else { return Ok(()) };
    let data = Some(context.data_branch()?.to_string());
    let mut held = Held { data, ..Held::taken(&context.repository, lock, nonce) };
    if let Some(worktree) = worktree
        && (worktree.created || held.base.is_none())
    {
        held.base = worktree.base.as_ref().map(ToString::to_string);
        held.base_commit = worktree.base_commit.as_ref().map(|(commit, _)| commit.to_string());
        held.merged &= !worktree.created;
    }
    held.save(&context.repository, lock.task)
}

struct Picker<'a> {
    context: &'a Context,
    options: &'a Options,
    session: &'a Session,
    nonce: String,
    /// The lock that a takeover was decided on.
    judged: Option<(TaskId, Option<Oid>)>,
    place: Option<Place>,
    base: Option<Base>,
    planned: Option<Base>,
    /// The task whose taking this clone has a record of.
    recorded: Option<TaskId>,
}

impl Picker<'_> {
    fn decide(&mut self, view: &View<'_>, with_status: bool) -> Result<Decision<Taken>> {
        let (locks_branch, data) = branches(self.context)?;
        let index = Index::load(view, &data)?;
        if self.options.wanted.is_empty() {
            // The same command again finishes the job: what it took when it was cut off comes first.
            for task in Held::cut_off(&self.context.repository) {
                let held = Held::load(&self.context.repository, task);
                let lock = view.lock(task)?;
                let is_ours = held.zip(lock.as_ref()).is_some_and(|(held, lock)| {
                    let nameless = [&lock.anchor, &self.session.anchor].iter().all(|anchor| anchor.number().is_none());
                    held.is_about(lock) && (nameless || lock.anchor.is_same(&self.session.anchor))
                });
                if let (true, Some(path)) = (is_ours, index.active(task).cloned()) {
                    let document = index.load_document(view, path.as_str())?;
                    return self.take((view, &index), &path, document, lock.as_ref(), with_status);
                }
            }
            let locks = view.require_locks()?;
            let best = ready(&index, view, &locks)?.into_iter().next().ok_or_else(nothing_to_pick)?.path;
            let document = index.load_document(view, best.as_str())?;
            return self.take((view, &index), &best, document, None, with_status);
        }
        let mut refusal = None;
        for wanted in &self.options.wanted {
            let path = match index.require_active(wanted) {
                Ok(path) => path.clone(),
                Err(error) => {
                    refusal.get_or_insert(error);
                    continue;
                }
            };
            let wants = [
                (&locks_branch, LockEntry::path(path.id())),
                Locks::request(&locks_branch),
                (&data, path.as_str().to_owned()),
            ];
            let found = view.read(&wants)?;
            found.require_locks()?;
            let document = Document::parse(found.file(&data, path.as_str()).unwrap_or_default());
            match self.take((view, &index), &path, document, found.lock(path.id())?.as_ref(), with_status) {
                Ok(decision) => return Ok(decision),
                Err(error) => drop(refusal.get_or_insert(error)),
            }
        }
        let refusal = refusal.unwrap_or_else(nothing_to_pick);
        // Only the refusal that counts is worth looking for something else.
        if refusal.kind() != Kind::Held || !view.fresh {
            return Err(refusal);
        }
        let locks = view.require_locks()?;
        let ready: Vec<_> = ready(&index, view, &locks)?.into_iter().take(3).collect();
        let error = ready
            .iter()
            .fold(refusal, |error, task| error.hint(command!["git aitask pick", task.id].note(as_note(&task.title))));
        // Last, since whoever types the first hint should take from nobody.
        let error = self.options.wanted.iter().take(1).fold(error, |error, wanted| {
            error.hint(command!["git aitask pick", wanted.id, "--steal"].note("take it over"))
        });
        let ready: Vec<_> = ready.iter().map(TaskInfo::from).collect();
        Err(error.with(Payload::Ready { ready: Payload::described(&ready) }))
    }

    fn take(
        &mut self,
        (view, index): (&View<'_>, &Index),
        path: &TaskPath,
        mut document: Document,
        lock: Option<&LockEntry>,
        with_status: bool,
    ) -> Result<Decision<Taken>> {
        let (locks_branch, data) = branches(self.context)?;
        let mut task = Task::from_document(path.clone(), &document);
        let holding = lock.map(|lock| judge(self.context, self.session, lock, &self.nonce));
        let took = match holding {
            None => Took::New,
            Some(Holding::Ours | Holding::OursDead) => Took::Mine,
            Some(Holding::Other) => Took::Stolen,
        };
        self.require_claimable(index, &task, took)?;
        if let (Some(lock), Took::Stolen) = (lock, took) {
            self.require_stealable(&task, lock)?;
        }
        if self.base.is_some() {
            self.planned = plan_branches::base(self.context, (view, index), path, self.options.base.as_deref())?;
            let place = Place::find(self.context, path.name())?;
            place.require_free(self.context)?;
            self.place = Some(place);
        }
        let now = Context::now();
        let keep = holding == Some(Holding::Ours);
        let entry = match lock {
            Some(lock) if keep => lock.clone(),
            _ => LockEntry::taken(task.id, self.session, &now, Some(&self.nonce)),
        };
        let started = task.status == Status::Implementing && task.assigned_to.as_ref() == Some(&self.session.email);
        let mut plan = Plan::new();
        if !keep {
            plan = plan.step(&locks_branch, lock_step(&entry));
        }
        if with_status && !started {
            edits::start(&mut document, &self.session.email, &now)?;
            task = Task::from_document(path.clone(), &document);
            plan = plan.step(&data, start_step(path, &document));
        }
        let excerpt = excerpt(&document);
        let previous = lock.filter(|_| took == Took::Stolen || holding == Some(Holding::OursDead)).cloned();
        let taken = Taken { task, path: path.clone(), lock: entry, took, previous, excerpt };
        if plan.is_empty() {
            return Ok(Decision::Nothing(taken));
        }
        if !keep && !self.context.dry_run {
            let (repository, id) = (&self.context.repository, taken.task.id);
            self.recorded = Some(id);
            let held = Held::begin(repository, id, self.nonce.clone(), lock);
            Held { data: Some(data.to_string()), ..held }.save(repository, id)?;
        }
        let id = taken.task.id;
        Ok(Decision::Swap(plan.fenced(&locks_branch, id), taken))
    }

    fn require_claimable(&self, index: &Index, task: &Task, took: Took) -> Result<()> {
        let id = task.id;
        let refuse = |kind: Kind, why: String, hint: Hint| Err(Error::new(kind, why).hint(hint));
        if task.status.is_closed() {
            let into = task.folded_into.as_ref().map_or_else(String::new, |into| format!(" into {into}"));
            let why = format!("{} is {}{into}", id.t(), task.status);
            return refuse(Kind::NotClaimable, why, command!["git aitask show", id]);
        }
        let mut children: Vec<_> = index.children_of(id).chain(task.children.iter().copied()).collect();
        children.sort_unstable();
        children.dedup();
        if let Some(first) = children.first() {
            let names: Vec<_> = children.iter().map(|id| id.t()).collect();
            let why = format!("{} has open children, which are the work: {}", id.t(), names.join(", "));
            return refuse(Kind::NotClaimable, why, command!["git aitask pick", first]);
        }
        let blockers = index.blocked_by(task);
        if took != Took::Mine && !blockers.is_empty() && !self.options.ignore_blocked {
            let names: Vec<_> = blockers.iter().map(ToString::to_string).collect();
            let why = format!("{} waits for {}", id.t(), names.join(", "));
            return refuse(Kind::Blocked, why, command!["git aitask pick", id, "--ignore-blocked"]);
        }
        Ok(())
    }

    /// A takeover is bound to the lock it was decided on: if that changed meanwhile, it is refused.
    fn require_stealable(&mut self, task: &Task, lock: &LockEntry) -> Result<()> {
        let holder = Holder::new(self.context, lock, &self.session.host);
        let judged = (task.id, lock.token.clone());
        let changed = self.judged.as_ref().is_some_and(|before| before.0 == task.id && *before != judged);
        if self.options.steal && !changed {
            self.judged = Some(judged);
            return Ok(());
        }
        let id = task.id;
        let why = if changed { "changed hands meanwhile: it is" } else { "is" };
        Err(Error::new(Kind::Held, format!("{} {why} {}", id.t(), holder.sentence()))
            .with(Payload::Held { holder: Payload::described(&holder) }))
    }

    /// On a server that refuses the branch of the task data: the lock is published, the status is committed here.
    fn take_lock_alone(&mut self, ledger: &Ledger<'_>, all: &[Branch]) -> Result<Landed<Taken>> {
        let mark = self.nonce.clone();
        let landed = ledger.transact(&mark, all, |view| self.decide(view, false))?;
        let here = Ledger { channel: Channel::Local, ..self.context.ledger() };
        let data = self.context.data_branch()?.clone();
        let (path, email) = (landed.value.path.clone(), self.session.email.clone());
        let committed = here.transact(&mark, std::slice::from_ref(&data), |view| {
            let index = Index::load(view, &data)?;
            let mut document = index.load_document(view, path.as_str())?;
            edits::start(&mut document, &email, &Context::now())?;
            Ok(Decision::Swap(Plan::new().step(&data, start_step(&path, &document)), ()))
        });
        let committed = committed.map(drop);
        // The lock is what keeps others away; a status that cannot be committed here must not lose it.
        if let Err(error) = committed {
            (self.context.narrate)(&format!("the status could not be committed here: {error}"));
        }
        Ok(landed)
    }

    /// A taking that failed leaves no record of itself; one that may have landed keeps it, to be found again.
    fn forget(&self, error: Error) -> Error {
        if let (Some(task), true) = (self.recorded, error.kind() != Kind::Unknown) {
            Held::forget_attempt(&self.context.repository, task, &self.nonce);
        }
        error
    }
}

fn start_step(path: &TaskPath, document: &Document) -> Step {
    let edit = Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() };
    Step::edit(format!("ait: Start work on {}: set status to Implementing", path.id().t()), vec![edit])
}

/// A title behind the `#` of a hint: some shells take no comments on a command line, so nothing in it may mean anything.
fn as_note(title: &str) -> String {
    title.chars().map(|c| if c.is_alphanumeric() || " .,:-_/".contains(c) { c } else { ' ' }).collect()
}

/// The ready tasks that nobody holds, best first.
pub(crate) fn ready(index: &Index, view: &View<'_>, locks: &Locks) -> Result<Vec<Task>> {
    let tasks = index.load_active(view)?;
    let board = Board::new(&tasks);
    let twice = board.duplicates();
    // Git takes no branch by some names that a file may have.
    let has_branch = |task: &Task| Branch::parse(&task.name.branch_name()).is_ok();
    let free = |task: &&Task| !locks.is_held(task.id) && !twice.contains(&task.id) && has_branch(task);
    Ok(board.ready().into_iter().filter(free).cloned().collect())
}

fn nothing_to_pick() -> Error {
    Error::new(Kind::NothingToPick, "no task is ready that nobody holds")
        .hint("git aitask status")
        .hint("git aitask list")
}
