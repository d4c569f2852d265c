//! Edits that `git status` does not show: files that are marked "assume unchanged" or "skip worktree" in the index
//! (git-update-index(1)) and differ from it.

use crate::error::{Error, Result};
use crate::files::records::RecordKind;
use crate::git::porcelain::status;
use crate::git::registry::git_dir;
use crate::git::{Repository, index_file};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The options of `git update-index` that remove the marks.
const UNMARK: [&str; 2] = ["--no-assume-unchanged", "--no-skip-worktree"];

/// A file with such an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HiddenEdit {
    /// Where it is, relative to the top of the worktree.
    pub(crate) path: PathBuf,
    /// The repository that has it: the worktree, or a submodule in it.
    pub(crate) top: PathBuf,
    /// The option of `git update-index` that makes git show it.
    pub(crate) unmark: &'static str,
}

/// The hidden edits in the worktree at `path` and in its submodules. No process where no file is marked, and one where
/// there are submodules.
pub(crate) fn load(repository: &Repository, path: &Path) -> Result<Vec<HiddenEdit>> {
    if index_file::is_plain(repository, path) { Ok(Vec::new()) } else { listed(repository, path) }
}

/// [`load`], as git lists the index.
fn listed(repository: &Repository, path: &Path) -> Result<Vec<HiddenEdit>> {
    let lines = repository.git().read(path, "ls-files").args(["-v", "--stage", "-z"]).run()?.stdout;
    let (mut found, mut marked) = (Vec::new(), BTreeMap::new());
    for entry in lines.split(|byte| *byte == 0).filter_map(Entry::parse) {
        // A file that is marked and not there is one that a sparse checkout leaves out.
        if path.join(entry.path).symlink_metadata().is_err() {
            continue;
        }
        if entry.is_submodule && path.join(entry.path).join(".git").exists() {
            let inner = listed(repository, &path.join(entry.path))?;
            found.extend(inner.into_iter().map(|edit| HiddenEdit { path: entry.path.join(&edit.path), ..edit }));
        }
        if let Some(unmark) = entry.unmark {
            marked.insert(entry.path, unmark);
        }
    }
    let Some(index) = git_dir(path).map(|dir| dir.join("index")).filter(|_| !marked.is_empty()) else {
        return Ok(found);
    };
    // In a copy of the index without the marks git compares them as it compares all files.
    let beside = repository.records().make_folder(RecordKind::Temporary)?;
    let copy = beside.path().join("index");
    std::fs::copy(&index, &copy).map_err(|error| Error::io("copy", &index, &error))?;
    let names: Vec<_> = marked.keys().flat_map(|path| [path.as_os_str().as_bytes(), b"\0"].concat()).collect();
    for option in UNMARK {
        let call = repository.git().read(path, "update-index").env("GIT_INDEX_FILE", &copy);
        call.args([option, "-z", "--stdin"]).input(names.clone()).run()?;
    }
    let call = repository.git().read(path, "status").env("GIT_INDEX_FILE", &copy);
    let call = call.args(["--porcelain=v2", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=none"]);
    for entry in status::parse(&call.run()?.stdout)?.entries {
        if let Some(unmark) = marked.get(entry.path.as_path()) {
            found.push(HiddenEdit { path: entry.path, top: path.to_owned(), unmark });
        }
    }
    Ok(found)
}

/// A line of `git ls-files -v --stage`: mark, mode, object, stage, path.
struct Entry<'l> {
    path: &'l Path,
    is_submodule: bool,
    unmark: Option<&'static str>,
}

impl<'l> Entry<'l> {
    fn parse(line: &'l [u8]) -> Option<Self> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let [mark, b' ', fields @ ..] = line.get(..tab)? else { return None };
        let [assume_unchanged, skip_worktree] = UNMARK;
        let unmark = match mark {
            b'S' | b's' => Some(skip_worktree),
            mark => mark.is_ascii_lowercase().then_some(assume_unchanged),
        };
        let path = Path::new(OsStr::from_bytes(line.get(tab + 1..)?));
        Some(Self { path, is_submodule: fields.starts_with(b"160000 "), unmark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let parse = |line: &'static str| Entry::parse(line.as_bytes()).map(|it| (it.path, it.is_submodule, it.unmark));
        let a = Path::new("a b");
        assert_eq!(parse("H 100644 1234 0\ta b"), Some((a, false, None)));
        assert_eq!(parse("h 100644 1234 0\ta b"), Some((a, false, Some(UNMARK[0]))));
        assert_eq!(parse("S 100644 1234 0\ta b"), Some((a, false, Some(UNMARK[1]))));
        assert_eq!(parse("s 160000 1234 0\ta b"), Some((a, true, Some(UNMARK[1]))));
        assert_eq!((parse(""), parse("H 100644"), parse("\t")), (None, None, None));
    }
}
