//! The task data as it lies in a checkout: what the scripts' create and update read and write. They publish nothing but
//! the id counter, so all of it is files, and commits of exactly those files (specification 20).

use crate::compat::folders::Folder;
use crate::error::{Error, Kind, Payload, Result};
use crate::files::{Tree, data_checkout};
use crate::git::{Branch, commit, refs};
use crate::ledger::DATA;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::data_state;
use crate::task::{Document, TaskId, bundle, labels, paths};
use std::path::{Path, PathBuf};

/// A project's root, and its repository when it is in one.
#[derive(Debug)]
pub struct Project<'c> {
    /// The root: `aitasks/` lies in it.
    pub root: PathBuf,
    /// The repository.
    pub context: Option<&'c Context>,
    /// Whether a data worktree that is stuck in a rebase or merge is refused (`AIT_GIT_SKIP_STATE_CHECK`).
    pub guarded: bool,
}

impl Project<'_> {
    /// Where its files are reached: no link is followed on the way.
    #[must_use]
    pub fn tree(&self) -> Tree {
        Tree::new(&self.root)
    }

    /// A path of the task data, absolute.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Keeps other processes of ours from changing this checkout until the answer is dropped; and finishes what one that
    /// was killed had begun.
    pub fn hold(&self) -> Result<Option<Queue>> {
        let Some(context) = self.context else { return Ok(None) };
        // Where git's folder cannot be written there is no queue; every write still looks whether it is the first.
        let queue = Queue::enter(&context.repository, context.settings.timeout, context.narrate).ok();
        context.ledger().finish_carrying()?;
        Ok(queue)
    }

    /// The active files of an id, `aitasks/t<N>_*.md` or `aitasks/t<N>/t<N>_<M>_*.md`, sorted.
    #[must_use]
    pub fn active(&self, id: &str) -> Vec<String> {
        self.files_of(paths::TASKS_DIR, id)
    }

    /// The archived files of an id outside bundles.
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

    /// The file of a task wherever it is: active, archived, in a bundle. Its content too.
    ///
    /// # Errors
    /// [`Kind::NoSuchTask`] when there is none, or two active ones.
    pub fn find_anywhere(&self, id: TaskId) -> Result<Vec<u8>> {
        let none = || Error::new(Kind::NoSuchTask, format!("there is no task t{id}"));
        let text = id.to_string();
        let mut files = self.active(&text);
        if files.is_empty() {
            files = self.files_of(paths::ARCHIVED_TASKS_DIR, &text);
            files.truncate(1);
        }
        match files.as_slice() {
            [file] => self.read(file),
            [] => self.bundles_of(id).find_map(|(name, bytes)| bundle::read(&name, &bytes, id).ok()?).ok_or_else(none),
            _ => Err(none()),
        }
    }

    /// The bundles that may hold a task, and are there; of two forms of one the first.
    fn bundles_of(&self, id: TaskId) -> impl Iterator<Item = (String, Vec<u8>)> {
        let legacy = ["zst", "gz"].map(|end| format!("{}/old.tar.{end}", paths::ARCHIVED_TASKS_DIR));
        [paths::bundle_paths(id), legacy].into_iter().filter_map(|forms| {
            forms.into_iter().find_map(|name| self.tree().read(&name).ok().map(|bytes| (name, bytes)))
        })
    }

    /// The number of a parent's next child (C-Q16).
    ///
    /// # Errors
    /// [`Kind::Unparsable`] for a bundle that cannot be read.
    pub fn next_child(&self, parent: TaskId) -> Result<u64> {
        let mut found = Vec::new();
        for folder in [paths::TASKS_DIR, paths::ARCHIVED_TASKS_DIR] {
            let folder = format!("{folder}/t{parent}");
            found.extend(self.tree().names(Path::new(&folder)).map(|name| format!("{folder}/{name}")));
        }
        for (name, bytes) in self.bundles_of(parent) {
            found.extend(bundle::members(&name, &bytes)?);
        }
        Ok(crate::task::query::next_child_number(parent, found.iter().map(String::as_str)))
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.tree().read(path)
    }

    /// Changes a task file: reads it, lets `change` make the new text of it, and writes that unless the file was changed
    /// meanwhile; then all of it once more. Gives what `change` gave.
    pub fn rewrite<T>(
        &self,
        path: &str,
        mut change: impl FnMut(Document) -> Result<(Option<Document>, T)>,
    ) -> Result<T> {
        let target = self.linked(path);
        let path = target.as_deref().unwrap_or(path);
        for _ in 0..100 {
            let before = self.read(path)?;
            let (document, value) = change(Document::parse(&before))?;
            let Some(document) = document else { return Ok(value) };
            if self.read(path)? == before {
                return self.tree().replace(path, &document.to_bytes()).map(|()| value);
            }
        }
        Err(Error::new(Kind::Contention, format!("others keep changing {path}")))
    }

    /// The file that a task file leads to, where it is a link and that is a file of this repository which git has: what is
    /// changed there shows in `git status`, and can be taken back. The scripts promise that such a link stays. Any other
    /// link is refused.
    fn linked(&self, path: &str) -> Option<String> {
        let target = self.tree().link_target(path)?.to_str()?.to_owned();
        let git = self.context?.repository.git().read(&self.root, "ls-files").env("GIT_LITERAL_PATHSPECS", "1");
        let known = git.args(["--error-unmatch", "--", &target]).output().is_ok_and(|output| output.success());
        known.then_some(target)
    }

    /// Adds lines to a sorted file of the metadata; whether it grew.
    fn grow(&self, path: &str, lines: &[String]) -> Result<bool> {
        let load = || self.tree().load(path).map(Option::unwrap_or_default);
        for _ in 0..100 {
            let before = load()?;
            let text = String::from_utf8_lossy(&before).into_owned();
            let Some(text) = labels::add_to_vocabulary(&text, lines) else { return Ok(false) };
            if load()? != before {
                continue;
            }
            return self.tree().replace(path, text.as_bytes()).map(|()| true);
        }
        Err(Error::new(Kind::Contention, format!("others keep changing {path}")))
    }

    /// Adds labels to the vocabulary (specification 20, section 8.2). Gives those that were new.
    pub fn register_labels(&self, wanted: &[String]) -> Result<Vec<String>> {
        let text = self.tree().load(paths::LABELS_FILE)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let known = labels::vocabulary(&text);
        let new: Vec<_> = wanted.iter().filter(|label| !known.contains(&label.as_str())).cloned().collect();
        Ok(if self.grow(paths::LABELS_FILE, &new)? { new } else { Vec::new() })
    }

    /// Adds an address to the known ones; whether it was new.
    pub fn register_email(&self, email: &str) -> Result<bool> {
        self.grow(paths::EMAILS_FILE, &[email.to_owned()])
    }

    /// The project's issue types, sorted; a missing file is made, empty (specification 20, section 6.2).
    #[must_use]
    pub fn issue_types(&self) -> Vec<String> {
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

    /// The folder that git is to work in for task data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        data_checkout(&self.root).unwrap_or_else(|| self.root.clone())
    }

    /// Refuses to begin a second home for task data that has a branch of its own, not checked out here (C-Q17); and
    /// metadata that a link has led out of it, where writing would change somebody else's files.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`], [`Kind::Occupied`].
    pub fn require_home(&self) -> Result<()> {
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

    /// Refuses a data worktree that is stuck in a rebase or merge.
    ///
    /// # Errors
    /// [`Kind::Conflict`]; [`Kind::NotARepository`], and that of [`Project::require_home`].
    pub fn require_committable(&self) -> Result<&Context> {
        let context = self.context.ok_or_else(|| Error::new(Kind::NotARepository, "not inside a git repository"))?;
        self.require_home()?;
        let data = self.data_dir();
        match data_state::unfinished(&data).first().filter(|_| self.guarded && data != self.root) {
            None => Ok(context),
            Some(marker) => {
                Err(Error::new(Kind::Conflict, data_state::stuck(marker)).with(Payload::Lines { lines: true }))
            }
        }
    }

    /// Commits these files and nothing else. What git said of it; `None` when nothing had changed.
    pub fn commit(&self, subject: &str, paths: &[String], optional: &[String]) -> Result<Option<Vec<u8>>> {
        let context = self.require_committable()?;
        commit::commit(&context.repository, &self.data_dir(), subject, paths, optional)
    }
}

