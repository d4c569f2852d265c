//! `git status --porcelain=v2 --branch -z`: git-status(1), section "Porcelain Format Version 2".

use super::{malformed, path, records, text};
use crate::error::Result;
use crate::git::AheadBehind;
use crate::git::types::{Branch, Oid};
use std::path::PathBuf;

/// The state of a work tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct WorktreeStatus {
    /// The commit that is checked out; none before the first one.
    pub(crate) head: Option<Oid>,
    /// The branch that is checked out. None when the head is detached, or the branch is one that we cannot
    /// name, which [`WorktreeStatus::detached`] tells apart.
    pub(crate) branch: Option<Branch>,
    /// Whether no branch is checked out.
    pub(crate) detached: bool,
    /// The branch's upstream in git's short form, `origin/main`; it need not exist.
    pub(crate) upstream: Option<String>,
    /// How many commits the branch is ahead of and behind its upstream; none when that does not exist, or
    /// git was told not to count.
    pub(crate) ahead_behind: Option<AheadBehind>,
    /// The files, as git orders them.
    pub(crate) entries: Vec<StatusEntry>,
}

impl WorktreeStatus {
    /// Whether anything is there that a commit does not have: changes, conflicts, untracked files. Ignored
    /// files do not count.
    pub(crate) fn is_dirty(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind != StatusKind::Ignored)
    }
}

/// What sort of change a [`StatusEntry`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum StatusKind {
    /// A tracked file that was changed, added or deleted.
    Ordinary,
    /// A tracked file that was renamed or copied.
    Renamed,
    /// A file in conflict.
    Unmerged,
    /// A file that git does not know.
    Untracked,
    /// A file that git was told not to know.
    Ignored,
}

/// A file that is not as in the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StatusEntry {
    /// The change in the index and the one in the work tree: `M`, `A`, `D`, `R`, `C`, `T`, `U`, or `.` for none;
    /// `??` and `!!` for untracked and ignored files.
    pub(crate) code: [char; 2],
    /// Where it is, relative to the top of the work tree. An untracked directory ends with a slash.
    pub(crate) path: PathBuf,
    /// Where it was, when it was renamed or copied.
    pub(crate) from: Option<PathBuf>,
    /// The sort of change.
    pub(crate) kind: StatusKind,
}

/// Parses the output; headers and sorts of entries that later gits may add are skipped.
pub(crate) fn parse(bytes: &[u8]) -> Result<WorktreeStatus> {
    let mut status = WorktreeStatus::default();
    let mut rest = records("an entry of status", bytes, 0)?;
    while let Some(record) = rest.next() {
        let broken = || malformed("an entry of status", record);
        match record {
            [b'#', b' ', header @ ..] => status.header(header).ok_or_else(broken)?,
            [b'1', b' ', fields @ ..] => {
                status.entries.push(tracked(fields, 8, StatusKind::Ordinary).ok_or_else(broken)?);
            }
            [b'2', b' ', fields @ ..] => {
                let mut entry = tracked(fields, 9, StatusKind::Renamed).ok_or_else(broken)?;
                entry.from = Some(path(rest.next().ok_or_else(broken)?));
                status.entries.push(entry);
            }
            [b'u', b' ', fields @ ..] => {
                status.entries.push(tracked(fields, 10, StatusKind::Unmerged).ok_or_else(broken)?);
            }
            [b'?', b' ', name @ ..] => status.entries.push(untracked(name, '?', StatusKind::Untracked)),
            [b'!', b' ', name @ ..] => status.entries.push(untracked(name, '!', StatusKind::Ignored)),
            _ => return Err(broken()),
        }
    }
    Ok(status)
}

impl WorktreeStatus {
    fn header(&mut self, header: &[u8]) -> Option<()> {
        let header = text(header);
        let (name, value) = header.split_once(' ')?;
        match name {
            "branch.oid" if value == "(initial)" => {}
            "branch.oid" => self.head = Some(Oid::parse(value)?),
            "branch.head" if value == "(detached)" => self.detached = true,
            "branch.head" => self.branch = Branch::parse(value).ok().filter(|_| !value.contains('\u{fffd}')),
            "branch.upstream" => self.upstream = Some(value.to_owned()),
            "branch.ab" => self.ahead_behind = ahead_behind(value),
            _ => {}
        }
        Some(())
    }
}

/// `+2 -1`; git writes `+? -?` when it did not count.
fn ahead_behind(value: &str) -> Option<AheadBehind> {
    let (ahead, behind) = value.split_once(' ')?;
    let (ahead, behind) = (ahead.strip_prefix('+')?, behind.strip_prefix('-')?);
    Some(AheadBehind { ahead: ahead.parse().ok()?, behind: behind.parse().ok()? })
}

/// An entry whose `count` fields begin with the code and end with the path.
fn tracked(fields: &[u8], count: usize, kind: StatusKind) -> Option<StatusEntry> {
    let fields: Vec<&[u8]> = fields.splitn(count, |byte| *byte == b' ').collect();
    let (Some([x, y]), Some(name)) = (fields.first(), fields.get(count - 1)) else { return None };
    Some(StatusEntry { code: [char::from(*x), char::from(*y)], path: path(name), from: None, kind })
}

