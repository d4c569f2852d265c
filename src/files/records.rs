//! What one clone remembers, in the folder `aitask` of the common git directory, which no other clone sees.
//!
//! A record is one JSON object with the number of its format, `"format": 1`, and the fields below (`?`: may be missing). It
//! is written beside its place and then renamed, so that nobody reads half of one. A program that finds a higher number
//! takes the record for none and does not write over it. A path is a text, or a list of its bytes where those are no UTF-8.
//! A note is locked (flock(2)) while somebody is at what it says. Remotes and branches in names have `%2F` for `/`.
//!
//! | path | what it says | who writes it | when it goes |
//! |---|---|---|---|
//! | `held/tID.json` | the right to a task: `nonce` of its lock, `taking` (the process that is taking it: `pid`, `start`, `kind`, `world`?), `earlier`? (nonces of takings that were cut off), `before`? (the record before this taking), `base`?, `base_commit`?, `data`? (branches), `merged`, `pushed`? (tips), `landings`? (`tip`, `nonce`) | pick, lock, finish | drop, finish, unlock; never by age |
//! | `making/NONCE` | a task being published: `request`, `nonce`, `process`, `id`, `path` | new | new; after an hour |
//! | `carry/BRANCH.COMMIT` | a checkout that follows a branch: `path`, `branch`, `old`, `new` (commits), `adopted` (`path`, `oid`, `seen`) | every local swap | once it has followed; never by age |
//! | `at-work/main`, `at-work/linked-NAME` | a note that git changes a checkout: `path`, `step`? (`old`, `new`, `moved`), `adopted`? | whatever changes a checkout | when git has ended well, or the next command finished it |
//! | `at-work/refs` | a note that git moves refs: its time is what counts | fetch, push, update-ref | the same |
//! | `known/REMOTE/BRANCH` | where a coordination branch was published: `commit`, `address` of the remote; before format 1 two lines | what fetches or pushes | replaced; never by age |
//! | `one-repository` | `same`: pairs of addresses (`fetch`, `push`) that were compared | what publishes | stays |
//! | `root` | `path` of the main worktree, where the git directory lies apart from it | every command there | replaced |
//! | `as-of` | `answered`: when the remote last did, in seconds since 1970 | what fetches or pushes | replaced |
//! | `no-atomic-push.REMOTE` | `remote`, whose server cannot swap several branches at once | what publishes | stays |
//! | `filing/DRAFT` | a draft that becomes a task: `draft` (bytes), `path`, `filed` (bytes) | the script that creates tasks | once the draft is gone |
//! | `archiving/tID.json` | `lines` to print, `released` (ids) | the script that archives | once it is done |
//! | `scratch/NAME` | a note about a worktree for a moment: the `path` of its folder | explore, finish, merges | with its process: the next command removes note and folder |
//! | `making-WORKTREE`, `furnishing-WORKTREE`, `removing-WORKTREE` | a note about a worktree; `making-` says `mending` while we write its files | pick, worktree, drop, finish | when it is done, also by the next command of the worktree |
//! | `queue.lock` | the number of the process whose turn it is, which has it locked | every command that writes | stays |
//! | `task-*.md` | what somebody writes in the editor | new, edit | once it is filed; else the user's |
//! | `resolved-*/`, `resolve-*/` | what somebody wrote about conflicts | the script that syncs | the user's |
//! | `check/`, `finishing/`, `.tmp*` | indexes, and halves of writes | all | at once; after a kill a day later |

use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{DirEntry, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};

/// The format that is written here, and the highest that is read.
const FORMAT: u64 = 1;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Those that end by their age, and when.
const ENDING: [(RecordKind, Duration); 4] =
    [(RecordKind::Making, HOUR), (RecordKind::Check, DAY), (RecordKind::Finishing, DAY), (RecordKind::Temporary, DAY)];

/// A kind of file in the folder; see the table above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Held,
    Making,
    Carry,
    AtWork,
    Known,
    OneRepository,
    Root,
    AsOf,
    NoAtomicPush,
    Filing,
    Archiving,
    Scratch,
    WorktreeMaking,
    WorktreeFurnishing,
    WorktreeRemoving,
    Queue,
    Draft,
    Resolved,
    Resolving,
    Check,
    Finishing,
    Temporary,
}

