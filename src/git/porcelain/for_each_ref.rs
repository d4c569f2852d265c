//! `git for-each-ref`: git-for-each-ref(1), option `--format`.

use super::{malformed, oid, records, ref_name};
use crate::error::Result;
use crate::git::types::{Oid, RefName};

/// The format to ask for: `git for-each-ref --format=FORMAT PATTERN…`. A record is a line, since no ref name
/// holds a newline, and its fields are ended by NUL.
pub(crate) const FORMAT: &str = "%(refname)%00%(objectname)%00%(symref)";

/// A ref of the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RefRecord {
    /// The full name.
    pub(crate) name: RefName,
    /// The object it points at; for an annotated tag, the tag object.
    pub(crate) oid: Oid,
    /// The ref it stands for, when it is a symbolic one.
    pub(crate) symref: Option<RefName>,
}

/// Parses the output of `git for-each-ref` with [`FORMAT`]. Refs whose names are not a [`RefName`] (not UTF-8,
/// control characters) are left out: no ref of this program has such a name, and another one must not stop a command.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<RefRecord>> {
    const EXPECTED: &str = "a ref: name, object, symbolic target";
    let mut refs = Vec::new();
    for line in records(EXPECTED, bytes, b'\n')? {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let [name, object, symref] = fields[..] else { return Err(malformed(EXPECTED, line)) };
        let oid = oid(object).ok_or_else(|| malformed("the object of a ref", line))?;
        if let Some(name) = ref_name(name) {
            refs.push(RefRecord { name, oid, symref: ref_name(symref) });
        }
    }
    Ok(refs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], digits: usize) {
        let refs = parse(bytes).unwrap();
        let names: Vec<_> = refs.iter().map(|found| found.name.as_str()).collect();
        let expected =
            ["refs/aitask/other", "refs/heads/alias", "refs/heads/feature/ünï", "refs/heads/main", "refs/tags/v1"];
        assert_eq!(names, expected);
        assert!(refs.iter().all(|found| found.oid.as_str().len() == digits));
        assert_ne!(refs[4].oid, refs[3].oid, "the tag object");
        let symbolic: Vec<_> = refs.iter().map(|found| found.symref.as_ref().map(RefName::as_str)).collect();
        assert_eq!(symbolic, [None, Some("refs/heads/main"), None, None, None]);
    }

    #[test]
    fn recorded_refs() {
        for (_, bytes) in recorded!("sha1-for-each-ref.bin") {
            check(bytes, 40);
        }
        for (_, bytes) in recorded!("sha256-for-each-ref.bin") {
            check(bytes, 64);
        }
        for (_, bytes) in recorded!("sha1-for-each-ref-empty.bin") {
            assert!(parse(bytes).unwrap().is_empty());
        }
    }

    #[test]
    fn names_that_are_not_ours_are_left_out() {
        let oid = "1".repeat(40);
        let mut bytes = format!("refs/heads/ok\0{oid}\0\nrefs/heads/").into_bytes();
        bytes.push(0xe9);
        bytes.extend_from_slice(format!("\0{oid}\0\n").as_bytes());
        assert_eq!(parse(&bytes).unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_record() {
        let oid = "1".repeat(40);
        for bad in [
            "\n".to_owned(),
            "refs/heads/a\n".to_owned(),
            format!("refs/heads/a\0{oid}\0"),
            format!("refs/heads/a\0{oid}\n"),
            format!("refs/heads/a\0{oid}\0\0\n"),
            "refs/heads/a\0abc\0\n".to_owned(),
        ] {
            assert_eq!(parse(bad.as_bytes()).unwrap_err().kind(), crate::error::Kind::Git, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(names in prop::collection::vec("refs/heads/[a-zü]{1,9}", 0..9), oid in "[1-9a-f]{40}") {
            let printed = names.iter().map(|name| format!("{name}\0{oid}\0\n")).collect::<Vec<_>>().concat();
            let found: Vec<_> = parse(printed.as_bytes()).unwrap().into_iter().map(|one| one.name.to_string()).collect();
            prop_assert_eq!(found, names);
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
