//! Where the worktree of a task is, whatever state it is in, and removing it with its branch (specification 50, section
//! 2). Only what is registered to the task's own branch goes, or a leftover below `aiwork/` that nothing is registered to.

use super::context::Context;
use super::place::require_alone;
use crate::error::{Error, Kind, Result};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::{Branch, Oid, merge, refs, worktree};
use crate::ledger::queue::Queue;
use crate::task::{BRANCH_PREFIX, WORKTREES_DIR};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The name of a task as the scripts take it: one path segment, plain characters (verdict W2-1).
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
    /// A path that no line protocol can carry.
    Unsafe(PathBuf),
}

/// Looks it up in git's registry. One process.
pub fn resolve(context: &Context, name: &WorktreeName) -> Result<Registered> {
    Ok(classify(&worktree::list(&context.repository)?, name))
}

fn classify(records: &[WorktreeRecord], name: &WorktreeName) -> Registered {
    let full = name.branch.full();
    let Some(at) = records.iter().position(|record| record.branch.as_ref() == Some(&full)) else {
        return Registered::Nowhere;
    };
    let Some(record) = records.get(at) else { return Registered::Nowhere };
    let path = record.path.clone();
    let control = path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'\t' | b'\r' | b'\n'));
    match record {
        _ if control => Registered::Unsafe(path),
        _ if at == 0 => Registered::Main(path),
        WorktreeRecord { locked: Some(_), .. } => Registered::Locked(path),
        WorktreeRecord { prunable: Some(_), .. } => Registered::Stale(path),
        _ if path.is_dir() => Registered::Usable(path),
        _ => Registered::Stale(path),
    }
}

/// What became of the worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorktreeEnd {
    /// There was none.
    None,
    /// It is gone.
    Removed(PathBuf),
    /// It stays, for this reason.
    Kept(&'static str, PathBuf),
}

/// What became of the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchEnd {
    /// There was none.
    None,
    /// It is gone; all its commits are in what the main worktree has checked out.
    Deleted,
    /// It stays, for this reason.
    Kept(String),
}

/// What came of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The worktree.
    pub worktree: WorktreeEnd,
    /// The branch.
    pub branch: BranchEnd,
    /// Why something stayed, in words.
    pub causes: Vec<String>,
}

impl Removal {
    /// Whether nothing is left but a branch with commits of its own.
    #[must_use]
    pub fn is_preserved(&self) -> bool {
        matches!(&self.branch, BranchEnd::Kept(reason) if reason.starts_with(UNMERGED))
            && !matches!(self.worktree, WorktreeEnd::Kept(..))
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !matches!(self.worktree, WorktreeEnd::Kept(..)) && !matches!(self.branch, BranchEnd::Kept(_))
    }
}

const UNMERGED: &str = "unmerged_into:";

/// Removes worktree and branch. Uncommitted work goes only when `discard`.
pub fn remove(context: &Context, name: &WorktreeName, discard: bool) -> Result<Removal> {
    let repository = &context.repository;
    // The registry is read again right before, beside no other command of ours.
    let _queue = Queue::enter(repository, context.settings.timeout, context.narrate)?;
    let records = worktree::list(repository)?;
    let registered = classify(&records, name);
    let tip = tip(context, &name.branch)?;
    let mut causes = Vec::new();
    let worktree = match &registered {
        Registered::Stale(path) => WorktreeEnd::Kept("stale_record", path.clone()),
        Registered::Locked(path) => WorktreeEnd::Kept("locked", path.clone()),
        Registered::Main(path) => WorktreeEnd::Kept("main_worktree", path.clone()),
        Registered::Unsafe(path) => WorktreeEnd::Kept("unsafe_path", path.clone()),
        Registered::Usable(path) => {
            let removed = remove_registered(context, name, path, &records, discard, &mut causes)?;
            match (removed, remove_leftover(context, name, &records, discard, &mut causes)?) {
                (removed @ WorktreeEnd::Removed(_), kept @ WorktreeEnd::Kept(..)) => {
                    causes.push(format!("{} was removed", display(&removed)));
                    kept
                }
                (removed, _) => removed,
            }
        }
        Registered::Nowhere => remove_leftover(context, name, &records, discard, &mut causes)?,
    };
    let branch = match tip {
        None => BranchEnd::None,
        Some(_) if matches!(worktree, WorktreeEnd::Kept(..)) => BranchEnd::Kept("skipped".to_owned()),
        Some(tip) => delete_branch(context, &name.branch, &tip, &mut causes)?,
    };
    Ok(Removal { worktree, branch, causes })
}

