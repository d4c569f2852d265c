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
use crate::worktrees::base::Base;
use crate::worktrees::prepare::{furnish, is_wanted};
use crate::worktrees::registry::{branch_in, gone, refuse_link};
use std::path::PathBuf;

/// Where a task's worktree is, or could be.
#[derive(Debug)]
pub(crate) struct Place {
    /// The task branch.
    pub(crate) branch: Branch,
    /// Where it is, if it is there; else where it goes.
    pub(crate) path: PathBuf,
    /// Its registration.
    pub(crate) record: Option<WorktreeRecord>,
    /// Every registered worktree.
    pub(crate) all: Vec<WorktreeRecord>,
    /// Where it goes if there is none.
    pub(crate) planned: PathBuf,
}

impl Place {
    /// Looks a task's worktree up in git's registry. One process.
    pub(crate) fn find(context: &Context, name: &TaskName) -> Result<Self> {
        let branch = Branch::parse(&name.branch_name())?;
        Self::look(context, branch, context.repository.root.join(name.worktree_dir()))
    }

    pub(crate) fn look(context: &Context, branch: Branch, planned: PathBuf) -> Result<Self> {
        Ok(Self::among(context, worktree::list(&context.repository)?, branch, planned))
    }

    /// The same among these records.
    pub(crate) fn among(context: &Context, all: Vec<WorktreeRecord>, branch: Branch, planned: PathBuf) -> Self {
        let full = branch.full();
        let of_task = all.iter().filter(|record| record.branch.as_ref() == Some(&full));
        let rebased = || all.iter().find(|record| branch_in(context, record).as_ref() == Some(&branch));
        let record = of_task.min_by_key(|record| record.path != planned).or_else(rebased).cloned();
        let path = record.as_ref().map_or_else(|| planned.clone(), |record| record.path.clone());
        Self { branch, path, record, all, planned }
    }

    /// The worktrees that need the task branch: it is checked out there, or what goes on there ends on it.
    pub(crate) fn users(&self) -> impl Iterator<Item = &WorktreeRecord> {
        let full = self.branch.full();
        self.all.iter().filter(move |record| match &record.branch {
            Some(branch) => *branch == full,
            None if record.path == self.planned => record.detached,
            None => worktree::branch_to_return_to(&record.path)
                .is_some_and(|name| name == full.as_str() || name == self.branch.as_str()),
        })
    }

    /// The worktree that finishing or dropping removes: never the main one, or the one that stands for it.
    pub(crate) fn removable(&self, context: &Context) -> Option<&WorktreeRecord> {
        self.record.as_ref().filter(|it| it.path != context.repository.root && Some(*it) != self.all.first())
    }

    /// Refuses, before anything is taken, what would make [`Self::ensure`] fail.
    pub(crate) fn require_free(&self, context: &Context) -> Result<()> {
        let show = self.path.display();
        let occupied = |message: String, hint: Hint| Err(Error::new(Kind::Occupied, message).hint(hint));
        match &self.record {
            Some(record) if record.path == context.repository.root => Ok(()),
            Some(record) if worktree::is_gone(record) && self.site(context, record).interruption().is_none() => {
                Err(gone(&record.path, &self.branch))
            }
            Some(_) => Ok(()),
            None if self.unborn().is_some() => Ok(()),
            None => {
                refuse_link(context, &self.path)?;
                if let Some(below) = refs::below(&context.repository, &self.branch.full())? {
                    let below = below.branch().map_or_else(|| below.to_string(), |branch| branch.to_string());
                    return occupied(
                        format!("the branch {below} is in the way: git keeps no branch {} beside it", self.branch),
                        command!["git branch -m", below, "another-name"],
                    );
                }
                if let Some(other) = self.all.iter().find(|record| record.path == self.path) {
                    let what = other.branch.as_ref().map_or("a detached HEAD", |branch| branch.as_str());
                    return occupied(
                        format!("{show} is a worktree already, of {what}"),
                        command!["git status"].within(&self.path),
                    );
                }
                let empty = std::fs::read_dir(&self.path).map_or(true, |mut entries| entries.next().is_none());
                if self.path.symlink_metadata().is_ok() && !(self.path.is_dir() && empty) {
                    return occupied(
                        format!("{show} exists and is no worktree"),
                        Hint::advice(format!("look at {show}, then move it away")),
                    );
                }
                Ok(())
            }
        }
    }

