//! Bundles of archived tasks and plans: the files in one, and making one.
//!
//! A bundle is a POSIX tar archive of a folder, compressed with zstd (older ones with gzip). Its members have relative
//! names with a leading `./`: a parent's file `./t50_x.md` in no folder, a child's `./t50/t50_1_x.md` in that of its
//! parent. The bundle B = N/100 of the tasks with the parent number N is `archived/_b<B/10>/old<B>.tar.zst`; early
//! versions wrote one bundle `archived/old.tar.gz`.

use super::sanitise;
use crate::error::{Error, Kind, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// The files in a bundle, by their names without `./`.
pub(crate) type Members = BTreeMap<String, Vec<u8>>;

/// The largest size that a bundle may unpack to. A small file can unpack to any size, so a larger one is refused rather
/// than read into memory.
const LIMIT: u64 = 256 << 20;

/// The beginning of a gzip file (RFC 1952, "Member header"); everything else is taken for zstd.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The longest name that fits into the first field of a tar header.
const SHORT_NAME: usize = 100;

/// The path of the numbered bundle of a task without its ending: B = N/100, D = B/10.
pub(crate) fn path_for(number: u64) -> String {
    let bundle = number / 100;
    format!("_b{}/old{bundle}", bundle / 10)
}

/// The bundles that may contain the file of an id, `16` or `16_2`, in the order in which they are to be read, whether
/// they exist or not: the numbered one, and the single one of early versions.
pub(crate) fn names_for(id: &str) -> Vec<String> {
    let number = id.split('_').next().and_then(|number| number.parse().ok());
    let stems = number.map(path_for).into_iter().chain(["old".to_owned()]);
    stems.flat_map(|stem| [format!("{stem}.tar.zst"), format!("{stem}.tar.gz")]).collect()
}

/// Whether a member is the file of this id, `16` or `16_2`. A parent's file is in no folder: without that rule
/// `./t150/t150_1_c.md` would count as task 150. `letter` is `t` for tasks and `p` for plans.
pub(crate) fn is_of(member: &str, letter: char, id: &str) -> bool {
    let path = plain(member);
    let name = match id.split_once('_') {
        Some((parent, _)) => path.strip_prefix(&format!("{letter}{parent}/")),
        None => Some(path),
    };
    let rest = name.and_then(|name| name.strip_prefix(&format!("{letter}{id}_")));
    rest.and_then(|rest| rest.strip_suffix(".md")).is_some_and(|slug| !slug.contains('/'))
}

/// The name of a member without the leading `./`.
pub(crate) fn plain(member: &str) -> &str {
    member.strip_prefix("./").unwrap_or(member)
}

/// The paths of the members of the bundle at `path`, as stored.
///
/// # Errors
/// [`Kind::Unparsable`] for bytes that are no such archive.
pub(crate) fn members(path: &str, bytes: &[u8]) -> Result<Vec<String>> {
    look_into(path, bytes, |archive| {
        let entries = archive.entries()?;
        entries.map(|entry| Ok(String::from_utf8_lossy(&entry?.path_bytes()).into_owned())).collect()
    })
}

/// The files in the bundle at `path`, in its order, by their names without `./`. Of two files with one name the last
/// counts, as when the bundle is unpacked.
///
/// # Errors
/// [`Kind::Unparsable`] for bytes that are no such archive, are damaged anywhere, or hold anything but files and
/// folders below its root.
pub(crate) fn files(path: &str, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    look_into(path, bytes, |archive| {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut places = BTreeMap::<String, usize>::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let stored = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = plain(&stored).to_owned();
            let strange = name.is_empty() || name.split('/').any(|part| matches!(part, "" | "." | ".."));
            if !entry.header().entry_type().is_file() || strange {
                return Err(std::io::Error::other(format!(
                    "{} is not a regular file below the root",
                    sanitise(&stored)
                )));
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            // An earlier file of the name is emptied where it stands and removed below, all at once: a bundle may have
            // any number of members.
            if let Some(earlier) = places.insert(name.clone(), files.len()).and_then(|at| files.get_mut(at)) {
                earlier.0.clear();
            }
            files.push((name, content));
        }
        files.retain(|(name, _)| !name.is_empty());
        Ok(files)
    })
}

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its name without `./`.
    pub(crate) name: String,
    /// Its content.
    pub(crate) content: Vec<u8>,
}

/// The file of this id in the bundle at `path`; `letter` as in [`is_of`].
///
/// # Errors
/// As [`files`].
pub(crate) fn find(path: &str, bytes: &[u8], letter: char, id: &str) -> Result<Option<Member>> {
    let found = files(path, bytes)?.into_iter().find(|(name, _)| is_of(name, letter, id));
    Ok(found.map(|(name, content)| Member { name, content }))
}

