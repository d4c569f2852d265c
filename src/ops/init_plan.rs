//! The plan of `init` for the coordination branches: new ones, ones that the remote lost and this clone still has, and
//! ones from before the clone had a remote.

use crate::coordination::ids::Counter;
use crate::coordination::lock_format::own_locks_at;
use crate::coordination::lock_record::LockRecord;
use crate::coordination::{LockEntry, Locks, ReadLocks as _, ids, locks};
use crate::data_branch::initial_files::INITIAL_FILES;
use crate::data_branch::migrate;
use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::{self, Edit};
use crate::git::{Branch, Freshness, Oid, RefUpdate, merge, refs};
use crate::ledger::known::SetBack;
use crate::ledger::plan::Step;
use crate::ledger::{Channel, Decision, Ledger, Plan, View, nonce};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::{Status, TaskId};

/// The plan, and what it creates.
#[derive(Debug, Default)]
pub(crate) struct InitPlan {
    /// The plan to publish.
    pub(crate) plan: Plan,
    /// What this command creates.
    pub(crate) made: Vec<String>,
    /// What existed already.
    pub(crate) found: Vec<String>,
}

impl InitPlan {
    fn advance(&mut self, branch: &Branch, to: &Oid) {
        self.plan = std::mem::take(&mut self.plan).advance(branch, to.clone());
    }

    fn step(&mut self, branch: &Branch, step: Step) {
        self.plan = std::mem::take(&mut self.plan).step(branch, step);
    }

    /// Restores a branch that the remote lost, or moves one that was set back forward, to the tip that this clone knew.
    /// `false` where the branch was neither lost nor set back.
    fn restore(&mut self, view: &View<'_>, branch: &Branch) -> bool {
        if let Some(gone) = view.gone(branch) {
            let Some(newest) = view.base(branch) else {
                self.made.push(format!("branch {branch}, without {}, which this clone no longer has", gone.last));
                return false;
            };
            self.advance(branch, newest);
            self.made.push(format!("branch {branch}, restored at {newest} as this clone knew it"));
            return true;
        }
        let Some(newer) = view.set_back(branch).map(|set_back| &set_back.newer) else { return false };
        self.advance(branch, newer);
        self.made.push(format!("branch {branch}, forward to {newer} as this clone knew it"));
        true
    }

    /// Plans the lock branch.
    ///
    /// # Errors
    /// [`Kind::Held`] where a task that was locked here before the clone had a remote is held by another session there.
    pub(crate) fn locks(&mut self, context: &Context, ledger: &Ledger<'_>, view: &View<'_>) -> Result<()> {
        let branch = Ledger::locks_branch()?;
        if let (Some(SetBack { newer, lost }), Some(tip)) = (view.set_back(&branch), view.tip(&branch).published)
            && !merge::is_ancestor(&context.repository, &tip, newer)?
        {
            let mut locks = locks::at_commit(ledger.repository, newer)?;
            locks.retain(|lock| lost.contains(&lock.task.prefixed()));
            self.made.push(format!("{} lock(s) of {newer} on the branch {branch}, as this clone knew it", locks.len()));
            return self.add_locks(context, &branch, (&tip, newer), &locks, "Put back", "that were set back");
        }
        let is_restored = self.restore(view, &branch);
        let base = view.set_back(&branch).map(|set_back| &set_back.newer).or_else(|| view.base(&branch));
        let unpublished = ledger.unpublished_locks(view)?;
        match (base, unpublished) {
            (None, None) => {
                self.step(&branch, Step::edit("ait: Initialize task lock branch", Vec::new()));
                if view.gone(&branch).is_none() {
                    self.made.push(format!("branch {branch}"));
                }
            }
            (None, Some(local)) => {
                self.advance(&branch, &local);
                self.made.push(format!("branch {branch}, with the locks of this clone"));
            }
            (Some(base), Some(local)) => self.publish_locks(context, ledger, &branch, (base, &local))?,
            (Some(_), None) if !is_restored => self.found.push(format!("branch {branch}")),
            (Some(_), None) => {}
        }
        Ok(())
    }

