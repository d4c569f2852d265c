//! What git's index says of the files of a worktree, read without starting git: whether git itself would look at a file
//! again. gitformat-index(5).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What the index knows of a file: its last change in seconds and nanoseconds, and the lower 32 bits of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    seconds: u32,
    nanoseconds: u32,
    size: u32,
}

impl Stamp {
    /// Whether the file at a path may have another content: it was changed since, or is gone.
    pub(crate) fn is_outdated(self, path: &Path) -> bool {
        let Ok(found) = path.symlink_metadata() else { return true };
        // A git that was built without them writes no nanoseconds.
        let is_same_time = i64::from(self.seconds) == found.mtime()
            && (self.nanoseconds == 0 || i64::from(self.nanoseconds) == found.mtime_nsec());
        !is_same_time || u64::from(self.size) != found.size() & u64::from(u32::MAX)
    }
}

/// The files below some folders in the index of the worktree with this git directory; `object_name` is the length of the
/// name of an object in bytes. `None` where it has another form: versions above 3, or one that cannot be read.
pub(crate) fn load(git_dir: &Path, object_name: usize, folders: &[String]) -> Option<BTreeMap<PathBuf, Stamp>> {
    let mut stamps = BTreeMap::new();
    let is_below = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    parse(&std::fs::read(git_dir.join("index")).ok()?, object_name, |path, stamp| {
        if is_below(path) {
            stamps.insert(path.to_owned(), stamp);
        }
    })?;
    Some(stamps)
}

/// Parses an index.
fn parse(index: &[u8], object_name: usize, mut found: impl FnMut(&Path, Stamp)) -> Option<()> {
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at.checked_add(4)?)?.try_into().ok()?));
    if index.get(..4)? != b"DIRC" || !matches!(number(4)?, 2 | 3) {
        return None;
    }
    let mut at = 12_usize;
    for _ in 0..number(8)? {
        let flags = index.get(at + 40 + object_name)?;
        let is_extended = flags & 0x40 != 0;
        let fixed = 42 + object_name + if is_extended { 2 } else { 0 };
        let rest = index.get(at + fixed..)?;
        let name = rest.get(..rest.iter().position(|byte| *byte == 0)?)?;
        let stamp = Stamp { seconds: number(at + 8)?, nanoseconds: number(at + 12)?, size: number(at + 36)? };
        found(Path::new(OsStr::from_bytes(name)), stamp);
        // At least one NUL follows the name, so that the length is a multiple of 8.
        at += (fixed + name.len()) / 8 * 8 + 8;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(version: u32, files: &[(&str, bool)]) -> Vec<u8> {
        let count = u32::try_from(files.len()).unwrap();
        let mut bytes = [&b"DIRC"[..], &version.to_be_bytes(), &count.to_be_bytes()].concat();
        for (number, (name, is_extended)) in (1_u32..).zip(files) {
            let mut entry = vec![0; 62];
            for (at, value) in [(8, number), (12, 7), (36, number * 10)] {
                entry[at..at + 4].copy_from_slice(&value.to_be_bytes());
            }
            if *is_extended {
                entry[60] = 0x40;
                entry.extend([0, 0]);
            }
            entry.extend(name.bytes());
            entry.resize(entry.len() / 8 * 8 + 8, 0);
            bytes.extend(entry);
        }
        bytes
    }

    #[test]
    fn every_file_is_found_whatever_the_length_of_its_name() {
        let names: Vec<_> = (1..20).map(|length| "x".repeat(length)).collect();
        let files: Vec<_> = names.iter().enumerate().map(|(n, name)| (name.as_str(), n % 3 == 0)).collect();
        let bytes = index(3, &files);
        let read = |bytes: &[u8]| {
            let mut found = BTreeMap::new();
            parse(bytes, 20, |path, stamp| found.extend([(path.to_owned(), stamp)])).map(|()| found)
        };
        let found = read(&bytes).unwrap();
        assert_eq!(found.len(), files.len());
        for (number, (name, _)) in (1..).zip(&files) {
            let stamp = Stamp { seconds: number, nanoseconds: 7, size: number * 10 };
            assert_eq!(found.get(Path::new(name)), Some(&stamp), "{name}");
        }
        // Up to the NULs after the last name, what was cut off is noticed.
        for length in 0..bytes.len() - 8 {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
        assert_eq!(read(&index(4, &files)), None);
    }
}
