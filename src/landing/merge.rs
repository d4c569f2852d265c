//! Merging a task branch in the object store. No checkout is changed, so a conflict leaves nothing to clean up.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::merge;
use crate::git::objects;
use crate::git::porcelain::commit::Commit;
use crate::git::porcelain::merge_tree::MergeTree;
use crate::git::{Branch, Oid, Repository};
use crate::landing::own_files;
use crate::ledger::plan::{Plan, Step};
use crate::project::context::Context;
use crate::worktrees::branches::rebase_onto;

/// How a task branch is merged into its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum MergeMode {
    /// A merge commit, also where a fast-forward is possible.
    Merge,
    /// One commit with all changes.
    Squash,
    /// A fast-forward of the output branch to the task branch.
    Ff,
}

impl MergeMode {
    /// Parses the setting `aitask.merge`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "merge" => Ok(Self::Merge),
            "squash" => Ok(Self::Squash),
            "ff" => Ok(Self::Ff),
            _ => {
                Err(Error::new(Kind::Usage, format!("{text:?} is not a merge mode")).one_of(&["merge", "squash", "ff"]))
            }
        }
    }
}

/// The result of a merge that was worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Merge {
    /// The output branch already has all changes of the task branch.
    Already,
    /// The output branch moves to the tip of the task branch.
    FastForward,
    /// A commit with this tree, on top of the output branch.
    Tree(Oid),
}

/// Works out the merge of `tip` into `output`; `own` are the paths of the task's own files, which are merged field by
/// field.
///
/// # Errors
/// [`Kind::Conflict`] with the files; for [`MergeMode::Ff`], when the output branch has commits that the task branch
/// lacks.
pub(crate) fn plan(
    context: &Context,
    mode: MergeMode,
    output: &Oid,
    into: &Branch,
    tip: &Oid,
    branch: &Branch,
    own: &[&str],
) -> Result<Merge> {
    let repository = &context.repository;
    let bring = || {
        let source = context.channel.remote().map_or_else(|| into.to_string(), |remote| format!("{remote}/{into}"));
        let bring = command!["git merge", source];
        match repository.worktree_of(branch) {
            Ok(Some(record)) => bring.within(record.path),
            _ => bring,
        }
    };
    let stacked = || rebase_onto(context, branch, into, output);
    if mode == MergeMode::Ff {
        return if merge::is_ancestor(repository, output, tip)? {
            Ok(Merge::FastForward)
        } else if merge::is_ancestor(repository, tip, output)? {
            Ok(Merge::Already)
        } else {
            let message = format!("{into} has commits that {branch} lacks, so it cannot be fast-forwarded");
            Err(Error::new(Kind::Conflict, message)
                .hint(stacked().unwrap_or_else(bring))
                .hint("git aitask finish --merge"))
        };
    }
    let read = objects::load(repository, &[output.to_string(), format!("{output}:.gitattributes")])?;
    let tree_of_output = match read.first() {
        Some(Some(commit)) => Some(Commit::parse(&commit.data)?.tree),
        _ => None,
    };
    let has_attributes = read.iter().skip(1).any(Option::is_some) || repository.root.join(".gitattributes").exists();
    match merge::merge_code(repository, output, tip, has_attributes)? {
        MergeTree::Conflict { paths, .. } => {
            if let Some(tree) = own_files::merged_tree(context, output, tip, own)? {
                return Ok(Merge::Tree(tree));
            }
            let files: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            let message = format!("{branch} conflicts with {into} in {}", files.join(", "));
            Err(Error::new(Kind::Conflict, message)
                .hint(match stacked() {
                    Some(own) => own.note("brings only its own commits there; then finish again"),
                    None => bring().note("resolve the conflict and commit, then finish again"),
                })
                .with(Payload::Files { files }))
        }
        MergeTree::Clean { tree } => {
            let changes_nothing = Some(&tree) == tree_of_output.as_ref();
            let is_there = changes_nothing && !(mode == MergeMode::Merge && is_told_alone(repository, output, tip)?);
            Ok(if is_there { Merge::Already } else { Merge::Tree(tree) })
        }
    }
}

/// Whether the commits of a branch together change nothing, so that what they have is their messages.
fn is_told_alone(repository: &Repository, output: &Oid, tip: &Oid) -> Result<bool> {
    let base = merge::base(repository, output, tip)?;
    base.map_or(Ok(false), |base| merge::have_same_tree(repository, &base, tip))
}

/// Adds the merge to a plan: a step that makes the commit, or for a fast-forward a move of the branch.
pub(crate) fn add(plan: Plan, into: &Branch, merge: &Merge, mode: MergeMode, tip: &Oid, subject: &str) -> Plan {
    let step = |merge, tree| Step { subject: subject.to_owned(), edits: Vec::new(), merge, tree };
    match (merge, mode) {
        (Merge::Already, _) => plan,
        (Merge::FastForward, _) => plan.advance(into, tip.clone()),
        (Merge::Tree(tree), MergeMode::Squash) => plan.step(into, step(None, Some(tree.clone()))),
        (Merge::Tree(tree), _) => plan.step(into, step(Some((tip.clone(), tree.clone())), None)),
    }
}
