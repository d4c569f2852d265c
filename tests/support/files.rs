//! What is in a folder, to see whether anything changed.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Everything at and below a path: the mode, and the content of a file or the target of a link.
pub(crate) fn files_below(top: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let (mut files, mut left) = (BTreeMap::new(), vec![top.to_owned()]);
    while let Some(path) = left.pop() {
        let data = path.symlink_metadata().unwrap();
        let content = if data.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if data.is_symlink() {
            std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else {
            std::fs::read(&path).unwrap()
        };
        files.insert(path, (data.permissions().mode(), content));
    }
    files
}
