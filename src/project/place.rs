//! Whether this clone is the one whose tasks are meant: it may have lost its remote, be a submodule of the project that has
//! the tasks, or have been copied or moved with worktrees that know another place.

use crate::coordination::LockEntry;
use crate::coordination::lock_record::LockRecord;
use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::files::read_own;
use crate::files::records::Records;
use crate::git::{Repository, refs, registry};
use crate::ledger::{Channel, Ledger, known};
use crate::task::{WORKTREES_DIR, paths};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Why a clone is refused that was copied, as a word for programs.
const COPIED: &str = "copied_clone";

/// Refuses a clone in which a verb would begin with locks that nobody else sees, or change what belongs to another clone.
/// `named` is the remote that the user named: whoever names one means this clone. No process, but in a submodule that is not
/// set up one.
///
/// # Errors
/// [`Kind::BranchGone`], [`Kind::NotInitialised`], [`Kind::Damaged`].
pub(crate) fn require_own(repository: &Repository, channel: &Channel, named: Option<&str>) -> Result<()> {
    if named.is_none() {
        known::require_former_remote(repository, channel)?;
        require_no_project_around(repository, channel)?;
    }
    require_no_copy(repository)
}

/// Refuses a submodule that is not set up where the project around it is.
fn require_no_project_around(repository: &Repository, channel: &Channel) -> Result<()> {
    let root = &repository.root;
    // Its git directory is in the folder `modules` of the one around it.
    let is_in_modules = |at: &Path| at.ends_with("modules") && at.with_file_name("HEAD").is_file();
    let is_submodule = repository.common_dir.ancestors().any(is_in_modules) && root.join(".git").is_file();
    if !is_submodule || root.join(paths::TASKS_DIR).exists() {
        return Ok(());
    }
    let locks = Ledger::locks_branch()?;
    let own = channel.remote().map(|remote| locks.tracking(remote)).into_iter().chain([locks.full()]);
    if refs::may_exist(repository, &own.collect::<Vec<_>>()) {
        return Ok(());
    }
    let Some(around) = root.ancestors().skip(1).find(|at| at.join(".git").exists()) else { return Ok(()) };
    // Whether the repository around it has a branch of locks, here or on a remote.
    let asked = repository.git().read(around, "for-each-ref").args(["--format=%(refname)", "--count=1"]);
    let shown = asked.args([locks.full().to_string(), format!("refs/remotes/**/{locks}")]).run();
    let (lib, around) = (root.strip_prefix(around).unwrap_or(root).display(), around.display());
    let error = match shown {
        Ok(shown) if shown.stdout.is_empty() => return Ok(()),
        Ok(_) => {
            let message = format!("this is the submodule {lib} of {around}, which has the tasks");
            Error::new(Kind::NotInitialised, message).hint(command!["cd", around])
        }
        Err(error) => {
            let message =
                format!("this is the submodule {lib} of {around}, and whether that has the tasks is not known");
            let status = command!["git status"].within(around.to_string()).note("says what is wrong there");
            Error::new(error.kind(), format!("{message}: {error}")).hint(status)
        }
    };
    let remote = channel.remote().map_or(".", |remote| remote.as_str());
    Err(error.hint(command!["git aitask init --remote", remote].note("if the submodule is to have tasks of its own")))
}

/// The registrations of worktrees, each with the path that it notes.
fn registrations(repository: &Repository) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let entries = std::fs::read_dir(repository.common_dir.join("worktrees")).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let admin = entry.path();
        let text = read_own(&admin.join("gitdir")).ok()?;
        let noted = admin.join(OsStr::from_bytes(text.trim_ascii_end()));
        Some((admin, noted.parent()?.to_owned()))
    })
}

/// The device and the inode of a folder. A path does not tell it from another one: it may be mounted at two places.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// Refuses a clone that was copied with its git directory: its worktrees and the locks that it holds are those of the
/// original. What is done to them there would be done to the original.
fn require_no_copy(repository: &Repository) -> Result<()> {
    let Some((original, what)) = worktree_of_original(repository).or_else(|| lock_of_original(repository)) else {
        return Ok(());
    };
    let root = &repository.root;
    let message = format!("{} was copied from {}, and {what}", root.display(), original.display());
    let git_folder = ["worktrees", "aitask"].map(|name| repository.common_dir.join(name));
    let folders = [paths::DATA_WORKTREE_DIR, WORKTREES_DIR].map(|name| root.join(name));
    let away = Hint::default().text("mkdir COPIED && mv");
    let away = git_folder
        .iter()
        .chain(&folders)
        .filter(|path| path.exists())
        .fold(away, |away, path| away.word(&path.strip_prefix(root).unwrap_or(path).display()));
    let away = away.text("COPIED/ && git aitask init").within(root).note("makes this clone one of its own");
    let error = Error::new(Kind::Damaged, message).with(Payload::Reason { reason: COPIED });
    Err(error.hint(command!["cd", original.display()]).hint(away))
}

