//! The checkout of the data branch: `.aitask-data` and the symbolic links into it.

use crate::data_branch::carried::is_of_task;
use crate::error::{Error, Kind, Result};
use crate::files::{Tree, data_checkout, exclude};
use crate::git::worktree::Unsaved;
use crate::git::{Branch, Oid, remote, worktree};
use crate::ledger::DATA;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::{ignores, worktree_recovery};
use crate::sync::join::Resolutions;
use crate::sync::outcome::{Reconciled, SyncOptions};
use crate::sync::reconcile::reconcile;
use crate::task::merge::MergeRules;
use crate::task::paths;
use crate::worktrees::branches::tips;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// What [`attach`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attached {
    /// The checkout existed.
    Already,
    /// The task data is on the code branch.
    Legacy,
    /// The checkout was made.
    Made,
    /// There is no data branch, neither here nor, as far as it could be reached, at the remote.
    NoBranch,
}

/// What the `.gitignore` of the data branch says where the clones themselves ignore the links: their list counts in every
/// worktree, and would hide the folders of the same names on the data branch.
pub(crate) const KEPT_IN_DATA: [&str; 2] = ["!/aitasks", "!/aiplans"];

/// The time limit of the fetch. Attaching also works with what was fetched before, so an unreachable remote must not
/// block it for the whole network timeout.
const ATTACH_FETCH_LIMIT: Duration = Duration::from_secs(10);

/// Makes the checkout of the data branch where it is missing, and repairs the links. Creates no data branch and no
/// commit.
///
/// # Errors
/// [`Kind::Occupied`] when the worktree cannot be made.
pub(crate) fn attach(context: &Context, narrate: &mut dyn FnMut(&str)) -> Result<Attached> {
    let repository = &context.repository;
    let root = &repository.root;
    if let Some(dir) = data_checkout(root) {
        forget_making(context, &dir)?;
        move_folders(context)?;
        return Ok(Attached::Already);
    }
    if !context.has_data_branch() && is_folder(&root.join(paths::TASKS_DIR)) {
        return Ok(Attached::Legacy);
    }
    let data = Branch::parse(DATA)?;
    let mut known = tips(context, &data)?;
    if let (None, Some(remote)) = (&known.local, context.channel.remote()) {
        let limit = context.settings.timeout.min(ATTACH_FETCH_LIMIT);
        let fetched = remote::fetch(repository, remote, std::slice::from_ref(&data), limit);
        known = tips(context, &data)?;
        // The outcome of the fetch is not an error: a remote-tracking branch from an earlier fetch is enough.
        if fetched.is_ok() && known.tracking.is_some() {
            narrate("Found aitask-data branch on remote, fetching...");
        }
    }
    if known.local.is_none() && known.tracking.is_none() {
        return Ok(Attached::NoBranch);
    }
    narrate("Creating .aitask-data/ worktree...");
    make_checkout(context, &data, known.start())?;
    move_folders(context)?;
    narrate("Data branch initialized: .aitask-data/ worktree + symlinks");
    Ok(Attached::Made)
}

/// Whether this repository has a data branch, and its checkout or a link to it is missing in the main worktree. No
/// process.
pub(crate) fn is_missing(context: &Context) -> bool {
    let root = &context.repository.root;
    let is_there = |name: &str| root.join(name).symlink_metadata().is_ok();
    context.has_data_branch()
        && (data_checkout(root).is_none_or(|dir| worktree::is_sparse(&dir))
            || ![paths::TASKS_DIR, paths::PLANS_DIR].iter().all(|name| is_there(name)))
}

/// As [`attach`], with the data branch as this clone knows it: no connection. A branch that another worktree has
/// checked out, as in a bare repository with worktrees, stays there.
///
/// # Errors
/// As [`attach`].
pub(crate) fn attach_known(context: &Context) -> Result<Attached> {
    let data = Branch::parse(DATA)?;
    let attached = if let Some(dir) = data_checkout(&context.repository.root) {
        forget_making(context, &dir)?;
        if let Some(remote) = context.channel.remote().filter(|_| !has_upstream(context, &data)) {
            // A command that made the checkout was killed before it said what the branch follows.
            worktree::set_upstream(&context.repository, &data, remote)?;
        }
        if worktree::is_sparse(&dir) {
            worktree::make_full(&context.repository, &dir)?;
        }
        Attached::Already
    } else {
        let known = tips(context, &data)?;
        if known.local.is_none() && known.tracking.is_none() || is_elsewhere(context, &data)? {
            return Ok(Attached::NoBranch);
        }
        make_checkout(context, &data, known.start())?;
        Attached::Made
    };
    if has_private_files_alone(&context.repository.root) {
        move_folders(context)?;
    } else {
        // A folder of the user's own stays where it is: what is in it was never meant for everybody.
        ignore_in_clone(context)?;
        link_folders(&context.repository.root)?;
    }
    Ok(attached)
}

