//! `git log --boundary` as a graph: git-log(1), section "PRETTY FORMATS".

use super::{malformed, oid, records, ref_name, text};
use crate::error::Result;
use crate::git::types::{Oid, RefName};

/// The format to ask for, with `--decorate=full`. A record is a line, and its fields are ended by NUL.
pub(crate) const FORMAT: &str = "%m%x00%H%x00%P%x00%ct%x00%D";

/// A commit of the graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GraphCommit {
    /// Whether it is none of the commits that were asked for, but a parent of one.
    pub(crate) is_boundary: bool,
    /// Its name.
    pub(crate) oid: Oid,
    /// Its parents.
    pub(crate) parents: Vec<Oid>,
    /// Its committer time, in seconds since 1970.
    pub(crate) time: i64,
    /// The refs that point to it, of those that were asked for.
    pub(crate) refs: Vec<RefName>,
}

/// Parses the output of `git log` with [`FORMAT`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<GraphCommit>> {
    const EXPECTED: &str = "a commit with its parents";
    let parse_one = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let [mark, name, parents, time, refs] = fields[..] else { return None };
        let parents = parents.split(|byte| *byte == b' ').filter(|name| !name.is_empty());
        // No name of a ref has a blank in it.
        let refs = refs.split(|byte| matches!(byte, b' ' | b',')).filter(|name| !name.is_empty());
        Some(GraphCommit {
            is_boundary: mark == b"-",
            oid: oid(name)?,
            parents: parents.map(oid).collect::<Option<_>>()?,
            time: text(time).parse().ok()?,
            refs: refs.filter_map(ref_name).collect(),
        })
    };
    records(EXPECTED, bytes, b'\n')?.map(|line| parse_one(line).ok_or_else(|| malformed(EXPECTED, line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_graph() {
        for (version, bytes) in recorded!("sha1-log-graph.bin") {
            let commits = parse(bytes).unwrap();
            let [tip, boundary] = &commits[..] else { panic!("{version} {commits:?}") };
            let refs: Vec<_> = tip.refs.iter().map(RefName::as_str).collect();
            assert_eq!(refs, ["refs/remotes/origin/aitask/t1_x", "refs/heads/aitask/t1_x"], "{version}");
            assert_eq!((tip.is_boundary, boundary.is_boundary), (false, true));
            assert_eq!((tip.parents.as_slice(), boundary.refs.len()), (std::slice::from_ref(&boundary.oid), 0));
            assert!(tip.time > 1_000_000_000, "{version}");
        }
    }

    proptest! {
        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
