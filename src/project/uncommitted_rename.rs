//! A task file that was renamed in a checkout, where no commit has the rename yet: git shows it as one file that is gone
//! and one that is new. A commit with only one of the two would leave the task with two files, or with none.

use crate::error::{Error, Kind, Result};
use crate::files::{Tree, canonicalize_lenient};
use crate::git::{Repository, worktree};
use crate::project::context::Context;
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
        let tree = Tree::new(dir);
        if tree.is_there(published.as_str()) {
            return Ok(None);
        }
        let Some((folder, _)) = published.as_str().rsplit_once('/') else { return Ok(None) };
        let mut files = tree.names(Path::new(folder)).filter_map(|name| TaskPath::parse(&format!("{folder}/{name}")));
        let Some(here) = files.find(|file| file.id() == published.id()) else { return Ok(None) };
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

    /// Refuses to publish a change of a task file that is renamed in the checkout of the task data: the change would
    /// bring the old name back beside the new one.
    ///
    /// # Errors
    /// [`Kind::Dirty`].
    pub(crate) fn refuse(context: &Context, published: &TaskPath) -> Result<()> {
        let dir = context.data_dir();
        let Some(Self { from, to }) = Self::of_published(&context.repository, &dir, published)? else { return Ok(()) };
        let message = format!("{from} is renamed to {to} in {}, and the rename is not committed", dir.display());
        Err(Error::new(Kind::Dirty, message)
            .hint(command!["git status"].within(&dir).note("commit the rename, then run the command again")))
    }
}
