//! Worktrees: listing, adding and removing them, and their state.

use crate::error::{Error, Kind, Result};
use crate::files::records::RecordKind;
use crate::files::{Tree, read_own};
use crate::git::porcelain::status::{self, StatusEntry, StatusKind, WorktreeStatus};
use crate::git::porcelain::worktree_list::{PartialList, WorktreeRecord};
use crate::git::registry::{self, git_dir};
use crate::git::run::{Call, Output};
use crate::git::{Branch, Oid, RefName, RemoteName, Repository, at_work};
use crate::interrupt;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every registered worktree, the main one first, with its real path.
pub(crate) fn list(repository: &Repository) -> Result<Vec<WorktreeRecord>> {
    Ok(where_they_are(repository, registry::load(repository.git(), &repository.root)?))
}

/// The registered worktrees as far as the output of git can be parsed, and whether that is all of it.
pub(crate) fn list_loosely(repository: &Repository) -> Result<PartialList> {
    let PartialList { records, whole } = registry::load_loosely(repository.git(), &repository.root)?;
    Ok(PartialList { records: where_they_are(repository, records), whole })
}

fn where_they_are(repository: &Repository, mut records: Vec<WorktreeRecord>) -> Vec<WorktreeRecord> {
    if let Some(main) = records.first_mut().filter(|main| !main.bare) {
        // git reports the folder of the git directory as the main worktree, wherever the real one is.
        main.path.clone_from(&repository.root);
    }
    records
}

impl Repository {
    /// The record of the worktree that has `branch` checked out.
    pub(crate) fn worktree_of(&self, branch: &Branch) -> Result<Option<WorktreeRecord>> {
        let full = branch.full();
        Ok(list(self)?.into_iter().find(|record| record.branch.as_ref() == Some(&full)))
    }

    /// The worktree in which a rebase is in progress that will move `branch` when it ends: it began there, or runs with
    /// `--update-refs`. git then expects the branch where it was; moved meanwhile, the rebase cannot end.
    pub(crate) fn rebase_of(&self, branch: &Branch) -> Option<PathBuf> {
        let full = branch.full();
        let moves = |git_dir: &Path| {
            let names = [REBASED[0], REBASED[1], "rebase-merge/update-refs"].map(|file| note_in(git_dir, file));
            names.iter().flatten().any(|text| text.lines().any(|line| line == full.as_str()))
        };
        if moves(&self.common_dir) {
            return Some(self.root.clone());
        }
        let others = std::fs::read_dir(self.common_dir.join("worktrees")).ok()?.flatten().map(|entry| entry.path());
        registry::registered_at(&others.into_iter().find(|git_dir| moves(git_dir))?)
    }
}

/// Which files a new worktree has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Those that a sparse checkout here would have: the patterns are copied, as git does it.
    AsHere,
    /// All. What is missing would be taken for deleted, or be missed by a check.
    Full,
}

impl Coverage {
    fn apply(self, call: Call) -> Call {
        if self == Self::Full { call.setting("core.sparseCheckout", "false") } else { call }
    }
}

/// Whether a worktree has only some of its files.
pub(crate) fn is_sparse(dir: &Path) -> bool {
    registry::git_dir(dir).is_some_and(|admin| admin.join("info/sparse-checkout").exists())
}

/// Makes a worktree have all of its files.
pub(crate) fn make_full(repository: &Repository, dir: &Path) -> Result<()> {
    repository.git().write(dir, "sparse-checkout").arg("disable").run().map(drop)
}

/// Adds a worktree at `path`, on a new branch cut from `start`, or on an existing branch.
pub(crate) fn add(
    repository: &Repository,
    path: &Path,
    branch: &Branch,
    start: Option<&Oid>,
    coverage: Coverage,
) -> Result<()> {
    let call = coverage.apply(repository.write("worktree").args(["add", "--quiet"]));
    let call = match start {
        Some(start) => call.args(["--no-track", "-b", branch.as_str(), "--"]).arg(path).arg(start.as_str()),
        None => call.arg("--").arg(path).arg(branch.as_str()),
    };
    let output = at_work::moving_refs(repository, &call)?;
    if output.success() { Ok(()) } else { Err(call.failure(&output)) }
}

