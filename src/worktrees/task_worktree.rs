//! The worktree of a task: `aiwork/<task name>` on the branch `aitask/<task name>`.

use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Hint, Kind, Result};
use crate::files::exclude;
use crate::git::checkout::CheckoutUpdate;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::refs::Swap;
use crate::git::{Branch, Oid, RefUpdate, RemoteName, merge, refs, registry, update_checkout, worktree};
use crate::ledger::Channel;
use crate::ledger::queue::Queue;
use crate::ledger::view::Tip;
use crate::project::context::Context;
use crate::project::marker::InProgressMarker;
use crate::project::outcome::{CutFrom, LocalBranch, WorktreeInfo};
use crate::project::repaired::{Interruption, Repaired};
use crate::project::worktree_recovery::{self, RecoverableWorktree, name_of};
use crate::task::{TaskName, WORKTREES_DIR};
use crate::worktrees::base::BaseBranch;
use crate::worktrees::prepare::{is_preparation_needed, prepare_worktree};
use crate::worktrees::published;
use crate::worktrees::registry::{forgotten, missing_worktree, require_no_link, task_branch_of};
use std::path::PathBuf;

/// The worktree of a task: where it is, or where it would be added.
#[derive(Debug)]
pub(crate) struct TaskWorktree {
    /// The task branch.
    pub(crate) branch: Branch,
    /// Its registered path; without a registration, the default path.
    pub(crate) path: PathBuf,
    /// Its record in git's registry, if there is one.
    pub(crate) record: Option<WorktreeRecord>,
    /// All records of the registry.
    pub(crate) all: Vec<WorktreeRecord>,
    /// The path at which a new one is added: `aiwork/<task name>`.
    pub(crate) default_path: PathBuf,
    /// The tips of the task branch, where they were read.
    pub(crate) tips: Option<Tip>,
}

impl TaskWorktree {
    /// Looks a task's worktree up in git's registry. One process.
    pub(crate) fn find(context: &Context, name: &TaskName) -> Result<Self> {
        let branch = Branch::parse(&name.branch_name())?;
        Self::find_for_branch(context, branch, context.repository.root.join(name.worktree_dir()))
    }

    pub(crate) fn find_for_branch(context: &Context, branch: Branch, default_path: PathBuf) -> Result<Self> {
        Ok(Self::from_records(context, worktree::list(&context.repository)?, branch, default_path))
    }

    /// Finds a task's worktree among these records. One at the default path wins over others on the same branch.
    pub(crate) fn from_records(
        context: &Context,
        all: Vec<WorktreeRecord>,
        branch: Branch,
        default_path: PathBuf,
    ) -> Self {
        let full = branch.full();
        let of_task = all.iter().filter(|record| record.branch.as_ref() == Some(&full));
        let rebased = || all.iter().find(|record| task_branch_of(context, record).as_ref() == Some(&branch));
        let record = of_task.min_by_key(|record| record.path != default_path).or_else(rebased).cloned();
        let path = record.as_ref().map_or_else(|| default_path.clone(), |record| record.path.clone());
        Self { branch, path, record, all, default_path, tips: None }
    }

    /// The worktrees that use the task branch: it is checked out there, or a rebase or bisection in progress there
    /// returns to it. While there is one, the branch cannot be deleted.
    pub(crate) fn using_branch(&self) -> impl Iterator<Item = &WorktreeRecord> {
        let full = self.branch.full();
        self.all.iter().filter(move |record| match &record.branch {
            Some(branch) => *branch == full,
            None if record.path == self.default_path => record.detached,
            None => worktree::branch_to_return_to(&record.path)
                .is_some_and(|name| name == full.as_str() || name == self.branch.as_str()),
        })
    }

    /// The worktree at the path of the task's own, where somebody has checked out another branch in it, or none: the
    /// commits made there are not on the task branch. Not one in which the task branch is being rebased.
    pub(crate) fn strayed(&self, context: &Context) -> Option<&WorktreeRecord> {
        let full = self.branch.full();
        let record = self.all.iter().find(|record| record.path == self.default_path)?;
        let is_left = record.branch.as_ref() != Some(&full)
            && task_branch_of(context, record).as_ref() != Some(&self.branch)
            && worktree::branch_to_return_to(&record.path).is_none();
        let is_whole = record.head.is_some() && record.path != context.repository.root && !worktree::is_gone(record);
        (is_left && is_whole && self.record.is_none()).then_some(record)
    }