    /// The command that makes the worktree.
    pub(crate) fn add_command(&self, context: &Context, base: &Base) -> Result<String> {
        let (branch, path) = (&self.branch, self.path.display());
        Ok(match self.tip(context)? {
            Some(_) => format!("git worktree add {path} {branch}"),
            None => format!("git worktree add -b {branch} {path} {}", base.branch),
        })
    }

    /// Makes the worktree where there is none, on the task branch if there is one, else on a new one cut from `base`. One
    /// that a killed command left half made, half removed or unfurnished is made whole.
    pub(crate) fn ensure(mut self, context: &Context, base: &Base) -> Result<WorktreeInfo> {
        let repository = &context.repository;
        let mut mark = InProgressMarker::furnishing(repository, name_of(&self.branch));
        let mended = self.mend(context)?;
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
            cut_from: base.cut_from(context)?,
        };
        let there =
            self.record.as_ref().filter(|record| record.branch.is_some()).and_then(|record| record.head.clone());
        let tip = if there.is_some() { there } else { self.tip(context)? };
        // It is only told, so that it cannot be counted is no reason to fail.
        let counts = tip.as_ref().and_then(|tip| merge::ahead_behind(repository, tip, &base.commit).ok());
        (info.ahead, info.behind) = counts.map(|counts| (counts.ahead, counts.behind)).unzip();
        if self.record.is_none() {
            refuse_link(context, &self.path)?;
            exclude(&repository.common_dir, &format!("/{WORKTREES_DIR}/"))?;
            if is_wanted(context) {
                mark.set()?;
            }
            // Beside a fetch of this clone, which would stumble over a half-written registration.
            let _queue = Queue::enter(repository, context.settings.timeout, context.progress)?;
            let start = tip.is_none().then_some(&base.commit);
            worktree_recovery::make(repository, &self.path, &self.branch, start, context.settings.timeout)?;
            info.created = true;
        }
        if !is_wanted(context) || !(info.created || mark.is_there()) {
            return Ok(info);
        }
        if !info.created && mark.is_held() {
            info.unfinished = Some(format!("{} is still being made ready by another command", self.path.display()));
            return Ok(info);
        }
        mark.set()?;
        match furnish(context, &self.path, &mut info.copied) {
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => info.unfinished = Some(error.to_string()),
            Ok(()) => {}
        }
        mark.clear();
        Ok(info)
    }

    /// The worktree with its notes.
    pub(crate) fn site<'s>(&'s self, context: &'s Context, record: &'s WorktreeRecord) -> RecoverableWorktree<'s> {
        RecoverableWorktree::of(&context.repository, &record.path, &self.branch)
    }

    /// What is registered at the task's place and names no commit yet: git was killed just when it began.
    fn unborn(&self) -> Option<&WorktreeRecord> {
        let locked = |lock: &String| worktree_recovery::is_initializing_lock(lock.as_bytes());
        self.all.iter().find(|record| {
            record.path == self.planned && record.branch.is_none() && record.locked.as_ref().is_some_and(locked)
        })
    }

    /// Makes the worktree whole where a command was killed at it, or forgets it where nothing is there yet.
    fn mend(&mut self, context: &Context) -> Result<Option<Repaired>> {
        let Some(record) = self.record.as_ref().or_else(|| self.unborn()) else {
            // What these are about is gone.
            InProgressMarker::removing(&context.repository, name_of(&self.branch)).clear();
            return Ok(None);
        };
        let site = self.site(context, record);
        if site.interruption().is_none() {
            // Whoever noted that it was being made was killed when git was done.
            InProgressMarker::making(&context.repository, name_of(&self.branch)).clear();
            return Ok(None);
        }
        let queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
        let mended = site.repair(context.settings.timeout)?;
        drop(queue);
        *self = Self::look(context, self.branch.clone(), self.planned.clone())?;
        Ok(mended)
    }

    /// The tip of the task branch.
    pub(crate) fn tip(&self, context: &Context) -> Result<Option<Oid>> {
        let full = self.branch.full();
        Ok(refs::load(&context.repository, std::slice::from_ref(&full))?.remove(&full))
    }
}
