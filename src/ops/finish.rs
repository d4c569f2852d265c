//! Finishing: merge, archive and unlock in one swap, then worktree and branch.

mod tidy;

use crate::archive::archiver::Filing;
use crate::archive::gates;
use crate::archive::published::load_shelf;
use crate::archive::request;
use crate::coordination::claim_record::Held;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session};
use crate::error::{Error, Kind, Payload, Result, quoted};
use crate::git::Freshness;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid};
use crate::landing::merge::{self, Merge, Mode};
use crate::landing::task_branch;
use crate::ledger::{Channel, Decision, Plan, View, nonce};
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, require_holder};
use crate::project::index::{Index, branches};
use crate::project::outcome::{Aside, TaskInfo};
use crate::task::{Document, Task, TaskId};
use crate::worktrees::branches;
use crate::worktrees::plan_branches::Planned;
use crate::worktrees::task_worktree::Place;
use serde::Serialize;

/// How to finish.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The branch to merge into.
    pub into: Option<String>,
    /// How to merge.
    pub mode: Option<Mode>,
    /// The message of the merge.
    pub message: Option<String>,
    /// The command that must pass on the merged tree.
    pub check: Option<String>,
    /// Leave the task where it is.
    pub no_archive: bool,
    /// Leave the merge to a pull request: push the task branch, keep lock and worktree.
    pub no_push: bool,
    /// Finish although gates have not passed.
    pub override_gates: bool,
}

/// The merge, as it landed.
#[derive(Debug, Clone, Serialize)]
pub struct Merged {
    /// The task branch.
    pub branch: Branch,
    /// The output branch.
    pub into: Branch,
    /// The commit of the output branch that has the work; `null` when it was left to a pull request.
    pub commit: Option<Oid>,
    /// How it was merged; `null` when somebody else had merged it already.
    pub mode: Option<Mode>,
}

