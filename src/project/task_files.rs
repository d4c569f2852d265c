//! The task data as files of a checkout, for operations that change files there and publish nothing: all of it is
//! files, and commits of exactly those files.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::{Tree, data_checkout};
use crate::git::objects::Edit;
use crate::git::{Branch, commit, refs};
use crate::ledger::DATA;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::data_state;
use crate::task::{Document, TaskId, bundle, paths};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How often a change is decided again because a file changed in between. Programs outside of the queue write a file
/// now and then, so a second attempt nearly always succeeds; only a program that writes without end reaches this.
const ATTEMPTS: usize = 100;

/// The root of a project, and its repository when it is in one.
#[derive(Debug)]
pub(crate) struct TaskFiles<'c> {
    /// The root, which contains `aitasks/`.
    pub(crate) root: PathBuf,
    /// The repository.
    pub(crate) context: Option<&'c Context>,
    /// Whether a data worktree with a rebase or merge in progress is refused (`AIT_GIT_SKIP_STATE_CHECK`).
    pub(crate) guarded: bool,
}

impl TaskFiles<'_> {
    /// The tree of the files, below which no link is followed.
    pub(crate) fn tree(&self) -> Tree {
        Tree::new(&self.root)
    }

    /// The absolute path of a file of the task data.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Keeps other commands of this program from changing the checkout until the result is dropped, and finishes what a
    /// killed one had begun.
    pub(crate) fn hold(&self) -> Result<Option<Queue>> {
        let Some(context) = self.context else { return Ok(None) };
        // Where the git directory is read-only there is no queue. Every write still checks that the file is as it was
        // read.
        let queue = Queue::enter(&context.repository, context.settings.timeout, context.progress).ok();
        context.ledger().finish_checkout_updates()?;
        Ok(queue)
    }

    /// The active files of an id, `aitasks/t<N>_*.md` or `aitasks/t<N>/t<N>_<M>_*.md`, sorted.
    pub(crate) fn active(&self, id: &str) -> Vec<String> {
        self.files_of(paths::TASKS_DIR, id)
    }

    /// The active file of a task; the number is taken as it was written.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`] for none, [`Kind::NotClaimable`] for several.
    pub(crate) fn require_active(&self, id: &str) -> Result<String> {
        let mut found = self.active(id);
        match (found.len(), id.contains('_')) {
            (1, _) => Ok(found.remove(0)),
            (0, true) => Err(Error::new(Kind::NoSuchTask, format!("No child task file found for t{id}"))),
            (0, false) => Err(Error::new(Kind::NoSuchTask, format!("No task file found for task number {id}"))),
            _ => Err(Error::new(
                Kind::NotClaimable,
                format!("Multiple task files found for task {id}. {}", found.join(", ")),
            )),
        }
    }

    /// The files of an id in a folder, sorted.
    fn files_of(&self, folder: &str, id: &str) -> Vec<String> {
        let folder = match id.split_once('_') {
            None => folder.to_owned(),
            Some((parent, _)) => format!("{folder}/t{parent}"),
        };
        let prefix = format!("t{id}_");
        let is_of = |name: &String| {
            name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".md")).is_some_and(|slug| !slug.is_empty())
        };
        let mut found: Vec<_> =
            self.tree().names(Path::new(&folder)).filter(is_of).map(|name| format!("{folder}/{name}")).collect();
        found.sort();
        found
    }

    /// The content of the task file, wherever it is: active, archived, or in a bundle.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`] when there is none, or two active ones.
    pub(crate) fn find_anywhere(&self, id: TaskId) -> Result<Vec<u8>> {
        let none = || Error::new(Kind::NoSuchTask, format!("there is no task t{id}"));
        let text = id.to_string();
        let mut files = self.active(&text);
        if files.is_empty() {
            files = self.files_of(paths::ARCHIVED_TASKS_DIR, &text);
            files.truncate(1);
        }
        match files.as_slice() {
            [file] => self.read(file),
            [] => {
                let mut bundles = self.bundles_of(&text).into_iter();
                let found = bundles.find_map(|(name, bytes)| bundle::find(&name, &bytes, 't', &text).ok()?);
                found.map(|member| member.content).ok_or_else(none)
            }
            _ => Err(none()),
        }
    }

    /// The existing bundles that may contain a task; of a bundle in both forms the first.
    fn bundles_of(&self, id: &str) -> Vec<(String, Vec<u8>)> {
        let read = |name: &String| {
            let path = format!("{}/{name}", paths::ARCHIVED_TASKS_DIR);
            self.tree().read(&path).ok().map(|bytes| (path, bytes))
        };
        bundle::names_for(id).chunks(2).filter_map(|forms| forms.iter().find_map(read)).collect()
    }

    /// The number of the next child of a parent.
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a bundle that cannot be read.
    pub(crate) fn next_child(&self, parent: TaskId) -> Result<u64> {
        let mut found = Vec::new();
        for folder in [paths::TASKS_DIR, paths::ARCHIVED_TASKS_DIR] {
            let folder = format!("{folder}/t{parent}");
            found.extend(self.tree().names(Path::new(&folder)).map(|name| format!("{folder}/{name}")));
        }
        for (name, bytes) in self.bundles_of(&parent.to_string()) {
            found.extend(bundle::members(&name, &bytes)?);
        }
        Ok(crate::task::query::next_child_number(parent, found.iter().map(String::as_str)))
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.tree().read(path)
    }

    /// Lets `decide` read files and return the edits, and writes them. When a program that does not use the queue has
    /// changed one of the files in between, `decide` runs again on the new content.
    pub(crate) fn transact<T>(
        &self,
        mut decide: impl FnMut(&mut FilesAsRead<'_>) -> Result<PlannedWrites<T>>,
    ) -> Result<PlannedWrites<T>> {
        let mut changed = None;
        for _ in 0..ATTEMPTS {
            let mut snapshot = FilesAsRead { files: self, read: BTreeMap::new() };
            let writes = decide(&mut snapshot)?;
            changed = snapshot.changed(&writes.edits)?;
            if changed.is_none() {
                return writes.edits.iter().try_for_each(|edit| snapshot.write(edit)).map(|()| writes);
            }
        }
        let changed = changed.unwrap_or_default();
        Err(Error::new(Kind::Contention, format!("other programs keep changing {changed}")))
    }

    /// Changes one task file by [`TaskFiles::transact`].
    pub(crate) fn rewrite(&self, path: &str, mut change: impl FnMut(Document) -> Result<Document>) -> Result<()> {
        self.transact(|snapshot| {
            let content = change(snapshot.document(path)?)?.to_bytes();
            Ok(PlannedWrites { edits: vec![Edit::Put { path: path.to_owned(), content }], value: () })
        })
        .map(|wrote| wrote.value)
    }

    /// The target of a task file that is a link, below the folder in which git works, where the target is a file that
    /// git tracks: a change of it shows in `git status` and can be undone. Callers of the scripts depend on such a link
    /// being kept. Any other link is refused.
    fn linked(&self, path: &str) -> Option<String> {
        let data = self.data_dir();
        let target = Tree::new(&data).link_target(path)?.to_str()?.to_owned();
        let git = self.context?.repository.git().read(&data, "ls-files").env("GIT_LITERAL_PATHSPECS", "1");
        let known = git.args(["--error-unmatch", "--", &target]).output().is_ok_and(|output| output.success());
        known.then_some(target)
    }

    /// The issue types of the project, sorted; a missing file is created, empty.
    pub(crate) fn issue_types(&self) -> Vec<String> {
        let text = self.tree().text(paths::TASK_TYPES_FILE).unwrap_or_else(|_| {
            let _ = self.tree().create_empty(paths::TASK_TYPES_FILE);
            String::new()
        });
        let mut types: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if types.is_empty() {
            types = crate::task::fields::DEFAULT_TYPES.map(str::to_owned).to_vec();
        }
        types.sort();
        types
    }

    /// The folder in which git works on task data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        data_checkout(&self.root).unwrap_or_else(|| self.root.clone())
    }

    /// Refuses to write task data into a second home while it has its own branch, which is not checked out here; and
    /// metadata files that are links out of the project.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`], [`Kind::Occupied`].
    pub(crate) fn require_home(&self) -> Result<()> {
        for file in [paths::LABELS_FILE, paths::EMAILS_FILE, paths::TASK_TYPES_FILE] {
            self.tree().load(file)?;
        }
        if self.context.is_some_and(has_moved) {
            let message = "the task data moved to the branch aitask-data; this checkout still has it on its code branch. \
                           Run 'ait setup' first.";
            return Err(Error::new(Kind::NotInitialised, message));
        }
        let elsewhere = self.context.is_some_and(Context::has_data_branch);
        let real = |dir: PathBuf| dir.join(paths::TASKS_DIR).canonicalize().ok();
        let here = real(self.root.clone());
        if !elsewhere || here.is_some() && here == real(self.path(paths::DATA_WORKTREE_DIR)) {
            return Ok(());
        }
        Err(Error::new(
            Kind::NotInitialised,
            "the task data lives on the branch aitask-data, which is not checked out here. Run 'ait setup' first.",
        ))
    }

    /// Refuses a data worktree with a rebase or merge in progress.
    ///
    /// # Errors
    /// [`Kind::Conflict`]; [`Kind::NotARepository`], and that of [`TaskFiles::require_home`].
    pub(crate) fn require_committable(&self) -> Result<&Context> {
        let context = self.context.ok_or_else(|| Error::new(Kind::NotARepository, "not inside a git repository"))?;
        self.require_home()?;
        let data = self.data_dir();
        match data_state::unfinished(&data).first().filter(|_| self.guarded && data != self.root) {
            None => Ok(context),
            Some(marker) => {
                Err(Error::new(Kind::Conflict, data_state::unfinished_message(marker))
                    .with(Payload::Lines { lines: true }))
            }
        }
    }

    /// Commits the files that were written, and nothing else; lists of labels and e-mails are included unless git
    /// ignores them. Returns the message of git; `None` when nothing had changed.
    pub(crate) fn commit(&self, subject: &str, written: &[Edit]) -> Result<Option<Vec<u8>>> {
        let context = self.require_committable()?;
        let paths = written.iter().map(|edit| match edit {
            Edit::Put { path, .. } | Edit::Take { path, .. } | Edit::Remove { path } => path.clone(),
            // The file that is moved was written before.
            Edit::Rename { to, .. } => to.clone(),
        });
        let is_list = |path: &String| [paths::LABELS_FILE, paths::EMAILS_FILE].contains(&path.as_str());
        let (lists, named): (Vec<_>, Vec<_>) = paths.partition(is_list);
        let named: Vec<_> = named.into_iter().map(|path| self.linked(&path).unwrap_or(path)).collect();
        commit::commit(&context.repository, &self.data_dir(), subject, &named, &lists)
    }
}

