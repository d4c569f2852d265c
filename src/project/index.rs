//! The task files of a view, by their paths; and the content of those that are needed.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::cat_file::ObjectKind;
use crate::git::porcelain::ls_tree::FileMode;
use crate::git::{Branch, Oid};
use crate::ledger::{Found, View};
use crate::project::context::{Context, Wanted};
use crate::project::kept_tasks::KeptTasks;
use crate::task::{
    ActiveTasks, Blocker, Document, Header, LOST, PlanPath, Scan, Task, TaskId, TaskPath, bundle, paths, query,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The paths of all files of the task data. Contents are read when they are needed.
#[derive(Debug)]
pub(crate) struct Index {
    branch: Branch,
    /// Active tasks by id, each with its place among the files.
    pub(crate) active: Vec<(TaskPath, usize)>,
    /// Archived tasks outside bundles by id, each with its place among the files.
    pub(crate) archived: Vec<(TaskPath, usize)>,
    /// Plans.
    pub(crate) plans: Vec<PlanPath>,
    /// Bundles of archived tasks.
    bundles: Vec<(String, Oid)>,
    /// All files: those that are no tasks, then tasks by id.
    files: Vec<(String, Oid)>,
    /// The commit that this is the index of, where it can be kept.
    commit: Option<Oid>,
    kept: RefCell<Option<KeptTasks>>,
    /// Files that look like tasks and are none by their names.
    pub(crate) misnamed: Vec<String>,
    /// What is in the place of a task file, and is none, with what it is.
    no_files: BTreeMap<String, &'static str>,
}

impl Index {
    /// The index of a branch that is still to be made.
    pub(crate) fn empty(branch: &Branch) -> Self {
        let (branch, bundles) = (branch.clone(), vec![]);
        let (active, archived, plans, files, misnamed) = Default::default();
        let (commit, kept, no_files) = Default::default();
        Self { branch, active, archived, plans, bundles, files, commit, kept, misnamed, no_files }
    }

    /// Lists the task data of a view. One process, unless it is kept.
    pub(crate) fn load(view: &View<'_>, branch: &Branch) -> Result<Self> {
        Self::load_below(view, branch, "")
    }

    /// [`Self::load`] for a project in the folder `home` of its repository; `home` ends with a slash.
    pub(crate) fn load_below(view: &View<'_>, branch: &Branch, home: &str) -> Result<Self> {
        let Some(tip) = view.base(branch) else {
            return Err(Error::new(
                Kind::NotInitialised,
                format!("the branch {branch}, which is to carry the task data, is not published"),
            )
            .hint(command!["git push -u origin", branch])
            .hint(command!["git switch main"].note("if the task data is there")));
        };
        let mut index = Self::empty(branch);
        if home.is_empty() {
            index.commit = Some(tip.clone());
            index.kept = RefCell::new(view.kept().as_ref().and_then(KeptTasks::load));
        }
        let kept = index.kept.get_mut().as_ref().filter(|kept| kept.commit() == tip).and_then(KeptTasks::files);
        index.files = if let Some(files) = kept {
            files
        } else {
            let folders = [paths::TASKS_DIR, paths::PLANS_DIR].map(|folder| format!("{home}{folder}"));
            let mut files = Vec::new();
            for entry in view.list(branch, &folders.each_ref().map(String::as_str))? {
                let Some(path) = entry.path_str().and_then(|path| path.strip_prefix(home)) else { continue };
                if !entry.mode.is_file() && TaskPath::parse(path).is_some() {
                    // What is kept does not tell them from files.
                    index.commit = None;
                    let what = if entry.mode == FileMode::Submodule { "it is a submodule" } else { "it is a link" };
                    index.no_files.insert(path.to_owned(), what);
                }
                files.push((path.to_owned(), entry.oid.clone()));
            }
            // Git lists t10 before t9. In this order they are kept.
            files.sort_by_cached_key(|(path, _)| TaskPath::parse(path).map(|path| path.id()));
            files
        };
        index.sort_out();
        index.set_children_apart();
        Ok(index)
    }

    /// Sorts the files by what they are.
    fn sort_out(&mut self) {
        for (at, (path, blob)) in self.files.iter().enumerate() {
            if let Some(task) = TaskPath::parse(path) {
                if task.is_archived() { &mut self.archived } else { &mut self.active }.push((task, at));
            } else if let Some(plan) = PlanPath::parse(path) {
                self.plans.push(plan);
            } else if paths::is_task_bundle(path, |_| false) {
                self.bundles.push((path.to_owned(), blob.clone()));
            } else if paths::looks_like_a_task(path) {
                self.misnamed.push(path.to_owned());
            }
        }
    }

    /// Takes a file such as `aitasks/t1_2_child.md` for a child that lies in the wrong folder where another file is task
    /// 1. By itself it would be task 1 with a name that begins with digits.
    fn set_children_apart(&mut self) {
        let strayed = strayed(self.active.iter().map(|(path, _)| path));
        self.active.retain(|(path, _)| !strayed.contains(path));
        self.misnamed.extend(strayed.iter().map(ToString::to_string));
    }

    /// Whether the task data has no files at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether a file exists in the task data.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(known, _)| known == path)
    }

    /// The active file of a task.
    pub(crate) fn active(&self, id: TaskId) -> Option<&TaskPath> {
        self.active.iter().map(|(path, _)| path).find(|path| path.id() == id)
    }

    /// The archived file of a task.
    pub(crate) fn archived(&self, id: TaskId) -> Option<&TaskPath> {
        self.archived.iter().map(|(path, _)| path).find(|path| path.id() == id)
    }

    /// The active file of the named task.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`]; [`Kind::NotClaimable`] for a task that is archived, or whose id two files have.
    pub(crate) fn require_active(&self, wanted: &Wanted) -> Result<&TaskPath> {
        let ids = || std::iter::once(wanted.id).chain(wanted.or);
        if let Some(path) = ids().find_map(|id| self.active(id)) {
            let others: Vec<_> = self.active.iter().filter(|(other, _)| other.id() == path.id()).collect();
            if others.len() > 1 {
                let names: Vec<_> = others.iter().map(|(path, _)| path.as_str()).collect();
                let message = format!("{} files have the id {}: {}", names.len(), path.id(), names.join(", "));
                return Err(Error::new(Kind::NotClaimable, message).advice("git mv one of them to an id of its own"));
            }
            return Ok(path);
        }
        if let Some(path) = ids().find_map(|id| self.archived(id)) {
            return Err(Error::new(
                Kind::NotClaimable,
                format!("task {} is archived ({})", path.id().prefixed(), path.as_str()),
            )
            .hint(command!["git aitask show", path.id()])
            .hint(command!["git aitask reopen", path.id()].note("if there is more to do")));
        }
        if self.is_empty() {
            let message = format!("there is no task {}, and this clone knows of no other", wanted.id.prefixed());
            return Err(Error::new(Kind::NotInitialised, message).hint("git aitask init"));
        }
        let begins = |path: &&String| {
            let name = path.rsplit('/').next().unwrap_or_default();
            ids().any(|id| name.strip_prefix(&id.prefixed()).is_some_and(|rest| rest.starts_with('_')))
        };
        if let Some(path) = self.misnamed.iter().find(begins) {
            let message = format!("there is no task {}: {path} {}", wanted.id.prefixed(), paths::why_misnamed(path));
            return Err(
                Error::new(Kind::NoSuchTask, message).hint(command!["git aitask doctor"].note("says how to rename it"))
            );
        }
        Err(Error::new(Kind::NoSuchTask, format!("there is no task {}", wanted.id.prefixed()))
            .hint("git aitask list")
            .hint(command!["git fetch"].note("if it was made elsewhere")))
    }

    /// The file of the named task: the active one, else the archived one.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`]; [`Kind::NotClaimable`] for a task whose id two files have.
    pub(crate) fn require(&self, wanted: &Wanted) -> Result<&TaskPath> {
        let ids = || std::iter::once(wanted.id).chain(wanted.or);
        let archived = ids().find_map(|id| self.archived(id)).filter(|_| ids().all(|id| self.active(id).is_none()));
        archived.map_or_else(|| self.require_active(wanted), Ok)
    }

    /// The active plan of a task.
    pub(crate) fn plan(&self, task: &TaskPath) -> Option<&PlanPath> {
        let exact = task.plan();
        let of_task = || self.plans.iter().filter(|plan| plan.id() == task.id() && !plan.is_archived());
        of_task().find(|plan| **plan == exact).or_else(|| of_task().min_by(|a, b| a.as_str().cmp(b.as_str())))
    }

    /// All active plans of a task, whatever their slugs.
    pub(crate) fn plans_of(&self, task: TaskId) -> Vec<&PlanPath> {
        self.plans.iter().filter(|plan| plan.id() == task && !plan.is_archived()).collect()
    }

    /// The branch that the task data is on.
    pub(crate) fn branch(&self) -> &Branch {
        &self.branch
    }

    /// The file of an interrupted creation that was published, if it still exists.
    pub(crate) fn made(&self, reached: &CreationProgress) -> Option<&TaskPath> {
        let CreationProgress::Task(file) = reached else { return None };
        let id = TaskPath::parse(file)?.id();
        self.active(id).or_else(|| self.archived(id))
    }

    /// Whether the id of an interrupted creation, whose file was not published, is still unused.
    pub(crate) fn is_unused(&self, reached: &CreationProgress) -> bool {
        matches!(reached, CreationProgress::Id(id) if self.active(*id).is_none() && self.archived(*id).is_none())
    }

    /// The highest task number that a scan of this kind finds.
    pub(crate) fn max_number(&self, scan: Scan) -> u64 {
        query::max_number(self.paths(), scan)
    }

    /// The number of the next child of a parent.
    pub(crate) fn next_child(&self, parent: TaskId) -> u64 {
        query::next_child_number(parent, self.paths())
    }

    /// The highest task number of all files and of what the bundles contain. One process where there are bundles.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a bundle that cannot be read.
    pub(crate) fn highest_number(&self, view: &View<'_>) -> Result<u64> {
        let mut all: Vec<_> = self.paths().map(str::to_owned).collect();
        for (path, content) in self.read_bundles(view, |_| true)? {
            all.extend(bundle::members(path, &content)?);
        }
        Ok(query::max_number(all.iter().map(String::as_str), Scan::Full))
    }

    /// The highest number of a task, as far as it may be `counter` or more: archived ones count, since a counter that was
    /// set back must not give their numbers again. Bundles are read only where they may have such a number; one that
    /// cannot be read stops nobody, since the counter is right, as a rule.
    pub(crate) fn highest_from(&self, view: &View<'_>, counter: u64) -> u64 {
        let (bound, loose) = (self.max_number(Scan::UpperBound), self.max_number(Scan::Full));
        if bound > loose && bound >= counter { self.highest_number(view).unwrap_or(loose) } else { loose }
    }

    /// Those of these ids that no task has, active or archived. Only bundles that may contain one of them are read, in one
    /// process; what is in one that cannot be read counts as there.
    pub(crate) fn unknown(&self, view: &View<'_>, wanted: &[TaskId]) -> Result<Vec<TaskId>> {
        let known = query::ids(self.paths());
        let mut unknown: Vec<_> = wanted.iter().copied().filter(|id| !known.contains(id)).collect();
        let names = |id: &TaskId| {
            let names = bundle::names_for(&id.to_string()).into_iter();
            names.map(|name| format!("{}/{name}", paths::ARCHIVED_TASKS_DIR)).collect::<Vec<_>>()
        };
        let may_have_one: BTreeSet<_> = unknown.iter().flat_map(names).collect();
        for (path, content) in self.read_bundles(view, |path| may_have_one.contains(path))? {
            let members = bundle::members(path, &content);
            unknown.retain(|id| match &members {
                Ok(members) => members.iter().all(|member| paths::member_id(member) != Some(*id)),
                Err(_) => !names(id).iter().any(|name| name == path),
            });
        }
        Ok(unknown)
    }

    /// Reads all active tasks. One process, unless they are kept.
    pub(crate) fn load_active(&self, view: &View<'_>) -> Result<Vec<Task>> {
        self.read(view, &self.active)
    }

    /// Reads all archived tasks. One process, unless they are kept.
    pub(crate) fn load_archived(&self, view: &View<'_>) -> Result<Vec<Task>> {
        self.read(view, &self.archived)
    }

    fn read(&self, view: &View<'_>, files: &[(TaskPath, usize)]) -> Result<Vec<Task>> {
        let mut kept = self.kept.borrow_mut();
        let (of_this, of_other) = match kept.as_ref() {
            Some(kept) if Some(kept.commit()) == self.commit.as_ref() => (Some(kept), HashMap::new()),
            Some(kept) => (None, kept.headers()),
            None => (None, HashMap::new()),
        };
        // Of this commit a header is at the place of its file, which spares a search for each of thousands.
        let known = |at: usize| match of_this {
            Some(kept) => kept.header(at, &self.files[at].1),
            None => of_other.get(self.files[at].1.as_str()).copied(),
        };
        let (mut tasks, mut unknown) = (Vec::with_capacity(files.len()), Vec::new());
        for (path, at) in files {
            let no_file = self.no_files.get(path.as_str()).copied().map(Header::unreadable);
            let header = no_file.or_else(|| known(*at).and_then(Header::unpack)).unwrap_or_else(|| {
                unknown.push((tasks.len(), self.files[*at].1.clone()));
                Header::read(&Document::parse(&[]))
            });
            tasks.push(header.at(path.clone()));
        }
        let (places, blobs): (Vec<_>, Vec<_>) = unknown.into_iter().unzip();
        let mut read = HashMap::new();
        for (place, object) in places.into_iter().zip(view.blobs(&blobs)?) {
            let found = object.as_ref().map(|object| Header::read(&Document::parse(&object.data)));
            let found = found.unwrap_or_else(|| Header::unreadable(LOST));
            // What is missing may be there the next time.
            if let Some(object) = object.filter(|object| object.kind == ObjectKind::Blob) {
                read.insert(object.oid, found.pack());
            }
            tasks[place] = found.at(files[place].0.clone());
        }
        if of_this.is_none() || !read.is_empty() {
            let header = |at: usize| read.get(&self.files[at].1).map(Vec::as_slice).or_else(|| known(at));
            let newer = view.kept().zip(self.commit.as_ref());
            let newer = newer.and_then(|(records, commit)| KeptTasks::save(&records, commit, &self.files, header));
            if newer.is_some() {
                *kept = newer;
            }
        }
        Ok(tasks)
    }

    /// Reads the archived tasks that are in bundles, each with its place, `BUNDLE:FILE`. One process where there are any.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a bundle that cannot be read.
    pub(crate) fn load_bundled(&self, view: &View<'_>) -> Result<Vec<(String, Task)>> {
        let mut tasks = Vec::new();
        for (path, content) in self.read_bundles(view, |_| true)? {
            for (name, text) in bundle::files(path, &content)? {
                let file = TaskPath::parse(&format!("{}/{name}", paths::ARCHIVED_TASKS_DIR));
                let task = file.map(|file| Task::from_document(file, &Document::parse(&text)));
                tasks.extend(task.map(|task| (format!("{path}:{name}"), task)));
            }
        }
        Ok(tasks)
    }

    /// The wanted ones of the bundles that count, with their content. One process where there are any.
    fn read_bundles(&self, view: &View<'_>, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<(&str, Vec<u8>)>> {
        let counted = self.bundles.iter().filter(|(path, _)| is_wanted(path));
        let counted = counted.filter(|(path, _)| paths::is_task_bundle(path, |other| self.has(other)));
        let (bundles, blobs): (Vec<_>, Vec<_>) = counted.map(|(path, blob)| (path.as_str(), blob.clone())).unzip();
        let contents = if blobs.is_empty() { Vec::new() } else { view.blobs(&blobs)? };
        let read = bundles.into_iter().zip(contents);
        read.map(|(path, content)| Ok((path, content.ok_or_else(|| self.unreadable(path))?.data))).collect()
    }

    /// Reads one file of the task data as a document.
    pub(crate) fn load_document(&self, view: &View<'_>, path: &str) -> Result<Document> {
        self.require_file(path)?;
        let file = view.document(&self.branch, path)?.ok_or_else(|| self.unreadable(path))?;
        Ok(Document::parse(&file))
    }

    /// A file of the task data that was read together with others.
    ///
    /// # Errors
    /// [`Kind::Damaged`]: the index has the file, so that a missing object is a broken one; as an empty file it would
    /// be written back without its text. [`Kind::Occupied`] for a link.
    pub(crate) fn document(&self, found: &Found, path: &str) -> Result<Document> {
        self.require_file(path)?;
        found.file(&self.branch, path).map(Document::parse).ok_or_else(|| self.unreadable(path))
    }

    /// Refuses what is in the place of a task file: the text of a link is the path that it leads to, and no task.
    fn require_file(&self, path: &str) -> Result<()> {
        let Some(what) = self.no_files.get(path) else { return Ok(()) };
        Err(Error::new(Kind::Occupied, format!("{path} is in the place of a task file: {what}"))
            .hint(command!["git log", &self.branch, "--", path].note("shows where it comes from"))
            .advice("put a file there, then git aitask sync"))
    }

    /// The error for a file that the index has, and whose object this clone cannot read.
    pub(crate) fn unreadable(&self, path: &str) -> Error {
        let message = format!("this clone is damaged: the object of {path} on {} is missing or broken", self.branch);
        Error::new(Kind::Damaged, message)
            .hint(command!["git fetch --refetch --all"].note("brings what the remote has; git 2.36"))
            .hint(command!["git fsck --full"].note("shows what is broken"))
    }

    /// Reads files of the task data as documents. One process.
    pub(crate) fn load_documents(&self, view: &View<'_>, paths: &[&str]) -> Result<Vec<Document>> {
        let read = self.contents(view, paths)?.into_iter().zip(paths);
        read.map(|(content, path)| Ok(Document::parse(&content.ok_or_else(|| self.unreadable(path))?))).collect()
    }

    /// Reads files that the index has; `None` for one whose object this clone cannot read. They are named by their objects,
    /// since for a path git searches a folder of thousands. One process.
    ///
    /// # Errors
    /// Those of [`Self::document`].
    pub(crate) fn contents(&self, view: &View<'_>, paths: &[&str]) -> Result<Vec<Option<Vec<u8>>>> {
        let blob = |path: &&str| {
            self.require_file(path)?;
            let file = self.files.iter().find(|(known, _)| known == path);
            file.map(|(_, blob)| blob.clone()).ok_or_else(|| self.unreadable(path))
        };
        let blobs = view.blobs(&paths.iter().map(blob).collect::<Result<Vec<_>>>()?)?;
        Ok(blobs.into_iter().map(|object| Some(object?.data)).collect())
    }

    /// The paths of all files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(path, _)| path.as_str())
    }

    /// All files, each with its content.
    pub(crate) fn blobs(&self) -> impl ExactSizeIterator<Item = (&str, &Oid)> {
        self.files.iter().map(|(path, blob)| (path.as_str(), blob))
    }

    /// What a task waits for, by the names of the active files alone.
    pub(crate) fn blocked_by(&self, task: &Task) -> Vec<Blocker> {
        let tasks = std::slice::from_ref(task);
        ActiveTasks::with_other_ids(tasks, self.active_ids()).blocked_by(task)
    }

    /// The active children of a task, by their file names.
    pub(crate) fn children_of(&self, parent: TaskId) -> impl Iterator<Item = TaskId> {
        self.active_ids().filter(move |id| id.parent() == Some(parent))
    }

    /// The ids of the active tasks, by their file names.
    pub(crate) fn active_ids(&self) -> impl Iterator<Item = TaskId> {
        self.active.iter().map(|(path, _)| path.id())
    }
}

