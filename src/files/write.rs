//! Writing files so that no reader sees one half written: the content is first written beside the destination, under a
//! name that no task file has, and then renamed. A command that is killed in between leaves the old file as it was.

use super::{AccessError, OpenFolder, Tree, io, is_link, not_regular};
use crate::error::{Error, Kind, Result};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, linkat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

impl Tree {
    /// Replaces the content of a file; creates the folders above it. The mode stays.
    ///
    /// # Errors
    /// [`Kind::Io`], or [`Kind::Occupied`] for a link on the way; the file is then as it was.
    pub(crate) fn replace(&self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        let (folder, name) = self.parent(path.as_ref(), true).map_err(AccessError::error)?;
        folder.replace(&name, bytes)
    }

    /// Creates a file, and the folders above it.
    ///
    /// # Errors
    /// [`Kind::Occupied`] when there is one already, or for a link on the way.
    pub(crate) fn create(&self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        let (folder, name) = self.parent(path.as_ref(), true).map_err(AccessError::error)?;
        folder.create(&name, bytes)
    }

    /// Creates an empty file, and the folders above it.
    ///
    /// # Errors
    /// [`Kind::Occupied`] when there is one already, or for a link on the way.
    pub(crate) fn create_empty(&self, path: impl AsRef<Path>) -> Result<()> {
        let (folder, name) = self.parent(path.as_ref(), true).map_err(AccessError::error)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = folder.path.join(&name);
        match openat(&folder.fd, &name, flags, Mode::from_raw_mode(0o666)) {
            Ok(_) => Ok(()),
            Err(errno) => Err(taken(&path, errno)),
        }
    }

    /// Creates a file under the first free name of `draft.md`, `draft_2.md` and so on. Returns the name.
    ///
    /// # Errors
    /// As [`Tree::create`], but for a name that is taken.
    pub(crate) fn create_beside(&self, dir: impl AsRef<Path>, name: &str, bytes: &[u8]) -> Result<String> {
        let (folder, _) = self.parent(&dir.as_ref().join(name), true).map_err(AccessError::error)?;
        let stem = name.strip_suffix(".md").unwrap_or(name);
        for n in 1..u32::MAX {
            let name = if n == 1 { name.to_owned() } else { format!("{stem}_{n}.md") };
            match folder.create(name.as_ref(), bytes) {
                // The folder could be opened, so the error means that the name is taken.
                Err(error) if error.kind() == Kind::Occupied => {}
                result => return result.map(|()| name),
            }
        }
        Err(Error::new(Kind::Bug, "no name was free"))
    }

    /// Creates a folder, and those above it.
    ///
    /// # Errors
    /// [`Kind::Occupied`] for a link on the way; [`Kind::Io`].
    pub(crate) fn make_folder(&self, path: impl AsRef<Path>) -> Result<()> {
        self.reach(path.as_ref(), true).map(drop).map_err(AccessError::error)
    }

    /// Removes a file or a link (not what the link points to). Returns whether there was one.
    ///
    /// # Errors
    /// [`Kind::Occupied`] for a link on the way; [`Kind::Io`].
    pub(crate) fn remove(&self, path: impl AsRef<Path>) -> Result<bool> {
        self.unlink(path.as_ref(), AtFlags::empty())
    }

    /// Removes an empty folder. Returns whether that was possible.
    pub(crate) fn remove_folder(&self, path: impl AsRef<Path>) -> bool {
        self.unlink(path.as_ref(), AtFlags::REMOVEDIR).unwrap_or(false)
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> Result<bool> {
        let (folder, name) = match self.parent(path, false) {
            Err(trouble) if trouble.is_absence => return Ok(false),
            found => found.map_err(AccessError::error)?,
        };
        match unlinkat(&folder.fd, &name, flags) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(io("remove", &folder.path.join(&name), errno).error),
        }
    }

    /// Moves a file; the folders above the new path are created.
    ///
    /// # Errors
    /// [`Kind::Occupied`] for a link on the way; [`Kind::Io`].
    pub(crate) fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let (source, name) = self.parent(from.as_ref(), false).map_err(AccessError::error)?;
        let (target, new) = self.parent(to.as_ref(), true).map_err(AccessError::error)?;
        let moved = renameat(&source.fd, &name, &target.fd, &new);
        moved.map_err(|errno| io("rename", &source.path.join(&name), errno).error)
    }
}

