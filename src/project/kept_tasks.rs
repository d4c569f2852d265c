//! The task data of one commit as it is kept: its files, and what the headers of those say that were read. A command that
//! finds the same commit lists and reads nothing; at another one it reads only the files with another content.

use crate::files::records::Records;
use crate::git::Oid;
use crate::packed::{put, put_number, take, take_number, take_text};
use std::collections::{BTreeMap, HashMap};
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
    blob: Oid,
    /// Empty, where the header was not read.
    header: Range<usize>,
}

/// The headers of blobs.
pub(crate) type Headers<'k> = HashMap<&'k Oid, &'k [u8]>;

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
            let blob = Oid::parse(take_text(&mut rest)?)?;
            let header = take(&mut rest)?.len();
            files.push(Places { path, blob, header: place(&bytes, rest, header) });
        }
        rest.is_empty().then_some(())?;
        Some(Self { bytes, commit, files })
    }

    /// Keeps the files of a commit, with the headers that are known of them.
    pub(crate) fn save(
        records: &Records,
        commit: &Oid,
        files: &[(String, Oid)],
        known: &Headers<'_>,
        read: &BTreeMap<Oid, Vec<u8>>,
    ) -> Option<Self> {
        let mut bytes = Vec::new();
        put(&mut bytes, commit.as_str());
        put_number(&mut bytes, files.len());
        for (path, blob) in files {
            put(&mut bytes, path);
            put(&mut bytes, blob.as_str());
            let header = read.get(blob).map(Vec::as_slice).or_else(|| known.get(blob).copied());
            put(&mut bytes, header.filter(|header| header.len() <= LONGEST).unwrap_or_default());
        }
        records.keep(NAME, &bytes);
        Self::parse(bytes)
    }

    /// The commit.
    pub(crate) fn commit(&self) -> &Oid {
        &self.commit
    }

    /// Its files, in the order of git.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Oid)> {
        let text = |places: &Places| std::str::from_utf8(self.bytes.get(places.path.clone())?).ok();
        self.files.iter().filter_map(move |places| Some((text(places)?, &places.blob)))
    }

    /// The headers that are kept, by the blobs of their files.
    pub(crate) fn headers(&self) -> Headers<'_> {
        let header = |places: &Places| self.bytes.get(places.header.clone()).filter(|header| !header.is_empty());
        self.files.iter().filter_map(|places| Some((&places.blob, header(places)?))).collect()
    }
}

/// Where the last bytes before `rest` are.
fn place(bytes: &[u8], rest: &[u8], length: usize) -> Range<usize> {
    let end = bytes.len() - rest.len();
    end - length..end
}
