//! `git merge-tree --write-tree -z --name-only`: git-merge-tree(1), section "OUTPUT".

use super::{malformed, oid, path, records};
use crate::error::Result;
use crate::git::types::Oid;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        }
    }
}
