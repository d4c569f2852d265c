//! Removing the worktree of a task that is finished or given back, and its branch.

use crate::error::{Error, Hint, Kind, Result};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, RefName, RefUpdate, merge, refs, worktree};
use crate::ledger::Channel;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::cut_off::{self, name_of};
use crate::project::marker::Mark;
use crate::project::mended::first_work;
use crate::task::{TaskId, TaskName};
use crate::worktrees::branches::tips;
use crate::worktrees::landed::{has_landed, homes, lost_rebase};
use crate::worktrees::registry::{gone, refuse_link, require_alone};
use crate::worktrees::task_worktree::Place;
use std::path::PathBuf;

/// What becomes of the task branch once its worktree is removed.
#[derive(Debug)]
pub enum BranchFate<'e> {
    /// It stays.
    Stays,
    /// It goes if all its commits are where the work of this task is to land.
    IfLanded(TaskId),
    /// It goes from exactly this commit, whose content has landed. Where the commit itself has not, it keeps another name.
    LandedIn {
        /// The commit.
        tip: &'e Oid,
        /// The branch that has its content.
        into: &'e Branch,
    },
}

/// What became of the worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WorktreeEnd {
    /// There was none.
    #[default]
    None,
    /// It is gone.
    Removed(PathBuf),
    /// It stays, for this reason.
    Kept(Obstacle, PathBuf),
}

/// Why a worktree stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Another session works in it.
    Held,
    /// It has uncommitted work.
    Dirty,
    /// Somebody locked it.
    Locked,
    /// Git looks for it where it is not.
    StaleRecord,
    /// It is the main worktree.
    MainWorktree,
    /// Its path can stand on no line, or git's list could not be understood.
    UnsafePath,
    /// Anything else.
    Unknown,
}

impl Obstacle {
    /// The word of the scripts, who have none of their own for a session that works there.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dirty => "dirty",
            Self::Locked => "locked",
            Self::StaleRecord => "stale_record",
            Self::MainWorktree => "main_worktree",
            Self::UnsafePath => "unsafe_path",
            Self::Held | Self::Unknown => "unknown",
        }
    }
}

/// What became of the branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BranchEnd {
    /// There was none, or it was to stay.
    #[default]
    None,
    /// It is gone, since its work is where it belongs.
    Deleted,
    /// It stays, since the worktree does.
    Skipped,
    /// It stays: a worktree has it checked out.
    CheckedOut,
    /// It stays: it has commits that this branch lacks.
    Unmerged(String),
    /// It stays, and only git knows why.
    Unknown,
}

impl BranchEnd {
    /// Whether there is a branch still.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::None | Self::Deleted)
    }
}

/// What came of a removal.
#[derive(Debug, Default)]
pub struct Removal {
    /// The worktree.
    pub worktree: WorktreeEnd,
    /// The branch.
    pub branch: BranchEnd,
    /// Why something stayed, and what went that nothing else has; in words.
    pub causes: Vec<String>,
    /// The refusal, where another session works in the worktree.
    pub held: Option<Error>,
    /// Where the rebase stood that went with the worktree.
    pub rebased: Option<Oid>,
}

impl Removal {
    /// Whether there was a worktree, and it is gone.
    #[must_use]
    pub fn has_removed(&self) -> bool {
        matches!(self.worktree, WorktreeEnd::Removed(_))
    }

    /// Whether nothing is left but a branch with commits of its own.
    #[must_use]
    pub fn is_preserved(&self) -> bool {
        matches!(&self.branch, BranchEnd::Unmerged(_)) && !matches!(self.worktree, WorktreeEnd::Kept(..))
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !matches!(self.worktree, WorktreeEnd::Kept(..)) && !self.branch.is_kept()
    }
}

/// What became of the worktree, and where else the task branch is in use.
struct Left {
    end: WorktreeEnd,
    elsewhere: Option<PathBuf>,
    /// Why the worktree is still registered: it is not where git looks for it.
    gone: Option<String>,
    /// Where the rebase stood that went with it.
    rebased: Option<Oid>,
}

