//! Finishing a task: merge, archive and unlock in one swap, then its worktree and branch are removed.
//!
//! Why the order is safe. Everything that can refuse comes before the swap: holder, uncommitted work, gates, conflict,
//! check, and the user's rules on commits. The record of the merge is written right before the push: a command that is
//! killed after it finds, by the nonce in that record, that the work has landed, and does not merge twice. The worktree
//! and the branch are removed last, when the output branch has the work; killed before that, the same command finds the
//! task archived and only removes them. Cleaning up first could lose the only copy of the work when the push fails.

mod checks;
mod clean_up;
mod decide;
mod explain;
mod outcome;
mod rules;

pub(crate) use outcome::{FinishOptions, Finished, LandedMerge};

use crate::archive::carry_over::CarryOver;
use crate::archive::gates;
use crate::archive::published::load_task_store;
use crate::archive::task_store::TaskStore;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session};
use crate::error::{Error, Kind, Result};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Freshness, Oid, RefUpdate, merge as git_merge, refs};
use crate::landing::former;
use crate::landing::landed::{self, Landed};
use crate::landing::line;
use crate::landing::merge::{self, Merge, MergeMode};
use crate::landing::origin::{self, Origin};
use crate::landing::own_files::{self, OwnFiles};
use crate::landing::parent;
use crate::landing::task_branch;
use crate::ledger::{Channel, Company, Decision, Ledger, Train, View, nonce};
use crate::ops::finish::checks::Checking;
use crate::ops::finish::decide::{FinishDecision, FinishRequest, FinishView, TaskWork, VERB, decide};
use crate::ops::finish::explain::explain;
use crate::ops::finish::rules::CommitRules;
use crate::project::context::{Context, Wanted};
use crate::project::holder::{OVER, displaced, is_left_by_the_dead, require_holder};
use crate::project::index::{Branches, Index, branches};
use crate::report;
use crate::task::{PlanPath, Task, TaskId, TaskName, TaskPath};
use crate::worktrees::branches::{self, Successor, successor};
use crate::worktrees::former_name;
use crate::worktrees::plan_branches::PlannedBranches;
use crate::worktrees::task_worktree::TaskWorktree;

/// The published decision, with the worktree of its task.
struct FinishOutcome {
    finishing: FinishDecision,
    place: TaskWorktree,
    /// The lock before.
    lock: Option<LockEntry>,
    /// The active tasks before.
    active: Vec<TaskId>,
    /// Those of them that nobody held.
    free: Vec<TaskId>,
}

/// The task branch and its output, and what the user's rules made of the merge commit so far.
#[derive(Debug, Clone)]
struct FinishBranches {
    into: Branch,
    /// The task branch, where one is known.
    branch: Option<Branch>,
    /// The output that was chosen and is gone from the remote, where `into` is the default branch that continues it.
    gone: Option<Branch>,
    rules: CommitRules,
}

/// Finishes a task.
///
/// # Errors
/// [`Kind::NotHolder`], [`Kind::Dirty`], [`Kind::NoCommits`], [`Kind::Conflict`], [`Kind::CheckFailed`]: then nothing
/// has changed anywhere. [`Kind::Denied`] when the server protects the output branch: nothing has landed.
pub(crate) fn finish(context: &Context, wanted: &Wanted, options: &FinishOptions) -> Result<Finished> {
    if options.message.as_ref().is_some_and(|message| message.trim().is_empty()) {
        return Err(Error::new(Kind::Usage, "the message of the merge is empty"));
    }
    let into = match &options.into {
        Some(named) => Branch::parse(named)?,
        None => PlannedBranches::load(context, wanted.id)?.output(context, wanted.id, None)?,
    };
    let mut expected =
        FinishBranches { into, branch: own_branch(context, wanted)?, gone: None, rules: CommitRules::default() };
    // The checkout may have an old plan or an old name of the task. The view says which branches count; each round uses
    // those of the one before. Every further round needs a change of the plan in that moment, so five are only a bound.
    for _ in 0..5 {
        if let Some(finished) = finish_with_branches(context, wanted, options, &mut expected)? {
            return Ok(finished);
        }
    }
    Err(Error::new(Kind::Contention, "the plan of the task changed during every attempt")
        .advice("run the same command again"))
}

