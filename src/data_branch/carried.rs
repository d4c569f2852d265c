//! Task data that a clone had changed on the code branch, and not published, when another clone moved the data to its own
//! branch: these changes are merged with what that branch has, file by file, as a sync merges them.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::{self, Edit};
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::porcelain::unmerged::{Version, Versions};
use crate::git::{Branch, Oid, merge};
use crate::ledger::View;
use crate::ledger::view::Tip;
use crate::project::context::Context;
use crate::sync::join::{self, Resolutions, Unresolved};
use crate::task::merge::MergeRules;
use crate::task::paths;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The subject of the commit with them.
pub(super) const SUBJECT: &str = "ait: Bring task data that was not published before it was moved";

/// The files of the task data in a commit, with their paths.
pub(super) fn files_at(context: &Context, commit: &Oid) -> Result<Vec<(String, TreeEntry)>> {
    objects::list(&context.repository, commit, &[paths::TASKS_DIR, paths::PLANS_DIR]).map(by_name)
}

/// The files among these entries that are in a folder, with their paths.
pub(super) fn by_name(entries: Vec<TreeEntry>) -> Vec<(String, TreeEntry)> {
    let named = entries.into_iter().filter_map(|entry| Some((entry.path_str()?.to_owned(), entry)));
    named.filter(|(name, _)| name.contains('/')).collect()
}

/// What the data branch at `data` lacks of the task data that the local commits of the code branch change; empty where it has
/// all of that, and without a published code branch.
///
/// # Errors
/// [`Kind::Conflict`] with the files that were changed on both, and that no rule merges.
pub(super) fn missing(context: &Context, view: &View<'_>, data: &Oid, code: &Branch) -> Result<Vec<Edit>> {
    let (repository, Tip { local, published, .. }) = (&context.repository, view.tip(code));
    let (Some(local), Some(published)) = (local, published) else { return Ok(Vec::new()) };
    let Some(base) = merge::base(repository, &local, &published)?.filter(|base| *base != local) else {
        return Ok(Vec::new());
    };
    let versions = |commit: &Oid| -> Result<BTreeMap<String, Version>> {
        let version = |entry: TreeEntry| Version { mode: entry.mode.as_str().to_owned(), oid: entry.oid };
        Ok(files_at(context, commit)?.into_iter().map(|(path, entry)| (path, version(entry))).collect())
    };
    let (base, ours, theirs) = (versions(&base)?, versions(&local)?, versions(data)?);
    let (mut edits, mut both) = (Vec::new(), BTreeMap::new());
    let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let added: BTreeSet<_> = ours.keys().filter(|path| !base.contains_key(*path)).map(|path| name(path)).collect();
    let paths: BTreeSet<_> = base.keys().chain(ours.keys()).collect();
    for path in paths {
        let file = [&base, &ours, &theirs].map(|side| side.get(path).cloned());
        match file {
            [base, ours, theirs] if ours == base || ours == theirs => {}
            // Only what was moved, as into the archive, leaves its place: whoever removes the folders removes no task.
            [Some(_), None, _] if !added.contains(&name(path)) => {}
            [base, Some(Version { mode, oid }), theirs] if theirs == base => {
                edits.push(Edit::Take { path: path.clone(), mode, oid });
            }
            [base, None, theirs] if theirs == base => edits.push(Edit::Remove { path: path.clone() }),
            [base, ours, theirs] => drop(both.insert(PathBuf::from(path), Versions { base, ours, theirs })),
        }
    }
    match join::merge_files(repository, both, MergeRules::ThreeWay, &Resolutions::new())? {
        // After they were brought, the same merge comes to what is there.
        Ok(merged) => {
            let texts: Vec<_> = theirs.values().map(|version| version.oid.to_string()).collect();
            let texts = if merged.is_empty() { Vec::new() } else { objects::load(repository, &texts)? };
            let there: BTreeMap<_, _> = theirs.keys().zip(texts).collect();
            let is_there = |edit: &Edit| match edit {
                Edit::Put { path, content } => {
                    there.get(path).is_some_and(|text| text.as_ref().is_some_and(|text| text.data == *content))
                }
                _ => false,
            };
            edits.extend(merged.into_iter().filter(|edit| !is_there(edit)));
            Ok(edits)
        }
        Err(unresolved) => Err(conflict(context, data, code, &unresolved)),
    }
}

fn conflict(context: &Context, data: &Oid, code: &Branch, unresolved: &[Unresolved]) -> Error {
    let files: Vec<_> = unresolved.iter().map(|file| file.path.display().to_string()).collect();
    let message = format!(
        "the task data was moved, and files were changed both there and on the local {code}, and no rule merges them: {}",
        files.join(", ")
    );
    let error = Error::new(Kind::Conflict, message);
    let error = files.iter().fold(error, |error, path| {
        let show = command!["git show", format!("{}:{path}", data.short())].within(&context.repository.root);
        error.hint(show.note(format!("shows theirs; make {path} the one with both, and git aitask sync")))
    });
    error.with(Payload::Files { files })
}
