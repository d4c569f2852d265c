//! Joining two histories of task data in the object store. Task files and plans that both sides changed are merged
//! field by field (see [`crate::task::merge`]), bundles by their members; of everything else only what git merges
//! itself.

use crate::error::{Error, Kind, Result};
use crate::files::records::Records;
use crate::git::merge::{self, Conflicts, MergeFile, Renames};
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::merge_tree::MergeTree;
use crate::git::porcelain::unmerged::{Version, Versions};
use crate::git::run::Git;
use crate::git::{Oid, Repository};
use crate::ledger::align::{self, Aligned};
use crate::ledger::nonce;
use crate::ledger::plan::trailer;
use crate::settings::Environment;
use crate::task::merge::{Body, FileMerge, MergeRules};
use crate::task::{bundle, paths};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The git mode of a regular file.
const PLAIN: &str = "100644";

/// A file that no rule merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Its versions. A resolution counts only for exactly these.
    pub(crate) versions: Versions,
    /// The text for the user to edit, with conflict markers where both sides have a version; `None` for a binary file.
    pub(crate) marked: Option<Vec<u8>>,
}

impl Unresolved {
    /// Whether it is a new task whose number the other side gave to another new task.
    pub(crate) fn is_number_taken(&self) -> bool {
        matches!(self.versions, Versions { base: None, ours: Some(_), theirs: None })
    }
}

/// The user's resolutions of files that no rule merges: the versions that were resolved, and the text.
pub(crate) type Resolutions = BTreeMap<PathBuf, (Versions, Vec<u8>)>;

/// The result of a join.
#[derive(Debug)]
pub(crate) enum Join {
    /// A commit with both histories as parents.
    Joined {
        /// The commit.
        commit: Oid,
        /// The files that were merged by the rules.
        merged: Vec<PathBuf>,
    },
    /// No commit: no rule merges these files.
    Conflict(Vec<Unresolved>),
}

/// Makes a commit that joins both histories. Changes no checkout and no branch.
///
/// # Errors
/// [`Kind::Git`] for histories that have nothing in common.
pub(crate) fn join(
    repository: &Repository,
    local: &Oid,
    theirs: &Oid,
    upstream: &str,
    rules: MergeRules,
    resolutions: &Resolutions,
) -> Result<Join> {
    let Aligned { ours: here, theirs: there, clashes } = align::aligned(repository, local, theirs)?;
    let (tree, mut files) = match merge::merge_tree(repository, &here, &there, Renames::OfFilesAlone)? {
        MergeTree::Clean { tree } => (tree, BTreeMap::new()),
        MergeTree::Conflict { .. } => {
            let Conflicts { tree, files } = merge::conflicts(repository, &here, &there)?;
            if files.is_empty() {
                return Err(Error::new(Kind::Conflict, format!("git cannot merge {upstream}, and names no file")));
            }
            (tree, files)
        }
    };
    files.extend(clashes);
    let merged = files.keys().cloned().collect();
    let edits = match merge_files(repository, files, rules, resolutions)? {
        Ok(edits) => edits,
        Err(unresolved) => return Ok(Join::Conflict(unresolved)),
    };
    let message = format!("ait: Merge task data of {upstream}\n\n{}\n", trailer(&nonce()?));
    let parent = ParentCommit::Commit(local.clone());
    let commit = NewCommit { parent, merged: Some(theirs.clone()), tree: Some(tree), edits, message };
    let built = objects::build(repository, &[commit])?.commits.into_iter().next();
    let commit = built.ok_or_else(|| Error::new(Kind::Bug, "git made no commit"))?;
    Ok(Join::Joined { commit, merged })
}

pub(crate) type Resolved = Result<Vec<Edit>, Vec<Unresolved>>;

/// Merges files that both sides changed; the edits, or the files that no rule merges.
pub(crate) fn merge_files(
    repository: &Repository,
    files: BTreeMap<PathBuf, Versions>,
    rules: MergeRules,
    resolutions: &Resolutions,
) -> Result<Resolved> {
    // One process for all versions of all files.
    let all = files.values().flat_map(|file| [&file.base, &file.ours, &file.theirs]).flatten();
    let names: Vec<_> = all.map(|version| version.oid.to_string()).collect();
    let mut texts = objects::load(repository, &names)?.into_iter().map(|object| object.map(|object| object.data));
    let (mut edits, mut unresolved) = (Vec::new(), Vec::new());
    for (path, versions) in files {
        let mut text = |version: &Option<Version>| {
            let missing =
                |oid: &Oid| Error::new(Kind::Git, format!("git lacks {oid}, a version of {}", path.display()));
            version.as_ref().map(|version| texts.next().flatten().ok_or_else(|| missing(&version.oid))).transpose()
        };
        let texts = [text(&versions.base)?, text(&versions.ours)?, text(&versions.theirs)?];
        let known = resolutions.get(&path).filter(|(made_of, _)| *made_of == versions);
        let merged = match (known, texts) {
            // One side deleted the file, and the user left nothing of it: it is deleted.
            (Some((_, text)), [_, None, _] | [_, _, None]) if text.trim_ascii().is_empty() => MergedFile::Gone,
            (Some((_, text)), _) => MergedFile::Text(text.clone()),
            (None, texts) if is_bundle(&path) && are_plain(&versions) => merge_bundles(&path, &texts)?,
            (None, [base, Some(ours), Some(theirs)]) => {
                merge_texts(repository, rules, &path, &versions, base.as_deref(), &ours, &theirs)?
            }
            // Not a change of one file: the other side gave its id to another new one.
            (None, [None, Some(_), None]) => MergedFile::Not(None),
            // One side deleted the file and the other changed it: the user keeps, edits or empties the changed version.
            (None, [_, Some(text), None] | [_, None, Some(text)]) if !text.contains(&0) => {
                MergedFile::Not(Some(MarkedText { text, clashes: Vec::new() }))
            }
            (None, _) => MergedFile::Not(None),
        };
        match (merged, path.to_str().map(str::to_owned)) {
            (MergedFile::Text(content), Some(path)) => edits.push(Edit::Put { path, content }),
            (MergedFile::Gone, Some(path)) => edits.push(Edit::Remove { path }),
            (MergedFile::Not(marked), _) => {
                unresolved.push(Unresolved { path, versions, marked: marked.map(|marked| marked.text) });
            }
            (_, None) => unresolved.push(Unresolved { path, versions, marked: None }),
        }
    }
    Ok(if unresolved.is_empty() { Ok(edits) } else { Err(unresolved) })
}