/// Makes the folder at `path` a worktree on `branch` again, after git has removed its registration, and changes none of its
/// files. What was staged went with the registration: the index is that of the branch.
///
/// git registers a worktree only in a folder that is empty, so it does so in one of the same name elsewhere, and then hears
/// where the worktree is. Killed in between, that is a worktree which was moved: `git worktree repair` ends it.
pub(crate) fn register_again(repository: &Repository, path: &Path, branch: &Branch) -> Result<()> {
    let beside = repository.records().make_folder(RecordKind::Temporary)?;
    let empty = beside.path().join(path.file_name().unwrap_or_default());
    let call = repository.write("worktree").args(["add", "--quiet", "--no-checkout", "--"]);
    call.arg(&empty).arg(branch.as_str()).run()?;
    repository.git().write(&empty, "read-tree").arg("HEAD").run()?;
    let marker = |folder: &Path| read_own(&folder.join(".git"));
    let registered = marker(&empty)?;
    // As a rule the registration has the name of before.
    if marker(path)? != registered {
        Tree::new(path).replace(".git", &registered)?;
    }
    repair(repository, &[path])?;
    // Best effort: it only makes the next git faster.
    let _ = repository.git().write(path, "update-index").args(["-q", "--refresh"]).output()?;
    Ok(())
}

/// Tells git, and the worktrees at these paths, where both are now.
pub(crate) fn repair(repository: &Repository, paths: &[impl AsRef<Path>]) -> Result<()> {
    let paths = paths.iter().map(AsRef::as_ref);
    repository.write("worktree").args(["repair", "--"]).args(paths).run().map(drop)
}

/// The files below `path` that git ignores and that match a pattern (`glob` pathspecs), each by its own name, without
/// those of other worktrees.
pub(crate) fn ignored_files(repository: &Repository, path: &Path, patterns: &[String]) -> Result<Vec<PathBuf>> {
    let call =
        repository.git().read(path, "ls-files").args(["-z", "--others", "--ignored", "--exclude-standard", "--"]);
    let output = call.args(patterns.iter().map(|pattern| format!(":(top,glob){pattern}"))).run()?;
    Ok(names(&output.stdout).collect())
}

/// The paths in a list that is separated by NUL.
fn names(list: &[u8]) -> impl Iterator<Item = PathBuf> {
    let names = list.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name)))
}

/// The untracked files below `path` that git ignores and that a file of patterns, in the syntax of `.gitignore`, names
/// as well. Two processes.
pub(crate) fn ignored_files_in(repository: &Repository, path: &Path, patterns: &Path) -> Result<Vec<PathBuf>> {
    let ignored: BTreeSet<_> = ignored_files(repository, path, &[])?.into_iter().collect();
    let call = repository.git().read(path, "ls-files").args(["-z", "--others", "--ignored"]);
    let mut exclude_from = OsString::from("--exclude-from=");
    exclude_from.push(patterns);
    let output = call.arg(exclude_from).run()?;
    Ok(names(&output.stdout).filter(|name| ignored.contains(name)).collect())
}

/// Adds a worktree at `path` with a detached `HEAD`.
pub(crate) fn add_detached(repository: &Repository, path: &Path, commit: &Oid, coverage: Coverage) -> Result<()> {
    let call = coverage.apply(repository.write("worktree").args(["add", "--quiet", "--detach", "--"]));
    let call = call.arg(path).arg(commit.as_str());
    call.run().map(drop)
}

/// What happens to uncommitted work in a worktree that is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Unsaved {
    /// It is kept, and so is the worktree.
    #[default]
    Keep,
    /// It is discarded.
    Discard,
}

impl From<bool> for Unsaved {
    /// The value of an option such as `--discard`.
    fn from(discard: bool) -> Self {
        if discard { Self::Discard } else { Self::Keep }
    }
}

/// Removes a registered worktree. One with uncommitted work, or with submodules that have unpushed commits, is refused
/// unless the work may be discarded.
pub(crate) fn remove(repository: &Repository, path: &Path, work: Unsaved) -> Result<()> {
    let force = (work == Unsaved::Discard).then_some("--force");
    let call = repository.write("worktree").arg("remove").args(force);
    let call = call.arg("--").arg(path);
    let output = call.output()?;
    if output.success() {
        return Ok(());
    }
    let stderr_text = output.stderr_text();
    if stderr_text.contains("containing submodules") {
        // `git worktree remove` does not check submodules, so this program does.
        require_expendable_submodules(repository, path)?;
        return remove(repository, path, Unsaved::Discard);
    }
    if stderr_text.contains("contains modified or untracked files") || stderr_text.contains("is dirty") {
        return Err(Error::new(Kind::Dirty, format!("{} has uncommitted work", path.display()))
            .hint(command!["git status"].within(path)));
    }
    Err(call.failure(&output))
}

