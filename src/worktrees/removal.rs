//! Removing the worktree of a task and its branch. Only the worktree that is registered for the task's own branch is
//! removed, or a leftover folder below `aiwork/` for which nothing is registered.
//!
//! The order is: worktree, then branch. Killed in between, the branch still has every commit, and the same command
//! removes it later; the other way round, a worktree would be left on a branch that does not exist.

use crate::error::{Error, Hint, Kind, Result};
use crate::git::porcelain::status::{StatusEntry, StatusKind};
use crate::git::porcelain::worktree_list::{PartialList, WorktreeRecord};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, RefName, RefUpdate, Repository, hidden_edits, merge, refs, registry, worktree};
use crate::ledger::Channel;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::holder::{Respected, require_idle};
use crate::project::marker::InProgressMarker;
use crate::project::repaired::{first_of, first_work};
use crate::project::worktree_recovery::{self, RecoverableWorktree, name_of};
use crate::task::{TaskName, WORKTREES_DIR};
use crate::worktrees::branches::tips;
use crate::worktrees::detached;
use crate::worktrees::landed::{has_landed, lost_rebase, merge_targets};
use crate::worktrees::prepare::clear_worktree;
use crate::worktrees::registry::{
    ignored_files, is_expendable_clone, missing_worktree, moved_with, require_no_link, require_nothing_nested,
};
use crate::worktrees::registry_state::RegistryState;
use crate::worktrees::removal_result::{
    BranchDeletion, BranchResult, Extent, KeptReason, Removal, RemovalOptions, WorktreeResult,
};
use crate::worktrees::task_worktree::TaskWorktree;
use std::path::{Path, PathBuf};

impl TaskWorktree {
    /// Refuses a removal that would lose something: uncommitted work and an operation in progress (unless the work is
    /// to be discarded); another worktree inside this one; the registration of a worktree that was moved by hand; and a
    /// worktree that somebody locked.
    ///
    /// # Errors
    /// [`Kind::Dirty`] and [`Kind::Occupied`].
    pub(crate) fn require_removable(&self, context: &Context, work: Unsaved) -> Result<()> {
        if let Some(strayed) = self.strayed(context).filter(|_| work == Unsaved::Keep) {
            return Err(self.stray_error(context, strayed, Kind::Dirty)?);
        }
        if work == Unsaved::Keep {
            self.require_not_forgotten(context)?;
        }
        let Some(record) = self.record.as_ref().or_else(|| self.using_branch().next()) else { return Ok(()) };
        let (repository, show) = (&context.repository, record.path.display());
        let refuse = |kind, message: String, hint: Hint| Err(Error::new(kind, message).hint(hint));
        let site = self.site(context, record);
        let cut_off = site.interruption();
        let is_made = |reason: &str| cut_off.is_some() && worktree_recovery::is_initializing_lock(reason.as_bytes());
        if let Some(reason) = record.locked.as_ref().filter(|reason| !is_made(reason)) {
            let message = format!("the worktree {show} is locked: {reason}");
            return refuse(Kind::Occupied, message, command!["git worktree unlock", record.path.display()]);
        }
        // A half-removed worktree looks missing to git as well, but its files may still be there, with work in them.
        if worktree::is_gone(record) && cut_off.is_none() {
            if work == Unsaved::Discard {
                return Ok(());
            }
            if repository.here_branch.as_ref() == Some(&self.branch) {
                let message = format!("this worktree was moved by hand; git has it registered at {show}");
                let repair = command!["git worktree repair"].within(&repository.toplevel);
                return refuse(Kind::Occupied, message, repair);
            }
            return Err(missing_worktree(&context.repository.root, &record.path, &self.branch));
        }
        if self.removable(context).is_some() {
            require_nothing_nested(repository, &self.all, &record.path, work)?;
        }
        if work == Unsaved::Discard {
            return Ok(());
        }
        let show_status = command!["git status"].within(&record.path);
        if let Some(what) = worktree::in_progress(&record.path) {
            return refuse(Kind::Dirty, format!("{show} is in the middle of {what}"), show_status);
        }
        if record.detached {
            let message = format!("{show} is on no branch (detached HEAD), so its commits are not on {}", self.branch);
            return refuse(Kind::Dirty, message, show_status);
        }
        let mut found = site.load_work()?;
        found.retain(|entry| !is_clone(repository, &record.path, entry));
        if found.is_empty() {
            if cut_off.is_none() {
                require_no_hidden_edits(repository, &record.path)?;
            }
            return site.require_expendable_submodules();
        }
        let message = format!("{show} has uncommitted work: {}", first_work(&found));
        // In a half-made or half-removed worktree, `git add -A` would commit the deletion of every missing file.
        let hint = match TaskName::from_branch(self.branch.as_str()).filter(|_| cut_off.is_some()) {
            Some(name) => command!["git aitask worktree add", name.id()].note("completes it"),
            None => command!["git add -A && git commit -m", self.branch.as_str()].within(&record.path),
        };
        refuse(Kind::Dirty, message, hint)
    }
}