/// Whether the remote is known to have a data branch that this checkout does not use. No process, but for reftable.
fn has_moved(context: &Context) -> bool {
    let remote = context.channel.remote().filter(|_| !context.has_data_branch());
    let Some(data) = remote.and_then(|remote| Some(Branch::parse(DATA).ok()?.tracking(remote))) else { return false };
    let known = || refs::load(&context.repository, std::slice::from_ref(&data)).is_ok_and(|known| !known.is_empty());
    refs::may_exist(&context.repository, &data) && known()
}

/// The active task files, top-level ones first, then children, each sorted by path.
#[must_use]
pub fn all_active(tasks: &Folder) -> Vec<(TaskId, String)> {
    let mut all = Vec::new();
    for name in tasks.names(|_| true) {
        let path = format!("{}/{name}", paths::TASKS_DIR);
        let shown = tasks.shown(&name);
        match paths::loose_id(&path) {
            Some(id) => all.push((id, shown)),
            None if name.starts_with('t') => {
                let children =
                    tasks.below(&name).names(|_| true).into_iter().map(|child| (format!("{path}/{child}"), child));
                let ids =
                    children.filter_map(|(path, child)| Some((paths::loose_id(&path)?, format!("{shown}/{child}"))));
                all.extend(ids.filter(|(id, _)| id.is_child()));
            }
            None => {}
        }
    }
    all.sort_by(|(a, left), (b, right)| (a.is_child(), left).cmp(&(b.is_child(), right)));
    all
}