/// The result of merging one file.
#[derive(Debug)]
pub(crate) enum MergedFile {
    /// It has this content.
    Text(Vec<u8>),
    /// It is deleted.
    Gone,
    /// No rule merges it, so the user has to.
    Not(Option<MarkedText>),
}

/// A text with conflict markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarkedText {
    /// The text, with conflict markers.
    pub(crate) text: Vec<u8>,
    /// The frontmatter keys that conflict, and `body`; empty for a file that the rules do not cover.
    pub(crate) clashes: Vec<String>,
}

fn merge_texts(
    repository: &Repository,
    rules: MergeRules,
    path: &Path,
    versions: &Versions,
    base: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
) -> Result<MergedFile> {
    let (git, records) = (repository.git(), repository.records());
    if is_by_rules(path)
        && are_plain(versions)
        && let Some(merged) = by_rules(git.environment(), Some(&records), rules, base, ours, theirs)?
    {
        return Ok(merged);
    }
    Ok(MergedFile::Not(match merge::merge_file(git, Some(&records), [base.unwrap_or_default(), ours, theirs])? {
        MergeFile::Clean(text) | MergeFile::Marked(text) => Some(MarkedText { text, clashes: Vec::new() }),
        MergeFile::Binary => None,
    }))
}

/// Merges a task file or plan; `None` for a file that the rules do not cover. `records` are those of the clone, if there is
/// one.
pub(crate) fn by_rules(
    environment: &Environment,
    records: Option<&Records>,
    rules: MergeRules,
    base: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
) -> Result<Option<MergedFile>> {
    let git = &Git::new(environment.clone());
    let Some(file) = FileMerge::of(rules, base, ours, theirs) else { return Ok(None) };
    let (body, clean) = match &file.body {
        Body::Settled(body) => (body.clone(), true),
        Body::Differs { base, local, remote, .. } => match merge::merge_file(git, records, [base, local, remote])? {
            MergeFile::Clean(body) => (body, true),
            MergeFile::Marked(body) => (body, false),
            MergeFile::Binary => return Ok(Some(MergedFile::Not(None))),
        },
    };
    if clean && file.clashes.is_empty() {
        return Ok(Some(MergedFile::Text(file.with_body(&body))));
    }
    let keys = file.clashes.iter().map(|clash| clash.key.clone());
    let clashes = keys.chain((!clean).then(|| "body".to_owned())).collect();
    Ok(Some(MergedFile::Not(Some(MarkedText { text: file.marked(&body), clashes }))))
}

/// Merges a bundle that two clones added archived files to: the result has the files of both.
fn merge_bundles(path: &Path, texts: &[Option<Vec<u8>>; 3]) -> Result<MergedFile> {
    let files = |text: &Option<Vec<u8>>| {
        let files = text.as_ref().map(|text| bundle::files(&path.display().to_string(), text)).transpose();
        files.map(|files| files.unwrap_or_default().into_iter().collect())
    };
    // A bundle that cannot be read cannot be merged.
    let [Ok(base), Ok(ours), Ok(theirs)] = texts.each_ref().map(files) else { return Ok(MergedFile::Not(None)) };
    match bundle::merge(&base, &ours, &theirs) {
        Some(merged) if merged.is_empty() => Ok(MergedFile::Gone),
        Some(merged) => bundle::pack(&merged).map(MergedFile::Text),
        None => Ok(MergedFile::Not(None)),
    }
}

fn are_plain(versions: &Versions) -> bool {
    let all = [&versions.base, &versions.ours, &versions.theirs];
    all.into_iter().flatten().all(|version| version.mode == PLAIN)
}

/// Whether a path is a bundle in the current format.
fn is_bundle(path: &Path) -> bool {
    let archives = [paths::ARCHIVED_TASKS_DIR, paths::ARCHIVED_PLANS_DIR];
    archives.into_iter().any(|archive| path.starts_with(archive)) && path.to_string_lossy().ends_with(".tar.zst")
}

/// Whether a path is a task file or a plan, at any depth.
fn is_by_rules(path: &Path) -> bool {
    let below = path.starts_with(paths::TASKS_DIR) || path.starts_with(paths::PLANS_DIR);
    below && path.extension().is_some_and(|extension| extension == "md")
}