impl RecordKind {
    /// What its path begins with; the name follows. There is but one of those whose name is empty.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Held => "held/",
            Self::Making => "making/",
            Self::Carry => "carry/",
            Self::AtWork => "at-work/",
            Self::Known => "known/",
            Self::OneRepository => "one-repository",
            Self::Root => "root",
            Self::AsOf => "as-of",
            Self::NoAtomicPush => "no-atomic-push.",
            Self::Filing => "filing/",
            Self::Archiving => "archiving/",
            Self::Scratch => "scratch/",
            Self::WorktreeMaking => "making-",
            Self::WorktreeFurnishing => "furnishing-",
            Self::WorktreeRemoving => "removing-",
            Self::Queue => "queue.lock",
            Self::Draft => "task-",
            Self::Resolved => "resolved-",
            Self::Resolving => "resolve-",
            Self::Check => "check",
            Self::Finishing => "finishing",
            Self::Temporary => ".tmp",
        }
    }

    /// Whether it is one folder without a name of its own.
    fn is_single(self) -> bool {
        matches!(self, Self::Check | Self::Finishing)
    }

    /// Whether one has ended by its age.
    fn is_over(self, entry: &DirEntry) -> bool {
        let Some((_, limit)) = ENDING.iter().find(|(kind, _)| *kind == self) else { return false };
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        age.is_some_and(|age| age > *limit)
    }
}

/// The records of one clone.
#[derive(Debug, Clone)]
pub(crate) struct Records(PathBuf);

impl Records {
    /// Those in a common git directory.
    pub(crate) fn new(common_dir: &Path) -> Self {
        Self(common_dir.join("aitask"))
    }

