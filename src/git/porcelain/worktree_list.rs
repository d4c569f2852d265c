//! `git worktree list --porcelain`, with `-z` (git 2.36 and later) or without: git-worktree(1), section
//! "LIST OUTPUT FORMAT", "Porcelain Format".

use super::{malformed, path, quoted, records, ref_name, split_once, text};
use crate::error::Result;
use crate::git::types::{Oid, RefName};
use std::path::PathBuf;

/// A worktree of the registry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct WorktreeRecord {
    /// Where it is, or was.
    pub(crate) path: PathBuf,
    /// The commit that is checked out; none in a bare repository and before the first commit.
    pub(crate) head: Option<Oid>,
    /// The branch that is checked out. When this is none and the worktree neither bare nor detached, it is a
    /// branch that we cannot name.
    pub(crate) branch: Option<RefName>,
    /// Whether this is a bare repository, which has no files.
    pub(crate) bare: bool,
    /// Whether no branch is checked out.
    pub(crate) detached: bool,
    /// Why it must not be removed, when it is locked; empty if no reason was given.
    pub(crate) locked: Option<String>,
    /// Why git holds it to be gone, when it does. A locked one is never said to be gone.
    pub(crate) prunable: Option<String>,
}

/// Parses `git worktree list --porcelain -z`; the main worktree is the first record. Attributes that later gits
/// may add are skipped.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<WorktreeRecord>> {
    parse_ended(bytes, 0)
}

/// Parses `git worktree list --porcelain`, as [`parse`] does. Here a newline in a path is printed as it is; since
/// git prints `HEAD` or `bare` right after the path, what comes before them is the path.
pub(crate) fn parse_lines(bytes: &[u8]) -> Result<Vec<WorktreeRecord>> {
    parse_ended(bytes, b'\n')
}

/// A list of worktrees as far as it can be understood.
#[derive(Debug)]
pub(crate) struct PartialList {
    /// What is understood.
    pub(crate) records: Vec<WorktreeRecord>,
    /// Whether that is all of it.
    pub(crate) whole: bool,
}

/// Parses `git worktree list --porcelain` as far as it can be understood, and says whether it was all of it: a line of
/// unknown kind may be a part of a path.
pub(crate) fn parse_lines_loosely(bytes: &[u8]) -> PartialList {
    let (mut worktrees, mut whole) = (Vec::new(), true);
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    for block in lines.split(|line| line.is_empty()).filter(|block| !block.is_empty()) {
        let printed = |lines: &[&[u8]]| [&lines.join(&b'\n')[..], b"\n\n"].concat();
        let attributes = block.iter().skip_while(|line| !follows_path(line));
        let strictly = parse_lines(&printed(block));
        whole &= strictly.is_ok() && attributes.clone().all(|line| is_known(line));
        // A reason that cannot be read still is one.
        let plain = |line| if label(line) == b"locked" { b"locked" } else { line };
        let known: Vec<&[u8]> = block.iter().copied().filter(|line| is_known(line)).map(plain).collect();
        worktrees.extend(strictly.or_else(|_| parse_lines(&printed(&known))).unwrap_or_default());
    }
    PartialList { records: worktrees, whole }
}

fn label(line: &[u8]) -> &[u8] {
    split_once(line, b' ').map_or(line, |(label, _)| label)
}

fn is_known(line: &[u8]) -> bool {
    matches!(label(line), b"worktree" | b"HEAD" | b"branch" | b"bare" | b"detached" | b"locked" | b"prunable")
}

fn parse_ended(bytes: &[u8], end: u8) -> Result<Vec<WorktreeRecord>> {
    const EXPECTED: &str = "a record of worktree list";
    let nul = end == 0;
    let mut lines = records(EXPECTED, bytes, end)?.peekable();
    let mut worktrees = Vec::new();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix(b"worktree ").ok_or_else(|| malformed(EXPECTED, line))?;
        let mut name = name.to_vec();
        while !nul && let Some(more) = lines.next_if(|line| !follows_path(line)) {
            name.push(b'\n');
            name.extend_from_slice(more);
        }
        if !lines.peek().is_some_and(|line| follows_path(line)) {
            return Err(malformed("the head of a worktree", line));
        }
        let mut worktree = WorktreeRecord { path: path(&name), ..WorktreeRecord::default() };
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            worktree.attribute(line, nul).ok_or_else(|| malformed("an attribute of a worktree", line))?;
        }
        worktrees.push(worktree);
    }
    Ok(worktrees)
}