fn has_upstream(context: &Context, data: &Branch) -> bool {
    context.repository.config().last(&format!("branch.{data}.merge")).is_some()
}

fn is_elsewhere(context: &Context, data: &Branch) -> Result<bool> {
    let place = context.repository.root.join(paths::DATA_WORKTREE_DIR);
    Ok(context.repository.worktree_of(data)?.is_some_and(|record| record.path != place && record.path.exists()))
}

/// Checks the data branch out at `.aitask-data`, on a new local branch from `start` where that is given.
///
/// # Errors
/// [`Kind::Occupied`] with git's reason.
pub(crate) fn make_checkout(context: &Context, data: &Branch, start: Option<&Oid>) -> Result<()> {
    let repository = &context.repository;
    let dir = repository.root.join(paths::DATA_WORKTREE_DIR);
    let _queue = Queue::enter(repository, context.settings.timeout, context.progress)?;
    if data_checkout(&repository.root).is_some() {
        return Ok(());
    }
    if dir.symlink_metadata().is_ok_and(|data| data.file_type().is_symlink()) {
        return Err(occupied(&format!("{} is a symbolic link", dir.display())));
    }
    if !dir.exists() {
        // The registration of a checkout that was deleted by hand would refuse the new one. Only this registration is
        // removed: `git worktree prune` would also remove those of worktrees on a disk that is not mounted.
        let record = repository.worktree_of(data)?;
        if record.is_some_and(|record| record.path == dir && record.locked.is_none()) {
            worktree::remove(repository, &dir, Unsaved::Discard)?;
        }
    }
    let failed_hook = worktree_recovery::make(repository, &dir, data, start, context.settings.timeout)
        .map_err(|error| if error.kind() == Kind::Git { occupied(&error.to_string()) } else { error })?;
    if let Some(error) = failed_hook {
        (context.progress)(&error.to_string());
    }
    if let (Some(_), Some(remote)) = (start, context.channel.remote()) {
        worktree::set_upstream(repository, data, remote)?;
    }
    Ok(())
}

/// Removes the note of a command that was killed when git had made the checkout. No process when there is none.
fn forget_making(context: &Context, dir: &Path) -> Result<()> {
    let data = Branch::parse(DATA)?;
    let repository = &context.repository;
    worktree_recovery::RecoverableWorktree::of(repository, dir, &data).repair(context.settings.timeout).map(drop)
}

fn occupied(why: &str) -> Error {
    Error::new(Kind::Occupied, format!("Failed to create worktree: {why}")).hint("git worktree list")
}

/// Publishes a data branch that was created before the clone had a remote, and configures its upstream. `false` where
/// it has one. Without an upstream, git cannot count unpublished commits, and a sync would report that there is nothing
/// to do.
///
/// # Errors
/// [`Kind::Unreachable`], [`Kind::Denied`] and others; [`Kind::Conflict`] when the remote has another branch of that
/// name.
pub(crate) fn publish(context: &Context) -> Result<bool> {
    let (data, repository) = (Branch::parse(DATA)?, &context.repository);
    let Some(remote) = context.channel.remote().filter(|_| !has_upstream(context, &data)) else { return Ok(false) };
    let none = Resolutions::new();
    let mut ignore = |_| ();
    let options = SyncOptions {
        commit: false,
        push_first: false,
        code_stays: false,
        also: &[],
        rules: MergeRules::ThreeWay,
        resolutions: &none,
        progress: &mut ignore,
    };
    match reconcile(context, options)? {
        Reconciled::Failed(_, error) => Err(error),
        Reconciled::Conflict(_) => {
            let message = format!("{remote} already has a branch {data}, with files of the same names");
            Err(Error::new(Kind::Conflict, message).hint("git aitask sync"))
        }
        _ => worktree::set_upstream(repository, &data, remote).map(|()| true),
    }
}

/// Moves the remaining files of the former task data folders on the code branch (those that git ignored) into the
/// checkout of the data branch, and creates the links in their place. A folder with files that the code branch still
/// tracks is kept.
///
/// # Errors
/// [`Kind::Occupied`] when both have a file of one name with different content.
pub(crate) fn move_folders(context: &Context) -> Result<()> {
    let root = &context.repository.root;
    // A concurrent command would replace a folder by a link while this one moves its files.
    let _queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
    for name in [paths::TASKS_DIR, paths::PLANS_DIR] {
        let folder = root.join(name);
        if !is_folder(&folder) {
            continue;
        }
        let tracked = context.repository.read("ls-files").args(["-z", "--", name]).run()?;
        if tracked.stdout.is_empty() {
            move_into(&Tree::new(root), &folder, &root.join(paths::DATA_WORKTREE_DIR).join(name))?;
        }
    }
    ignore_in_clone(context)?;
    link_folders(root)
}