/// The edits to write, and a value for the caller.
#[derive(Debug)]
pub(crate) struct PlannedWrites<T> {
    /// The files, in the order in which they are written.
    pub(crate) edits: Vec<Edit>,
    /// The value for the caller.
    pub(crate) value: T,
}

/// Files with the content that was read, so that a write can check that it is still the same.
#[derive(Debug)]
pub(crate) struct FilesAsRead<'f> {
    files: &'f TaskFiles<'f>,
    read: BTreeMap<String, FileAsRead>,
}

#[derive(Debug)]
struct FileAsRead {
    /// The path of the file itself, where the other is a link.
    at: PathBuf,
    bytes: Option<Vec<u8>>,
}

impl FilesAsRead<'_> {
    /// A task file. A link to a file that git tracks is followed, and kept.
    pub(crate) fn document(&mut self, path: &str) -> Result<Document> {
        let at = self.files.linked(path).map_or_else(|| path.into(), |target| self.files.data_dir().join(target));
        let bytes = self.files.tree().read(&at)?;
        let document = Document::parse(&bytes);
        self.read.insert(path.to_owned(), FileAsRead { at, bytes: Some(bytes) });
        Ok(document)
    }

    /// A text file of the metadata; a missing one is empty.
    pub(crate) fn text(&mut self, path: &str) -> Result<String> {
        let bytes = self.files.tree().load(path)?;
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        self.read.insert(path.to_owned(), FileAsRead { at: path.into(), bytes });
        Ok(text)
    }

    /// The first file to be written whose content has changed since it was read.
    fn changed(&self, edits: &[Edit]) -> Result<Option<String>> {
        for edit in edits {
            if let Edit::Put { path, .. } = edit
                && let Some(read) = self.read.get(path)
                && self.files.tree().load(&read.at)? != read.bytes
            {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    /// Writes a file that was read, or creates one that was not read and must not exist.
    fn write(&self, edit: &Edit) -> Result<()> {
        let tree = self.files.tree();
        match edit {
            Edit::Put { path, content } => match self.read.get(path) {
                Some(read) => tree.replace(&read.at, content),
                None => tree.create(path, content),
            },
            Edit::Rename { from, to } => tree.rename(from, to),
            Edit::Remove { path } => tree.remove(path).map(drop),
            Edit::Take { path, .. } => {
                Err(Error::new(Kind::Bug, format!("a file of a checkout is written from its text: {path}")))
            }
        }
    }
}

/// Whether the remote is known to have a data branch that this checkout does not use. No process, except with reftable.
fn has_moved(context: &Context) -> bool {
    let remote = context.channel.remote().filter(|_| !context.has_data_branch());
    let Some(data) = remote.and_then(|remote| Some(Branch::parse(DATA).ok()?.tracking(remote))) else { return false };
    refs::load(&context.repository, &[data]).is_ok_and(|known| !known.is_empty())
}
