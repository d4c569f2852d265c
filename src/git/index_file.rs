//! What git's index says, read without starting git (gitformat-index(5)): whether git itself would look at a file again, and
//! whether all of its entries are plain.

use crate::git::registry::git_dir;
use crate::git::{Oid, Repository};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The bits of an entry: it is assumed to be unchanged; further bits follow.
const ASSUME_UNCHANGED: u16 = 0x8000;
const EXTENDED: u16 = 0x4000;

/// Among the further bits: the worktree does without the file.
const SKIP_WORKTREE: u16 = 0x4000;

/// The kind of a submodule in the mode of an entry.
const SUBMODULE: u32 = 0o160_000;

/// Where the times, the mode, the size and the object name of an entry stand: it begins with ten numbers of four bytes.
const CHANGED: usize = 0;
const WRITTEN: usize = 8;
const MODE: usize = 24;
const SIZE: usize = 36;
const OBJECT: usize = 40;

/// The length of the longest object name in bytes: that of SHA-256.
const LONGEST_OBJECT: usize = 32;

/// What the index knows of a file: when its inode was changed and its content written, in seconds and nanoseconds, the lower
/// 32 bits of its size, and its content as it is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    changed: [u32; 2],
    written: [u32; 2],
    size: u32,
    object: [u8; LONGEST_OBJECT],
}

impl Stamp {
    /// Whether the file at a path may have another content: it was changed since, or is gone.
    pub(crate) fn is_outdated(self, path: &Path) -> bool {
        let Ok(found) = path.symlink_metadata() else { return true };
        // A git that was built without them writes no nanoseconds.
        let is_same_time = |[seconds, nanoseconds]: [u32; 2], found: [i64; 2]| {
            i64::from(seconds) == found[0] && (nanoseconds == 0 || i64::from(nanoseconds) == found[1])
        };
        // A program that sets the time of the content back cannot set that of the inode.
        !is_same_time(self.written, [found.mtime(), found.mtime_nsec()])
            || !is_same_time(self.changed, [found.ctime(), found.ctime_nsec()])
            || u64::from(self.size) != found.size() & u64::from(u32::MAX)
    }

    /// Whether this content is staged.
    pub(crate) fn is_of(&self, blob: &Oid) -> bool {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut bytes = blob.as_str().as_bytes().chunks_exact(2).zip(&self.object);
        bytes.all(
            |(pair, byte)| matches!(pair, [high, low] if digit(*high).zip(digit(*low)) == Some((byte >> 4, byte & 15))),
        )
    }
}

/// The files below some folders in the index of a worktree. `None` where a part of the entries is in another file, or
/// anything is not understood.
pub(crate) fn load(repository: &Repository, worktree: &Path, folders: &[String]) -> Option<HashMap<OsString, Stamp>> {
    let mut stamps = HashMap::new();
    let is_below = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    let (index, hash_len) = read(repository, worktree)?;
    parse(&index, hash_len, |name, stamp, _| {
        let name = OsStr::from_bytes(name);
        if is_below(Path::new(name)) {
            stamps.insert(name.to_owned(), stamp);
        }
    })?;
    Some(stamps)
}

/// Whether the index of a worktree certainly has no entry that is marked, and none of a submodule. Where a part of the
/// entries is in another file, or anything is not understood, it is false.
pub(super) fn is_plain(repository: &Repository, worktree: &Path) -> bool {
    read(repository, worktree).is_some_and(|(index, hash_len)| are_plain(&index, hash_len))
}

/// The index of a worktree, and the length of an object name in bytes.
fn read(repository: &Repository, worktree: &Path) -> Option<(Vec<u8>, usize)> {
    let index = std::fs::read(git_dir(worktree)?.join("index")).ok()?;
    Some((index, repository.digits()? / 2))
}

fn are_plain(index: &[u8], hash_len: usize) -> bool {
    let mut are_plain = true;
    parse(index, hash_len, |_, _, is_plain| are_plain &= is_plain).is_some() && are_plain
}