fn untracked(name: &[u8], code: char, kind: StatusKind) -> StatusEntry {
    StatusEntry { code: [code; 2], path: path(name), from: None, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn short(status: &WorktreeStatus) -> Vec<(String, StatusKind, &[u8])> {
        use std::os::unix::ffi::OsStrExt;
        let code = |entry: &StatusEntry| entry.code.iter().collect();
        status.entries.iter().map(|entry| (code(entry), entry.kind, entry.path.as_os_str().as_bytes())).collect()
    }

    #[test]
    fn recorded_changes() {
        use StatusKind::{Ignored, Ordinary, Renamed, Untracked};
        for case in [recorded!("sha1-status.bin"), recorded!("sha256-status.bin")] {
            for (version, bytes) in case {
                let status = parse(bytes).unwrap();
                let expected: [(&str, StatusKind, &[u8]); 10] = [
                    (".D", Ordinary, b"a dir/two\nlines"),
                    ("MM", Ordinary, b"a dir/with space.md"),
                    (".A", Ordinary, b"added"),
                    (".M", Ordinary, b"bin/run"),
                    ("D.", Ordinary, b"link"),
                    ("R.", Renamed, b"renamed two\nlines.txt"),
                    ("??", Untracked, b"link"),
                    ("??", Untracked, b"untracked"),
                    ("??", Untracked, b"untracked caf\xe9"),
                    ("!!", Ignored, b"x.tmp"),
                ];
                let expected: Vec<_> = expected.map(|(code, kind, name)| (code.to_owned(), kind, name)).to_vec();
                assert_eq!(short(&status), expected, "{version}");
                assert_eq!(status.entries[5].from, Some(PathBuf::from("plain.txt")));
                assert_eq!(status.branch.as_ref().map(Branch::as_str), Some("main"));
                assert!(status.is_dirty());
            }
        }
    }

    #[test]
    fn recorded_conflicts() {
        for case in [recorded!("sha1-status-unmerged.bin"), recorded!("sha256-status-unmerged.bin")] {
            for (_, bytes) in case {
                let status = parse(bytes).unwrap();
                let expected: [(&str, &[u8]); 4] =
                    [("AA", b"both.txt"), ("UU", b"caf\xe9"), ("DU", b"link"), ("AA", b"two\nlines.txt")];
                let expected: Vec<_> =
                    expected.map(|(code, name)| (code.to_owned(), StatusKind::Unmerged, name)).to_vec();
                assert_eq!(short(&status), expected);
            }
        }
    }

    #[test]
    fn recorded_branches() {
        for (_, bytes) in recorded!("sha1-status-initial.bin") {
            let status = parse(bytes).unwrap();
            assert_eq!((status.head.clone(), status.branch.as_ref().map(Branch::as_str)), (None, Some("main")));
            assert!(!status.detached);
        }
        for (_, bytes) in recorded!("sha256-status-detached.bin") {
            let status = parse(bytes).unwrap();
            assert!(status.detached && status.branch.is_none() && status.head.is_some() && !status.is_dirty());
        }
        for (_, bytes) in recorded!("sha1-status-behind.bin") {
            let status = parse(bytes).unwrap();
            assert_eq!(
                (status.upstream.as_deref(), status.ahead_behind),
                (Some("linked"), Some(AheadBehind { ahead: 1, behind: 0 }))
            );
        }
        for (_, bytes) in recorded!("sha1-status-upstream-gone.bin") {
            let status = parse(bytes).unwrap();
            assert_eq!((status.upstream.as_deref(), status.ahead_behind), (Some("absent"), None));
        }
        for (_, bytes) in recorded!("sha1-status-clean.bin") {
            let status = parse(bytes).unwrap();
            assert_eq!((status.upstream.as_deref(), status.is_dirty()), (None, false));
        }
    }

    #[test]
    fn ignored_files_and_branches_without_a_name() {
        let status = parse(b"# branch.head caf\xe9\0# branch.ab +? -?\0# new thing\0! x\0").unwrap();
        assert!(status.branch.is_none() && !status.detached && status.ahead_behind.is_none() && !status.is_dirty());
        for bad in
            [&b"\0"[..], b"x\0", b"1 MM N...\0", b"2 R. N... 1 2 3 4 5 R100 new\0", b"1 M N 1 2 3 4 5 a\0", b"? a"]
        {
            assert_eq!(parse(bad).unwrap_err().kind(), crate::error::Kind::Git, "{}", text(bad));
        }
    }

    proptest! {
        #[test]
        fn round_trip(
            names in prop::collection::vec((0..5usize, prop::collection::vec(1u8.., 1..9)), 0..9),
            ahead: u32, behind: u32,
        ) {
            let mut printed = format!("# branch.ab +{ahead} -{behind}\0").into_bytes();
            for (sort, name) in &names {
                let start =
                    ["1 MM N... 1 2 3 4 5 ", "2 R. N... 1 2 3 4 5 R9 ", "u UU N... 1 2 3 4 5 6 7 ", "? ", "! "][*sort];
                printed.extend_from_slice(&[start.as_bytes(), name, b"\0"].concat());
                if *sort == 1 {
                    printed.extend_from_slice(b"# old\0");
                }
            }
            let status = parse(&printed).unwrap();
            prop_assert_eq!(status.ahead_behind, Some(AheadBehind { ahead, behind }));
            prop_assert_eq!(status.is_dirty(), names.iter().any(|(sort, _)| *sort != 4));
            let found: Vec<_> = status.entries.iter().map(|entry| entry.path.clone()).collect();
            prop_assert_eq!(found, names.iter().map(|(_, name)| path(name)).collect::<Vec<_>>());
            let renamed = status.entries.iter().filter(|entry| entry.from == Some(path(b"# old"))).count();
            prop_assert_eq!(renamed, names.iter().filter(|(sort, _)| *sort == 1).count());
        }

        #[test]
        fn anything(bytes: Vec<u8>, sort in "[12u?!#] ") {
            let _ = parse(&bytes);
            let _ = parse(&[sort.as_bytes(), &bytes, b"\0"].concat());
        }
    }
}