    /// The refusal for such a worktree, with the command that brings its commits to the task branch.
    pub(crate) fn stray_error(&self, context: &Context, record: &WorktreeRecord, kind: Kind) -> Result<Error> {
        let (what, hint) = self.describe_stray(context, record)?;
        let message = format!("{} is {what}", record.path.display());
        Ok(Error::new(kind, message).hint(hint.note("then the same command again")))
    }

    /// What such a worktree is on, how many commits there are not on the task branch, and the command that brings them to it.
    pub(crate) fn describe_stray(&self, context: &Context, record: &WorktreeRecord) -> Result<(String, Hint)> {
        let (branch, repository) = (&self.branch, &context.repository);
        let named =
            record.branch.as_ref().map(|name| name.branch().map_or_else(|| name.to_string(), |b| b.to_string()));
        let (Some(head), tip) = (&record.head, self.tip(context)?) else {
            return Err(Error::new(Kind::Bug, "a worktree without a commit"));
        };
        let on = named
            .as_ref()
            .map_or_else(|| "on no branch (detached HEAD)".to_owned(), |named| format!("on the branch {named}"));
        let (there, hint) = match &tip {
            Some(tip) if merge::is_ancestor(repository, head, tip)? => (0, command!["git switch", branch]),
            Some(tip) if !merge::is_ancestor(repository, tip, head)? => {
                let other = named.unwrap_or_else(|| head.to_string());
                let hint = command!["git switch", branch, "&& git merge", other];
                (merge::ahead_behind(repository, head, tip)?.ahead, hint)
            }
            Some(tip) => (merge::ahead_behind(repository, head, tip)?.ahead, command!["git switch -C", branch]),
            None => (0, command!["git switch -C", branch]),
        };
        let commits = match there {
            0 => String::new(),
            1 => "; 1 commit there is not on it".to_owned(),
            count => format!("; {count} commits there are not on it"),
        };
        Ok((format!("{on}, and not on {branch}{commits}"), hint.within(&record.path)))
    }

    /// Refuses a folder of this task's worktree that git has forgotten. No process.
    ///
    /// # Errors
    /// [`Kind::Occupied`] with the command that brings it back.
    pub(crate) fn require_not_forgotten(&self, context: &Context) -> Result<()> {
        let (repository, path) = (&context.repository, &self.default_path);
        let is_registered = self.record.is_some() || self.all.iter().any(|record| record.path == *path);
        match TaskName::from_branch(self.branch.as_str()) {
            Some(name) if !is_registered && registry::is_forgotten(&repository.common_dir, path) => {
                Err(forgotten(&repository.root, path, name.id()))
            }
            _ => Ok(()),
        }
    }

    /// The worktree that `finish` and `drop` remove: never the main one, nor the first one of a bare repository.
    pub(crate) fn removable(&self, context: &Context) -> Option<&WorktreeRecord> {
        self.record.as_ref().filter(|it| it.path != context.repository.root && Some(*it) != self.all.first())
    }

