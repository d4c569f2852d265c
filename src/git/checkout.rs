//! The state of a checkout: what prevents its update to another commit, and files whose uncommitted content a commit
//! was made from.

use crate::error::{Error, Result};
use crate::files::Tree;
use crate::files::records::{self, RecordKind};
use crate::git::at_work::{AtWorkMarker, noted};
use crate::git::registry::git_dir;
use crate::git::run::Call;
use crate::git::{Oid, Repository, objects};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The result of updating the checkout at `path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CheckoutUpdate {
    /// It is at the commit, or already contained it.
    Done,
    /// Its branch has commits that the target lacks.
    Diverged,
    /// Something of the user would be overwritten; with the reason that git gave.
    Refused(String),
}

/// The update of a checkout that git is making.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct CheckoutStep {
    /// The commit of index and files before.
    pub(super) old: String,
    /// The commit of index and files after.
    pub(super) new: String,
    /// Whether the branch is at `new` already.
    pub(super) moved: bool,
}

/// The content of the note about a checkout ([`AtWorkMarker`]): what a later command needs to finish the update.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct CheckoutNote {
    #[serde(with = "records::path")]
    pub(super) path: PathBuf,
    #[serde(default)]
    pub(super) step: Option<CheckoutStep>,
    #[serde(default)]
    pub(super) adopted: Vec<UncommittedInput>,
}

/// A file of a checkout whose uncommitted content a commit was made from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct UncommittedInput {
    /// The path in the checkout.
    pub(crate) path: String,
    /// The blob in the commit; none where the commit removes the file.
    pub(crate) oid: Option<String>,
    /// The content when the commit was made. A file that has other content now was changed by the user since, and is
    /// left alone.
    pub(crate) seen: Option<Vec<u8>>,
}

impl UncommittedInput {
    /// The file with its present content in the checkout at `dir`.
    pub(crate) fn read(dir: &Path, path: &str, oid: Option<&Oid>) -> Self {
        Self { path: path.to_owned(), oid: oid.map(ToString::to_string), seen: Tree::new(dir).read(path).ok() }
    }

    /// The same file for a command that finishes an interrupted update: where the file is missing, git had removed it
    /// and was killed before it wrote it again.
    pub(super) fn after_interruption(&self, dir: &Path) -> Self {
        let is_there = dir.join(&self.path).symlink_metadata().is_ok();
        Self { seen: self.seen.clone().filter(|_| is_there), ..self.clone() }
    }

    fn is_unchanged(&self, dir: &Path) -> bool {
        Tree::new(dir).read(&self.path).ok() == self.seen
    }
}

/// Whether [`follow_head`](super::update_checkout::follow_head) would succeed from `old` to `new` after
/// [`accept_committed`]; changes nothing. `written` names the files that `new` has and `old` lacks or has otherwise,
/// where that is known.
pub(crate) fn can_follow_head(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[UncommittedInput],
    written: Option<&[String]>,
) -> Result<CheckoutUpdate> {
    let stands = |name: &String| {
        let name = Path::new(name);
        !adopted.iter().any(|file| Path::new(&file.path) == name)
            && name.ancestors().any(|at| stands_at(path, name, at))
    };
    let spared: Vec<_> = adopted.iter().map(|file| Path::new(&file.path)).collect();
    if written.is_none_or(|written| written.iter().any(stands))
        && let Some(file) = ignored_in_the_way(repository, path, old, new, &spared)?
    {
        return Ok(CheckoutUpdate::Refused(format!("{} is ignored there, and would be overwritten", file.display())));
    }
    // A file that is to be removed still exists. Compared with a tree that never had it, git does not count it as something
    // that would be lost. The tree is made before the note, whose lock goes to every process that is started meanwhile, and
    // so to the one that reads objects until the command ends.
    let gone: Vec<_> = adopted.iter().filter(|file| file.oid.is_none()).map(|file| file.path.as_str()).collect();
    let old = if gone.is_empty() { old.clone() } else { objects::tree_without(repository, old, &gone)? };
    noted(repository, path, || match try_to_follow_head(repository, path, &old, new, adopted)? {
        CheckoutUpdate::Refused(_) => {
            refresh_index(repository, path)?;
            try_to_follow_head(repository, path, &old, new, adopted)
        }
        done => Ok(done),
    })
}

/// Whether there is something at `at`, below `path`, that is `name` itself or is not a folder on the way to it.
fn stands_at(path: &Path, name: &Path, at: &Path) -> bool {
    path.join(at).symlink_metadata().is_ok_and(|data| at == name || !data.is_dir()) && !at.as_os_str().is_empty()
}

fn try_to_follow_head(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[UncommittedInput],
) -> Result<CheckoutUpdate> {
    let check = repository.git().write(path, "read-tree").args(["-n", "-m", "-u", old.as_str(), new.as_str()]);
    if adopted.is_empty() {
        return forward(&check);
    }
    let index = git_dir(path).unwrap_or_default().join("index");
    let dir = repository.records().make_folder(RecordKind::Check)?;
    let copy = dir.path().join("index");
    std::fs::copy(&index, &copy).map_err(|error| Error::io("copy", &index, &error))?;
    stage_committed(repository, path, adopted).env("GIT_INDEX_FILE", &copy).run()?;
    forward(&check.env("GIT_INDEX_FILE", &copy))
}

/// A file at `path` that git ignores and that an update from `old` to `new` would overwrite, except those in `spared`.
/// git-read-tree(1), unlike git-merge(1), has no option to refuse that, so it is checked here.
pub(super) fn ignored_in_the_way(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    spared: &[&Path],
) -> Result<Option<PathBuf>> {
    let git = |name: &str| repository.git().read(path, name).env("GIT_LITERAL_PATHSPECS", "1");
    let call = git("diff-tree").args(["-r", "-z", "--name-only", "--no-renames", "--diff-filter=A"]);
    let added = call.args([old.as_str(), new.as_str()]).run()?.stdout;
    let names = |bytes: &[u8]| -> Vec<PathBuf> {
        let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
    };
    let standing: BTreeSet<_> = names(&added)
        .iter()
        .filter(|name| !spared.contains(&name.as_path()))
        .filter_map(|name| name.ancestors().filter(|at| stands_at(path, name, at)).last().map(Path::to_owned))
        .collect();
    if standing.is_empty() {
        return Ok(None);
    }
    let call = git("ls-files").args(["-z", "--others", "--ignored", "--exclude-standard", "--"]).args(standing);
    Ok(names(&call.run()?.stdout).into_iter().next())
}

/// Sets index and files to the committed blobs, except for files whose content was changed since it was read.
pub(crate) fn accept_committed(repository: &Repository, path: &Path, files: &[UncommittedInput]) -> Result<()> {
    if !files.iter().any(|file| file.is_unchanged(path)) {
        return Ok(());
    }
    let note = AtWorkMarker::leave(
        repository,
        path,
        &CheckoutNote { path: path.to_owned(), step: None, adopted: files.to_vec() },
    )?;
    accept_under_note(repository, path, files)?;
    note.clear();
    Ok(())
}

/// [`accept_committed`] within a note that the caller has written.
pub(super) fn accept_under_note(repository: &Repository, path: &Path, files: &[UncommittedInput]) -> Result<()> {
    let files: Vec<_> = files.iter().filter(|file| file.is_unchanged(path)).cloned().collect();
    if files.is_empty() {
        return Ok(());
    }
    let call = stage_committed(repository, path, &files);
    let output = super::commit::patiently(&call)?;
    if !output.success() {
        return Err(call.failure(&output));
    }
    let (content, gone): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.oid.is_some());
    for file in gone {
        Tree::new(path).remove(&file.path)?;
    }
    if content.is_empty() {
        return Ok(());
    }
    let names = content.iter().map(|file| &file.path);
    repository.git().write(path, "checkout-index").args(["-f", "-q", "-u", "--"]).args(names).run().map(drop)
}

fn stage_committed(repository: &Repository, path: &Path, files: &[UncommittedInput]) -> Call {
    let content = files.iter().filter_map(|file| Some((&file.path, file.oid.as_ref()?)));
    let content = content.flat_map(|(name, oid)| ["--cacheinfo".to_owned(), format!("100644,{oid},{name}")]);
    let gone = files.iter().filter(|file| file.oid.is_none()).map(|file| &file.path);
    let call = repository.git().write(path, "update-index").arg("--add").args(content);
    call.args(["--force-remove", "--"]).args(gone)
}

/// Refreshes the index, best effort: otherwise a file whose time stamp alone has changed counts as changed.
pub(crate) fn refresh(repository: &Repository, path: &Path) -> Result<()> {
    noted(repository, path, || refresh_index(repository, path))
}

/// [`refresh`] within a note that the caller has written.
pub(super) fn refresh_index(repository: &Repository, path: &Path) -> Result<()> {
    repository.git().write(path, "update-index").args(["-q", "--refresh"]).output().map(drop)
}

/// Runs a git that makes the update or refuses it.
pub(super) fn forward(call: &Call) -> Result<CheckoutUpdate> {
    let output = super::commit::patiently(call)?;
    Ok(if output.success() { CheckoutUpdate::Done } else { CheckoutUpdate::Refused(said(&output.stderr_text())) })
}

/// The message of git, without its prefix, for a sentence of this program.
pub(super) fn said(stderr_text: &str) -> String {
    stderr_text.strip_prefix("error: ").unwrap_or(stderr_text).to_owned()
}
