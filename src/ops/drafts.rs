//! Drafts of tasks: files in `aitasks/new/` without an id, which git ignores and no other clone sees.

use crate::error::Result;
use crate::files::Tree;
use crate::task::{Document, Slug, paths};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// The file of a draft.
#[derive(Debug, Clone)]
pub(crate) struct DraftText {
    /// Its name.
    pub(crate) name: String,
    /// Its content.
    pub(crate) text: Vec<u8>,
}

/// How long another process that works on a draft is waited for. To become a task it may need a slow remote, or the
/// turn of its parent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A draft that was read.
#[derive(Debug)]
pub(crate) struct ParsedDraft {
    /// Its path in the task data.
    pub(crate) path: String,
    /// Its file.
    pub(crate) file: DraftText,
    /// The slug of the task, from the name of the draft.
    pub(crate) slug: Option<Slug>,
    /// The parent that it names.
    pub(crate) parent: Option<String>,
    /// The task file: the draft without its fields `draft` and `parent`.
    pub(crate) document: Document,
    /// Keeps other processes from making a second task of it.
    pub(crate) lock: File,
}

/// The path of a draft, given its name or its path.
pub(crate) fn path_of(named: &str) -> String {
    format!("{}/{}", paths::DRAFTS_DIR, named.rsplit('/').next().unwrap_or(named))
}

/// Reads a draft of the task data at `dir`, which no other process can read so meanwhile; `None` for a path that is not
/// a file in the folder of drafts.
pub(crate) fn load(tree: &Tree, dir: &Path, named: &str) -> Result<Option<ParsedDraft>> {
    let path = path_of(named);
    if !paths::is_draft(&path) {
        return Ok(None);
    }
    let Some(lock) = tree.lock(dir.join(&path), PATIENCE)? else { return Ok(None) };
    let Some(text) = tree.load(dir.join(&path))? else { return Ok(None) };
    let mut document = Document::parse(&text);
    let parent = document.scalar("parent").map(str::to_owned);
    document.remove("draft");
    document.remove("parent");
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let slug = paths::draft_slug(&path);
    Ok(Some(ParsedDraft { path, file: DraftText { name, text }, slug, parent, document, lock }))
}

/// The path of a new draft. It may exist.
pub(crate) fn new_path(slug: &Slug) -> String {
    paths::draft_path(&jiff::ZonedDateTime::now().strftime("%Y%m%d_%H%M").to_string(), slug)
}

/// Writes a draft into the task data at `dir` and returns its path. Needs no repository and no network.
pub(crate) fn save(tree: &Tree, dir: &Path, slug: &Slug, document: &Document) -> Result<String> {
    let path = new_path(slug);
    let name = path.rsplit('/').next().unwrap_or(&path);
    let name = tree.create_beside(dir.join(paths::DRAFTS_DIR), name, &document.to_bytes())?;
    Ok(format!("{}/{name}", paths::DRAFTS_DIR))
}
