//! Finishing: merge, archive and unlock in one swap, then worktree and branch.

use super::archive::Filing;
use super::context::{Context, Wanted};
use super::holding::require_holder;
use super::index::{Index, branches};
use super::merging::{self, Merge, Mode};
use super::outcome::{Aside, TaskInfo};
use super::place::{Place, tips};
use crate::error::{Error, Kind, Result};
use crate::git::remote::{self, PushOptions, Pushed};
use crate::git::{Branch, Oid, RefName, RefUpdate};
use crate::ledger::held::Held;
use crate::ledger::{Channel, Decision, LockEntry, Locks, Plan, locks, nonce};
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
    let session = context.session()?;
    let (locks_branch, data) = branches(context)?;
    let into = output_branch(context, wanted, options)?;
    let mode = match (options.mode, &context.settings.merge) {
        (Some(mode), _) => mode,
        (None, Some(text)) => Mode::parse(text)?,
        (None, None) => Mode::Merge,
    };
    let mut all = vec![locks_branch.clone(), data.clone()];
    if into != data {
        all.push(into.clone());
    }
    let mut place = None;
    let mut checked = None;
    let outcome = context.ledger().transact(&nonce()?, &all, |view| {
        let index = Index::load(view, &data)?;
        let path = find(&index, wanted)?.clone();
        let document = index.load_document(view, path.as_str())?;
        let task = Task::from_document(path.clone(), &document);
        let wants = [(&locks_branch, LockEntry::path(path.id())), Locks::request(&locks_branch)];
        let objects = view.objects(&wants)?;
        let lock = locks::entry(path.id(), objects.first().and_then(Option::as_ref));
        let locks = Locks::of(objects.get(1).and_then(Option::as_ref))?;
        let found = Place::find(context, path.name())?;
        let tip = found.tip(context)?;
        let output = view.base(&into).cloned();
        let mut done =
            Done { task, tip: tip.clone(), merge: None, output: output.clone(), archived: vec![], unlocked: false };
        if path.is_archived() && lock.is_none() {
            // A finish that was cut off after it landed: only the tidying is left.
            done.archived = vec![path.as_str().to_owned()];
            if let (Some(tip), Some(output)) = (&tip, &output) {
                done.merge = merging::plan(context, Mode::Merge, output, &into, tip, &found.branch).ok();
            }
            place = Some(found);
            return Ok(Decision::Nothing(done));
        }
        require_holder(context, &session, path.id(), lock.as_ref())?;
        found.require_clean(context)?;
        let mut plan = Plan::new();
        if let (false, Some(tip)) = (path.is_archived(), &tip) {
            let output = output.as_ref().ok_or_else(|| no_output(&into))?;
            require_commits(context, &path, tip, output, &found)?;
            let merge = merging::plan(context, mode, output, &into, tip, &found.branch)?;
            if let Some(command) = options.check.as_ref().or(context.settings.check.as_ref())
                && merge != Merge::Already
                && checked.as_ref() != Some(&(output.clone(), tip.clone()))
            {
                merging::check(context, command, output, &merge, tip)?;
                checked = Some((output.clone(), tip.clone()));
            }
            if !options.no_push {
                let subject = subject(&done.task, &document, options, mode, &found.branch, &into);
                plan = merging::add(plan, &into, &merge, mode, tip, &subject);
            }
            done.merge = Some(merge);
        } else if !path.is_archived() {
            return Err(no_branch(&done.task, &found.branch));
        }
        place = Some(found);
        if options.no_push {
            return Ok(Decision::Nothing(done));
        }
        if path.is_archived() || options.no_archive {
            plan = plan.step(&locks_branch, super::drop::unlock_step(path.id()));
        } else {
            let filing = Filing::of(view, &index, &path)?;
            plan = filing.plan(plan, &data, &locks_branch, &locks);
            done.archived.clone_from(&filing.targets);
        }
        done.unlocked = lock.is_some();
        Ok(Decision::Swap(plan, done))
    });
    let landed = outcome.map_err(|error| explain(error, &into, wanted))?;
    let place = place.ok_or_else(|| Error::new(Kind::Bug, "a task was finished without looking for its worktree"))?;
    let commit = landed.tip(&into).or(landed.value.output.as_ref()).cloned();
    let mut aside = Aside::of(context, &landed);
    let done = landed.value;
    let merged = done.merge.as_ref().map(|merge| Merged {
        branch: place.branch.clone(),
        into: into.clone(),
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
        finished.pushed = push_task_branch(context, &place, done.tip.as_ref(), &mut aside)?;
    } else if context.dry_run {
        if place.record.is_some() {
            aside.would_run(format!("git worktree remove {}", place.path.display()));
        }
        aside.would_run(format!("git branch -d {}", place.branch));
    } else {
        tidy(context, &place, &done, &into, &mut finished)?;
    }
    aside.notes.append(&mut finished.aside.notes);
    finished.aside = aside;
    Ok(finished)
}

