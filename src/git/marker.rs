//! Notes in the git directory about work in progress, so that the same command, run again after it was killed,
//! continues the work. A note is locked (flock(2)) by the process that wrote it and, where it is shared, by every git
//! that this process starts: a git that outlives its command keeps the note locked until it ends.

use crate::error::{Error, Result};
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the lock of a new note is tried, and the pause between: a process that tests the lock holds it for microseconds.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// The processes that hold the lock of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// This process and every process that it starts meanwhile: git may outlive it.
    WithChildren,
    /// This process alone: a command of the user that is started meanwhile may never end.
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
    /// The note with this file, whether it exists or not.
    pub(crate) fn at(file: PathBuf, shared: Shared) -> Self {
        Self { file, shared, held: None }
    }

    /// Writes the note and locks it. Its content, if any, stays.
    pub(crate) fn set(&mut self) -> Result<()> {
        if self.held.is_some() {
            return Ok(());
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let io = |error: std::io::Error| Error::io("write", &self.file, &error);
        std::fs::create_dir_all(folder).map_err(io)?;
        let file = File::options().create(true).write(true).truncate(false).open(&self.file).map_err(io)?;
        for _ in 0..LOCK_TRIES {
            // A process that tests the lock holds it for that moment, so it is tried again. Without the lock the note
            // still works, but another command would take this one for killed.
            if file.try_lock().is_ok() {
                break;
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        share(&file, self.shared);
        self.held = Some(file);
        Ok(())
    }

    /// Writes the note with this content.
    pub(crate) fn say(&mut self, text: &[u8]) -> Result<()> {
        self.set()?;
        let Some(file) = &mut self.held else { return Ok(()) };
        file.write_all(text).map_err(|error| Error::io("write", &self.file, &error))
    }

    /// Whether the note exists and has this content.
    pub(crate) fn says(&self, text: &[u8]) -> bool {
        crate::files::read_own(&self.file).is_ok_and(|found| found == text)
    }

    /// Whether the note exists, whichever process wrote it.
    pub(crate) fn is_there(&self) -> bool {
        self.file.exists()
    }

    /// Whether a process has the note locked.
    pub(crate) fn is_held(&self) -> bool {
        let Ok(file) = File::open(&self.file) else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Removes the note. Best effort: what a remaining note asks for can be repeated without harm.
    pub(crate) fn clear(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        self.held = None;
    }
}

/// Makes processes that are started from now on share the lock of a file, or not. Best effort, as the lock is.
pub(crate) fn share(file: &File, shared: Shared) {
    let flags = match shared {
        Shared::WithChildren => FdFlags::empty(),
        Shared::No => FdFlags::CLOEXEC,
    };
    let _ = fcntl_setfd(file, flags);
}
