//! The worktree of a task: `aiwork/<task name>` on the branch `aitask/<task name>`.

use crate::error::{Error, Hint, Kind, Result};
use crate::files::exclude;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Oid, merge, refs, worktree};
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::marker::InProgressMarker;
use crate::project::outcome::WorktreeInfo;
use crate::project::repaired::{Interruption, Repaired};
use crate::project::worktree_recovery::{self, RecoverableWorktree, name_of};
use crate::task::{TaskName, WORKTREES_DIR};
use crate::worktrees::base::BaseBranch;
use crate::worktrees::prepare::{is_preparation_needed, prepare_worktree};
use crate::worktrees::registry::{missing_worktree, require_no_link, task_branch_of};
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
        Self { branch, path, record, all, default_path }
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
                Err(missing_worktree(&record.path, &self.branch))
            }
            Some(_) => Ok(()),
            None if self.being_created().is_some() => Ok(()),
            None => {
                require_no_link(context, &self.path)?;
                if let Some(below) = refs::below(&context.repository, &self.branch.full())? {
                    let below = below.branch().map_or_else(|| below.to_string(), |branch| branch.to_string());
                    return occupied(
                        format!("the branch {below} exists, so git cannot create the branch {}", self.branch),
                        command!["git branch -m", below, "another-name"],
                    );
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
        Ok(match self.tip(context)? {
            Some(_) => format!("git worktree add {path} {branch}"),
            None => format!("git worktree add -b {branch} {path} {}", base.branch),
        })
    }

    /// Adds the worktree where there is none: on the task branch if that exists, else on a new branch cut from `base`.
    /// A worktree that a killed command left half made, half removed or unprepared is completed.
    pub(crate) fn ensure(mut self, context: &Context, base: &BaseBranch) -> Result<WorktreeInfo> {
        let repository = &context.repository;
        let mut mark = InProgressMarker::furnishing(repository, name_of(&self.branch));
        let mended = self.complete_if_cut_off(context)?;
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
            left_out: None,
            cut_from: base.cut_from(context)?,
        };
        let there =
            self.record.as_ref().filter(|record| record.branch.is_some()).and_then(|record| record.head.clone());
        let tip = if there.is_some() { there } else { self.tip(context)? };
        // The counts are information for the user; a failure to count them does not make the worktree unusable.
        let counts = tip.as_ref().and_then(|tip| merge::ahead_behind(repository, tip, &base.commit).ok());
        (info.ahead, info.behind) = counts.map(|counts| (counts.ahead, counts.behind)).unzip();
        if self.record.is_none() {
            require_no_link(context, &self.path)?;
            exclude(&repository.common_dir, &format!("/{WORKTREES_DIR}/"))?;
            if is_preparation_needed(context) {
                mark.set()?;
            }
            // A fetch of this clone reads the registry and fails on a record that is half written. Ours waits in this
            // queue.
            let _queue = Queue::enter(repository, context.settings.timeout, context.progress)?;
            let start = tip.is_none().then_some(&base.commit);
            info.left_out = start.and_then(|_| base.left_out());
            worktree_recovery::make(repository, &self.path, &self.branch, start, context.settings.timeout)?;
            info.created = true;
        }
        if !is_preparation_needed(context) || !(info.created || mark.is_there()) {
            return Ok(info);
        }
        if !info.created && mark.is_held() {
            info.unfinished = Some(format!("{} is still being prepared by another command", self.path.display()));
            return Ok(info);
        }
        mark.set()?;
        match prepare_worktree(context, &self.path, &mut info.copied) {
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => info.unfinished = Some(error.to_string()),
            Ok(()) => {}
        }
        mark.clear();
        Ok(info)
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
        *self = Self::find_for_branch(context, self.branch.clone(), self.default_path.clone())?;
        Ok(mended)
    }

    /// Reads the tip of the task branch.
    pub(crate) fn tip(&self, context: &Context) -> Result<Option<Oid>> {
        let full = self.branch.full();
        Ok(refs::load(&context.repository, std::slice::from_ref(&full))?.remove(&full))
    }
}
