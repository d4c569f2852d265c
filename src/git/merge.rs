//! Merging without a checkout, and questions about history.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::merge_tree::{self, MergeTree};
use crate::git::{Oid, Repository};

/// Merges two commits in the object store (git-merge-tree(1), `--write-tree`, git 2.38 and later).
///
/// # Errors
/// [`Kind::GitTooOld`] before 2.38; [`Kind::Git`] for histories that have nothing in common.
pub fn merge_tree(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<MergeTree> {
    let call = repository.read("merge-tree").args(["--write-tree", "-z", "--name-only", "--no-messages"]);
    let call = call.args([ours.as_str(), theirs.as_str()]);
    let output = call.output()?;
    let complaint = output.complaint();
    match output.code {
        Some(code @ (0 | 1)) => merge_tree::parse(code, &output.stdout),
        _ if complaint.contains("usage: git merge-tree") => {
            Err(Error::new(Kind::GitTooOld, "merging without a checkout needs git 2.38 or later").hint("git version"))
        }
        _ if complaint.contains("unrelated histories") => {
            let error =
                Error::new(Kind::Git, format!("{} and {} have no common history", ours.short(), theirs.short()));
            Err(error.hint("git fetch --unshallow"))
        }
        _ => Err(call.failure(&output)),
    }
}

/// Whether `ancestor` is reachable from `commit`.
pub fn is_ancestor(repository: &Repository, ancestor: &Oid, commit: &Oid) -> Result<bool> {
    if ancestor == commit {
        return Ok(true);
    }
    let call = repository.read("merge-base").args(["--is-ancestor", ancestor.as_str(), commit.as_str()]);
    let output = call.output()?;
    match output.code {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        // A commit we do not have cannot be judged; that is not an error of the question "is it in there?".
        _ if output.complaint().contains("Not a valid commit name") => Ok(false),
        _ => Err(call.failure(&output)),
    }
}

/// How many commits `commit` has that `base` lacks, and the other way round: (ahead, behind).
pub fn ahead_behind(repository: &Repository, commit: &Oid, base: &Oid) -> Result<(u32, u32)> {
    let range = format!("{commit}...{base}");
    let text = repository.read("rev-list").args(["--left-right", "--count", &range, "--"]).run()?.text();
    let mut counts = text.split_whitespace().map(|n| n.parse().unwrap_or(0));
    Ok((counts.next().unwrap_or(0), counts.next().unwrap_or(0)))
}
