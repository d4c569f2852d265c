//! What a task branch changed in the file and the plan of its own task, where the output branch carries the task data:
//! ticked boxes and notes are merged field by field, as a sync does, and archived with the task.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::Oid;
use crate::git::merge::{self, Conflicts};
use crate::git::objects::{self, NewCommit, ParentCommit};
use crate::project::context::Context;
use crate::sync::join::{MergedFile, Resolutions, by_rules, merge_files};
use crate::task::merge::MergeRules;
use crate::task::{Document, TaskPath};

/// The task's file with the changes of the published branch and of the task branch; `None` where the task branch has
/// none. One process where both branches have the same file, else three.
///
/// # Errors
/// [`Kind::Conflict`] where both changed the same field or the same lines.
pub(crate) fn document(context: &Context, path: &TaskPath, output: &Oid, tip: &Oid) -> Result<Option<Document>> {
    let repository = &context.repository;
    let versions = objects::load(repository, &[output, tip].map(|commit| format!("{commit}:{path}")))?;
    let [Some(ours), Some(theirs)] = &versions[..] else { return Ok(None) };
    if ours.oid == theirs.oid {
        return Ok(None);
    }
    let base = merge::base(repository, output, tip)?;
    let base = base.map(|base| objects::load_one(repository, &format!("{base}:{path}"))).transpose()?.flatten();
    if base.as_ref().is_some_and(|base| base.oid == theirs.oid) {
        return Ok(None);
    }
    let base = base.as_ref().map(|base| base.data.as_slice());
    match by_rules(repository.git().environment(), MergeRules::ThreeWay, base, &ours.data, &theirs.data)? {
        Some(MergedFile::Text(text)) => Ok(Some(Document::parse(&text))),
        _ => Err(Error::new(Kind::Conflict, format!("the task branch and the published task both changed {path}"))
            .with(Payload::Files { files: vec![path.to_string()] })),
    }
}

/// The tree of a merge whose conflicts are all in the task's own files, and follow the rules; else `None`.
pub(crate) fn merged_tree(context: &Context, output: &Oid, tip: &Oid, own: &[&str]) -> Result<Option<Oid>> {
    let repository = &context.repository;
    let Conflicts { tree, files } = merge::conflicts(repository, output, tip)?;
    let are_own = files.keys().all(|path| own.iter().any(|own| path.as_os_str() == *own));
    if files.is_empty() || !are_own {
        return Ok(None);
    }
    let Ok(edits) = merge_files(repository, files, MergeRules::ThreeWay, &Resolutions::new())? else { return Ok(None) };
    let message = "git aitask: the merged files of the task\n".to_owned();
    let parent = ParentCommit::Commit(output.clone());
    let built = objects::build(repository, &[NewCommit { parent, merged: None, tree: Some(tree), edits, message }])?;
    built.commits.first().map_or(Ok(None), |commit| merge::tree_of(repository, commit))
}
