//! Worktrees: the registry, making and removing one, its state, and bringing one forward.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::status::{self, Status, StatusEntry, StatusKind};
use crate::git::porcelain::worktree_list::{self, WorktreeRecord};
use crate::git::run::Call;
use crate::git::{Branch, Oid, RemoteName, Repository};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every registered worktree, the main one first, where it really is.
pub fn list(repository: &Repository) -> Result<Vec<WorktreeRecord>> {
    let mut records = list_registered(repository)?;
    if let Some(main) = records.first_mut().filter(|main| !main.bare) {
        // Git takes the folder of the git directory for it, wherever that lies.
        main.path.clone_from(&repository.root);
    }
    Ok(records)
}

/// Every registered worktree as git says it (git-worktree(1), porcelain format).
pub(super) fn list_registered(repository: &Repository) -> Result<Vec<WorktreeRecord>> {
    let list = |options: &[&str]| repository.read("worktree").args(["list", "--porcelain"]).args(options);
    let mut output = list(&["-z"]).output()?;
    for _ in 0..HALF_WRITTEN_TRIES {
        if !is_half_written(&output.complaint()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
        output = list(&["-z"]).output()?;
    }
    if output.success() {
        return worktree_list::parse(&output.stdout);
    }
    // Before git 2.36 there is no -z.
    worktree_list::parse_lines(&list(&[]).run()?.stdout)
}

/// How often a registration that another git is writing is looked at again, 5 ms apart.
const HALF_WRITTEN_TRIES: u32 = 100;

/// Whether git gave up over a worktree that another git is just making or removing.
pub(super) fn is_half_written(complaint: &str) -> bool {
    complaint.contains("failed to read") && complaint.contains("/worktrees/")
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

/// The files below `path` that git ignores and a pattern matches (`glob` pathspecs); one by one, none of other worktrees.
pub fn ignored_files(repository: &Repository, path: &Path, patterns: &[String]) -> Result<Vec<PathBuf>> {
    let call =
        repository.git().read(path, "ls-files").args(["-z", "--others", "--ignored", "--exclude-standard", "--"]);
    let output = call.args(patterns.iter().map(|pattern| format!(":(top,glob){pattern}"))).run()?;
    let names = output.stdout.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
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

/// The state of some files of the worktree at `path`, ignored ones too, folders gone into.
pub fn load_status_of(repository: &Repository, path: &Path, files: &[&str]) -> Result<Status> {
    let call = repository.git().read(path, "status");
    let call = call.args(["--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignored=matching"]);
    status::parse(&call.args(["--no-renames", "--"]).args(files).run()?.stdout)
}

/// The state of the worktree at `path`.
pub fn load_status(repository: &Repository, path: &Path) -> Result<Status> {
    let call = repository.git().read(path, "status");
    status::parse(&call.args(["--porcelain=v2", "--branch", "-z", "--untracked-files=normal"]).run()?.stdout)
}

/// The state of the worktree at `path`, with every untracked and every ignored file.
pub fn load_everything(repository: &Repository, path: &Path) -> Result<Status> {
    let call = repository.git().read(path, "status").args(["--porcelain=v2", "--branch", "-z"]);
    status::parse(&call.args(["--untracked-files=all", "--ignored=traditional"]).run()?.stdout)
}

/// The state of the worktree at `path`, of the files below `folders` alone, each by its own name.
pub fn changes_below(repository: &Repository, path: &Path, folders: &[&str]) -> Result<Status> {
    let call = repository.git().read(path, "status").args(["--porcelain=v2", "--branch", "-z", "--no-renames"]);
    let call = call.args(["--untracked-files=all", "--ignore-submodules=all", "--"]).args(folders);
    status::parse(&call.run()?.stdout)
}

/// Commits exactly these files as they lie at `path`, whatever else is staged there. The user's hooks run and the
/// user's signing happens; what they refuse leaves the index as it was.
///
/// # Errors
/// [`Kind::Git`] with what git or the hook said.
pub fn commit_files(repository: &Repository, path: &Path, message: &str, changed: &[StatusEntry]) -> Result<()> {
    let list = |entries: &mut dyn Iterator<Item = &StatusEntry>| {
        entries.flat_map(|entry| [entry.path.as_os_str().as_bytes(), b"\0"].concat()).collect::<Vec<_>>()
    };
    let git = |subcommand: &str, files: Vec<u8>| {
        let call = repository.git().write(path, subcommand).env("GIT_LITERAL_PATHSPECS", "1").input(files);
        call.args(["--pathspec-from-file=-", "--pathspec-file-nul"])
    };
    let new = list(&mut changed.iter().filter(|entry| entry.kind == StatusKind::Untracked));
    if !new.is_empty() {
        git("add", new.clone()).arg("--intent-to-add").run()?;
    }
    let call = git("commit", list(&mut changed.iter())).args(["--quiet", "--only", "-m", message]);
    let call = call.limit(COMMIT_LIMIT);
    let output = call.output()?;
    if output.success() {
        return Ok(());
    }
    if !new.is_empty() {
        git("reset", new).arg("--quiet").run()?;
    }
    Err(call.failure(&output))
}

/// Makes a branch follow the one of its name at the remote, as `git push -u` does.
pub fn set_upstream(repository: &Repository, branch: &Branch, remote: &RemoteName) -> Result<()> {
    for (key, value) in [("remote", remote.as_str()), ("merge", branch.full().as_str())] {
        repository.write("config").args([&format!("branch.{branch}.{key}"), value]).run()?;
    }
    Ok(())
}

/// How long hooks and signing may take.
const COMMIT_LIMIT: Duration = Duration::from_secs(10);

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
/// own changes (git-read-tree(1), two-tree merge), after a [`refresh`]. Doing it twice changes nothing.
pub fn carry(repository: &Repository, path: &Path, old: &Oid, new: &Oid) -> Result<Forward> {
    let call = repository.git().write(path, "read-tree").args(["-m", "-u", old.as_str(), new.as_str()]);
    forward(&call)
}

/// A file of a checkout whose uncommitted state a commit was made from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Adopted {
    /// Its path in the checkout.
    pub path: String,
    /// What it is in the commit; none where it goes.
    pub oid: Option<String>,
    /// What stood there when the commit was made; a file that was changed since is the user's.
    pub seen: Option<Vec<u8>>,
}

impl Adopted {
    /// What stands in the checkout at `dir` now.
    #[must_use]
    pub fn look(dir: &Path, path: &str, oid: Option<&Oid>) -> Self {
        Self { path: path.to_owned(), oid: oid.map(ToString::to_string), seen: std::fs::read(dir.join(path)).ok() }
    }

    fn is_unchanged(&self, dir: &Path) -> bool {
        std::fs::read(dir.join(&self.path)).ok() == self.seen
    }
}

/// Whether [`adopt`] and then [`carry`] would succeed; changes nothing.
pub fn could_carry(repository: &Repository, path: &Path, old: &Oid, new: &Oid, adopted: &[Adopted]) -> Result<Forward> {
    refresh(repository, path)?;
    let check = |old: &str| repository.git().write(path, "read-tree").args(["-n", "-m", "-u", old, new.as_str()]);
    if adopted.is_empty() {
        return forward(&check(old.as_str()));
    }
    let ask = repository.git().read(path, "rev-parse").args(["--path-format=absolute", "--git-path", "index"]);
    let index = ask.run()?.text();
    // One place for all: who checks is at the head of the queue, and what a kill leaves there the next one replaces.
    let dir = repository.private_dir()?.join("check");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir(&dir).map_err(|error| Error::io("make", &dir, &error))?;
    let (copy, base) = (dir.join("index"), dir.join("base"));
    std::fs::copy(&index, &copy).map_err(|error| Error::io("copy", Path::new(&index), &error))?;
    take_into_index(repository, path, adopted).env("GIT_INDEX_FILE", &copy).run()?;
    let gone: Vec<_> = adopted.iter().filter(|file| file.oid.is_none()).map(|file| &file.path).collect();
    let old = if gone.is_empty() {
        old.to_string()
    } else {
        // A file that is to go lies there still; only to a tree that never had it is it nothing that would be lost.
        let call = |subcommand| repository.git().write(path, subcommand).env("GIT_INDEX_FILE", &base);
        call("read-tree").arg(old.as_str()).run()?;
        call("update-index").args(["--force-remove", "--"]).args(gone).run()?;
        call("write-tree").run()?.text()
    };
    let forward = forward(&check(&old).env("GIT_INDEX_FILE", &copy));
    let _ = std::fs::remove_dir_all(&dir);
    forward
}

/// Gives files their content from the object store, in index and checkout, unless they were changed since the content
/// was made from them.
pub fn adopt(repository: &Repository, path: &Path, files: &[Adopted]) -> Result<()> {
    let files: Vec<_> = files.iter().filter(|file| file.is_unchanged(path)).cloned().collect();
    if files.is_empty() {
        return Ok(());
    }
    let call = take_into_index(repository, path, &files);
    let output = super::commit::patiently(&call)?;
    if !output.success() {
        return Err(call.failure(&output));
    }
    let (content, gone): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.oid.is_some());
    for file in gone {
        let file = path.join(&file.path);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &file, &error));
            }
            _ => {}
        }
    }
    if content.is_empty() {
        return Ok(());
    }
    let names = content.iter().map(|file| &file.path);
    repository.git().write(path, "checkout-index").args(["-f", "-q", "-u", "--"]).args(names).run().map(drop)
}

fn take_into_index(repository: &Repository, path: &Path, files: &[Adopted]) -> Call {
    let content = files.iter().filter_map(|file| Some((&file.path, file.oid.as_ref()?)));
    let content = content.flat_map(|(name, oid)| ["--cacheinfo".to_owned(), format!("100644,{oid},{name}")]);
    let gone = files.iter().filter(|file| file.oid.is_none()).map(|file| &file.path);
    let call = repository.git().write(path, "update-index").arg("--add").args(content);
    call.args(["--force-remove", "--"]).args(gone)
}

/// Without a refresh a file whose time stamp alone changed counts as changed. It is best effort.
pub fn refresh(repository: &Repository, path: &Path) -> Result<()> {
    repository.git().write(path, "update-index").args(["-q", "--refresh"]).output().map(drop)
}

fn forward(call: &Call) -> Result<Forward> {
    let output = super::commit::patiently(call)?;
    Ok(if output.success() { Forward::Done } else { Forward::Refused(output.complaint()) })
}
