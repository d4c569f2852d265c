//! The task data as it lies in the folder a script was called in: the names of its files, and what is in them. No git and
//! no network, so it also works outside a repository (specification 30, section 0).

use crate::error::{Error, Result};
use crate::settings::Environment;
use crate::task::{bundle, paths};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A folder, and how its path is shown.
#[derive(Debug, Clone)]
pub struct Folder {
    shown: String,
    path: PathBuf,
}

/// The four folders of task data.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// Active tasks.
    pub tasks: Folder,
    /// Archived tasks.
    pub archived: Folder,
    /// Active plans.
    pub plans: Folder,
    /// Archived plans.
    pub archived_plans: Folder,
}

impl Checkout {
    /// The folders below `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self::named(dir, [paths::TASKS_DIR, paths::ARCHIVED_TASKS_DIR, paths::PLANS_DIR, paths::ARCHIVED_PLANS_DIR])
    }

    /// The folders below `dir`, unless `TASK_DIR` and its kin name others (specification 30, section 0).
    #[must_use]
    pub fn of_environment(environment: &Environment, dir: &Path) -> Self {
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
    #[must_use]
    pub fn below(dir: &Path, tasks: &str) -> Self {
        let archived = format!("{tasks}/archived");
        Self::named(dir, [tasks, &archived, paths::PLANS_DIR, paths::ARCHIVED_PLANS_DIR])
    }

    /// All task files and plans, by the names that [`crate::task::paths`] has for them, in byte order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let folders = [
            (paths::TASKS_DIR, 't', &self.tasks),
            (paths::ARCHIVED_TASKS_DIR, 't', &self.archived),
            (paths::PLANS_DIR, 'p', &self.plans),
            (paths::ARCHIVED_PLANS_DIR, 'p', &self.archived_plans),
        ];
        let mut all: Vec<_> = folders.into_iter().flat_map(|(root, letter, folder)| folder.all(root, letter)).collect();
        all.sort_unstable();
        all
    }

    fn named(dir: &Path, names: [&str; 4]) -> Self {
        let [tasks, archived, plans, archived_plans] = names.map(|name| Folder::new(dir, name));
        Self { tasks, archived, plans, archived_plans }
    }
}

impl Folder {
    fn new(dir: &Path, shown: &str) -> Self {
        Self { shown: shown.to_owned(), path: dir.join(shown) }
    }

