//! All files of the task data at once, from a checkout or from a branch: for whatever judges them together.

use crate::error::Result;
use crate::files::Tree;
use crate::git::Branch;
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::ledger::View;
use crate::project::index::strayed;
use crate::task::{Document, PlanPath, Scan, Task, TaskId, TaskPath, bundle, fields, paths, query};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How deep the folders of tasks and plans go: `aitasks/archived/t1/t1_2_x.md`.
const DEEPEST: usize = 3;

/// The files of the task data.
#[derive(Debug, Default)]
pub(crate) struct TaskFolder {
    /// The paths of all files.
    pub(crate) paths: Vec<String>,
    /// The active tasks.
    pub(crate) tasks: Vec<Task>,
    /// The texts of their files.
    pub(crate) texts: BTreeMap<TaskPath, Vec<u8>>,
    /// Active files that cannot be read: links, folders, files that are too large.
    pub(crate) unreadable: Vec<TaskPath>,
    /// Files of active tasks that a branch has, and whose objects this clone lacks.
    pub(crate) missing: Vec<TaskPath>,
    /// Archived tasks outside of bundles.
    pub(crate) archived: Vec<TaskPath>,
    /// Plans that are not archived.
    pub(crate) plans: Vec<PlanPath>,
    /// Files that look like active tasks and are none by their names.
    pub(crate) misnamed: Vec<String>,
    /// The tasks in bundles.
    pub(crate) bundled: BTreeSet<TaskId>,
    /// Bundles that cannot be read.
    pub(crate) broken_bundles: Vec<String>,
    /// The issue types of the project.
    pub(crate) types: Vec<String>,
    /// The ids of all active and archived files, well formed or not.
    ids: BTreeSet<TaskId>,
    active_ids: BTreeSet<TaskId>,
    archived_ids: BTreeSet<TaskId>,
}

impl TaskFolder {
    /// Reads the checkout with this root; `None` where it has no folder of tasks. No process.
    pub(crate) fn of_checkout(root: &Path) -> Option<Self> {
        let tree = Tree::new(root);
        if !tree.is_folder(paths::TASKS_DIR) {
            return None;
        }
        let mut files = Vec::new();
        for folder in [paths::TASKS_DIR, paths::PLANS_DIR] {
            walk(&tree, folder, 0, &mut files);
        }
        let files: Vec<_> = files.into_iter().map(|path| (path.clone(), path)).collect();
        Self::new(&files, |wanted| Ok(wanted.iter().map(|path| tree.read(path).ok()).collect())).ok()
    }

    /// Reads the task data of a view. Two processes.
    pub(crate) fn of_branch(view: &View<'_>, data: &Branch) -> Result<Self> {
        let entries = view.list(data, &[paths::TASKS_DIR, paths::PLANS_DIR])?;
        let content = |entry: &TreeEntry| (entry.oid.clone(), entry.mode.is_file());
        let files = entries.iter().filter_map(|entry| Some((entry.path_str()?.to_owned(), content(entry))));
        let files: Vec<_> = files.collect();
        let mut folder = Self::new(&files, |wanted| {
            let (names, are_files): (Vec<_>, Vec<_>) = wanted.iter().cloned().unzip();
            let blobs = view.blobs(&names)?.into_iter().zip(are_files);
            Ok(blobs.map(|(object, is_file)| object.filter(|_| is_file).map(|object| object.data)).collect())
        })?;
        let is_file = |task: &TaskPath| files.iter().any(|(path, (_, is_file))| *is_file && path == task.as_str());
        folder.missing = folder.unreadable.extract_if(.., |task| is_file(task)).collect();
        Ok(folder)
    }

