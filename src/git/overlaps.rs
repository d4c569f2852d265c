//! What the branches of several tasks change, and whether two of them merge; with the uncommitted work of worktrees. What
//! git writes for it goes to a temporary object store, and to indexes of its own: nothing of the repository changes.

use crate::error::{Error, Kind, Result};
use crate::git::noted_folder::in_noted_folder;
use crate::git::porcelain::diff_raw::{self, FileDiff};
use crate::git::porcelain::log_graph::{self, GraphCommit};
use crate::git::porcelain::merge_tree::{self, OneOfMany};
use crate::git::registry::git_dir;
use crate::git::run::Call;
use crate::git::{Oid, RefName, Repository, ref_files};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// Keeps git from fetching what a partial clone lacks. git before 2.44 ignores it.
const NO_FETCH: (&str, &str) = ("GIT_NO_LAZY_FETCH", "1");

/// The commits that are in the history of these refs and commits, and not in that of `output`, with the commits that they
/// continue, and the names of refs below `prefixes`. One process.
pub(crate) fn own_commits(
    repository: &Repository,
    starts: &[&str],
    output: &RefName,
    prefixes: &[String],
) -> Result<Vec<GraphCommit>> {
    let call = repository.read("log").args(["--boundary", "--decorate=full"]);
    let call = call.args(prefixes.iter().map(|prefix| format!("--decorate-refs={prefix}")));
    // Where the files of git do not tell which refs there are, some of the names may be those of none.
    let call = call.args(ref_files::is_reftable(repository).then_some("--ignore-missing"));
    let call = call.arg(format!("--format={}", log_graph::FORMAT)).env(NO_FETCH.0, NO_FETCH.1);
    log_graph::parse(&call.args(starts).args(["--not", output.as_str(), "--"]).run()?.stdout)
}

/// The largest untracked file that is compared, in bytes.
const LARGEST_UNTRACKED: u64 = 1 << 20;

/// A worktree with uncommitted work, and its commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsaved<'w> {
    /// Where it is.
    pub(crate) path: &'w Path,
    /// The commit that is checked out.
    pub(crate) head: &'w Oid,
}

/// A temporary object store that also has all objects of the repository.
#[derive(Debug)]
pub(crate) struct ScratchStore<'r> {
    repository: &'r Repository,
    folder: PathBuf,
    alternates: OsString,
}