/// The task branch by the name of the task that this clone knows; none, where it does not know the task yet.
fn own_branch(context: &Context, wanted: &Wanted) -> Result<Option<Branch>> {
    let data = context.data_branch()?.clone();
    let ledger = context.ledger();
    let index = Index::load(&ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?, &data)?;
    index.require(wanted).ok().map(|path| Branch::parse(&path.name().branch_name())).transpose()
}

/// Finishes a task with these branches; `None` where the view names other ones, which are then in `expected`.
fn finish_with_branches(
    context: &Context,
    wanted: &Wanted,
    options: &FinishOptions,
    expected: &mut FinishBranches,
) -> Result<Option<Finished>> {
    let Branches { locks, data } = branches(context)?;
    let FinishBranches { into, branch, gone, rules } = expected.clone();
    branches::require_code(context, &into)?;
    let mode = match (options.mode, &context.settings.merge) {
        (Some(mode), _) => mode,
        (None, Some(text)) => MergeMode::parse(text)?,
        (None, None) => MergeMode::Merge,
    };
    let mut all = vec![locks.clone(), data.clone()];
    all.extend((into != data).then(|| into.clone()));
    let ids = Ledger::ids_branch()?;
    all.extend(options.carries_over().then(|| ids.clone()));
    // Without a remote, no other clone has the task branch.
    all.extend(branch.clone().filter(|_| context.channel != Channel::Local));
    let (session, mark, now) = (context.session()?, nonce()?, Context::now());
    let request = FinishRequest {
        options,
        mode,
        into: &into,
        locks: &locks,
        data: &data,
        ids: &ids,
        now: &now,
        keeps_published: false,
    };
    let checking = Checking::new(&options.check, &context.settings.checks);
    let train = Train::new(line::listens);
    let (own, other_branches, landing, claimed, removes, lock, active, free) = Default::default();
    let mut job = FinishOperation {
        context,
        wanted,
        request,
        session,
        mark: mark.clone(),
        branch,
        gone,
        checking,
        train: &train,
        own,
        other_branches,
        landing,
        claimed,
        removes,
        rules,
        lock,
        active,
        free,
    };
    let ledger = Ledger { company: Company::Train(&train), ..context.ledger() };
    let mut landed = job.land(&ledger, &all, true);
    let refusal = landed
        .as_ref()
        .err()
        .filter(|error| job.removes.as_ref().is_some_and(|branch| error.is_denied_for(branch.as_str())));
    let refusal = refusal.map(ToString::to_string);
    if refusal.is_some() {
        // Whether the server refuses more than the removal shows without it.
        job.request.keeps_published = true;
        landed = job.land(&ledger, &all, false);
    }
    job.checking.leave_line();
    let mut landed = match (landed, job.other_branches.take()) {
        (Err(error), Some(other)) if error.kind() != Kind::Unknown => {
            *expected = FinishBranches { rules: job.rules, ..other };
            return Ok(None);
        }
        (landed, _) => landed.map_err(|error| {
            if let Some(task) = job.landing {
                task_branch::end_landing(context, task, &mark, &error);
            }
            explain(error, &request, wanted, context.channel.remote().zip(job.branch.as_ref()))
        })?,
    };
    // Not before: a refusal is a document on standard error, too.
    report::pass_on(&job.checking.said);
    // Others come when the worktree is gone, too; but not only after a command of the user, which may take long.
    let _queue = landed.queue.take().filter(|_| context.settings.worktree_teardown.is_empty());
    let mut finished = clean_up::finish_locally(context, &request, &job.session, landed, refusal)?;
    finished.aside.notes.extend(job.gone.map(|gone| branches::followed(&gone, &into)));
    finished.tell_checks(job.checking.told);
    Ok(Some(finished))
}