    /// That of these files.
    #[cfg(test)]
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Self::new(&files, |wanted| Ok(wanted.iter().cloned().map(Some).collect())).unwrap()
    }

    /// Sorts the files, and reads those that are needed, all at once.
    fn new<T: Clone>(files: &[(String, T)], read: impl FnOnce(&[T]) -> Result<Vec<Option<Vec<u8>>>>) -> Result<Self> {
        let mut folder = Self { paths: files.iter().map(|(path, _)| path.clone()).collect(), ..Self::default() };
        let all: BTreeSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let (mut active, mut others) = (Vec::new(), Vec::new());
        for (path, content) in files {
            if let Some(task) = TaskPath::parse(path) {
                if task.is_archived() { folder.archived.push(task) } else { active.push((task, content)) }
            } else if let Some(plan) = PlanPath::parse(path) {
                folder.plans.extend((!plan.is_archived()).then_some(plan));
            } else if path == paths::TASK_TYPES_FILE || paths::is_task_bundle(path, |other| all.contains(other)) {
                others.push((path, content));
            } else if paths::looks_like_a_task(path) {
                folder.misnamed.push(path.clone());
            }
        }
        let strayed = strayed(active.iter().map(|(path, _)| path));
        active.retain(|(path, _)| !strayed.contains(path));
        folder.misnamed.extend(strayed.iter().map(ToString::to_string));
        active.sort_by_key(|(path, _)| path.id());
        let wanted = active.iter().map(|(_, content)| *content).chain(others.iter().map(|it| it.1)).cloned();
        let mut contents = read(&wanted.collect::<Vec<_>>())?.into_iter();
        for (path, _) in active {
            let Some(text) = contents.next().flatten() else {
                folder.unreadable.push(path);
                continue;
            };
            folder.tasks.push(Task::from_document(path.clone(), &Document::parse(&text)));
            folder.texts.insert(path, text);
        }
        let mut types = String::new();
        for ((path, _), content) in others.into_iter().zip(contents) {
            match content {
                Some(text) if path == paths::TASK_TYPES_FILE => types = String::from_utf8_lossy(&text).into_owned(),
                content => match content.and_then(|bytes| bundle::members(path, &bytes).ok()) {
                    Some(members) => folder.bundled.extend(members.iter().filter_map(|it| paths::member_id(it))),
                    None => folder.broken_bundles.push(path.clone()),
                },
            }
        }
        folder.types = fields::issue_types(&types);
        folder.ids = query::ids(folder.paths.iter().map(String::as_str));
        folder.active_ids = folder.active().map(TaskPath::id).collect();
        folder.archived_ids = folder.archived.iter().map(TaskPath::id).chain(folder.bundled.iter().copied()).collect();
        Ok(folder)
    }

    /// Whether the file of a task is active.
    pub(crate) fn is_active(&self, id: TaskId) -> bool {
        self.active_ids.contains(&id)
    }

    /// The active files.
    pub(crate) fn active(&self) -> impl Iterator<Item = &TaskPath> {
        self.tasks.iter().map(|task| &task.path).chain(&self.unreadable).chain(&self.missing)
    }

    /// Whether a task is archived, in a bundle or not.
    pub(crate) fn is_archived(&self, id: TaskId) -> bool {
        self.archived_ids.contains(&id)
    }

    /// Whether any file has this id, or may have it: what is in a bundle that cannot be read counts as there.
    pub(crate) fn is_known(&self, id: TaskId) -> bool {
        let may_have_it = || bundle::names_for(&id.to_string());
        let is_in_broken = |bundle: &String| may_have_it().iter().any(|name| bundle.ends_with(name.as_str()));
        self.ids.contains(&id) || self.archived_ids.contains(&id) || self.broken_bundles.iter().any(is_in_broken)
    }

    /// The highest number of a task; 0 without any.
    pub(crate) fn highest(&self) -> u64 {
        let loose = query::max_number(self.paths.iter().map(String::as_str), Scan::Full);
        loose.max(self.bundled.iter().map(|id| id.number()).max().unwrap_or(0))
    }
}

fn walk(tree: &Tree, folder: &str, depth: usize, files: &mut Vec<String>) {
    let mut entries = tree.entries(folder);
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    for entry in entries {
        let path = format!("{folder}/{}", entry.name);
        if !entry.is_folder {
            files.push(path);
        } else if depth < DEEPEST {
            walk(tree, &path, depth + 1, files);
        }
    }
}