    /// Adds the locks of this clone to the published ones.
    fn publish_locks(
        &mut self,
        context: &Context,
        ledger: &Ledger<'_>,
        branch: &Branch,
        (base, local): (&Oid, &Oid),
    ) -> Result<()> {
        let (theirs, mut ours) = (locks::at_commit(ledger.repository, base)?, own_locks_at(ledger.repository, local)?);
        let other = |lock: &LockEntry| theirs.iter().find(|other| other.task == lock.task);
        let taken: Vec<_> = ours.iter().filter_map(|lock| Some((lock, other(lock)?))).collect();
        // What this clone had taken there before is its own.
        let is_of_other = |lock: &LockEntry| !LockRecord::has_taken(&context.repository, lock);
        let clashes = taken.iter().filter(|(ours, theirs)| ours.token != theirs.token && is_of_other(theirs));
        let clashes: Vec<_> = clashes.map(|(ours, theirs)| (ours.task, ours.holder.as_str(), *theirs)).collect();
        if !clashes.is_empty() {
            let said = clashes.iter().map(|(task, ours, theirs)| {
                let LockEntry { holder, host, since, .. } = theirs;
                format!("t{task} by {ours} here and by {holder} there (on {host} since {since})")
            });
            let said = said.collect::<Vec<_>>().join(", ");
            let message =
                format!("tasks that were locked here while the clone had no remote are held by others: {said}");
            let task_ids: Vec<_> = clashes.iter().map(|(task, ..)| task.to_string()).collect();
            let error = Error::new(Kind::Held, message).with(Payload::Tasks { task_ids });
            return Err(clashes.iter().fold(error, |error, (task, ..)| {
                let unlock = command!["git aitask unlock", task, "--force --remote ."];
                error.hint(unlock.note("removes the lock of this clone"))
            }));
        }
        ours.retain(|lock| theirs.iter().all(|other| other.task != lock.task));
        if ours.is_empty() {
            self.found.push(format!("branch {branch}"));
            return Ok(());
        }
        self.made.push(format!("{} lock(s) of this clone on the branch {branch}", ours.len()));
        self.add_locks(context, branch, (base, local), &ours, "Publish", "from before there was a remote")
    }

    /// Adds locks of another history to the branch. That history becomes the second parent of the commit, so that a
    /// later run sees that its locks were added.
    fn add_locks(
        &mut self,
        context: &Context,
        branch: &Branch,
        (base, other): (&Oid, &Oid),
        locks: &[LockEntry],
        verb: &str,
        which: &str,
    ) -> Result<()> {
        let take = |lock: &LockEntry| {
            let (path, mode) = (LockEntry::path(lock.task), "100644".to_owned());
            lock.token.clone().map(|oid| Edit::Take { path, mode, oid })
        };
        let edits = locks.iter().filter_map(take).collect();
        if let Some(root) = objects::load_one(&context.repository, &format!("{base}:"))? {
            let subject = format!("ait: {verb} {} lock(s) {which}", locks.len());
            self.step(branch, Step { merge: Some((other.clone(), root.oid)), ..Step::edit(subject, edits) });
        }
        Ok(())
    }

    /// The tasks in work, with their assignees, that have no lock on a lock branch that is created or repaired: their
    /// locks were lost, and no clone has restored them yet.
    pub(crate) fn unlocked(&self, ledger: &Ledger<'_>, view: &View<'_>, index: &Index) -> Result<Vec<String>> {
        let branch = Ledger::locks_branch()?;
        if self.plan.branches.iter().all(|plan| plan.branch != branch) {
            return Ok(Vec::new());
        }
        let newer = view.set_back(&branch).map(|set_back| set_back.newer.clone());
        let commits = [view.base(&branch).cloned(), newer, ledger.unpublished_locks(view)?];
        let locks = commits
            .iter()
            .flatten()
            .map(|commit| locks::at_commit(ledger.repository, commit))
            .collect::<Result<Vec<_>>>()?
            .concat();
        let tasks = index.load_active(view)?.into_iter();
        let unlocked =
            tasks.filter(|task| task.status == Status::Implementing && locks.iter().all(|lock| lock.task != task.id));
        Ok(unlocked
            .map(|task| {
                format!("{} ({})", task.id.prefixed(), task.assigned_to.as_deref().unwrap_or("assigned to nobody"))
            })
            .collect())
    }

