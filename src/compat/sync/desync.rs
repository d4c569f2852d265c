//! The commits by which the primary branch and the data branch of this clone and of the remote differ.

use crate::error::Result;
use crate::git::{AheadBehind, Branch, Freshness, merge, refs, remote};
use crate::ledger::DATA;
use crate::project::context::Context;
use crate::project::data_state;
use crate::task::paths;
use serde::Serialize;
use std::time::Duration;

/// The time limit of the fetch. The callers are screens and reports that show the state known before when it fails,
/// so a user should not wait longer for it.
const FETCH_LIMIT: Duration = Duration::from_secs(10);

/// The state of one branch. The fields are in alphabetical order, since the keys of the JSON output are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RefState {
    /// Commits that only this clone has.
    pub(crate) ahead: u32,
    /// Commits that only the remote has.
    pub(crate) behind: u32,
    /// The last line of git's standard error, when the fetch failed.
    pub(crate) error: Option<String>,
    /// The branch of this clone.
    pub(crate) local_ref: String,
    /// The logical name: `main` for the primary branch, whatever its name is, or `aitask-data`.
    pub(crate) name: &'static str,
    /// The files that the remote changed since the merge base; sorted.
    pub(crate) remote_changed_paths: Vec<String>,
    /// The subjects of the commits that only the remote has; newest first.
    pub(crate) remote_commits: Vec<String>,
    /// The branch of the remote.
    pub(crate) remote_ref: String,
    /// `ok`, or the first obstacle to the comparison.
    pub(crate) status: &'static str,
    /// The folder of its checkout, relative to the root.
    pub(crate) worktree: &'static str,
}

/// The branches by their logical names.
pub(crate) const NAMES: [&str; 2] = ["main", DATA];

/// Compares one branch with the remote's.
pub(crate) fn compare(context: &Context, name: &'static str, freshness: Freshness) -> Result<RefState> {
    let repository = &context.repository;
    let (branch, worktree) = match name {
        DATA => (DATA.to_owned(), paths::DATA_WORKTREE_DIR),
        _ => (data_state::primary_branch(context), "."),
    };
    let mut state = RefState {
        ahead: 0,
        behind: 0,
        error: None,
        local_ref: branch.clone(),
        name,
        remote_changed_paths: Vec::new(),
        remote_commits: Vec::new(),
        remote_ref: format!("origin/{branch}"),
        status: "ok",
        worktree,
    };
    let ended = |state: RefState, status| Ok(RefState { status, ..state });
    if !repository.root.join(worktree).is_dir() {
        return ended(state, "missing_worktree");
    }
    let Some(origin) = context.channel.remote() else { return ended(state, "no_remote") };
    let branch = Branch::parse(&branch)?;
    let fetched = match freshness {
        Freshness::Fetched => remote::fetch_branch(repository, origin, &branch, FETCH_LIMIT),
        Freshness::AsKnown => Ok(()),
    };
    let [here, there] = [branch.full(), branch.tracking(origin)];
    let mut known = refs::load(repository, &[here.clone(), there.clone()])?;
    let (local, theirs) = (known.remove(&here), known.remove(&there));
    if let Err(error) = fetched {
        let said = error.stderr().map_or_else(|| error.to_string(), str::to_owned);
        state.error = said.lines().last().map(str::to_owned);
        return ended(state, if theirs.is_none() { "missing_remote" } else { "fetch_error" });
    }
    let Some(local) = local else { return ended(state, "missing_local") };
    let Some(theirs) = theirs else { return ended(state, "missing_remote") };
    AheadBehind { ahead: state.ahead, behind: state.behind } = merge::ahead_behind(repository, &local, &theirs)?;
    if state.behind > 0 {
        state.remote_commits = merge::subjects(repository, &local, &theirs)?;
        state.remote_changed_paths = merge::changed_since_fork(repository, &local, &theirs)?;
        state.remote_changed_paths.sort();
    }
    Ok(state)
}