/// Reads the name and the stamp of each entry, and whether it is neither marked nor a submodule.
fn parse(index: &[u8], hash_len: usize, mut each: impl FnMut(&[u8], Stamp, bool)) -> Option<()> {
    let head = index.strip_prefix(b"DIRC")?;
    let (version, count) = (number(head, 0)?, number(head, 4)?);
    if !(2..=4).contains(&version) {
        return None;
    }
    let end = index.len().checked_sub(hash_len)?;
    let mut rest = index.get(12..end)?;
    let mut name = Vec::new();
    for _ in 0..count {
        let flags = bits(rest, OBJECT + hash_len)?;
        let mut length = OBJECT + hash_len + 2;
        let mut is_plain = flags & ASSUME_UNCHANGED == 0 && number(rest, MODE)? & 0o170_000 != SUBMODULE;
        if flags & EXTENDED != 0 {
            is_plain &= version >= 3 && bits(rest, length)? & SKIP_WORKTREE == 0;
            length += 2;
        }
        name.truncate(if version == 4 { name.len().checked_sub(left_out(rest, &mut length)?)? } else { 0 });
        let added = rest.get(length..)?;
        let added = added.get(..added.iter().position(|byte| *byte == 0)?)?;
        name.extend_from_slice(added);
        let mut object = [0; LONGEST_OBJECT];
        object.get_mut(..hash_len)?.copy_from_slice(rest.get(OBJECT..OBJECT + hash_len)?);
        let time = |at: usize| Some([number(rest, at)?, number(rest, at + 4)?]);
        let stamp = Stamp { changed: time(CHANGED)?, written: time(WRITTEN)?, size: number(rest, SIZE)?, object };
        each(&name, stamp, is_plain);
        length += added.len();
        // The name ends with one byte of 0, or with 1 to 8 that make the length a multiple of 8.
        length = if version == 4 { length + 1 } else { length / 8 * 8 + 8 };
        rest = rest.get(length..)?;
    }
    // Extensions: a name in capitals is one that may be ignored.
    while !rest.is_empty() {
        let length = usize::try_from(number(rest, 4)?).ok()?;
        if !rest.first()?.is_ascii_uppercase() {
            return None;
        }
        rest = rest.get(8..)?.get(length..)?;
    }
    Some(())
}

/// How many bytes of the name before do not belong to the name at `at`, which is moved behind that number: all of its bytes
/// but the last have the highest bit.
fn left_out(entry: &[u8], at: &mut usize) -> Option<usize> {
    let mut number = 0_usize;
    loop {
        let byte = *entry.get(*at)?;
        *at += 1;
        number |= usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
        number = number.checked_add(1)?.checked_mul(0x80)?;
    }
}

