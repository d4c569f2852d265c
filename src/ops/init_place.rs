//! Where a repository without tasks is told to keep them.

use crate::coordination::ids;
use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, Oid};
use crate::ledger::{DATA, Ledger};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::{TaskPath, paths};
use std::path::Path;

/// Where the tasks of a repository are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// There are none yet, and nobody said where to put them: on a branch of their own.
    New {
        /// The tip of the branch of locks when that was found. Whoever sets the repository up moves it.
        locks: Option<Oid>,
    },
    /// They are on it already, or would be.
    Here,
    /// There are none, and they can be put there.
    Free(Branch),
    /// They are on this branch, and stay there.
    Taken(Branch),
}

/// Whether there are task files or the folder of their settings in a checkout, committed or not.
fn has_files(root: &Path) -> bool {
    let names = std::fs::read_dir(root.join(paths::TASKS_DIR)).into_iter().flatten().flatten();
    let is_task = |name: &str| name == "metadata" || TaskPath::parse(&format!("{}/{name}", paths::TASKS_DIR)).is_some();
    names.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| is_task(&name))
}

impl Place {
    /// Where the tasks of this repository are to be when nobody says it: where they are, and in a new repository on a
    /// branch of their own, which every clone finds whatever code it has checked out, and which no rule for code
    /// protects. Task files that are not committed count, too: somebody put them there.
    ///
    /// One connection, and none where this clone knows of task data.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`] where ids were handed out, so that there are tasks on a branch that this clone does not know
    /// for theirs; those of [`Context::data_branch`] and of the connection.
    pub(crate) fn by_default(context: &Context) -> Result<Self> {
        let root = &context.repository.root;
        if has_files(root) || context.has_data_branch() || context.settings.data.is_some() {
            return Ok(Self::Here);
        }
        let code = context.data_branch()?.clone();
        let ledger = Ledger { repairs: true, ..context.ledger() };
        let branches = [code.clone(), Ledger::locks_branch()?, Ledger::ids_branch()?];
        for freshness in [Freshness::AsKnown, Freshness::Fetched] {
            let view = ledger.view(&branches, freshness)?;
            let is_published = view.base(&code).is_some();
            if is_published && !view.list(&code, &[paths::TASKS_DIR, paths::PLANS_DIR])?.is_empty() {
                return Ok(Self::Here);
            }
            if is_published && view.is_current {
                if ids::load(&view, &branches[2])?.is_some_and(|next| next > 1) {
                    let message = "this repository is set up, and its tasks are on another branch";
                    return Err(Error::new(Kind::NotInitialised, message)
                        .hint(command!["git config aitask.data <branch>"].note("names that branch"))
                        .hint(
                            command!["git aitask init --on", code].note("if those tasks are gone, and new ones begin"),
                        ));
                }
                return Ok(Self::New { locks: view.base(&branches[1]).cloned() });
            }
        }
        // Nothing is published yet, which the caller reports.
        Ok(Self::Here)
    }

    /// The branch to open the repository on, where it is another one than it would be opened on by itself.
    ///
    /// # Errors
    /// None in practice: the name of the data branch is valid.
    pub(crate) fn elsewhere(&self) -> Result<Option<Branch>> {
        Ok(match self {
            Self::New { .. } => Some(Branch::parse(DATA)?),
            Self::Free(branch) => Some(branch.clone()),
            Self::Here | Self::Taken(_) => None,
        })
    }

    /// Looks at where the tasks are. One connection where that is another branch.
    ///
    /// # Errors
    /// Those of the connection; [`Kind::Usage`] for a branch that the task data has for itself.
    pub(crate) fn find(context: &Context, branch: Branch) -> Result<Self> {
        let data = context.data_branch()?;
        if branch == *data {
            return Ok(Self::Here);
        }
        if branch.as_str().starts_with("aitask-") {
            let message = format!("{branch} is no code branch, so it cannot be named for the tasks");
            return Err(Error::new(Kind::Usage, message).hint("git aitask init --data-branch"));
        }
        if context.has_data_branch() {
            return Ok(Self::Taken(data.clone()));
        }
        let ledger = Ledger { repairs: true, ..context.reading_ledger() };
        let view = ledger.view(std::slice::from_ref(data), Freshness::Fetched)?;
        let is_taken = view.base(data).is_some() && !Index::load(&view, data)?.is_empty();
        Ok(if is_taken { Self::Taken(data.clone()) } else { Self::Free(branch) })
    }

    /// Records the branch for the later commands of this clone, once the repository is set up: the same command, run
    /// again after it was killed before this, finds that there are no tasks elsewhere and comes here again. Returns what
    /// there is to say.
    pub(crate) fn settle(self, context: &Context) -> Result<Option<String>> {
        match self {
            Self::Here | Self::New { .. } => Ok(None),
            Self::Taken(data) => Ok(Some(format!("the tasks of this repository are on {data}, and stay there"))),
            Self::Free(branch) => {
                if !context.dry_run {
                    context.repository.write("config").args(["aitask.data", branch.as_str()]).run()?;
                }
                let elsewhere = format!("git config aitask.data {branch}");
                Ok(context.channel.remote().map(|_| {
                    format!("this clone has its tasks on {branch} from now on; every other clone needs: {elsewhere}")
                }))
            }
        }
    }
}
