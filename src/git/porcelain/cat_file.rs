//! `git cat-file --batch`: git-cat-file(1), section "BATCH OUTPUT".

use super::{malformed, oid, split_once, text};
use crate::error::{Error, Kind, Result};
use crate::git::types::Oid;

/// The kind of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ObjectKind {
    /// The contents of a file.
    Blob,
    /// A directory.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    /// The word of git for the kind.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Blob => "blob",
            ObjectKind::Tree => "tree",
            ObjectKind::Commit => "commit",
            ObjectKind::Tag => "tag",
        }
    }

    fn parse(word: &[u8]) -> Option<Self> {
        [ObjectKind::Blob, ObjectKind::Tree, ObjectKind::Commit, ObjectKind::Tag]
            .into_iter()
            .find(|kind| kind.as_str().as_bytes() == word)
    }
}

/// An object of the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Object {
    /// Its name.
    pub(crate) oid: Oid,
    /// Its kind.
    pub(crate) kind: ObjectKind,
    /// Its contents.
    pub(crate) data: Vec<u8>,
}

/// The largest object that is read, in bytes, so that a large file in a commit cannot fill the memory. The largest
/// object that is needed is a bundle of archived files.
const LARGEST: u64 = 64 << 20;

/// Answers as they arrive. Only what [`parse`] needs is kept: of an object larger than 64 MiB only the header.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    kept: Vec<u8>,
    /// The header that has begun.
    head: Vec<u8>,
    /// How much is still to come of an object, with the newline after it.
    left: u64,
    is_skipped: bool,
    whole: usize,
}

impl Answers {
    /// Adds the next part; returns how many answers are whole.
    pub(crate) fn add(&mut self, mut part: &[u8]) -> usize {
        while let Some((&byte, rest)) = part.split_first() {
            if self.left > 0 {
                let (data, rest) = part.split_at(usize::try_from(self.left).unwrap_or(usize::MAX).min(part.len()));
                if !self.is_skipped {
                    self.kept.extend_from_slice(data);
                }
                self.left = self.left.saturating_sub(data.len() as u64);
                self.whole += usize::from(self.left == 0);
                part = rest;
                continue;
            }
            self.kept.push(byte);
            part = rest;
            if byte != b'\n' {
                self.head.push(byte);
                continue;
            }
            let size = size_of(&self.head);
            self.is_skipped = size.is_some_and(|size| size > LARGEST);
            // A newline follows the object; where there is no object, the answer ends here.
            self.left = size.map_or(0, |size| size.saturating_add(1));
            self.whole += usize::from(size.is_none());
            self.head.clear();
        }
        self.whole
    }

    /// What [`parse`] reads.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.kept
    }
}

/// The size in the header of an answer.
fn size_of(head: &[u8]) -> Option<u64> {
    std::str::from_utf8(head).ok()?.rsplit(' ').next()?.parse().ok()
}

/// Parses the answers of `git cat-file --batch` in its default format, in the order of the requests; `None` is an
/// object that does not exist. `count` is the number of requests: a different number of answers is an error, and so is
/// an ambiguous name, which must not be taken for a missing one.
pub(crate) fn parse(mut bytes: &[u8], count: usize) -> Result<Vec<Option<Object>>> {
    let mut objects = Vec::new();
    for _ in 0..count {
        if let Some((head, _)) = split_once(bytes, b'\n')
            && !head.ends_with(b" missing")
            && size_of(head).is_some_and(|size| size > LARGEST)
        {
            let name = text(split_once(head, b' ').map_or(head, |(name, _)| name));
            let message =
                format!("the object {name} is larger than {} MiB, the limit for a file of a project", LARGEST >> 20);
            return Err(
                Error::new(Kind::Occupied, message).hint(command!["git log --all", format!("--find-object={name}")])
            );
        }
        let (object, rest) = answer(bytes).ok_or_else(|| malformed("an object of cat-file", bytes))?;
        objects.push(object);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(objects) } else { Err(malformed("no further object of cat-file", bytes)) }
}

