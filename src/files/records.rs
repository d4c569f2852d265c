//! The private records of one clone, in the folder `aitask` of the common git directory. No other clone sees them.
//!
//! A record is one JSON object with the version of its format, `"format": 1`, and the fields below (`?`: may be
//! missing). It is written beside its path and then renamed, so that no reader sees half of it. A program that finds a
//! higher version treats the record as missing and neither overwrites nor removes it. A path is a string, or a list of
//! its bytes where they are not UTF-8. A *note* is a file that is locked (flock(2)) while the command it tells of is
//! running; an unlocked note means that the command was killed. `/` in the names of remotes and branches is written
//! `%2F`. A process is an object: `pid`, `start`, `kind`, and `world`? with `boot` and `namespace`.
//!
//! | path | content | writer | removed |
//! |---|---|---|---|
//! | `held/tID.json` | the right to a task: `nonce` of its lock; `taking`, the process of the command that is taking it, else null; `earlier`?, nonces of interrupted attempts; `before`?, the record before this attempt; `base`, `base_commit`, `data`, the branches and the commit of the work, else null; `merged`, true once the work has landed; `former`?, locks of sessions of this clone from which others took the task; `pushed`?, tips of the task branch; `requested`?, the one of a pull request; `landings`?, merges being published (`tip`, `nonce`) | pick, lock, finish | drop, finish, unlock; never by age |
//! | `making/NONCE` | a task being created: `request` (the arguments), `nonce` of its commits, `process` or null, `id`, `path`, `filed`? (the bytes of the file in a checkout) | new, the script that creates tasks | the same; after an hour |
//! | `carry/BRANCH.COMMIT` | a checkout whose branch a local swap moves: `path`, `branch`, `old`, `new` (commits), `adopted` (files whose uncommitted content was committed: `path`, `oid` or null, `seen` bytes or null) | every local swap | once the checkout was updated; never by age |
//! | `at-work/main`, `at-work/linked-NAME` | a note that git is changing a checkout: `path`, `step`? (`old`, `new`, `moved`: whether the branch is at `new` already), `adopted`? | whatever changes a checkout | when git has ended, or once the next command has finished its work |
//! | `at-work/refs` | a note that git is moving refs; empty, its modification time counts | fetch, push, update-ref | when git has ended, or by the next command |
//! | `known/REMOTE/BRANCH` | the last known tip of a coordination branch: `commit`, `address` of the remote; before format 1 two lines | whatever fetches or publishes | replaced; never by age |
//! | `one-repository` | `same`: pairs of addresses (`fetch`, `push`) that were found to be one repository | whatever publishes | never |
//! | `root` | `path` of the main worktree, where the git directory is outside of it; before format 1 the bytes of the path | every command there | replaced |
//! | `as-of` | `answered`: when the remote last answered, in seconds since 1970 | whatever fetches or pushes | replaced |
//! | `cache/default-branch.REMOTE` | the default branch of a remote, where git has none noted: `branch`, or null where the remote names none | whatever needs it, once | replaced; by anybody, at any time |
//! | `fetched.REMOTE` | how far pushes of this clone moved the lock branch since it was fetched with all task branches: `from`? (the tip that was fetched), `to` (commits) | whatever publishes locks | replaced |
//! | `pushed/tID.json` | the last record `held/tID.json` of a task that this clone gave back; only its `pushed` counts | drop, unlock | finish, archive; never by age |
//! | `no-atomic-push.REMOTE` | `remote`: its server has no atomic push | whatever publishes | never |
//! | `cache/others-push.REMOTE` | `seen`: when a push of another clone was seen, in seconds since 1970 | whatever fetches | by the next command that publishes; by anybody, at any time |
//! | `filing/DRAFT` | a draft that becomes a task: `draft` (its bytes), `path`, `filed` (the bytes of the task file) | the script that creates tasks | once the draft is gone |
//! | `archiving/tID.json` | `lines` to print, `released` (ids), `parents` (files, each with a child) | the script that archives | once the task is archived |
//! | `empty-folders` | `folders`: those that were there, and empty, when files for agents were put below them | agents install | agents remove |
//! | `scratch/NAME` | a note about a temporary worktree or object store: the `path` of its folder | explore, finish, merges, status, pick | when its command ends; after a kill the next command removes note and folder |
//! | `making-WORKTREE`, `furnishing-WORKTREE`, `removing-WORKTREE` | a note that git creates, a command prepares, or git removes a worktree; empty, but `making-` contains `mending` and a newline while its missing files are restored | pick, worktree, drop, finish | when that is done, also by the next command about the worktree |
//! | `verdicts/DIGEST` | a check that passed: `command`, `since` (RFC 3339), `with`, the merges on top of it that were checked along (`number` in line, `tip`); the digest is of content, command and variables (`landing::verdict`) | finish | by age, and where there are more than 200 |
//! | `landings/N` | a place in the line of those who land after a check, locked by its process: `into`, `task`, `branch`, `tip`, `own` (files), `group` or null, `pid`, `leads` (`landing::line`) | finish | when it has landed or ended; after a kill by the next command |
//! | `landings.lock` | the number of the last place in line in digits, locked (flock(2)) while one is taken | finish | never |
//! | `failed-checks/DIGEST` | a check that failed on several merges together, for the last of them: `message`, `lines` that it printed, `up_to`, the number of its place | finish | by age |
//! | `check-slot.N` | a lock (flock(2)) of a process that runs a check, and of that check, with the ids of the process and of the process group of the check in digits | finish | never |
//! | `queue.lock` | a lock (flock(2)) of the process at the head of the queue, with its id in digits | every command that writes | never |
//! | `queue/NUMBER` | a note of a process that waits in the queue: `group`, with whom its pushes may be joined, else empty | every command that writes | when it leaves; after a kill by the next one that waits |
//! | `convoy/NONCE` | a note of commits that wait for one push (`ledger::convoy`), without `format`, a line each: `member` (`group`, `refs` with name, value on the remote and value after the push, `members`, `since` and `until` in milliseconds since 1970, `forming` in milliseconds, `next`, the ticket of who has it now, `calls`, the places in line of those without whom it is not pushed), `pushing`, `end` | who hands its push over, and who pushes | once all members have read the end, or with the next command |
//! | `task-*.md` | the text in an editor (`task::editor_template`) | new, edit | once it is a task; else it stays for the user |
//! | `resolved-*/`, `resolve-*/` | files that the user edited to resolve conflicts | the script that syncs | by the user |
//! | `cache/again-tID.json` | the session of a lock since it was started again: `nonce` of the lock, `process` | whatever reads a task that its session holds | replaced; by anybody, at any time |
//! | `cache/tasks`, `cache/locks` | what was read of one commit each, to be fast (`cache`); no JSON | whatever reads | replaced; by anybody, at any time |
//! | `check/`, `finishing/`, `.tmp*` | temporary indexes, messages that pass hooks, and files before they are renamed | all | at once; after a kill a day later |