/// The main worktree of the original of a copy, and that a worktree is still the original's. The first worktree that is
/// there tells.
fn worktree_of_original(repository: &Repository) -> Option<(PathBuf, String)> {
    // What else is at the path of a worktree that the user added may be anybody's; in a copy the registration has the same
    // name.
    let is_own = |path: &Path| {
        path.ends_with(paths::DATA_WORKTREE_DIR) || path.parent().is_some_and(|parent| parent.ends_with(WORKTREES_DIR))
    };
    let theirs = registrations(repository).filter(|(_, worktree)| is_own(worktree)).find_map(|(admin, worktree)| {
        let is_registration = |dir: &PathBuf| {
            dir.is_dir() && dir.ends_with(Path::new("worktrees").join(admin.file_name().unwrap_or_default()))
        };
        let git_dir = registry::git_dir(&worktree).filter(is_registration)?;
        Some((identity(&admin) != identity(&git_dir)).then_some(worktree))
    });
    let worktree = theirs??;
    Some((main_of(&worktree).to_owned(), format!("{} is still a worktree of that one", worktree.display())))
}

/// The main worktree around the one of a task, or of the tasks; wherever its git directory is.
fn main_of(worktree: &Path) -> &Path {
    let above = worktree.parent().unwrap_or(worktree);
    if worktree.ends_with(paths::DATA_WORKTREE_DIR) {
        above
    } else if above.ends_with(WORKTREES_DIR) {
        above.parent().unwrap_or(above)
    } else {
        worktree
    }
}

/// The main worktree of the original of a copy that has no worktree, and which task the original holds: both clones
/// have the record of it, and where nothing tells their sessions apart, both would hold the task. The lock says where its
/// holder works.
fn lock_of_original(repository: &Repository) -> Option<(PathBuf, String)> {
    LockRecord::tasks(repository).into_iter().find_map(|task| {
        let held = LockRecord::load(repository, task)?;
        let lock = LockEntry::parse(task, held.completed()?.as_bytes(), None);
        let folder = Path::new(lock.folder()?);
        if !folder.is_absolute() || folder == repository.root {
            return None;
        }
        // A lock that was taken in the worktree of a task may be held from another clone of the same person by now.
        let is_main = |dir: &PathBuf| dir.is_dir() && registry::common_dir(dir.clone()) == *dir;
        let git_dir = registry::git_dir(folder).filter(is_main)?;
        let theirs = LockRecord::load_of(&Records::new(&git_dir), task)?;
        let is_copy = theirs.nonce == held.nonce && identity(&git_dir) != identity(&repository.common_dir);
        is_copy.then(|| (folder.to_owned(), format!("{} is held there", task.prefixed())))
    })
}

/// The worktrees of a clone that was moved, with its folder: where they are now, relative to the main worktree. git expects
/// them, and they expect the git directory, at the old place.
pub(crate) fn moved(repository: &Repository) -> Vec<PathBuf> {
    let mut found: Vec<_> = registrations(repository)
        .filter(|(_, worktree)| !worktree.exists())
        .filter_map(|(admin, worktree)| {
            let mut folders =
                [PathBuf::from(paths::DATA_WORKTREE_DIR), Path::new(WORKTREES_DIR).join(worktree.file_name()?)]
                    .into_iter();
            folders.find(|folder| {
                let expected = registry::git_dir(&repository.root.join(folder));
                worktree.ends_with(folder)
                    && expected.is_some_and(|dir| !dir.exists() && dir.file_name() == admin.file_name())
            })
        })
        .collect();
    found.sort();
    found
}

/// The command that tells git and these worktrees where they are.
pub(crate) fn repair(root: &Path, moved: &[PathBuf]) -> Hint {
    let paths = moved.iter().map(|path| path.display().to_string());
    paths.fold(Hint::default().text("git worktree repair"), |hint, path| hint.word(&path)).within(root)
}