fn look_into<T>(
    path: &str,
    bytes: &[u8],
    look: impl FnOnce(&mut tar::Archive<&mut dyn Read>) -> std::io::Result<T>,
) -> Result<T> {
    let unpacked = || {
        let mut reader: Box<dyn Read> = if bytes.starts_with(GZIP) {
            Box::new(flate2::read::GzDecoder::new(bytes).take(LIMIT))
        } else {
            Box::new(zstd::stream::read::Decoder::new(bytes)?.take(LIMIT))
        };
        let reader: &mut dyn Read = &mut reader;
        let mut archive = tar::Archive::new(reader);
        let found = look(&mut archive)?;
        // The checksum is at the end, so the archive is read to its end.
        std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
        Ok(found)
    };
    unpacked().map_err(|error: std::io::Error| {
        Error::new(Kind::Unparsable, format!("the bundle {path} cannot be read: {error}"))
            .hint(command!["tar -tf", path])
    })
}

/// A bundle of these files, by their names without `./`. The same files give the same bytes.
///
/// # Errors
/// [`Kind::Io`] when it cannot be made, or does not contain the same files when it is read again.
pub(crate) fn pack(files: &Members) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::new(Kind::Io, format!("a bundle cannot be made: {error}"));
    let mut builder = tar::Builder::new(Vec::new());
    let mut folders: Vec<String> =
        files.keys().filter_map(|name| name.rsplit_once('/')).map(|(folder, _)| format!("./{folder}/")).collect();
    folders.push("./".to_owned());
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        append(&mut builder, &folder, None).map_err(failed)?;
    }
    for (name, content) in files {
        append(&mut builder, &format!("./{name}"), Some(content)).map_err(failed)?;
    }
    let tar = builder.into_inner().map_err(failed)?;
    let bytes = zstd::encode_all(tar.as_slice(), zstd::DEFAULT_COMPRESSION_LEVEL).map_err(failed)?;
    verify(files, &bytes)?;
    Ok(bytes)
}

/// Checks that the bundle contains exactly these files with these bytes. The originals are removed afterwards, so a
/// bundle that was damaged while it was written must be found now.
///
/// # Errors
/// [`Kind::Io`] when it does not.
pub(crate) fn verify(files: &Members, bytes: &[u8]) -> Result<()> {
    let found: BTreeMap<_, _> = self::files("just written", bytes)?.into_iter().collect();
    if found == *files {
        return Ok(());
    }
    Err(Error::new(Kind::Io, "a bundle that was written does not contain the same files"))
}

/// The members after the changes of both sides; `None` where both changed one member to different contents.
pub(crate) fn merge(base: &Members, ours: &Members, theirs: &Members) -> Option<Members> {
    let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let mut merged = Members::new();
    for name in names {
        let (base, ours, theirs) = (base.get(name), ours.get(name), theirs.get(name));
        let taken = match (ours, theirs) {
            _ if ours == theirs || base == theirs => ours,
            _ if base == ours => theirs,
            _ => return None,
        };
        merged.extend(taken.map(|content| (name.clone(), content.clone())));
    }
    Some(merged)
}

