//! The task data as files below the folder that a script was called in: their names and their content. Uses no git and
//! no network, since the scripts that list tasks also work outside a repository.

use crate::error::{Error, Result};
use crate::files::{FolderEntry, OpenFolder, Tree};
use crate::settings::Environment;
use crate::task::{bundle, paths};
use std::path::{Path, PathBuf};

/// A folder of task data, and how its path is shown: as the caller named it, since callers read and reuse these paths.
#[derive(Debug, Clone)]
pub(crate) struct TaskFolder {
    shown: String,
    path: PathBuf,
    tree: Tree,
}

/// The four folders of task data.
#[derive(Debug, Clone)]
pub(crate) struct TaskFolders {
    /// Active tasks.
    pub(crate) tasks: TaskFolder,
    /// Archived tasks.
    pub(crate) archived: TaskFolder,
    /// Active plans.
    pub(crate) plans: TaskFolder,
    /// Archived plans.
    pub(crate) archived_plans: TaskFolder,
}

impl TaskFolders {
    /// The folders below `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self::named(dir, [paths::TASKS_DIR, paths::ARCHIVED_TASKS_DIR, paths::PLANS_DIR, paths::ARCHIVED_PLANS_DIR])
    }

    /// The folders below `dir`, unless `TASK_DIR`, `ARCHIVED_DIR`, `PLAN_DIR` or `ARCHIVED_PLAN_DIR` name others.
    pub(crate) fn of_environment(environment: &Environment, dir: &Path) -> Self {
        let name = |variable, default| environment.text(variable).unwrap_or(default);
        let names = [
            name("TASK_DIR", paths::TASKS_DIR),
            name("ARCHIVED_DIR", paths::ARCHIVED_TASKS_DIR),
            name("PLAN_DIR", paths::PLANS_DIR),
            name("ARCHIVED_PLAN_DIR", paths::ARCHIVED_PLANS_DIR),
        ];
        Self::named(dir, names)
    }

    /// The folders of a project whose tasks are in `tasks`, the archive below them.
    pub(crate) fn below(dir: &Path, tasks: &str) -> Self {
        let archived = format!("{tasks}/archived");
        Self::named(dir, [tasks, &archived, paths::PLANS_DIR, paths::ARCHIVED_PLANS_DIR])
    }

    /// All task files and plans, by the names that [`crate::task::paths`] has for them, in byte order.
    pub(crate) fn paths(&self) -> Vec<String> {
        let folders = [
            (paths::TASKS_DIR, 't', &self.tasks),
            (paths::ARCHIVED_TASKS_DIR, 't', &self.archived),
            (paths::PLANS_DIR, 'p', &self.plans),
            (paths::ARCHIVED_PLANS_DIR, 'p', &self.archived_plans),
        ];
        let named = |(root, letter, folder): (&'static str, _, &TaskFolder)| {
            folder.files(letter).into_iter().map(move |name| format!("{root}/{name}"))
        };
        let mut all: Vec<_> = folders.into_iter().flat_map(named).collect();
        all.sort_unstable();
        all
    }

    fn named(dir: &Path, names: [&str; 4]) -> Self {
        let [tasks, archived, plans, archived_plans] = names.map(|name| TaskFolder::new(dir, name));
        Self { tasks, archived, plans, archived_plans }
    }
}

impl TaskFolder {
    fn new(dir: &Path, shown: &str) -> Self {
        Self { shown: shown.to_owned(), path: dir.join(shown), tree: Tree::for_folder(dir, shown) }
    }

