//! The object store: reading many objects with one process, building many commits with one process.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::cat_file::{self, Answers, Object, ObjectKind};
use crate::git::porcelain::damage::damage;
use crate::git::porcelain::ls_tree::{self, FileMode, TreeEntry};
use crate::git::repository::Identities;
use crate::git::run::Kept;
use crate::git::{Oid, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::PoisonError;

/// Reads objects by name (`<oid>`, `<commit>:<path>`); `None` where nothing has the name. One process for all that a
/// command reads. It finds objects that others have written meanwhile: git looks at its packs again before it says that
/// an object is missing.
pub(crate) fn load(repository: &Repository, names: &[String]) -> Result<Vec<Option<Object>>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(name) = names.iter().find(|name| name.contains('\n')) {
        return Err(Error::new(Kind::Git, format!("git cannot be asked for {name:?}, which has a newline")));
    }
    let question = names.iter().flat_map(|name| [name.as_str(), "\n"]).collect::<String>();
    let mut reader = repository.reader.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = reader.as_mut().map(|reader| (asked(reader, &question, names.len()), reader.is_stopped()));
    let (answers, said) = match answered {
        Some((Ok(answered), _)) => answered,
        Some((Err(error), is_stopped)) if is_stopped || matches!(error.kind(), Kind::Unreachable | Kind::NoRemote) => {
            *reader = None;
            return Err(error);
        }
        // One that has ended says nothing of the objects: somebody may have killed it.
        Some((Err(_), _)) | None => {
            let new = reader.insert(repository.read("cat-file").arg("--batch").keep()?);
            let answered = asked(new, &question, names.len());
            if answered.is_err() {
                *reader = None;
            }
            answered?
        }
    };
    let objects = cat_file::parse(answers.bytes(), names.len())?;
    // What is broken is answered as if it were not there; only the other stream tells.
    if said.is_empty() || objects.iter().all(Option::is_some) {
        return Ok(objects);
    }
    let unfetched = reader.as_ref().and_then(|reader| reader.unfetched(&said));
    unfetched.or_else(|| damage(&repository.root, &said)).map_or(Ok(objects), Err)
}

/// Whether the process that reads objects has been started, so that a read costs none.
pub(crate) fn are_read(repository: &Repository) -> bool {
    repository.reader.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// The answers of a process that reads objects, and what it wrote to standard error with them.
fn asked(reader: &mut Kept, question: &str, count: usize) -> Result<(Answers, String)> {
    let mut answers = Answers::default();
    let said = reader.ask(question.as_bytes(), |part| answers.add(part) >= count)?;
    Ok((answers, said))
}

/// Reads one object by name; `None` where there is none. As [`load`].
pub(crate) fn load_one(repository: &Repository, name: &str) -> Result<Option<Object>> {
    Ok(load(repository, &[name.to_owned()])?.into_iter().next().flatten())
}

/// The files below the folders `prefix` in a commit or tree, in the order of the tree. As [`load`], unless these were
/// asked for last.
pub(crate) fn list(repository: &Repository, treeish: &Oid, prefix: &[&str]) -> Result<Vec<TreeEntry>> {
    let asked = [&[treeish.as_str()], prefix].concat();
    let mut last = repository.last_list.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, entries)) = last.as_ref()
        && *before == asked
    {
        return Ok(entries.clone());
    }
    let entries = if let Some(entries) = files_below(repository, treeish, prefix)? {
        entries
    } else {
        // What is missing, or no folder, is left to git, which has the words for it.
        let call = repository.read("ls-tree").args(["-r", "-z", "--full-tree", treeish.as_str(), "--"]);
        ls_tree::parse(&call.args(prefix).run()?.stdout)?
    };
    *last = Some((asked.into_iter().map(str::to_owned).collect(), entries.clone()));
    Ok(entries)
}

