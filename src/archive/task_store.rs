//! The task data that archiving needs, read before anything is decided, so that the decision is pure.

use crate::error::Result;
use crate::git::objects::Edit;
use crate::task::{Document, TaskId, paths};
use std::collections::BTreeMap;

/// A place from which task data is read: a published branch, or a checkout. Paths are those of [`crate::task::paths`].
pub(crate) trait TaskSource {
    /// The files that exist.
    fn paths(&self) -> Vec<String>;

    /// Reads files.
    fn load(&self, paths: &[&str]) -> Result<Vec<Document>>;

    /// The content of a file in the checkout that is in no commit.
    fn load_uncommitted(&self, _path: &str) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// The files that are in the last commit and not in the checkout.
    fn missing(&self) -> &[String] {
        &[]
    }

    /// The staged changes below the folders of a task's children and their plans.
    fn load_staged_below(&self, _parent: TaskId) -> Result<Vec<Edit>> {
        Ok(Vec::new())
    }
}

/// The task data, as far as archiving one task needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskStore {
    /// The files that exist.
    pub(crate) paths: Vec<String>,
    /// The parsed files of the task, its parent, its siblings, and the tasks that were folded into it.
    pub(crate) documents: BTreeMap<String, Document>,
    /// The content of files in the checkout that is in no commit.
    pub(crate) uncommitted: BTreeMap<String, Vec<u8>>,
    /// The files that are in the last commit and not in the checkout.
    pub(crate) missing: Vec<String>,
    /// The staged changes below the folder of its children, or of its parent's children.
    pub(crate) staged: Vec<Edit>,
    /// Until when the parent stays active, whatever becomes of its children: it is held, or its branch has work that is not
    /// merged. Only the verbs ask for that.
    pub(crate) parent_stays: Option<String>,
}

impl TaskStore {
    /// Reads what archiving the task in the file `path` needs. `read` has the files that were read before. At most
    /// three processes: each round reads all files that the round before named.
    pub(crate) fn gather(
        source: &dyn TaskSource,
        path: &str,
        id: TaskId,
        read: BTreeMap<String, Document>,
    ) -> Result<Self> {
        let (paths, missing) = (source.paths(), source.missing().to_vec());
        let mut store = Self { paths, missing, documents: read, ..Self::default() };
        store.read(source, vec![path.to_owned()])?;
        let mut near = store.folded_files(path);
        near.extend(id.parent().iter().flat_map(|parent| store.active_files(*parent)).map(str::to_owned));
        if let Some(parent) = id.parent().filter(|parent| store.active_files(*parent).next().is_some()) {
            let siblings = store.active().filter(|(other, _)| other.parent() == Some(parent));
            near.extend(siblings.map(|(_, path)| path.to_owned()));
        }
        store.read(source, near)?;
        let parent = match id.parent() {
            None => None,
            Some(parent) => store.parent_that_may_go(source, path, id, parent)?,
        };
        if let Some(file) = &parent {
            store.read(source, vec![file.clone()])?;
            let folded = store.folded_files(file);
            store.read(source, folded)?;
        }
        let mut family: Vec<_> = std::iter::once(id).chain(id.parent()).collect();
        family.extend(std::iter::once(path).chain(parent.as_deref()).flat_map(|path| store.folded_ids(path)));
        let plans = store.paths.iter().filter(|path| paths::loose_plan_id(path).is_some_and(|id| family.contains(&id)));
        for path in store.documents.keys().chain(plans) {
            if let Some(content) = source.load_uncommitted(path)? {
                store.uncommitted.insert(path.clone(), content);
            }
        }
        if let Some(top) = id.parent().filter(|_| parent.is_some()).or_else(|| (!id.is_child()).then_some(id)) {
            store.staged = source.load_staged_below(top)?;
        }
        Ok(store)
    }

    /// The file of the parent, where it may be archived, too; or where an interrupted run moved it before the commit.
    fn parent_that_may_go(
        &self,
        source: &dyn TaskSource,
        path: &str,
        id: TaskId,
        parent: TaskId,
    ) -> Result<Option<String>> {
        if let Some(file) = self.active_files(parent).next() {
            let goes = [vec![id], self.folded_ids(path)].concat();
            let goes = |child: &String| TaskId::try_parse(child).is_some_and(|child| goes.contains(&child));
            let (document, key) = (self.document(file), "children_to_implement");
            // A file may have the key twice, and readers differ in which line they take.
            let is_last = [document.list(key), document.list_last(key)].iter().any(|list| list.iter().all(goes));
            return Ok(is_last.then(|| file.to_owned()));
        }
        let Some(file) = self.archived_file(parent) else { return Ok(None) };
        Ok(source.load_uncommitted(file)?.map(|_| file.to_owned()))
    }

