//! Worlds are copied, not made: what `git init`, `git clone` and `git aitask init` wrote the first time is kept for the
//! other tests of the same run, since most of a test's time would go into making the same clones again.
//!
//! Copied is only what is known to be the same: the remote must be, but for its objects, what the copy was made from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

const REMOTE: &str = "origin.git";
/// What runs that are over left goes after this time, longer than any run.
const KEPT: Duration = Duration::from_secs(6 * 60 * 60);

/// What was made, kept in a folder: the remote after it, and the clone where one was made.
#[derive(Debug, Clone)]
pub(super) struct Template {
    dir: PathBuf,
}

impl Template {
    /// The one for a step from `before` (nothing but a name is told of the step); it need not exist yet.
    pub(super) fn after(before: Option<&Self>, step: &[&str]) -> Self {
        let name: String = step.join("-").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let dir = before.map_or_else(|| run_dir().clone(), |before| before.dir.clone()).join(name);
        Self { dir }
    }

    /// Whether the remote in `root` is what it was when this template was made.
    pub(super) fn is_state_of(&self, root: &Path) -> bool {
        self.exists() && state(&root.join(REMOTE)) == state(&self.dir.join(REMOTE))
    }

    pub(super) fn exists(&self) -> bool {
        self.dir.join("root").exists()
    }

    /// Puts the remote and, where one was made, the clone `name` into `root`.
    pub(super) fn install(&self, root: &Path, name: Option<&str>) {
        let made_in = std::fs::read_to_string(self.dir.join("root")).unwrap();
        let _ = std::fs::remove_dir_all(root.join(REMOTE));
        let paths = (made_in.as_bytes(), root.to_str().unwrap().as_bytes());
        for folder in [Some(REMOTE), name].into_iter().flatten() {
            copy(&self.dir.join(folder), &root.join(folder), Some(paths));
        }
    }

    /// Keeps what was made in `root`. Of two tests that do so at once the first wins.
    pub(super) fn keep(&self, root: &Path, name: Option<&str>) {
        let above = self.dir.parent().unwrap();
        std::fs::create_dir_all(above).unwrap();
        let draft = tempfile::tempdir_in(above).unwrap();
        for folder in [Some(REMOTE), name].into_iter().flatten() {
            copy(&root.join(folder), &draft.path().join(folder), None);
        }
        std::fs::write(draft.path().join("root"), root.to_str().unwrap()).unwrap();
        let draft = draft.keep();
        if std::fs::rename(&draft, &self.dir).is_err() {
            std::fs::remove_dir_all(draft).unwrap();
        }
    }
}

/// The folder of this run of the tests: all processes of one run of nextest share it.
fn run_dir() -> &'static PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("worlds");
        std::fs::create_dir_all(&all).unwrap();
        remove_old(&all, "");
        let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| {
            // the start tells a process from an earlier one of the same number
            let started = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
            format!("process-{}-{started}", std::process::id())
        });
        let git = std::env::var("AITASK_TEST_GIT").unwrap_or_default().replace('/', "-");
        let dir = all.join(run + &git);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    })
}

/// Removes what runs that are over left in a folder, of those whose name begins so.
pub(super) fn remove_old(folder: &Path, prefix: &str) {
    for old in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = old.file_name().to_string_lossy().starts_with(prefix);
        let made = old.metadata().and_then(|data| data.modified()).ok();
        if ours && made.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > KEPT) {
            let _ = std::fs::remove_dir_all(old.path());
        }
    }
}

/// Everything of a repository but its objects.
fn state(git_dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![git_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(git_dir).unwrap().to_owned();
            if entry.file_type().unwrap().is_dir() {
                if name != Path::new("objects") {
                    folders.push(path);
                }
            } else {
                files.insert(name, std::fs::read(path).unwrap_or_default());
            }
        }
    }
    files
}

/// Copies a folder, links as they are; outside of `objects` the first of `paths` is replaced by the second.
fn copy(from: &Path, to: &Path, paths: Option<(&[u8], &[u8])>) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let objects = entry.file_name() == "objects";
            copy(&path, &target, paths.filter(|_| !objects));
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(path).unwrap(), target).unwrap();
        } else {
            std::fs::copy(&path, &target).unwrap();
            if let Some((old, new)) = paths {
                let bytes = std::fs::read(&target).unwrap();
                if let Some(replaced) = replace(&bytes, old, new) {
                    std::fs::write(&target, replaced).unwrap();
                }
            }
        }
    }
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    (rest.len() < bytes.len()).then(|| [&replaced, rest].concat())
}
