//! Joining two histories of task data in the object store: files that both sides changed are merged by the rules of
//! specification 40, section 7.

use crate::error::{Error, Kind, Result};
use crate::git::merge::{self, Renames};
use crate::git::objects::{self, Edit, NewCommit, Parent};
use crate::git::porcelain::merge_tree::MergeTree;
use crate::git::porcelain::unmerged::{Version, Versions};
use crate::git::{Oid, Repository};
use crate::ledger::nonce;
use crate::ledger::pairing::{self, Aligned};
use crate::ledger::transaction::trailer;
use crate::task::merge::{Body, FileMerge};
use crate::task::paths;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The mode of an ordinary file.
const PLAIN: &str = "100644";

/// A file that no rule merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Where it is.
    pub path: PathBuf,
    /// Its versions, by which a resolution is known to be one of these.
    pub versions: Versions,
    /// Its text with conflict markers, for somebody to edit; `None` where one side has no text.
    pub marked: Option<Vec<u8>>,
}

/// What somebody made of files that no rule merges: what it was made of, and the text.
pub type Resolutions = BTreeMap<PathBuf, (Versions, Vec<u8>)>;

/// What came of it.
#[derive(Debug)]
pub enum Join {
    /// A commit with both as parents.
    Joined {
        /// The commit.
        commit: Oid,
        /// The files that were merged by the rules.
        merged: Vec<PathBuf>,
    },
    /// Nothing; these files are in the way.
    Conflict(Vec<Unresolved>),
}

/// Makes a commit of both histories. Touches no checkout.
///
/// # Errors
/// [`Kind::Git`] for histories that have nothing in common.
pub fn join(
    repository: &Repository,
    local: &Oid,
    theirs: &Oid,
    upstream: &str,
    resolutions: &Resolutions,
) -> Result<Join> {
    let Aligned { ours: here, theirs: there, clashes } = pairing::aligned(repository, local, theirs)?;
    let (tree, mut files) = match merge::merge_tree(repository, &here, &there, Renames::OfFilesAlone)? {
        MergeTree::Clean { tree } => (tree, BTreeMap::new()),
        MergeTree::Conflict { .. } => {
            let (tree, files) = merge::conflicts(repository, &here, &there)?;
            if files.is_empty() {
                return Err(Error::new(Kind::Conflict, format!("git cannot merge {upstream}, and names no file")));
            }
            (tree, files)
        }
    };
    files.extend(clashes);
    let merged = files.keys().cloned().collect();
    let edits = match merge_files(repository, files, resolutions)? {
        Ok(edits) => edits,
        Err(unresolved) => return Ok(Join::Conflict(unresolved)),
    };
    let message = format!("ait: Merge task data of {upstream}\n\n{}\n", trailer(&nonce()?));
    let parent = Parent::Commit(local.clone());
    let commit = NewCommit { parent, merged: Some(theirs.clone()), tree: Some(tree), edits, message };
    let built = objects::build(repository, &[commit])?.commits.into_iter().next();
    let commit = built.ok_or_else(|| Error::new(Kind::Bug, "git made no commit"))?;
    Ok(Join::Joined { commit, merged })
}

type Resolved = Result<Vec<Edit>, Vec<Unresolved>>;

fn merge_files(
    repository: &Repository,
    files: BTreeMap<PathBuf, Versions>,
    resolutions: &Resolutions,
) -> Result<Resolved> {
    // One process for all versions of all files.
    let all = files.values().flat_map(|file| [&file.base, &file.ours, &file.theirs]).flatten();
    let names: Vec<_> = all.map(|version| version.oid.to_string()).collect();
    let mut texts = objects::load(repository, &names)?.into_iter().map(|object| object.map(|object| object.data));
    let (mut edits, mut unresolved) = (Vec::new(), Vec::new());
    for (path, versions) in files {
        let mut text = |version: &Option<Version>| version.as_ref().and_then(|_| texts.next().flatten());
        let (base, ours, theirs) = (text(&versions.base), text(&versions.ours), text(&versions.theirs));
        let known = resolutions.get(&path).filter(|(made_of, _)| *made_of == versions);
        let outcome = match (known, ours, theirs) {
            (Some((_, text)), ..) => Ok(text.clone()),
            (None, Some(ours), Some(theirs)) => merge_texts(repository, &path, &versions, base, &ours, &theirs)?,
            (None, ..) => Err(None),
        };
        match (outcome, path.to_str()) {
            (Ok(content), Some(name)) => edits.push(Edit::Put { path: name.to_owned(), content }),
            (Ok(_), None) => unresolved.push(Unresolved { path, versions, marked: None }),
            (Err(marked), _) => unresolved.push(Unresolved { path, versions, marked }),
        }
    }
    Ok(if unresolved.is_empty() { Ok(edits) } else { Err(unresolved) })
}

/// The merged text, or what somebody has to look at.
fn merge_texts(
    repository: &Repository,
    path: &Path,
    versions: &Versions,
    base: Option<Vec<u8>>,
    ours: &[u8],
    theirs: &[u8],
) -> Result<Result<Vec<u8>, Option<Vec<u8>>>> {
    let plain = |version: &Option<Version>| version.as_ref().is_none_or(|version| version.mode == PLAIN);
    let by_rules = is_by_rules(path) && [&versions.base, &versions.ours, &versions.theirs].into_iter().all(plain);
    let Some(file) = by_rules.then(|| FileMerge::of(base.as_deref(), ours, theirs)).flatten() else {
        let (marked, _) = merge::merge_file(repository, &base.unwrap_or_default(), ours, theirs)?;
        return Ok(Err(Some(marked)));
    };
    let (body, clean) = match &file.body {
        Body::Settled(body) => (body.clone(), true),
        Body::Differs { base, local, remote, .. } => merge::merge_file(repository, base, local, remote)?,
    };
    if clean && file.clashes.is_empty() {
        return Ok(Ok(file.with_body(&body)));
    }
    Ok(Err(Some(file.marked(&body))))
}

/// Task files and plans, at any depth.
fn is_by_rules(path: &Path) -> bool {
    let below = path.starts_with(paths::TASKS_DIR) || path.starts_with(paths::PLANS_DIR);
    below && path.extension().is_some_and(|extension| extension == "md")
}
