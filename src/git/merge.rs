//! Merging without a checkout, and questions about history.

use crate::error::{Error, Kind, Result};
use crate::git::porcelain::merge_tree::{self, MergeTree};
use crate::git::{Oid, Repository, worktree};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Merges two commits without touching a checkout of the user's: in the object store (git-merge-tree(1),
/// `--write-tree`), or, before git 2.38, in a temporary worktree.
///
/// # Errors
/// [`Kind::Git`] for histories that have nothing in common.
pub fn merge_tree(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<MergeTree> {
    let call = repository.read("merge-tree").args(["--write-tree", "-z", "--name-only", "--no-messages"]);
    let call = call.args([ours.as_str(), theirs.as_str()]);
    let output = call.output()?;
    let complaint = output.complaint();
    match output.code {
        Some(code @ (0 | 1)) => merge_tree::parse(code, &output.stdout),
        _ if complaint.contains("usage: git merge-tree") => merge_in_worktree(repository, ours, theirs),
        _ if complaint.contains("unrelated histories") => Err(unrelated(ours, theirs)),
        _ => Err(call.failure(&output)),
    }
}

fn unrelated(ours: &Oid, theirs: &Oid) -> Error {
    Error::new(Kind::Git, format!("{} and {} have no common history", ours.short(), theirs.short()))
        .hint("git fetch --unshallow")
}

fn merge_in_worktree(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<MergeTree> {
    let folder = worktree::temporary_folder()?;
    let temp = tempfile::Builder::new().prefix("git-aitask-merge-").tempdir_in(&folder);
    let temp = temp.map_err(|error| Error::io("make a folder in", &folder, &error))?;
    let path = temp.path().join("merge");
    worktree::add_detached(repository, &path, ours)?;
    let merged = merge_at(repository, &path, ours, theirs);
    worktree::remove(repository, &path, true)?;
    merged
}

fn merge_at(repository: &Repository, path: &Path, ours: &Oid, theirs: &Oid) -> Result<MergeTree> {
    let git = |subcommand: &str| repository.git().write(path, subcommand);
    let call = git("merge").args(["--no-commit", "--no-ff", "--quiet", "--no-autostash", theirs.as_str()]);
    let output = call.output()?;
    if output.complaint().contains("unrelated histories") {
        return Err(unrelated(ours, theirs));
    }
    let unmerged = git("diff").args(["--name-only", "--diff-filter=U", "-z"]).run()?.stdout;
    let names = unmerged.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let paths: Vec<_> = names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect();
    if output.success() && paths.is_empty() {
        let tree = Oid::parse(&git("write-tree").run()?.text());
        return tree.map(|tree| MergeTree::Clean { tree }).ok_or_else(|| call.failure(&output));
    }
    if paths.is_empty() { Err(call.failure(&output)) } else { Ok(MergeTree::Conflict { tree: ours.clone(), paths }) }
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

/// Whether a commit whose message has this text is reachable from `tip`.
pub fn has_message(repository: &Repository, tip: &Oid, text: &str) -> Result<bool> {
    let call = repository.read("log").args(["-n", "1", "--format=%H", "--fixed-strings", &format!("--grep={text}")]);
    Ok(!call.args([tip.as_str(), "--"]).run()?.stdout.is_empty())
}

/// How many commits `commit` has that `base` lacks, and the other way round: (ahead, behind).
pub fn ahead_behind(repository: &Repository, commit: &Oid, base: &Oid) -> Result<(u32, u32)> {
    let range = format!("{commit}...{base}");
    let text = repository.read("rev-list").args(["--left-right", "--count", &range, "--"]).run()?.text();
    let mut counts = text.split_whitespace().map(|n| n.parse().unwrap_or(0));
    Ok((counts.next().unwrap_or(0), counts.next().unwrap_or(0)))
}
