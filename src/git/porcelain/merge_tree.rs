//! `git merge-tree --write-tree -z --name-only`, and `git merge-tree --write-tree --stdin`: git-merge-tree(1), section
//! "OUTPUT".

use super::unmerged::{self, Versions};
use super::{malformed, oid, path, records};
use crate::error::Result;
use crate::git::types::Oid;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What came of a merge without a checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum MergeTree {
    /// Everything merged.
    Clean {
        /// The merged tree.
        tree: Oid,
    },
    /// Something did not.
    Conflict {
        /// The tree with conflict markers in its files.
        tree: Oid,
        /// The files in conflict, each once; none in the rare conflict that no single file shows.
        paths: Vec<PathBuf>,
    },
}

/// Parses the output, with `--no-messages` or with messages (which are skipped). Only an exit code of 0 (clean)
/// or 1 (conflicts) speaks of a merge, and only with a tree: git 2.39 exits with 1 and prints nothing for a
/// commit that does not exist, later ones with 128.
pub(crate) fn parse(exit_code: i32, stdout: &[u8]) -> Result<MergeTree> {
    const EXPECTED: &str = "a merged tree";
    let mut fields = records(EXPECTED, stdout, 0)?;
    let tree = fields.next().and_then(oid).ok_or_else(|| malformed(EXPECTED, stdout))?;
    match exit_code {
        0 => Ok(MergeTree::Clean { tree }),
        1 => {
            let paths = fields.take_while(|field| !field.is_empty()).map(path).collect();
            Ok(MergeTree::Conflict { tree, paths })
        }
        _ => Err(malformed("exit code 0 or 1 of merge-tree", exit_code.to_string().as_bytes())),
    }
}

/// One merge of many.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct OneOfMany {
    /// Whether everything merged.
    pub(crate) is_clean: bool,
    /// The versions of each file in conflict, under the name that it has in the merged tree.
    pub(crate) files: BTreeMap<PathBuf, Versions>,
    /// The files of each conflict, as its message names them: those in the merged tree, and former names.
    pub(crate) conflicts: Vec<Vec<PathBuf>>,
}

/// Parses the output of `--stdin`, one merge after the other. What git printed before it failed is not parsed.
pub(crate) fn parse_many(bytes: &[u8]) -> Result<Vec<OneOfMany>> {
    const EXPECTED: &str = "one merge of many";
    let mut fields = records(EXPECTED, bytes, 0)?;
    let mut merges = Vec::new();
    while let Some(status) = fields.next() {
        let is_clean = match status {
            b"0" => false,
            b"1" => true,
            _ => return Err(malformed(EXPECTED, status)),
        };
        fields.next().and_then(oid).ok_or_else(|| malformed("a merged tree", status))?;
        let mut one = OneOfMany { is_clean, ..OneOfMany::default() };
        loop {
            match fields.next() {
                None => return Err(malformed("the end of a merge", status)),
                Some([]) => break,
                Some(record) => unmerged::add(&mut one.files, record)?,
            }
        }
        // A clean merge has no messages, unless they are asked for.
        if !is_clean {
            one.conflicts = parse_messages(&mut fields)?;
        }
        merges.push(one);
    }
    Ok(merges)
}