/// Whether this line is the one that git prints after the path.
fn follows_path(line: &[u8]) -> bool {
    line == b"bare"
        || line.strip_prefix(b"HEAD ").is_some_and(|oid| utf8(oid).is_some_and(|oid| Oid::parse_or_zero(oid).is_ok()))
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

impl WorktreeRecord {
    fn attribute(&mut self, line: &[u8], nul: bool) -> Option<()> {
        let (label, value) = split_once(line, b' ').unwrap_or((line, b""));
        match label {
            b"HEAD" => self.head = Oid::parse_or_zero(utf8(value)?).ok()?,
            b"branch" => self.branch = ref_name(value),
            b"bare" => self.bare = true,
            b"detached" => self.detached = true,
            b"locked" if nul => self.locked = Some(text(value)),
            b"locked" => self.locked = Some(text(&quoted::unquote(value)?)),
            b"prunable" => self.prunable = Some(text(value)),
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Parser = fn(&[u8]) -> Result<Vec<WorktreeRecord>>;

    #[test]
    fn recorded_worktrees() {
        for (case, parse) in [
            (recorded!("sha1-worktree-z.bin"), parse as Parser),
            (recorded!("sha1-worktree.bin"), parse_lines),
            (recorded!("sha256-worktree-z.bin"), parse),
            (recorded!("sha256-worktree.bin"), parse_lines),
        ] {
            for (version, bytes) in case {
                let all = parse(bytes).unwrap();
                let paths: Vec<_> = all.iter().map(|one| one.path.clone()).collect();
                let names: [&[u8]; 9] = [
                    b"all",
                    b"both",
                    b"caf\xe9",
                    b"det ached",
                    b"gone",
                    b"linked",
                    b"locked",
                    b"reason",
                    b"two\nlines",
                ];
                let expected = names.map(|name| path(&[b"/tmp/aitask-fixture/", name].concat()));
                assert_eq!(paths, expected, "{version}");
                assert!(all.iter().all(|one| one.head.is_some() && !one.bare));
                assert_eq!(all[0].branch.as_ref().map(RefName::as_str), Some("refs/heads/main"));
                assert_eq!(all[1].locked.as_deref(), Some("a \"quoted\"\nreason, ünï"));
                assert_eq!(all[1].prunable, None, "locked, though gone");
                assert!(all[3].detached && all[3].branch.is_none());
                assert_eq!(all[4].prunable.as_deref(), Some("gitdir file points to non-existent location"));
                assert_eq!((all[5].locked.as_deref(), all[5].prunable.as_deref()), (None, None));
                assert_eq!(all[6].locked.as_deref(), Some(""));
                assert_eq!(all[7].locked.as_deref(), Some("busy elsewhere"));
                assert_eq!(all[8].branch.as_ref().map(RefName::as_str), Some("refs/heads/newline"));
            }
        }
    }

    #[test]
    fn bare_and_unborn() {
        for (case, parse) in [
            (recorded!("sha1-worktree-bare-z.bin"), parse as Parser),
            (recorded!("sha1-worktree-bare.bin"), parse_lines),
        ] {
            for (_, bytes) in case {
                let all = parse(bytes).unwrap();
                assert!(all.len() == 1 && all[0].bare && all[0].head.is_none() && all[0].branch.is_none());
            }
        }
        for (_, bytes) in recorded!("sha256-worktree-unborn-z.bin") {
            let all = parse(bytes).unwrap();
            assert!(all.len() == 1 && !all[0].bare && all[0].head.is_none() && all[0].branch.is_some());
        }
    }

    #[test]
    fn what_is_no_record() {
        assert!(parse(b"").unwrap().is_empty());
        for bad in [
            &b"worktree /a\n"[..],
            b"worktree /a\nHEAD x\n\n",
            b"worktree /a\0HEAD x\0\0",
            b"worktree /a\0more\0bare\0\0",
            b"bare\n\n",
            b"\n",
            b"worktree /a\nbare",
            b"worktree /a\nbare\nlocked \"broken\n\n",
        ] {
            let parse = if bad.contains(&0) { parse } else { parse_lines };
            assert_eq!(parse(bad).unwrap_err().kind(), crate::error::Kind::Git, "{}", text(bad));
        }
        let odd = parse(b"worktree /a\0bare\0branch refs/heads/\xe9\0new thing\0\0").unwrap();
        assert!(odd[0].branch.is_none() && !odd[0].detached);
    }

    #[test]
    fn lines_of_unknown_kind_are_said_and_the_rest_is_understood() {
        let text = |odd: &str| {
            format!("worktree /a\nbare\n\nworktree /b\nHEAD {}\nbranch refs/heads/x\n{odd}\n", "1".repeat(40))
        };
        let PartialList { records: all, whole } = parse_lines_loosely(text("").as_bytes());
        assert!(whole && all == parse_lines(text("").as_bytes()).unwrap());
        for odd in ["new thing\n", "locked \"broken\n", "\nrest of a path\n", "\nworktree /c\nbranch refs/heads/y\n"] {
            let PartialList { records: all, whole } = parse_lines_loosely(text(odd).as_bytes());
            assert!(!whole && all[1].branch.as_ref().map(RefName::as_str) == Some("refs/heads/x"), "{odd}: {all:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(
            names in prop::collection::vec(prop::collection::vec(1u8.., 1..9), 0..5),
            reason in "[a-z ]{0,9}", nul: bool,
        ) {
            let mut printed = Vec::new();
            let end = if nul { "\0" } else { "\n" };
            for name in &names {
                printed.extend_from_slice(&[b"worktree /", name.as_slice()].concat());
                let head = "1".repeat(40);
                let rest = format!("{end}HEAD {head}{end}branch refs/heads/a{end}locked {reason}{end}{end}");
                printed.extend_from_slice(rest.as_bytes());
            }
            let all = parse_ended(&printed, end.as_bytes()[0]).unwrap();
            let expected: Vec<_> = names.iter().map(|name| path(&[b"/", name.as_slice()].concat())).collect();
            prop_assert_eq!(all.iter().map(|one| one.path.clone()).collect::<Vec<_>>(), expected);
            prop_assert!(all.iter().all(|one| one.locked.as_deref() == Some(&reason)));
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse_lines(&[b"worktree /a\nbare\n", bytes.as_slice(), b"\n"].concat());
            let _ = parse_lines_loosely(&bytes);
        }
    }
}