    /// Refuses what would make [`Self::ensure`] fail. Called before anything is published, so that no task is picked
    /// whose worktree cannot be added.
    pub(crate) fn require_free(&self, context: &Context) -> Result<()> {
        let show = self.path.display();
        let occupied = |message: String, hint: Hint| Err(Error::new(Kind::Occupied, message).hint(hint));
        match &self.record {
            Some(record) if record.path == context.repository.root => Ok(()),
            Some(record) if worktree::is_gone(record) && self.site(context, record).interruption().is_none() => {
                Err(missing_worktree(&context.repository.root, &record.path, &self.branch))
            }
            Some(_) => Ok(()),
            None if self.being_created().is_some() => Ok(()),
            None => {
                require_no_link(context, &self.path)?;
                self.require_not_forgotten(context)?;
                if let Some(below) = refs::below(&context.repository, &self.branch.full())? {
                    let below = below.branch().map_or_else(|| below.to_string(), |branch| branch.to_string());
                    return occupied(
                        format!("the branch {below} exists, so git cannot create the branch {}", self.branch),
                        command!["git branch -m", below, "another-name"],
                    );
                }
                if let Some(strayed) = self.strayed(context) {
                    return Err(self.stray_error(context, strayed, Kind::Occupied)?);
                }
                if let Some(other) = self.all.iter().find(|record| record.path == self.path) {
                    let what = other.branch.as_ref().map_or("a detached HEAD", |branch| branch.as_str());
                    return occupied(
                        format!("{show} is already a worktree, of {what}"),
                        command!["git status"].within(&self.path),
                    );
                }
                let empty = std::fs::read_dir(&self.path).map_or(true, |mut entries| entries.next().is_none());
                if self.path.symlink_metadata().is_ok() && !(self.path.is_dir() && empty) {
                    return occupied(
                        format!("{show} exists and is not a worktree"),
                        command!["mv", self.path.display(), format!("{show}.old")],
                    );
                }
                Ok(())
            }
        }
    }

    /// The git command that would add the worktree.
    pub(crate) fn add_command(&self, context: &Context, base: &BaseBranch) -> Result<String> {
        let (branch, path) = (&self.branch, self.path.display());
        Ok(match (self.tip(context)?, self.published(context, base)?) {
            (Some(_), _) => format!("git worktree add {path} {branch}"),
            (None, Some(published)) => format!("git worktree add -b {branch} {path} {published}"),
            (None, None) => format!("git worktree add -b {branch} {path} {}", base.commit),
        })
    }

    /// The published tip that the branch goes on from; `None` also where the base contains it, so that nothing of it is
    /// left to go on with.
    fn published(&self, context: &Context, base: &BaseBranch) -> Result<Option<Oid>> {
        let published = self.tips.as_ref().and_then(|tips| tips.published.clone());
        let Some(published) = published.filter(|_| context.channel != Channel::Local) else { return Ok(None) };
        let has_landed = merge::is_ancestor(&context.repository, &published, &base.commit)?;
        Ok(Some(published).filter(|_| !has_landed))
    }