/// Those of these active files that are children in the wrong folder: by itself such a file would be a task with a name
/// that begins with digits, but another file is that task.
pub(crate) fn strayed<'p>(active: impl Iterator<Item = &'p TaskPath> + Clone) -> BTreeSet<TaskPath> {
    let is_strayed = |path: &&TaskPath| path.name().as_child().is_some();
    if !active.clone().any(|path| is_strayed(&path)) {
        return BTreeSet::new();
    }
    let plain: BTreeSet<_> = active.clone().filter(|path| !is_strayed(path)).map(TaskPath::id).collect();
    active.filter(is_strayed).filter(|path| plain.contains(&path.id())).cloned().collect()
}

/// The branches that an operation on tasks reads.
#[derive(Debug, Clone)]
pub(crate) struct Branches {
    /// The branch of locks.
    pub(crate) locks: Branch,
    /// The branch of the task data.
    pub(crate) data: Branch,
}

impl Branches {
    /// Both, for a transaction.
    pub(crate) fn both(&self) -> [Branch; 2] {
        [self.locks.clone(), self.data.clone()]
    }
}

/// The branches that an operation on tasks reads.
pub(crate) fn branches(context: &Context) -> Result<Branches> {
    Ok(Branches { locks: crate::ledger::Ledger::locks_branch()?, data: context.data_branch()?.clone() })
}

/// How far an interrupted creation of a task got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CreationProgress {
    /// Nothing was published.
    Nothing,
    /// Its id was claimed, on a server without atomic push.
    Id(TaskId),
    /// It was published, as this file.
    Task(String),
}
