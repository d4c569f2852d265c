//! The task data of a checkout, with its uncommitted changes, which the scripts archive too.

use crate::archive::task_store::TaskSource;
use crate::compat::archive::require::{data_top, require_branch, require_status};
use crate::compat::folders::TaskFolders;
use crate::error::{Error, Kind, Result};
use crate::files::{Tree, canonicalize_lenient};
use crate::git::Branch;
use crate::git::objects::{self, Edit};
use crate::git::porcelain::status::WorktreeStatus;
use crate::ledger::{Channel, Ledger, View};
use crate::project::context::Context;
use crate::task::{Document, TaskId, paths};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The paths of the folders of task data: for each its name in the core, its path in git, and the path that is shown.
/// They differ with `TASK_DIR` and its like, in a subdirectory of a repository, and on a data branch.
#[derive(Debug, Clone)]
pub(crate) struct FolderPaths {
    /// The top of the checkout.
    pub(crate) top: PathBuf,
    folders: Vec<(&'static str, String, String)>,
    dir: PathBuf,
}

impl FolderPaths {
    /// The folders of a project in `dir`.
    ///
    /// # Errors
    /// [`Kind::Usage`] when a folder lies outside the checkout.
    pub(crate) fn find(context: &Context, dir: &Path, folders: &TaskFolders) -> Result<Self> {
        let top = canonicalize_lenient(&data_top(context, dir));
        // The archives come first: they lie in the other two folders, and the first match of a path counts.
        let folders = [
            (paths::ARCHIVED_TASKS_DIR, &folders.archived),
            (paths::ARCHIVED_PLANS_DIR, &folders.archived_plans),
            (paths::TASKS_DIR, &folders.tasks),
            (paths::PLANS_DIR, &folders.plans),
        ];
        let folders = folders.into_iter().map(|(name, folder)| {
            folder.require_own()?;
            let path = canonicalize_lenient(&folder.path("."));
            let outside = || Error::new(Kind::Usage, format!("{} is not in {}", path.display(), top.display()));
            // A folder that does not exist yet gets the core's name.
            let absent = || (!folder.exists()).then_some(name);
            let inside = path.strip_prefix(&top).ok().and_then(Path::to_str).or_else(absent).ok_or_else(outside)?;
            Ok((name, inside.to_owned(), folder.shown("").trim_end_matches('/').to_owned()))
        });
        Ok(Self { folders: folders.collect::<Result<_>>()?, top, dir: dir.to_owned() })
    }

    fn map(&self, path: &str, to: impl for<'a> Fn(&'a (&'static str, String, String)) -> &'a str) -> String {
        let found = self.folders.iter().find_map(|folder| Some((to(folder), path.strip_prefix(folder.0)?)));
        found.map_or_else(|| path.to_owned(), |(place, rest)| format!("{place}{rest}"))
    }

    /// The path in git of one of the core's paths.
    pub(crate) fn in_git(&self, path: &str) -> String {
        self.map(path, |folder| &folder.1)
    }

    /// The shown path of one of the core's paths.
    pub(crate) fn shown(&self, path: &str) -> String {
        self.map(path, |folder| &folder.2)
    }

    /// The path on disk.
    pub(crate) fn on_disk(&self, path: &str) -> PathBuf {
        self.dir.join(self.shown(path))
    }

    /// The core's path of a path in git.
    fn of_git(&self, path: &str) -> Option<String> {
        self.folders.iter().find_map(|(name, place, _)| {
            let rest = path.strip_prefix(place.as_str())?;
            rest.starts_with('/').then(|| format!("{name}{rest}"))
        })
    }

    /// The paths of the folders in git.
    pub(crate) fn folders(&self) -> Vec<&str> {
        self.folders.iter().map(|(_, place, _)| place.as_str()).collect()
    }

    /// An edit with the paths in git.
    pub(crate) fn edit(&self, edit: Edit) -> Edit {
        match edit {
            Edit::Put { path, content } => Edit::Put { path: self.in_git(&path), content },
            Edit::Take { path, mode, oid } => Edit::Take { path: self.in_git(&path), mode, oid },
            Edit::Remove { path } => Edit::Remove { path: self.in_git(&path) },
            Edit::Rename { from, to } => Edit::Rename { from: self.in_git(&from), to: self.in_git(&to) },
        }
    }
}

/// The path of the project in `dir` within its repository, with a trailing slash; empty for a project at the root,
/// and for one whose task data has a branch of its own, where paths start at the top.
pub(crate) fn project_prefix(context: &Context, dir: &Path) -> String {
    let (top, dir) = (canonicalize_lenient(&context.repository.toplevel), canonicalize_lenient(dir));
    let below = dir.strip_prefix(&top).ok().and_then(Path::to_str);
    let below = below.filter(|below| !below.is_empty() && !context.has_data_branch());
    below.map_or_else(String::new, |below| format!("{below}/"))
}

/// The checkout of the task data that a script changes, and its branch.
#[derive(Debug)]
pub(crate) struct DataCheckout<'a> {
    pub(crate) context: &'a Context,
    pub(crate) folders: &'a TaskFolders,
    pub(crate) folder_paths: FolderPaths,
    pub(crate) branch: Branch,
}

impl<'a> DataCheckout<'a> {
    /// Finds the checkout of the project in `dir`.
    ///
    /// # Errors
    /// Those of [`require_branch`].
    pub(crate) fn find(context: &'a Context, dir: &Path, folders: &'a TaskFolders) -> Result<Self> {
        let folder_paths = FolderPaths::find(context, dir, folders)?;
        let branch = require_branch(context, &folder_paths.top)?;
        Ok(Self { context, folders, folder_paths, branch })
    }