    /// Reads the files that were not read yet.
    fn read(&mut self, source: &dyn TaskSource, mut wanted: Vec<String>) -> Result<()> {
        wanted.retain(|path| !self.documents.contains_key(path));
        wanted.sort_unstable();
        wanted.dedup();
        let names: Vec<_> = wanted.iter().map(String::as_str).collect();
        let read = source.load(&names)?;
        self.documents.extend(wanted.into_iter().zip(read));
        Ok(())
    }

    /// A file that was read; an empty document for one that was not.
    pub(crate) fn document(&self, path: &str) -> Document {
        self.documents.get(path).cloned().unwrap_or_else(|| Document::parse(b""))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known == path)
    }

    pub(crate) fn is_uncommitted(&self, path: &str) -> bool {
        self.uncommitted.contains_key(path)
    }

    /// Whether an active task file was renamed in the checkout, and no commit has the new name.
    pub(crate) fn is_renamed(&self, path: &str) -> bool {
        let id = paths::loose_id(path).filter(|_| is_active(path) && self.is_uncommitted(path));
        id.is_some_and(|id| self.missing.iter().any(|old| is_active(old) && paths::loose_id(old) == Some(id)))
    }

    /// The active tasks and their files.
    pub(crate) fn active(&self) -> impl Iterator<Item = (TaskId, &str)> {
        let paths = self.paths.iter().map(String::as_str).filter(|path| !is_archived(path));
        paths.filter_map(|path| Some((paths::loose_id(path)?, path)))
    }

    /// The active files with this id.
    pub(crate) fn active_files(&self, id: TaskId) -> impl Iterator<Item = &str> {
        self.active().filter(move |(other, _)| *other == id).map(|(_, path)| path)
    }

    /// The archived file of a task.
    pub(crate) fn archived_file(&self, id: TaskId) -> Option<&str> {
        let mut paths = self.paths.iter().map(String::as_str).filter(|path| is_archived(path));
        paths.find(|path| paths::loose_id(path) == Some(id))
    }

    /// The children of a task that are still active after these edits. Their parent must stay active until they are
    /// archived: the last child takes its parent along, and an archived parent cannot be taken along any more.
    pub(crate) fn open_children(&self, parent: TaskId, edits: &[Edit]) -> Vec<TaskId> {
        let children = self.active().filter(|(child, _)| child.parent() == Some(parent));
        let children = children.filter(|(_, path)| edits.iter().all(|edit| path_of(edit) != *path));
        let mut children: Vec<_> = children.map(|(child, _)| child).collect();
        children.dedup();
        children
    }

    /// The tasks that were folded into the one in this file.
    pub(crate) fn folded_ids(&self, path: &str) -> Vec<TaskId> {
        self.document(path).list("folded_tasks").iter().filter_map(|item| TaskId::try_parse(item)).collect()
    }

    /// The files of folded tasks, and of the parents of folded children.
    fn folded_files(&self, path: &str) -> Vec<String> {
        let ids = self.folded_ids(path).into_iter();
        let ids = ids.flat_map(|id| std::iter::once(id).chain(id.parent()));
        ids.filter_map(|id| self.active_files(id).next().map(str::to_owned)).collect()
    }

    /// The plans of a task, active or archived ones.
    pub(crate) fn plans_of(&self, id: TaskId, of: impl Fn(&str) -> bool) -> Vec<String> {
        let plans = self.paths.iter().filter(|path| of(path) && paths::loose_plan_id(path) == Some(id));
        let mut plans: Vec<_> = plans.cloned().collect();
        plans.sort_unstable();
        plans
    }

    /// Active files of a task that are in the last commit and not in the checkout: an interrupted run has moved them.
    pub(crate) fn left_behind(&self, id: TaskId) -> impl Iterator<Item = &String> {
        self.missing.iter().filter(move |path| is_left_behind(path, id))
    }
}

/// The path that an edit changes; of a rename, its source.
pub(crate) fn path_of(edit: &Edit) -> &str {
    match edit {
        Edit::Put { path, .. } | Edit::Take { path, .. } | Edit::Remove { path } | Edit::Rename { from: path, .. } => {
            path
        }
    }
}

/// Whether a missing file is one of a task's active ones.
pub(crate) fn is_left_behind(path: &str, id: TaskId) -> bool {
    is_active(path) && paths::loose_id(path).or_else(|| paths::loose_plan_id(path)) == Some(id)
}

/// Whether a path lies in the archive.
pub(crate) fn is_archived(path: &str) -> bool {
    path.split('/').nth(1) == Some("archived")
}

/// Whether a path is outside the archive.
pub(crate) fn is_active(path: &str) -> bool {
    !is_archived(path)
}

/// The path that a file has in the archive.
pub(crate) fn archived(path: &str) -> String {
    match path.split_once('/') {
        Some((root, rest)) if !is_archived(path) => format!("{root}/archived/{rest}"),
        _ => path.to_owned(),
    }
}
