//! The task data of one commit as it is kept: its files, and what the headers of those say that were read. A command that
//! finds the same commit lists and reads nothing; at another one it reads only the files with another content.

use crate::files::records::Records;
use crate::git::Oid;
use crate::packed::{put, put_number, take, take_number, take_text};
use std::collections::HashMap;
use std::ops::Range;

/// The name of the file.
const NAME: &str = "tasks";

/// A header is not kept if it is longer: it is one that nobody wrote by hand.
const LONGEST: usize = 16 << 10;

/// The files of a commit.
#[derive(Debug)]
pub(crate) struct KeptTasks {
    bytes: Vec<u8>,
    commit: Oid,
    files: Vec<Places>,
}

/// Where the parts of one file are.
#[derive(Debug, Clone)]
struct Places {
    path: Range<usize>,
    blob: Range<usize>,
    /// Empty, where the header was not read.
    header: Range<usize>,
}

impl KeptTasks {
    /// Reads what is kept.
    pub(crate) fn load(records: &Records) -> Option<Self> {
        Self::parse(records.load_kept(NAME)?)
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let commit = Oid::parse(take_text(&mut rest)?)?;
        let count = take_number(&mut rest)?;
        let mut files = Vec::with_capacity(count.min(rest.len()));
        for _ in 0..count {
            let path = take_text(&mut rest)?.len();
            let path = place(&bytes, rest, path);
            let blob = take_text(&mut rest)?.len();
            let blob = place(&bytes, rest, blob);
            let header = take(&mut rest)?.len();
            files.push(Places { path, blob, header: place(&bytes, rest, header) });
        }
        rest.is_empty().then_some(())?;
        Some(Self { bytes, commit, files })
    }

    /// Keeps the files of a commit. `header` has what is known of the header of the file at a place among them.
    pub(crate) fn save<'h>(
        records: &Records,
        commit: &Oid,
        files: &[(String, Oid)],
        header: impl Fn(usize) -> Option<&'h [u8]>,
    ) -> Option<Self> {
        let mut bytes = Vec::new();
        put(&mut bytes, commit.as_str());
        put_number(&mut bytes, files.len());
        for (at, (path, blob)) in files.iter().enumerate() {
            put(&mut bytes, path);
            put(&mut bytes, blob.as_str());
            put(&mut bytes, header(at).filter(|header| header.len() <= LONGEST).unwrap_or_default());
        }
        records.keep(NAME, &bytes);
        Self::parse(bytes)
    }

    /// The commit.
    pub(crate) fn commit(&self) -> &Oid {
        &self.commit
    }

    /// Its files, in the order in which they were given; `None` where one has no object.
    pub(crate) fn files(&self) -> Option<Vec<(String, Oid)>> {
        let file = |places: &Places| Some((self.text(&places.path)?.to_owned(), Oid::parse(self.text(&places.blob)?)?));
        self.files.iter().map(file).collect()
    }

    /// The header of the file at this place among them, where it has this content.
    pub(crate) fn header(&self, at: usize, blob: &Oid) -> Option<&[u8]> {
        let (known, header) = self.with_header(self.files.get(at)?)?;
        (known == blob.as_str()).then_some(header)
    }

    /// The headers by the blobs of their files.
    pub(crate) fn headers(&self) -> HashMap<&str, &[u8]> {
        self.files.iter().filter_map(|places| self.with_header(places)).collect()
    }

    fn with_header(&self, places: &Places) -> Option<(&str, &[u8])> {
        let header = self.bytes.get(places.header.clone()).filter(|header| !header.is_empty())?;
        Some((self.text(&places.blob)?, header))
    }

    fn text(&self, at: &Range<usize>) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(at.clone())?).ok()
    }
}

/// Where the last bytes before `rest` are.
fn place(bytes: &[u8], rest: &[u8], length: usize) -> Range<usize> {
    let end = bytes.len() - rest.len();
    end - length..end
}
