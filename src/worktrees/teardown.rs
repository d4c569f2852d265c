//! Where the worktree of a task is, whatever state it is in, and removing it with its branch.
//! Only what is registered to the task's own branch goes, or a leftover below `aiwork/` that nothing is registered to.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::worktree_list::Loosely;
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, RefUpdate, refs, worktree};
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::cut_off::{Site, is_initializing_lock};
use crate::project::holder::require_idle;
use crate::project::mended::CutOff;
use crate::task::{BRANCH_PREFIX, WORKTREES_DIR};
use crate::worktrees::landed::has_landed;
use crate::worktrees::registry::{branch_in, require_alone};
use crate::worktrees::removal::{BranchEnd, Obstacle, Removal, WorktreeEnd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The name of a task as the scripts take it: one path segment, plain characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorktreeName {
    text: String,
    branch: Branch,
}

impl WorktreeName {
    /// Reads a name; `None` for what could lead out of `aiwork/` or is no branch.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        let task = text.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let branch = Branch::parse(&format!("{BRANCH_PREFIX}{text}")).ok()?;
        (plain && task).then(|| Self { text: text.to_owned(), branch })
    }

    /// The task branch.
    #[must_use]
    pub fn branch(&self) -> &Branch {
        &self.branch
    }
}

/// What is registered to a task's branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// Nothing.
    Nowhere,
    /// A worktree that can be worked in.
    Usable(PathBuf),
    /// A folder that is gone.
    Stale(PathBuf),
    /// A worktree that is locked.
    Locked(PathBuf),
    /// The main worktree.
    Main(PathBuf),
    /// A path that no line protocol can carry; empty when git's list could not be understood whole.
    Unsafe(PathBuf),
}

/// Looks it up in git's registry. One process.
pub fn resolve(context: &Context, name: &WorktreeName) -> Result<Registered> {
    let listed = worktree::list_loosely(&context.repository)?;
    let registered = classify(&listed, name);
    let Registered::Usable(path) = &registered else { return Ok(registered) };
    // The scripts have no words of their own for what is half made, and for what is half removed.
    Ok(match Site::of(&context.repository, path, &name.branch).cut_off() {
        None => registered,
        Some(CutOff::Making) => Registered::Locked(path.clone()),
        Some(CutOff::Removal) => Registered::Stale(path.clone()),
    })
}

fn classify(Loosely { records, whole }: &Loosely, name: &WorktreeName) -> Registered {
    let full = name.branch.full();
    let found = records.iter().enumerate().find(|(_, record)| record.branch.as_ref() == Some(&full));
    let Some((at, record)) = found else {
        return if *whole { Registered::Nowhere } else { Registered::Unsafe(PathBuf::new()) };
    };
    let path = record.path.clone();
    let control = path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'\t' | b'\r' | b'\n'));
    match record {
        _ if control => Registered::Unsafe(path),
        _ if at == 0 => Registered::Main(path),
        WorktreeRecord { locked: Some(_), .. } => Registered::Locked(path),
        _ if worktree::is_gone(record) => Registered::Stale(path),
        _ => Registered::Usable(path),
    }
}

/// How to remove.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// What becomes of uncommitted work.
    pub work: Unsaved,
    /// One in the middle of a rebase of the task branch, in the task's place, is the task's. The scripts take it for none.
    pub rebasing: bool,
    /// The branches of which one must have all commits of the task branch before that goes; none: what the main worktree has
    /// checked out.
    pub homes: Vec<Branch>,
    /// Only say what would come of it.
    pub dry_run: bool,
}

/// Removes worktree and branch.
pub fn remove(context: &Context, name: &WorktreeName, manner: &Manner) -> Result<Removal> {
    let repository = &context.repository;
    // The registry is read again right before, beside no other command of ours.
    let queue = || Queue::enter(repository, context.settings.timeout, context.narrate);
    let _queue = (!manner.dry_run).then(queue).transpose()?;
    let listed = worktree::list_loosely(repository)?;
    let tip = tip(context, &name.branch)?;
    let mut teardown = Teardown { context, name, manner, records: &listed.records, causes: Vec::new(), held: None };
    let rebased = teardown.rebased().and_then(|record| record.head.clone());
    let worktree = teardown.remove_worktree(classify(&listed, name))?;
    let branch = match tip {
        None => BranchEnd::None,
        Some(_) if matches!(worktree, WorktreeEnd::Kept(..)) => BranchEnd::Skipped,
        Some(tip) => teardown.delete_branch(&tip)?,
    };
    let rebased = rebased.filter(|_| matches!(worktree, WorktreeEnd::Removed(_)));
    Ok(Removal { worktree, branch, causes: teardown.causes, held: teardown.held, rebased })
}

