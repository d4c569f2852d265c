//! Files of a checkout, and the private files of this program. Other people commit to a checkout, symbolic links too,
//! so below its root no link is followed, only regular files are read, and a file is read only up to a limit.
//!
//! The module promises that a reader never sees a file that is half written (`write`), and that nothing outside the
//! checkout is read or changed through a link. Every module above may use it; it uses only errors.

pub(crate) mod lock;
pub(crate) mod records;
mod write;
pub(crate) mod yaml;

use crate::error::{Error, Kind, Result};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use tempfile::TempDir;

pub(crate) use write::{append, exclude, is_left_by_a_write, replace_own};

/// The largest text that is read, in bytes. People write task files and plans by hand, so the largest real ones have
/// some hundred kilobytes; the limit keeps a file that somebody committed by mistake from filling the memory.
pub(crate) const LARGEST_TEXT: u64 = 8 << 20;

/// The largest bundle of archived files that is read, in bytes: a bundle holds the compressed files of a hundred tasks,
/// so this is far more than one needs.
const LARGEST_BUNDLE: u64 = 64 << 20;

/// The checkout of the data branch, and the folders of the main worktree that may be links to the folders of the same
/// names in it.
const DATA: &str = ".aitask-data";
const LINKS: [&str; 2] = ["aitasks", "aiplans"];

/// A folder of the user whose content other people can change: below it no link is followed, except `aitasks` and
/// `aiplans` directly in it, when they point to exactly `.aitask-data/aitasks` and `.aitask-data/aiplans`.
///
/// A path is relative to the folder or absolute. A path that does not begin with the folder, or contains `..`, was
/// given by the user (`TASK_DIR`, an argument): of such a path only the last part must not be a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree(PathBuf);

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FolderEntry {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is a folder; a link is none.
    pub(crate) is_folder: bool,
}

/// Why a file or folder could not be opened or read; a missing one is told from other errors.
#[derive(Debug)]
struct AccessError {
    error: Error,
    is_absence: bool,
}

type AccessResult<T> = std::result::Result<T, AccessError>;

impl AccessError {
    /// An error about something that exists.
    fn with(error: Error) -> Self {
        Self { error, is_absence: false }
    }

    fn error(self) -> Error {
        self.error
    }
}

/// A folder that was opened without following a link. Files are opened relative to it, so that a link put in its place
/// afterwards changes nothing.
#[derive(Debug)]
pub(crate) struct OpenFolder {
    path: PathBuf,
    fd: OwnedFd,
}

impl Tree {
    /// The tree of this folder. The path of the folder itself may contain links.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The tree for a folder that the user may have named: a folder within `root` belongs to the tree of `root`, any
    /// other is a tree of its own.
    pub(crate) fn for_folder(root: &Path, name: &str) -> Self {
        let tree = Self::new(root);
        if tree.below(Path::new(name)).is_some() { tree } else { Self::new(root.join(name)) }
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// The content of a file.
    ///
    /// # Errors
    /// [`Kind::Occupied`] for a link on the way, for what is no regular file, and for one that is too large;
    /// [`Kind::Io`] where there is none, or it cannot be read.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        self.try_to_read(path.as_ref()).map_err(AccessError::error)
    }

    fn try_to_read(&self, path: &Path) -> AccessResult<Vec<u8>> {
        let (folder, name) = self.parent(path, false)?;
        folder.try_to_read(&name)
    }

