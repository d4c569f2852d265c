//! Worktrees: the registry, making and removing one, its state, and bringing one forward.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::status::{self, Status};
use crate::git::porcelain::worktree_list::{self, WorktreeRecord};
use crate::git::run::{Call, Output};
use crate::git::{Branch, Oid, Repository};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

/// Removes a registered worktree; one with uncommitted work, or with submodules that have commits of their own, is
/// refused unless `discard`.
pub fn remove(repository: &Repository, path: &Path, discard: bool) -> Result<()> {
    let call = repository.write("worktree").arg("remove").args(discard.then_some("--force"));
    let call = call.arg("--").arg(path);
    let output = call.output()?;
    if output.success() {
        return Ok(());
    }
    let complaint = output.complaint();
    if complaint.contains("containing submodules") {
        // Git does not look into them; we do.
        require_expendable_submodules(repository, path)?;
        return remove(repository, path, true);
    }
    if complaint.contains("contains modified or untracked files") || complaint.contains("is dirty") {
        return Err(Error::new(Kind::Dirty, format!("{} has uncommitted work", path.display()))
            .hint(format!("cd {} && git status", path.display())));
    }
    Err(call.failure(&output))
}

/// Refuses a worktree with anything that is in no commit, in its submodules too, or with commits, tags or stashes in a
/// submodule that no remote has: a submodule's repository goes with the worktree.
fn require_expendable_submodules(repository: &Repository, path: &Path) -> Result<()> {
    const OWN: &str = "git rev-list --max-count=1 HEAD --branches --tags --glob='refs/stas[h]' --not --remotes";
    let submodules = repository.git().read(path, "submodule").args(["--quiet", "foreach", "--recursive", OWN]);
    let (kept, what) = if load_status(repository, path)?.is_dirty() {
        (true, "uncommitted work")
    } else {
        (!submodules.run()?.stdout.is_empty(), "commits in a submodule that were not pushed")
    };
    if !kept {
        return Ok(());
    }
    let show = path.display();
    Err(Error::new(Kind::Dirty, format!("{show} has {what}")).hint(format!("cd {show} && git status")))
}

/// The folder for temporary files as git would write it down: absolute, no link in it.
pub fn temporary_folder() -> Result<PathBuf> {
    let folder = std::env::temp_dir();
    folder.canonicalize().map_err(|error| Error::io("use", &folder, &error))
}

/// The git directory of the worktree at `path` (gitrepository-layout(5)).
#[must_use]
pub fn git_dir(path: &Path) -> Option<PathBuf> {
    let link = path.join(".git");
    if link.is_dir() {
        return Some(link);
    }
    let text = std::fs::read(link).ok()?;
    let name = text.strip_prefix(b"gitdir: ")?.trim_ascii_end();
    Some(path.join(OsStr::from_bytes(name)))
}

/// What somebody is in the middle of in the worktree at `path`.
#[must_use]
pub fn in_progress(path: &Path) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 7] = [
        ("rebase-merge", "a rebase"),
        ("rebase-apply", "a rebase"),
        ("MERGE_HEAD", "a merge"),
        ("CHERRY_PICK_HEAD", "a cherry-pick"),
        ("REVERT_HEAD", "a revert"),
        ("sequencer", "a series of picks"),
        ("BISECT_LOG", "a bisection"),
    ];
    let git_dir = git_dir(path)?;
    SIGNS.iter().find(|(file, _)| git_dir.join(file).exists()).map(|(_, what)| *what)
}

/// The branch that the rebase or bisection in the worktree at `path` began on: a full name, or a short one.
#[must_use]
pub fn branch_to_return_to(path: &Path) -> Option<String> {
    let git_dir = git_dir(path)?;
    let notes = ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"];
    notes.iter().find_map(|note| Some(std::fs::read_to_string(git_dir.join(note)).ok()?.trim_end().to_owned()))
}

