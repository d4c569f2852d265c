//! Where a repository without tasks is told to keep them.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness};
use crate::ledger::Ledger;
use crate::project::context::Context;
use crate::project::index::Index;

/// What a branch that was named for the tasks is to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// They are on it already, or would be.
    Here,
    /// There are none, and they can be put there.
    Free(Branch),
    /// They are on this branch, and stay there.
    Taken(Branch),
}

impl Place {
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
            Self::Here => Ok(None),
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