/// Keeps the commits of a squashed task branch reachable by a ref: their content has landed, they have not. A ref of an
/// earlier squash of this task is not overwritten. Nothing to do where the commits themselves have landed.
pub(crate) fn keep_squashed(context: &Context, branch: &Branch, tip: &Oid, into: &Branch) -> Result<()> {
    let repository = &context.repository;
    let tips = tips(context, into)?;
    let published = if context.channel == Channel::Local { tips.local } else { tips.tracking };
    if let Some(output) = &published
        && merge::is_ancestor(repository, tip, output)?
    {
        return Ok(());
    }
    let name = format!("refs/aitask/squashed/{}", name_of(branch));
    let Some(first) = RefName::parse(&name) else { return Ok(()) };
    let taken = match refs::load(repository, std::slice::from_ref(&first))?.get(&first) {
        Some(earlier) => !merge::is_ancestor(repository, earlier, tip)?,
        None => false,
    };
    let free = if taken { RefName::parse(&format!("{name}-{}", tip.short())) } else { Some(first) };
    free.map_or(Ok(()), |name| refs::follow(repository, &[(name, tip)]))
}

/// Removes the worktree of a task branch and then the branch. The registry, and everything that
/// [`TaskWorktree::require_removable`] judges, is read here again, inside the queue: what a caller read before may have
/// changed while it published.
///
/// # Errors
/// For [`Extent::Worktree`] those of [`TaskWorktree::require_removable`]; then nothing is removed.
pub(crate) fn remove(context: &Context, branch: &Branch, options: &RemovalOptions<'_>) -> Result<Removal> {
    remove_unless(context, branch, options, || None)
}

/// As [`remove`], unless this says why the worktree stays after all; it is asked inside the queue.
///
/// # Errors
/// Those of [`remove`].
pub(crate) fn remove_unless(
    context: &Context,
    branch: &Branch,
    options: &RemovalOptions<'_>,
    stays: impl Fn() -> Option<String>,
) -> Result<Removal> {
    let repository = &context.repository;
    let not_cleared = clear(context, branch, options)?;
    let queue = || Queue::enter(repository, context.settings.timeout, context.progress);
    let _queue = (!options.dry_run).then(queue).transpose()?;
    if let Some(why) = stays() {
        return Ok(Removal { branch: BranchResult::Skipped, causes: vec![why], ..Removal::default() });
    }
    let listed = match options.extent {
        Extent::Worktree => PartialList { records: worktree::list(repository)?, whole: true },
        Extent::Folder | Extent::FolderUnlessRebasing => worktree::list_loosely(repository)?,
    };
    let default_path = repository.root.join(WORKTREES_DIR).join(name_of(branch));
    let mut place = TaskWorktree::from_records(context, listed.records.clone(), branch.clone(), default_path);
    let is_rebasing = options.extent == Extent::FolderUnlessRebasing
        && place.record.as_ref().is_some_and(|record| record.branch.is_none());
    place.record = place.record.filter(|_| !is_rebasing);
    let removal = Removal { gone: not_cleared.into_iter().collect(), ..Removal::default() };
    let mut teardown = Teardown { context, options, place: &place, listed: &listed, is_rebasing, removal };
    teardown.removal.worktree = teardown.remove_worktree()?;
    teardown.remove_branch()?;
    Ok(teardown.removal)
}

