//! Whether the remote has new commits on a branch, and which of the files they change a text names.

use crate::error::Result;
use crate::git::{Branch, merge, refs, remote};
use crate::project::context::Context;
use std::collections::BTreeSet;
use std::time::Duration;

/// The result of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drift {
    /// This clone does not have the branch.
    NoLocalBranch,
    /// There is no remote.
    NoRemote,
    /// The remote cannot be reached, or does not have the branch.
    FetchFailed,
    /// The remote has no commit that this clone lacks.
    UpToDate,
    /// The number of commits that this clone lacks, and the files that they change.
    Ahead(u32, Vec<String>),
}

/// Compares the branch with the remote's. One connection. Writes only the remote-tracking ref.
pub(crate) fn compare(context: &Context, branch: &str, limit: Duration) -> Result<Drift> {
    let repository = &context.repository;
    let Ok(branch) = Branch::parse(branch) else { return Ok(Drift::NoLocalBranch) };
    let Some(local) = refs::load(repository, &[branch.full()])?.remove(&branch.full()) else {
        return Ok(Drift::NoLocalBranch);
    };
    let Some(name) = context.channel.remote() else { return Ok(Drift::NoRemote) };
    if remote::fetch_branch(repository, name, &branch, limit).is_err() {
        return Ok(Drift::FetchFailed);
    }
    let tracking = branch.tracking(name);
    let Some(theirs) = refs::load(repository, std::slice::from_ref(&tracking))?.remove(&tracking) else {
        return Ok(Drift::FetchFailed);
    };
    let behind = merge::ahead_behind(repository, &local, &theirs)?.behind;
    if behind == 0 {
        return Ok(Drift::UpToDate);
    }
    Ok(Drift::Ahead(behind, merge::changed_since_fork(repository, &local, &theirs)?))
}

/// The files that a text names, each as a separate word; sorted.
pub(crate) fn named_in(text: &str, files: &[String]) -> Vec<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let words = text.split(|c| !is_plain(c)).map(|word| word.trim_start_matches("./").trim_end_matches('.'));
    let words: BTreeSet<_> = words.filter(|word| !word.is_empty()).collect();
    let named = |file: &&String| {
        // The end of a name with spaces or the like cannot be recognised in a text, so the name is searched anywhere
        // in it.
        words.contains(file.as_str()) || (!file.chars().all(is_plain) && text.contains(file.as_str()))
    };
    files.iter().filter(named).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn files_that_a_plan_names() {
        let files = ["src/main.rs", "tests/a.sh", "Makefile", "b c.txt", "src/main.rs.bak", "x/ü.md"];
        let files = files.map(str::to_owned);
        let plan =
            "Change `src/main.rs`, then ./tests/a.sh. The Makefile, 'b c.txt' and x/ü.md too; no/src/main.rs.bak.";
        assert_eq!(named_in(plan, &files), ["Makefile", "b c.txt", "src/main.rs", "tests/a.sh", "x/ü.md"]);
        assert!(named_in("", &files).is_empty());
    }
}