/// The files below folders, read from their trees; `None` where one of the trees is missing, or is none.
fn files_below(repository: &Repository, treeish: &Oid, prefix: &[&str]) -> Result<Option<Vec<TreeEntry>>> {
    let mut folders: Vec<_> = prefix.iter().map(|folder| format!("{folder}/").into_bytes()).collect();
    folders.sort();
    let names = prefix.iter().map(|folder| format!("{treeish}:{folder}"));
    let mut found = load(repository, &std::iter::once(format!("{treeish}^{{tree}}")).chain(names).collect::<Vec<_>>())?;
    let tops = found.split_off(1);
    let Some(root) = found.pop().flatten() else { return Ok(None) };
    let root = entries_of(&root)?;
    let mut trees = BTreeMap::new();
    let mut top_of = BTreeMap::new();
    for (folder, object) in prefix.iter().zip(tops) {
        let Some(object) = object else {
            // A submodule has a name, and no object here.
            if root.iter().any(|entry| entry.path == folder.as_bytes()) {
                return Ok(None);
            }
            continue;
        };
        if object.kind != ObjectKind::Tree {
            return Ok(None);
        }
        top_of.insert(format!("{folder}/").into_bytes(), object.oid.clone());
        trees.insert(object.oid.clone(), entries_of(&object)?);
    }
    // A level of folders at a time, each tree once.
    loop {
        let below = trees.values().flatten().filter(|entry| entry.mode == FileMode::Tree).map(|entry| &entry.oid);
        let next: BTreeSet<_> = below.filter(|oid| !trees.contains_key(*oid)).map(Oid::to_string).collect();
        if next.is_empty() {
            break;
        }
        for object in load(repository, &next.into_iter().collect::<Vec<_>>())? {
            let Some(object) = object.filter(|object| object.kind == ObjectKind::Tree) else { return Ok(None) };
            trees.insert(object.oid.clone(), entries_of(&object)?);
        }
    }
    let mut files = Vec::new();
    for folder in &folders {
        if let Some(top) = top_of.get(folder) {
            add_files(&trees, top, folder, &mut files);
        }
    }
    Ok(Some(files))
}

/// Adds the files of a tree, and of those below it.
fn add_files(trees: &BTreeMap<Oid, Vec<TreeEntry>>, tree: &Oid, prefix: &[u8], files: &mut Vec<TreeEntry>) {
    for entry in trees.get(tree).into_iter().flatten() {
        let path = [prefix, &entry.path].concat();
        if entry.mode == FileMode::Tree {
            add_files(trees, &entry.oid, &[&path, &b"/"[..]].concat(), files);
        } else {
            files.push(TreeEntry { path, ..entry.clone() });
        }
    }
}

/// The entries of a tree object.
fn entries_of(tree: &Object) -> Result<Vec<TreeEntry>> {
    ls_tree::parse_tree(&tree.data, tree.oid.as_str().len() / 2)
}

/// The names of all objects that are reachable from a commit. One process.
pub(crate) fn names_reachable(repository: &Repository, commit: &Oid) -> Result<BTreeSet<Oid>> {
    let output = repository.read("rev-list").args(["--objects", "--no-object-names", commit.as_str(), "--"]).run()?;
    Ok(output.text().lines().filter_map(Oid::parse).collect())
}

/// The names in a tree object, without those that are not UTF-8; none for an object that is no tree.
pub(crate) fn names_in(object: &Object) -> Result<Vec<String>> {
    if object.kind != ObjectKind::Tree {
        return Ok(Vec::new());
    }
    Ok(entries_of(object)?.iter().filter_map(|entry| entry.path_str().map(str::to_owned)).collect())
}

/// The entries in the root of a commit or tree. As [`load`].
pub(crate) fn root_entries(repository: &Repository, treeish: &Oid) -> Result<Vec<TreeEntry>> {
    let root = load_one(repository, &format!("{treeish}^{{tree}}"))?;
    root.map_or(Ok(Vec::new()), |root| entries_of(&root))
}

/// One change of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A file gets this content (mode 100644).
    Put {
        /// Repository-relative path.
        path: String,
        /// The bytes.
        content: Vec<u8>,
    },
    /// A file gets the content of a blob that exists.
    Take {
        /// Repository-relative path.
        path: String,
        /// Its mode, `100644` and the like.
        mode: String,
        /// The blob.
        oid: Oid,
    },
    /// A file is removed.
    Remove {
        /// Repository-relative path.
        path: String,
    },
    /// A file is moved; its content is not read.
    Rename {
        /// Repository-relative path.
        from: String,
        /// Repository-relative path.
        to: String,
    },
}

impl Edit {
    /// The file that is there afterwards; `None` where one is removed.
    pub(crate) fn written(&self) -> Option<&str> {
        match self {
            Self::Put { path, .. } | Self::Take { path, .. } | Self::Rename { to: path, .. } => Some(path),
            Self::Remove { .. } => None,
        }
    }
}