/// A task finished.
#[derive(Debug, Clone, Serialize)]
pub struct Finished {
    /// The task.
    pub task: TaskInfo,
    /// The merge; absent when the task branch was gone already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// Where the archived files are.
    pub archived: Vec<String>,
    /// The lock is gone.
    pub unlocked: bool,
    /// The worktree is gone.
    pub worktree_removed: bool,
    /// The task branch is gone.
    pub branch_deleted: bool,
    /// The task branch was pushed for a pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Branch>,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// What a look at the view came to.
struct Done {
    task: Task,
    place: Place,
    tip: Option<Oid>,
    merge: Option<Merge>,
    /// The commit that proves that the work is in the output branch already.
    proof: Option<Oid>,
    output: Option<Oid>,
    archived: Vec<String>,
    unlocked: bool,
}

/// Finishes a task.
///
/// # Errors
/// [`Kind::NotHolder`], [`Kind::Dirty`], [`Kind::NoCommits`], [`Kind::Conflict`], [`Kind::CheckFailed`]: then nothing
/// has changed anywhere. [`Kind::Denied`] when the server protects the output branch: nothing has landed.
pub fn finish(context: &Context, wanted: &Wanted, options: &Options) -> Result<Finished> {
    if options.message.as_ref().is_some_and(|message| message.trim().is_empty()) {
        return Err(Error::new(Kind::Usage, "the message of the merge is empty"));
    }
    let mut into = match &options.into {
        Some(named) => Branch::parse(named)?,
        None => Planned::load(context, wanted.id)?.output(context, wanted.id)?,
    };
    let mut branch = own_branch(context, wanted)?;
    // Plan and name in the checkout may be old ones; those that count say where the work is, and where it goes.
    for _ in 0..5 {
        match finish_into(context, wanted, options, into, branch)? {
            Ok(finished) => return Ok(finished),
            Err(other) => (into, branch) = (other.into, other.branch),
        }
    }
    Err(Error::new(Kind::Contention, "the plan keeps changing").advice("run the same command again"))
}

/// The task branch by what this clone knows of the task; none, where it does not know it yet.
fn own_branch(context: &Context, wanted: &Wanted) -> Result<Option<Branch>> {
    let data = context.data_branch()?.clone();
    let ledger = context.ledger();
    let index = Index::load(&ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?, &data)?;
    index.require(wanted).ok().map(|path| Branch::parse(&path.name().branch_name())).transpose()
}

/// Where the work of a task is, and where it goes, if not as it was thought.
struct Instead {
    into: Branch,
    branch: Option<Branch>,
}

/// Finishes a task into a branch; the inner error is what counts instead.
fn finish_into(
    context: &Context,
    wanted: &Wanted,
    options: &Options,
    into: Branch,
    branch: Option<Branch>,
) -> Result<std::result::Result<Finished, Instead>> {
    let (locks, data) = branches(context)?;
    branches::require_code(context, &into)?;
    let mode = match (options.mode, &context.settings.merge) {
        (Some(mode), _) => mode,
        (None, Some(text)) => Mode::parse(text)?,
        (None, None) => Mode::Merge,
    };
    let mut all = vec![locks.clone(), data.clone()];
    all.extend((into != data).then(|| into.clone()));
    // Where there is no remote, nobody else has the task branch.
    all.extend(branch.clone().filter(|_| context.channel != Channel::Local));
    let (session, mark) = (context.session()?, nonce()?);
    let mut job = Finisher {
        context,
        options,
        wanted,
        session,
        mark: mark.clone(),
        locks,
        data,
        into,
        branch,
        mode,
        checked: None,
        instead: None,
        landing: None,
    };
    let ledger = context.ledger();
    // It may take long: not while others wait for us.
    let checked =
        if job.check().is_some() { job.decide(&ledger.view(&all, Freshness::Fetched)?).map(drop) } else { Ok(()) };
    let landed = checked.and_then(|()| ledger.transact(&mark, &all, |view| job.decide(view)));
    let landed = match (landed, job.instead.take()) {
        (Err(error), Some(other)) if error.kind() != Kind::Unknown => return Ok(Err(other)),
        (landed, _) => landed.map_err(|error| {
            if let Some(task) = job.landing {
                task_branch::end_landing(context, task, &mark, &error);
            }
            explain(error, &job.into, wanted)
        })?,
    };
    let mut aside = Aside::of(context, &landed);
    let merge_commit = landed.tip(&job.into).cloned();
    let done = landed.value;
    let commit = done.proof.clone().or(merge_commit);
    let merged = done.merge.as_ref().map(|merge| Merged {
        branch: done.place.branch.clone(),
        into: job.into.clone(),
        commit: commit.filter(|_| !options.no_push || *merge == Merge::Already),
        mode: (*merge != Merge::Already).then_some(mode),
    });
    let mut finished = Finished {
        task: TaskInfo::from(&done.task),
        merged,
        archived: done.archived.clone(),
        unlocked: done.unlocked,
        worktree_removed: false,
        branch_deleted: false,
        pushed: None,
        aside: Aside::default(),
    };
    if options.no_push {
        let pushed = done.tip.as_ref().filter(|_| !context.dry_run && context.channel != Channel::Local);
        if let Some(tip) = pushed {
            task_branch::remember_pushed(context, done.task.id, tip)?;
            finished.pushed = Some(done.place.branch.clone());
        }
    } else if context.dry_run {
        if done.place.record.is_some() {
            aside.would_run(format!("git worktree remove {}", quoted(&done.place.path)));
        }
        aside.would_run(format!("git branch -d {}", done.place.branch));
    } else {
        tidy::tidy(context, &done, &job.into, &mut finished)?;
    }
    aside.notes.append(&mut finished.aside.notes);
    finished.aside = aside;
    Ok(Ok(finished))
}

struct Finisher<'a> {
    context: &'a Context,
    options: &'a Options,
    wanted: &'a Wanted,
    session: Session,
    /// What marks our commits.
    mark: String,
    locks: Branch,
    data: Branch,
    into: Branch,
    /// The task branch that the view has, where one is known.
    branch: Option<Branch>,
    mode: Mode,
    /// What the check passed on already: a merged tree, or the tip that the output branch moves to.
    checked: Option<Oid>,
    /// What counts instead of what was taken for the place of the work and its output branch.
    instead: Option<Instead>,
    /// The task that a merge was begun of.
    landing: Option<TaskId>,
}