    /// The paths of the folders.
    pub(crate) fn folder_paths(&self) -> &FolderPaths {
        &self.folder_paths
    }

    /// The ledger that commits to this checkout's branch and publishes nothing: the scripts leave that to their
    /// callers.
    pub(crate) fn ledger(&self) -> Ledger<'_> {
        Ledger { channel: Channel::Local, data_only_branch: Some(self.branch.clone()), ..self.context.ledger() }
    }
}

/// The task data of a checkout at one moment.
#[derive(Debug)]
pub(crate) struct TaskDataSnapshot<'a> {
    checkout: &'a DataCheckout<'a>,
    view: &'a View<'a>,
    /// The files of the checkout.
    paths: Vec<String>,
    /// The files of the last commit that the checkout lacks.
    missing: Vec<String>,
    /// The files that differ from the last commit; for an ignored folder the folder, with a trailing slash.
    changed: BTreeSet<String>,
    status: WorktreeStatus,
}

impl<'a> TaskDataSnapshot<'a> {
    /// Reads files and status. One process.
    ///
    /// # Errors
    /// Those of [`require_status`].
    pub(crate) fn load(checkout: &'a DataCheckout<'a>, view: &'a View<'a>) -> Result<Self> {
        let DataCheckout { context, folders, folder_paths, branch } = checkout;
        let in_git = folder_paths.folders();
        let status = require_status(context, &folder_paths.top, branch, &in_git)?;
        let core = |path: &Path| path.to_str().and_then(|path| folder_paths.of_git(path));
        let paths = folders.paths();
        let changed = status.entries.iter().filter_map(|entry| core(&entry.path)).collect();
        let is_there = |path: &String| paths.binary_search(path).is_ok();
        let gone = status.entries.iter().filter(|entry| entry.code[0] != 'A' && entry.code.contains(&'D'));
        let missing = gone.filter_map(|entry| core(&entry.path)).filter(|path| !is_there(path)).collect();
        Ok(Self { checkout, view, paths, missing, changed, status })
    }

    /// Whether a file of the checkout is as the last commit has it.
    pub(crate) fn is_committed(&self, path: &str) -> bool {
        let is_ignored = |folder: &String| folder.ends_with('/') && path.starts_with(folder.as_str());
        !self.changed.contains(path) && !self.changed.iter().any(is_ignored)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let folder_paths = &self.checkout.folder_paths;
        let gone = || Error::io("read", &folder_paths.on_disk(path), &std::io::ErrorKind::NotFound.into());
        Tree::new(&folder_paths.top).load(folder_paths.in_git(path))?.ok_or_else(gone)
    }
}

impl TaskSource for TaskDataSnapshot<'_> {
    fn paths(&self) -> Vec<String> {
        self.paths.clone()
    }

    fn load(&self, paths: &[&str]) -> Result<Vec<Document>> {
        let committed: Vec<_> = paths.iter().filter(|path| self.is_committed(path)).collect();
        let wanted: Vec<_> =
            committed.iter().map(|path| (&self.checkout.branch, self.checkout.folder_paths.in_git(path))).collect();
        let found = self.view.read(&wanted)?;
        let read = paths.iter().map(|path| {
            if !self.is_committed(path) {
                return Ok(Document::parse(&self.read(path)?));
            }
            let file = found.file(&self.checkout.branch, &self.checkout.folder_paths.in_git(path));
            Ok(Document::parse(file.unwrap_or_default()))
        });
        read.collect()
    }

    fn load_uncommitted(&self, path: &str) -> Result<Option<Vec<u8>>> {
        if self.is_committed(path) { Ok(None) } else { self.read(path).map(Some) }
    }

    fn missing(&self) -> &[String] {
        &self.missing
    }

    fn load_staged_below(&self, parent: TaskId) -> Result<Vec<Edit>> {
        let folder_paths = &self.checkout.folder_paths;
        let folders = [paths::TASKS_DIR, paths::PLANS_DIR].into_iter().zip(['t', 'p']);
        let folders: Vec<_> = folders.map(|(root, letter)| format!("{root}/{letter}{parent}/")).collect();
        let staged = self.status.entries.iter().filter(|entry| !matches!(entry.code[0], '.' | '?' | '!'));
        let staged = staged.filter_map(|entry| Some((entry.code[0], folder_paths.of_git(entry.path.to_str()?)?)));
        let staged: Vec<_> = staged.filter(|(_, path)| folders.iter().any(|folder| path.starts_with(folder))).collect();
        let kept =
            staged.iter().filter(|(code, _)| *code != 'D').map(|(_, path)| format!(":{}", folder_paths.in_git(path)));
        let mut contents = objects::load(&self.checkout.context.repository, &kept.collect::<Vec<_>>())?.into_iter();
        let edits = staged.into_iter().map(|(code, path)| match code {
            'D' => Some(Edit::Remove { path }),
            _ => contents.next().flatten().map(|object| Edit::Put { path, content: object.data }),
        });
        Ok(edits.flatten().collect())
    }
}