/// A commit to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewCommit {
    /// The first parent; `None` makes a root commit.
    pub(crate) parent: ParentCommit,
    /// The second parent of a merge.
    pub(crate) merged: Option<Oid>,
    /// The tree to start from; by default that of the first parent.
    pub(crate) tree: Option<Oid>,
    /// The changes of that tree.
    pub(crate) edits: Vec<Edit>,
    /// The whole message.
    pub(crate) message: String,
}

/// The first parent of a new commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParentCommit {
    /// None: a root commit.
    Root,
    /// A commit that exists.
    Commit(Oid),
    /// The commit that is built just before.
    Previous,
}

/// The result of a build: the commits, and the blobs of every [`Edit::Put`], both in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuiltObjects {
    /// The commits.
    pub(crate) commits: Vec<Oid>,
    /// The blobs.
    pub(crate) blobs: Vec<Oid>,
    /// Whether an edit may have removed a file that it does not name: something else than a folder or a file is in its
    /// place.
    pub(crate) may_remove: bool,
}

/// The ref that git-fast-import(1) requires while it builds. A `reset` without `from` drops it before the stream ends,
/// so that git never writes it.
const SCRATCH: &str = "refs/aitask/scratch";

/// Builds commits without a checkout, an index or a ref. One process (and git's own `unpack-objects`).
pub(crate) fn build(repository: &Repository, commits: &[NewCommit]) -> Result<BuiltObjects> {
    let Identities { author, committer } = repository.identities()?;
    let mut stream = Vec::new();
    let mut blobs = 0;
    let edits = || commits.iter().flat_map(|commit| &commit.edits);
    for edit in edits() {
        if let Edit::Put { content, .. } = edit {
            blobs += 1;
            stream.extend(format!("blob\nmark :{blobs}\n").into_bytes());
            data(&mut stream, content);
        }
    }
    let (mut blob, mut mark, mut looked) = (0, blobs, Vec::new());
    for commit in commits {
        if commit.parent != ParentCommit::Previous {
            reset(&mut stream);
        }
        mark += 1;
        stream.extend(format!("commit {SCRATCH}\nmark :{mark}\nauthor {author}\ncommitter {committer}\n").into_bytes());
        data(&mut stream, commit.message.as_bytes());
        if let ParentCommit::Commit(parent) = &commit.parent {
            stream.extend(format!("from {parent}\n").into_bytes());
        }
        if let Some(merged) = &commit.merged {
            stream.extend(format!("merge {merged}\n").into_bytes());
        }
        if let Some(tree) = &commit.tree {
            stream.extend(format!("M 040000 {tree} \"\"\n").into_bytes());
        }
        if commit.tree.is_none() && commit.parent != ParentCommit::Root {
            for place in places(&commit.edits) {
                stream.extend(format!("ls {}\n", quoted(place.path)).into_bytes());
                looked.push(place.is_above);
            }
        }
        for edit in &commit.edits {
            let line = match edit {
                Edit::Put { path, .. } => {
                    blob += 1;
                    format!("M 100644 :{blob} {}\n", quoted(path))
                }
                Edit::Take { path, mode, oid } => format!("M {mode} {oid} {}\n", quoted(path)),
                Edit::Remove { path } => format!("D {}\n", quoted(path)),
                Edit::Rename { from, to } => format!("R {} {}\n", quoted(from), quoted(to)),
            };
            stream.extend(line.into_bytes());
        }
        stream.push(b'\n');
    }
    reset(&mut stream);
    for n in 1..=mark {
        stream.extend(format!("get-mark :{n}\n").into_bytes());
    }
    stream.extend(b"done\n");
    let call = repository.write("fast-import").args(["--quiet", "--done", "--date-format=raw"]).input(stream);
    let text = call.run()?.text();
    let (seen, names): (Vec<_>, Vec<_>) = text.lines().enumerate().partition(|(n, _)| *n < looked.len());
    let is_folder = |line: &str| line.starts_with("040000 ");
    let may_remove = seen.iter().zip(&looked).any(|((_, line), is_above)| {
        if *is_above { !is_folder(line) && !line.starts_with("missing ") } else { is_folder(line) }
    });
    let names = names.into_iter().map(|(_, line)| Oid::parse(line)).collect::<Option<Vec<_>>>().unwrap_or_default();
    if names.len() != mark {
        return Err(Error::new(
            Kind::Git,
            format!("`{}` gave {} names instead of {mark}", call.command_line(), names.len()),
        ));
    }
    let commits = names[blobs..].to_vec();
    Ok(BuiltObjects { commits, blobs: names[..blobs].to_vec(), may_remove })
}

