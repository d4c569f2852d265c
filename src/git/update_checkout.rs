//! Updating the checkout of a branch without overwriting changes of the user, and finishing the update when git was
//! killed.
//!
//! git first removes and writes the files, then writes the index, and last, where the update includes it, moves the
//! branch. So where the index still has the old version of a file and the file has the content of the new one, or the
//! beginning of it, git wrote the file; a missing file is written again by git itself. A file that differs from both is
//! the user's and stays.

use super::at_work::{self, AtWorkMarker, WAIT_LIMIT};
use super::checkout::{self, CheckoutNote, CheckoutStep, CheckoutUpdate, UncommittedInput};
use super::leftover_lock::{self, Scope};
use super::marker::{InProgressMarker, Shared};
use super::porcelain::damage::damage;
use super::porcelain::diff_raw::{self, FileDiff};
use super::registry::git_dir;
use super::run::{Call, Output, WITHIN};
use crate::error::{Error, Kind, Result};
use crate::files::records::{self, RecordKind};
use crate::files::{Tree, read_own};
use crate::git::{Oid, Repository};
use crate::interrupt;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// Updates the branch that is checked out at `path` from `old` to `new` with its files, without overwriting changes of
/// the user or ignored files (git-merge(1), `--ff-only`). The `adopted` files are set to their committed content first.
pub(crate) fn fast_forward(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[UncommittedInput],
) -> Result<CheckoutUpdate> {
    update(repository, path, &CheckoutStep { old: old.to_string(), new: new.to_string(), moved: false }, adopted)
}

/// Updates index and files at `path` from `old` to `new` after `HEAD` has moved, without overwriting changes of the
/// user (git-read-tree(1), two-tree merge); call it after [`checkout::refresh`]. The `adopted` files are set to their
/// committed content first. Repeating it changes nothing.
pub(crate) fn follow_head(
    repository: &Repository,
    path: &Path,
    old: &Oid,
    new: &Oid,
    adopted: &[UncommittedInput],
) -> Result<CheckoutUpdate> {
    update(repository, path, &CheckoutStep { old: old.to_string(), new: new.to_string(), moved: true }, adopted)
}

fn update(
    repository: &Repository,
    path: &Path,
    step: &CheckoutStep,
    adopted: &[UncommittedInput],
) -> Result<CheckoutUpdate> {
    if let CheckoutUpdate::Refused(said) = finish(repository, path)? {
        return Ok(CheckoutUpdate::Refused(said));
    }
    let work = CheckoutNote { path: path.to_owned(), step: Some(step.clone()), adopted: adopted.to_vec() };
    let note = AtWorkMarker::leave(repository, path, &work)?;
    match checkout::accept_under_note(repository, path, adopted) {
        Err(error) if step.moved || error.kind() == Kind::Interrupted => return Err(error),
        // Best effort: a file that could not be set prevents the update below, which reports it.
        _ => {}
    }
    let output = step.take(repository, path)?;
    if output.signal.is_some() {
        // [`finish`] waits for every process that has the note locked, so this one must release it.
        drop(note);
        return finish(repository, path);
    }
    if !has_begun(&output) {
        note.clear();
    }
    // It would be no other time.
    damage(path, &output.stderr_text()).map_or_else(|| Ok(outcome(&output)), Err)
}

impl CheckoutStep {
    fn take(&self, repository: &Repository, path: &Path) -> Result<Output> {
        if self.moved {
            let call = repository.git().write(path, "read-tree");
            return super::commit::patiently(&call.args(["-m", "-u", &self.old, &self.new]));
        }
        let call = repository.git().write(path, "merge");
        let call = call.args(["--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures"]);
        call.args(["--no-overwrite-ignore", &self.new]).output()
    }
}

fn outcome(output: &Output) -> CheckoutUpdate {
    let stderr_text = output.stderr_text();
    match output.code {
        Some(0) => CheckoutUpdate::Done,
        _ if stderr_text.contains("fast-forward") || stderr_text.contains("Diverging") => CheckoutUpdate::Diverged,
        // git lists the files below its message; the first of them is kept.
        _ => CheckoutUpdate::Refused(checkout::said(&stderr_text.replacen(":\n\t", ": ", 1))),
    }
}