    /// A subfolder.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self { shown: format!("{}/{name}", self.shown), path: self.path.join(name), tree: self.tree.clone() }
    }

    /// Whether the folder exists.
    pub(crate) fn exists(&self) -> bool {
        self.tree.is_folder(&self.path)
    }

    /// Refuses a folder that is reached through a symbolic link: its files would lie outside the project. A folder
    /// that does not exist yet is accepted.
    ///
    /// # Errors
    /// [`Kind::Occupied`](crate::error::Kind::Occupied).
    pub(crate) fn require_own(&self) -> Result<()> {
        self.tree.load(self.path.join("any")).map(drop)
    }

    /// The tree through which its files are reached; it follows no symbolic link.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The content of a file in it.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.tree.read(self.path(name))
    }

    /// The path of a file in it, as it is shown.
    pub(crate) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of a file in it from the path that [`Self::shown`] gave.
    pub(crate) fn path_of_shown(&self, shown: &str) -> PathBuf {
        self.path.join(shown.strip_prefix(&self.shown).unwrap_or(shown).trim_start_matches('/'))
    }

    /// Its entries, in no order; none when it cannot be read.
    pub(crate) fn entries(&self) -> Vec<FolderEntry> {
        self.tree.entries(&self.path)
    }

    /// The names in it that `wanted` accepts, in byte order; none when it cannot be read.
    pub(crate) fn names(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut names: Vec<_> = self.tree.names(&self.path).filter(|name| wanted(name)).collect();
        names.sort_unstable();
        names
    }

    /// The files of a task or plan: `t16_*.md`, or for `16_2` those of the child in its parent's folder. Shown paths.
    pub(crate) fn files_of(&self, letter: char, id: &str) -> Vec<String> {
        let folder = match id.split_once('_') {
            Some((parent, _)) => self.below(&format!("{letter}{parent}")),
            None => self.clone(),
        };
        let start = format!("{letter}{id}_");
        folder.names(|name| is_file(name, &start)).iter().map(|name| folder.shown(name)).collect()
    }

    /// The names of the children of a task, or of their plans: `t16/t16_*_*.md`; and their folder.
    pub(crate) fn children_of(&self, letter: char, parent: &str) -> (Self, Vec<String>) {
        let folder = self.below(&format!("{letter}{parent}"));
        let start = format!("{letter}{parent}_");
        let names = folder.names(|name| is_file(name, &start) && name[start.len()..].contains('_'));
        (folder, names)
    }

    /// The folders of children in it: `t16`, `t17` ...
    pub(crate) fn folders(&self, letter: char) -> Vec<String> {
        self.names_and_folders(letter, |_| false).1
    }

    /// [`Self::names`] and [`Self::folders`] with one reading of the folder.
    pub(crate) fn names_and_folders(&self, letter: char, wanted: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
        let (mut names, mut folders) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            if wanted(&entry.name) {
                names.push(entry.name);
            } else if entry.is_folder && entry.name.starts_with(letter) && !is_markdown(&entry.name) {
                folders.push(entry.name);
            }
        }
        names.sort_unstable();
        folders.sort_unstable();
        (names, folders)
    }

    /// The files of tasks or plans in it, and after them those in its folders of children: `t16_x.md`,
    /// `t16/t16_2_y.md`.
    pub(crate) fn files(&self, letter: char) -> Vec<String> {
        let is_one = |name: &str| name.starts_with(letter) && is_markdown(name);
        let (names, folders) = self.names_and_folders(letter, is_one);
        let children = folders.iter().flat_map(|folder| {
            let names = self.below(folder).names(is_one);
            names.into_iter().map(move |name| format!("{folder}/{name}"))
        });
        names.iter().cloned().chain(children).collect()
    }

    /// The same files by their shown paths.
    pub(crate) fn shown_files(&self, letter: char) -> Vec<String> {
        self.files(letter).iter().map(|name| self.shown(name)).collect()
    }

    /// Finds an id in the bundles of this folder of archived tasks or plans: the shown path of the bundle, and the
    /// member's name. `unreadable` receives the error of each bundle that cannot be read.
    pub(crate) fn find_bundled(
        &self,
        letter: char,
        id: &str,
        mut unreadable: impl FnMut(Error),
    ) -> Option<(String, String)> {
        for name in bundle::names_for(id) {
            let Ok(bytes) = self.read(&name) else { continue };
            match bundle::members(&self.shown(&name), &bytes) {
                Ok(members) => {
                    if let Some(member) = members.into_iter().find(|member| bundle::is_of(member, letter, id)) {
                        return Some((self.shown(&name), member));
                    }
                }
                Err(error) => unreadable(error),
            }
        }
        None
    }
}

/// The glob `START*.md`.
pub(crate) fn is_file(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(is_markdown)
}

fn is_markdown(name: &str) -> bool {
    name.as_bytes().ends_with(b".md")
}

