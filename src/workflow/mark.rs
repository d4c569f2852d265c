//! Notes in the git directory of what is being done to a worktree, so that the same command, given again after it was
//! killed, goes on with it. A note is locked (flock(2)) by the process that left it, and by every git that this starts
//! meanwhile: one that outlives the command keeps it locked.

use crate::error::{Error, Result};
use crate::git::Repository;
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

/// A note about one worktree.
#[derive(Debug)]
pub(super) struct Mark {
    file: PathBuf,
    /// Whether what is started meanwhile shares the lock: git does, a command of the user's may never end.
    shared: bool,
    held: Option<File>,
}

impl Mark {
    /// The note that git is making the worktree of this name.
    pub(super) fn making(repository: &Repository, name: &str) -> Self {
        Self::new(repository, "making", true, name)
    }

    /// The note that the worktree of this name is being made ready to work in.
    pub(super) fn furnishing(repository: &Repository, name: &str) -> Self {
        Self::new(repository, "furnishing", false, name)
    }

    /// The note that the worktree of this name is being removed.
    pub(super) fn removing(repository: &Repository, name: &str) -> Self {
        Self::new(repository, "removing", true, name)
    }

    fn new(repository: &Repository, what: &str, shared: bool, name: &str) -> Self {
        Self { file: repository.common_dir.join("aitask").join(format!("{what}-{name}")), shared, held: None }
    }

    /// Leaves the note.
    pub(super) fn set(&mut self, repository: &Repository) -> Result<()> {
        if self.held.is_some() {
            return Ok(());
        }
        repository.private_dir()?;
        let file = File::options().create(true).write(true).truncate(false).open(&self.file);
        let file = file.map_err(|error| Error::io("write", &self.file, &error))?;
        for _ in 0..10 {
            // Whoever looks whether it is locked has it locked for that moment.
            if file.try_lock().is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        share(&file, self.shared);
        self.held = Some(file);
        Ok(())
    }

    /// Leaves the note with this text in it, in the place of what it said.
    pub(super) fn say(&mut self, repository: &Repository, text: &[u8]) -> Result<()> {
        self.set(repository)?;
        std::fs::write(&self.file, text).map_err(|error| Error::io("write", &self.file, &error))
    }

    /// Whether the note is there and says this.
    pub(super) fn says(&self, text: &[u8]) -> bool {
        std::fs::read(&self.file).is_ok_and(|found| found == text)
    }

    /// Whether the note is there, whoever left it.
    pub(super) fn is_there(&self) -> bool {
        self.file.exists()
    }

    /// Whether somebody is at what the note says.
    pub(super) fn is_held(&self) -> bool {
        let Ok(file) = File::open(&self.file) else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Takes the note away. Best effort: what it asks for can be done twice.
    pub(super) fn clear(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        self.held = None;
    }
}

/// Lets every process that is started from now on share the lock of a file, or none. Best effort, as the lock is.
pub(super) fn share(file: &File, shared: bool) {
    let flags = if shared { FdFlags::empty() } else { FdFlags::CLOEXEC };
    let _ = fcntl_setfd(file, flags);
}