/// Whether a git that failed may have changed something before.
fn has_begun(output: &Output) -> bool {
    let stderr_text = output.stderr_text();
    let refusals = ["fast-forward", "Diverging", "Aborting", "Cannot merge", "index.lock", "unmerged", "not possible"];
    !output.success() && !refusals.iter().any(|text| stderr_text.contains(text))
}

/// Finishes what every killed git left behind in checkouts and refs. Best effort: what cannot be finished now is tried
/// by the next command.
///
/// # Errors
/// Only [`Kind::Interrupted`].
pub(crate) fn finish_all(repository: &Repository) -> Result<()> {
    // A hook of that git would wait for itself.
    if is_in_hook(repository) {
        return Ok(());
    }
    for file in at_work::files(repository) {
        if file == at_work::refs_file(repository) {
            at_work::unlock_refs(repository, file)?;
            continue;
        }
        match load(&file) {
            Some(work) if at_work::file(repository, &work.path).as_ref() == Some(&file) => {
                if let Err(error) = finish(repository, &work.path)
                    && error.kind() == Kind::Interrupted
                {
                    return Err(error);
                }
            }
            // git had not been started, or its checkout is gone.
            _ => forget_unless_held(file),
        }
    }
    Ok(())
}

fn is_in_hook(repository: &Repository) -> bool {
    repository.git().environment().text(WITHIN).is_some()
}

fn forget_unless_held(file: PathBuf) {
    let is_newer = records::is_newer(&file);
    let mut mark = InProgressMarker::at(file, Shared::WithChildren);
    if !mark.is_held() && !is_newer {
        mark.clear();
    }
}

fn load(file: &Path) -> Option<CheckoutNote> {
    records::decode(&read_own(file).ok()?)
}

/// Finishes what a killed git left behind in the checkout at `path`; [`CheckoutUpdate::Done`] where there is nothing.
fn finish(repository: &Repository, path: &Path) -> Result<CheckoutUpdate> {
    let Some(file) = at_work::file(repository, path).filter(|file| file.exists()) else {
        return Ok(CheckoutUpdate::Done);
    };
    if is_in_hook(repository) {
        return Ok(CheckoutUpdate::Done);
    }
    let mut mark = InProgressMarker::at(file.clone(), Shared::WithChildren);
    let dir = git_dir(path).unwrap_or_default();
    let until = Instant::now() + WAIT_LIMIT;
    // A background process of a hook still has the note locked, but no lock file of git is there.
    while mark.is_held() && (dir.join("index.lock").exists() || dir.join("HEAD.lock").exists()) {
        if Instant::now() > until {
            return Ok(CheckoutUpdate::Refused(format!("a git is still running in {}", path.display())));
        }
        interrupt::pause(interrupt::POLL_INTERVAL)?;
    }
    let begun = file.metadata().and_then(|data| data.modified());
    let (Some(work), Ok(begun)) = (load(&file), begun) else {
        forget_unless_held(file);
        return Ok(CheckoutUpdate::Done);
    };
    mark.set()?;
    let unfinished = Unfinished { repository, path, dir: &dir };
    let outcome = unfinished.finish(&work, begun)?;
    if outcome == CheckoutUpdate::Done {
        mark.clear();
    }
    Ok(outcome)
}

/// A checkout in which git was killed.
#[derive(Clone, Copy)]
struct Unfinished<'u> {
    repository: &'u Repository,
    path: &'u Path,
    dir: &'u Path,
}