/// The line that ends a frontmatter, with the line end before it.
const CLOSE: &[u8] = b"\n---\n";

/// The end of the frontmatter. A listing reads only the fields, so reading stops here.
fn end_of_fields(head: &[u8]) -> Option<usize> {
    let mut ends = (3..head.len()).filter(|at| head.get(*at) == Some(&b'\n'));
    let at = ends.find(|at| head.get(*at..).is_some_and(|rest| rest.starts_with(CLOSE)))?;
    Some(at + CLOSE.len())
}

impl TaskFolder {
    /// Reads at least the fields of many files, in parallel, and passes each to `make`; the results are in the order of
    /// `files`. `None` for a file that is gone or cannot be read.
    pub(crate) fn load_each<T: Send>(
        &self,
        files: &[String],
        make: impl Fn(usize, &[u8]) -> T + Sync,
    ) -> Vec<Option<T>> {
        let load = |first: usize, files: &[String]| -> Vec<Option<T>> {
            let mut reached: Option<(PathBuf, Option<OpenFolder>)> = None;
            let load = |(n, file): (usize, &String)| {
                let path = self.path(file);
                let folder = path.parent()?;
                // Most files share a folder, so the folder is opened once and kept.
                if reached.as_ref().is_none_or(|(of, _)| of != folder) {
                    reached = Some((folder.to_owned(), self.tree.folder(folder).ok()));
                }
                let (_, folder) = reached.as_ref()?;
                let head = folder.as_ref()?.read_head(path.file_name()?, end_of_fields).ok()?;
                Some(make(first + n, &head))
            };
            files.iter().enumerate().map(load).collect()
        };
        // More than eight threads wait for the disk; for fewer than 64 files, starting threads costs more than it
        // saves.
        let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, 8);
        if files.len() < 64 || count == 1 {
            return load(0, files);
        }
        let size = files.len().div_ceil(count);
        std::thread::scope(|scope| {
            let load = &load;
            let parts = files.chunks(size).enumerate();
            let workers: Vec<_> = parts.map(|(part, files)| scope.spawn(move || load(part * size, files))).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_hold_the_frontmatter_however_long_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aitasks/t1_x.md");
        std::fs::create_dir(dir.path().join("aitasks")).unwrap();
        let load = |name: &str| {
            let folder = TaskFolders::new(dir.path()).tasks;
            folder.load_each(&[name.to_owned()], |_, head| head.to_vec()).pop().unwrap()
        };
        let long = format!("---\nstatus: Ready\nissue: {}\nlabels: [a]\n---\nbody\n", "x".repeat(9000));
        let body = "y".repeat(100_000);
        for (text, whole) in [
            ("---\nstatus: Ready\n---\n".to_owned(), true),
            (String::new(), true),
            (format!("{long}{body}"), true),
            (format!("---\nstatus: Ready\n---\n{body}"), false),
            (format!("---\r\nstatus: Ready\r\n---\r\n{body}"), true),
            ("---\n---\nlabels: [no]\n---\n".to_owned(), false),
            (body.clone(), true),
        ] {
            std::fs::write(&path, &text).unwrap();
            let head = load("t1_x.md").unwrap();
            assert_eq!(head.len() == text.len(), whole);
            let (read, all) = (crate::task::Document::parse(&head), crate::task::Document::parse(text.as_bytes()));
            assert_eq!((read.scalar("status"), read.list("labels")), (all.scalar("status"), all.list("labels")));
        }
        assert_eq!(load("none"), None);
    }

    #[test]
    fn many_files_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let folder = TaskFolders::new(dir.path()).tasks;
        std::fs::create_dir_all(folder.path("t1")).unwrap();
        let files: Vec<_> = (0..200).map(|n| if n % 3 == 0 { format!("t1/{n}") } else { format!("{n}") }).collect();
        for (n, file) in files.iter().enumerate().filter(|(n, _)| n % 7 != 0) {
            std::fs::write(folder.path(file), n.to_string()).unwrap();
        }
        let read = folder.load_each(&files, |n, bytes| (n, String::from_utf8_lossy(bytes).into_owned()));
        for (n, one) in read.into_iter().enumerate() {
            assert_eq!(one, (n % 7 != 0).then(|| (n, n.to_string())));
        }
    }
}