/// A number of four bytes.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number of two bytes.
fn bits(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// An entry of version 2 or 3; its times and its size are made of the length of its name.
    fn entry(mode: u32, flags: u16, further: Option<u16>, name: &str) -> Vec<u8> {
        let length = u16::try_from(name.len()).unwrap();
        let mut bytes = vec![0; OBJECT + 20];
        for (at, value) in
            [(WRITTEN, u32::from(length)), (WRITTEN + 4, 7), (MODE, mode), (SIZE, u32::from(length) * 10)]
        {
            bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        let flags = flags | further.map_or(0, |_| EXTENDED) | length;
        bytes.extend(flags.to_be_bytes());
        bytes.extend(further.iter().flat_map(|further| further.to_be_bytes()));
        bytes.extend(name.as_bytes());
        bytes.resize(bytes.len() / 8 * 8 + 8, 0);
        bytes
    }

    fn index(version: u8, entries: &[Vec<u8>], extensions: &[u8]) -> Vec<u8> {
        let count = u8::try_from(entries.len()).unwrap();
        [&b"DIRC\0\0\0"[..], &[version, 0, 0, 0, count], &entries.concat(), extensions, &[9; 20]].concat()
    }

    fn read(bytes: &[u8]) -> Option<BTreeMap<String, Stamp>> {
        let mut found = BTreeMap::new();
        let each = |name: &[u8], stamp, _| found.extend([(String::from_utf8_lossy(name).into_owned(), stamp)]);
        parse(bytes, 20, each).map(|()| found)
    }

    #[test]
    fn an_index_is_plain_where_no_entry_is_marked_and_all_is_understood() {
        let plain = || entry(0o100_644, 0, None, "a");
        let (tree, link) = (&b"TREE\0\0\0\x02ab"[..], &b"link\0\0\0\x02ab"[..]);
        for (entries, extensions, expected) in [
            (vec![], &b""[..], true),
            (vec![plain(), entry(0o120_000, 0, None, "sevenxx"), entry(0o100_755, 0, None, "eightxxx")], tree, true),
            (vec![plain(), entry(0o100_644, 0x3000, Some(0x2000), "in conflict, and to be added")], b"", true),
            (vec![plain(), entry(0o100_644, ASSUME_UNCHANGED, None, "b")], b"", false),
            (vec![plain(), entry(0o100_644, 0, Some(SKIP_WORKTREE), "b"), plain()], b"", false),
            (vec![plain(), entry(SUBMODULE, 0, None, "b")], b"", false),
            (vec![plain()], link, false),
            (vec![plain()], &tree[..9], false),
        ] {
            assert_eq!(are_plain(&index(3, &entries, extensions), 20), expected, "{entries:?}");
            assert!(!are_plain(&index(5, &entries, extensions), 20));
        }
        assert!(!are_plain(&index(2, &[entry(0o100_644, 0, Some(0x2000), "b")], b""), 20));
    }

    #[test]
    fn every_file_is_found_whatever_the_length_of_its_name() {
        let names: Vec<_> = (1..20).map(|length| "x".repeat(length)).collect();
        let further = |n: usize| (n.is_multiple_of(3)).then_some(0x2000);
        let entries: Vec<_> = names.iter().enumerate().map(|(n, name)| entry(0o100_644, 0, further(n), name)).collect();
        let bytes = index(3, &entries, b"");
        let found = read(&bytes).unwrap();
        assert_eq!(found.len(), names.len());
        for name in &names {
            let length = u32::try_from(name.len()).unwrap();
            let object = [0; LONGEST_OBJECT];
            let stamp = Stamp { changed: [0, 0], written: [length, 7], size: length * 10, object };
            assert_eq!(found.get(name), Some(&stamp), "{name}");
        }
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn the_content_that_is_staged() {
        let mut object = [0; LONGEST_OBJECT];
        object[..20].copy_from_slice(&[0x1f; 20]);
        let stamp = Stamp { changed: [0, 0], written: [0, 0], size: 0, object };
        let is_of = |text: &str| stamp.is_of(&Oid::parse(text).unwrap());
        assert!(is_of(&"1f".repeat(20)));
        for other in ["f1".repeat(20), "1f".repeat(19) + "1e", "1f".repeat(32)] {
            assert!(!is_of(&other), "{other}");
        }
    }

    #[test]
    fn a_name_without_what_it_shares_with_the_one_before_is_found() {
        let short = |shared: &[u8], rest: &str| {
            let mut bytes = entry(0o100_644, 0, None, "");
            bytes.truncate(OBJECT + 22);
            [&bytes, shared, rest.as_bytes(), &[0]].concat()
        };
        let long = "x".repeat(300);
        // 300 is the number after 128, by 172: two bytes, of which the first counts one more than it says
        let entries = [short(&[0], "docs/a.md"), short(&[4], "b.md"), short(&[9], &long), short(&[0x81, 0x2c], "y")];
        let found: Vec<_> = read(&index(4, &entries, b"")).unwrap().into_keys().collect();
        assert_eq!(found, ["docs/a.md", "docs/b.md", &long, "y"]);
        assert_eq!(read(&index(4, &[short(&[1], "a")], b"")), None);
    }

    proptest! {
        #[test]
        fn anything(bytes: Vec<u8>, version in 2u8..6) {
            let _ = are_plain(&bytes, 20);
            let _ = are_plain(&index(version, &[bytes], b""), 20);
        }
    }
}
