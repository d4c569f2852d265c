//! Finishing: merge, archive and unlock in one swap, then worktree and branch.

use super::context::{Context, Wanted};
use super::filing::Filing;
use super::holding::require_holder;
use super::index::{Index, branches};
use super::landing;
use super::merging::{self, Merge, Mode};
use super::outcome::{Aside, TaskInfo};
use super::place::{Place, tips};
use super::planned::Planned;
use crate::error::{Error, Kind, Result};
use crate::git::remote::{self, PushOptions, Pushed};
use crate::git::{Branch, Oid, RefName, RefUpdate, refs};
use crate::ledger::held::Held;
use crate::ledger::{Channel, Decision, LockEntry, Locks, Plan, Session, View, locks, nonce};
use crate::task::{Document, Task, TaskPath};
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
    // The plan in the checkout may be an old one; the one that counts says where the work goes.
    for _ in 0..5 {
        match finish_into(context, wanted, options, into)? {
            Ok(finished) => return Ok(finished),
            Err(other) => into = other,
        }
    }
    Err(Error::new(Kind::Contention, "the plan keeps changing").hint("run the same command again"))
}

/// Finishes a task into a branch; the inner error is the branch that its plan names instead.
fn finish_into(
    context: &Context,
    wanted: &Wanted,
    options: &Options,
    into: Branch,
) -> Result<std::result::Result<Finished, Branch>> {
    let (locks, data) = branches(context)?;
    landing::require_code(context, &into)?;
    let mode = match (options.mode, &context.settings.merge) {
        (Some(mode), _) => mode,
        (None, Some(text)) => Mode::parse(text)?,
        (None, None) => Mode::Merge,
    };
    let mut all = vec![locks.clone(), data.clone()];
    all.extend((into != data).then(|| into.clone()));
    let session = context.session()?;
    let mut job = Finisher { context, options, wanted, session, locks, data, into, mode, checked: None, instead: None };
    let ledger = context.ledger();
    // It may take long: not while others wait for us.
    let checked = if job.check().is_some() { job.decide(&ledger.view(&all, true)?).map(drop) } else { Ok(()) };
    let landed = checked.and_then(|()| ledger.transact(&nonce()?, &all, |view| job.decide(view)));
    let landed = match (landed, job.instead.take()) {
        (Err(_), Some(other)) => return Ok(Err(other)),
        (landed, _) => landed.map_err(|error| explain(error, &job.into, wanted))?,
    };
    let mut aside = Aside::of(context, &landed);
    let commit = landed.tip(&job.into).cloned().or_else(|| landed.value.output.clone());
    let done = landed.value;
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
        finished.pushed = push_task_branch(context, &done.place, done.tip.as_ref(), &mut aside)?;
    } else if context.dry_run {
        if done.place.record.is_some() {
            aside.would_run(format!("git worktree remove {}", done.place.path.display()));
        }
        aside.would_run(format!("git branch -d {}", done.place.branch));
    } else {
        tidy(context, &done, &job.into, &mut finished)?;
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
    locks: Branch,
    data: Branch,
    into: Branch,
    mode: Mode,
    /// What the check passed on already: a merged tree, or the tip that the output branch moves to.
    checked: Option<Oid>,
    /// Where the work goes by the plan, if not here.
    instead: Option<Branch>,
}

