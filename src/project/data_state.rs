//! The state of the worktree with the task data: whether a rebase, merge or the like is in progress there. A commit
//! that is made meanwhile would become part of that operation.

use crate::files::data_checkout;
use crate::git::run::Git;
use crate::git::{Branch, RemoteName, refs, registry, remote};
use crate::project::context::Context;
use crate::settings::Environment;
use std::path::{Path, PathBuf};

/// The files that git keeps in a worktree's git directory while an operation is in progress, in the order in which they
/// are looked for.
const MARKERS: [&str; 6] =
    ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"];

/// The worktree of the data branch, where there is one.
pub(crate) fn data_worktree(context: &Context) -> Option<PathBuf> {
    data_checkout(&context.repository.root)
}

/// The git directory of the worktree at `dir`; `None` when it is gone.
pub(crate) fn admin_dir(dir: &Path) -> Option<PathBuf> {
    registry::git_dir(dir).filter(|admin| admin.is_dir())
}

/// The operation that a marker stands for, in words.
pub(crate) fn operation(marker: &str) -> &'static str {
    match marker {
        "rebase-merge" | "rebase-apply" => "a rebase",
        "MERGE_HEAD" => "a merge",
        "CHERRY_PICK_HEAD" => "a cherry-pick",
        "REVERT_HEAD" => "a revert",
        _ => "a bisection",
    }
}

/// The message about a data worktree in which an operation is in progress. Callers of the scripts look for its first
/// line.
pub(crate) fn unfinished_message(marker: &str) -> String {
    format!(
        "Data worktree (.aitask-data) is stuck mid-{marker}.
Recover with one of:
  ./ait git rebase --abort        (drop the unfinished rebase)
  ./ait git rebase --continue     (go on with it)
  ./ait git merge --abort
  ./ait git cherry-pick --abort
  ./ait git revert --abort
  ./ait git bisect reset
AIT_GIT_SKIP_STATE_CHECK=1 skips this check.
./ait git-health says more."
    )
}

/// The operations that are in progress in the worktree at `dir`.
pub(crate) fn unfinished(dir: &Path) -> Vec<&'static str> {
    let Some(admin) = admin_dir(dir) else { return Vec::new() };
    MARKERS.into_iter().filter(|marker| admin.join(marker).exists()).collect()
}

/// The commit that is checked out somewhere, for messages.
#[derive(Debug)]
pub(crate) struct CheckedOut {
    /// The branch; `HEAD` when it is detached.
    pub(crate) branch: String,
    /// The short name of the commit.
    pub(crate) commit: String,
}

/// The commit that is checked out at `dir`.
pub(crate) fn head(environment: &Environment, dir: &Path) -> CheckedOut {
    let ask = |option: &str| {
        let output = Git::new(environment.clone()).read(dir, "rev-parse").args([option, "HEAD"]).output();
        output.map(|output| output.text()).unwrap_or_default()
    };
    CheckedOut { branch: ask("--abbrev-ref"), commit: ask("--short") }
}

/// The branch that work is merged into by default: the default branch of the remote, else `main`, else `master`; `main`
/// where there is none of them.
pub(crate) fn primary_branch(context: &Context) -> String {
    let repository = &context.repository;
    let remote = context.channel.remote().cloned().or_else(|| RemoteName::parse("origin").ok());
    if let Some(branch) = remote.and_then(|remote| remote::noted_default(repository, &remote)) {
        return branch.to_string();
    }
    let names: Vec<_> = ["main", "master"].iter().filter_map(|name| Branch::parse(name).ok()).collect();
    let full: Vec<_> = names.iter().map(Branch::full).collect();
    let known = refs::load(repository, &full).unwrap_or_default();
    names
        .into_iter()
        .find(|name| known.contains_key(&name.full()))
        .map_or_else(|| "main".to_owned(), |name| name.to_string())
}
