//! The task branch as it is published, seen from the clone that goes on with it: how the local branch relates to it, and
//! whose commits it has.

use crate::error::Result;
use crate::git::{Branch, Oid, Repository, merge};
use crate::project::outcome::{LocalBranch, PublishedWork};
use crate::task::sanitise;

/// How the local task branch relates to the published tip. `is_ancestor` tells whether the first commit is in the history
/// of the second; `is_replaceable` is whether this clone pushed the published tip last, so that a local branch without it
/// was rewritten here.
pub(crate) fn compare(
    local: Option<&Oid>,
    published: &Oid,
    is_replaceable: bool,
    is_ancestor: impl Fn(&Oid, &Oid) -> Result<bool>,
) -> Result<LocalBranch> {
    Ok(match local {
        None => LocalBranch::Absent,
        Some(local) if local == published => LocalBranch::Same,
        Some(local) if is_ancestor(published, local)? => LocalBranch::Ahead,
        Some(_) if is_replaceable => LocalBranch::Ahead,
        Some(local) if is_ancestor(local, published)? => LocalBranch::Behind,
        Some(_) => LocalBranch::Diverged,
    })
}

/// The commits of the published tip that the base lacks: how many, where that can be told, and who made the last one. One
/// process, in a shallow clone two.
pub(crate) fn describe(
    repository: &Repository,
    published: &Oid,
    base: &Oid,
    local: LocalBranch,
) -> Result<PublishedWork> {
    let call = repository.read("log").args(["--format=%an", published.as_str(), "--not", base.as_str(), "--"]);
    let text = call.run()?.text();
    let author = text.lines().next().map(sanitise);
    let is_known = !merge::is_cut_off(repository, published, base)?;
    let commits = is_known.then(|| u32::try_from(text.lines().count()).unwrap_or(u32::MAX));
    Ok(PublishedWork { tip: published.clone(), commits, author, local })
}

/// What to say about it: whose commits the worktree goes on from, or that it does not. Nothing where the local branch has
/// them all.
pub(crate) fn note(
    work: &PublishedWork,
    remote: &str,
    branch: &Branch,
    base: &Branch,
    local: Option<&Oid>,
) -> Option<String> {
    let PublishedWork { tip, commits, author, .. } = work;
    let count = match commits {
        Some(1) => "1 commit".to_owned(),
        Some(commits) => format!("{commits} commits"),
        None => "commits".to_owned(),
    };
    let last = author.as_ref().map_or_else(String::new, |author| format!(", the last by {author}"));
    let whose = format!("{count} that {base} lacks{last}");
    match (work.local, local) {
        (LocalBranch::Absent, _) => Some(format!("{branch} goes on from {remote}: {whose}")),
        (LocalBranch::Behind, _) => Some(format!("{branch} was fast-forwarded to that of {remote}: {whose}")),
        (LocalBranch::Diverged, Some(local)) => Some(format!(
            "{branch} is at {} here and at {} on {remote} ({whose}), and neither contains the other; it was kept; in \
             its worktree, git merge {remote}/{branch} brings both together",
            local.short(),
            tip.short(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn oid(number: u8) -> Oid {
        Oid::parse(&format!("{:040x}", u32::from(number) + 1)).unwrap()
    }

    /// A commit is a set of changes; one is in the history of another when its changes are among those of the other.
    fn is_within(ancestor: &Oid, commit: &Oid) -> bool {
        let changes = |oid: &Oid| u32::from_str_radix(oid.as_str(), 16).unwrap() - 1;
        changes(ancestor) & !changes(commit) == 0
    }

    proptest! {
        #[test]
        fn the_local_branch_moves_only_where_it_loses_nothing(local in 0u8..8, published in 0u8..8, ours: bool) {
            let (local, published) = (oid(local), oid(published));
            let found = compare(Some(&local), &published, ours, |a, b| Ok(is_within(a, b))).unwrap();
            let (loses, lacks) = (!is_within(&local, &published), !is_within(&published, &local));
            prop_assert_eq!(found == LocalBranch::Same, local == published);
            prop_assert!(found != LocalBranch::Behind || !loses && !ours);
            // Commits that are not here are named, unless this clone pushed them and replaced them.
            prop_assert!(!lacks || ours || matches!(found, LocalBranch::Behind | LocalBranch::Diverged));
            prop_assert_eq!(found == LocalBranch::Diverged, lacks && loses && !ours);
        }
    }

    #[test]
    fn without_a_local_branch_it_is_made_from_the_published_one() {
        assert_eq!(compare(None, &oid(1), false, |a, b| Ok(is_within(a, b))).unwrap(), LocalBranch::Absent);
    }
}