impl OpenFolder {
    fn replace(&self, name: &OsStr, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        let mode = match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => Some(Mode::from_raw_mode(found.st_mode)),
                FileType::Symlink => return Err(is_link(&path)),
                _ => return Err(not_regular(&path)),
            },
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(failed(&path, errno)),
        };
        let staged = self.stage(name, bytes, mode)?;
        renameat(&self.fd, &staged, &self.fd, name).map_err(|errno| {
            let _ = unlinkat(&self.fd, &staged, AtFlags::empty());
            failed(&path, errno)
        })
    }

    fn create(&self, name: &OsStr, bytes: &[u8]) -> Result<()> {
        let staged = self.stage(name, bytes, None)?;
        let moved = self.move_new(&staged, name);
        if moved.is_err() {
            let _ = unlinkat(&self.fd, &staged, AtFlags::empty());
        }
        moved.map_err(|errno| taken(&self.path.join(name), errno))
    }

    /// Renames the staged file to its name, unless that is taken.
    fn move_new(&self, staged: &str, name: &OsStr) -> Result<(), Errno> {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(&self.fd, staged, &self.fd, name, RenameFlags::NOREPLACE) {
            // The file system cannot rename without replacing; a hard link cannot replace a file either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(&self.fd, staged, &self.fd, name, AtFlags::empty())?;
                unlinkat(&self.fd, staged, AtFlags::empty())
            }
            moved => moved,
        }
    }

    /// Writes the content to a staged file beside the destination. Returns its name.
    fn stage(&self, name: &OsStr, bytes: &[u8], mode: Option<Mode>) -> Result<String> {
        let path = self.path.join(name);
        if bytes.is_empty() {
            return Err(Error::new(Kind::Bug, not_written(&path, "it would be empty")));
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let new = mode.unwrap_or(Mode::from_raw_mode(0o666));
        let (staged, fd) = loop {
            let staged = format!(".{}.{}", name.to_string_lossy(), random().map_err(|errno| failed(&path, errno))?);
            match openat(&self.fd, &staged, flags, new) {
                Ok(fd) => break (staged, fd),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(&path, errno)),
            }
        };
        let mut file = File::from(fd);
        let written = file.write_all(bytes).and_then(|()| match mode {
            // A replaced file keeps its mode; only a new file gets what the umask leaves.
            Some(mode) => Ok(fchmod(&file, mode)?),
            None => Ok(()),
        });
        written.map(|()| staged.clone()).map_err(|error| {
            let _ = unlinkat(&self.fd, &staged, AtFlags::empty());
            Error::new(Kind::Io, not_written(&path, error))
        })
    }
}

/// Replaces the content of a private file that the user named. Its mode stays, and so does a link that points to it.
///
/// # Errors
/// [`Kind::Io`]; the file is then as it was.
pub(crate) fn replace_own(path: &Path, bytes: &[u8]) -> Result<()> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = place.parent().unwrap_or(Path::new("/"));
    Tree::new(folder).replace(&place, bytes)
}

/// Whether a file is a staged one that a killed command left behind: `.t1_x.md.` and six letters or digits.
pub(crate) fn is_left_by_a_write(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    parts.is_some_and(|(of, random)| {
        Path::new(of).extension().is_some()
            && random.len() == 6
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Six letters or digits.
fn random() -> Result<String, Errno> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 6];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

fn taken(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::EXIST => Error::new(Kind::Occupied, format!("{} exists", path.display())),
        errno => failed(path, errno),
    }
}

fn failed(path: &Path, errno: Errno) -> Error {
    Error::new(Kind::Io, not_written(path, std::io::Error::from(errno)))
}

/// The message for a file that could not be written. For a task file it has the words that callers of the scripts look
/// for.
fn not_written(path: &Path, why: impl std::fmt::Display) -> String {
    let is_task = path.extension() == Some(OsStr::new("md")) && path.iter().any(|part| part == "aitasks");
    let words = if is_task { "could not write task file:" } else { "cannot write" };
    format!("{words} {}: {why}", path.display())
}

/// Adds text to a file that another program reads; it is created where it is missing.
///
/// # Errors
/// [`Kind::Io`].
pub(crate) fn append(path: &Path, text: &str) -> Result<()> {
    let opened = std::fs::File::options().create(true).append(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Error::io("write", path, &error))
}

/// Adds a line to `info/exclude`, unless it is there. The other lines need not be UTF-8.
///
/// # Errors
/// [`Kind::Io`].
pub(crate) fn exclude(common_dir: &Path, line: &str) -> Result<()> {
    let path = common_dir.join("info/exclude");
    let text = std::fs::read(&path).unwrap_or_default();
    let ours = [line.as_bytes(), line.trim_start_matches('/').as_bytes()];
    if text.split(|&byte| byte == b'\n').any(|known| ours.contains(&known.trim_ascii())) {
        return Ok(());
    }
    let made = std::fs::create_dir_all(common_dir.join("info"));
    let written =
        made.and_then(|()| std::fs::File::options().create(true).append(true).open(&path)).and_then(|mut file| {
            let start = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
            file.write_all(format!("{start}{line}\n").as_bytes())
        });
    written.map_err(|error| Error::io("write", &path, &error))
}