fn tip(context: &Context, branch: &Branch) -> Result<Option<Oid>> {
    let full = branch.full();
    Ok(refs::load(&context.repository, std::slice::from_ref(&full))?.remove(&full))
}

struct Teardown<'t> {
    context: &'t Context,
    name: &'t WorktreeName,
    manner: &'t Manner,
    records: &'t [WorktreeRecord],
    causes: Vec<String>,
    held: Option<Error>,
}

impl Teardown<'_> {
    fn remove_worktree(&mut self, registered: Registered) -> Result<WorktreeEnd> {
        let path = match registered {
            Registered::Stale(path) | Registered::Locked(path) if self.is_cut_off(&path) => Some(path),
            Registered::Stale(path) => return Ok(WorktreeEnd::Kept(Obstacle::StaleRecord, path)),
            Registered::Locked(path) => return Ok(WorktreeEnd::Kept(Obstacle::Locked, path)),
            Registered::Main(path) => return Ok(WorktreeEnd::Kept(Obstacle::MainWorktree, path)),
            Registered::Unsafe(path) => return Ok(WorktreeEnd::Kept(Obstacle::UnsafePath, path)),
            Registered::Usable(path) => Some(path),
            Registered::Nowhere => self.rebased().map(|record| record.path.clone()),
        };
        let Some(first) = path.clone().or_else(|| self.leftover()) else { return Ok(WorktreeEnd::None) };
        if self.manner.work == Unsaved::Discard
            && let Err(error) = require_idle(self.context, &self.name.text)
        {
            let why = error.to_string();
            self.held = Some(error);
            return Ok(self.kept(Obstacle::Held, first, why));
        }
        let Some(path) = path else { return self.remove_leftover() };
        match (self.remove_registered(&path)?, self.remove_leftover()?) {
            (WorktreeEnd::Removed(removed), kept @ WorktreeEnd::Kept(..)) => {
                self.causes.push(format!("{} was removed", removed.display()));
                Ok(kept)
            }
            (removed, _) => Ok(removed),
        }
    }

    /// Whether a command was killed while it made or removed the worktree, and nobody keeps it by a lock.
    fn is_cut_off(&self, path: &Path) -> bool {
        let lock = self.records.iter().find(|record| record.path == path).and_then(|record| record.locked.as_ref());
        lock.is_none_or(|lock| is_initializing_lock(lock.as_bytes()))
            && Site::of(&self.context.repository, path, &self.name.branch).cut_off().is_some()
    }

    fn kept(&mut self, reason: Obstacle, path: PathBuf, why: String) -> WorktreeEnd {
        self.causes.push(why);
        WorktreeEnd::Kept(reason, path)
    }

    /// The record of the task's worktree in the middle of a rebase, where that counts.
    fn rebased(&self) -> Option<&WorktreeRecord> {
        let mut records = self.records.iter().filter(|record| self.manner.rebasing && record.branch.is_none());
        records.find(|record| branch_in(self.context, record).as_ref() == Some(&self.name.branch))
    }

    fn remove_registered(&mut self, path: &Path) -> Result<WorktreeEnd> {
        let repository = &self.context.repository;
        let work = self.manner.work;
        if let Err(error) = require_alone(self.records, path, work) {
            let reason = if error.kind() == Kind::Dirty { Obstacle::Dirty } else { Obstacle::Unknown };
            return Ok(self.kept(reason, path.to_owned(), error.to_string()));
        }
        if let Some(what) = worktree::in_progress(path).filter(|_| work == Unsaved::Keep && self.rebased().is_some()) {
            return Ok(self.kept(Obstacle::Dirty, path.to_owned(), format!("it is in the middle of {what}")));
        }
        let site = Site::of(repository, path, &self.name.branch);
        if work == Unsaved::Keep && (self.manner.dry_run || site.cut_off().is_some()) && !site.load_work()?.is_empty() {
            return Ok(self.kept(Obstacle::Dirty, path.to_owned(), format!("{} has uncommitted work", path.display())));
        }
        if self.manner.dry_run {
            return Ok(WorktreeEnd::Removed(path.to_owned()));
        }
        let Err(error) = site.remove(work, self.context.settings.timeout) else {
            return Ok(WorktreeEnd::Removed(path.to_owned()));
        };
        if error.kind() == Kind::Interrupted {
            return Err(error);
        }
        self.causes.push(error.to_string());
        if work == Unsaved::Keep {
            return Ok(WorktreeEnd::Kept(Obstacle::Dirty, path.to_owned()));
        }
        // Git refuses a worktree it cannot read, too; the registry must still say whose it is.
        let listed = worktree::list_loosely(repository)?;
        if classify(&listed, self.name) != Registered::Usable(path.to_owned()) {
            return Ok(WorktreeEnd::Kept(Obstacle::Unknown, path.to_owned()));
        }
        std::fs::remove_dir_all(path).map_err(|error| Error::io("remove", path, &error))?;
        site.remove(Unsaved::Discard, self.context.settings.timeout)?;
        Ok(WorktreeEnd::Removed(path.to_owned()))
    }

    /// The folder at the task's place that is not the task's worktree.
    fn leftover(&self) -> Option<PathBuf> {
        let path = self.context.repository.root.join(WORKTREES_DIR).join(&self.name.text);
        let ours = |record: &&WorktreeRecord| record.branch.as_ref() == Some(&self.name.branch.full());
        let inside = self.records.iter().find(|record| record.path.starts_with(&path));
        let ours = inside.is_some_and(|record| ours(&record)) || inside.is_some() && inside == self.rebased();
        (is_folder(&path) && !ours).then_some(path)
    }

    /// Removes the leftover: only when nothing is registered there.
    fn remove_leftover(&mut self) -> Result<WorktreeEnd> {
        let Some(path) = self.leftover() else { return Ok(WorktreeEnd::None) };
        let (show, folder) = (path.display().to_string(), self.context.repository.root.join(WORKTREES_DIR));
        if !is_folder(&folder) {
            let why = format!("{} is a symbolic link, and none is followed", folder.display());
            return Ok(self.kept(Obstacle::Unknown, path, why));
        }
        if let Some(record) = self.records.iter().find(|record| record.path.starts_with(&path)) {
            let whose = record.branch.as_ref().map_or("a detached HEAD, or a rebase", |branch| branch.as_str());
            let why = format!("{show} is a worktree of {whose}");
            return Ok(self.kept(Obstacle::Unknown, path, why));
        }
        if self.manner.work == Unsaved::Keep {
            return Ok(self.kept(Obstacle::Dirty, path, format!("{show} is no worktree; --force removes it")));
        }
        if !self.manner.dry_run {
            std::fs::remove_dir_all(&path).map_err(|error| Error::io("remove", &path, &error))?;
        }
        Ok(WorktreeEnd::Removed(path))
    }

    fn delete_branch(&mut self, tip: &Oid) -> Result<BranchEnd> {
        let (repository, branch) = (&self.context.repository, &self.name.branch);
        let in_use = || repository.worktree_of(branch).map(|record| record.is_some());
        // Git itself would be content with commits that are in the branch's upstream.
        if !has_landed(self.context, tip, &self.manner.homes)? {
            if !self.manner.dry_run && in_use()? {
                return Ok(BranchEnd::CheckedOut);
            }
            let into = repository.root_branch.as_ref().map_or("HEAD", Branch::as_str);
            return Ok(BranchEnd::Unmerged(into.to_owned()));
        }
        if self.manner.dry_run {
            return Ok(BranchEnd::Deleted);
        }
        let output = repository.write("branch").args(["--quiet", "-d", "--", branch.as_str()]).output()?;
        if output.success() {
            return Ok(BranchEnd::Deleted);
        }
        let complaint = output.complaint();
        if in_use()? {
            self.causes.push(complaint);
            return Ok(BranchEnd::CheckedOut);
        }
        // And it is not content with commits that are where they belong, when the upstream, or HEAD, lacks them.
        if complaint.contains("not fully merged") {
            let update = RefUpdate { name: branch.full(), old: Some(tip.clone()), new: None };
            if refs::swap(repository, &[update], "aitask: removed")? == refs::Swap::Done {
                // Best effort: what is left there names a branch that is no more.
                let section = format!("branch.{branch}");
                let _ = repository.write("config").args(["--remove-section", &section]).output();
                return Ok(BranchEnd::Deleted);
            }
        }
        self.causes.push(complaint);
        Ok(BranchEnd::Unknown)
    }
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| data.is_dir())
}

/// Opens the surroundings of a task's worktree.
///
/// # Errors
/// [`Kind::NotARepository`], [`Kind::BareRepository`] as they are.
pub fn require_worktrees(context: Result<Context>) -> Result<Context> {
    context.map_err(|error| match error.kind() {
        Kind::BareRepository => Error::new(Kind::BareRepository, format!("bare repository: {error}")),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::WorktreeName;

    #[test]
    fn names_that_stay_in_their_folder() {
        for good in ["t1_a", "t3", "t16_2_add_login", "t1_a.b-c"] {
            assert!(WorktreeName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../../outside",
            "../src",
            "t1/../x",
            "t1_a/b",
            "-t1",
            "x",
            "t1_a..b",
            "t1_a.lock",
            "t1 a",
            "t1\na",
        ] {
            assert!(WorktreeName::parse(bad).is_none(), "{bad}");
        }
    }
}
