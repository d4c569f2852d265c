//! Bundles of archived tasks: which files are in one (specification 30, sections 4.3 and 5).

use super::id::TaskId;
use super::paths::member_id;
use crate::error::{Error, Kind, Result};
use std::io::Read;

/// The most that a bundle may unpack to; a larger one is refused rather than read into memory.
const LIMIT: u64 = 1 << 30;

/// How a gzip file begins (RFC 1952, section 2.3.1); everything else is taken for zstd.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The paths of the members of the bundle at `path`, as stored.
///
/// # Errors
/// [`Kind::Unparsable`] for bytes that are no such archive.
pub fn members(path: &str, bytes: &[u8]) -> Result<Vec<String>> {
    let unreadable = |error: std::io::Error| {
        Error::new(Kind::Unparsable, format!("the bundle {path} cannot be read: {error}"))
            .hint(format!("tar -tf {path}"))
    };
    if bytes.starts_with(GZIP) {
        names(flate2::read::GzDecoder::new(bytes)).map_err(unreadable)
    } else {
        zstd::stream::read::Decoder::new(bytes).and_then(names).map_err(unreadable)
    }
}

/// The content of a task's file in the bundle at `path`; `None` when it is not in it.
///
/// # Errors
/// [`Kind::Unparsable`] for bytes that are no such archive.
pub fn read(path: &str, bytes: &[u8], id: TaskId) -> Result<Option<Vec<u8>>> {
    let read = if bytes.starts_with(GZIP) {
        content(flate2::read::GzDecoder::new(bytes), id)
    } else {
        zstd::stream::read::Decoder::new(bytes).and_then(|reader| content(reader, id))
    };
    read.map_err(|error| Error::new(Kind::Unparsable, format!("the bundle {path} cannot be read: {error}")))
}

fn content(reader: impl Read, id: TaskId) -> std::io::Result<Option<Vec<u8>>> {
    let mut archive = tar::Archive::new(reader.take(LIMIT));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if member_id(&String::from_utf8_lossy(&entry.path_bytes())) == Some(id) {
            let mut bytes = Vec::new();
            return entry.read_to_end(&mut bytes).map(|_| Some(bytes));
        }
    }
    Ok(None)
}

fn names(reader: impl Read) -> std::io::Result<Vec<String>> {
    let mut archive = tar::Archive::new(reader.take(LIMIT));
    let entries = archive.entries()?;
    entries.map(|entry| Ok(String::from_utf8_lossy(&entry?.path_bytes()).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_both_kinds_and_of_none() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        builder.append_data(&mut header, "./t150/t150_1_c.md", &b"hi"[..]).unwrap();
        let tar = builder.into_inner().unwrap();
        let zst = zstd::encode_all(tar.as_slice(), 3).unwrap();
        assert_eq!(read("x", &zst, TaskId::child(150, 1)).unwrap().as_deref(), Some(&b"hi"[..]));
        assert_eq!(read("x", &zst, TaskId::top(150)).unwrap(), None);
        assert_eq!(members("old1.tar.zst", &zst).unwrap(), ["t150/t150_1_c.md"]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, &tar).unwrap();
        assert_eq!(members("old.tar.gz", &gz.finish().unwrap()).unwrap(), ["t150/t150_1_c.md"]);
        for bad in [&b"not an archive"[..], &zst[..zst.len() / 2]] {
            assert_eq!(members("old1.tar.zst", bad).unwrap_err().kind(), Kind::Unparsable);
        }
    }
}
