//! `git log -z --raw` without renames and with the format below: git-log(1), sections "PRETTY FORMATS" and "DIFF
//! FORMATTING".

use super::{diff_raw, malformed, oid, records, text};
use crate::error::Result;
use crate::git::porcelain::diff_raw::FileDiff;
use crate::git::types::Oid;

/// The format. A path follows the record of its file, so only the first field of a commit begins with this byte.
pub(crate) const FORMAT: &str = "%x01%H%x00%P%x00%an <%ae> %at%x00%B";

/// The same for an audit: in the place of the author's name and time the date of the committer (RFC 3339).
pub(crate) const WITH_DATE: &str = "%x01%H%x00%P%x00%ae %cI%x00%B";

/// A commit with the files that it changed, compared with its first parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LoggedCommit {
    /// Its name.
    pub(crate) oid: Oid,
    /// Its parents, the first one first.
    pub(crate) parents: Vec<Oid>,
    /// The author, with the time. A rebase and a cherry-pick keep it.
    pub(crate) author: String,
    /// The message.
    pub(crate) message: String,
    /// The files.
    pub(crate) changes: Vec<FileDiff>,
}

impl LoggedCommit {
    /// The first line of the message.
    pub(crate) fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// Parses the commits, in the order of git.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<LoggedCommit>> {
    const EXPECTED: &str = "a commit with its files";
    let mut commits: Vec<LoggedCommit> = Vec::new();
    let mut fields = records(EXPECTED, bytes, 0)?;
    while let Some(field) = fields.next() {
        let broken = || malformed(EXPECTED, field);
        if let Some(name) = field.strip_prefix(b"\x01") {
            let mut next = || fields.next().map(text).ok_or_else(broken);
            let [parents, author, message] = [next()?, next()?, next()?];
            let parents = parents.split_whitespace().map(Oid::parse).collect::<Option<_>>();
            commits.push(LoggedCommit {
                oid: oid(name).ok_or_else(broken)?,
                parents: parents.ok_or_else(broken)?,
                author,
                message,
                changes: Vec::new(),
            });
        } else {
            // The first file of a commit is on a line of its own.
            let file = field.strip_prefix(b"\n").unwrap_or(field);
            let commit = commits.last_mut().ok_or_else(broken)?;
            commit.changes.push(diff_raw::parse_one(file, fields.next())?);
        }
    }
    Ok(commits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commits_with_and_without_files() {
        let (zeros, one, two) = ("0".repeat(40), "1".repeat(40), "2".repeat(40));
        let printed = format!(
            "\x01{two}\0{one} {one}\0Ann <a@b> 7\0Two\n\nbody\n\0\x01{one}\0\0Ann <a@b> 6\0One\n\0\n:000000 100644 {zeros} \
             {two} A\0\x01odd\0:100644 000000 {one} {zeros} D\0:b\0"
        );
        let commits = parse(printed.as_bytes()).unwrap();
        let [second, first] = &commits[..] else { panic!("{commits:?}") };
        assert_eq!((second.subject(), second.parents.len(), second.changes.len()), ("Two", 2, 0));
        assert_eq!((first.parents.len(), first.author.as_str()), (0, "Ann <a@b> 6"));
        let files: Vec<_> = first.changes.iter().map(|file| (file.path.to_str().unwrap(), file.status)).collect();
        assert_eq!(files, [("\x01odd", 'A'), (":b", 'D')]);
        assert!(parse(b"").unwrap().is_empty() && parse(b"x\0").is_err() && parse(b"\x01").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse(&[b"\x01", bytes.as_slice()].concat());
        }
    }
}