/// The active task, else the archived one, whose finish may have been cut off.
fn find<'i>(index: &'i Index, wanted: &Wanted) -> Result<&'i TaskPath> {
    let ids = || std::iter::once(wanted.id).chain(wanted.or);
    match ids().find_map(|id| index.active(id)) {
        Some(_) => index.require_active(wanted),
        None => ids().find_map(|id| index.archived(id)).map_or_else(|| index.require_active(wanted), Ok),
    }
}

/// Where the work goes: `--into`, `aitask.output`, the branch the task branch was cut from, the main worktree's branch.
fn output_branch(context: &Context, wanted: &Wanted, options: &Options) -> Result<Branch> {
    let named = options.into.as_deref().or(context.settings.output.as_deref());
    let cut_from = Held::load(&context.repository, wanted.id).and_then(|held| held.base);
    match named.or(cut_from.as_deref()).or(context.settings.base.as_deref()) {
        Some(name) => Branch::parse(name),
        None => context.repository.root_branch.clone().ok_or_else(|| {
            Error::new(Kind::DetachedHead, "the main worktree is on no branch, so there is none to merge into")
                .hint("git aitask finish --into main")
        }),
    }
}

fn no_output(into: &Branch) -> Error {
    Error::new(Kind::Usage, format!("there is no branch {into} to merge into")).hint("git branch -a")
}

fn no_branch(task: &Task, branch: &Branch) -> Error {
    Error::new(Kind::NoCommits, format!("{} has no branch {branch} in this clone", task.id.t()))
        .hint(format!("git aitask archive {}   (if its work is done elsewhere)", task.id))
        .hint(format!("git aitask pick {}   (to get a worktree)", task.id))
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
        .hint(format!("git aitask archive {}   (if there is nothing to merge)", path.id())))
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
    let branch = error.details().get("branch").and_then(|branch| branch.as_str());
    if error.kind() != Kind::Denied || branch != Some(into.as_str()) {
        return error;
    }
    let message = format!("{error}; nothing has landed");
    Error::new(Kind::Denied, message)
        .hint(format!("git aitask finish {} --no-push   (pushes the task branch for a pull request)", wanted.id))
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
    let options = PushOptions { atomic: false, hooks: true, limit: context.settings.timeout };
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
fn tidy(context: &Context, place: &Place, done: &Done, into: &Branch, finished: &mut Finished) -> Result<()> {
    let repository = &context.repository;
    let Some(tip) = &done.tip else {
        finished.worktree_removed = place.remove(context, false)?;
        return Held::forget(repository, done.task.id);
    };
    let cut_off = done.task.path.is_archived();
    if cut_off && done.merge != Some(Merge::Already) {
        // Archived by somebody, but not with this work in it.
        finished.aside.notes.push(format!("{} has commits that are not in {into}; it is kept", place.branch));
        return Ok(());
    }
    finished.worktree_removed = place.remove(context, false)?;
    let (local, tracking) = tips(context, into)?;
    let published = if context.channel == Channel::Local { local } else { tracking };
    let reachable = match &published {
        Some(output) => crate::git::merge::is_ancestor(repository, tip, output)?,
        None => false,
    };
    // Squashed: the content has landed, the commits have not. They keep a name of their own.
    let name = format!("refs/aitask/squashed/{}", done.task.name.as_str());
    let keep = if reachable { None } else { RefName::parse(&name) };
    finished.branch_deleted = place.delete_branch(context, tip, keep)?;
    Held::forget(repository, done.task.id)
}
