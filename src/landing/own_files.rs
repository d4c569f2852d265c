//! What a task branch changed in the file and the plan of its own task, where the output branch carries the task data:
//! ticked boxes and notes are merged field by field, as a sync does, and archived with the task.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::Oid;
use crate::git::merge::{self, Conflicts};
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::cat_file::Object;
use crate::project::context::Context;
use crate::sync::join::{MergedFile, Resolutions, by_rules, merge_files};
use crate::task::merge::MergeRules;
use crate::task::{Document, PlanPath, TaskPath, paths};

/// The task's own files with the changes of the task branch.
#[derive(Debug, Default)]
pub(crate) struct OwnFiles {
    /// The task's file with the changes of the published branch and of the task branch; `None` where the task branch has
    /// none.
    pub(crate) document: Option<Document>,
    /// The commit to merge in place of the tip, where the branch renamed these files: it has them under their published
    /// names, since everybody else knows the task by these.
    pub(crate) renamed_back: Option<Oid>,
}

/// Reads the task's own files; `plan` is its plan. One process where both branches have the same file, else three; two more
/// where the task branch does not have it under this name.
///
/// # Errors
/// [`Kind::Conflict`] where both changed the same field or the same lines.
pub(crate) fn load(
    context: &Context,
    path: &TaskPath,
    plan: Option<&PlanPath>,
    output: &Oid,
    tip: &Oid,
) -> Result<OwnFiles> {
    let versions = objects::load(&context.repository, &[output, tip].map(|commit| format!("{commit}:{path}")))?;
    match &versions[..] {
        [Some(ours), Some(theirs)] if ours.oid != theirs.oid => {
            let document = document(context, [path.as_str(), path.as_str()], [output, tip], [ours, theirs])?;
            Ok(OwnFiles { document, renamed_back: None })
        }
        [Some(ours), None] => {
            let Some((back, former)) = renamed_back(context, path, plan, tip)? else { return Ok(OwnFiles::default()) };
            let names = [path.as_str(), former.as_str()];
            let theirs = objects::load_one(&context.repository, &format!("{back}:{path}"))?;
            let document =
                theirs.map(|theirs| document(context, names, [output, &back], [ours, &theirs])).transpose()?;
            Ok(OwnFiles { document: document.flatten(), renamed_back: Some(back) })
        }
        _ => Ok(OwnFiles::default()),
    }
}

/// A commit on top of the tip in which the files of this task have their published names, and the name that the task's file
/// has on the branch; `None` where the branch has no other file of this task, or several.
fn renamed_back(
    context: &Context,
    path: &TaskPath,
    plan: Option<&PlanPath>,
    tip: &Oid,
) -> Result<Option<(Oid, String)>> {
    let repository = &context.repository;
    let listed = objects::list(repository, tip, &[paths::TASKS_DIR, paths::PLANS_DIR])?;
    let names: Vec<_> = listed.iter().filter_map(|entry| entry.path_str()).collect();
    let is_of = |name: &str| TaskPath::parse(name).is_some_and(|other| other.id() == path.id());
    let tasks: Vec<_> = names.iter().filter(|name| is_of(name)).collect();
    let [renamed] = &tasks[..] else { return Ok(None) };
    let rename = |from: &str, to: &str| Edit::Rename { from: from.to_owned(), to: to.to_owned() };
    let mut edits = vec![rename(renamed, path.as_str())];
    if let Some(plan) = plan.filter(|plan| !names.contains(&plan.as_str())) {
        let is_of = |name: &str| PlanPath::parse(name).is_some_and(|other| other.id() == path.id());
        let plans: Vec<_> = names.iter().filter(|name| is_of(name)).collect();
        if let [renamed] = &plans[..] {
            edits.push(rename(renamed, plan.as_str()));
        }
    }
    let message = "git aitask: the files of the task under their published names\n".to_owned();
    let parent = ParentCommit::Commit(tip.clone());
    let built = objects::build(repository, &[NewCommit { parent, merged: None, tree: None, edits, message }])?;
    Ok(built.commits.into_iter().next().map(|commit| (commit, (**renamed).to_owned())))
}

/// The task's file with both changes. In the commit that both began with it is called `path` or `former`: either may have renamed
/// it.
fn document(
    context: &Context,
    [path, former]: [&str; 2],
    [output, tip]: [&Oid; 2],
    [ours, theirs]: [&Object; 2],
) -> Result<Option<Document>> {
    let repository = &context.repository;
    if ours.oid == theirs.oid {
        return Ok(None);
    }
    let base = merge::base(repository, output, tip)?;
    let found =
        base.map(|base| objects::load(repository, &[path, former].map(|name| format!("{base}:{name}")))).transpose()?;
    let base = found.into_iter().flatten().flatten().next();
    if base.as_ref().is_some_and(|base| base.oid == theirs.oid) {
        return Ok(None);
    }
    let base = base.as_ref().map(|base| base.data.as_slice());
    match by_rules(
        repository.git().environment(),
        Some(&repository.records()),
        MergeRules::ThreeWay,
        base,
        &ours.data,
        &theirs.data,
    )? {
        Some(MergedFile::Text(text)) => Ok(Some(Document::parse(&text))),
        _ => Err(Error::new(Kind::Conflict, format!("the task branch and the published task both changed {path}"))
            .with(Payload::Files { files: vec![path.to_owned()] })),
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