/// A place that edits change or go through.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'e> {
    path: &'e str,
    /// Whether it is a folder above a file that is written, where only a folder may be.
    is_above: bool,
}

/// Where edits may remove what they do not name: a folder in the place of a file, or a file in that of a folder.
fn places(edits: &[Edit]) -> BTreeSet<Place<'_>> {
    let mut places = BTreeSet::new();
    for edit in edits {
        let path = match edit {
            Edit::Put { path, .. } | Edit::Take { path, .. } | Edit::Remove { path } => path,
            Edit::Rename { from, to } => {
                places.insert(Place { path: from, is_above: false });
                to
            }
        };
        places.insert(Place { path, is_above: false });
        let above = path.match_indices('/').map(|(end, _)| Place { path: &path[..end], is_above: true });
        places.extend(above.filter(|_| edit.written().is_some()));
    }
    places
}

/// The tree of a commit without these files, which it may have or not; a folder that is empty then is left out, too. One
/// process, and that of [`load`].
pub(crate) fn tree_without(repository: &Repository, commit: &Oid, gone: &[&str]) -> Result<Oid> {
    let above = |path: &&str| path.match_indices('/').map(|(end, _)| path[..end].to_owned()).collect::<Vec<_>>();
    let folders: BTreeSet<_> = gone.iter().flat_map(above).chain([String::new()]).collect();
    let names = folders.iter().map(|folder| format!("{commit}:{folder}")).collect::<Vec<_>>();
    let found = load(repository, &names)?;
    // What is in the place of these paths: nothing, or another tree.
    let mut changed: BTreeMap<String, Option<Oid>> = gone.iter().map(|path| ((*path).to_owned(), None)).collect();
    let mut writer = repository.write("mktree").args(["-z", "--batch", "--missing"]).keep()?;
    // What is in a folder comes before the folder: its name is longer.
    for (folder, object) in folders.iter().zip(found).rev() {
        let Some(object) = object.filter(|object| object.kind == ObjectKind::Tree) else { continue };
        let (mut lines, prefix) = (Vec::new(), if folder.is_empty() { String::new() } else { format!("{folder}/") });
        for entry in entries_of(&object)? {
            let place = entry.path_str().and_then(|name| changed.get(&format!("{prefix}{name}")));
            let Some(oid) = place.map_or(Some(&entry.oid), Option::as_ref) else { continue };
            let kind = match entry.mode {
                FileMode::Tree => "tree",
                FileMode::Submodule => "commit",
                FileMode::File | FileMode::Executable | FileMode::Symlink => "blob",
            };
            lines.extend(format!("{} {kind} {oid}\t", entry.mode.as_str()).into_bytes());
            lines.extend([&entry.path, &b"\0"[..]].concat());
        }
        if lines.is_empty() && !folder.is_empty() {
            changed.insert(folder.clone(), None);
            continue;
        }
        lines.push(0);
        let mut answer = Vec::new();
        writer.ask(&lines, |part| {
            answer.extend_from_slice(part);
            answer.ends_with(b"\n")
        })?;
        let answer = String::from_utf8_lossy(answer.trim_ascii_end());
        let tree = Oid::parse(&answer).ok_or_else(|| Error::new(Kind::Git, format!("git made no tree: {answer}")))?;
        changed.insert(folder.clone(), Some(tree));
    }
    let root = changed.remove("").flatten();
    root.ok_or_else(|| Error::new(Kind::Git, format!("{commit} has no tree")))
}

/// The files that the new commit of a pair lacks and the old one has; `pairs` has a line `NEW OLD` for each pair. One
/// process.
pub(crate) fn removed(repository: &Repository, pairs: String) -> Result<Vec<Vec<u8>>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let call = repository.read("diff-tree").args(["--stdin", "--no-commit-id", "-r", "-z", "--no-renames"]);
    let output = call.args(["--name-only", "--diff-filter=D"]).input(pairs).run()?;
    Ok(output.stdout.split(|&byte| byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect())
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend(format!("data {}\n", bytes.len()).into_bytes());
    stream.extend(bytes);
    stream.push(b'\n');
}

fn reset(stream: &mut Vec<u8>) {
    stream.extend(format!("reset {SCRATCH}\n\n").into_bytes());
}

/// A path as git-fast-import(1) wants it: in double quotes with C escapes.
fn quoted(path: &str) -> String {
    let mut text = String::from("\"");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text.push('"');
    text
}
