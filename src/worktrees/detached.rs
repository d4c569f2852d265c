//! Commits that were made in a worktree while it was on no branch, and were left there: only the reflog of the worktree
//! knows them, and that goes with the worktree.

use crate::error::Result;
use crate::git::{Oid, Repository, merge, refs, registry};
use std::path::Path;

/// Keeps such commits by refs where no ref has them, and says where. No process unless something was done on a detached
/// `HEAD` of the worktree; where it has no reflog, nothing is known.
pub(crate) fn keep(repository: &Repository, path: &Path, dry_run: bool) -> Result<Vec<String>> {
    let reflog = registry::git_dir(path).and_then(|dir| std::fs::read(dir.join("logs/HEAD")).ok()).unwrap_or_default();
    let left = left(&String::from_utf8_lossy(&reflog));
    let mut kept = Vec::new();
    for tip in merge::of_no_ref(repository, &left)? {
        let name = if dry_run { refs::backup_name(tip)? } else { refs::back_up(repository, tip)? };
        let (short, show) = (tip.short(), path.display());
        kept.push(format!("{short} was committed in {show} on no branch, and no branch has it; {name} keeps it"));
    }
    Ok(kept)
}

/// The commits at which a reflog left a detached `HEAD` on which something had been done. Git names the commit that it
/// leaves there, and elsewhere the branch.
fn left(reflog: &str) -> Vec<Oid> {
    let (mut left, mut is_changed) = (Vec::new(), false);
    for line in reflog.lines() {
        // `git update-ref` without a reason writes no message.
        let (moved, message) = line.split_once('\t').unwrap_or((line, ""));
        let from = message.strip_prefix("checkout: moving from ").and_then(|rest| rest.split(' ').next());
        let old = moved.split(' ').next().and_then(Oid::parse);
        left.extend(old.filter(|old| is_changed && from == Some(old.as_str()) && !left.contains(old)));
        is_changed = from.is_none();
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_head_is_left_with_commits_only_where_something_was_done_on_it() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|digit| digit.repeat(40));
        let line = |old: &str, new: &str, message: &str| format!("{old} {new} A <a@x> 1 +0000\t{message}\n");
        let away = line(&a, &a, &format!("checkout: moving from aitask/t1_x to {a}"));
        let made = line(&a, &b, "commit: own");
        let again = line(&b, &c, "commit (amend): own");
        let back = |from: &str| line(from, &d, &format!("checkout: moving from {from} to aitask/t1_x"));
        for (reflog, expected) in [
            ([away.as_str(), &made, &again, &back(&c)].concat(), vec![c.clone()]),
            ([away.as_str(), &made].concat(), vec![]),
            ([away.as_str(), &format!("{a} {b} A <a@x> 1 +0000\n"), &back(&b)].concat(), vec![b.clone()]),
            ([away.as_str(), &back(&a)].concat(), vec![]),
            ([made.as_str(), &line(&b, &d, "checkout: moving from aitask/t1_x to main")].concat(), vec![]),
            (
                [made.as_str(), &line(&b, &d, "rebase (start): checkout main"), "no line\n", &back(&d)].concat(),
                vec![d.clone()],
            ),
        ] {
            let found: Vec<_> = left(&reflog).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{reflog}");
        }
    }
}
