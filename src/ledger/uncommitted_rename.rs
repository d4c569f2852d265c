//! A task file that was renamed in a checkout, where no commit has the rename yet: git shows it as one file that is gone
//! and one that is new. A commit with only one of the two would leave the task with two files, or with none.

use crate::error::{Error, Kind, Result};
use crate::files::{Tree, canonicalize_lenient};
use crate::git::porcelain::diff_raw;
use crate::git::{Oid, Repository, worktree};
use crate::ledger::plan::BranchPlan;
use crate::ledger::{Edit, Ledger, Plan};
use crate::task::{TaskPath, paths};
use std::path::Path;

/// The rename of a task file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UncommittedRename {
    /// The file in the last commit.
    pub(crate) from: TaskPath,
    /// The file in the checkout.
    pub(crate) to: TaskPath,
}

impl UncommittedRename {
    /// The rename of a published task file in the checkout of the project in `dir`. No process where the checkout has
    /// the file, or no other one with its id.
    ///
    /// # Errors
    /// [`Kind::Dirty`] where the file got one name here and another one in the commits that were published since.
    pub(crate) fn of_published(repository: &Repository, dir: &Path, published: &TaskPath) -> Result<Option<Self>> {
        if Tree::new(dir).is_there(published.as_str()) {
            return Ok(None);
        }
        let Some(here) = same_task(dir, published).next() else { return Ok(None) };
        match Self::of_file(repository, dir, &here)? {
            Some(Self { from, .. }) if from != *published => {
                let message = format!("{from} is renamed to {here} here, and to {published} elsewhere");
                Err(Error::new(Kind::Dirty, message).hint(command!["mv", here, from].within(dir)))
            }
            rename => Ok(rename),
        }
    }

    /// The rename that gave an active task file its name. One process.
    pub(crate) fn of_file(repository: &Repository, dir: &Path, here: &TaskPath) -> Result<Option<Self>> {
        let status = worktree::changes_below(repository, dir, &[paths::TASKS_DIR])?;
        // A checkout of the task data alone has its own top.
        let is_top = dir.join(".git").exists();
        let (dir, top) = (canonicalize_lenient(dir), canonicalize_lenient(&repository.toplevel));
        let home = dir.strip_prefix(&top).ok().filter(|_| !is_top).unwrap_or(Path::new(""));
        let files = status.entries.iter().filter_map(|entry| {
            let path = TaskPath::parse(entry.path.strip_prefix(home).ok()?.to_str()?)?;
            (path.id() == here.id() && !path.is_archived()).then_some((entry.code, path))
        });
        let (mut from, mut is_new) = (None, false);
        for (code, path) in files {
            match code {
                ['?' | 'A', _] => is_new |= path == *here,
                code if code.contains(&'D') => from = Some(path),
                _ => {}
            }
        }
        Ok(from.filter(|_| is_new).map(|from| Self { from, to: here.clone() }))
    }

    /// Refuses a plan that changes a published task file which is renamed in the checkout of its branch, unless the plan
    /// takes the rename in: the change would bring the old name back beside the new one. A process only where such a
    /// file is missing from the checkout.
    ///
    /// # Errors
    /// [`Kind::Dirty`].
    pub(super) fn refuse(ledger: &Ledger<'_>, plan: &Plan) -> Result<()> {
        for BranchPlan { branch, steps, .. } in &plan.branches {
            let edits = steps.iter().flat_map(|step| &step.edits);
            let changed: Vec<_> = edits.filter_map(|edit| changed_file(edit, plan)).collect();
            let at = if changed.is_empty() { None } else { ledger.checkout_of(branch)? };
            let Some(dir) = at else { continue };
            for (home, file) in changed {
                let dir = dir.join(home);
                let Some(Self { from, to }) = Self::of_published(ledger.repository, &dir, &file)? else { continue };
                let message =
                    format!("{from} is renamed to {to} in {}, and the rename is not committed", dir.display());
                return Err(Error::new(Kind::Dirty, message)
                    .hint(command!["git status"].within(&dir).note("commit the rename, then run the command again")));
            }
        }
        Ok(())
    }
}

/// An active task file that the edit changes or removes, and the folder of the project that it is in.
fn changed_file<'e>(edit: &'e Edit, plan: &Plan) -> Option<(&'e str, TaskPath)> {
    let (Edit::Put { path, .. } | Edit::Remove { path } | Edit::Rename { from: path, .. } | Edit::Take { path, .. }) =
        edit;
    let (home, file) = task_file(path)?;
    (!file.is_archived() && !plan.adopt.contains(path)).then_some((home, file))
}

/// Why the checkout at `dir` cannot be updated from `local` to `target`: a task file has a new name there, and was
/// changed, moved or removed in between, so that there would be two files of one task. One process.
pub(crate) fn in_the_way(repository: &Repository, dir: &Path, local: &Oid, target: &Oid) -> Result<Option<String>> {
    let call = repository.git().read(dir, "diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
    let changes = diff_raw::parse(&call.args([local.as_str(), target.as_str()]).run()?.stdout)?;
    let changes_too = |path: &Path| changes.iter().any(|change| change.path == path);
    for there in changes.iter().filter(|change| !dir.join(&change.path).exists()) {
        let Some((home, file)) = there.path.to_str().and_then(task_file) else { continue };
        let here = same_task(&dir.join(home), &file).find(|here| !changes_too(&Path::new(home).join(here.as_str())));
        if let Some(here) = here {
            return Ok(Some(format!("{file} has the name {here} here, which is not committed")));
        }
    }
    Ok(None)
}

/// The active files of the same task in a checkout.
fn same_task(dir: &Path, file: &TaskPath) -> impl Iterator<Item = TaskPath> {
    let folder = file.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = folder.replacen(paths::ARCHIVED_TASKS_DIR, paths::TASKS_DIR, 1);
    let names: Vec<_> = Tree::new(dir).names(Path::new(&folder)).collect();
    let files = names.into_iter().filter_map(move |name| TaskPath::parse(&format!("{folder}/{name}")));
    files.filter(|other| other.id() == file.id())
}

/// A task file, after the folder of its project, which is empty or ends in a slash.
fn task_file(path: &str) -> Option<(&str, TaskPath)> {
    let (home, file) = path.split_at(path.rfind(paths::TASKS_DIR)?);
    (home.is_empty() || home.ends_with('/')).then(|| TaskPath::parse(file).map(|file| (home, file))).flatten()
}