impl Unfinished<'_> {
    fn finish(&self, work: &CheckoutNote, begun: SystemTime) -> Result<CheckoutUpdate> {
        let (of_index, of_refs): (Vec<_>, Vec<_>) =
            self.locks().into_iter().partition(|lock| at_work::is_of_index(lock));
        leftover_lock::remove(Scope::Checkout(self.path), &of_index, begun, WAIT_LIMIT)?;
        // A git in any checkout of the repository may hold the lock files of refs.
        leftover_lock::remove(Scope::Repository(&self.repository.common_dir), &of_refs, begun, WAIT_LIMIT)?;
        let head = self.git("rev-parse").args(["--verify", "--quiet", "HEAD"]).output()?.text();
        if let Some(step) = &work.step
            && head != (if step.moved { &step.new } else { &step.old }).as_str()
        {
            // The update was completed, or the user has checked out something else since.
            return Ok(CheckoutUpdate::Done);
        }
        let adopted: Vec<_> = work.adopted.iter().map(|file| file.after_interruption(self.path)).collect();
        match checkout::accept_under_note(self.repository, self.path, &adopted) {
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            // A file that could not be set prevents the update below, which reports it.
            _ => {}
        }
        let Some(step) = &work.step else { return Ok(CheckoutUpdate::Done) };
        // With a refreshed index git need not read the files again.
        checkout::refresh_index(self.repository, self.path)?;
        if let CheckoutUpdate::Refused(said) = self.settle(step)? {
            return Ok(CheckoutUpdate::Refused(said));
        }
        Ok(outcome(&step.take(self.repository, self.path)?))
    }

    /// The lock files that git creates while it updates this checkout.
    fn locks(&self) -> Vec<PathBuf> {
        let head = std::fs::read_to_string(self.dir.join("HEAD")).unwrap_or_default();
        let branch = head.strip_prefix("ref: ").map(|name| format!("{}.lock", name.trim_end()));
        let common = &self.repository.common_dir;
        let refs = branch.into_iter().chain(["packed-refs.lock".to_owned()]).map(|name| common.join(name));
        refs.chain(leftover_lock::inside(self.dir)).collect()
    }

    /// Puts the files that git had written into the index, so that git does not take them for changes of the user.
    fn settle(&self, step: &CheckoutStep) -> Result<CheckoutUpdate> {
        let (Some(old), Some(new)) = (Oid::parse(&step.old), Oid::parse(&step.new)) else {
            return Ok(CheckoutUpdate::Done);
        };
        let beside = self.repository.records().make_folder(RecordKind::Finishing)?;
        self.settle_beside(step, [&old, &new], beside.path())
    }

    fn settle_beside(&self, step: &CheckoutStep, [old, new]: [&Oid; 2], beside: &Path) -> Result<CheckoutUpdate> {
        let written = self.look(step, new, &beside.join("new"))?;
        let spared: Vec<_> = written.iter().map(|file| file.path.as_path()).collect();
        if let Some(file) = checkout::ignored_in_the_way(self.repository, self.path, old, new, &spared)? {
            return Ok(CheckoutUpdate::Refused(format!(
                "{} is ignored there, and would be overwritten",
                file.display()
            )));
        }
        if written.is_empty() {
            return Ok(CheckoutUpdate::Done);
        }
        let lines = index_lines(&written, new);
        let (index, copy) = (self.dir.join("index"), beside.join("copy"));
        let update =
            || self.git("update-index").args(["--add", "--replace", "-z", "--index-info"]).input(lines.clone());
        // Tried on a copy of the index first: nothing is changed where git will refuse in the end.
        std::fs::copy(&index, &copy).map_err(|error| Error::io("copy", &index, &error))?;
        update().env("GIT_INDEX_FILE", &copy).run()?;
        let check = self.git("read-tree").args(["-n", "-m", "-u", &step.old, &step.new]);
        if let CheckoutUpdate::Refused(said) = checkout::forward(&check.env("GIT_INDEX_FILE", &copy))? {
            return Ok(CheckoutUpdate::Refused(said));
        }
        let parts: Vec<_> = written.iter().filter(|file| file.partly).collect();
        if !parts.is_empty() {
            let names: Vec<_> =
                parts.iter().flat_map(|file| [file.path.as_os_str().as_bytes(), b"\0"].concat()).collect();
            let call = self.git("checkout-index").args(["--force", "--quiet", "-z", "--stdin"]).input(names);
            call.env("GIT_INDEX_FILE", beside.join("new")).run()?;
        }
        let output = super::commit::patiently(&update())?;
        if !output.success() {
            return Err(update().failure(&output));
        }
        checkout::refresh_index(self.repository, self.path)?;
        Ok(CheckoutUpdate::Done)
    }

    /// The files that git had written; `index` is the path of a temporary index with the new versions alone.
    fn look(&self, step: &CheckoutStep, anchor: &Oid, index: &Path) -> Result<Vec<Written>> {
        let call = self.git("diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
        let changes = diff_raw::parse(&call.args([&step.old, &step.new]).run()?.stdout)?;
        let new: Vec<_> = changes.iter().filter_map(Written::whole).collect();
        let info = self.git("update-index").args(["--add", "-z", "--index-info"]).input(index_lines(&new, anchor));
        info.env("GIT_INDEX_FILE", index).run()?;
        self.git("update-index").args(["-q", "--refresh"]).env("GIT_INDEX_FILE", index).output()?;
        let differing = |call: Call| -> Result<BTreeMap<PathBuf, FileDiff>> {
            let changes = diff_raw::parse(&call.args(["-z", "--raw", "--no-renames"]).run()?.stdout)?;
            Ok(changes.into_iter().map(|change| (change.path.clone(), change)).collect())
        };
        let from_new = differing(self.git("diff-files").env("GIT_INDEX_FILE", index))?;
        let from_index = differing(self.git("diff-files"))?;
        let staged = differing(self.git("diff-index").args(["--cached", &step.old]))?;
        let is_in_old: BTreeSet<_> =
            changes.iter().filter(|change| change.status != 'A').map(|file| &file.path).collect();
        let mut written = Vec::new();
        for change in changes.iter().filter(|change| !staged.contains_key(&change.path)) {
            let touched = from_index.contains_key(&change.path) || !is_in_old.contains(&change.path);
            match (Written::whole(change), from_new.get(&change.path)) {
                // There is a folder where a file was. The files in it are compared by themselves.
                (None, _) if self.path.join(&change.path).is_dir() => written.extend(Written::gone(change)),
                (Some(file), None) => written.push(file),
                (Some(file), Some(differs)) if touched && differs.status == 'M' && self.is_beginning(&file)? => {
                    written.push(Written { partly: true, ..file });
                }
                (None, _) | (Some(_), Some(_)) => {}
            }
        }
        Ok(written)
    }

    /// Whether the file is the beginning of its new version: git was killed while it wrote it.
    fn is_beginning(&self, file: &Written) -> Result<bool> {
        let place = self.path.join(&file.path);
        let Some(oid) = file.oid.as_ref().filter(|_| place.symlink_metadata().is_ok_and(|data| data.is_file())) else {
            return Ok(false);
        };
        let mut option = std::ffi::OsString::from("--path=");
        option.push(&file.path);
        let whole = self.git("cat-file").arg("--filters").arg(option).arg(oid.as_str()).run()?.stdout;
        let found = Tree::new(self.path).read(&file.path)?;
        Ok(found.len() < whole.len() && whole.starts_with(&found))
    }

    fn git(&self, subcommand: &str) -> Call {
        self.repository.git().write(self.path, subcommand)
    }
}