impl<'r> ScratchStore<'r> {
    /// Works with a new store, and removes it. After a kill the next command does.
    pub(crate) fn with<T>(repository: &'r Repository, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        in_noted_folder(repository, |folder| {
            let store = Self {
                repository,
                folder: folder.to_owned(),
                alternates: as_alternate(&repository.common_dir.join("objects")),
            };
            let objects = store.objects();
            std::fs::create_dir(&objects).map_err(|error| Error::io("make", &objects, &error))?;
            work(&store)
        })
    }

    fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    fn of(&self, call: Call) -> Call {
        let call = call.env("GIT_OBJECT_DIRECTORY", self.objects()).env(NO_FETCH.0, NO_FETCH.1);
        call.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.alternates)
    }

    /// Commits with what these worktrees contain, ignored files aside, each on top of its commit; or why one cannot be
    /// read. Two processes for each, and one for all.
    pub(crate) fn commit_all(&self, worktrees: &[Unsaved<'_>]) -> Result<Vec<Result<Oid>>> {
        let (mut files, mut found) = (Vec::new(), Vec::new());
        for (n, worktree) in worktrees.iter().enumerate() {
            let tree = match self.tree_of(n, worktree.path) {
                Err(error) if error.kind() == Kind::Interrupted => return Err(error),
                tree => tree,
            };
            if let Ok(tree) = &tree {
                let (file, head) = (self.folder.join(format!("commit-{n}")), worktree.head);
                let who = "git-aitask <git-aitask@localhost> 0 +0000";
                let text = format!("tree {tree}\nparent {head}\nauthor {who}\ncommitter {who}\n\nuncommitted work\n");
                std::fs::write(&file, text).map_err(|error| Error::io("write", &file, &error))?;
                files.extend([file.as_os_str().as_bytes(), b"\n"].concat());
            }
            found.push(tree);
        }
        if files.is_empty() {
            return Ok(found);
        }
        let call = self.of(self.repository.read("hash-object"));
        let call = call.args(["-t", "commit", "-w", "--no-filters", "--stdin-paths"]).input(files);
        let text = call.run()?.text();
        let mut commits = text.lines().map(Oid::parse);
        let named = found.into_iter().map(|tree| {
            let name = || Error::new(Kind::Git, "git names no commit of uncommitted work");
            tree.and_then(|_| commits.next().flatten().ok_or_else(name))
        });
        Ok(named.collect())
    }

    /// The tree of the files in a worktree that git does not ignore, through a copy of its index. An untracked file counts
    /// only where it is a small one: a large one, and a repository of its own, is hardly what another task changes, and
    /// would be read as a whole each time. Three processes.
    fn tree_of(&self, n: usize, path: &Path) -> Result<Oid> {
        let copy = self.folder.join(format!("index-{n}"));
        if let Some(index) = git_dir(path).map(|dir| dir.join("index")).filter(|index| index.exists()) {
            let io = |error: std::io::Error| Error::io("copy", &index, &error);
            std::fs::copy(&index, &copy).map_err(io)?;
            // git compares the content of a file that is as new as its index.
            let modified = index.metadata().and_then(|data| data.modified()).map_err(io)?;
            let to = File::options().write(true).open(&copy).map_err(io)?;
            to.set_modified(modified).map_err(io)?;
        }
        let git = |subcommand: &str| {
            let call = self.of(self.repository.git().read(path, subcommand)).env("GIT_INDEX_FILE", &copy);
            // No hook hears of an index that is not the user's, and no part of it is put beside theirs.
            call.setting("core.hooksPath", "/dev/null").setting("core.splitIndex", "false")
        };
        let listed = git("ls-files").args(["-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard"]);
        let listed = listed.run()?.stdout;
        let is_small = |name: &&[u8]| {
            let data = path.join(OsStr::from_bytes(name)).symlink_metadata();
            data.is_ok_and(|data| data.is_symlink() || data.is_file() && data.len() <= LARGEST_UNTRACKED)
        };
        let changed = listed.split(|&byte| byte == 0).filter_map(|entry| match entry.split_at_checked(2)? {
            (b"? ", name) => Some(name).filter(is_small),
            (_, name) => Some(name),
        });
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            let add = git("add").args(["--all", "--pathspec-from-file=-", "--pathspec-file-nul"]);
            let add = add.env("GIT_LITERAL_PATHSPECS", "1").setting("core.safecrlf", "false");
            add.input(changed.join(&0)).run()?;
        }
        let call = git("write-tree");
        let output = call.run()?;
        Oid::parse(&output.text()).ok_or_else(|| call.failure(&output))
    }

    /// What each commit changes against another one: pairs of a commit and the older one. One process.
    pub(crate) fn changes(&self, pairs: &[(&Oid, &Oid)]) -> Result<BTreeMap<Oid, Vec<FileDiff>>> {
        if pairs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let call = self.of(self.repository.read("diff-tree")).args(["--stdin", "-r", "-z", "--raw", "--no-renames"]);
        diff_raw::parse_many(&call.input(lines(pairs)).run()?.stdout)
    }

    /// Merges each of these pairs of commits, with the attributes of `output`; `None` where this git cannot merge many at
    /// once. One process.
    pub(crate) fn merge_all(&self, pairs: &[(&Oid, &Oid)], output: &RefName) -> Result<Option<Vec<OneOfMany>>> {
        if pairs.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let call = self.of(self.repository.read("merge-tree"));
        let call = call.args(["--write-tree", "--stdin", "--allow-unrelated-histories"]).input(lines(pairs));
        let call = call.env("GIT_ATTR_SOURCE", output.as_str());
        let said = call.output()?;
        // The parser of options ends with this code.
        if said.code == Some(129) {
            return Ok(None);
        }
        let merges = if said.success() { merge_tree::parse_many(&said.stdout)? } else { Vec::new() };
        if merges.len() == pairs.len() { Ok(Some(merges)) } else { Err(call.failure(&said)) }
    }
}

fn lines(pairs: &[(&Oid, &Oid)]) -> String {
    pairs.iter().flat_map(|(one, other)| [one.as_str(), " ", other.as_str(), "\n"]).collect()
}

/// A folder as `GIT_ALTERNATE_OBJECT_DIRECTORIES` wants it, which is a list with colons between.
fn as_alternate(folder: &Path) -> OsString {
    let bytes = folder.as_os_str().as_bytes();
    if !bytes.contains(&b':') && !bytes.starts_with(b"\"") {
        return folder.as_os_str().to_owned();
    }
    let mut quoted = vec![b'"'];
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_colon_is_one_folder() {
        for (folder, expected) in [("/a b/c", "/a b/c"), ("/a:b", "\"/a:b\""), ("/a:\"\\", "\"/a:\\\"\\\\\"")] {
            assert_eq!(as_alternate(Path::new(folder)), expected);
        }
    }
}
