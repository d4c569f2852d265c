//! What is kept to be fast. It is made of objects of git, which never change, so whoever deletes it loses time and nothing
//! else; and nothing depends on whether it could be written.

use super::{RecordKind, Records};
use flate2::Crc;
use std::fs::File;
use std::io::Read as _;

/// How a file begins. What was written by another version is not read, but replaced: the number is raised whenever another
/// result would be kept for the same objects.
const VERSION: &str = concat!("aitask cache 2 of ", env!("CARGO_PKG_VERSION"), "\n");

/// The largest file, in bytes. One of fifty thousand tasks has ten million.
const LARGEST: usize = 64 << 20;

/// The bytes at the end of a file that tell whether it is whole.
const CHECKSUM: usize = 4;

impl Records {
    /// Reads what is kept under a name; `None` where that is missing, damaged, or of another version.
    pub(crate) fn load_kept(&self, name: &str) -> Option<Vec<u8>> {
        let file = File::open(self.path(RecordKind::Cache, name)).ok()?;
        let size = usize::try_from(file.metadata().ok().filter(std::fs::Metadata::is_file)?.len()).ok()?;
        let mut bytes = Vec::with_capacity(size.min(LARGEST));
        file.take(LARGEST as u64).read_to_end(&mut bytes).ok()?;
        if !bytes.starts_with(VERSION.as_bytes()) {
            return None;
        }
        let kept = bytes.len().checked_sub(CHECKSUM).filter(|end| *end >= VERSION.len())?;
        let (kept, checksum) = bytes.split_at(kept);
        if checksum != sum(kept) {
            return None;
        }
        bytes.truncate(bytes.len() - CHECKSUM);
        bytes.drain(..VERSION.len());
        Some(bytes)
    }

    /// Keeps bytes under a name. Best effort.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) {
        let mut all = [VERSION.as_bytes(), bytes].concat();
        all.extend(sum(&all));
        if all.len() <= LARGEST {
            let _ = self.write(&self.path(RecordKind::Cache, name), &all, |_| Ok(()));
        }
    }
}

fn sum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_damaged_or_of_another_version_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(folder.path());
        assert_eq!(records.load_kept("x"), None);
        records.keep("x", b"some bytes");
        assert_eq!(records.load_kept("x").unwrap(), b"some bytes");
        let path = records.path(RecordKind::Cache, "x");
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(records.load_kept("x"), None, "cut at {at}");
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(records.load_kept("x"), None, "another byte at {at}");
        }
        records.keep("x", b"");
        assert_eq!(records.load_kept("x").unwrap(), b"");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        records.keep("x", b"a folder is in its place");
        assert_eq!(records.load_kept("x"), None);
    }
}