impl Finisher<'_> {
    fn check(&self) -> Option<&String> {
        self.options.check.as_ref().or(self.context.settings.check.as_ref())
    }

    fn decide(&mut self, view: &View<'_>) -> Result<Decision<Done>> {
        let index = Index::load(view, &self.data)?;
        let path = find(&index, self.wanted)?.clone();
        let document = index.load_document(view, path.as_str())?;
        let objects = view.objects(&[(&self.locks, LockEntry::path(path.id())), Locks::request(&self.locks)])?;
        let lock = locks::entry(path.id(), objects.first().and_then(Option::as_ref));
        let locks = Locks::of(objects.get(1).and_then(Option::as_ref))?;
        let place = Place::find(self.context, path.name())?;
        let mut done = Done {
            task: Task::from_document(path.clone(), &document),
            tip: place.tip(self.context)?,
            place,
            merge: None,
            output: view.base(&self.into).cloned(),
            archived: vec![],
            unlocked: lock.is_some() && !self.options.no_push,
        };
        if path.is_archived() {
            // A finish that was cut off after it landed: only the lock, or only the tidying, is left.
            done.archived = vec![path.as_str().to_owned()];
            if let (Some(tip), Some(output)) = (&done.tip, &done.output) {
                done.merge = merging::plan(self.context, Mode::Merge, output, &self.into, tip, &done.place.branch).ok();
            }
            if lock.is_none() {
                return Ok(Decision::Nothing(done));
            }
        }
        require_holder(self.context, &self.session, path.id(), lock.as_ref())?;
        done.place.require_removable(self.context, false)?;
        let mut plan = Plan::new();
        if !path.is_archived() {
            if self.options.into.is_none() {
                let output = Planned::of(self.context, view, &index, &path)?.output(self.context, path.id())?;
                if output != self.into {
                    let message = format!("the plan says {output}");
                    self.instead = Some(output);
                    return Err(Error::new(Kind::Contention, message));
                }
            }
            plan = self.merge(plan, &mut done, &document)?;
        }
        if self.options.no_push {
            return Ok(Decision::Nothing(done));
        }
        if path.is_archived() {
            plan = plan.step(&self.locks, super::drop::unlock_step(path.id()));
        } else if self.options.no_archive {
            // The task is not over, so it stays ours.
            done.unlocked = false;
        } else {
            let filing = Filing::of(view, &index, &path)?;
            plan = filing.plan(plan, &self.data, &self.locks, &locks);
            done.archived.clone_from(&filing.targets);
        }
        Ok(if plan.branches.is_empty() { Decision::Nothing(done) } else { Decision::Swap(plan, done) })
    }

    /// Adds the merge to the plan, once the check has passed on it.
    fn merge(&mut self, plan: Plan, done: &mut Done, document: &Document) -> Result<Plan> {
        let branch = done.place.branch.clone();
        let Some(tip) = done.tip.as_ref() else {
            let landed = Held::load(&self.context.repository, done.task.id).is_some_and(|held| held.merged);
            return if landed { Ok(plan) } else { Err(no_branch(&done.task, &branch)) };
        };
        landing::require_other_output(&self.into, &branch)?;
        let output = done.output.as_ref().ok_or_else(|| landing::no_output(self.context, &self.into))?;
        require_commits(self.context, &done.task.path, tip, output, &done.place)?;
        let merge = merging::plan(self.context, self.mode, output, &self.into, tip, &branch)?;
        let seen = if let Merge::Tree(tree) = &merge { tree } else { tip }.clone();
        if let Some(command) = self.check()
            && merge != Merge::Already
            && self.checked.as_ref() != Some(&seen)
        {
            merging::check(self.context, command, output, &merge, tip)?;
            self.checked = Some(seen);
        }
        let subject = subject(&done.task, document, self.options, self.mode, &branch, &self.into);
        let plan =
            if self.options.no_push { plan } else { merging::add(plan, &self.into, &merge, self.mode, tip, &subject) };
        done.merge = Some(merge);
        Ok(plan)
    }
}

/// The active task, else the archived one, whose finish may have been cut off.
fn find<'i>(index: &'i Index, wanted: &Wanted) -> Result<&'i TaskPath> {
    let ids = || std::iter::once(wanted.id).chain(wanted.or);
    match ids().find_map(|id| index.active(id)) {
        Some(_) => index.require_active(wanted),
        None => ids().find_map(|id| index.archived(id)).map_or_else(|| index.require_active(wanted), Ok),
    }
}

fn no_branch(task: &Task, branch: &Branch) -> Error {
    Error::new(Kind::NoCommits, format!("{} has no branch {branch} in this clone", task.id.t()))
        .hint(format!("git aitask archive {}   # if its work is done elsewhere", task.id))
        .hint(format!("git aitask pick {}   # to get a worktree", task.id))
}

/// An empty branch is not finished work. One whose commits are all in the output branch is, if it ever had any.
fn require_commits(context: &Context, path: &TaskPath, tip: &Oid, output: &Oid, place: &Place) -> Result<()> {
    let held = Held::load(&context.repository, path.id());
    let cut_from = held.and_then(|held| Oid::parse(&held.base_commit?));
    let empty = match cut_from {
        Some(start) => start == *tip,
        None => crate::git::merge::is_ancestor(&context.repository, tip, output)?,
    };
    if !empty {
        return Ok(());
    }
    let show = place.path.display();
    Err(Error::new(Kind::NoCommits, format!("{} has no commits of its own", place.branch))
        .hint(format!("cd {show} && git commit"))
        .hint(format!("git aitask drop {}", path.id()))
        .hint(format!("git aitask archive {}   # if there is nothing to merge", path.id())))
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
        .hint(format!("git aitask finish {} --no-push   # pushes the task branch for a pull request", wanted.id))
        .detail("branch", into.as_str())
}