    /// Adds the worktree where there is none: on the task branch if that exists here, else on one made from the published
    /// one, else on a new branch cut from `base`. A local branch that only lacks published commits is fast-forwarded. A
    /// worktree that a killed command left half made, half removed or unprepared is completed. A dry run only says what
    /// would come of it.
    pub(crate) fn ensure(mut self, context: &Context, base: &BaseBranch) -> Result<WorktreeInfo> {
        let repository = &context.repository;
        let mut mark = InProgressMarker::furnishing(repository, name_of(&self.branch));
        if !context.dry_run {
            self.outlive_removal(context)?;
        }
        let mended = if context.dry_run { None } else { self.complete_if_cut_off(context)? };
        let mut info = WorktreeInfo {
            path: self.path.clone(),
            branch: self.branch.clone(),
            base: Some(base.branch.clone()),
            created: matches!(mended, Some(Repaired::Whole(Interruption::Making, ..))),
            ahead: None,
            behind: None,
            copied: Vec::new(),
            mended: mended.and_then(|mended| mended.note(&self.path)),
            unfinished: None,
            published: None,
            handover: None,
            left_out: None,
            head: None,
            cut_from: base.cut_from(context)?,
        };
        let there =
            self.record.as_ref().filter(|record| record.branch.is_some()).and_then(|record| record.head.clone());
        let mut tip = if there.is_some() { there } else { self.known_tip(context)? };
        let mut start = None;
        if let Some(published) = self.published(context, base)? {
            let stands = self.go_on(context, base, &mut tip, &published, &mut info)?;
            start = (stands == LocalBranch::Absent).then_some(published);
        }
        // The counts are information for the user; a failure to count them does not make the worktree unusable.
        let counts = start.as_ref().or(tip.as_ref()).and_then(|tip| merge::counted(repository, tip, &base.commit));
        (info.ahead, info.behind) = counts.map(|counts| (counts.ahead, counts.behind)).unzip();
        info.head = start.as_ref().or(tip.as_ref()).or(Some(&base.commit)).cloned();
        let cut = tip.is_none().then_some(&base.commit).filter(|_| start.is_none());
        if self.record.is_none() {
            info.left_out = cut.and_then(|_| base.left_out());
            info.created = true;
        }
        if context.dry_run {
            return Ok(info);
        }
        if self.record.is_none() {
            require_no_link(context, &self.path)?;
            exclude(&repository.common_dir, &format!("/{WORKTREES_DIR}/"))?;
            if is_preparation_needed(context) {
                mark.set()?;
            }
            // A fetch of this clone reads the registry and fails on a record that is half written. Ours waits in this
            // queue.
            let _queue = Queue::enter(repository, context.settings.timeout, context.progress)?;
            let start = start.as_ref().or(cut);
            let failed =
                worktree_recovery::make(repository, &self.path, &self.branch, start, context.settings.timeout)?;
            info.unfinished = failed.map(|error| error.to_string());
        }
        if !is_preparation_needed(context) || !(info.created || mark.is_there()) {
            return Ok(info);
        }
        if !info.created && mark.is_held() {
            info.unfinished = Some(format!("{} is still being prepared by another command", self.path.display()));
            return Ok(info);
        }
        mark.set()?;
        if let Some(name) = TaskName::from_branch(self.branch.as_str()) {
            match prepare_worktree(context, &name, &self.path, &mut info.copied) {
                Err(error) if error.kind() == Kind::Interrupted => return Err(error),
                // The mark stays, so that the next command about the worktree prepares it.
                Err(error) => {
                    info.unfinished = Some(error.to_string());
                    return Ok(info);
                }
                Ok(()) => {}
            }
        }
        mark.clear();
        Ok(info)
    }

    /// Brings a local branch that only lacks commits of the published one to its tip, with its checkout; and says whose
    /// commits these are.
    fn go_on(
        &self,
        context: &Context,
        base: &BaseBranch,
        tip: &mut Option<Oid>,
        published: &Oid,
        info: &mut WorktreeInfo,
    ) -> Result<LocalBranch> {
        let (repository, local) = (&context.repository, tip.clone());
        let task = TaskName::from_branch(self.branch.as_str()).map(|name| name.id());
        let held = task.and_then(|task| LockRecord::load(repository, task));
        let is_ours = held.is_some_and(|held| held.pushed.iter().any(|oid| oid == published.as_str()));
        let is_ancestor = |ancestor: &Oid, commit: &Oid| merge::is_ancestor(repository, ancestor, commit);
        let stands = published::compare(local.as_ref(), published, is_ours, is_ancestor)?;
        let work = published::describe(repository, published, &base.commit, stands)?;
        let remote = context.channel.remote().map_or("the remote", RemoteName::as_str);
        info.handover = published::note(&work, remote, &self.branch, &base.branch, local.as_ref());
        info.published = Some(work);
        match (stands, &local) {
            (LocalBranch::Absent, _) => info.cut_from = Self::fork(context, published, base)?,
            (LocalBranch::Behind, Some(local)) => match self.forward(context, local, published)? {
                None => *tip = Some(published.clone()),
                Some(said) => {
                    info.handover = Some(format!(
                        "{} on {remote} has commits that are not here, and it could not be fast-forwarded: {said}; in \
                         its worktree, git merge --ff-only {remote}/{} does it",
                        self.branch, self.branch
                    ));
                }
            },
            _ => {}
        }
        Ok(stands)
    }

    /// Where the published branch left the base.
    fn fork(context: &Context, published: &Oid, base: &BaseBranch) -> Result<Option<CutFrom>> {
        let fork = merge::base(&context.repository, published, &base.commit)?;
        fork.map_or(Ok(None), |commit| BaseBranch { commit, ..base.clone() }.cut_from(context))
    }

