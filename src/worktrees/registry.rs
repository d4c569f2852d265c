//! Which task a record of git's registry of worktrees belongs to, and the refusals that protect what is in a worktree's
//! folder.

use crate::error::{Error, Hint, Kind, Result};
use crate::git::porcelain::worktree_list::WorktreeRecord;
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Repository, hidden_edits, registry, worktree};
use crate::project::context::Context;
use crate::task::{BRANCH_PREFIX, TaskId, TaskName, WORKTREES_DIR};
use std::path::{Path, PathBuf};

/// The task branch of a registered worktree: the one that is checked out in it, or, at the default path of that task's
/// worktree, the one that is being rebased there (during a rebase git reports a detached HEAD).
pub(crate) fn task_branch_of(context: &Context, record: &WorktreeRecord) -> Option<Branch> {
    if let Some(branch) = &record.branch {
        return branch.branch();
    }
    let branch = worktree::rebasing(record)?.branch()?;
    let place = context.repository.root.join(WORKTREES_DIR).join(branch.as_str().strip_prefix(BRANCH_PREFIX)?);
    (record.path == place).then_some(branch)
}

/// The name of the task that a registered worktree is of: by its branch ([`task_branch_of`]); where no task branch is
/// checked out in it, by its folder in `aiwork/`.
pub(crate) fn task_of(context: &Context, record: &WorktreeRecord) -> Option<TaskName> {
    let by_branch = || TaskName::from_branch(task_branch_of(context, record)?.as_str());
    let by_folder = || {
        let folder = record.path.strip_prefix(context.repository.root.join(WORKTREES_DIR)).ok()?;
        TaskName::try_parse(folder.to_str()?)
    };
    by_branch().or_else(by_folder)
}

/// The refusal for a worktree that is not at its registered path. It is never removed for the user: it may have been
/// moved by hand, with uncommitted work in it, and then its registration is the only record of it; or the whole repository
/// was, and it with it.
pub(crate) fn missing_worktree(root: &Path, path: &Path, branch: &Branch) -> Error {
    let show = path.display();
    if let Some(place) = moved_with(root, path) {
        let message = format!("the worktree of {branch} is registered at {show}, and the repository was moved to");
        return Error::new(Kind::Occupied, format!("{message} {}", root.display()))
            .hint(command!["git worktree repair", place.display()].within(root));
    }
    let error = |what: &str| {
        Error::new(Kind::Occupied, format!("the worktree of {branch} is registered at {show}, which {what}"))
            .hint(command!["git worktree repair <new-place>"].note("if it was moved by hand"))
    };
    if path.is_dir() {
        error("is no longer a worktree").hint(command!["git worktree prune"].note("if it is no longer needed"))
    } else {
        error("is gone").hint(command!["git worktree remove", path.display()].note("if it was deleted"))
    }
}

/// The refusal for the folder of a task's worktree that git has forgotten ([`registry::is_forgotten`]). What is not committed
/// is only there.
pub(crate) fn forgotten(root: &Path, path: &Path, task: TaskId) -> Error {
    let message = format!("{} was the worktree of {}, and git has forgotten it", path.display(), task.prefixed());
    let doctor = Hint::from("git aitask doctor --fix").within(root);
    Error::new(Kind::Occupied, message).hint(doctor.note("makes it a worktree again, with the files as they are"))
}

/// Where a worktree is that is registered elsewhere: at the same place of the repository that was moved with it.
pub(crate) fn moved_with(root: &Path, path: &Path) -> Option<PathBuf> {
    let place = root.join(WORKTREES_DIR).join(path.file_name()?);
    (place != path && !path.exists() && place.join(".git").is_file()).then_some(place)
}

