//! Removing the worktree of a task, and its branch. Only what is registered to the task's own branch goes, or a leftover
//! below `aiwork/` that nothing is registered to.

use crate::error::{Error, Hint, Kind, Result};
use crate::git::porcelain::worktree_list::{Loosely, WorktreeRecord};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, RefName, RefUpdate, Repository, merge, refs, registry, worktree};
use crate::ledger::Channel;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::cut_off::{self, Site, name_of};
use crate::project::holder::require_idle;
use crate::project::marker::Mark;
use crate::project::mended::first_work;
use crate::task::{TaskId, TaskName, WORKTREES_DIR};
use crate::worktrees::branches::tips;
use crate::worktrees::landed::{has_landed, lost_rebase, merge_targets};
use crate::worktrees::registry::{missing_worktree, require_no_link, require_nothing_nested};
use crate::worktrees::registry_state::RegistryState;
use crate::worktrees::task_worktree::TaskWorktree;
use std::path::{Path, PathBuf};

/// How to remove.
#[derive(Debug)]
pub(crate) struct RemovalOptions<'m> {
    /// What becomes of uncommitted work.
    pub(crate) work: Unsaved,
    /// What is to go.
    pub(crate) extent: Extent,
    /// What becomes of the branch.
    pub(crate) branch: BranchDeletion<'m>,
    /// Only say what would come of it.
    pub(crate) dry_run: bool,
}

/// What of a task's worktree is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The worktree. What stands in the way is an error, and nothing goes; but a folder that is gone is told.
    Worktree,
    /// The worktree, and a leftover folder in its place. What stands in the way is told as [`WorktreeResult::Kept`].
    Folder,
    /// As [`Self::TaskWorktree`]; but a worktree in the middle of a rebase of the task branch counts as none of the task's.
    FolderUnlessRebasing,
}

/// What becomes of the task branch once its worktree is removed.
#[derive(Debug)]
pub(crate) enum BranchDeletion<'m> {
    /// It stays.
    Stays,
    /// It goes if all its commits are where the work of this task is to land; no task: in what the main worktree has
    /// checked out.
    IfLanded(Option<TaskId>),
    /// It goes from exactly this commit, whose content has landed. Where the commit itself has not, it keeps another name.
    LandedIn {
        /// The commit.
        tip: &'m Oid,
        /// The branch that has its content.
        into: &'m Branch,
    },
}

/// What became of the worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum WorktreeResult {
    /// There was none.
    #[default]
    None,
    /// It is gone.
    Removed(PathBuf),
    /// It stays, for this reason.
    Kept(KeptReason, PathBuf),
}

/// Why a worktree stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeptReason {
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

impl KeptReason {
    /// The word of the scripts, who have none of their own for a session that works there.
    pub(crate) fn name(self) -> &'static str {
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
pub(crate) enum BranchResult {
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

impl BranchResult {
    /// Whether there is a branch still.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self, Self::None | Self::Deleted)
    }
}

/// What came of a removal.
#[derive(Debug, Default)]
pub(crate) struct Removal {
    /// The worktree.
    pub(crate) worktree: WorktreeResult,
    /// The branch.
    pub(crate) branch: BranchResult,
    /// Why something stayed, and what went that nothing else has; in words.
    pub(crate) causes: Vec<String>,
    /// The refusal, where another session works in the worktree.
    pub(crate) held: Option<Error>,
    /// Where the rebase stood that went with the worktree, if it had commits that nothing else has; in words.
    pub(crate) lost_rebase: Option<String>,
}

impl Removal {
    /// Whether there was a worktree, and it is gone.
    pub(crate) fn has_removed(&self) -> bool {
        matches!(self.worktree, WorktreeResult::Removed(_))
    }

    /// Whether nothing is left but a branch with commits of its own.
    pub(crate) fn is_preserved(&self) -> bool {
        matches!(&self.branch, BranchResult::Unmerged(_)) && !matches!(self.worktree, WorktreeResult::Kept(..))
    }