/// Removes a registered worktree that was left incomplete, whatever it contains; the caller has checked it.
pub(crate) fn remove_cut_off(repository: &Repository, path: &Path) -> Result<()> {
    let call = repository.write("worktree").args(["remove", "--force", "--force", "--"]).arg(path);
    call.run().map(drop)
}

/// The state of some files of the worktree at `path`, ignored ones too, with the content of untracked folders.
pub(crate) fn load_status_of(repository: &Repository, path: &Path, files: &[&str]) -> Result<WorktreeStatus> {
    status_of(
        repository,
        path,
        &[&["--untracked-files=all", "--ignored=matching", "--no-renames", "--"], files].concat(),
    )
}

/// Whether the worktree at `path` contains repositories of submodules.
pub(crate) fn has_submodules(path: &Path) -> bool {
    git_dir(path).is_some_and(|dir| dir.join("modules").is_dir())
}

/// The arguments of `git rev-list` for commits that no remote has, reachable from HEAD, branches, tags or the stash.
const OWN: [&str; 4] = ["--max-count=1", "--all", "--not", "--remotes"];

/// Whether a remote has all commits of the repository at `path`, as far as that repository knows.
pub(crate) fn is_pushed(repository: &Repository, path: &Path) -> Result<bool> {
    Ok(repository.git().read(path, "rev-list").args(OWN).run()?.stdout.is_empty())
}

/// Refuses a worktree with uncommitted changes, also in its submodules, or with commits, tags or stashes of a submodule
/// that no remote has: the repository of a submodule is removed with the worktree, even when it is not checked out.
pub(crate) fn require_expendable_submodules(repository: &Repository, path: &Path) -> Result<()> {
    if load_status(repository, path)?.is_dirty() {
        return Err(keeps(path, "uncommitted work"));
    }
    match git_dir(path) {
        Some(dir) => require_pushed_submodules(repository, path, &dir),
        None => Ok(()),
    }
}

/// Refuses a worktree whose git directory contains a repository of a submodule with commits, tags or stashes that no
/// remote has. It needs no index, so it also works for an incomplete worktree.
pub(crate) fn require_pushed_submodules(repository: &Repository, path: &Path, git_dir: &Path) -> Result<()> {
    for dir in repositories_below(&git_dir.join("modules")) {
        let call = repository.git().read(&dir, "rev-list").args(OWN);
        // The configuration of the submodule names its worktree, which may be gone.
        if !call.env("GIT_DIR", &dir).env("GIT_WORK_TREE", &dir).run()?.stdout.is_empty() {
            return Err(keeps(path, NOT_PUSHED));
        }
    }
    Ok(())
}

const NOT_PUSHED: &str = "commits in a submodule that were not pushed";

fn keeps(path: &Path, what: &str) -> Error {
    let show = path.display();
    Error::new(Kind::Dirty, format!("{show} has {what}")).hint(command!["git status"].within(path))
}

/// The repositories of all submodules, nested ones too. Their names may contain slashes.
fn repositories_below(folder: &Path) -> Vec<PathBuf> {
    if folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
        return [vec![folder.to_owned()], repositories_below(&folder.join("modules"))].concat();
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.flat_map(|entry| repositories_below(&entry.path())).collect()
}

/// The folder for temporary files as git writes it: absolute, with links resolved.
pub(crate) fn temporary_folder() -> Result<PathBuf> {
    let folder = std::env::temp_dir();
    folder.canonicalize().map_err(|error| Error::io("use", &folder, &error))
}

/// The operation that is in progress in the worktree at `path`.
pub(crate) fn in_progress(path: &Path) -> Option<&'static str> {
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

/// The branch on which the rebase or bisection in the worktree at `path` began: a full name, or a short one.
pub(crate) fn branch_to_return_to(path: &Path) -> Option<String> {
    noted(path, &[REBASED[0], REBASED[1], "BISECT_START"])
}