/// Refuses `aiwork`, or the worktree in it, where it is a symbolic link: a removal would follow it out of the
/// repository.
pub(crate) fn require_no_link(context: &Context, worktree: &Path) -> Result<()> {
    let dir = context.repository.root.join(WORKTREES_DIR);
    if let Some(link) = [dir.as_path(), worktree].into_iter().find(|path| path.is_symlink()) {
        let message = format!("{} is a symbolic link, which is not followed", link.display());
        return Err(Error::new(Kind::Occupied, message).hint(command!["rm", link.display()]));
    }
    match dir.symlink_metadata() {
        Ok(data) if !data.is_dir() => Err(Error::new(
            Kind::Occupied,
            format!("{} is not a folder, so no worktree can be added in it", dir.display()),
        )
        .hint(command!["mv", dir.display(), format!("{}.old", dir.display())])),
        _ => Ok(()),
    }
}

/// Refuses to remove a worktree with another worktree inside it. Unless the work is to be discarded, refuses one with a
/// repository inside it, too: git does not report a repository in an ignored folder, and removes it with the folder.
///
/// # Errors
/// [`Kind::Occupied`] and [`Kind::Dirty`].
pub(crate) fn require_nothing_nested(
    repository: &Repository,
    all: &[WorktreeRecord],
    path: &Path,
    work: Unsaved,
) -> Result<()> {
    let show = path.display();
    let within = |other: &&WorktreeRecord| other.path != path && other.path.starts_with(path) && other.path.is_dir();
    if let Some(other) = all.iter().find(within) {
        let message = format!("{show} has another worktree in it: {}", other.path.display());
        return Err(Error::new(Kind::Occupied, message).hint(command![
            "git worktree move",
            other.path.display(),
            "NEW_PLACE"
        ]));
    }
    let modules = registry::git_dir(path).and_then(|dir| dir.join("modules").canonicalize().ok());
    let is_submodule = |dir: &Path| modules.as_ref().is_some_and(|modules| dir.starts_with(modules));
    let is_kept = |at: &Path, dir: &Path| !is_submodule(dir) && !is_expendable_clone(repository, at);
    let found = || find_repository(path, &mut |at, dir| is_kept(at, dir));
    match (work == Unsaved::Keep).then(found).flatten() {
        Some(other) => Err(Error::new(Kind::Dirty, format!("{show} has a repository in it: {}", other.display()))
            .hint(command!["mv", other.display(), "<new-place>"])),
        None => Ok(()),
    }
}

/// The files that git ignores in a worktree and in its submodules, relative to it.
///
/// # Errors
/// Those of git.
pub(crate) fn ignored_files(repository: &Repository, path: &Path) -> Result<Vec<PathBuf>> {
    let mut files = worktree::ignored_files(repository, path, &[])?;
    let modules = registry::git_dir(path).and_then(|dir| dir.join("modules").canonicalize().ok());
    let mut submodules = Vec::new();
    if let Some(modules) = modules {
        find_repository(path, &mut |at, dir| {
            submodules.extend(dir.starts_with(&modules).then(|| at.to_owned()));
            false
        });
    }
    for submodule in submodules {
        let within = submodule.strip_prefix(path).unwrap_or(&submodule);
        let ignored = worktree::ignored_files(repository, &submodule, &[]).unwrap_or_default();
        files.extend(ignored.iter().map(|file| within.join(file)));
    }
    Ok(files)
}

/// Finds a repository below a folder of which `is_wanted`, which gets its folder and its git directory. Follows no
/// symbolic link.
fn find_repository(folder: &Path, is_wanted: &mut dyn FnMut(&Path, &Path) -> bool) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).filter(|path| !path.ends_with(".git")).find_map(|path| {
        let own = registry::git_dir(&path).and_then(|dir| dir.canonicalize().ok());
        if own.is_some_and(|dir| is_wanted(&path, &dir)) {
            return Some(path);
        }
        find_repository(&path, is_wanted)
    })
}

