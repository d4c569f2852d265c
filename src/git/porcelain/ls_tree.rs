//! `git ls-tree -z`: git-ls-tree(1), section "OUTPUT FORMAT"; and the entries of raw tree objects.

use super::{malformed, oid, records, split_once};
use crate::error::Result;
use crate::git::types::Oid;
use std::fmt::Write as _;

/// What an entry of a tree is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FileMode {
    /// A file; also the group-writable one that very old gits wrote.
    File,
    /// A file that can be run.
    Executable,
    /// A symbolic link; its blob is the target.
    Symlink,
    /// A directory.
    Tree,
    /// A commit of another repository.
    Submodule,
}

impl FileMode {
    /// The digits as `ls-tree` writes and `mktree` reads them.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            FileMode::File => "100644",
            FileMode::Executable => "100755",
            FileMode::Symlink => "120000",
            FileMode::Tree => "040000",
            FileMode::Submodule => "160000",
        }
    }

    /// Whether its blob is a text of its own.
    pub(crate) fn is_file(self) -> bool {
        matches!(self, FileMode::File | FileMode::Executable)
    }

    /// Reads octal digits as git does: the type, and for files whether the owner may run it.
    fn parse(digits: &[u8]) -> Option<Self> {
        let bits = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?;
        match bits & 0o170_000 {
            0o100_000 if bits & 0o100 != 0 => Some(FileMode::Executable),
            0o100_000 => Some(FileMode::File),
            0o120_000 => Some(FileMode::Symlink),
            0o040_000 => Some(FileMode::Tree),
            0o160_000 => Some(FileMode::Submodule),
            _ => None,
        }
    }
}

/// An entry of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TreeEntry {
    /// What it is.
    pub(crate) mode: FileMode,
    /// The blob, tree, or (of a submodule) commit.
    pub(crate) oid: Oid,
    /// The path, relative to the tree that was asked for; any bytes but NUL.
    pub(crate) path: Vec<u8>,
}

impl TreeEntry {
    /// The path, when it is UTF-8.
    pub(crate) fn path_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.path).ok()
    }
}

/// Parses `git ls-tree -z`, with or without `-r` and `-t`: `mode SP type SP object TAB path NUL`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<TreeEntry>> {
    const EXPECTED: &str = "an entry of a tree: mode, type, object, path";
    let entry = |record| {
        let (meta, path) = split_once(record, b'\t')?;
        let (mode, rest) = split_once(meta, b' ')?;
        let (_, object) = split_once(rest, b' ')?;
        Some(TreeEntry { mode: FileMode::parse(mode)?, oid: oid(object)?, path: path.to_vec() })
    };
    records(EXPECTED, bytes, 0)?.map(|record| entry(record).ok_or_else(|| malformed(EXPECTED, record))).collect()
}

/// Parses the data of a tree object, as `git cat-file --batch` gives it: `mode SP name NUL object`, where the
/// object is `hash_len` raw bytes (20 for SHA-1, 32 for SHA-256).
pub(crate) fn parse_tree(mut data: &[u8], hash_len: usize) -> Result<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    while !data.is_empty() {
        let (entry, rest) = raw_entry(data, hash_len).ok_or_else(|| malformed("an entry of a tree object", data))?;
        entries.push(entry);
        data = rest;
    }
    Ok(entries)
}

