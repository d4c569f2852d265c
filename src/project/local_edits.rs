//! Task files that were edited in this clone and are not committed, so that nobody else sees them.

use crate::error::Result;
use crate::files::{Tree, is_left_by_a_write};
use crate::git::porcelain::status::WorktreeStatus;
use crate::git::{Oid, index_file, worktree};
use crate::project::context::Context;
use crate::project::ignores::is_private;
use crate::project::index::Index;
use crate::task::{PlanPath, TaskPath, WORKTREES_DIR, paths};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folders of the task data in a checkout of it. On a code branch, those of the project in the current folder, which
/// may be below the root of the repository.
pub(crate) fn folders(context: &Context) -> [String; 2] {
    let Context { repository, here, .. } = context;
    let folders = [paths::TASKS_DIR, paths::PLANS_DIR];
    let project = here.strip_prefix(&repository.root).ok().filter(|_| here.join(paths::TASKS_DIR).exists());
    match project.and_then(Path::to_str).filter(|project| !project.is_empty()) {
        Some(project) if !context.has_data_branch() => folders.map(|folder| format!("{project}/{folder}")),
        _ => folders.map(str::to_owned),
    }
}

/// The state of a checkout of the task data, with the edited files of it alone. One process.
pub(crate) fn load(context: &Context, checkout: &Path) -> Result<WorktreeStatus> {
    let folders = folders(context);
    let mut status = worktree::changes_below(&context.repository, checkout, &folders.each_ref().map(String::as_str))?;
    let below = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    status.entries.retain(|entry| below(&entry.path) && !entry.path.as_os_str().is_empty());
    status
        .entries
        .retain(|entry| !is_link_of_ours(&entry.path) && !is_left_by_a_write(&entry.path) && !is_private(entry));
    Ok(status)
}

/// How many task files and plans of a checkout were edited and are not committed. No process where nothing was edited. None is
/// counted in the worktree of a task that has the tasks itself: a sync there does not share those of the main worktree.
/// `committed` lists the files of the branch.
pub(crate) fn count(context: &Context, checkout: &Path, committed: &Index) -> Result<usize> {
    let is_beside = context.here.starts_with(context.repository.root.join(WORKTREES_DIR)) && !context.has_data_branch();
    if is_beside || !may_have_any(context, checkout, committed) {
        return Ok(0);
    }
    // Of a file that is only removed from the index there are two: it is deleted there, and it is not known.
    let files: BTreeSet<_> = load(context, checkout)?.entries.into_iter().map(|entry| entry.path).collect();
    Ok(files.len())
}

/// Whether a file may have been edited: it is another one than when git looked at it last, is staged with another content
/// than is committed, or is a task file or a plan that git does not know. Only git can tell it certainly.
fn may_have_any(context: &Context, checkout: &Path, committed: &Index) -> bool {
    let folders = folders(context);
    let Some(stamps) = index_file::load(&context.repository, checkout, &folders) else { return true };
    let is_outdated = || stamps.iter().any(|(path, stamp)| stamp.is_outdated(&checkout.join(path)));
    // A checkout that lags differs, too; there git is asked for nothing.
    let is_staged = || {
        let is_same = |(path, blob): (&str, &Oid)| stamps.get(OsStr::new(path)).is_some_and(|stamp| stamp.is_of(blob));
        committed.blobs().len() != stamps.len() || !committed.blobs().all(is_same)
    };
    let is_known = |path: &Path| stamps.contains_key(path.as_os_str());
    let tree = Tree::new(checkout);
    is_outdated() || is_staged() || folders.iter().any(|folder| has_new(&tree, Path::new(folder), &is_known))
}

/// Whether a folder, or one below it, has a task file or a plan that is not known.
fn has_new(tree: &Tree, folder: &Path, is_known: &dyn Fn(&Path) -> bool) -> bool {
    tree.entries(folder).into_iter().any(|entry| {
        let path = folder.join(&entry.name);
        let is_deep = path.components().count() > DEEPEST;
        if entry.is_folder { !is_deep && has_new(tree, &path, is_known) } else { is_of_task(&path) && !is_known(&path) }
    })
}

/// How deep the folders are of a project that is itself in a folder: `a/b/aitasks/archived/t1/t1_2_x.md`.
const DEEPEST: usize = 8;

fn is_of_task(path: &Path) -> bool {
    let from = |folder: &str| {
        let parts: PathBuf = path.components().skip_while(|part| part.as_os_str() != folder).collect();
        parts.to_str().map(str::to_owned)
    };
    from(paths::TASKS_DIR).is_some_and(|path| TaskPath::parse(&path).is_some() || paths::looks_like_a_task(&path))
        || from(paths::PLANS_DIR).is_some_and(|path| PlanPath::parse(&path).is_some())
}

/// Whether a path is one of the symbolic links from the main worktree into the data worktree; these are not task data.
fn is_link_of_ours(path: &Path) -> bool {
    path == Path::new(paths::TASKS_DIR) || path == Path::new(paths::PLANS_DIR)
}
