//! What the files of git say of refs (gitrepository-layout(5)), read without running git: a ref is a file below `refs`, or
//! a line of `packed-refs`. Only what is plain is answered. A symbolic ref, a link, refs in another format and whatever is
//! damaged are left to git, which knows what to make of them, and has the words for it.

use crate::git::registry::git_dir;
use crate::git::{Oid, RefName, Repository};
use std::collections::BTreeMap;
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

/// All refs whose names begin with `prefix`, each with its object where that is plain; `None` where only git can tell which
/// there are.
pub(super) fn list(repository: &Repository, prefix: &str) -> Option<BTreeMap<RefName, Option<Oid>>> {
    let digits = digits(repository)?;
    let mut loose = BTreeMap::new();
    let folder = &prefix[..=prefix.rfind('/')?];
    walk(&repository.common_dir.join(folder), folder, &mut |name, path| {
        if let Some(name) = RefName::parse(name).filter(|_| name.starts_with(prefix)) {
            // One that is gone by now is left to git, too.
            loose.insert(name, self::loose(path, digits).ok().flatten());
        }
    })?;
    let packed = packed(repository, digits, |name| name.starts_with(prefix))?;
    let mut found: BTreeMap<_, _> = packed.into_iter().map(|(name, oid)| (name, Some(oid))).collect();
    found.append(&mut loose);
    Some(found)
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
pub(super) fn is_reftable(repository: &Repository) -> bool {
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

/// Tells of each file below a folder of refs, with the name of its ref.
fn walk(folder: &Path, prefix: &str, each: &mut dyn FnMut(&str, &Path)) -> Option<()> {
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
            walk(&entry.path(), &format!("{name}/"), each)?;
        } else {
            each(&name, &entry.path());
        }
    }
    Some(())
}