/// One answer, and the bytes after it.
fn answer(bytes: &[u8]) -> Option<(Option<Object>, &[u8])> {
    let (head, rest) = split_once(bytes, b'\n')?;
    // Later gits say of a submodule that it is one; before, it is missing.
    if head.ends_with(b" missing") || head.ends_with(b" submodule") {
        return Some((None, rest));
    }
    let (name, sort) = split_once(head, b' ')?;
    let (kind, size) = split_once(sort, b' ')?;
    let size = std::str::from_utf8(size).ok()?.parse().ok()?;
    let (data, rest) = rest.split_at_checked(size)?;
    let object = Object { oid: oid(name)?, kind: ObjectKind::parse(kind)?, data: data.to_vec() };
    Some((Some(object), rest.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::porcelain::{commit::Commit, ls_tree};
    use proptest::prelude::*;

    #[test]
    fn recorded_answers() {
        for (case, hash_len) in
            [(recorded!("sha1-cat-file-batch.bin"), 20), (recorded!("sha256-cat-file-batch.bin"), 32)]
        {
            for (version, bytes) in case {
                let objects = parse(bytes, 10).unwrap();
                let kinds: Vec<_> = objects.iter().map(|found| found.as_ref().map(|object| object.kind)).collect();
                let expected = [
                    Some(ObjectKind::Blob),
                    Some(ObjectKind::Tree),
                    Some(ObjectKind::Commit),
                    None,
                    Some(ObjectKind::Tag),
                    None,
                    Some(ObjectKind::Tree),
                    None,
                    Some(ObjectKind::Blob),
                    Some(ObjectKind::Commit),
                ];
                assert_eq!(kinds, expected, "{version}");
                let data = |at: usize| objects[at].as_ref().unwrap().data.as_slice();
                assert_eq!(data(0), b"plain\n");
                assert_eq!(ls_tree::parse_tree(data(1), hash_len).unwrap().len(), 3);
                assert_eq!(Commit::parse(data(2)).unwrap().subject, "Add one of each");
                assert_eq!((data(6), data(8)), (&b""[..], &b""[..]));
            }
        }
    }

    #[test]
    fn the_count_must_agree() {
        for (_, bytes) in recorded!("sha1-cat-file-batch.bin") {
            assert!(parse(bytes, 9).is_err());
            assert!(parse(bytes, 11).is_err());
            for cut in 1..bytes.len() {
                assert!(parse(&bytes[..cut], 10).is_err(), "{cut}");
            }
        }
    }

    #[test]
    fn an_ambiguous_name_is_not_a_missing_one() {
        assert!(parse(b"abcd ambiguous\n", 1).is_err());
        assert!(parse(b"HEAD:a b missing\n", 1).unwrap()[0].is_none());
        assert!(parse(format!("{} submodule\n", "1".repeat(40)).as_bytes(), 1).unwrap()[0].is_none());
        let huge = format!("{} blob {}\n", "1".repeat(40), u64::MAX);
        assert!(parse(huge.as_bytes(), 1).is_err());
    }

    /// What is left of some answers that come in parts of this size.
    fn sieved(bytes: &[u8], size: usize, count: usize) -> Vec<u8> {
        let mut answers = Answers::default();
        let parts = bytes.chunks(size).map(|part| answers.add(part)).collect::<Vec<_>>();
        // The last of them is whole with the last byte and not before.
        let (last, before) = parts.split_last().unwrap();
        assert!(*last == count && before.iter().all(|whole| *whole < count), "{parts:?}");
        answers.kept
    }

    #[test]
    fn an_object_that_is_too_large_was_read_to_its_end() {
        let name = "1".repeat(40);
        let mut bytes = format!("{name} blob 3\na\nb\nHEAD:x missing\n{name} blob {}\n", LARGEST + 1).into_bytes();
        let read = bytes.len();
        bytes.extend(vec![b'\n'; usize::try_from(LARGEST).unwrap() + 2]);
        let next = format!("{name} blob 0\n\n");
        bytes.extend(next.as_bytes());
        let expected = [&bytes[..read], next.as_bytes()].concat();
        assert_eq!(sieved(&bytes, 1 << 16, 4), expected);
        assert!(parse(&expected, 4).unwrap_err().to_string().contains("larger than 64 MiB"));
        for (_, bytes) in recorded!("sha1-cat-file-batch.bin") {
            (1..9).for_each(|size| assert_eq!(sieved(bytes, size, 10), bytes));
        }
    }

    proptest! {
        #[test]
        fn round_trip(contents in prop::collection::vec(prop::option::of(any::<Vec<u8>>()), 0..9)) {
            let mut printed = Vec::new();
            let name = "1".repeat(40);
            for data in &contents {
                match data {
                    Some(data) => {
                        printed.extend_from_slice(format!("{name} blob {}\n", data.len()).as_bytes());
                        printed.extend_from_slice(data);
                        printed.push(b'\n');
                    }
                    None => printed.extend_from_slice(format!("{name} missing\n").as_bytes()),
                }
            }
            let found = parse(&printed, contents.len()).unwrap();
            prop_assert_eq!(found.into_iter().map(|one| one.map(|object| object.data)).collect::<Vec<_>>(), contents);
        }

        #[test]
        fn anything(bytes: Vec<u8>, count in 0usize..4) {
            let _ = parse(&bytes, count);
        }
    }
}