impl Place {
    /// Refuses what [`Self::remove`] would lose: uncommitted work, unless it is to be discarded, and what is going on in
    /// the worktree; another worktree in it; the registration of one that was moved by hand; and one that is locked.
    ///
    /// # Errors
    /// [`Kind::Dirty`] and [`Kind::Occupied`].
    pub fn require_removable(&self, context: &Context, work: Unsaved) -> Result<()> {
        let Some(record) = self.record.as_ref().or_else(|| self.users().next()) else { return Ok(()) };
        let (repository, show) = (&context.repository, record.path.display());
        let refuse = |kind, message: String, hint: Hint| Err(Error::new(kind, message).hint(hint));
        let site = self.site(context, record);
        let cut_off = site.cut_off();
        let is_made = |reason: &str| cut_off.is_some() && cut_off::is_initializing_lock(reason.as_bytes());
        if let Some(reason) = record.locked.as_ref().filter(|reason| !is_made(reason)) {
            let message = format!("the worktree {show} is locked: {reason}");
            return refuse(Kind::Occupied, message, command!["git worktree unlock", record.path.display()]);
        }
        if worktree::is_gone(record) {
            if work == Unsaved::Discard || cut_off.is_some() {
                return Ok(());
            }
            if repository.here_branch.as_ref() == Some(&self.branch) {
                let message = format!("git looks for this worktree at {show}, from where it was moved");
                let repair = command!["git worktree repair"].within(&repository.toplevel);
                return refuse(Kind::Occupied, message, repair);
            }
            return Err(gone(&record.path, &self.branch));
        }
        if self.removable(context).is_some() {
            require_alone(&self.all, &record.path, work)?;
        }
        if work == Unsaved::Discard {
            return Ok(());
        }
        let look = command!["git status"].within(&record.path);
        if let Some(what) = worktree::in_progress(&record.path) {
            return refuse(Kind::Dirty, format!("{show} is in the middle of {what}"), look);
        }
        if record.detached {
            let message =
                format!("{show} is on no branch (detached HEAD), so {} lacks what is done there", self.branch);
            return refuse(Kind::Dirty, message, look);
        }
        let found = site.load_work()?;
        if found.is_empty() {
            return site.require_expendable_submodules();
        }
        let message = format!("{show} has uncommitted work: {}", first_work(&found));
        // What is missing would be committed, too.
        let hint = match TaskName::from_branch(self.branch.as_str()).filter(|_| cut_off.is_some()) {
            Some(name) => command!["git aitask worktree add", name.id()].note("makes it whole"),
            None => command!["git add -A && git commit"].within(&record.path),
        };
        refuse(Kind::Dirty, message, hint)
    }

    /// Removes the worktree and then the task branch, and only what is registered to that below `aiwork/` or where git moved
    /// it. The registry, and what [`Self::require_removable`] looks at, is read again right before.
    ///
    /// # Errors
    /// Those of [`Self::require_removable`]; then nothing is removed.
    pub fn remove(&self, context: &Context, work: Unsaved, end: &BranchFate<'_>) -> Result<Removal> {
        let left = self.remove_worktree(context, work)?;
        let mut removal = Removal { worktree: left.end.clone(), ..Removal::default() };
        let (tip, keep_as) = match end {
            BranchFate::Stays => return Ok(removal),
            BranchFate::LandedIn { tip, into } => ((*tip).clone(), self.kept_name(context, tip, into)?),
            BranchFate::IfLanded(task) => {
                let Some(tip) = self.tip(context)? else { return Ok(removal) };
                let homes = homes(context, *task);
                removal.causes.extend(lost_rebase(context, left.rebased.as_ref(), &homes)?);
                if left.gone.is_none() && !has_landed(context, &tip, &homes)? {
                    let into = homes.first().map_or("HEAD", Branch::as_str).to_owned();
                    removal.branch = BranchEnd::Unmerged(into);
                    return Ok(removal);
                }
                (tip, None)
            }
        };
        self.delete_branch(context, left, &mut removal, &tip, keep_as)?;
        Ok(removal)
    }