/// The branch that is being rebased in a worktree; meanwhile its record says detached.
pub(crate) fn rebasing(record: &WorktreeRecord) -> Option<RefName> {
    let name = record.detached.then(|| noted(&record.path, &REBASED))??;
    RefName::parse(&name)
}

/// The files in which git records the branch of a rebase.
const REBASED: [&str; 2] = ["rebase-merge/head-name", "rebase-apply/head-name"];

fn noted(path: &Path, notes: &[&str]) -> Option<String> {
    let git_dir = git_dir(path)?;
    notes.iter().find_map(|note| note_in(&git_dir, note))
}

fn note_in(git_dir: &Path, note: &str) -> Option<String> {
    Some(std::fs::read_to_string(git_dir.join(note)).ok()?.trim_end().to_owned())
}

/// Whether a registered worktree is not where git expects it: it was moved by hand, or deleted.
pub(crate) fn is_gone(record: &WorktreeRecord) -> bool {
    record.prunable.is_some() || !record.path.is_dir()
}

fn status_of(repository: &Repository, path: &Path, args: &[&str]) -> Result<WorktreeStatus> {
    let call = repository.git().read(path, "status").args(["--porcelain=v2", "--branch", "-z"]);
    status::parse(&call.args(args).run()?.stdout)
}

/// The state of the worktree at `path`, with that of its submodules.
pub(crate) fn load_status(repository: &Repository, path: &Path) -> Result<WorktreeStatus> {
    status_of(repository, path, &["--untracked-files=normal", "--ignore-submodules=none"])
}

/// The state of the worktree at `path`, with every untracked file.
pub(crate) fn load_everything(repository: &Repository, path: &Path) -> Result<WorktreeStatus> {
    status_of(repository, path, &["--untracked-files=all"])
}

/// The state of the files below `folders` in the worktree at `path`, each by its own name.
pub(crate) fn changes_below(repository: &Repository, path: &Path, folders: &[&str]) -> Result<WorktreeStatus> {
    let options = ["--no-renames", "--untracked-files=all", "--ignore-submodules=all", "--"];
    status_of(repository, path, &[&options, folders].concat())
}

/// Commits exactly these files with their present content at `path`; what else is staged stays staged. The hooks and
/// the signing of the user run; when one of them refuses, the index is as before.
///
/// # Errors
/// [`Kind::Git`] with the message of git or the hook.
pub(crate) fn commit_files(repository: &Repository, path: &Path, message: &str, changed: &[StatusEntry]) -> Result<()> {
    let list = |entries: &mut dyn Iterator<Item = &StatusEntry>| {
        entries.flat_map(|entry| [entry.path.as_os_str().as_bytes(), b"\0"].concat()).collect::<Vec<_>>()
    };
    let git = |subcommand: &str, files: Vec<u8>| {
        let call = repository.git().write(path, subcommand).env("GIT_LITERAL_PATHSPECS", "1").input(files);
        call.args(["--pathspec-from-file=-", "--pathspec-file-nul"])
    };
    at_work::noted(repository, path, || {
        let new = list(&mut changed.iter().filter(|entry| entry.kind == StatusKind::Untracked));
        if !new.is_empty() {
            git("add", new.clone()).arg("--intent-to-add").run()?;
        }
        let call = git("commit", list(&mut changed.iter())).args(["--quiet", "--only", "-m", message]);
        let call = call.limit(COMMIT_LIMIT);
        let output = call.output();
        if output.as_ref().is_ok_and(Output::success) {
            return Ok(());
        }
        if !new.is_empty() {
            interrupt::cleaning_up(|| git("reset", new).arg("--quiet").run())?;
        }
        Err(call.failure(&output?))
    })
}

/// Sets the upstream of a branch to the branch of its name on the remote, as `git push -u` does.
pub(crate) fn set_upstream(repository: &Repository, branch: &Branch, remote: &RemoteName) -> Result<()> {
    for (key, value) in [("remote", remote.as_str()), ("merge", branch.full().as_str())] {
        repository.write("config").args([&format!("branch.{branch}.{key}"), value]).run()?;
    }
    Ok(())
}

/// How long hooks and signing may take: a signing program that waits for a passphrase without a terminal would hang for
/// ever, and a hook of a task commit has only text files to check.
const COMMIT_LIMIT: Duration = Duration::from_secs(10);
