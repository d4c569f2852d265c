//! Removing temporary worktrees and records that killed commands left behind.

use crate::error::{Error, Result};
use crate::files::canonicalize_lenient;
use crate::files::records::{Location, RecordKind};
use crate::git::{Repository, worktree};
use crate::settings::Environment;
use std::fs::File;
use std::path::Path;

/// The beginning of the names of the folders; the purpose and random characters follow.
pub(crate) const PREFIX: &str = "git-aitask-";

/// Whether the name of a folder is that of a temporary worktree for a purpose.
pub(crate) fn is_folder_for(purpose: &str, folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix(PREFIX).and_then(|name| name.strip_prefix(purpose)).is_some_and(|name| name.starts_with('-'))
}

/// Whether the files of a folder can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// By their owner.
    Allowed,
    /// Not even by their owner.
    Refused,
}

/// Removes the write permission of every file and folder, without following links; or restores it.
pub(crate) fn seal(path: &Path, writing: Writing) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let sealed = writing == Writing::Refused;
    let io = |error: std::io::Error| Error::io("change the permissions of", path, &error);
    let data = path.symlink_metadata().map_err(io)?;
    if data.file_type().is_symlink() {
        return Ok(());
    }
    let set = || {
        let mode = data.permissions().mode();
        let mode = if sealed { mode & !0o222 } else { mode | 0o200 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(io)
    };
    if !data.is_dir() {
        return if sealed { set() } else { Ok(()) };
    }
    if !sealed {
        set()?;
    }
    for entry in std::fs::read_dir(path).map_err(io)? {
        seal(&entry.map_err(io)?.path(), writing)?;
    }
    if sealed { set() } else { Ok(()) }
}

/// Removes worktree, folder and note; what is missing is gone already.
pub(crate) fn remove(repository: &Repository, note: &Path, folder: &Path) -> Result<()> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder, &error)),
        _ => Ok(()),
    };
    let _ = seal(folder, Writing::Allowed);
    // The files are removed first, and not by git, which would follow a link that was put in the place of the worktree.
    gone(std::fs::remove_dir_all(folder))?;
    let real = canonicalize_lenient(folder);
    for record in worktree::list(repository)? {
        if record.path.starts_with(folder) || record.path.starts_with(&real) {
            // This also removes one that git had locked because it was killed while it made it.
            worktree::remove_cut_off(repository, &record.path)?;
        }
    }
    gone(std::fs::remove_file(note))
}

/// Removes what killed commands left behind, and records that are too old. It reads six folders when there is
/// nothing.
pub(crate) fn sweep(repository: &Repository) {
    let records = repository.records();
    records.sweep();
    // Places in line of processes that are gone.
    for name in records.names(RecordKind::Landing) {
        if File::open(records.path(RecordKind::Landing, &name)).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = records.forget(RecordKind::Landing, &name);
        }
    }
    for name in records.names(RecordKind::Scratch) {
        let note = records.path(RecordKind::Scratch, &name);
        let Ok(file) = File::open(&note) else { continue };
        let left = file.try_lock().is_ok();
        let Some(Location { path: folder }) = records.load(RecordKind::Scratch, &name) else {
            if left {
                // It was cut off before it named a folder.
                let _ = records.forget(RecordKind::Scratch, &name);
            }
            continue;
        };
        let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if left && ours {
            // Best effort: what cannot be removed now is tried by the next command.
            let _ = remove(repository, &note, &folder);
        }
    }
}

/// A variable that is set within `explore`; verbs that would change code or pick a task refuse then.
pub(crate) const VARIABLE: &str = "GIT_AITASK_EXPLORE";

/// The purpose in the folder name of a worktree for `explore`.
pub(crate) const PURPOSE: &str = "explore";

/// Whether a command runs within `explore`: the variable is set, or the current directory is in such a worktree.
pub(crate) fn is_exploring(environment: &Environment, dir: &Path) -> bool {
    environment.text(VARIABLE).is_some() || dir.ancestors().any(|dir| is_folder_for(PURPOSE, dir))
}
