//! The data of commit objects: git-cat-file(1), `git cat-file commit`; gitformat-signature(5) for further headers.

use super::{malformed, oid, split_once, text};
use crate::error::Result;
use crate::git::types::Oid;

/// The data of a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Commit {
    /// Its tree.
    pub(crate) tree: Oid,
    /// Its parents, the first one first.
    pub(crate) parents: Vec<Oid>,
    /// The author, `Name <address>`.
    pub(crate) author: String,
    /// When it was made, in seconds since 1970; 0 where the time cannot be parsed, as git reads it.
    pub(crate) committer_time: i64,
    /// The first paragraph of the message, on one line.
    pub(crate) subject: String,
    /// The rest of the message, trailers included, without empty lines at its ends.
    pub(crate) body: String,
}

impl Commit {
    /// Parses the data of a commit object. Headers that are not needed (signatures, merged tags) are skipped; a message
    /// in ISO-8859-1 is converted, and other bytes that are not UTF-8 are replaced.
    pub(crate) fn parse(data: &[u8]) -> Result<Self> {
        let mut rest = data;
        let (mut tree, mut parents, mut author, mut committer_time, mut latin1) =
            (None, Vec::new(), &b""[..], 0, false);
        while let Some((line, after)) = split_once(rest, b'\n') {
            rest = after;
            if line.is_empty() {
                break;
            }
            let (name, value) = split_once(line, b' ').unwrap_or((line, b""));
            match name {
                b"tree" => tree = oid(value),
                b"parent" => parents.push(oid(value).ok_or_else(|| malformed("a parent of a commit", line))?),
                b"author" => author = value,
                b"committer" => committer_time = time(value).unwrap_or(0),
                b"encoding" => {
                    latin1 = value.eq_ignore_ascii_case(b"iso-8859-1") || value.eq_ignore_ascii_case(b"latin1");
                }
                _ => {} // a header of others, or (an empty name) the further lines of one
            }
        }
        let decode = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Err(_) if latin1 => bytes.iter().copied().map(char::from).collect(),
            _ => text(bytes),
        };
        let tree = tree.ok_or_else(|| malformed("the tree of a commit", data))?;
        let (subject, body) = message(&decode(rest));
        Ok(Self { tree, parents, author: decode(person(author)), committer_time, subject, body })
    }
}

/// `Name <address>` without the time that follows.
fn person(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|byte| *byte == b'>').map_or(value.len(), |at| at + 1);
    value.get(..end).unwrap_or(value)
}

/// The seconds of `Name <address> seconds zone`.
fn time(value: &[u8]) -> Option<i64> {
    let after = value.rsplit(|byte| *byte == b'>').next()?;
    std::str::from_utf8(after).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Subject and body, as `%s` and `%b` of git-log(1).
fn message(text: &str) -> (String, String) {
    let blank = |line: &&str| line.trim_end().is_empty();
    let lines: Vec<&str> = text.lines().skip_while(blank).collect();
    let end = lines.iter().position(blank).unwrap_or(lines.len());
    let (subject, body) = lines.split_at(end);
    let subject: Vec<&str> = subject.iter().map(|line| line.trim_end()).collect();
    let body: Vec<&str> = body.iter().copied().skip_while(blank).collect();
    (subject.join(" "), body.join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_commits() {
        for (case, digits) in [(recorded!("sha1-commit-raw.bin"), 40), (recorded!("sha256-commit-raw.bin"), 64)] {
            for (_, bytes) in case {
                let commit = Commit::parse(bytes).unwrap();
                assert_eq!(commit.tree.as_str().len(), digits);
                assert!(commit.parents.is_empty());
                assert_eq!(commit.author, "Ada Löve <ada@example.org>");
                assert_eq!(commit.committer_time, 1_704_164_646);
                assert_eq!(commit.subject, "Add one of each");
                assert_eq!(commit.body, "Second paragraph.\n\nTrailer: yes");
            }
        }
    }

    #[test]
    fn headers_of_others() {
        for (_, bytes) in recorded!("commit-headers.bin") {
            let commit = Commit::parse(bytes).unwrap();
            assert_eq!(commit.parents.len(), 2);
            assert_eq!(commit.author, "A U Thor <a@example.org>");
            assert_eq!(commit.committer_time, 1_700_000_001);
            assert_eq!((commit.subject.as_str(), commit.body.as_str()), ("Merge two lines of one subject", "Body."));
        }
    }

    #[test]
    fn encodings_and_emptiness() {
        for (_, bytes) in recorded!("commit-latin1.bin") {
            assert_eq!(Commit::parse(bytes).unwrap().subject, "für");
        }
        for (_, bytes) in recorded!("commit-empty-message.bin") {
            let commit = Commit::parse(bytes).unwrap();
            assert_eq!((commit.subject.as_str(), commit.body.as_str()), ("", ""));
        }
    }

    #[test]
    fn broken_commits() {
        let tree = format!("tree {}\n", "1".repeat(40));
        let commit = Commit::parse(format!("{tree}author nobody\ncommitter nobody\n\nbad\n").as_bytes()).unwrap();
        assert_eq!((commit.author.as_str(), commit.committer_time), ("nobody", 0));
        assert!(Commit::parse(b"").is_err());
        assert!(Commit::parse(b"author a <b> 1 +0000\n\nx").is_err());
        assert!(Commit::parse(format!("{tree}parent x\n\n").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(
            parents in prop::collection::vec("[1-9a-f]{40}", 0..4), seconds: i64,
            subject in "[a-zü]{1,9}( [a-z]{1,9}){0,2}", body in "([a-zü:]{1,9}(\n{1,2}[a-z]{1,9}){0,3})?",
        ) {
            let tree = "1".repeat(40);
            let lines = parents.iter().map(|parent| format!("parent {parent}\n")).collect::<Vec<_>>().concat();
            let people = format!("author A <a@b> 1 +0000\ncommitter C <c@d> {seconds} -0130\n");
            let printed = format!("tree {tree}\n{lines}{people}\n{subject}\n\n{body}\n");
            let commit = Commit::parse(printed.as_bytes()).unwrap();
            prop_assert_eq!(commit.parents.iter().map(Oid::to_string).collect::<Vec<_>>(), parents);
            prop_assert_eq!(commit.committer_time, seconds);
            prop_assert_eq!((commit.subject, commit.body), (subject, body));
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = Commit::parse(&bytes);
            let _ = Commit::parse(&[format!("tree {}\n", "1".repeat(40)).as_bytes(), &bytes].concat());
        }
    }
}
