//! Having somebody resolve a conflict in an editor, in the checkout of the task data. The file gets its own text back
//! afterwards; the resolution becomes part of the joining commit.

use super::context::Context;
use super::joining::Unresolved;
use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use crate::task::merge;

/// Opens the file with its conflict markers in `editor`; gives what came of it.
///
/// # Errors
/// [`Kind::Conflict`] when the editor fails, or markers remain.
pub fn edit(context: &Context, editor: &str, file: &Unresolved) -> Result<Vec<u8>> {
    let root = &context.repository.root;
    let dir = context.data_dir();
    let path = dir.join(&file.path);
    let show = path.strip_prefix(root).unwrap_or(&path);
    let unresolved = |why: &str| Err(Error::new(Kind::Conflict, format!("{} {why}", show.display())));
    let Some(marked) = &file.marked else {
        return unresolved("was removed on one side and changed on the other; do the same here, then sync again");
    };
    if path.symlink_metadata().is_ok_and(|data| !data.is_file()) {
        return unresolved("is no file here");
    }
    let before = std::fs::read(&path).ok();
    std::fs::write(&path, marked).map_err(|error| Error::io("write", &path, &error))?;
    let script = format!("{editor} \"$1\"");
    let call = Call::program(context.repository.git().environment(), "sh", root);
    let status = call.args(["-c", &script, "sh"]).arg(show).run_attached();
    let text = std::fs::read(&path);
    let restored = match &before {
        Some(before) => std::fs::write(&path, before),
        None => std::fs::remove_file(&path),
    };
    restored.map_err(|error| Error::io("write", &path, &error))?;
    if status? != 0 {
        return unresolved("was not resolved: the editor failed");
    }
    match text {
        Ok(text) if !merge::has_markers(&text) => Ok(text),
        Ok(_) => unresolved("still has conflict markers in it"),
        Err(error) => Err(Error::io("read", &path, &error)),
    }
}