    fn remove_worktree(&self, context: &Context, work: Unsaved) -> Result<Left> {
        let now = Self::look(context, self.branch.clone(), self.planned.clone())?;
        let record = now.removable(context);
        let elsewhere = now.users().find(|other| Some(*other) != record).map(|other| other.path.clone());
        let Some(record) = record else {
            Mark::removing(&context.repository, name_of(&self.branch)).clear();
            return Ok(Left { end: WorktreeEnd::None, elsewhere, gone: None, rebased: None });
        };
        let site = now.site(context, record);
        if worktree::is_gone(record) && record.locked.is_none() && site.cut_off().is_none() {
            let (error, show) = (gone(&record.path, &self.branch), record.path.display());
            let gone = Some(format!(
                "{error}, so it and the branch stay; if it was moved, git worktree repair NEW_PLACE finds it again; if it was \
                 deleted, git worktree remove {show} forgets it"
            ));
            let path = record.path.clone();
            let end = WorktreeEnd::Kept(Obstacle::StaleRecord, path.clone());
            return Ok(Left { end, elsewhere: Some(path), gone, rebased: None });
        }
        refuse_link(context, &record.path)?;
        now.require_removable(context, work)?;
        let _queue = Queue::enter(&context.repository, context.settings.timeout, context.narrate)?;
        site.remove(work, context.settings.timeout)?;
        let rebased = record.head.clone().filter(|_| record.detached);
        Ok(Left { end: WorktreeEnd::Removed(record.path.clone()), elsewhere, gone: None, rebased })
    }

    /// Squashed: the content has landed, the commits have not. They keep a name of their own, and so do earlier ones.
    fn kept_name(&self, context: &Context, tip: &Oid, into: &Branch) -> Result<Option<RefName>> {
        let repository = &context.repository;
        let (local, tracking) = tips(context, into)?;
        let published = if context.channel == Channel::Local { local } else { tracking };
        if let Some(output) = &published
            && merge::is_ancestor(repository, tip, output)?
        {
            return Ok(None);
        }
        let name = format!("refs/aitask/squashed/{}", name_of(&self.branch));
        let Some(first) = RefName::parse(&name) else { return Ok(None) };
        let taken = match refs::load(repository, std::slice::from_ref(&first))?.get(&first) {
            Some(earlier) => !merge::is_ancestor(repository, earlier, tip)?,
            None => false,
        };
        Ok(if taken { RefName::parse(&format!("{name}-{}", tip.short())) } else { Some(first) })
    }

    /// Deletes the task branch from exactly this commit, unless it is in use after the removal; `keep_as` leaves another
    /// name on it.
    fn delete_branch(
        &self,
        context: &Context,
        left: Left,
        removal: &mut Removal,
        tip: &Oid,
        keep_as: Option<RefName>,
    ) -> Result<()> {
        let (end, why) = if let Some(gone) = left.gone {
            (BranchEnd::Skipped, gone)
        } else if let Some(path) = left.elsewhere {
            (BranchEnd::CheckedOut, format!("{} is checked out at {}, so it stays", self.branch, path.display()))
        } else {
            if let Some(name) = keep_as {
                refs::follow(&context.repository, &[(name, tip)])?;
            }
            let update = RefUpdate { name: self.branch.full(), old: Some(tip.clone()), new: None };
            match refs::swap(&context.repository, &[update], "aitask: finished")? {
                refs::Swap::Done => {
                    removal.branch = BranchEnd::Deleted;
                    return Ok(());
                }
                refs::Swap::Refused(said) | refs::Swap::CutOff(said) => {
                    let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_owned();
                    (BranchEnd::Unknown, format!("{} could not be deleted, so it stays: {said}", self.branch))
                }
            }
        };
        removal.branch = end;
        removal.causes.push(why);
        Ok(())
    }
}