mod cache;

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

/// The format that is written, and the highest that is read.
const FORMAT: u64 = 1;

/// How long the record of an interrupted `new` counts: the same arguments again mean the same task when they follow
/// soon, and a second task when they come much later.
const HOUR: Duration = Duration::from_secs(3600);
/// How long temporary files stay after a kill: no command runs for a day, so none of them is in use any more.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How old a temporary file must be to count as left over: a file is written within milliseconds.
const LEFT: Duration = Duration::from_secs(600);

/// Why no command can use a file in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Oddity {
    /// It has a higher format.
    Newer,
    /// It is no record.
    Unreadable,
    /// It is a folder.
    Folder,
    /// It was being written when its command was killed.
    Temporary,
}

/// The kinds that are removed by age, and the age.
const ENDING: [(RecordKind, Duration); 6] = [
    (RecordKind::Making, HOUR),
    // A day later the tools of the machine may be others.
    (RecordKind::Verdict, DAY),
    (RecordKind::CheckFailure, DAY),
    (RecordKind::Check, DAY),
    (RecordKind::Finishing, DAY),
    (RecordKind::Temporary, DAY),
];

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
    DefaultBranch,
    Fetched,
    Pushed,
    NoAtomicPush,
    OthersPush,
    Again,
    Filing,
    Archiving,
    EmptyFolders,
    Scratch,
    WorktreeMaking,
    WorktreeFurnishing,
    WorktreeRemoving,
    Verdict,
    CheckFailure,
    Landing,
    LandingDoor,
    CheckSlot,
    Queue,
    Ticket,
    Convoy,
    Draft,
    Resolved,
    Resolving,
    Check,
    Finishing,
    Temporary,
    Cache,
}

