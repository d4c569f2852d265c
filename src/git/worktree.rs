//! Worktrees: the registry, making and removing one, its state, and bringing one forward.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::status::{self, Status};
use crate::git::porcelain::worktree_list::{self, WorktreeRecord};
use crate::git::run::Call;
use crate::git::{Branch, Oid, Repository};
use std::path::Path;

/// Every registered worktree, the main one first (git-worktree(1), porcelain format).
pub fn list(repository: &Repository) -> Result<Vec<WorktreeRecord>> {
    let output = repository.read("worktree").args(["list", "--porcelain", "-z"]).output()?;
    if output.success() {
        return worktree_list::parse(&output.stdout);
    }
    // Before git 2.36 there is no -z.
    let output = repository.read("worktree").args(["list", "--porcelain"]).run()?;
    worktree_list::parse_lines(&output.stdout)
}

/// Makes a worktree at `path`, on a new branch cut from `start`, or on an existing branch.
pub fn add(repository: &Repository, path: &Path, branch: &Branch, start: Option<&Oid>) -> Result<()> {
    let call = repository.write("worktree").args(["add", "--quiet"]);
    let call = match start {
        Some(start) => call.args(["--no-track", "-b", branch.as_str(), "--"]).arg(path).arg(start.as_str()),
        None => call.arg("--").arg(path).arg(branch.as_str()),
    };
    call.run().map(drop)
}

/// Makes a worktree at `path` on no branch.
pub fn add_detached(repository: &Repository, path: &Path, commit: &Oid) -> Result<()> {
    let call = repository.write("worktree").args(["add", "--quiet", "--detach", "--"]).arg(path).arg(commit.as_str());
    call.run().map(drop)
}

/// Removes a registered worktree; git refuses one with uncommitted work unless `discard`.
pub fn remove(repository: &Repository, path: &Path, discard: bool) -> Result<()> {
    let call = repository.write("worktree").arg("remove").args(discard.then_some("--force"));
    let call = call.arg("--").arg(path);
    let output = call.output()?;
    if output.success() {
        return Ok(());
    }
    let complaint = output.complaint();
    if complaint.contains("contains modified or untracked files") || complaint.contains("is dirty") {
        return Err(Error::new(Kind::Dirty, format!("{} has uncommitted work", path.display()))
            .hint(format!("cd {} && git status", path.display())));
    }
    Err(call.failure(&output))
}

/// The state of the worktree at `path`.
pub fn load_status(repository: &Repository, path: &Path) -> Result<Status> {
    let call = repository.git().read(path, "status");
    status::parse(&call.args(["--porcelain=v2", "--branch", "-z", "--untracked-files=normal"]).run()?.stdout)
}

/// Whether the worktree at `path` came forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forward {
    /// It is at the commit, or already contained it.
    Done,
    /// Its branch has commits that the other lacks.
    Diverged,
    /// Something of the user's is in the way; what git said.
    Refused(String),
}

/// Brings the branch checked out at `path` forward to `commit`, files included, never across the user's own
/// changes (git-merge(1), `--ff-only`).
pub fn fast_forward(repository: &Repository, path: &Path, commit: &Oid) -> Result<Forward> {
    let call = repository.git().write(path, "merge");
    let output =
        call.args(["--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures", commit.as_str()]).output()?;
    let complaint = output.complaint();
    Ok(match output.code {
        Some(0) => Forward::Done,
        _ if complaint.contains("fast-forward") || complaint.contains("Diverging") => Forward::Diverged,
        _ => Forward::Refused(complaint),
    })
}

/// Carries index and files at `path` from `old` to `new` where `HEAD` has moved already, never across the user's
/// own changes (git-read-tree(1), two-tree merge). Doing it twice changes nothing.
pub fn carry(repository: &Repository, path: &Path, old: &Oid, new: &Oid) -> Result<Forward> {
    refresh(repository, path)?;
    let call = repository.git().write(path, "read-tree").args(["-m", "-u", old.as_str(), new.as_str()]);
    forward(&call)
}

/// A file of a checkout whose uncommitted state a commit was made from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Adopted {
    /// Its path in the checkout.
    pub path: String,
    /// What it is in the commit.
    pub oid: String,
    /// What stood there when the commit was made; a file that was changed since is the user's.
    pub seen: Option<Vec<u8>>,
}

impl Adopted {
    /// What stands in the checkout at `dir` now.
    #[must_use]
    pub fn look(dir: &Path, path: &str, oid: &Oid) -> Self {
        Self { path: path.to_owned(), oid: oid.to_string(), seen: std::fs::read(dir.join(path)).ok() }
    }

    fn is_unchanged(&self, dir: &Path) -> bool {
        std::fs::read(dir.join(&self.path)).ok() == self.seen
    }
}

/// Whether [`adopt`] and then [`carry`] would succeed; changes nothing.
pub fn could_carry(repository: &Repository, path: &Path, old: &Oid, new: &Oid, adopted: &[Adopted]) -> Result<Forward> {
    refresh(repository, path)?;
    let call = repository.git().write(path, "read-tree").args(["-n", "-m", "-u", old.as_str(), new.as_str()]);
    if adopted.is_empty() {
        return forward(&call);
    }
    let ask = repository.git().read(path, "rev-parse").args(["--path-format=absolute", "--git-path", "index"]);
    let index = ask.run()?.text();
    let copy = tempfile::NamedTempFile::new_in(repository.private_dir()?);
    let copy = copy.and_then(|copy| std::fs::copy(&index, copy.path()).map(|_| copy));
    let copy = copy.map_err(|error| Error::io("copy", Path::new(&index), &error))?;
    take_into_index(repository, path, adopted).env("GIT_INDEX_FILE", copy.path()).run()?;
    forward(&call.env("GIT_INDEX_FILE", copy.path()))
}

/// Gives files their content from the object store, in index and checkout, unless they were changed since the content
/// was made from them.
pub fn adopt(repository: &Repository, path: &Path, files: &[Adopted]) -> Result<()> {
    let files: Vec<_> = files.iter().filter(|file| file.is_unchanged(path)).cloned().collect();
    if files.is_empty() {
        return Ok(());
    }
    take_into_index(repository, path, &files).run()?;
    let names = files.iter().map(|file| &file.path);
    repository.git().write(path, "checkout-index").args(["-f", "-q", "-u", "--"]).args(names).run().map(drop)
}

fn take_into_index(repository: &Repository, path: &Path, files: &[Adopted]) -> Call {
    let entry = |file: &Adopted| ["--cacheinfo".to_owned(), format!("100644,{},{}", file.oid, file.path)];
    let entries = files.iter().flat_map(entry);
    repository.git().write(path, "update-index").arg("--add").args(entries)
}

/// Without a refresh a file whose time stamp alone changed counts as changed. It is best effort.
fn refresh(repository: &Repository, path: &Path) -> Result<()> {
    repository.git().write(path, "update-index").args(["-q", "--refresh"]).output().map(drop)
}

fn forward(call: &Call) -> Result<Forward> {
    let output = super::commit::patiently(call)?;
    Ok(if output.success() { Forward::Done } else { Forward::Refused(output.complaint()) })
}
