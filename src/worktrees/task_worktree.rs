//! The worktree of a task: `aiwork/<task name>` on the branch `aitask/<task name>`.

use crate::error::{Error, Hint, Kind, Result};
use crate::files::exclude;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Oid, merge, refs, worktree};
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::cut_off::{self, Site, name_of};
use crate::project::marker::Mark;
use crate::project::mended::{CutOff, Mended};
use crate::project::outcome::WorktreeInfo;
use crate::task::{TaskName, WORKTREES_DIR};
use crate::worktrees::base::BaseBranch;
use crate::worktrees::prepare::{is_preparation_needed, prepare_worktree};
use crate::worktrees::registry::{missing_worktree, require_no_link, task_branch_of};
use std::path::PathBuf;

/// Where a task's worktree is, or could be.
#[derive(Debug)]
pub(crate) struct TaskWorktree {
    /// The task branch.
    pub(crate) branch: Branch,
    /// Where it is, if it is there; else where it goes.
    pub(crate) path: PathBuf,
    /// Its registration.
    pub(crate) record: Option<WorktreeRecord>,
    /// Every registered worktree.
    pub(crate) all: Vec<WorktreeRecord>,
    /// Where it goes if there is none.
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

    /// The same among these records.
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

    /// The worktrees that need the task branch: it is checked out there, or what goes on there ends on it.
    pub(crate) fn using_branch(&self) -> impl Iterator<Item = &WorktreeRecord> {
        let full = self.branch.full();
        self.all.iter().filter(move |record| match &record.branch {
            Some(branch) => *branch == full,
            None if record.path == self.default_path => record.detached,
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
            Some(record) if worktree::is_gone(record) && self.site(context, record).cut_off().is_none() => {
                Err(missing_worktree(&record.path, &self.branch))
            }
            Some(_) => Ok(()),
            None if self.being_created().is_some() => Ok(()),
            None => {
                require_no_link(context, &self.path)?;
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
    pub(crate) fn add_command(&self, context: &Context, base: &BaseBranch) -> Result<String> {
        let (branch, path) = (&self.branch, self.path.display());
        Ok(match self.tip(context)? {
            Some(_) => format!("git worktree add {path} {branch}"),
            None => format!("git worktree add -b {branch} {path} {}", base.branch),
        })
    }

    /// Makes the worktree where there is none, on the task branch if there is one, else on a new one cut from `base`. One
    /// that a killed command left half made, half removed or unfurnished is made whole.
    pub(crate) fn ensure(mut self, context: &Context, base: &BaseBranch) -> Result<WorktreeInfo> {
        let repository = &context.repository;
        let mut mark = Mark::furnishing(repository, name_of(&self.branch));
        let mended = self.complete_if_cut_off(context)?;
        let mut info = WorktreeInfo {
            path: self.path.clone(),
            branch: self.branch.clone(),
            base: Some(base.branch.clone()),
            created: matches!(mended, Some(Mended::Whole(CutOff::Making, ..))),
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
            require_no_link(context, &self.path)?;
            exclude(&repository.common_dir, &format!("/{WORKTREES_DIR}/"))?;
            if is_preparation_needed(context) {
                mark.set()?;
            }
            // Beside a fetch of this clone, which would stumble over a half-written registration.
            let _queue = Queue::enter(repository, context.settings.timeout, context.narrate)?;
            let start = tip.is_none().then_some(&base.commit);
            cut_off::make(repository, &self.path, &self.branch, start, context.settings.timeout)?;
            info.created = true;
        }
        if !is_preparation_needed(context) || !(info.created || mark.is_there()) {
            return Ok(info);
        }
        if !info.created && mark.is_held() {
            info.unfinished = Some(format!("{} is still being made ready by another command", self.path.display()));
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

    /// The worktree with its notes.
    pub(crate) fn site<'s>(&'s self, context: &'s Context, record: &'s WorktreeRecord) -> Site<'s> {
        Site::of(&context.repository, &record.path, &self.branch)
    }

    /// What is registered at the task's place and names no commit yet: git was killed just when it began.
    fn being_created(&self) -> Option<&WorktreeRecord> {
        let locked = |lock: &String| cut_off::is_initializing_lock(lock.as_bytes());
        self.all.iter().find(|record| {
            record.path == self.default_path && record.branch.is_none() && record.locked.as_ref().is_some_and(locked)
        })
    }

    /// Makes the worktree whole where a command was killed at it, or forgets it where nothing is there yet.
    fn complete_if_cut_off(&mut self, context: &Context) -> Result<Option<Mended>> {
        let Some(record) = self.record.as_ref().or_else(|| self.being_created()) else {
            // What these are about is gone.
            Mark::removing(&context.repository, name_of(&self.branch)).clear();
            return Ok(None);
        };
        let site = self.site(context, record);
        if site.cut_off().is_none() {
            // Whoever noted that it was being made was killed when git was done.
            Mark::making(&context.repository, name_of(&self.branch)).clear();
            return Ok(None);
        }
        let queue = Queue::enter(&context.repository, context.settings.timeout, context.narrate)?;
        let mended = site.make_whole(context.settings.timeout)?;
        drop(queue);
        *self = Self::find_for_branch(context, self.branch.clone(), self.default_path.clone())?;
        Ok(mended)
    }

    /// The tip of the task branch.
    pub(crate) fn tip(&self, context: &Context) -> Result<Option<Oid>> {
        let full = self.branch.full();
        Ok(refs::load(&context.repository, std::slice::from_ref(&full))?.remove(&full))
    }
}