/// Runs the project's commands that clear the worktree up, before the queue is entered: they may take long, and may be
/// commands of this program. Nothing runs where the removal would be refused. Killed in between, the worktree is there and
/// the next removal runs them again. Where work is discarded a failure is only said, since the user wants the worktree gone.
///
/// # Errors
/// [`Kind::CheckFailed`]; then nothing is removed.
fn clear(context: &Context, branch: &Branch, options: &RemovalOptions<'_>) -> Result<Option<String>> {
    let is_asked = options.extent != Extent::FolderUnlessRebasing && !options.dry_run;
    if !is_asked || context.settings.worktree_teardown.is_empty() {
        return Ok(None);
    }
    let default_path = context.repository.root.join(WORKTREES_DIR).join(name_of(branch));
    let place = TaskWorktree::find_for_branch(context, branch.clone(), default_path)?;
    let (Some(record), Some(name)) = (place.removable(context), TaskName::from_branch(branch.as_str())) else {
        return Ok(None);
    };
    let is_whole = !worktree::is_gone(record) && place.site(context, record).interruption().is_none();
    let is_used = || options.extent == Extent::Folder && require_idle(context, name.as_str(), Respected::All).is_err();
    if !is_whole || place.require_removable(context, options.work).is_err() || is_used() {
        return Ok(None);
    }
    match clear_worktree(context, &name, &record.path) {
        Err(error) if options.work == Unsaved::Discard && error.kind() == Kind::CheckFailed => {
            Ok(Some(error.to_string()))
        }
        done => {
            let all_the_same = command!["git aitask worktree remove", name.id(), "--discard"];
            let note = "removes it all the same, with what is in it";
            done.map(|()| None).map_err(|error| error.hint(all_the_same.note(note)))
        }
    }
}

struct Teardown<'t> {
    context: &'t Context,
    options: &'t RemovalOptions<'t>,
    place: &'t TaskWorktree,
    listed: &'t PartialList,
    /// The task's worktree exists and its branch is being rebased there, which must not be disturbed.
    is_rebasing: bool,
    removal: Removal,
}