/// Pushes the task branch and nothing else.
fn push_task_branch(context: &Context, place: &Place, tip: Option<&Oid>, aside: &mut Aside) -> Result<Option<Branch>> {
    let (Channel::Remote(name), Some(tip)) = (&context.channel, tip) else { return Ok(None) };
    let (_, old) = tips(context, &place.branch)?;
    let update = RefUpdate { name: place.branch.full(), old, new: Some(tip.clone()) };
    if update.old.as_ref() == Some(tip) {
        return Ok(Some(place.branch.clone()));
    }
    let options = PushOptions { atomic: false, hooks: true, dry_run: false, limit: context.settings.timeout };
    let updates = [update];
    if context.dry_run {
        aside.would_run(remote::push_call(&context.repository, name, &updates, options).line());
        return Ok(None);
    }
    match remote::push(&context.repository, name, &updates, options)? {
        Pushed::Answered(report) => match report.refs.iter().find(|pushed| !pushed.landed()) {
            None => Ok(Some(place.branch.clone())),
            Some(refused) => {
                let said = refused.reason.as_ref().unwrap_or(&refused.summary);
                Err(Error::new(
                    Kind::Denied,
                    format!("the server of {name} refused the push to {}: {said}", place.branch),
                ))
            }
        },
        Pushed::Unknown(error) | Pushed::NotSent(error) => Err(error),
        Pushed::NoAtomic => Err(Error::new(Kind::Bug, "one ref was refused for want of atomic pushes")),
    }
}

/// After the swap: worktree and branch go, the branch only since its commits are where they were to land.
fn tidy(context: &Context, done: &Done, into: &Branch, finished: &mut Finished) -> Result<()> {
    let (repository, place) = (&context.repository, &done.place);
    let Some(tip) = &done.tip else {
        finished.worktree_removed = place.remove(context, false)?.worktree;
        let stays = !done.unlocked && !done.task.path.is_archived();
        return if stays { Ok(()) } else { Held::forget(repository, done.task.id) };
    };
    let cut_off = done.task.path.is_archived();
    if cut_off && done.merge != Some(Merge::Already) {
        // Archived by somebody, but not with this work in it.
        finished.aside.notes.push(format!("{} has commits that are not in {into}; it is kept", place.branch));
        return Ok(());
    }
    let stays = !done.unlocked && !cut_off;
    if let (true, Some(held)) = (stays, Held::load(repository, done.task.id)) {
        // The task goes on being ours, and its branch is about to go.
        Held { merged: true, ..held }.save(repository, done.task.id)?;
    }
    let removed = place.remove(context, false)?;
    finished.worktree_removed = removed.worktree;
    let (local, tracking) = tips(context, into)?;
    let published = if context.channel == Channel::Local { local } else { tracking };
    let reachable = match &published {
        Some(output) => crate::git::merge::is_ancestor(repository, tip, output)?,
        None => false,
    };
    let keep = if reachable { None } else { squashed_name(context, &done.task, tip)? };
    let kept = place.delete_branch(context, &removed, tip, keep)?;
    finished.branch_deleted = kept.is_none();
    finished.aside.notes.extend(kept);
    if stays { Ok(()) } else { Held::forget(repository, done.task.id) }
}

/// Squashed: the content has landed, the commits have not. They keep a name of their own, and so do earlier ones.
fn squashed_name(context: &Context, task: &Task, tip: &Oid) -> Result<Option<RefName>> {
    let name = format!("refs/aitask/squashed/{}", task.name.as_str());
    let Some(first) = RefName::parse(&name) else { return Ok(None) };
    let taken = match refs::load(&context.repository, std::slice::from_ref(&first))?.get(&first) {
        Some(earlier) => !crate::git::merge::is_ancestor(&context.repository, earlier, tip)?,
        None => false,
    };
    Ok(if taken { RefName::parse(&format!("{name}-{}", tip.short())) } else { Some(first) })
}
