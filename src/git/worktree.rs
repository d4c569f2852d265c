//! Worktrees: the registry, making and removing one, its state, and bringing one forward.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::status::{self, Status, StatusEntry, StatusKind};
use crate::git::porcelain::worktree_list::{self, WorktreeRecord};
use crate::git::run::Call;
use crate::git::{Branch, Oid, RemoteName, Repository};
use std::collections::BTreeSet;
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

/// The state of some files of the worktree at `path`, ignored ones too, folders gone into.
pub fn load_status_of(repository: &Repository, path: &Path, files: &[&str]) -> Result<Status> {
    let call = repository.git().read(path, "status");
    let call = call.args(["--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignored=matching"]);
    status::parse(&call.args(["--no-renames", "--"]).args(files).run()?.stdout)
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

/// Whether [`adopt`] and then [`carry`] would succeed; changes nothing. `written` names the files that `new` can have and
/// `old` not, where that is known.
pub fn could_carry(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[Adopted],
    written: Option<&[String]>,
) -> Result<Forward> {
    let stands = |name: &String| {
        let name = Path::new(name);
        !adopted.iter().any(|file| Path::new(&file.path) == name)
            && name.ancestors().any(|at| stands_at(path, name, at))
    };
    if written.is_none_or(|written| written.iter().any(stands))
        && let Some(file) = ignored_in_the_way(repository, path, old, new, adopted)?
    {
        return Ok(Forward::Refused(format!("{} is ignored there, and would be overwritten", file.display())));
    }
    match try_to_carry(repository, path, old, new, adopted)? {
        Forward::Refused(_) => {
            refresh(repository, path)?;
            try_to_carry(repository, path, old, new, adopted)
        }
        done => Ok(done),
    }
}

/// Whether something stands at `at` below `path` that is `name` itself, or no folder on the way to it.
fn stands_at(path: &Path, name: &Path, at: &Path) -> bool {
    path.join(at).symlink_metadata().is_ok_and(|data| at == name || !data.is_dir()) && !at.as_os_str().is_empty()
}

fn try_to_carry(repository: &Repository, path: &Path, old: &Oid, new: &Oid, adopted: &[Adopted]) -> Result<Forward> {
    let check = |old: &str| repository.git().write(path, "read-tree").args(["-n", "-m", "-u", old, new.as_str()]);
    if adopted.is_empty() {
        return forward(&check(old.as_str()));
    }
    let index = git_dir(path).unwrap_or_default().join("index");
    // One place for all: who checks is at the head of the queue, and what a kill leaves there the next one replaces.
    let dir = repository.private_dir()?.join("check");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir(&dir).map_err(|error| Error::io("make", &dir, &error))?;
    let (copy, base) = (dir.join("index"), dir.join("base"));
    std::fs::copy(&index, &copy).map_err(|error| Error::io("copy", &index, &error))?;
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

/// A file that git ignores at `path` and that going from `old` to `new` would overwrite: git-read-tree(1), unlike
/// git-merge(1), cannot be told to refuse that.
fn ignored_in_the_way(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[Adopted],
) -> Result<Option<PathBuf>> {
    let git = |name: &str| repository.git().read(path, name).env("GIT_LITERAL_PATHSPECS", "1");
    let call = git("diff-tree").args(["-r", "-z", "--name-only", "--no-renames", "--diff-filter=A"]);
    let added = call.args([old.as_str(), new.as_str()]).run()?.stdout;
    let names = |bytes: &[u8]| -> Vec<PathBuf> {
        let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
    };
    let standing: BTreeSet<_> = names(&added)
        .iter()
        .filter(|name| !adopted.iter().any(|file| Path::new(&file.path) == name.as_path()))
        .filter_map(|name| name.ancestors().filter(|at| stands_at(path, name, at)).last().map(Path::to_owned))
        .collect();
    if standing.is_empty() {
        return Ok(None);
    }
    let call = git("ls-files").args(["-z", "--others", "--ignored", "--exclude-standard", "--"]).args(standing);
    Ok(names(&call.run()?.stdout).into_iter().next())
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
