//! The files that the project keeps out of its commits.

use crate::files::Tree;
use crate::git::porcelain::status::{StatusEntry, StatusKind};
use crate::task::paths;
use std::path::Path;

/// Whether a file is a draft or holds the settings of one user. These are never committed, even where git was not told
/// to ignore them.
pub(crate) fn is_private(entry: &StatusEntry) -> bool {
    entry.kind == StatusKind::Untracked && is_private_path(&entry.path)
}

/// Whether a path is that of a draft or of the settings of one user.
pub(crate) fn is_private_path(path: &Path) -> bool {
    path.starts_with(paths::DRAFTS_DIR) || path == Path::new(paths::USER_CONFIG_FILE)
}

/// Whether the code branch ignores the folder of the task data, as it does after the data was moved to its own branch.
pub(crate) fn is_ignored(root: &Path) -> bool {
    let text = Tree::new(root).read(".gitignore").unwrap_or_default();
    lines(&text).any(|line| {
        let line = line.strip_prefix(b"/").unwrap_or(line);
        line.strip_suffix(b"/").unwrap_or(line) == b"aitasks"
    })
}

pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end)
}

/// A list of patterns in which the folders of the task data are written without a slash at the end, so that links of
/// these names are ignored too.
pub(crate) fn bare_names(before: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(before.len());
    for line in before.split_inclusive(|&byte| byte == b'\n') {
        let ending = line.trim_ascii_end().len();
        let mut bare = [paths::TASKS_DIR, paths::PLANS_DIR].map(str::as_bytes).into_iter();
        let bare = bare.find(|name| line[..ending].strip_suffix(b"/") == Some(name));
        match bare {
            Some(bare) if lines(before).any(|known| known == bare) => {}
            Some(bare) => after.extend([bare, &line[ending..]].concat()),
            None => after.extend(line),
        }
    }
    after
}

/// A list of patterns with the missing ones of these lines added at its end; the bytes before stay.
pub(crate) fn with_lines(before: &[u8], wanted: &[&str]) -> Vec<u8> {
    let mut after = before.to_vec();
    for line in wanted.iter().filter(|line| lines(before).all(|known| known != line.as_bytes())) {
        if !after.is_empty() && !after.ends_with(b"\n") {
            after.push(b'\n');
        }
        after.extend([line.as_bytes(), b"\n"].concat());
    }
    after
}