/// Whether what is at `path` is a clone without uncommitted work and ignored files, whose commits are all at its remote. A
/// worktree of another repository is none, and neither is a clone that has worktrees or repositories of submodules, or
/// whose configuration may name a command.
pub(crate) fn is_expendable_clone(repository: &Repository, path: &Path) -> bool {
    let dir = path.join(".git");
    let is_clone = dir.symlink_metadata().is_ok_and(|data| data.is_dir());
    let has_remote = || dir.join("refs/remotes").read_dir().is_ok_and(|mut remotes| remotes.next().is_some());
    is_clone
        && has_remote()
        && !dir.join("worktrees").exists()
        && !dir.join("modules").exists()
        && has_plain_configuration(&dir)
        && worktree::in_progress(path).is_none()
        && worktree::is_pushed(repository, path).unwrap_or(false)
        && worktree::load_status(repository, path).is_ok_and(|status| !status.is_dirty())
        && hidden_edits::load(repository, path).is_ok_and(|edits| edits.is_empty())
        && worktree::ignored_files(repository, path, &[]).is_ok_and(|files| files.is_empty())
}

/// Whether the configuration of a repository has only what git writes into that of a clone, and the name of the user. Git
/// is not run in others: a folder that somebody unpacked may be a repository whose filter, or whose lazy fetch, is a
/// command of another.
fn has_plain_configuration(git_dir: &Path) -> bool {
    const PLAIN: [(&str, &[&str]); 5] = [
        (
            "core",
            &[
                "repositoryformatversion",
                "filemode",
                "bare",
                "logallrefupdates",
                "ignorecase",
                "precomposeunicode",
                "symlinks",
            ],
        ),
        ("extensions", &["objectformat", "refstorage"]),
        ("remote", &["url", "fetch", "tagopt"]),
        ("branch", &["remote", "merge", "rebase"]),
        ("user", &["name", "email"]),
    ];
    let Ok(text) = std::fs::read_to_string(git_dir.join("config")) else { return false };
    let mut keys: &[&str] = &[];
    let is_plain = |line: &str| {
        if let Some(header) = line.strip_prefix('[') {
            // a key may stand behind the header, in its line
            let name = header.strip_suffix(']').filter(|name| !name.contains([']', '\\']) && !name.contains("\"\""));
            let section = name.and_then(|name| name.split([' ', '.']).next());
            keys = PLAIN.iter().find(|(plain, _)| Some(*plain) == section).map_or(&[], |(_, keys)| keys);
            return !keys.is_empty();
        }
        line.is_empty() || line.split_once('=').is_some_and(|(key, _)| keys.contains(&key.trim()))
    };
    // the configuration is elsewhere where the repository is said to be a part of another
    !git_dir.join("commondir").exists() && text.lines().map(str::trim).all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::has_plain_configuration;

    #[test]
    fn a_configuration_that_may_name_a_command_is_told_from_that_of_a_clone() {
        let dir = tempfile::tempdir().unwrap();
        let is_plain = |text: &str| {
            std::fs::write(dir.path().join("config"), text).unwrap();
            has_plain_configuration(dir.path())
        };
        let clone = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote \"origin\"]\n\turl = /x\n\tfetch = \
                     +refs/heads/*:refs/remotes/origin/*\n\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n";
        assert!(is_plain(clone));
        for more in [
            "[filter \"x\"]\n\tclean = c\n",
            "[core]\n\tfsmonitor = c\n",
            "[core] fsmonitor = c\n",
            "[core] fsmonitor = c # ]\n",
            "[core]\n\tbare = false \\\n\tfsmonitor = c\n",
            "[CORE]\n\tfsmonitor = c\n",
            "[include]\n\tpath = x\n",
            "[remote \"origin\"]\n\tpromisor = true\n",
            "[remote \"origin\"]\n\tuploadpack = c\n",
            "[extensions]\n\tworktreeConfig = true\n",
        ] {
            assert!(!is_plain(&format!("{clone}{more}")), "{more}");
        }
        assert!(is_plain(clone));
        std::fs::write(dir.path().join("commondir"), "../other").unwrap();
        assert!(!is_plain(clone));
    }
}