struct FinishOperation<'a> {
    context: &'a Context,
    wanted: &'a Wanted,
    request: FinishRequest<'a>,
    session: Session,
    /// The nonce of our commits.
    mark: String,
    /// The task branch that the view includes, where one is known.
    branch: Option<Branch>,
    /// The output that is gone from the remote, in whose place this attempt has the default branch.
    gone: Option<Branch>,
    /// The checks on the merged tree.
    checking: Checking,
    /// Those with whom it lands in one swap.
    train: &'a Train,
    /// The files of the task, and whether the task branch renames them.
    own: (Vec<String>, bool),
    /// The branches that the view names, where they differ from those of this attempt.
    other_branches: Option<FinishBranches>,
    /// The task whose merge was recorded.
    landing: Option<TaskId>,
    /// The published task branch that the plan removes.
    removes: Option<Branch>,
    /// The number that the last attempt claimed for a task that takes over deferred items.
    claimed: Option<u64>,
    /// What the user's rules made of the merge commit.
    rules: CommitRules,
    /// The lock that the last attempt found.
    lock: Option<LockEntry>,
    /// The active tasks that it found.
    active: Vec<TaskId>,
    /// Those of them that nobody holds.
    free: Vec<TaskId>,
}

impl FinishOperation<'_> {
    fn attempt(&mut self, view: &View<'_>) -> Result<Decision<FinishOutcome>> {
        let (context, into) = (self.context, self.request.into);
        self.other_branches = None;
        let (seen, place) = self.gather(view)?;
        let mut finishing = decide(seen, &self.request)?;
        self.require_checked(view, &finishing)?;
        if let (false, Some(output)) = (context.dry_run, view.base(into)) {
            self.rules.apply(context, &place, finishing.task.id, &mut finishing.plan, (into, output, &self.mark))?;
        }
        self.note(view, &finishing, &place.branch)?;
        self.removes = finishing.unpublished.then(|| place.branch.clone());
        let mut plan = std::mem::take(&mut finishing.plan);
        if !context.dry_run {
            plan.with = self.checking.with();
        }
        let (lock, active, free) = (self.lock.clone(), self.active.clone(), self.free.clone());
        let done = FinishOutcome { finishing, place, lock, active, free };
        Ok(if plan.is_empty() { Decision::NoChange(done) } else { Decision::Publish(plan, done) })
    }

    /// Reads the task and its worktree. After the first refusal nothing more is read.
    fn gather(&mut self, view: &View<'_>) -> Result<(FinishView, TaskWorktree)> {
        let (context, FinishRequest { options, into, locks, data, .. }) = (self.context, self.request);
        task_branch::require_remote_known(context, view, self.branch.as_ref())?;
        let index = Index::load(view, data)?;
        let path = index.require(self.wanted)?.clone();
        let (document, id) = (index.load_document(view, path.as_str())?, path.id());
        let parent = id.parent().map(|parent| (locks, LockEntry::path(parent)));
        let wants: Vec<_> = [(locks, LockEntry::path(id)), Locks::request(locks)].into_iter().chain(parent).collect();
        let found = view.read(&wants)?;
        let above = id.parent().map(|parent| found.lock(parent)).transpose()?.flatten();
        let (lock, locks) = (found.lock(id)?, found.require_locks()?);
        (self.lock, self.active) = (lock.clone(), index.active_ids().collect());
        self.free = index.active_ids().filter(|id| !locks.is_held(*id)).collect();
        let place = TaskWorktree::find(context, path.name())?;
        if self.branch.as_ref() != Some(&place.branch) {
            return Err(self.other_branches(into.clone(), place.branch));
        }
        if let Some(last) = self.last_of_gone(view, id) {
            self.follow_output(&last, &place, id)?;
        }
        let (tip, output) = (place.tip(context)?, view.base(into));
        if tip.is_none() || !path.is_archived() {
            former_name::require_none(context, &place)?;
        }
        let mut seen = FinishView {
            task: Task::from_document(path.clone(), &document),
            document,
            branch: place.branch.clone(),
            locks,
            not_holder: None,
            loss: None,
            pending: None,
            carry_over: None,
            work: None,
            has_landed: false,
            published: None,
            store: TaskStore::default(),
        };
        let mut own = OwnFiles::default();
        if let (Some(tip), Some(output), false) = (&tip, output, path.is_archived())
            && into == data
        {
            own = own_files::load(context, &path, index.plan(&path), output, tip)?;
        }
        if let Some(document) = own.document.take() {
            seen.task = Task::from_document(path.clone(), &document);
            seen.document = document;
        }
        if path.is_archived() {
            self.gather_archived(view, &mut seen, tip.clone(), &place)?;
            if lock.is_none() {
                return Ok((seen, place));
            }
        }
        // A lock that a kill has left on a task that is over cannot be picked any more.
        let is_left = |lock: &LockEntry| path.is_archived() && is_left_by_the_dead(context, &self.session, lock);
        if !lock.as_ref().is_some_and(is_left) {
            seen.not_holder =
                require_holder(context, &self.session, id, lock.as_ref()).err().or(seen.not_holder.take());
        }
        if seen.not_holder.is_none() {
            seen.loss = place.require_removable(context, Unsaved::Keep).err();
        }
        if seen.not_holder.is_some() || seen.loss.is_some() || path.is_archived() {
            return Ok((seen, place));
        }
        if options.into.is_none() {
            let output = PlannedBranches::of(context, view, &index, &path)?.output(context, id, lock.as_ref())?;
            if output != *into && self.gone.as_ref() != Some(&output) {
                return Err(self.other_branches(output, place.branch));
            }
        }
        if options.asks_gates() {
            seen.pending = gates::load_pending(context, view, &path, &seen.document, options.deferred(), VERB)?;
        }
        if seen.pending.is_some() {
            return Ok((seen, place));
        }
        if options.carries_over() {
            seen.carry_over = CarryOver::next(view, self.request.ids, &index, &seen.document, self.claimed)?;
            self.claimed = seen.carry_over.map(CarryOver::number);
        }
        let files = [Some(path.as_str()), index.plan(&path).map(PlanPath::as_str)];
        self.own = (files.into_iter().flatten().map(str::to_owned).collect(), own.renamed_back.is_some());
        if let Some(tip) = tip {
            seen.work = Some(self.gather_work(view, &index, &path, &place, (tip, own.renamed_back))?);
        } else {
            seen.has_landed = self.has_landed(id, &place.branch, output)?;
            if !seen.has_landed && !options.no_push {
                seen.work = self.landed_elsewhere(view, &path, &place.branch)?;
            }
            seen.published = view.tip(&place.branch).published.filter(|_| context.channel != Channel::Local);
        }
        if seen.needs_task_store(options) {
            seen.store = load_task_store(view, &index, &path, &seen.document)?;
            if let Some(parent) = id.parent().and_then(|parent| index.active(parent)) {
                let landing = seen.work.as_ref().map(|work| (&work.tip, into));
                seen.store.parent_stays = parent::stays_until(context, &self.session, parent, above.as_ref(), landing)?;
            }
        }
        Ok((seen, place))
    }

    /// Ends this attempt: another one, with other branches, follows.
    fn other_branches(&mut self, into: Branch, branch: Branch) -> Error {
        let message = format!("the work of this task is on {branch} and goes to {into}");
        let (gone, rules) = (self.gone.clone(), CommitRules::default());
        self.other_branches = Some(FinishBranches { into, branch: Some(branch), gone, rules });
        Error::new(Kind::Contention, message)
    }

    /// Ends an attempt whose output is gone from the remote. Where nobody named it, another attempt follows with the default
    /// branch, if that contains what this clone knew of the old one: then it was renamed.
    ///
    /// # Errors
    /// Always: that of [`Self::other_branches`], else [`Kind::BranchGone`] with the commands that name another output.
    fn follow_output(&mut self, last: &Oid, place: &TaskWorktree, id: TaskId) -> Result<()> {
        let (context, FinishRequest { into, options, .. }) = (self.context, self.request);
        let Some(remote) = context.channel.remote() else { return Ok(()) };
        let mut error =
            Error::new(Kind::BranchGone, format!("{into} is gone from {remote}, so nothing is merged into it"));
        let known = branches::tips(context, into)?;
        if let Some(Successor { branch: new, tip, continues }) = successor(context, remote, into, last)? {
            if continues && options.into.is_none() {
                if let (Some(old), false) = (known.tracking, context.dry_run) {
                    // As `git fetch --prune` does, so that no task branch is cut from it any more. Best effort: another
                    // finish does it, too.
                    let gone = RefUpdate { name: into.tracking(remote), old: Some(old), new: None };
                    let _ = refs::swap(&context.repository, &[gone], "aitask: the branch is gone from the remote");
                }
                self.gone = Some(into.clone());
                return Err(self.other_branches(new, place.branch.clone()));
            }
            let own = branches::rebase_onto(context, &place.branch, &new, &tip);
            let own = own.map(|own| own.note(format!("brings only its own commits to {new}; then the next command")));
            error = own.into_iter().fold(error, Error::hint).hint(command!["git aitask finish", id, "--into", new]);
        }
        let from = known.tracking.map(|_| into.tracking(remote)).or_else(|| known.local.map(|_| into.full()));
        let back = from.map(|from| command!["git push", remote, format!("{from}:{}", into.full())]);
        Err(back.into_iter().fold(error, |error, back| error.hint(back.note("puts it back as this clone knew it"))))
    }

    /// The last commit that this clone knows of an output that is gone from the remote: where nothing else of that branch is
    /// left here, the published commit of it that the task branch was cut from.
    fn last_of_gone(&self, view: &View<'_>, id: TaskId) -> Option<Oid> {
        let into = self.request.into;
        let cut_from = || {
            let held = LockRecord::load(&self.context.repository, id)?;
            let tip = view.tip(into);
            let is_of_it = held.base.as_deref() == Some(into.as_str()) && tip.local.is_none();
            // What this clone knew of the branch of another task went with the fetch.
            let is_of_task = TaskName::from_branch(into.as_str()).is_some();
            let is_lacking = is_of_task && view.is_current && tip.published.is_none() || view.is_lacking(into);
            Oid::parse(&held.base_commit?).filter(|_| is_of_it && is_lacking)
        };
        view.last_of_lacking(into).cloned().or_else(cut_from)
    }

    /// Reads an archived task. Either a finish of this clone was interrupted after its push, and only the lock or the
    /// cleaning up is left; or somebody else archived the task, and then only this clone may have its work.
    fn gather_archived(
        &self,
        view: &View<'_>,
        seen: &mut FinishView,
        tip: Option<Oid>,
        place: &TaskWorktree,
    ) -> Result<()> {
        let (context, into, id) = (self.context, self.request.into, seen.task.id);
        if let Some(tip) = tip {
            let proof = view.base(into).map(|output| self.proof(id, &tip, output));
            let proof = proof.transpose()?.flatten();
            let merge = proof.as_ref().map(|_| Merge::Already);
            let is_left = |published: Oid| published == tip && context.channel != Channel::Local && merge.is_some();
            let is_published = view.tip(&place.branch).published.is_some_and(is_left);
            seen.work = Some(TaskWork { tip, merge, proof, needs_push: false, is_published, elsewhere: None });
        }
        let work_location = seen.work_location(into, &place.path);
        if !seen.locks.is_held(id) {
            seen.not_holder = displaced(context, view, id, &format!("{OVER}; {work_location}"))?;
        }
        // To release the lock would give the task to others, whose work this is not.
        if seen.not_holder.is_none() && seen.work.as_ref().is_some_and(|work| work.proof.is_none()) {
            seen.not_holder = Some(task_branch::archived_without_work(context, view, &seen.task.path, &work_location));
        }
        Ok(())
    }

    /// The commit of the output branch that proves that it has the work of an archived task.
    fn proof(&self, id: TaskId, tip: &Oid, output: &Oid) -> Result<Option<Oid>> {
        let published = task_branch::published_merge(self.context, id, tip, output)?;
        if published.is_some() {
            return Ok(published);
        }
        Ok(match Landed::look(&self.context.repository, tip, output, None)? {
            Landed::At(commit) => Some(commit),
            _ => None,
        })
    }

    /// Whether the work of a task has landed that has no branch here any more.
    fn has_landed(&self, id: TaskId, branch: &Branch, output: Option<&Oid>) -> Result<bool> {
        if LockRecord::load(&self.context.repository, id).is_some_and(|held| held.merged) {
            return Ok(true);
        }
        let Some(output) = output else { return Ok(false) };
        let landed = landed::of_pushed(self.context, id, output)?;
        self.require_not_taken_back(&landed, id, branch)
    }

    /// The work of a task that was pushed in another clone, where it has landed: for a clone whose branch of it is absent or
    /// has no commits. The tip is the published one. `None` for a task that was archived before: what it goes on from landed
    /// then.
    fn landed_elsewhere(&self, view: &View<'_>, path: &TaskPath, branch: &Branch) -> Result<Option<TaskWork>> {
        let Some(output) = view.base(self.request.into) else { return Ok(None) };
        let Some((tip, landed)) = landed::of_published(self.context, view, branch, output)? else { return Ok(None) };
        self.require_not_taken_back(&landed, path.id(), branch)?;
        let Landed::At(commit) = landed else { return Ok(None) };
        if former::was_archived(self.context, view, self.request.data, path)? {
            return Ok(None);
        }
        let (merge, proof, elsewhere) = (Some(Merge::Already), Some(commit), Some(tip.clone()));
        Ok(Some(TaskWork { tip, merge, proof, needs_push: false, is_published: true, elsewhere }))
    }

    /// Whether work has landed; refuses work that was taken back.
    fn require_not_taken_back(&self, landed: &Landed, id: TaskId, branch: &Branch) -> Result<bool> {
        match landed {
            Landed::At(_) => Ok(true),
            Landed::TakenBack { at, by, is_merge } => {
                Err(landed::refuse_again(id, branch, self.request.into, [at, by], *is_merge))
            }
            Landed::No | Landed::Unknown => Ok(false),
        }
    }

    /// Whether work has landed, without what others did and took back themselves; `tip` is the work of the task. Where nothing
    /// tells whose change that was, the user says so by the mode of the merge.
    ///
    /// # Errors
    /// [`Kind::Conflict`].
    fn require_own(&self, view: &View<'_>, landed: Landed, id: TaskId, branch: &Branch, tip: &Oid) -> Result<Landed> {
        let Landed::TakenBack { at, by, .. } = &landed else { return Ok(landed) };
        match origin::of(self.context, view, id, branch, [tip, at])? {
            Origin::Own => Ok(landed),
            Origin::Unknown if self.request.options.mode.is_none() => {
                Err(origin::refuse(id, branch, self.request.into, [at, by]))
            }
            Origin::Unknown | Origin::Others => Ok(Landed::No),
        }
    }

    /// Reads the work, and works out its merge.
    fn gather_work(
        &self,
        view: &View<'_>,
        index: &Index,
        path: &TaskPath,
        place: &TaskWorktree,
        (tip, renamed_back): (Oid, Option<Oid>),
    ) -> Result<TaskWork> {
        let (context, FinishRequest { mode, into, .. }) = (self.context, self.request);
        let branch = &place.branch;
        branches::require_other_output(into, branch)?;
        let chosen_for = self.request.options.into.is_none().then(|| path.id());
        let output = view.base(into).ok_or_else(|| branches::no_output(context, into, chosen_for))?;
        // A worktree that was added after the merge of what another clone has pushed has no commits of its own.
        let elsewhere = |refusal: Error| {
            let pushed = self.landed_elsewhere(view, path, branch)?.filter(|_| !self.request.options.no_push);
            pushed.map(|work| TaskWork { tip: tip.clone(), ..work }).ok_or(refusal)
        };
        let children: Vec<_> = index.active_ids().filter(|id| id.parent() == Some(path.id())).collect();
        if let Err(refusal) = task_branch::require_commits(context, path, &tip, output, place, &children) {
            return elsewhere(refusal);
        }
        // For a pull request the work is only pushed: what was taken back may be proposed again.
        let landed = if self.request.options.no_push {
            task_branch::require_no_missed_commits(context, view, path.id(), place, &tip, output)?;
            Landed::No
        } else {
            let landed = landed::of_task(context, view, path.id(), place, [&tip, output])?;
            self.require_own(view, landed, path.id(), branch, &tip)?
        };
        if landed::is_without_work(context, path.id(), branch, &tip, &landed)? {
            return elsewhere(task_branch::without_commits(path.id(), place, &children));
        }
        let plan = index.plan(path).map(PlanPath::as_str);
        let own: Vec<_> = [Some(path.as_str()), plan].into_iter().flatten().collect();
        let options = self.request.options;
        let merge = if self.require_not_taken_back(&landed, path.id(), branch)? {
            Merge::Already
        } else {
            if options.mode.is_none() && !options.no_push {
                task_branch::require_no_request(context, view, path.id(), branch, into, mode)?;
            }
            if renamed_back.is_some() && mode == MergeMode::Ff {
                let message =
                    format!("{branch} renames the file of its task, so {into} cannot be fast-forwarded to it");
                return Err(Error::new(Kind::Conflict, message).hint(command![
                    "git aitask finish",
                    path.id(),
                    "--merge"
                ]));
            }
            let work = renamed_back.as_ref().unwrap_or(&tip);
            if options.no_push && git_merge::is_cut_off(&context.repository, work, output)? {
                // The server merges it. Here the histories do not meet, so a check sees the branch as it is.
                Merge::FastForward
            } else {
                merge::plan(context, mode, output, into, work, branch, &own)?
            }
        };
        let proof = match landed {
            Landed::At(commit) => Some(commit),
            _ => (merge == Merge::Already).then(|| output.clone()),
        };
        let needs_push = context.channel != Channel::Local && view.tip(branch).published.as_ref() != Some(&tip);
        let is_published = context.channel != Channel::Local && view.tip(branch).published.is_some();
        Ok(TaskWork { tip, merge: Some(merge), proof, needs_push, is_published, elsewhere: None })
    }

    /// Records what is about to be published.
    fn note(&mut self, view: &View<'_>, finishing: &FinishDecision, branch: &Branch) -> Result<()> {
        let (context, id) = (self.context, finishing.task.id);
        let Some(TaskWork { tip, merge: Some(merge), needs_push, .. }) = &finishing.work else { return Ok(()) };
        if self.request.options.no_push {
            if context.channel != Channel::Local {
                task_branch::begin_request(context, id, tip)?;
            }
            if *needs_push { task_branch::begin_push(context, view, id, branch, tip) } else { Ok(()) }
        } else if *merge != Merge::Already {
            self.landing = Some(id);
            task_branch::begin_landing(context, id, tip, &self.mark)
        } else {
            Ok(())
        }
    }
}