impl RecordKind {
    /// The beginning of its path; the name follows. A kind with an empty name has a single record.
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
            Self::DefaultBranch => "cache/default-branch.",
            Self::Fetched => "fetched.",
            Self::Pushed => "pushed/",
            Self::NoAtomicPush => "no-atomic-push.",
            Self::OthersPush => "cache/others-push.",
            Self::Again => "cache/again-",
            Self::Filing => "filing/",
            Self::Archiving => "archiving/",
            Self::EmptyFolders => "empty-folders",
            Self::Scratch => "scratch/",
            Self::WorktreeMaking => "making-",
            Self::WorktreeFurnishing => "furnishing-",
            Self::WorktreeRemoving => "removing-",
            Self::Verdict => "verdicts/",
            Self::CheckFailure => "failed-checks/",
            Self::Landing => "landings/",
            Self::LandingDoor => "landings.lock",
            Self::CheckSlot => "check-slot.",
            Self::Queue => "queue.lock",
            Self::Ticket => "queue/",
            Self::Convoy => "convoy/",
            Self::Draft => "task-",
            Self::Resolved => "resolved-",
            Self::Resolving => "resolve-",
            Self::Check => "check",
            Self::Finishing => "finishing",
            Self::Temporary => ".tmp",
            Self::Cache => "cache/",
        }
    }

    /// Whether it is a single folder without a name.
    fn is_single(self) -> bool {
        matches!(self, Self::Check | Self::Finishing)
    }

    /// Whether a record is older than its kind allows.
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
    /// The records in a common git directory.
    pub(crate) fn new(common_dir: &Path) -> Self {
        Self(common_dir.join("aitask"))
    }

    /// The folder of the records; created where it is missing.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn folder(&self) -> Result<&Path> {
        std::fs::create_dir_all(&self.0).map_err(|error| Error::io("make", &self.0, &error))?;
        Ok(&self.0)
    }

    /// The path of a record, whether it exists or not.
    pub(crate) fn path(&self, record: RecordKind, name: &str) -> PathBuf {
        self.0.join(format!("{}{name}", record.place()))
    }

    /// Reads a record; `None` for one that is missing, broken or of a higher format.
    pub(crate) fn load<T: DeserializeOwned>(&self, record: RecordKind, name: &str) -> Option<T> {
        decode(&read_own(&self.path(record, name)).ok()?)
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`Kind::Io`], and [`Kind::Occupied`] for one of a higher format, which is not changed.
    pub(crate) fn save<T: Serialize>(&self, record: RecordKind, name: &str, value: &T) -> Result<()> {
        let path = self.path(record, name);
        if is_newer(&path) {
            let message = format!("{} was written by a newer git-aitask, and only that can change it", path.display());
            return Err(Error::new(Kind::Occupied, message));
        }
        self.write(&path, &encode(value)?, |_| Ok(())).map(drop)
    }

    /// [`Self::save`] for a record that only saves work: one of a higher format stays, and that is no error.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn note<T: Serialize>(&self, record: RecordKind, name: &str, value: &T) -> Result<()> {
        if self.is_newer(record, name) { Ok(()) } else { self.save(record, name, value) }
    }

    /// Whether a record exists and has a higher format than [`FORMAT`].
    pub(crate) fn is_newer(&self, record: RecordKind, name: &str) -> bool {
        is_newer(&self.path(record, name))
    }

    /// Writes a note and returns it locked. It is locked before it is renamed to its path, so that no other command can
    /// see it unlocked and take it for one of a killed command.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn save_locked<T: Serialize>(&self, record: RecordKind, name: &str, value: &T) -> Result<File> {
        self.write(&self.path(record, name), &encode(value)?, File::lock)
    }

    /// Writes a note that takes no other's place, and returns it locked by `lock`; `None` where there is one.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(crate) fn create_note(
        &self,
        record: RecordKind,
        name: &str,
        bytes: &[u8],
        lock: fn(&File) -> std::io::Result<()>,
    ) -> Result<Option<File>> {
        let path = self.path(record, name);
        match self.write_beside(&path, bytes, lock)?.persist_noclobber(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(Error::io("write", &path, &error.error)),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8], prepare: fn(&File) -> std::io::Result<()>) -> Result<File> {
        let beside = self.write_beside(path, bytes, prepare)?;
        beside.persist(path).map_err(|error| Error::io("write", path, &error.error))
    }

    fn write_beside(
        &self,
        path: &Path,
        bytes: &[u8],
        prepare: fn(&File) -> std::io::Result<()>,
    ) -> Result<NamedTempFile> {
        let folder = path.parent().unwrap_or(&self.0);
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let mut beside = NamedTempFile::with_prefix_in(RecordKind::Temporary.place(), &self.0)?;
            beside.write_all(bytes)?;
            prepare(beside.as_file())?;
            Ok(beside)
        });
        written.map_err(|error| Error::io("write", path, &error))
    }

    /// The names of the records of a kind that has a folder, without those that are too old.
    pub(crate) fn names(&self, record: RecordKind) -> Vec<String> {
        let entries = entries(&self.0.join(record.place())).filter(|entry| !record.is_over(entry));
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| !name.starts_with(RecordKind::Temporary.place())).collect()
    }

    /// Removes a record, unless it has a higher format.
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

    /// Removes the older half of the records of a kind that has a folder, where there are more than `most`. Best effort.
    pub(crate) fn bound(&self, record: RecordKind, most: usize) {
        let mut all: Vec<_> = entries(&self.0.join(record.place())).collect();
        if all.len() > most {
            all.sort_by_cached_key(|entry| entry.metadata().and_then(|data| data.modified()).ok());
            for entry in all.iter().take(all.len() - most / 2) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// A new temporary folder, removed when it is dropped. A single folder replaces the one that a killed command left:
    /// only the process at the head of the queue creates it, so no other process uses it.
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

    /// The files that no command can use.
    pub(crate) fn oddities(&self) -> Vec<(PathBuf, Oddity)> {
        const FOLDERS: [RecordKind; 6] = [
            RecordKind::Held,
            RecordKind::Making,
            RecordKind::Carry,
            RecordKind::Pushed,
            RecordKind::Filing,
            RecordKind::Archiving,
        ];
        let temporary = RecordKind::Temporary.place();
        let is_temporary = |entry: &DirEntry| entry.file_name().to_string_lossy().starts_with(temporary);
        let is_left = |entry: &DirEntry| {
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            age.is_some_and(|age| age > LEFT)
        };
        let mut found = Vec::new();
        for entry in entries(&self.0) {
            let path = entry.path();
            if is_temporary(&entry) {
                found.extend(is_left(&entry).then_some((path, Oddity::Temporary)));
            } else if path.is_file() && is_newer(&path) {
                found.push((path, Oddity::Newer));
            }
        }
        for entry in FOLDERS.iter().flat_map(|kind| entries(&self.0.join(kind.place()))) {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.push((path, Oddity::Folder));
                continue;
            }
            let Ok(bytes) = read_own(&path) else { continue };
            if format(&bytes) > FORMAT {
                found.push((path, Oddity::Newer));
            } else if serde_json::from_slice::<Map<String, Value>>(&bytes).is_err() {
                found.push((path, Oddity::Unreadable));
            }
        }
        found.sort();
        found
    }

    /// Removes the records that are too old. Best effort; it reads four folders.
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

/// Parses a record; `None` for a broken one and one of a higher format.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if format(bytes) > FORMAT { None } else { serde_json::from_slice(bytes).ok() }
}

/// Whether a record has a higher format than [`FORMAT`].
pub(crate) fn is_newer(path: &Path) -> bool {
    read_own(path).is_ok_and(|bytes| format(&bytes) > FORMAT)
}

/// The format of a record; 0 where it names none.
fn format(bytes: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Format {
        #[serde(default)]
        format: u64,
    }
    serde_json::from_slice(bytes).map_or(0, |found: Format| found.format)
}

/// A record with nothing but a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Location {
    /// The path.
    #[serde(with = "path")]
    pub(crate) path: PathBuf,
}

/// A path in a record, for `#[serde(with)]`: a string, or a list of its bytes where they are not UTF-8.
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

    /// Serialises a path.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub(crate) fn serialize<S: Serializer>(path: &impl AsRef<Path>, to: S) -> Result<S::Ok, S::Error> {
        let path = path.as_ref();
        match path.to_str() {
            Some(text) => to.serialize_str(text),
            None => to.collect_seq(path.as_os_str().as_bytes()),
        }
    }

    /// Deserialises a path.
    ///
    /// # Errors
    /// For a value that is neither string nor list of bytes.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Either::deserialize(from)? {
            Either::Text(path) => path,
            Either::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

#[cfg(test)]
mod tests;