    /// The content of a file; `None` where there is none.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub(crate) fn load(&self, path: impl AsRef<Path>) -> Result<Option<Vec<u8>>> {
        match self.try_to_read(path.as_ref()) {
            Err(trouble) if trouble.is_absence => Ok(None),
            read => read.map(Some).map_err(AccessError::error),
        }
    }

    /// The content of a file as text; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Result<String> {
        self.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The folder at a path.
    ///
    /// # Errors
    /// [`Kind::Occupied`] for a link on the way; [`Kind::Io`] where there is none.
    pub(crate) fn folder(&self, path: impl AsRef<Path>) -> Result<OpenFolder> {
        self.reach(path.as_ref(), false).map_err(AccessError::error)
    }

    fn reach(&self, path: &Path, make: bool) -> AccessResult<OpenFolder> {
        match self.below(path) {
            Some(parts) => reach(&self.0, &parts, make),
            None => reach(&self.0.join(path), Path::new(""), make),
        }
    }

    /// The entries of a folder, unordered; none when it cannot be read.
    pub(crate) fn entries(&self, path: impl AsRef<Path>) -> Vec<FolderEntry> {
        self.folder(path).map(|folder| folder.entries()).unwrap_or_default()
    }

    /// The names in a folder, unordered; none when it cannot be read.
    pub(crate) fn names(&self, path: &Path) -> impl Iterator<Item = String> + use<> {
        self.entries(path).into_iter().map(|entry| entry.name)
    }

    /// Whether there is a folder at a path.
    pub(crate) fn is_folder(&self, path: impl AsRef<Path>) -> bool {
        self.folder(path).is_ok()
    }

    /// Whether there is a regular file at a path.
    pub(crate) fn is_file(&self, path: impl AsRef<Path>) -> bool {
        self.kind(path.as_ref()).is_some_and(FileType::is_file)
    }

    /// Whether anything is at a path, a link included.
    pub(crate) fn is_there(&self, path: impl AsRef<Path>) -> bool {
        self.kind(path.as_ref()).is_some()
    }

    fn kind(&self, path: &Path) -> Option<FileType> {
        let (folder, name) = self.parent(path, false).ok()?;
        folder.kind(&name)
    }

    /// The target of a link, when that is a path below the root; `None` when `..` leads out of the root.
    pub(crate) fn link_target(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let (folder, name) = self.parent(path.as_ref(), false).ok()?;
        let text = readlinkat(&folder.fd, &name, Vec::new()).ok()?;
        let mut target = self.below(path.as_ref().parent()?)?;
        for part in Path::new(OsStr::from_bytes(text.as_bytes())).components() {
            match part {
                Component::Normal(name) => target.push(name),
                Component::ParentDir if target.pop() => {}
                Component::CurDir => {}
                _ => return None,
            }
        }
        Some(target)
    }

    /// The folder that contains the path, opened, and the last part of the path.
    fn parent(&self, path: &Path, make: bool) -> AccessResult<(OpenFolder, OsString)> {
        let name = path.file_name().ok_or_else(|| AccessError::with(not_regular(&self.0.join(path))))?;
        Ok((self.reach(path.parent().unwrap_or(Path::new("")), make)?, name.to_owned()))
    }

    /// The part of a path below the root, which other people may have created; `None` for a path given by the user.
    fn below(&self, path: &Path) -> Option<PathBuf> {
        let below = if path.is_absolute() { path.strip_prefix(&self.0).ok()? } else { path };
        let is_plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        below.components().all(is_plain).then(|| below.to_owned())
    }
}

impl OpenFolder {
    fn try_to_read(&self, name: &OsStr) -> AccessResult<Vec<u8>> {
        let file = self.open(name)?;
        read_limited(file, &self.path.join(name), Vec::new()).map_err(AccessError::with)
    }

    /// The beginning of a file in the folder, up to the end that `ends` finds in the first 4 KiB; the whole file where
    /// it finds none. The frontmatter of nearly every task file fits into 4 KiB, so a listing reads each file once.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub(crate) fn read_head(
        &self,
        name: impl AsRef<OsStr>,
        ends: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<Vec<u8>> {
        let path = self.path.join(name.as_ref());
        let mut file = self.open(name.as_ref()).map_err(AccessError::error)?;
        let mut head = vec![0; 4096];
        let filled = file.read(&mut head).map_err(|error| Error::io("read", &path, &error))?;
        head.truncate(filled);
        match ends(&head) {
            Some(end) => {
                head.truncate(end);
                Ok(head)
            }
            None => read_limited(file, &path, head),
        }
    }

    /// Opens a regular file. Other kinds are refused without blocking, as a pipe without a writer would.
    fn open(&self, name: &OsStr) -> AccessResult<File> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::LOOP) => return Err(AccessError::with(is_link(&path))),
            // A socket, or a device without a driver.
            Err(Errno::NXIO | Errno::OPNOTSUPP) => return Err(AccessError::with(not_regular(&path))),
            Err(errno) => return Err(io("read", &path, errno)),
        };
        let data = file.metadata().map_err(|error| AccessError::with(Error::io("read", &path, &error)))?;
        if data.is_file() { Ok(file) } else { Err(AccessError::with(not_regular(&path))) }
    }

    /// The entries of the folder, unordered.
    pub(crate) fn entries(&self) -> Vec<FolderEntry> {
        let Ok(dir) = Dir::read_from(&self.fd) else { return Vec::new() };
        let entry = |entry: rustix::fs::DirEntry| {
            let name = entry.file_name().to_str().ok().filter(|name| !matches!(*name, "." | ".."))?.to_owned();
            let kind = match entry.file_type() {
                FileType::Unknown => self.kind(name.as_ref())?,
                kind => kind,
            };
            Some(FolderEntry { name, is_folder: kind.is_dir() })
        };
        dir.filter_map(|found| entry(found.ok()?)).collect()
    }

    fn kind(&self, name: &OsStr) -> Option<FileType> {
        let found = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(found.st_mode))
    }
}