    /// Fast-forwards the local branch, and the worktree that has it checked out. Returns why it could not be.
    fn forward(&self, context: &Context, from: &Oid, to: &Oid) -> Result<Option<String>> {
        let repository = &context.repository;
        if context.dry_run {
            return Ok(None);
        }
        if let Some(record) = &self.record {
            return Ok(match update_checkout::fast_forward(repository, &record.path, from, to, &[])? {
                CheckoutUpdate::Done => None,
                CheckoutUpdate::Diverged => Some("it has commits of its own".to_owned()),
                CheckoutUpdate::Refused(said) => Some(said),
            });
        }
        let update = RefUpdate { name: self.branch.full(), old: Some(from.clone()), new: Some(to.clone()) };
        Ok(match refs::swap(repository, &[update], "aitask: fast-forward to the published branch")? {
            Swap::Done => None,
            Swap::Refused(said) | Swap::CutOff(said) => Some(said.lines().next().unwrap_or_default().to_owned()),
        })
    }

    /// The worktree together with the markers of interrupted commands.
    pub(crate) fn site<'s>(&'s self, context: &'s Context, record: &'s WorktreeRecord) -> RecoverableWorktree<'s> {
        RecoverableWorktree::of(&context.repository, &record.path, &self.branch)
    }

    /// A record at the default path that names no commit and has git's lock "initializing": `git worktree add` was
    /// killed right after it began.
    fn being_created(&self) -> Option<&WorktreeRecord> {
        let locked = |lock: &String| worktree_recovery::is_initializing_lock(lock.as_bytes());
        self.all.iter().find(|record| {
            record.path == self.default_path && record.branch.is_none() && record.locked.as_ref().is_some_and(locked)
        })
    }

    /// Waits for a command that is just removing the worktree, and looks again whether it is there: a `drop` removes it after
    /// its swap, when others may have taken the task. No process where it still is.
    fn outlive_removal(&mut self, context: &Context) -> Result<()> {
        let Some(record) = self.record.as_ref().filter(|record| record.path == self.default_path) else {
            return Ok(());
        };
        let _queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
        if registry::has_checked_out(&record.path, &self.branch) {
            return Ok(());
        }
        let before = self.tips.take();
        *self = Self::find_for_branch(context, self.branch.clone(), self.default_path.clone())?;
        if let Some(before) = before {
            self.tips = Some(Tip { local: self.tip(context)?, ..before });
        }
        Ok(())
    }

    /// Completes the worktree where a command was killed while it added or removed it; removes the registration where
    /// nothing else exists yet.
    fn complete_if_cut_off(&mut self, context: &Context) -> Result<Option<Repaired>> {
        let Some(record) = self.record.as_ref().or_else(|| self.being_created()) else {
            // There is no worktree, so a marker of an interrupted removal is about nothing any more.
            InProgressMarker::removing(&context.repository, name_of(&self.branch)).clear();
            return Ok(None);
        };
        let site = self.site(context, record);
        if site.interruption().is_none() {
            // The worktree is complete: the command that set the marker was killed after git had finished.
            InProgressMarker::making(&context.repository, name_of(&self.branch)).clear();
            return Ok(None);
        }
        let queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
        let mended = site.repair(context.settings.timeout)?;
        drop(queue);
        let before = self.tips.take();
        *self = Self::find_for_branch(context, self.branch.clone(), self.default_path.clone())?;
        if let Some(before) = before {
            // A registration that is removed leaves the branch, which git makes first.
            self.tips = Some(Tip { local: self.tip(context)?, ..before });
        }
        Ok(mended)
    }

    /// The tip of the task branch, read before where it was.
    fn known_tip(&self, context: &Context) -> Result<Option<Oid>> {
        match &self.tips {
            Some(tips) if self.record.is_none() => Ok(tips.local.clone()),
            _ => self.tip(context),
        }
    }

    /// Reads the tip of the task branch.
    pub(crate) fn tip(&self, context: &Context) -> Result<Option<Oid>> {
        let full = self.branch.full();
        Ok(refs::load(&context.repository, std::slice::from_ref(&full))?.remove(&full))
    }
}