/// Makes this clone ignore the checkout and, where no branch does it, the links: `git add -A` would commit them. Only where
/// the data branch keeps its own folders of these names ([`KEPT_IN_DATA`]).
fn ignore_in_clone(context: &Context) -> Result<()> {
    let (root, common_dir) = (&context.repository.root, &context.repository.common_dir);
    exclude(common_dir, "/.aitask-data/")?;
    let text = Tree::new(root).read(format!("{}/.gitignore", paths::DATA_WORKTREE_DIR)).unwrap_or_default();
    let is_kept = KEPT_IN_DATA.iter().all(|kept| ignores::lines(&text).any(|line| line == kept.as_bytes()));
    if is_kept && !ignores::is_ignored(root) {
        exclude(common_dir, "/aitasks")?;
        exclude(common_dir, "/aiplans")?;
    }
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| data.is_dir())
}

/// Whether the folders of the main worktree hold nothing but what this program keeps there for one user: drafts and
/// settings, left from when the task data was on the code branch.
fn has_private_files_alone(root: &Path) -> bool {
    let names = |folder: &'static str| {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        entries.map(move |entry| Path::new(folder).join(entry.file_name()))
    };
    let is_folder = [paths::TASKS_DIR, paths::PLANS_DIR].map(|name| is_folder(&root.join(name)));
    let of_tasks = names(paths::TASKS_DIR).filter(|path| path != Path::new(paths::METADATA_DIR));
    is_folder[0]
        && (!is_folder[1] || names(paths::PLANS_DIR).next().is_none())
        && of_tasks.chain(names(paths::METADATA_DIR)).all(|path| ignores::is_private_path(&path))
}

/// What stands in the main worktree where a link to the task data would be.
pub(crate) fn in_place_of_a_link(context: &Context) -> Option<&'static str> {
    let is_own = |name: &&str| {
        let found = context.repository.root.join(name).symlink_metadata();
        found.is_ok_and(|data| !data.file_type().is_symlink())
    };
    [paths::TASKS_DIR, paths::PLANS_DIR].into_iter().find(is_own)
}

/// Makes the folders of the data worktree, and the links to them where nothing exists. A broken link is replaced, a
/// link to another place is kept: the user made it.
fn link_folders(root: &Path) -> Result<()> {
    for name in [paths::TASKS_DIR, paths::PLANS_DIR] {
        let (link, target) = (root.join(name), Path::new(paths::DATA_WORKTREE_DIR).join(name));
        // Git stores no empty folders, so a fresh clone lacks a folder that has no files yet, and the link would be
        // broken.
        Tree::new(root).make_folder(&target)?;
        let create = || std::os::unix::fs::symlink(&target, &link);
        let made = match link.symlink_metadata() {
            Ok(data) if data.file_type().is_symlink() && !link.exists() => {
                std::fs::remove_file(&link).and_then(|()| create())
            }
            // An empty folder is nothing that could be lost; one with files fails here, and stays.
            Ok(data) if data.is_dir() => std::fs::remove_dir(&link).map_or(Ok(()), |()| create()),
            Ok(_) => Ok(()),
            Err(_) => create(),
        };
        match made {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make the link", &link, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Moves the content of a folder into another one, and removes the folder. A file is deleted only when the target has
/// the same content, so that a run that is interrupted anywhere can be repeated.
///
/// # Errors
/// [`Kind::Occupied`] when both have a file of one name with different content.
fn move_into(tree: &Tree, from: &Path, to: &Path) -> Result<()> {
    let io = |error: std::io::Error| Error::io("move", from, &error);
    tree.make_folder(to)?;
    for entry in std::fs::read_dir(from).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if is_same(&path, &target) {
            // The source is by now a link to the target: a concurrent command has finished the move.
            return Ok(());
        }
        if entry.file_type().map_err(io)?.is_dir() {
            move_into(tree, &path, &target)?;
        } else if target.symlink_metadata().is_err() {
            std::fs::rename(&path, &target).map_err(io)?;
        } else if tree.read(&path).is_ok_and(|text| tree.read(&target).is_ok_and(|other| text == other)) {
            std::fs::remove_file(&path).map_err(io)?;
        } else {
            let message = format!("{} differs from {}", path.display(), target.display());
            let name = path.strip_prefix(tree.root()).unwrap_or(&path);
            let hint = if is_of_task(name) {
                // A commit of the code branch is merged with what the branch of the tasks has.
                let add = command!["git add -f", name.display(), "&& git commit -m 'Task changes' --", name.display()];
                add.text("&& git aitask init --data-branch").within(tree.root())
            } else {
                command!["mv", path.display(), format!("{}.old", path.display())]
            };
            return Err(Error::new(Kind::Occupied, message).hint(hint));
        }
    }
    std::fs::remove_dir(from).map_err(io)
}

/// Whether two paths are the same file. Moving or deleting it would lose it.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.symlink_metadata().ok().map(|data| (data.dev(), data.ino()));
    place(one).is_some_and(|found| Some(found) == place(other))
}