/// Opens a folder below `start` part by part, so that no link is followed; creates missing folders when `make` is set.
fn reach(start: &Path, below: &Path, make: bool) -> AccessResult<OpenFolder> {
    if make {
        std::fs::create_dir_all(start).map_err(|error| AccessError::with(Error::io("make", start, &error)))?;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = openat(CWD, start, flags, Mode::empty()).map_err(|errno| io("read", start, errno))?;
    let mut reached = OpenFolder { path: start.to_owned(), fd };
    let parts =
        below.components().filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None });
    for (depth, name) in parts.enumerate() {
        reached = match step(&reached, name, make) {
            Err(trouble)
                if trouble.error.kind() == Kind::Occupied && depth == 0 && leads_to_the_data(&reached, name) =>
            {
                step(&step(&reached, DATA.as_ref(), false)?, name, make)?
            }
            stepped => stepped?,
        };
    }
    Ok(reached)
}

fn step(from: &OpenFolder, name: &OsStr, make: bool) -> AccessResult<OpenFolder> {
    let path = from.path.join(name);
    if make {
        match rustix::fs::mkdirat(&from.fd, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(io("make", &path, errno)),
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&from.fd, name, flags, Mode::empty()) {
        Ok(fd) => Ok(OpenFolder { path, fd }),
        // For a link Linux reports "not a directory" here, other systems "too many links".
        Err(Errno::NOTDIR | Errno::LOOP) if from.kind(name).is_some_and(FileType::is_symlink) => {
            Err(AccessError::with(is_link(&path)))
        }
        Err(errno) => Err(io("read", &path, errno)),
    }
}

/// Whether a link is one of those that [`LINKS`] permits.
fn leads_to_the_data(folder: &OpenFolder, name: &OsStr) -> bool {
    let Some(name) = LINKS.into_iter().find(|link| *name == **link) else { return false };
    readlinkat(&folder.fd, name, Vec::new()).is_ok_and(|to| to.as_bytes() == format!("{DATA}/{name}").as_bytes())
}

/// The checkout of the data branch in a project, where there is one. It must be a folder and not a link: everything
/// below it is written as task data.
pub(crate) fn data_checkout(root: &Path) -> Option<PathBuf> {
    let dir = root.join(DATA);
    let is_folder = dir.symlink_metadata().is_ok_and(|data| data.is_dir());
    (is_folder && dir.join(".git").exists()).then_some(dir)
}

/// The content of a private file of the user, such as one in the home folder. It may be a link, but must lead to a
/// regular file that is not larger than a text.
///
/// # Errors
/// As [`Tree::read`].
pub(crate) fn read_own(path: &Path) -> Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = openat(CWD, path, flags, Mode::empty()).map_err(|errno| Error::io("read", path, &errno.into()))?;
    let found = fstat(&fd).map_err(|errno| Error::io("read", path, &errno.into()))?;
    if FileType::from_raw_mode(found.st_mode).is_file() {
        read_limited(File::from(fd), path, Vec::new())
    } else {
        Err(not_regular(path))
    }
}

/// Reads the rest of a file after `read`, up to the limit of its kind.
fn read_limited(file: File, path: &Path, mut read: Vec<u8>) -> Result<Vec<u8>> {
    let is_bundle = matches!(path.extension().and_then(OsStr::to_str), Some("zst" | "gz"));
    let limit = if is_bundle { LARGEST_BUNDLE } else { LARGEST_TEXT };
    let more = (limit + 1).saturating_sub(read.len() as u64);
    file.take(more).read_to_end(&mut read).map_err(|error| Error::io("read", path, &error))?;
    if read.len() as u64 > limit {
        let message =
            format!("{} is larger than {} MiB, the limit for a file of a project", path.display(), limit >> 20);
        return Err(Error::new(Kind::Occupied, message));
    }
    Ok(read)
}

fn io(action: &str, path: &Path, errno: Errno) -> AccessError {
    let is_absence = matches!(errno, Errno::NOENT | Errno::NOTDIR);
    AccessError { error: Error::io(action, path, &errno.into()), is_absence }
}

fn is_link(path: &Path) -> Error {
    Error::new(Kind::Occupied, format!("{} is a symbolic link, which is not followed there", path.display()))
        .hint(command!["rm", path.display()])
}

fn not_regular(path: &Path) -> Error {
    Error::new(Kind::Occupied, format!("{} is not a regular file", path.display()))
}

/// The path with all links resolved; the last parts need not exist.
pub(crate) fn canonicalize_lenient(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(path), ..) => path,
        (Err(_), Some(parent), Some(name)) => canonicalize_lenient(parent).join(name),
        (Err(_), ..) => path.to_owned(),
    }
}

/// A new temporary folder in one that other users can read. Only the user can enter it, whatever the umask.
///
/// # Errors
/// [`Kind::Io`].
pub(crate) fn private_folder(prefix: &str, within: &Path) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(within)
        .map_err(|error| Error::io("make a folder in", within, &error))
}

#[cfg(test)]
mod tests;
