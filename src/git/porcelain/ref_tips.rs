//! `git for-each-ref` with what the commits at the tips say: git-for-each-ref(1), option `--format`.

use super::{malformed, oid, records, ref_name, text};
use crate::error::Result;
use crate::git::types::{Oid, RefName};

/// The format to ask for. A record is a line, since neither a ref name nor a subject holds a newline, and its fields are
/// ended by NUL.
pub(crate) const FORMAT: &str =
    "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(authorname)%00%(contents:subject)";

/// The commit at the tip of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TipCommit {
    /// The commit.
    pub(crate) oid: Oid,
    /// When it was made, in seconds since 1970.
    pub(crate) time: i64,
    /// Its author.
    pub(crate) author: String,
    /// The first line of its message.
    pub(crate) subject: String,
}

/// Parses the output of `git for-each-ref` with [`FORMAT`]. What is no commit is left out, and so are refs whose names are
/// not a [`RefName`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<(RefName, TipCommit)>> {
    const EXPECTED: &str = "a ref: name, object, time, author, subject";
    let mut tips = Vec::new();
    for line in records(EXPECTED, bytes, b'\n')? {
        let mut fields = line.splitn(5, |byte| *byte == 0);
        let (Some(name), Some(object), Some(time), Some(author), Some(subject)) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed(EXPECTED, line));
        };
        let oid = oid(object).ok_or_else(|| malformed("the object of a ref", line))?;
        if let (Some(name), Ok(time)) = (ref_name(name), text(time).parse()) {
            tips.push((name, TipCommit { oid, time, author: text(author), subject: text(subject) }));
        }
    }
    Ok(tips)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tips_and_what_is_none() {
        let oid = "1".repeat(40);
        let commit = format!("refs/heads/a\0{oid}\x001700000000\0Ann\0Add login\n");
        let blob = format!("refs/heads/b\0{oid}\0\0\0\n");
        let tips = parse(format!("{commit}{blob}").as_bytes()).unwrap();
        let expected = (1_700_000_000, "Ann", "Add login");
        assert_eq!(tips.iter().map(|(_, tip)| (tip.time, &*tip.author, &*tip.subject)).collect::<Vec<_>>(), [expected]);
        for bad in ["\n", "refs/heads/a\n", "refs/heads/a\0abc\x001\0Ann\0x\n", commit.trim_end()] {
            assert_eq!(parse(bad.as_bytes()).unwrap_err().kind(), crate::error::Kind::Git, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
