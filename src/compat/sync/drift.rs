//! Whether a branch has moved at the remote, and which of the moved files a text names (specification 50, section 3).

use crate::error::Result;
use crate::git::{Branch, merge, refs, remote};
use crate::project::context::Context;
use std::collections::BTreeSet;
use std::time::Duration;

/// What came of the look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drift {
    /// The branch is not here.
    NoLocalBranch,
    /// There is no remote.
    NoRemote,
    /// The remote cannot be asked, or does not have it.
    FetchFailed,
    /// The remote has nothing that we lack.
    UpToDate,
    /// It has so many commits that we lack, which change these files.
    Ahead(u32, Vec<String>),
}

/// Looks. One connection. Writes nothing but the remote-tracking ref.
pub(crate) fn look(context: &Context, branch: &str, limit: Duration) -> Result<Drift> {
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

/// Those of the files that a text names, each as a word of its own; sorted.
pub(crate) fn named_in(text: &str, files: &[String]) -> Vec<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let words = text.split(|c| !is_plain(c)).map(|word| word.trim_start_matches("./").trim_end_matches('.'));
    let words: BTreeSet<_> = words.filter(|word| !word.is_empty()).collect();
    let named = |file: &&String| {
        // A name with other characters cannot be told apart from the text around it.
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