impl Finisher<'_> {
    fn check(&self) -> Option<&String> {
        self.options.check.as_ref().or(self.context.settings.check.as_ref())
    }

    fn decide(&mut self, view: &View<'_>) -> Result<Decision<Done>> {
        self.instead = None;
        task_branch::require_asked(self.context, view, self.branch.as_ref())?;
        let index = Index::load(view, &self.data)?;
        let path = index.require(self.wanted)?.clone();
        let document = index.load_document(view, path.as_str())?;
        let found = view.read(&[(&self.locks, LockEntry::path(path.id())), Locks::request(&self.locks)])?;
        let lock = found.lock(path.id())?;
        let locks = found.require_locks()?;
        let place = Place::find(self.context, path.name())?;
        if self.branch.as_ref() != Some(&place.branch) {
            return Err(self.instead(self.into.clone(), place.branch));
        }
        let mut done = Done {
            task: Task::from_document(path.clone(), &document),
            tip: place.tip(self.context)?,
            place,
            merge: None,
            proof: None,
            output: view.base(&self.into).cloned(),
            archived: vec![],
            unlocked: lock.is_some() && !self.options.no_push,
        };
        if done.tip.is_none() {
            task_branch::require_no_former_name(self.context, path.id(), &done.place.branch, done.output.as_ref())?;
        }
        if path.is_archived() {
            done.archived = vec![path.as_str().to_owned()];
            self.look_back(view, &mut done, lock.is_some())?;
            if lock.is_none() {
                return Ok(Decision::Nothing(done));
            }
        }
        require_holder(self.context, &self.session, path.id(), lock.as_ref())?;
        done.place.require_removable(self.context, Unsaved::Keep)?;
        let mut plan = Plan::new();
        if !path.is_archived() {
            if self.options.into.is_none() {
                let output = Planned::of(self.context, view, &index, &path)?.output(self.context, path.id())?;
                if output != self.into {
                    return Err(self.instead(output, done.place.branch));
                }
            }
            if !self.options.no_push && !self.options.override_gates {
                let again = command!["git aitask finish", path.id(), "--override-gates"];
                gates::require_passed(self.context, view, &path, &document, again)?;
            }
            plan = self.merge(view, plan, &mut done, &document)?;
        }
        if self.options.no_archive || self.options.no_push {
            // The task is not over, so it stays ours.
            done.unlocked = false;
        } else if path.is_archived() {
            plan = plan.step(&self.locks, crate::coordination::locks::unlock_step(path.id()));
        } else {
            let shelf = load_shelf(view, &index, &path, &document)?;
            let filing = Filing::of(&shelf, path.as_str(), path.id(), request::Request::default(), &Context::now())?;
            plan = filing.plan(plan, &self.data, &self.locks, &locks);
            done.archived.clone_from(&filing.targets);
        }
        let plan = plan.fenced(&self.locks, path.id());
        Ok(if plan.is_empty() { Decision::Nothing(done) } else { Decision::Swap(plan, done) })
    }

    /// Ends this look: another one, with other branches, follows.
    fn instead(&mut self, into: Branch, branch: Branch) -> Error {
        let message = format!("the work of this task is on {branch} and goes to {into}");
        self.instead = Some(Instead { into, branch: Some(branch) });
        Error::new(Kind::Contention, message)
    }

    /// The task is archived. Either a finish of ours was cut off after it landed, and only the lock or the tidying is left;
    /// or somebody else ended it, and then this clone's work may be in no branch but its own.
    fn look_back(&self, view: &View<'_>, done: &mut Done, is_held: bool) -> Result<()> {
        let (context, task) = (self.context, done.task.id);
        if let (Some(tip), Some(output)) = (&done.tip, &done.output) {
            done.proof = task_branch::proof(context, task, tip, output)?;
            done.merge = done.proof.as_ref().map(|_| Merge::Already);
        }
        if is_held {
            return Ok(());
        }
        let where_it_is = match (&done.tip, &done.proof) {
            (Some(_), Some(proof)) => format!("your commits are in {} ({})", self.into, proof.short()),
            (Some(tip), None) => {
                let (branch, show) = (&done.place.branch, done.place.path.display());
                format!("your commits are on {branch} ({}) in {show}, and not in {}", tip.short(), self.into)
            }
            (None, _) => "this clone has no branch of it".to_owned(),
        };
        if let Some(error) = displaced(context, view, task, &format!("{OVER}; {where_it_is}"))? {
            return Err(error);
        }
        if done.tip.is_some() && done.proof.is_none() {
            return Err(task_branch::over_without_it(context, view, &done.task.path, &where_it_is));
        }
        Ok(())
    }

    /// Adds the merge to the plan, once the check has passed on it.
    fn merge(&mut self, view: &View<'_>, plan: Plan, done: &mut Done, document: &Document) -> Result<Plan> {
        let branch = done.place.branch.clone();
        let Some(tip) = done.tip.as_ref() else {
            let landed = Held::load(&self.context.repository, done.task.id).is_some_and(|held| held.merged);
            return if landed { Ok(plan) } else { Err(task_branch::missing(&done.task, &branch)) };
        };
        branches::require_other_output(&self.into, &branch)?;
        let output = done.output.as_ref().ok_or_else(|| branches::no_output(self.context, &self.into))?;
        task_branch::require_commits(self.context, &done.task.path, tip, output, &done.place)?;
        task_branch::require_whole(self.context, view, done.task.id, &done.place, tip, output)?;
        let merge = merge::plan(self.context, self.mode, output, &self.into, tip, &branch)?;
        let seen = if let Merge::Tree(tree) = &merge { tree } else { tip }.clone();
        if let Some(command) = self.check()
            && merge != Merge::Already
            && self.checked.as_ref() != Some(&seen)
        {
            merge::check(self.context, command, output, &merge, tip)?;
            self.checked = Some(seen);
        }
        let subject = subject(&done.task, document, self.options, self.mode, &branch, &self.into);
        let plan = if !self.options.no_push {
            if merge != Merge::Already {
                self.landing = Some(done.task.id);
                task_branch::begin_landing(self.context, done.task.id, tip, &self.mark)?;
            }
            merge::add(plan, &self.into, &merge, self.mode, tip, &subject)
        } else if self.context.channel == Channel::Local || view.tip(&branch).published.as_ref() == Some(tip) {
            plan
        } else {
            task_branch::publish(self.context, view, plan, done.task.id, &branch, tip)?
        };
        if merge == Merge::Already {
            done.proof = task_branch::proof(self.context, done.task.id, tip, output)?.or_else(|| Some(output.clone()));
        }
        done.merge = Some(merge);
        Ok(plan)
    }
}

fn subject(task: &Task, document: &Document, options: &Options, mode: Mode, branch: &Branch, into: &Branch) -> String {
    let kind = document.scalar("issue_type").filter(|kind| !kind.is_empty()).unwrap_or("feature");
    match (&options.message, mode) {
        (Some(message), _) => message.clone(),
        (None, Mode::Squash) => format!("{}: {} ({})", crate::task::harmless(kind), task.title, task.id.t()),
        (None, _) => format!("Merge branch '{branch}' into {into}"),
    }
}

/// A protected output branch: nothing has landed, and there is another way.
fn explain(error: Error, into: &Branch, wanted: &Wanted) -> Error {
    if !error.is_denied_for(into.as_str()) {
        return error;
    }
    let message = format!("{error}; nothing has landed");
    Error::new(Kind::Denied, message)
        .hint(command!["git aitask finish", wanted.id, "--no-push"].note("pushes the task branch for a pull request"))
        .with(Payload::Protected { branch: into.to_string() })
}