fn raw_entry(data: &[u8], hash_len: usize) -> Option<(TreeEntry, &[u8])> {
    let (mode, rest) = split_once(data, b' ')?;
    let (name, rest) = split_once(rest, 0)?;
    let (hash, rest) = rest.split_at_checked(hash_len)?;
    let mut hex = String::with_capacity(2 * hash_len);
    for byte in hash {
        write!(hex, "{byte:02x}").ok()?;
    }
    Some((TreeEntry { mode: FileMode::parse(mode)?, oid: Oid::parse(&hex)?, path: name.to_vec() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOP: [(FileMode, &[u8]); 6] = [
        (FileMode::Tree, b"a dir"),
        (FileMode::Tree, b"bin"),
        (FileMode::File, b"caf\xe9"),
        (FileMode::Symlink, b"link"),
        (FileMode::Submodule, b"module"),
        (FileMode::File, b"plain.txt"),
    ];

    fn short(entries: &[TreeEntry]) -> Vec<(FileMode, &[u8])> {
        entries.iter().map(|entry| (entry.mode, entry.path.as_slice())).collect()
    }

    #[test]
    fn recorded_top() {
        for (listed, raw, hash_len) in [
            (recorded!("sha1-ls-tree.bin"), recorded!("sha1-tree-raw.bin"), 20),
            (recorded!("sha256-ls-tree.bin"), recorded!("sha256-tree-raw.bin"), 32),
        ] {
            for ((_, listed), (_, raw)) in listed.into_iter().zip(raw) {
                let entries = parse(listed).unwrap();
                assert_eq!(short(&entries), TOP);
                assert_eq!(entries, parse_tree(raw, hash_len).unwrap());
                assert_eq!(entries[2].path_str(), None);
                assert_eq!(entries[0].path_str(), Some("a dir"));
            }
        }
    }

    #[test]
    fn recorded_recursive() {
        for (_, bytes) in recorded!("sha1-ls-tree-rt.bin") {
            let entries = parse(bytes).unwrap();
            let paths: Vec<_> = entries.iter().filter_map(TreeEntry::path_str).collect();
            let expected = [
                "a dir",
                "a dir/deep",
                "a dir/deep/ünï.md",
                "a dir/two\nlines",
                "a dir/with space.md",
                "bin",
                "bin/run",
                "link",
                "module",
                "plain.txt",
            ];
            assert_eq!(paths, expected);
            let files = entries.into_iter().filter(|entry| entry.mode != FileMode::Tree).collect::<Vec<_>>();
            assert!(files.iter().any(|entry| entry.mode == FileMode::Executable && entry.path == b"bin/run"));
            assert_eq!(files, parse(recorded!("2.47.3", "sha1-ls-tree-r.bin")).unwrap());
        }
    }

    #[test]
    fn the_empty_tree() {
        for (_, bytes) in recorded!("sha256-ls-tree-empty.bin") {
            assert!(parse(bytes).unwrap().is_empty());
        }
        assert!(parse_tree(b"", 20).unwrap().is_empty());
    }

    #[test]
    fn modes() {
        for mode in [FileMode::File, FileMode::Executable, FileMode::Symlink, FileMode::Tree, FileMode::Submodule] {
            assert_eq!(FileMode::parse(mode.as_str().as_bytes()), Some(mode));
        }
        assert_eq!(FileMode::parse(b"100664"), Some(FileMode::File));
        assert_eq!(FileMode::parse(b"40000"), Some(FileMode::Tree));
        assert_eq!(FileMode::parse(b"010000"), None);
    }

    #[test]
    fn raw_objects_cut_off() {
        let raw = recorded!("2.47.3", "sha1-tree-raw.bin");
        for cut in 1..20 {
            assert!(parse_tree(&raw[..raw.len() - cut], 20).is_err());
        }
        assert!(parse_tree(b"100644 a\0", 0).is_err());
    }

    fn modes_of_all_kinds() -> impl Strategy<Value = FileMode> {
        prop::sample::select(vec![
            FileMode::File,
            FileMode::Executable,
            FileMode::Symlink,
            FileMode::Tree,
            FileMode::Submodule,
        ])
    }

    proptest! {
        #[test]
        fn round_trip(
            entries in prop::collection::vec(
                (modes_of_all_kinds(), "[1-9a-f]{40}", prop::collection::vec(1u8.., 1..9)),
                0..9,
            ),
        ) {
            let mut printed = Vec::new();
            for (mode, oid, path) in &entries {
                printed.extend_from_slice(format!("{} type {oid}\t", mode.as_str()).as_bytes());
                printed.extend_from_slice(path);
                printed.push(0);
            }
            let found: Vec<_> = parse(&printed).unwrap().into_iter().map(|e| (e.mode, e.oid.to_string(), e.path)).collect();
            prop_assert_eq!(found, entries);
        }

        #[test]
        fn anything(bytes: Vec<u8>, hash_len: usize) {
            let _ = parse(&bytes);
            let _ = parse_tree(&bytes, hash_len % 40);
        }
    }
}
