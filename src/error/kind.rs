//! The kinds of errors: one table, from which the type, the names in JSON, the exit codes and the manual page are made.

/// A kind as the manual page shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KindRow {
    /// The stable name, as in the JSON form.
    pub(crate) name: &'static str,
    /// The exit code of `git aitask`.
    pub(crate) exit_code: u8,
    /// What happened.
    pub(crate) meaning: &'static str,
    /// What helps.
    pub(crate) cure: &'static str,
}

/// A row is: kind, name, exit code, meaning, cure. A kind without a row does not exist.
macro_rules! kinds {
    ($($kind:ident $name:literal $exit_code:literal $meaning:literal, $cure:literal;)*) => {
        /// The kind of an error. It decides the exit code ([`Kind::exit_code`]) and is `error.kind` in JSON, so its names are
        /// stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        /// All kinds, by exit code.
        pub(crate) const KINDS: &[KindRow] =
            &[$(KindRow { name: $name, exit_code: $exit_code, meaning: $meaning, cure: $cure },)*];

        impl Kind {
            /// The stable name, as in the JSON form.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)*
                }
            }

            /// The exit code of `git aitask`: 1 refused, 2 usage, 70 internal error, 75 try again later, 128 git, or what
            /// git needs, failed. 70 and 75 are `EX_SOFTWARE` and `EX_TEMPFAIL` of sysexits(3); 128 is what git itself uses.
            pub(crate) fn exit_code(self) -> u8 {
                match self {
                    $(Kind::$kind => $exit_code,)*
                }
            }
        }
    };
}

kinds! {
    NotInitialised "not_initialised" 1 "the coordination branches or the task folder are missing", "git aitask init";
    BranchGone "branch_gone" 1 "a branch that this clone knew is gone from the remote, or was set back", "the hint: git aitask init restores it";
    NoSuchTask "no_such_task" 1 "no task has this id", "git aitask list";
    NotClaimable "not_claimable" 1 "the task is done, folded or archived, or has open children", "git aitask list --ready";
    Blocked "blocked" 1 "the task depends on others that are not done", "git aitask show ID";
    Circle "circle" 1 "tasks would wait for each other in a circle, so that none could begin", "leave one of the dependencies out";
    Held "held" 1 "another session holds the task", "pick another; git aitask pick ID --steal";
    NotHolder "not_holder" 1 "the caller does not hold the task, or no longer does", "git aitask show ID";
    NothingToPick "nothing_to_pick" 1 "no ready task is free", "git aitask list";
    Dirty "dirty" 1 "uncommitted changes would be lost or overwritten", "commit them, or --discard";
    Conflict "conflict" 1 "a merge has conflicts; nothing was changed", "merge by hand, as the hint says";
    NoCommits "no_commits" 1 "the task branch has no commits of its own", "commit, or git aitask drop";
    Behind "behind" 1 "the published branch has commits that the local one lacks", "git merge, as the hint says";
    NotMerged "not_merged" 1 "the branch was pushed for a pull request that is not merged, or not opened", "open or merge it; then the same command";
    GatePending "gate_pending" 1 "a gate that the task declares has not passed", "let it pass; then the same command";
    CheckFailed "check_failed" 1 "the check command failed on the merged tree", "correct, commit, and the same command";
    Denied "denied" 1 "a server, or a hook, knows who asks and refuses; it would again", "its sentence says why; ask who runs the server";
    Occupied "occupied" 1 "a path or branch that is needed is used by something else", "move it away, or name another";
    Unparsable "unparsable" 1 "a file cannot be read as what it should be", "correct the file that is named";
    Invariant "invariant" 1 "the demonstration found a broken promise", "report it";
    Usage "usage" 2 "the arguments or settings make no sense", "git aitask help VERB";
    NoIdentity "no_identity" 2 "no name and e-mail to lock and commit with are configured", "the hint: git config user.name, user.email";
    Bug "bug" 70 "an internal error", "report it";
    Unreachable "unreachable" 75 "network: the remote cannot be reached, or gave no answer in time", "the same command later";
    Contention "contention" 75 "others kept changing the same branches, or a lock file is left", "the same command again";
    Unknown "unknown" 75 "a push got no answer: it may have landed", "the same command again finds out";
    NotARepository "not_a_repository" 128 "the folder is in no git repository", "cd into one, or git init";
    NotOwned "not_owned" 128 "the repository belongs to another user, and git does not trust it", "the hint: git config --global --add safe.directory DIR";
    BareRepository "bare_repository" 128 "the repository has no work tree here", "git worktree add --detach ../checkout";
    NoCommit "no_commit" 128 "the branch has no commit to start from", "git switch BRANCH, or commit";
    DetachedHead "detached_head" 128 "the checkout with the task data is on no branch", "git switch BRANCH";
    SigningFailed "signing_failed" 128 "the commit could not be signed, as the user wants it", "sign something in a terminal; its words say why";
    GitTooOld "git_too_old" 128 "this needs a newer git", "install git 2.31 or later";
    NoRemote "no_remote" 128 "the address of the remote leads to no repository, or to one that the user may not see", "git remote -v; git remote set-url; ask for access";
    Authentication "authentication" 128 "the remote does not know the user: wrong or missing credentials", "git fetch in a terminal";
    Damaged "damaged" 128 "a ref, object, file or address of this clone is broken", "the hint repairs it; git fsck --full";
    Git "git" 128 "git failed in a way that has no kind of its own", "its message says why";
    DiskFull "disk_full" 128 "no space is left where something is to be written", "free some; then the same command";
    Io "io" 128 "a file could not be read or written", "its message names the file";
    Interrupted "interrupted" 130 "a signal ended the command (129, 130 or 143)", "the same command again";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_complete_row() {
        let names: BTreeSet<_> = KINDS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for row in KINDS {
            assert!(!row.meaning.is_empty() && !row.cure.is_empty(), "{row:?}");
            assert!([1, 2, 70, 75, 128, 130].contains(&row.exit_code), "{row:?}");
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{row:?}");
        }
        assert!(KINDS.is_sorted_by_key(|row| row.exit_code));
    }
}