fn append(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: Option<&[u8]>) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(if content.is_some() { 0o644 } else { 0o755 });
    header.set_entry_type(if content.is_some() { tar::EntryType::Regular } else { tar::EntryType::Directory });
    let content = content.unwrap_or_default();
    header.set_size(u64::try_from(content.len()).unwrap_or(u64::MAX));
    if name.len() > SHORT_NAME {
        return builder.append_data(&mut header, plain(name), content);
    }
    // `set_path` would remove the `./`, by which the scripts find the members.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    builder.append(&header, content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_file() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        builder.append_data(&mut header, "./t150/t150_1_c.md", &b"hi"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn members_of_both_kinds_and_of_none() {
        let tar = one_file();
        let zst = zstd::encode_all(tar.as_slice(), 3).unwrap();
        let find = |id| find("x", &zst, 't', id).unwrap().map(|member| member.content);
        assert_eq!((find("150_1"), find("150")), (Some(b"hi".to_vec()), None));
        assert_eq!(members("old1.tar.zst", &zst).unwrap(), ["t150/t150_1_c.md"]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, &tar).unwrap();
        let gz = gz.finish().unwrap();
        assert_eq!(members("old.tar.gz", &gz).unwrap(), ["t150/t150_1_c.md"]);
        assert_eq!(files("old.tar.gz", &gz).unwrap(), [("t150/t150_1_c.md".to_owned(), b"hi".to_vec())]);
        for bad in [&b"not an archive"[..], &zst[..zst.len() / 2], &zst[..zst.len() - 1], &gz[..gz.len() - 1]] {
            assert_eq!(members("old1.tar.zst", bad).unwrap_err().kind(), Kind::Unparsable);
            assert_eq!(files("old1.tar.zst", bad).unwrap_err().kind(), Kind::Unparsable);
        }
    }

    #[test]
    fn links_and_paths_that_lead_out_are_refused() {
        for (name, kind) in [("t1_x.md", tar::EntryType::Symlink), ("../t1_x.md", tar::EntryType::Regular)] {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(kind);
            header.set_size(0);
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, &b""[..]).unwrap();
            let zst = zstd::encode_all(builder.into_inner().unwrap().as_slice(), 3).unwrap();
            assert_eq!(files("x", &zst).unwrap_err().kind(), Kind::Unparsable);
        }
    }

    #[test]
    fn members_and_ids() {
        for (member, letter, id, is) in [
            ("./t150_x.md", 't', "150", true),
            ("t150_x.md", 't', "150", true),
            ("./t150/t150_1_x.md", 't', "150", false),
            ("./t150/t150_1_x.md", 't', "150_1", true),
            ("./t150/t150_10_x.md", 't', "150_1", false),
            ("./t1500_x.md", 't', "150", false),
            ("./p150_x.md", 't', "150", false),
            ("./p150_x.md", 'p', "150", true),
            ("./t150/", 't', "150", false),
            ("./t150_x.txt", 't', "150", false),
        ] {
            assert_eq!(is_of(member, letter, id), is, "{member} {id}");
        }
        assert_eq!(
            [0, 99, 100, 999, 1000, 12345].map(path_for),
            ["_b0/old0", "_b0/old0", "_b0/old1", "_b0/old9", "_b1/old10", "_b12/old123"]
        );
        let numbered = ["_b0/old1.tar.zst", "_b0/old1.tar.gz", "old.tar.zst", "old.tar.gz"];
        assert_eq!(
            (names_for("150"), names_for("150_2")),
            (numbered.map(str::to_owned).into(), numbered.map(str::to_owned).into())
        );
        assert_eq!(names_for("99999999999999999999"), numbered[2..]);
    }

    #[test]
    fn a_file_is_found_by_its_id() {
        let files = ["t7_x.md", "t7/t7_1_a.md"].map(|name| (name.to_owned(), name.as_bytes().to_vec()));
        let packed = pack(&files.into_iter().collect()).unwrap();
        let find = |letter, id| find("x", &packed, letter, id).unwrap().map(|member| member.name);
        assert_eq!((find('t', "7").as_deref(), find('t', "7_1").as_deref()), (Some("t7_x.md"), Some("t7/t7_1_a.md")));
        assert_eq!((find('t', "1"), find('p', "7")), (None, None));
    }

    #[test]
    fn names_are_stored_as_the_original_stores_them() {
        let long = format!("t1/t1_1_{}.md", "x".repeat(100));
        let files: BTreeMap<_, _> =
            ["t5_x.md", "t7/t7_1_a.md", &long].into_iter().map(|name| (name.to_owned(), b"x".to_vec())).collect();
        let stored = members("x", &pack(&files).unwrap()).unwrap();
        assert_eq!(stored, ["./", "./t1/", "./t7/", &long, "./t5_x.md", "./t7/t7_1_a.md"]);
    }

    #[test]
    fn changes_of_both_sides() {
        let of = |text: &str| -> Members {
            text.split_whitespace().map(|word| (word[..1].to_owned(), word.as_bytes()[1..].to_vec())).collect()
        };
        for (base, ours, theirs, merged) in [
            ("", "a1 b1", "a1 c1", Some("a1 b1 c1")),
            ("a1 b1", "a1", "a1 b1 c1", Some("a1 c1")),
            ("a1", "a2", "a1 b1", Some("a2 b1")),
            ("a1", "", "a1", Some("")),
            ("", "a1", "a2", None),
            ("a1", "a2", "", None),
        ] {
            assert_eq!(merge(&of(base), &of(ours), &of(theirs)), merged.map(of), "{base}|{ours}|{theirs}");
            assert_eq!(merge(&of(base), &of(theirs), &of(ours)), merged.map(of), "{base}|{theirs}|{ours}");
        }
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            names in proptest::collection::btree_map("t[1-9]{1,3}(/t[0-9_]{1,4})?_[a-z]{1,120}\\.md", proptest::collection::vec(any::<u8>(), 0..2000), 0..8),
        ) {
            let packed = pack(&names).unwrap();
            prop_assert_eq!(files("x", &packed).unwrap().into_iter().collect::<BTreeMap<_, _>>(), names);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = (members("x", &bytes), files("x", &bytes));
            let zst = zstd::encode_all(bytes.as_slice(), 1).unwrap();
            let _ = (members("x", &zst), files("x", &zst));
        }
    }
}