    /// The folder that they are in, which is made where it is missing.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn folder(&self) -> Result<&Path> {
        std::fs::create_dir_all(&self.0).map_err(|error| Error::io("make", &self.0, &error))?;
        Ok(&self.0)
    }

    /// Where one is, or would be.
    pub(crate) fn path(&self, record: RecordKind, name: &str) -> PathBuf {
        self.0.join(format!("{}{name}", record.place()))
    }

    /// Reads one; one that is missing, broken or of a higher format is none.
    pub(crate) fn load<T: DeserializeOwned>(&self, record: RecordKind, name: &str) -> Option<T> {
        decode(&read_own(&self.path(record, name)).ok()?)
    }

    /// Writes one.
    ///
    /// # Errors
    /// [`Kind::Io`], and [`Kind::Occupied`] for one of a higher format; it is then as it was.
    pub(crate) fn save<T: Serialize>(&self, record: RecordKind, name: &str, value: &T) -> Result<()> {
        let path = self.path(record, name);
        if is_newer(&path) {
            let message = format!("{} was written by a newer git-aitask, and only that can change it", path.display());
            return Err(Error::new(Kind::Occupied, message));
        }
        self.write(&path, &encode(value)?, |_| Ok(())).map(drop)
    }

    /// The same for what is noted only to spare work: one of a higher format stays, and that is no error.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn note<T: Serialize>(&self, record: RecordKind, name: &str, value: &T) -> Result<()> {
        if self.is_newer(record, name) { Ok(()) } else { self.save(record, name, value) }
    }

    /// Whether one is there that has a higher format than is known here.
    pub(crate) fn is_newer(&self, record: RecordKind, name: &str) -> bool {
        is_newer(&self.path(record, name))
    }

    /// Writes a note that is locked before it has its name.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn save_locked<T: Serialize>(&self, record: RecordKind, name: &str, value: &T) -> Result<File> {
        self.write(&self.path(record, name), &encode(value)?, File::lock)
    }

    fn write(&self, path: &Path, bytes: &[u8], prepare: fn(&File) -> std::io::Result<()>) -> Result<File> {
        let folder = path.parent().unwrap_or(&self.0);
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let mut beside = NamedTempFile::with_prefix_in(RecordKind::Temporary.place(), &self.0)?;
            beside.write_all(bytes)?;
            prepare(beside.as_file())?;
            beside.persist(path).map_err(|error| error.error)
        });
        written.map_err(|error| Error::io("write", path, &error))
    }

    /// The names of those that are there, and have not ended by their age; only of what has a folder.
    pub(crate) fn names(&self, record: RecordKind) -> Vec<String> {
        let entries = entries(&self.0.join(record.place())).filter(|entry| !record.is_over(entry));
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| !name.starts_with(RecordKind::Temporary.place())).collect()
    }

    /// Removes one, unless it has a higher format.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn forget(&self, record: RecordKind, name: &str) -> Result<()> {
        let path = self.path(record, name);
        if is_newer(&path) {
            return Ok(());
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path, &error)),
            _ => Ok(()),
        }
    }

    /// A new folder, which goes when it is dropped. One without a name of its own takes the place of what a kill left: who
    /// makes it is at the head of the queue.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn make_folder(&self, record: RecordKind) -> Result<TempDir> {
        let random = if record.is_single() { 0 } else { 6 };
        if record.is_single() {
            let _ = std::fs::remove_dir_all(self.path(record, ""));
        }
        let made = tempfile::Builder::new().prefix(record.place()).rand_bytes(random).tempdir_in(self.folder()?);
        made.map_err(|error| Error::io("make a folder in", &self.0, &error))
    }

    /// Removes what has ended by its age. Best effort; costs a look at two folders.
    pub(crate) fn sweep(&self) {
        let here: Vec<_> = entries(&self.0).collect();
        for (record, _) in ENDING {
            let place = record.place();
            let is_one = |entry: &&DirEntry| match entry.file_name().to_str() {
                Some(name) if record.is_single() => name == place,
                name => name.is_some_and(|name| name.starts_with(place)),
            };
            let below: Vec<_> = if place.ends_with('/') { entries(&self.0.join(place)).collect() } else { Vec::new() };
            for entry in here.iter().filter(is_one).chain(&below).filter(|entry| record.is_over(entry)) {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let remove = if is_folder { std::fs::remove_dir_all } else { std::fs::remove_file };
                let _ = remove(entry.path());
            }
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}

/// The bytes of a record.
///
/// # Errors
/// [`Kind::Bug`] for what is no JSON object, or an empty one.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let bug = |why: String| Error::new(Kind::Bug, format!("a record was not written: {why}"));
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) if !fields.is_empty() => {
            let format = ("format".to_owned(), FORMAT.into());
            let all: Map<_, _> = std::iter::once(format).chain(fields).collect();
            Ok(Value::Object(all).to_string().into_bytes())
        }
        Ok(_) => Err(bug("it would be empty".to_owned())),
        Err(error) => Err(bug(error.to_string())),
    }
}

/// What a record says; a broken one, or one of a higher format, nothing.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if format(bytes) > FORMAT { None } else { serde_json::from_slice(bytes).ok() }
}

/// Whether a record has a higher format than is known here.
pub(crate) fn is_newer(path: &Path) -> bool {
    read_own(path).is_ok_and(|bytes| format(&bytes) > FORMAT)
}

/// The format of a record; 0 where it says none.
fn format(bytes: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Format {
        #[serde(default)]
        format: u64,
    }
    serde_json::from_slice(bytes).map_or(0, |found: Format| found.format)
}

/// A record that says no more than where something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Location {
    /// Where it is.
    #[serde(with = "path")]
    pub(crate) path: PathBuf,
}

/// A path in a record, for `#[serde(with)]`: a text, or a list of its bytes where those are no UTF-8.
pub(crate) mod path {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::{Path, PathBuf};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(PathBuf),
        Bytes(Vec<u8>),
    }

    /// Writes one.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn serialize<S: Serializer>(path: &impl AsRef<Path>, to: S) -> Result<S::Ok, S::Error> {
        let path = path.as_ref();
        match path.to_str() {
            Some(text) => to.serialize_str(text),
            None => to.collect_seq(path.as_os_str().as_bytes()),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// For what is neither.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Either::deserialize(from)? {
            Either::Text(path) => path,
            Either::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

#[cfg(test)]
mod tests;
