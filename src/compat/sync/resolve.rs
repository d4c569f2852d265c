//! Resolving a conflict in an editor. The user edits a copy of the file, and the result becomes part of the merge
//! commit.

use crate::error::{Error, Kind, Result};
use crate::files::records::RecordKind;
use crate::git::porcelain::unmerged::Versions;
use crate::git::run::Call;
use crate::project::context::Context;
use crate::sync::join::{Resolutions, Unresolved};
use crate::task::merge;
use std::path::PathBuf;

/// Keeps the files that were resolved when another one was not, so that this work is not lost; gives their paths.
///
/// # Errors
/// [`Kind::Io`].
pub(crate) fn keep(context: &Context, resolved: &Resolutions) -> Result<Vec<PathBuf>> {
    let place = context.repository.records().make_folder(RecordKind::Resolved)?.keep();
    let io = |error: std::io::Error| Error::io("write below", &place, &error);
    let write = |(path, (_, text)): (&PathBuf, &(Versions, Vec<u8>))| {
        let copy = place.join(path);
        let made = std::fs::create_dir_all(copy.parent().unwrap_or(&place)).and_then(|()| std::fs::write(&copy, text));
        made.map(|()| copy).map_err(io)
    };
    resolved.iter().map(write).collect()
}

/// Opens the file in `editor`: with conflict markers, or where one side removed it with the text of the other side.
/// Gives the edited text.
///
/// # Errors
/// [`Kind::Conflict`] when the editor fails, or markers remain.
pub(crate) fn edit(context: &Context, editor: &str, file: &Unresolved) -> Result<Vec<u8>> {
    let root = &context.repository.root;
    let dir = context.data_dir();
    let path = dir.join(&file.path);
    let show = path.strip_prefix(root).unwrap_or(&path);
    let unresolved = |why: &str| Err(Error::new(Kind::Conflict, format!("{} {why}", show.display())));
    let Some(marked) = &file.marked else {
        if show.to_string_lossy().ends_with(".tar.zst") {
            return unresolved(
                "has a file that differs on both sides; unpack it in both clones (aitask_zip_old.sh unpack ID), \
                 make it the same, then sync again",
            );
        }
        return unresolved(
            "has no lines and differs on both sides; give it the content of the other side, then sync again",
        );
    };
    // The copy lies outside the checkout, so that other processes there never see conflict markers. Its path has the
    // same names, so that the user recognises it in the editor.
    let io = |error: std::io::Error| Error::io("write", &path, &error);
    let place = context.repository.records().make_folder(RecordKind::Resolving)?;
    let copy = place.path().join(show);
    std::fs::create_dir_all(copy.parent().unwrap_or(place.path())).map_err(io)?;
    std::fs::write(&copy, marked).map_err(io)?;
    let script = format!("{editor} \"$1\"");
    let call = Call::program(context.repository.git().environment(), "sh", root);
    let status = call.args(["-c", &script, "sh"]).arg(&copy).run_attached()?;
    let text = std::fs::read(&copy).map_err(|error| Error::io("read", &copy, &error))?;
    let both = file.versions.ours.is_some() && file.versions.theirs.is_some();
    let why = match (status, merge::has_markers(&text), both && text.trim_ascii().is_empty()) {
        (0, false, false) => return Ok(text),
        (0, true, _) => "still has conflict markers in it",
        (0, false, true) => "was not resolved: it is empty, although both sides have text",
        _ => "was not resolved: the editor failed",
    };
    if text == *marked {
        return unresolved(why);
    }
    // The user's text is kept, even if it is not a resolution.
    let kept = place.keep().join(show);
    unresolved(&format!("{why}; the edited text is kept in {}", kept.display()))
}
