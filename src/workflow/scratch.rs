//! Detached worktrees for a moment, in the folder for temporary files, where no tool takes them for part of a
//! repository. A note in the repository says where each is; its lock says that somebody uses it, so that a later command
//! can remove what a killed one left.

use super::context::Context;
use super::mark::share;
use crate::error::{Error, Result};
use crate::files::{read_own, real};
use crate::git::{Oid, Repository, worktree};
use crate::interrupt;
use crate::ledger::nonce;
use crate::ledger::queue::Queue;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the folders are called; the purpose and something random follow.
const PREFIX: &str = "git-aitask-";

/// One such worktree.
#[derive(Debug)]
pub struct Scratch {
    note: PathBuf,
    folder: PathBuf,
    /// The worktree.
    pub path: PathBuf,
    used: File,
}

impl Scratch {
    /// Makes one at a commit; `purpose` and `name` are words for people who come across it.
    pub fn make(context: &Context, purpose: &str, name: &str, commit: &Oid) -> Result<Self> {
        let repository = &context.repository;
        let random = nonce()?;
        let notes = repository.private_dir()?.join("scratch");
        let (note, draft) = (notes.join(&random), notes.join(format!("{random}.new")));
        let folder = std::env::temp_dir().join(format!("{PREFIX}{purpose}-{random}"));
        let io = |error: std::io::Error| Error::io("make", &folder, &error);
        std::fs::create_dir_all(&notes).map_err(io)?;
        std::fs::write(&draft, folder.as_os_str().as_encoded_bytes()).map_err(io)?;
        // Nobody looks at a note before it has its name, and then it is locked.
        let used = File::open(&draft).and_then(|file| file.lock().map(|()| file)).map_err(io)?;
        std::fs::rename(&draft, &note).map_err(io)?;
        // It holds a copy of the repository, and lies where everybody on the machine may look.
        std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(io)?;
        let scratch = Self { note, path: folder.join(name), folder, used };
        // A git that outlives this command keeps the note locked, and nobody removes what it is just making.
        share(&scratch.used, true);
        let made = Queue::enter(repository, context.settings.timeout, context.narrate)
            .and_then(|_queue| worktree::add_detached(repository, &scratch.path, commit));
        share(&scratch.used, false);
        match made {
            Ok(()) => Ok(scratch),
            Err(error) => {
                let _ = interrupt::cleaning_up(|| remove(repository, &scratch.note, &scratch.folder));
                Err(error)
            }
        }
    }

    /// Removes it, whatever is in it.
    pub fn remove(self, context: &Context) -> Result<()> {
        interrupt::cleaning_up(|| {
            let _queue = Queue::enter(&context.repository, context.settings.timeout, context.narrate)?;
            remove(&context.repository, &self.note, &self.folder)
        })
    }
}

/// Whether a folder is one of these, by its name.
pub(super) fn is_folder_for(purpose: &str, folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix(PREFIX).and_then(|name| name.strip_prefix(purpose)).is_some_and(|name| name.starts_with('-'))
}

/// Takes the write permission from every file and folder, links left alone; or gives it back.
pub fn seal(path: &Path, sealed: bool) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
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
        seal(&entry.map_err(io)?.path(), sealed)?;
    }
    if sealed { set() } else { Ok(()) }
}

/// Removes worktree, folder and note; what is not there is gone already.
fn remove(repository: &Repository, note: &Path, folder: &Path) -> Result<()> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder, &error)),
        _ => Ok(()),
    };
    let _ = seal(folder, false);
    // The files first, and not by git: it would follow a link that was put in the place of the worktree.
    gone(std::fs::remove_dir_all(folder))?;
    let real = real(folder);
    for record in worktree::list(repository)? {
        if record.path.starts_with(folder) || record.path.starts_with(&real) {
            // Also where git was killed while it made it, and had it locked.
            worktree::remove_cut_off(repository, &record.path)?;
        }
    }
    gone(std::fs::remove_file(note))
}

/// Removes what commands that were killed left behind. Costs one look at a folder when there is nothing.
pub fn sweep(repository: &Repository) {
    let notes = std::fs::read_dir(repository.common_dir.join("aitask/scratch"));
    for note in notes.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(file) = File::open(&note) else { continue };
        if note.extension().is_some() {
            // A note that never got its name, by somebody killed in that moment.
            let age = file.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > Duration::from_secs(60)) {
                let _ = std::fs::remove_file(&note);
            }
            continue;
        }
        let left = file.try_lock().is_ok();
        let folder = read_own(&note).map(|path| PathBuf::from(OsString::from_vec(path))).unwrap_or_default();
        let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if left && ours {
            // Best effort: what cannot be removed now is tried again by the next command.
            let _ = remove(repository, &note, &folder);
        }
    }
}