    /// Plans the branch of the id counter. A restored counter is raised above every existing task, so that no id is
    /// given twice.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a counter that is not a number, or a bundle whose ids cannot be read.
    pub(crate) fn ids(&mut self, context: &Context, view: &View<'_>, index: &Index) -> Result<()> {
        let (branch, counter_kind) = (Ledger::ids_branch()?, Counter::of(&context.channel));
        if let Some(counter) = ids::load(view, &branch)? {
            let is_forward = self.restore(view, &branch);
            let published = view.published_and_local(&branch, ids::FILE)?.published;
            let published = published.and_then(|bytes| ids::parse(&bytes).ok());
            if !is_forward && published.is_some_and(|published| published < counter) {
                let plan = std::mem::take(&mut self.plan);
                self.plan = ids::resync(plan, &branch, counter, counter_kind);
                self.made.push(format!("next id {counter} on the branch {branch}, as this clone counted"));
            } else if !is_forward {
                self.found.push(format!("branch {branch}"));
            }
            return Ok(());
        }
        let lowest = index.highest_number(view)? + 1;
        let is_restored = self.restore(view, &branch);
        let plan = |init_plan: &mut Self| std::mem::take(&mut init_plan.plan);
        let Some(kept) = ids::load_kept(view, &branch)? else {
            self.plan = ids::initialise(plan(self), &branch, lowest, counter_kind);
            self.made.push(format!("branch {branch}, next id {lowest}"));
            return Ok(());
        };
        let next = kept.value.max(lowest);
        if !is_restored {
            self.advance(&branch, &kept.start);
            self.made.push(format!("branch {branch}, next id {next}"));
        }
        if kept.at_start != Some(next) {
            self.plan = ids::resync(plan(self), &branch, next, counter_kind);
        }
        Ok(())
    }

    /// Plans the data branch, where the task data has a branch of its own.
    pub(crate) fn data(&mut self, context: &Context, view: &View<'_>, branch: &Branch) -> Result<()> {
        if !context.has_data_branch() || context.channel == Channel::Local {
            return Ok(());
        }
        let tip = view.tip(branch);
        match (view.set_back(branch), &tip.base) {
            (Some(SetBack { newer, .. }), Some(base)) if merge::is_ancestor(&context.repository, newer, base)? => {
                self.advance(branch, base);
                self.made.push(format!("branch {branch}, forward to {base} as this clone has it"));
            }
            (None, Some(base)) if tip.published.is_none() && view.gone(branch).is_none() => {
                self.advance(branch, base);
                self.made.push(format!("branch {branch}"));
            }
            _ => {
                self.restore(view, branch);
            }
        }
        Ok(())
    }
}

impl InitPlan {
    /// Plans the first files of the task data and, where its branch is still to be made, that branch.
    pub(crate) fn files(&mut self, context: &Context, view: &View<'_>, branch: &Branch, index: &Index) -> Result<()> {
        if view.base(branch).is_none() {
            self.step(branch, Step::edit(migrate::FIRST, Vec::new()));
            self.made.push(format!("branch {branch}"));
        }
        let mut changes = Vec::new();
        for (path, content) in INITIAL_FILES {
            if index.has(path) {
                self.found.push(path.to_owned());
            } else {
                changes.push(Edit::Put { path: path.to_owned(), content: content.as_bytes().to_vec() });
                self.made.push(path.to_owned());
            }
        }
        if context.has_data_branch()
            && let Some(edit) = migrate::ignores_missing(context, view, branch)?
        {
            changes.push(edit);
            self.made.push(format!(".gitignore of {branch}"));
        }
        if !changes.is_empty() {
            self.step(branch, Step::edit(migrate::INITIALISE, changes));
        }
        Ok(())
    }
}