/// A file as the new commit has it.
#[derive(Debug, Clone)]
struct Written {
    path: PathBuf,
    mode: String,
    /// None where the new commit lacks the file.
    oid: Option<Oid>,
    /// Whether only the beginning of it was written.
    partly: bool,
}

impl Written {
    /// The new version of a changed file. None where the file is removed, and none for a submodule, of which git writes
    /// nothing.
    fn whole(change: &FileDiff) -> Option<Self> {
        let oid = change.new.clone().filter(|_| change.new_mode != "160000")?;
        Some(Self { path: change.path.clone(), mode: change.new_mode.clone(), oid: Some(oid), partly: false })
    }

    fn gone(change: &FileDiff) -> Option<Self> {
        let mode = change.new_mode.clone();
        change.new.is_none().then(|| Self { path: change.path.clone(), mode, oid: None, partly: false })
    }
}

/// The files as `git update-index --index-info` reads them; the null id gets the length of `anchor`.
fn index_lines(files: &[Written], anchor: &Oid) -> Vec<u8> {
    let line = |file: &Written| {
        let oid = file.oid.as_ref().map_or_else(|| anchor.zeros(), ToString::to_string);
        [format!("{} {oid}\t", file.mode).as_bytes(), file.path.as_os_str().as_bytes(), b"\0"].concat()
    };
    files.iter().flat_map(line).collect()
}
