//! Notes in the git directory of what is being done, so that the same command, given again after it was killed, goes on
//! with it. A note is locked (flock(2)) by the process that left it, and by every git that this starts meanwhile: one that
//! outlives the command keeps it locked.

use crate::error::{Error, Result};
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who holds the lock of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// Every process that is started meanwhile, too: git, which may outlive us.
    WithChildren,
    /// This process alone: a command of the user's may never end.
    No,
}

/// A note.
#[derive(Debug)]
pub(crate) struct InProgressMarker {
    file: PathBuf,
    shared: Shared,
    held: Option<File>,
}

impl InProgressMarker {
    /// The note in this file, there or not.
    pub(crate) fn at(file: PathBuf, shared: Shared) -> Self {
        Self { file, shared, held: None }
    }

    /// Leaves the note, and locks it. What it says already stays.
    pub(crate) fn set(&mut self) -> Result<()> {
        if self.held.is_some() {
            return Ok(());
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let io = |error: std::io::Error| Error::io("write", &self.file, &error);
        std::fs::create_dir_all(folder).map_err(io)?;
        let file = File::options().create(true).write(true).truncate(false).open(&self.file).map_err(io)?;
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

    /// Leaves the note with a text in it.
    pub(crate) fn say(&mut self, text: &[u8]) -> Result<()> {
        self.set()?;
        let Some(file) = &mut self.held else { return Ok(()) };
        file.write_all(text).map_err(|error| Error::io("write", &self.file, &error))
    }

    /// Whether the note is there and says this.
    pub(crate) fn says(&self, text: &[u8]) -> bool {
        crate::files::read_own(&self.file).is_ok_and(|found| found == text)
    }

    /// Whether the note is there, whoever left it.
    pub(crate) fn is_there(&self) -> bool {
        self.file.exists()
    }

    /// Whether somebody is at what the note says.
    pub(crate) fn is_held(&self) -> bool {
        let Ok(file) = File::open(&self.file) else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Takes the note away. Best effort: what it asks for can be done twice.
    pub(crate) fn clear(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        self.held = None;
    }
}

/// Lets every process that is started from now on share the lock of a file, or none. Best effort, as the lock is.
pub(crate) fn share(file: &File, shared: Shared) {
    let flags = match shared {
        Shared::WithChildren => FdFlags::empty(),
        Shared::No => FdFlags::CLOEXEC,
    };
    let _ = fcntl_setfd(file, flags);
}