impl Teardown<'_> {
    fn remove_worktree(&mut self) -> Result<WorktreeResult> {
        let worktree_only = self.options.extent == Extent::Worktree;
        let record = self.place.record.as_ref();
        let whole = record.is_none_or(|record| !self.is_cut_off(record));
        let record = match RegistryState::of(self.context, self.listed, record) {
            // The main worktree, and the first one of a bare repository, are never removed.
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
            // The worktree is gone, so the marker of its interrupted removal is about nothing any more.
            InProgressMarker::removing(&self.context.repository, name_of(&self.place.branch)).clear();
        }
        if worktree_only {
            return record.map_or(Ok(WorktreeResult::None), |record| self.remove_registered(record));
        }
        let leftover = self.leftover();
        let Some(first) = record.map(|record| &record.path).or(leftover.as_ref()) else {
            return Ok(WorktreeResult::None);
        };
        let (respected, reason) = match (self.options.work, self.options.extent) {
            // The scripts know one option for work to discard and for a session of one's own that is to end, and one
            // word for all that it overrules.
            (Unsaved::Discard, Extent::FolderUnlessRebasing) => (Respected::Others, KeptReason::Held),
            (Unsaved::Discard, _) => (Respected::All, KeptReason::Held),
            (Unsaved::Keep, Extent::FolderUnlessRebasing) => (Respected::All, KeptReason::Dirty),
            (Unsaved::Keep, _) => (Respected::Here, KeptReason::Held),
        };
        if let Err(error) = require_idle(self.context, name_of(&self.place.branch), respected) {
            let why = error.to_string();
            self.removal.held = Some(error);
            return Ok(self.kept(reason, first.clone(), why));
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

    /// Whether a command was killed while it added or removed the worktree, and nobody has locked it since.
    fn is_cut_off(&self, record: &WorktreeRecord) -> bool {
        let lock = record.locked.as_ref();
        lock.is_none_or(|lock| worktree_recovery::is_initializing_lock(lock.as_bytes()))
            && self.place.site(self.context, record).interruption().is_some()
    }

    fn remove_registered(&mut self, record: &WorktreeRecord) -> Result<WorktreeResult> {
        let (context, work, path) = (self.context, self.options.work, record.path.clone());
        let site = self.place.site(context, record);
        // A worktree that the user added elsewhere may have a symbolic link in its path; only below `aiwork/` none is
        // expected.
        let below = path.starts_with(context.repository.root.join(WORKTREES_DIR));
        let is_ours = self.options.extent == Extent::Worktree || below;
        let linked = if is_ours { require_no_link(context, &path) } else { Ok(()) };
        let judged = linked.and_then(|()| self.place.require_removable(context, work));
        let ignored = judged.as_ref().ok().and_then(|()| count_ignored(&context.repository, &path));
        let done = judged.and_then(|()| {
            // First, so that a kill in between loses nothing.
            self.removal.gone.extend(detached::keep(&context.repository, &path, self.options.dry_run)?);
            if self.options.dry_run { Ok(()) } else { self.discard(&site) }
        });
        match done {
            Ok(()) => {
                self.removal.gone.extend(ignored);
                Ok(WorktreeResult::Removed(path))
            }
            Err(error) if self.options.extent == Extent::Worktree || error.kind() == Kind::Interrupted => Err(error),
            Err(error) => {
                // Any other refusal of an unforced `git worktree remove` is reported as work in it, which is the safe
                // answer.
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

    fn discard(&mut self, site: &RecoverableWorktree<'_>) -> Result<()> {
        let (context, path) = (self.context, site.path);
        let limit = context.settings.timeout;
        let Err(mut error) = site.remove(self.options.work, limit) else { return Ok(()) };
        if self.options.work == Unsaved::Keep && error.kind() == Kind::Dirty {
            let found = site.load_work()?;
            if !found.is_empty() && found.iter().all(|entry| is_clone(&context.repository, path, entry)) {
                for clone in found {
                    let clone = path.join(clone.path);
                    std::fs::remove_dir_all(&clone).map_err(|error| Error::io("remove", &clone, &error))?;
                }
                match site.remove(Unsaved::Keep, limit) {
                    Ok(()) => return Ok(()),
                    Err(again) => error = again,
                }
            }
        }
        let forced = self.options.work == Unsaved::Discard && self.options.extent != Extent::Worktree;
        if !forced || error.kind() == Kind::Interrupted {
            return Err(error);
        }
        // Git also refuses to remove a worktree whose `.git` file is broken. The user said that its content may be
        // discarded, so the folder is deleted, but only while the registry still assigns that path to this task's
        // branch.
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

    /// The folder at the default path, where it is not the task's worktree.
    fn leftover(&self) -> Option<PathBuf> {
        let path = &self.place.default_path;
        let inside = self.place.all.iter().find(|record| record.path.starts_with(path));
        let ours = inside.is_some() && inside == self.place.record.as_ref();
        (is_folder(path) && !ours).then(|| path.clone())
    }

    /// Removes the leftover folder, only where no worktree is registered in it.
    fn remove_leftover(&mut self, path: PathBuf) -> Result<WorktreeResult> {
        let (show, folder) = (path.display(), self.context.repository.root.join(WORKTREES_DIR));
        if !is_folder(&folder) {
            let why = format!("{} is a symbolic link, which is not followed", folder.display());
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
                let root = &context.repository.root;
                let (error, show) = (missing_worktree(root, path, &place.branch), path.display());
                let moved =
                    moved_with(root, path).map_or_else(|| "NEW_PLACE".to_owned(), |to| to.display().to_string());
                self.removal.causes.push(format!(
                    "{error}, so it and the branch are kept; if it was moved, git worktree repair {moved} registers it \
                     again; if it was deleted, git worktree remove {show} removes the registration"
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
            self.removal.gone.extend(lost_rebase(context, stood, &merge_targets)?);
            // `git branch -d` is not used: it regards a branch as merged when its upstream has the commits, and the
            // upstream of a task branch is its own published copy.
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
        let why = format!("{} is checked out at {}, so it is kept", self.place.branch, other.path.display());
        self.removal.causes.push(why);
        BranchResult::CheckedOut
    }

    /// Deletes the task branch if it is still at this commit, and its section of the configuration. The ref that keeps
    /// a squashed branch reachable is written first: killed in between, both exist, and nothing is lost.
    fn delete_branch(&mut self, tip: &Oid) -> Result<BranchResult> {
        let (repository, branch) = (&self.context.repository, &self.place.branch);
        if let BranchDeletion::LandedIn { into, .. } = self.options.branch {
            keep_squashed(self.context, branch, tip, into)?;
        }
        let full = branch.full();
        if self.options.extent != Extent::Worktree {
            // Read again: removing the worktree may have taken long, and a plain `git worktree add` does not wait in
            // our queue.
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
                self.removal.causes.push(format!("{branch} could not be deleted, so it is kept: {said}"));
                return Ok(BranchResult::Unknown);
            }
        }
        // A section that stays only names a branch that no longer exists, so a failure is ignored. Most task branches
        // have no section; reading the file is cheaper than a git process.
        let config = std::fs::read_to_string(repository.common_dir.join("config")).unwrap_or_default();
        if config.contains(&format!("[branch \"{branch}\"]")) {
            let section = format!("branch.{branch}");
            let _ = repository.write("config").args(["--remove-section", &section]).output();
        }
        Ok(BranchResult::Deleted)
    }
}

/// A sentence about the files that git ignores in a worktree and its submodules, if there are any. They are removed with
/// it, since most can be made again; it is said, for the one that cannot.
fn count_ignored(repository: &Repository, path: &Path) -> Option<String> {
    // What cannot be listed cannot be counted, and the removal says why.
    let files = ignored_files(repository, path).ok().filter(|files| !files.is_empty())?;
    let (count, names) = (files.len(), first_of(files.iter().map(PathBuf::as_path)));
    let (files, go) = if count == 1 { ("file", "goes") } else { ("files", "go") };
    Some(format!("{count} ignored {files} {go} with {}: {names}", path.display()))
}

/// Whether an untracked entry is a clone that has nothing of its own: nothing is lost with it.
fn is_clone(repository: &Repository, path: &Path, entry: &StatusEntry) -> bool {
    entry.kind == StatusKind::Untracked && is_expendable_clone(repository, &path.join(&entry.path))
}

/// Refuses a worktree with edits that git does not show, and so does not protect.
fn require_no_hidden_edits(repository: &Repository, path: &Path) -> Result<()> {
    let found = hidden_edits::load(repository, path)?;
    let Some(first) = found.first() else { return Ok(()) };
    let names = first_of(found.iter().map(|edit| edit.path.as_path()));
    let show = path.display();
    let message =
        format!("{show} has uncommitted work that git status hides until git update-index {}: {names}", first.unmark);
    let file = path.join(&first.path);
    let file = file.strip_prefix(&first.top).unwrap_or(&file);
    let show = command!["git update-index", first.unmark, file.display()].within(&first.top);
    Err(Error::new(Kind::Dirty, message).hint(show.note("git status shows it then")))
}

/// Whether the folder at a worktree's path belongs to another repository: one that was cloned there, for instance after
/// our worktree was moved away. A folder without a `.git`, or with one that points nowhere, belongs to no other
/// repository.
fn is_of_another_repository(repository: &Repository, path: &Path) -> bool {
    let real = |path: PathBuf| path.canonicalize().ok();
    let own = real(repository.common_dir.join("worktrees"));
    let there = registry::git_dir(path).and_then(real);
    there.is_some_and(|there| own.is_none_or(|own| !there.starts_with(own)))
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| data.is_dir())
}
