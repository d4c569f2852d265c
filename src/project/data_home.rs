//! Which branch carries the task data.

use crate::error::Result;
use crate::files::records::RecordKind;
use crate::git::remote::record_name;
use crate::git::{Branch, RemoteName, Repository, remote};
use crate::ledger::DATA;
use std::time::Duration;

/// The branch that carries the task data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DataHome {
    /// The branch that has nothing else.
    Own(Branch),
    /// The code branch that the settings of this clone name.
    Named(Branch),
    /// The default branch of the remote, whatever is checked out here.
    Default(RemoteName),
    /// The branch that the main worktree has checked out.
    CheckedOut,
}

/// Who reads the task data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A verb: one branch for everybody.
    Verb,
    /// A script: on a code branch, what is checked out.
    Script,
}

/// What tells where the task data is.
#[derive(Debug)]
pub(crate) struct Signs<'a> {
    /// Who reads it.
    pub(crate) reader: Reader,
    /// The branch that the settings name.
    pub(crate) named: Option<Branch>,
    /// The remote.
    pub(crate) remote: Option<&'a RemoteName>,
    /// Whether [`DATA`] is checked out at its place.
    pub(crate) is_attached: bool,
    /// Whether the main worktree has a folder of tasks that its branch does not ignore. An ignored one holds what
    /// remained when the task data was moved to its own branch.
    pub(crate) has_folder: bool,
    /// Whether the main worktree is on the default branch of the remote, as far as this clone knows it.
    pub(crate) is_on_default: bool,
}

impl DataHome {
    /// Decides where the task data is. `own_exists` tells whether there is a branch [`DATA`]; it costs a process, and is
    /// asked only where it counts.
    pub(crate) fn of(signs: Signs<'_>, own_exists: impl FnOnce() -> Result<bool>) -> Result<Self> {
        let remote = signs.remote.filter(|_| signs.reader == Reader::Verb);
        if let Some(named) = signs.named.filter(|_| signs.reader == Reader::Verb) {
            return Ok(if named.as_str() == DATA { Self::Own(named) } else { Self::Named(named) });
        }
        // The view of a code branch looks for a branch of the data, too, so that the usual clone needs no process here.
        let is_usual = signs.has_folder && (remote.is_none() || signs.is_on_default);
        if signs.is_attached || (!is_usual && own_exists()?) {
            return Branch::parse(DATA).map(Self::Own);
        }
        Ok(remote.map_or(Self::CheckedOut, |remote| Self::Default(remote.clone())))
    }
}

/// The default branch of a remote, as far as it names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefaultBranch(pub(crate) Option<Branch>);

/// The record of the default branch of a remote.
#[derive(serde::Serialize, serde::Deserialize)]
struct DefaultBranchRecord {
    /// The branch; null where the remote names none.
    branch: Option<String>,
}

/// The default branch of a remote as this clone knows it; `None` where the remote was never asked. No process, except
/// with reftable.
pub(crate) fn known_default(repository: &Repository, remote: &RemoteName) -> Option<DefaultBranch> {
    if let Some(branch) = remote::noted_default(repository, remote) {
        return Some(DefaultBranch(Some(branch)));
    }
    let record: DefaultBranchRecord = repository.records().load(RecordKind::DefaultBranch, &record_name(remote))?;
    Some(DefaultBranch(record.branch.and_then(|branch| Branch::parse(&branch).ok())))
}

/// Asks a remote for its default branch, and records the answer. One connection.
///
/// # Errors
/// Those of the connection.
pub(crate) fn ask_default(repository: &Repository, remote: &RemoteName, limit: Duration) -> Result<DefaultBranch> {
    let branch = remote::ask_default(repository, remote, limit).map_err(|error| {
        error.hint(command!["git config aitask.data main"].note("names the branch that carries the tasks"))
    })?;
    let record = DefaultBranchRecord { branch: branch.as_ref().map(ToString::to_string) };
    // Best effort: without the record the next command asks again.
    let _ = repository.records().note(RecordKind::DefaultBranch, &record_name(remote), &record);
    Ok(DefaultBranch(branch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn branch(name: &str) -> Branch {
        Branch::parse(name).unwrap()
    }

    fn origin() -> RemoteName {
        RemoteName::parse("origin").unwrap()
    }

    /// A verb in a clone of a remote that is on its default branch, with tasks there.
    fn usual(remote: &RemoteName) -> Signs<'_> {
        Signs {
            reader: Reader::Verb,
            named: None,
            remote: Some(remote),
            is_attached: false,
            has_folder: true,
            is_on_default: true,
        }
    }

    #[test]
    fn the_usual_clone_starts_no_process() {
        let origin = origin();
        let home = DataHome::of(usual(&origin), || panic!("asked for the data branch"));
        assert_eq!(home.unwrap(), DataHome::Default(origin.clone()));
    }

    #[test]
    fn on_another_branch_a_folder_of_tasks_does_not_count() {
        let origin = origin();
        let elsewhere = || Signs { is_on_default: false, ..usual(&origin) };
        assert_eq!(DataHome::of(elsewhere(), || Ok(true)).unwrap(), DataHome::Own(branch(DATA)));
        assert_eq!(DataHome::of(elsewhere(), || Ok(false)).unwrap(), DataHome::Default(origin.clone()));
        let script = Signs { reader: Reader::Script, ..elsewhere() };
        assert_eq!(DataHome::of(script, || Ok(true)).unwrap(), DataHome::CheckedOut);
    }

    proptest! {
        /// Whatever is checked out, all clones of a remote come to the same branch.
        #[test]
        fn what_is_checked_out_decides_nothing_for_a_verb(has_folder: bool, is_on_default: bool, own: bool) {
            let origin = origin();
            prop_assume!(!(has_folder && is_on_default && own)); // the view finds that
            let signs = Signs { has_folder, is_on_default, ..usual(&origin) };
            let expected = if own { DataHome::Own(branch(DATA)) } else { DataHome::Default(origin.clone()) };
            prop_assert_eq!(DataHome::of(signs, || Ok(own)).unwrap(), expected);
        }

        #[test]
        fn a_branch_that_is_named_wins_for_a_verb_and_not_for_a_script(
            is_attached: bool, has_folder: bool, is_on_default: bool, own: bool, verb: bool,
        ) {
            let (origin, reader) = (origin(), if verb { Reader::Verb } else { Reader::Script });
            let signs = |named| Signs { reader, named, is_attached, has_folder, is_on_default, ..usual(&origin) };
            let of = |named: Option<&str>| DataHome::of(signs(named.map(branch)), || Ok(own)).unwrap();
            let named = if verb { DataHome::Named(branch("tasks")) } else { of(None) };
            prop_assert_eq!(of(Some("tasks")), named);
        }
    }
}