/// The state of the worktree at `path`, its submodules' included.
pub fn load_status(repository: &Repository, path: &Path) -> Result<Status> {
    let call = repository.git().read(path, "status").args(["--porcelain=v2", "--branch", "-z"]);
    status::parse(&call.args(["--untracked-files=normal", "--ignore-submodules=none"]).run()?.stdout)
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
/// changes, ignored files included (git-merge(1), `--ff-only`).
pub fn fast_forward(repository: &Repository, path: &Path, commit: &Oid) -> Result<Forward> {
    let call = repository.git().write(path, "merge");
    let call = call.args(["--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures"]);
    let output = call.args(["--no-overwrite-ignore", commit.as_str()]).output()?;
    let complaint = output.complaint();
    Ok(match output.code {
        Some(0) => Forward::Done,
        _ if complaint.contains("fast-forward") || complaint.contains("Diverging") => Forward::Diverged,
        // With the first of the files that it lists below.
        _ => Forward::Refused(complaint.replacen(":\n\t", ": ", 1)),
    })
}

/// Carries index and files at `path` from `old` to `new` where `HEAD` has moved already, never across the user's
/// own changes (git-read-tree(1), two-tree merge). Doing it twice changes nothing.
pub fn carry(repository: &Repository, path: &Path, old: &Oid, new: &Oid) -> Result<Forward> {
    refresh(repository, path)?;
    let call = repository.git().write(path, "read-tree").args(["-m", "-u", old.as_str(), new.as_str()]);
    forward(&call)
}

/// Whether [`adopt`] and then [`carry`] would succeed; changes nothing.
pub fn could_carry(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[(String, Oid)],
) -> Result<Forward> {
    if let Some(file) = ignored_in_the_way(repository, path, old, new, adopted)? {
        return Ok(Forward::Refused(format!("{} is ignored there, and would be overwritten", file.display())));
    }
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

/// A file that git ignores at `path` and that going from `old` to `new` would overwrite: git-read-tree(1), unlike
/// git-merge(1), cannot be told to refuse that.
fn ignored_in_the_way(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[(String, Oid)],
) -> Result<Option<PathBuf>> {
    let git = |name: &str| repository.git().read(path, name).env("GIT_LITERAL_PATHSPECS", "1");
    let call = git("diff-tree").args(["-r", "-z", "--name-only", "--no-renames", "--diff-filter=A"]);
    let added = call.args([old.as_str(), new.as_str()]).run()?.stdout;
    let names = |bytes: &[u8]| -> Vec<PathBuf> {
        let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
    };
    // What stands there already, or where a folder on the way must go.
    let there = |name: &Path, at: &Path| {
        path.join(at).symlink_metadata().is_ok_and(|data| at == name || !data.is_dir()) && !at.as_os_str().is_empty()
    };
    let standing: BTreeSet<_> = names(&added)
        .iter()
        .filter(|name| !adopted.iter().any(|(path, _)| Path::new(path) == name.as_path()))
        .filter_map(|name| name.ancestors().filter(|at| there(name, at)).last().map(Path::to_owned))
        .collect();
    if standing.is_empty() {
        return Ok(None);
    }
    let call = git("ls-files").args(["-z", "--others", "--ignored", "--exclude-standard", "--"]).args(standing);
    Ok(names(&call.run()?.stdout).into_iter().next())
}

/// Gives files their content from the object store, in index and checkout, whatever stood there: for changes that the
/// content was made from.
pub fn adopt(repository: &Repository, path: &Path, files: &[(String, Oid)]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    take_into_index(repository, path, files).run()?;
    let names = files.iter().map(|(name, _)| name);
    repository.git().write(path, "checkout-index").args(["-f", "-q", "-u", "--"]).args(names).run().map(drop)
}

fn take_into_index(repository: &Repository, path: &Path, files: &[(String, Oid)]) -> Call {
    let entries = files.iter().flat_map(|(name, oid)| ["--cacheinfo".to_owned(), format!("100644,{oid},{name}")]);
    repository.git().write(path, "update-index").arg("--add").args(entries)
}

/// Without a refresh a file whose time stamp alone changed counts as changed. It is best effort.
fn refresh(repository: &Repository, path: &Path) -> Result<()> {
    repository.git().write(path, "update-index").args(["-q", "--refresh"]).output().map(drop)
}

fn forward(call: &Call) -> Result<Forward> {
    let output = call.output()?;
    Ok(if output.success() { Forward::Done } else { Forward::Refused(output.complaint()) })
}

/// Commits these files as they lie in the checkout at `dir` (paths from there), and nothing else: what else is staged
/// stays staged. `optional` ones go along unless git ignores them. Another git that holds the index is waited for.
/// What git says of the commit; `None` when there was nothing to commit.
///
/// # Errors
/// [`Kind::Git`] with git's own code as the detail `code`, as when a hook refuses.
pub fn commit(
    repository: &Repository,
    dir: &Path,
    subject: &str,
    paths: &[String],
    optional: &[String],
) -> Result<Option<Vec<u8>>> {
    let git = |name: &str| repository.git().write(dir, name).env("GIT_LITERAL_PATHSPECS", "1");
    let required = |output: Output, name: &str| match output.code {
        Some(0) => Ok(output.stdout),
        code => {
            let message = format!("git {name} failed: {}", output.complaint());
            Err(Error::new(Kind::Git, message).detail("code", code.unwrap_or(128)))
        }
    };
    let (mut named, gone): (Vec<_>, Vec<_>) = paths.iter().partition(|path| dir.join(path).symlink_metadata().is_ok());
    required(patiently(&git("add").arg("--").args(&named))?, "add")?;
    if !optional.is_empty() && patiently(&git("add").arg("--").args(optional))?.success() {
        named.extend(optional);
    }
    let commit = |named: &[&String]| patiently(&git("commit").args(["--only", "-m", subject, "--"]).args(named));
    let mut output = commit(&[named.as_slice(), &gone].concat())?;
    if !gone.is_empty() && output.complaint().contains("did not match any file") {
        output = commit(&named)?;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let nothing = ["nothing to commit", "nothing added to commit", "no changes added to commit"];
    if output.code == Some(1) && nothing.iter().any(|text| said.contains(text)) {
        return Ok(None);
    }
    required(output, "commit").map(Some)
}

/// Runs it again, for ten seconds at most, while another git holds the index.
fn patiently(call: &Call) -> Result<Output> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let output = call.output()?;
        if output.success() || !output.complaint().contains("index.lock") || Instant::now() > until {
            return Ok(output);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