fn display(end: &WorktreeEnd) -> String {
    match end {
        WorktreeEnd::None => String::new(),
        WorktreeEnd::Removed(path) | WorktreeEnd::Kept(_, path) => path.display().to_string(),
    }
}

fn tip(context: &Context, branch: &Branch) -> Result<Option<Oid>> {
    let full = branch.full();
    Ok(refs::load(&context.repository, std::slice::from_ref(&full))?.remove(&full))
}

fn remove_registered(
    context: &Context,
    name: &WorktreeName,
    path: &Path,
    records: &[WorktreeRecord],
    discard: bool,
    causes: &mut Vec<String>,
) -> Result<WorktreeEnd> {
    let repository = &context.repository;
    if let Err(error) = require_alone(records, path, discard) {
        causes.push(error.to_string());
        return Ok(WorktreeEnd::Kept(if error.kind() == Kind::Dirty { "dirty" } else { "unknown" }, path.to_owned()));
    }
    let Err(error) = worktree::remove(repository, path, discard) else {
        return Ok(WorktreeEnd::Removed(path.to_owned()));
    };
    causes.push(error.to_string());
    if !discard {
        return Ok(WorktreeEnd::Kept("dirty", path.to_owned()));
    }
    // Git refuses a worktree it cannot read, too; the registry must still say whose it is.
    if resolve(context, name)? != Registered::Usable(path.to_owned()) {
        return Ok(WorktreeEnd::Kept("unknown", path.to_owned()));
    }
    std::fs::remove_dir_all(path).map_err(|error| Error::io("remove", path, &error))?;
    worktree::remove(repository, path, true)?;
    Ok(WorktreeEnd::Removed(path.to_owned()))
}

/// A folder at the task's place that is not the task's worktree: it goes only when nothing is registered there.
fn remove_leftover(
    context: &Context,
    name: &WorktreeName,
    records: &[WorktreeRecord],
    discard: bool,
    causes: &mut Vec<String>,
) -> Result<WorktreeEnd> {
    let folder = context.repository.root.join(WORKTREES_DIR);
    let path = folder.join(&name.text);
    let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|data| data.is_dir());
    if !is_folder(&path) {
        return Ok(WorktreeEnd::None);
    }
    let kept = |reason, why: String, causes: &mut Vec<String>| {
        causes.push(why);
        Ok(WorktreeEnd::Kept(reason, path.clone()))
    };
    let show = path.display();
    if !is_folder(&folder) {
        return kept("unknown", format!("{} is a symbolic link, and none is followed", folder.display()), causes);
    }
    let full = name.branch.full();
    if let Some(record) = records.iter().find(|record| record.path.starts_with(&path)) {
        if record.branch.as_ref() == Some(&full) {
            return Ok(WorktreeEnd::None);
        }
        let whose = record.branch.as_ref().map_or("a detached HEAD, or a rebase", |branch| branch.as_str());
        return kept("unknown", format!("{show} is a worktree of {whose}"), causes);
    }
    if !discard {
        return kept("dirty", format!("{show} is no worktree; --force removes it"), causes);
    }
    std::fs::remove_dir_all(&path).map_err(|error| Error::io("remove", &path, &error))?;
    Ok(WorktreeEnd::Removed(path))
}

fn delete_branch(context: &Context, branch: &Branch, tip: &Oid, causes: &mut Vec<String>) -> Result<BranchEnd> {
    let repository = &context.repository;
    let output = repository.write("branch").args(["--quiet", "-d", "--", branch.as_str()]).output()?;
    if output.success() {
        return Ok(BranchEnd::Deleted);
    }
    causes.push(output.complaint());
    if repository.worktree_of(branch)?.is_some() {
        return Ok(BranchEnd::Kept("checked_out".to_owned()));
    }
    let head = repository.read("rev-parse").args(["--verify", "--quiet", "HEAD^{commit}"]).output()?;
    let merged = Oid::parse(&head.text()).map(|head| merge::is_ancestor(repository, tip, &head)).transpose()?;
    if merged == Some(true) {
        return Ok(BranchEnd::Kept("unknown".to_owned()));
    }
    let into = repository.root_branch.as_ref().map_or("HEAD", Branch::as_str);
    Ok(BranchEnd::Kept(format!("{UNMERGED}{into}")))
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