    /// Whether nothing is left.
    pub(crate) fn is_clean(&self) -> bool {
        !matches!(self.worktree, WorktreeResult::Kept(..)) && !self.branch.is_kept()
    }
}

impl TaskWorktree {
    /// Refuses what [`remove`] would lose: uncommitted work, unless it is to be discarded, and what is going on in
    /// the worktree; another worktree in it; the registration of one that was moved by hand; and one that is locked.
    ///
    /// # Errors
    /// [`Kind::Dirty`] and [`Kind::Occupied`].
    pub(crate) fn require_removable(&self, context: &Context, work: Unsaved) -> Result<()> {
        let Some(record) = self.record.as_ref().or_else(|| self.using_branch().next()) else { return Ok(()) };
        let (repository, show) = (&context.repository, record.path.display());
        let refuse = |kind, message: String, hint: Hint| Err(Error::new(kind, message).hint(hint));
        let site = self.site(context, record);
        let cut_off = site.cut_off();
        let is_made = |reason: &str| cut_off.is_some() && cut_off::is_initializing_lock(reason.as_bytes());
        if let Some(reason) = record.locked.as_ref().filter(|reason| !is_made(reason)) {
            let message = format!("the worktree {show} is locked: {reason}");
            return refuse(Kind::Occupied, message, command!["git worktree unlock", record.path.display()]);
        }
        // One that is half removed looks gone, too, and may have work in it.
        if worktree::is_gone(record) && cut_off.is_none() {
            if work == Unsaved::Discard {
                return Ok(());
            }
            if repository.here_branch.as_ref() == Some(&self.branch) {
                let message = format!("git looks for this worktree at {show}, from where it was moved");
                let repair = command!["git worktree repair"].within(&repository.toplevel);
                return refuse(Kind::Occupied, message, repair);
            }
            return Err(missing_worktree(&record.path, &self.branch));
        }
        if self.removable(context).is_some() {
            require_nothing_nested(&self.all, &record.path, work)?;
        }
        if work == Unsaved::Discard {
            return Ok(());
        }
        let show_status = command!["git status"].within(&record.path);
        if let Some(what) = worktree::in_progress(&record.path) {
            return refuse(Kind::Dirty, format!("{show} is in the middle of {what}"), show_status);
        }
        if record.detached {
            let message =
                format!("{show} is on no branch (detached HEAD), so {} lacks what is done there", self.branch);
            return refuse(Kind::Dirty, message, show_status);
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

    /// Squashed: the content has landed, the commits have not. They keep a name of their own, and so do earlier ones.
    fn squashed_ref(&self, context: &Context, tip: &Oid, into: &Branch) -> Result<Option<RefName>> {
        let repository = &context.repository;
        let tips = tips(context, into)?;
        let published = if context.channel == Channel::Local { tips.local } else { tips.tracking };
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
}

/// Removes the worktree of a task branch and then the branch. The registry, and what [`TaskWorktree::require_removable`] looks at,
/// is read again right before, beside no other command of ours.
///
/// # Errors
/// For [`Extent::Worktree`] those of [`TaskWorktree::require_removable`]; then nothing is removed.
pub(crate) fn remove(context: &Context, branch: &Branch, options: &RemovalOptions<'_>) -> Result<Removal> {
    let repository = &context.repository;
    let queue = || Queue::enter(repository, context.settings.timeout, context.narrate);
    let _queue = (!options.dry_run).then(queue).transpose()?;
    let listed = match options.extent {
        Extent::Worktree => Loosely { records: worktree::list(repository)?, whole: true },
        Extent::Folder | Extent::FolderUnlessRebasing => worktree::list_loosely(repository)?,
    };
    let default_path = repository.root.join(WORKTREES_DIR).join(name_of(branch));
    let mut place = TaskWorktree::from_records(context, listed.records.clone(), branch.clone(), default_path);
    let is_rebasing = options.extent == Extent::FolderUnlessRebasing
        && place.record.as_ref().is_some_and(|record| record.branch.is_none());
    place.record = place.record.filter(|_| !is_rebasing);
    let removal = Removal::default();
    let mut teardown = Teardown { context, options, place: &place, listed: &listed, is_rebasing, removal };
    teardown.removal.worktree = teardown.remove_worktree()?;
    teardown.remove_branch()?;
    Ok(teardown.removal)
}

struct Teardown<'t> {
    context: &'t Context,
    options: &'t RemovalOptions<'t>,
    place: &'t TaskWorktree,
    listed: &'t Loosely,
    /// The task's worktree is there, in the middle of a rebase that is not to be disturbed.
    is_rebasing: bool,
    removal: Removal,
}

impl Teardown<'_> {
    fn remove_worktree(&mut self) -> Result<WorktreeResult> {
        let worktree_only = self.options.extent == Extent::Worktree;
        let record = self.place.record.as_ref();
        let whole = record.is_none_or(|record| !self.is_cut_off(record));
        let record = match RegistryState::of(self.context, self.listed, record) {
            // Whatever its path is made of, the main worktree and the one that stands for it never go.
            _ if worktree_only => self.place.removable(self.context),
            RegistryState::Main(path) => return Ok(WorktreeResult::Kept(KeptReason::MainWorktree, path)),
            RegistryState::Unsafe(path) => return Ok(WorktreeResult::Kept(KeptReason::UnsafePath, path)),
            RegistryState::Locked(path) if whole => return Ok(WorktreeResult::Kept(KeptReason::Locked, path)),
            _ => record,
        };
        if let Some(gone_record) = record.filter(|it| whole && it.locked.is_none() && worktree::is_gone(it)) {
            return Ok(WorktreeResult::Kept(KeptReason::StaleRecord, gone_record.path.clone()));
        }
        if record.is_none() && !self.is_rebasing && !self.options.dry_run {
            // What that is about is gone.
            Mark::removing(&self.context.repository, name_of(&self.place.branch)).clear();
        }
        if worktree_only {
            return record.map_or(Ok(WorktreeResult::None), |record| self.remove_registered(record));
        }
        let leftover = self.leftover();
        let Some(first) = record.map(|record| &record.path).or(leftover.as_ref()) else {
            return Ok(WorktreeResult::None);
        };
        if self.options.work == Unsaved::Discard
            && let Err(error) = require_idle(self.context, name_of(&self.place.branch))
        {
            let why = error.to_string();
            self.removal.held = Some(error);
            return Ok(self.kept(KeptReason::Held, first.clone(), why));
        }
        let Some(record) = record else {
            return leftover.map_or(Ok(WorktreeResult::None), |path| self.remove_leftover(path));
        };
        let removed = self.remove_registered(record)?;
        match (leftover.map(|path| self.remove_leftover(path)).transpose()?, &removed) {
            (Some(kept @ WorktreeResult::Kept(..)), WorktreeResult::Removed(path)) => {
                self.removal.causes.push(format!("{} was removed", path.display()));
                Ok(kept)
            }
            _ => Ok(removed),
        }
    }

    fn kept(&mut self, reason: KeptReason, path: PathBuf, why: String) -> WorktreeResult {
        self.removal.causes.push(why);
        WorktreeResult::Kept(reason, path)
    }

    /// Whether a command was killed while it made or removed the worktree, and nobody keeps it by a lock.
    fn is_cut_off(&self, record: &WorktreeRecord) -> bool {
        let lock = record.locked.as_ref();
        lock.is_none_or(|lock| cut_off::is_initializing_lock(lock.as_bytes()))
            && self.place.site(self.context, record).cut_off().is_some()
    }

    fn remove_registered(&mut self, record: &WorktreeRecord) -> Result<WorktreeResult> {
        let (context, work, path) = (self.context, self.options.work, record.path.clone());
        let site = self.place.site(context, record);
        // A link is no way to a worktree that lies elsewhere.
        let below = path.starts_with(context.repository.root.join(WORKTREES_DIR));
        let is_ours = self.options.extent == Extent::Worktree || below;
        let linked = if is_ours { require_no_link(context, &path) } else { Ok(()) };
        let judged = linked.and_then(|()| self.place.require_removable(context, work));
        let done = judged.and_then(|()| if self.options.dry_run { Ok(()) } else { self.discard(&site) });
        match done {
            Ok(()) => Ok(WorktreeResult::Removed(path)),
            Err(error) if self.options.extent == Extent::Worktree || error.kind() == Kind::Interrupted => Err(error),
            Err(error) => {
                // What git itself would not remove unforced is taken to have work in it.
                let has_work = match error.kind() {
                    Kind::Dirty => true,
                    Kind::Occupied => false,
                    _ => work == Unsaved::Keep,
                };
                let reason = if has_work { KeptReason::Dirty } else { KeptReason::Unknown };
                Ok(self.kept(reason, path, error.to_string()))
            }
        }
    }

    fn discard(&mut self, site: &Site<'_>) -> Result<()> {
        let (context, path) = (self.context, site.path);
        let limit = context.settings.timeout;
        let Err(error) = site.remove(self.options.work, limit) else { return Ok(()) };
        let forced = self.options.work == Unsaved::Discard && self.options.extent != Extent::Worktree;
        if !forced || error.kind() == Kind::Interrupted {
            return Err(error);
        }
        // Git refuses a worktree it cannot read, too; the registry must still say whose it is.
        let now = worktree::list_loosely(&context.repository)?;
        let same =
            now.records.iter().find(|record| record.path == path && record.branch == Some(self.place.branch.full()));
        let is_usable = same.is_some() && matches!(RegistryState::of(context, &now, same), RegistryState::Usable(_));
        if !is_usable || is_of_another_repository(&context.repository, path) {
            return Err(error);
        }
        self.removal.causes.push(error.to_string());
        std::fs::remove_dir_all(path).map_err(|error| Error::io("remove", path, &error))?;
        site.remove(Unsaved::Discard, limit)
    }

    /// The folder at the task's place that is not the task's worktree.
    fn leftover(&self) -> Option<PathBuf> {
        let path = &self.place.default_path;
        let inside = self.place.all.iter().find(|record| record.path.starts_with(path));
        let ours = inside.is_some() && inside == self.place.record.as_ref();
        (is_folder(path) && !ours).then(|| path.clone())
    }

    /// Removes the leftover: only when nothing is registered there.
    fn remove_leftover(&mut self, path: PathBuf) -> Result<WorktreeResult> {
        let (show, folder) = (path.display(), self.context.repository.root.join(WORKTREES_DIR));
        if !is_folder(&folder) {
            let why = format!("{} is a symbolic link, and none is followed", folder.display());
            return Ok(self.kept(KeptReason::Unknown, path, why));
        }
        if let Some(record) = self.place.all.iter().find(|record| record.path.starts_with(&path)) {
            let whose = record.branch.as_ref().map_or("a detached HEAD, or a rebase", |branch| branch.as_str());
            let why = format!("{show} is a worktree of {whose}");
            return Ok(self.kept(KeptReason::Unknown, path, why));
        }
        if self.options.work == Unsaved::Keep {
            let why = format!("{show} is no worktree; --force removes it");
            return Ok(self.kept(KeptReason::Dirty, path, why));
        }
        if !self.options.dry_run {
            std::fs::remove_dir_all(&path).map_err(|error| Error::io("remove", &path, &error))?;
        }
        Ok(WorktreeResult::Removed(path))
    }

    fn remove_branch(&mut self) -> Result<()> {
        let (context, place) = (self.context, self.place);
        let tip = match &self.options.branch {
            BranchDeletion::Stays => return Ok(()),
            BranchDeletion::LandedIn { tip, .. } => (*tip).clone(),
            BranchDeletion::IfLanded(_) => match place.tip(context)? {
                Some(tip) => tip,
                None => return Ok(()),
            },
        };
        if let WorktreeResult::Kept(reason, path) = &self.removal.worktree {
            if self.options.extent == Extent::Worktree && *reason == KeptReason::StaleRecord {
                let (error, show) = (missing_worktree(path, &place.branch), path.display());
                self.removal.causes.push(format!(
                    "{error}, so it and the branch stay; if it was moved, git worktree repair NEW_PLACE finds it again; if \
                     it was deleted, git worktree remove {show} forgets it"
                ));
            }
            self.removal.branch = BranchResult::Skipped;
            return Ok(());
        }
        let record = place.record.as_ref().filter(|_| self.removal.has_removed());
        let elsewhere = place.using_branch().find(|other| Some(*other) != record);
        if let BranchDeletion::IfLanded(task) = self.options.branch {
            let merge_targets = task.map_or_else(Vec::new, |task| merge_targets(context, task));
            let stood = record.filter(|record| record.detached).and_then(|record| record.head.as_ref());
            self.removal.lost_rebase = lost_rebase(context, stood, &merge_targets)?;
            // Git itself would be content with commits that are in the branch's upstream.
            if !has_landed(context, &tip, &merge_targets)? {
                let into =
                    merge_targets.first().or(context.repository.root_branch.as_ref()).map_or("HEAD", Branch::as_str);
                let unmerged = || BranchResult::Unmerged(into.to_owned());
                self.removal.branch = elsewhere.map_or_else(unmerged, |_| BranchResult::CheckedOut);
                return Ok(());
            }
        }
        if let Some(other) = elsewhere {
            self.removal.branch = self.checked_out(other);
            return Ok(());
        }
        self.removal.branch = if self.options.dry_run { BranchResult::Deleted } else { self.delete_branch(&tip)? };
        Ok(())
    }

    fn checked_out(&mut self, other: &WorktreeRecord) -> BranchResult {
        let why = format!("{} is checked out at {}, so it stays", self.place.branch, other.path.display());
        self.removal.causes.push(why);
        BranchResult::CheckedOut
    }

    /// Deletes the task branch from exactly this commit, and what the configuration says of it.
    fn delete_branch(&mut self, tip: &Oid) -> Result<BranchResult> {
        let (repository, branch) = (&self.context.repository, &self.place.branch);
        if let BranchDeletion::LandedIn { into, .. } = self.options.branch
            && let Some(name) = self.place.squashed_ref(self.context, tip, into)?
        {
            refs::follow(repository, &[(name, tip)])?;
        }
        let full = branch.full();
        if self.options.extent != Extent::Worktree {
            // The list was read before the worktree went, which may have taken long, and plain git does not queue.
            let records = worktree::list_loosely(repository)?.records;
            if let Some(other) = records.iter().find(|record| record.branch.as_ref() == Some(&full)) {
                return Ok(self.checked_out(other));
            }
        }
        let update = RefUpdate { name: full, old: Some(tip.clone()), new: None };
        match refs::swap(repository, &[update], "aitask: finished")? {
            refs::Swap::Done => {}
            refs::Swap::Refused(said) | refs::Swap::CutOff(said) => {
                let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
                self.removal.causes.push(format!("{branch} could not be deleted, so it stays: {said}"));
                return Ok(BranchResult::Unknown);
            }
        }
        // Best effort: what is left there names a branch that is no more. Most task branches have nothing there, and the
        // file is read to spare the process.
        let config = std::fs::read_to_string(repository.common_dir.join("config")).unwrap_or_default();
        if config.contains(&format!("[branch \"{branch}\"]")) {
            let section = format!("branch.{branch}");
            let _ = repository.write("config").args(["--remove-section", &section]).output();
        }
        Ok(BranchResult::Deleted)
    }
}

/// Whether what stands in the place of a worktree belongs to another repository: one that was cloned there, or that took the
/// place of ours when ours was moved. Without a `.git`, or with one that leads nowhere, it is nobody else's.
fn is_of_another_repository(repository: &Repository, path: &Path) -> bool {
    let real = |path: PathBuf| path.canonicalize().ok();
    let own = real(repository.common_dir.join("worktrees"));
    let there = registry::git_dir(path).and_then(real);
    there.is_some_and(|there| own.is_none_or(|own| !there.starts_with(own)))
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| data.is_dir())
}
