//! What the files of git say of refs (gitrepository-layout(5)), read without running git: a ref is a file below `refs`, or
//! a line of `packed-refs`. Only what is plain is answered. A symbolic ref, a link, refs in another format and whatever is
//! damaged are left to git, which knows what to make of them, and has the words for it.

use crate::git::registry::git_dir;
use crate::git::{Oid, RefName, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;

/// The refs among `names` that exist, with their objects; `None` where only git can tell.
pub(super) fn load(repository: &Repository, names: &[RefName]) -> Option<BTreeMap<RefName, Oid>> {
    let digits = digits(repository)?;
    let (mut found, mut others) = (BTreeMap::new(), Vec::new());
    // In this order, as git reads them: a ref that is packed meanwhile is in `packed-refs` before its file is gone.
    for name in names {
        match loose(&repository.common_dir.join(name.as_str()), digits).ok()? {
            Some(oid) => drop(found.insert(name.clone(), oid)),
            None => others.push(name),
        }
    }
    let is_asked = |name: &str| others.iter().any(|other| other.as_str() == name);
    if !others.is_empty() {
        found.extend(packed(repository, digits, is_asked)?);
    }
    Some(found)
}

/// All refs that begin with `prefix`, which ends with a slash, with their objects; `None` where only git can tell.
pub(super) fn load_below(repository: &Repository, prefix: &str) -> Option<BTreeMap<RefName, Oid>> {
    let digits = digits(repository)?;
    let mut loose = BTreeMap::new();
    walk(&repository.common_dir.join(prefix), prefix, digits, &mut loose)?;
    let mut found = packed(repository, digits, |name| name.starts_with(prefix))?;
    found.append(&mut loose);
    Some(found)
}

/// Whether a ref may exist: false only when the files of git say so.
pub(crate) fn may_exist(repository: &Repository, name: &RefName) -> bool {
    let dir = &repository.common_dir;
    let ending = format!(" {name}");
    let packed = || std::fs::read(dir.join("packed-refs")).unwrap_or_default();
    is_reftable(repository)
        || dir.join(name.as_str()).exists()
        || packed().split(|&byte| byte == b'\n').any(|line| line.ends_with(ending.as_bytes()))
}

/// The refs right below `prefix`, which ends with a slash; `None` where the files of git do not say it.
pub(crate) fn by_files_below(repository: &Repository, prefix: &str) -> Option<BTreeSet<RefName>> {
    if is_reftable(repository) {
        return None;
    }
    let dir = &repository.common_dir;
    let packed = std::fs::read(dir.join("packed-refs")).unwrap_or_default();
    let packed = packed.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b' ').nth(1));
    let packed = packed.filter_map(|name| RefName::parse(std::str::from_utf8(name).ok()?));
    let entries = std::fs::read_dir(dir.join(prefix)).into_iter().flatten().flatten();
    let loose = entries.filter_map(|entry| RefName::parse(&format!("{prefix}{}", entry.file_name().to_str()?)));
    Some(packed.filter(|name| name.as_str().starts_with(prefix)).chain(loose).collect())
}

/// The commit of a ref that has a file of its own.
pub(crate) fn by_file(repository: &Repository, name: &RefName) -> Option<Oid> {
    Oid::parse(std::fs::read_to_string(repository.common_dir.join(name.as_str())).ok()?.trim_end())
}

/// The commit of the branch that is checked out in `dir`, and the branch; `None` where only git can tell, as for a detached
/// `HEAD`.
pub(super) fn head(repository: &Repository, dir: &Path) -> Option<(Oid, RefName)> {
    let top = dir.ancestors().find(|at| at.join(".git").exists())?;
    let git_dir = git_dir(top)?;
    // That of another repository, as of a submodule, has refs of its own.
    if git_dir != repository.common_dir && git_dir.parent()? != repository.common_dir.join("worktrees") {
        return None;
    }
    let head = git_dir.join("HEAD");
    head.symlink_metadata().ok().filter(Metadata::is_file)?;
    let name = RefName::parse(std::fs::read_to_string(head).ok()?.strip_prefix("ref: ")?.strip_suffix('\n')?)?;
    Some((load(repository, std::slice::from_ref(&name))?.remove(&name)?, name))
}

/// Whether the refs are not in files of their own.
pub(crate) fn is_reftable(repository: &Repository) -> bool {
    repository.common_dir.join("reftable").exists()
}

/// How many digits an object name has, where the refs are in files of their own.
fn digits(repository: &Repository) -> Option<usize> {
    let format = repository.config().last("extensions.refstorage");
    if matches!(format, None | Some("files")) && !is_reftable(repository) { repository.digits() } else { None }
}

/// The files of git do not say it plainly.
struct OnlyGit;

/// What the file of a ref says; `None` where there is none.
fn loose(path: &Path, digits: usize) -> Result<Option<Oid>, OnlyGit> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => {}
        // A folder of the refs below this name.
        Ok(found) if found.is_dir() => return Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Ok(_) | Err(_) => return Err(OnlyGit),
    }
    let text = std::fs::read_to_string(path).map_err(|_| OnlyGit)?;
    let oid = text.strip_suffix('\n').and_then(Oid::parse).filter(|oid| oid.as_str().len() == digits);
    oid.map(Some).ok_or(OnlyGit)
}

/// The refs in `packed-refs` that `is_asked` names.
fn packed(repository: &Repository, digits: usize, is_asked: impl Fn(&str) -> bool) -> Option<BTreeMap<RefName, Oid>> {
    let text = match std::fs::read(repository.common_dir.join("packed-refs")) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(BTreeMap::new()),
        Err(_) => return None,
    };
    let mut found = BTreeMap::new();
    if text.is_empty() {
        return Some(found);
    }
    for line in text.strip_suffix(b"\n")?.split(|&byte| byte == b'\n') {
        // The header, and what the annotated tag of the line before leads to.
        if matches!(line.first(), Some(b'#' | b'^')) {
            continue;
        }
        let (oid, name) = line.split_at_checked(digits)?;
        let Ok(name) = std::str::from_utf8(name.strip_prefix(b" ")?) else { continue };
        if is_asked(name)
            && let Some(name) = RefName::parse(name)
        {
            found.insert(name, Oid::parse(std::str::from_utf8(oid).ok()?)?);
        }
    }
    Some(found)
}

/// Adds the refs that have a file below a folder.
fn walk(folder: &Path, prefix: &str, digits: usize, found: &mut BTreeMap<RefName, Oid>) -> Option<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Some(()),
        Err(_) => return None,
    };
    for entry in entries {
        let entry = entry.ok()?;
        // As where git is asked, a name that no ref of this program can have is left out.
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { continue };
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type().ok()?.is_dir() && !is_hidden {
            walk(&entry.path(), &format!("{name}/"), digits, found)?;
        } else if let Some(name) = RefName::parse(&name) {
            // One that is gone by now is left to git, too.
            found.insert(name, loose(&entry.path(), digits).ok()??);
        }
    }
    Some(())
}
