//! Notes in the git directory of what is being done to a task's worktree, so that the same command, given again after it
//! was killed, goes on with it.

use crate::error::{Error, Result};
use crate::git::Repository;
use crate::ledger::liveness::{Anchor, Liveness};
use std::path::{Path, PathBuf};

/// A note about one worktree.
#[derive(Debug)]
pub(super) struct Mark {
    file: PathBuf,
}

impl Mark {
    /// The note that the worktree at `path` is being made ready to work in.
    pub(super) fn furnishing(repository: &Repository, path: &Path) -> Self {
        Self::new(repository, "furnishing", path)
    }

    /// The note that the worktree at `path` is being removed.
    pub(super) fn removing(repository: &Repository, path: &Path) -> Self {
        Self::new(repository, "removing", path)
    }

    fn new(repository: &Repository, what: &str, path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self { file: repository.common_dir.join("aitask").join(format!("{what}-{name}")) }
    }

    /// Leaves the note, with the process that is at it.
    pub(super) fn set(&self, repository: &Repository) -> Result<()> {
        repository.private_dir()?;
        let json = serde_json::to_vec(&Anchor::of_process(repository, std::process::id())).unwrap_or_default();
        std::fs::write(&self.file, json).map_err(|error| Error::io("write", &self.file, &error))
    }

    /// Whether the note was left by a process that has gone since.
    pub(super) fn is_left(&self, repository: &Repository) -> bool {
        let Ok(json) = std::fs::read(&self.file) else { return false };
        let anchor: Option<Anchor> = serde_json::from_slice(&json).unwrap_or_default();
        anchor.is_none_or(|anchor| anchor.liveness(repository) == Liveness::Dead)
    }

    /// Takes the note away. Best effort: what it asks for can be done twice.
    pub(super) fn clear(&self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