/// Parses the messages of one merge, up to an empty record: the files of those that tell of a conflict.
fn parse_messages<'b>(fields: &mut impl Iterator<Item = &'b [u8]>) -> Result<Vec<Vec<PathBuf>>> {
    let cut_off = || malformed("the messages of a merge", b"nothing more");
    let mut conflicts = Vec::new();
    loop {
        let count = fields.next().ok_or_else(cut_off)?;
        if count.is_empty() {
            return Ok(conflicts);
        }
        let number = std::str::from_utf8(count).ok().and_then(|count| count.parse::<usize>().ok());
        let number = number.ok_or_else(|| malformed("the number of paths of a message", count))?;
        let paths: Vec<_> = fields.by_ref().take(number).map(path).collect();
        let (Some(kind), Some(_), true) = (fields.next(), fields.next(), paths.len() == number) else {
            return Err(cut_off());
        };
        if kind.starts_with(b"CONFLICT") {
            conflicts.push(paths);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_merges_of_many() {
        let shown = |path: PathBuf| path.to_string_lossy().split('~').next().unwrap_or_default().to_owned();
        for (_, bytes) in recorded!("sha1-merge-tree-stdin.bin") {
            let merges = parse_many(bytes).unwrap().into_iter().map(|one| {
                let files: Vec<_> = one.files.into_keys().map(shown).collect();
                let conflicts = one.conflicts.into_iter().map(|paths| paths.into_iter().map(shown).collect::<Vec<_>>());
                assert_ne!(one.is_clean, !files.is_empty());
                (files.join(" "), conflicts.map(|paths| paths.join(" ")).collect::<Vec<_>>().join(", "))
            });
            let expected = [
                ("text", "text"),
                ("", ""),
                ("new", "new text"),
                ("text", "text"),
                ("way", "way way"),
                ("binary", "binary, binary"),
                ("", ""),
            ];
            assert_eq!(merges.collect::<Vec<_>>(), expected.map(|(files, said)| (files.to_owned(), said.to_owned())));
        }
        assert_eq!(parse_many(b"").unwrap(), []);
    }

    #[test]
    fn what_is_cut_off_is_no_merge() {
        let whole = recorded!("2.47.3", "sha1-merge-tree-stdin.bin");
        let at: Vec<_> = (1..whole.len()).filter(|at| parse_many(&whole[..*at]).is_ok()).collect();
        // only where one merge ends and the next begins
        assert_eq!(at.len(), 6, "{at:?}");
    }

    #[test]
    fn recorded_clean() {
        for case in [recorded!("sha1-merge-tree-clean.bin"), recorded!("sha1-merge-tree-clean-messages.bin")] {
            for (_, bytes) in case {
                let tree = oid(b"60b447cbb172782ea0721f6ccd630b7f2001d5a1").unwrap();
                assert_eq!(parse(0, bytes).unwrap(), MergeTree::Clean { tree });
            }
        }
    }

    #[test]
    fn recorded_conflicts() {
        for case in [
            recorded!("sha1-merge-tree-conflict.bin"),
            recorded!("sha1-merge-tree-conflict-messages.bin"),
            recorded!("sha256-merge-tree-conflict.bin"),
            recorded!("sha256-merge-tree-conflict-messages.bin"),
        ] {
            for (version, bytes) in case {
                let MergeTree::Conflict { paths, .. } = parse(1, bytes).unwrap() else { panic!("{version}") };
                assert_eq!(paths, [path(b"both.txt"), path(b"caf\xe9"), path(b"link"), path(b"two\nlines.txt")]);
            }
        }
    }

    #[test]
    fn no_merge_at_all() {
        // git 2.39 exits with 1 here, as for a conflict
        for (_, bytes) in recorded!("sha1-merge-tree-no-such.bin") {
            assert!(parse(1, bytes).is_err());
        }
        let tree = format!("{}\0", "1".repeat(40));
        assert!(parse(128, tree.as_bytes()).is_err());
        assert!(parse(0, tree.trim_end_matches('\0').as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(paths in prop::collection::vec(prop::collection::vec(1u8.., 1..9), 0..9), messages: bool) {
            let mut printed = format!("{}\0", "1".repeat(64)).into_bytes();
            for path in &paths {
                printed.extend_from_slice(path);
                printed.push(0);
            }
            if messages {
                printed.extend_from_slice(b"\x001\0a\0Auto-merging\0Auto-merging a\n\0");
            }
            let MergeTree::Conflict { paths: found, .. } = parse(1, &printed).unwrap() else { panic!() };
            prop_assert_eq!(found, paths.iter().map(|bytes| path(bytes)).collect::<Vec<_>>());
        }

        #[test]
        fn anything(exit_code: i32, bytes: Vec<u8>) {
            let _ = parse(exit_code % 3, &bytes);
            let _ = parse_many(&bytes);
        }
    }
}