/// Refuses to create coordination branches where another remote, or this remote at its former address, has some, unless
/// the command line names the remote. Two sets of locks would let two sessions hold one task.
///
/// # Errors
/// Those of [`Ledger::require_no_other_branches`].
pub(crate) fn require_no_other_remote(context: &Context) -> Result<()> {
    let ledger = Ledger { repairs: true, ..context.ledger() };
    let branches = [Ledger::locks_branch()?, Ledger::ids_branch()?];
    let former = |view: &View<'_>| {
        let gone = branches.iter().filter_map(|branch| view.gone(branch)?.moved_from());
        gone.map(str::to_owned).next()
    };
    let has_some = |view: &View<'_>| {
        let is_there = |branch| view.tip(branch).published.is_some() || view.gone(branch).is_some();
        branches.iter().any(is_there) && former(view).is_none()
    };
    let has_moved = branches.iter().any(|branch| ledger.has_moved(branch));
    if context.settings.remote.is_some() || !(ledger.has_other_remotes() || has_moved) {
        return Ok(());
    }
    if !has_moved && has_some(&ledger.view(&branches, Freshness::AsKnown)?) {
        return Ok(());
    }
    let view = ledger.view(&branches, Freshness::Fetched)?;
    if has_some(&view) {
        return Ok(());
    }
    ledger.require_no_other_branches(former(&view).as_deref())
}

/// Notes in the records of the clone which of the locks that it took without a remote are published by now. No process
/// where there are none.
pub(crate) fn note_published(context: &Context) -> Result<()> {
    let (repository, Some(remote)) = (&context.repository, context.channel.remote()) else { return Ok(()) };
    let is_alone = |task: &TaskId| LockRecord::load(repository, *task).is_some_and(|held| held.is_alone());
    let alone: Vec<_> = LockRecord::tasks(repository).into_iter().filter(is_alone).collect();
    if alone.is_empty() || context.dry_run {
        return Ok(());
    }
    let (branch, ledger) = (Ledger::locks_branch()?, context.reading_ledger());
    let view = ledger.view(std::slice::from_ref(&branch), Freshness::AsKnown)?;
    let locks: Vec<_> = alone.iter().map(|task| (&branch, LockEntry::path(*task))).collect();
    let found = view.read(&[locks, vec![Locks::request(&branch)]].concat())?;
    for task in alone {
        if let Some(lock) = found.lock(task)? {
            LockRecord::note_shared(repository, remote, &lock)?;
        }
    }
    Ok(())
}

/// Deletes the local lock branch, whose locks are published by now. A failure is ignored: a branch that stays costs
/// each command one process.
pub(crate) fn forget_local_locks(context: &Context, local: &Oid) {
    let Ok(branch) = Ledger::locks_branch() else { return };
    let update = RefUpdate { name: branch.full(), old: Some(local.clone()), new: None };
    let _ = refs::swap(&context.repository, &[update], "aitask: published");
}

/// Creates or repairs the lock branch, in a swap of its own. Returns what was created.
pub(crate) fn init_locks(context: &Context) -> Result<Vec<String>> {
    let (branch, ledger) = (Ledger::locks_branch()?, Ledger { repairs: true, ..context.ledger() });
    let mut local = None;
    let landed = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        let mut init_plan = InitPlan::default();
        local = ledger.unpublished_locks(view)?;
        init_plan.locks(context, &ledger, view)?;
        let InitPlan { plan, made, .. } = init_plan;
        Ok(if plan.branches.is_empty() { Decision::NoChange(made) } else { Decision::Publish(plan, made) })
    })?;
    note_published(context)?;
    if let Some(local) = &local {
        forget_local_locks(context, local);
    }
    Ok(landed.value)
}