    /// A folder in this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { shown: format!("{}/{name}", self.shown), path: self.path.join(name) }
    }

    /// Whether it is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// How the path of something in it is shown.
    #[must_use]
    pub fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    /// The path of something in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of something in it that [`Self::shown`] named.
    #[must_use]
    pub fn path_of_shown(&self, shown: &str) -> PathBuf {
        self.path.join(shown.strip_prefix(&self.shown).unwrap_or(shown).trim_start_matches('/'))
    }

    /// The names in it that are wanted, in byte order (L8); none when it cannot be read.
    #[must_use]
    pub fn names(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| wanted(name)).collect();
        names.sort_unstable();
        names
    }

    /// The files of a task or plan: `t16_*.md`, or for `16_2` those of the child in its parent's folder. Shown paths.
    #[must_use]
    pub fn files_of(&self, letter: char, id: &str) -> Vec<String> {
        let folder = match id.split_once('_') {
            Some((parent, _)) => self.below(&format!("{letter}{parent}")),
            None => self.clone(),
        };
        let start = format!("{letter}{id}_");
        folder.names(|name| is_file(name, &start)).iter().map(|name| folder.shown(name)).collect()
    }

    /// The names of the children of a task, or of their plans: `t16/t16_*_*.md`; and their folder.
    #[must_use]
    pub fn children_of(&self, letter: char, parent: &str) -> (Self, Vec<String>) {
        let folder = self.below(&format!("{letter}{parent}"));
        let start = format!("{letter}{parent}_");
        let names = folder.names(|name| is_file(name, &start) && name[start.len()..].contains('_'));
        (folder, names)
    }

    /// The folders of children in it: `t16`, `t17` ...
    #[must_use]
    pub fn folders(&self, letter: char) -> Vec<String> {
        self.names_and_folders(letter, |_| false).1
    }

    /// [`Self::names`] and [`Self::folders`] with one look.
    #[must_use]
    pub fn names_and_folders(&self, letter: char, wanted: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
        let is_folder = |name: &str| name.starts_with(letter) && !is_markdown(name) && self.path(name).is_dir();
        let all = self.names(|name| wanted(name) || is_folder(name));
        all.into_iter().partition(|name| wanted(name))
    }

    /// The files of tasks or plans in it and in its folders of children, as if it stood at `root`.
    #[must_use]
    pub fn all(&self, root: &str, letter: char) -> Vec<String> {
        let is_one = |name: &str| name.starts_with(letter) && is_markdown(name);
        let (names, folders) = self.names_and_folders(letter, is_one);
        let children = folders.iter().flat_map(|folder| {
            let names = self.below(folder).names(is_one);
            names.into_iter().map(move |name| format!("{root}/{folder}/{name}"))
        });
        names.iter().map(|name| format!("{root}/{name}")).chain(children).collect()
    }

    /// Where in the bundles of this folder of archived tasks or plans an id is: the shown path of the bundle, and the
    /// member's name (specification 30, section 5). Bundles that cannot be read are told to `unreadable`.
    pub fn find_bundled(&self, letter: char, id: &str, mut unreadable: impl FnMut(Error)) -> Option<(String, String)> {
        for name in self.bundles_for(id) {
            let Ok(bytes) = std::fs::read(self.path(&name)) else { continue };
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

    /// The bundles that may hold an id, in the order they are to be read, whether they are there or not.
    #[must_use]
    pub fn bundles_for(&self, id: &str) -> Vec<String> {
        let number = id.split('_').next().and_then(|number| number.parse().ok());
        let numbered = number.map(bundle::path_for).into_iter();
        let stems = numbered.chain(["old".to_owned()]);
        stems.flat_map(|stem| [format!("{stem}.tar.zst"), format!("{stem}.tar.gz")]).collect()
    }
}

/// The glob `START*.md`.
#[must_use]
pub fn is_file(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(is_markdown)
}

fn is_markdown(name: &str) -> bool {
    name.as_bytes().ends_with(b".md")
}

/// The line that ends a frontmatter, with the line end before it.
const CLOSE: &[u8] = b"\n---\n";

/// The frontmatter of a task file, at least; most of its text is left unread.
///
/// # Errors
/// When it cannot be read.
pub fn load_head(path: &Path) -> Result<Vec<u8>> {
    let mut head = vec![0; 4096];
    let mut read = || {
        let mut file = std::fs::File::open(path)?;
        let filled = file.read(&mut head)?;
        head.truncate(filled);
        // The rest of the text is of no interest, and so is not copied about.
        let mut ends = (3..filled).filter(|at| head.get(*at) == Some(&b'\n'));
        match ends.find(|at| head.get(*at..).is_some_and(|rest| rest.starts_with(CLOSE))) {
            Some(at) => head.truncate(at + CLOSE.len()),
            None => drop(file.read_to_end(&mut head)?),
        }
        Ok(())
    };
    read().map_err(|error| Error::io("read", path, &error))?;
    Ok(head)
}

/// Reads many files on all processors and makes something of each, in order; `None` for one that has gone or cannot be
/// read.
pub fn load_each<T: Send>(files: &[PathBuf], make: impl Fn(usize, &[u8]) -> T + Sync) -> Vec<Option<T>> {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, 8);
    let load = |(n, path): (usize, &PathBuf)| load_head(path).ok().map(|head| make(n, &head));
    if files.len() < 64 || count == 1 {
        return files.iter().enumerate().map(load).collect();
    }
    let size = files.len().div_ceil(count);
    std::thread::scope(|scope| {
        let load = &load;
        let parts = files.chunks(size).enumerate();
        let workers: Vec<_> = parts
            .map(|(part, files)| {
                let first = part * size;
                scope.spawn(move || {
                    files.iter().enumerate().map(|(n, file)| load((first + n, file))).collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_hold_the_frontmatter_however_long_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t1_x.md");
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
            let head = load_head(&path).unwrap();
            assert_eq!(head.len() == text.len(), whole);
            let (read, all) = (crate::task::Document::parse(&head), crate::task::Document::parse(text.as_bytes()));
            assert_eq!((read.scalar("status"), read.list("labels")), (all.scalar("status"), all.list("labels")));
        }
        assert!(load_head(&dir.path().join("none")).is_err());
    }

    #[test]
    fn many_files_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..200).map(|n| dir.path().join(format!("{n}"))).collect();
        for (n, file) in files.iter().enumerate().filter(|(n, _)| n % 7 != 0) {
            std::fs::write(file, n.to_string()).unwrap();
        }
        let read = load_each(&files, |n, bytes| (n, String::from_utf8_lossy(bytes).into_owned()));
        for (n, one) in read.into_iter().enumerate() {
            assert_eq!(one, (n % 7 != 0).then(|| (n, n.to_string())));
        }
    }
}
