//! The code branch with the task data, where the remote has renamed or deleted it, or names another default branch.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, merge, remote};
use crate::ledger::view::{Tip, View};
use crate::ledger::{CodeHome, Ledger};
use crate::task::paths::{PLANS_DIR, TASKS_DIR};

impl Ledger<'_> {
    /// Refuses to go on where the code branch with the task data is among the branches that the remote lacks: to publish
    /// it again would give the tasks a second home beside the branch that it was renamed to. One connection in that
    /// case.
    ///
    /// # Errors
    /// [`Kind::BranchGone`] with the commands that follow the new default branch, or put the branch back; those of the
    /// connection.
    pub(crate) fn require_code_home(&self, lacking: &[Branch]) -> Result<()> {
        let (Some(remote), Some(CodeHome { branch, is_named })) = (self.channel.remote(), &self.code_home) else {
            return Ok(());
        };
        if !lacking.contains(branch) {
            return Ok(());
        }
        let default = remote::ask_default(self.repository, remote, self.timeout)?;
        let tracking = branch.tracking(remote);
        let known = self.refs.tips(&[branch.full(), tracking.clone()])?;
        let is_here = known.contains_key(&branch.full());
        if let Some(new) = default.filter(|default| default != branch) {
            let message =
                format!("the default branch of {remote} is {new} now, and {branch}, which carried the tasks, is gone");
            let fetched = format!("+{}:{}", new.full(), new.tracking(remote));
            let error = Error::new(Kind::BranchGone, message).hint(command!["git fetch", remote, fetched]);
            let error = if *is_named {
                error.hint(command!["git config aitask.data", new])
            } else {
                error.hint(command!["git remote set-head", remote, new])
            };
            return Err(if is_here {
                error.hint(command!["git branch -m", branch, new]).hint(command![
                    "git branch -u",
                    format!("{remote}/{new}"),
                    new
                ])
            } else {
                error
            });
        }
        let error = Error::new(Kind::BranchGone, format!("{branch}, which carries the tasks, is not on {remote}"));
        let from = if is_here { Some(branch.full()) } else { known.contains_key(&tracking).then_some(tracking) };
        Err(match from {
            Some(from) => {
                let back = format!("{from}:{}", branch.full());
                error.hint(command!["git push", remote, back].note("puts it back as this clone has it"))
            }
            None => error.hint(command!["git ls-remote --heads", remote]),
        })
    }

    /// Refuses to go on with the code branch of the task data where another clone has moved the data to its own branch, and
    /// either left it on the published code branch, too, or removed it there while local commits change it. To be called
    /// after a fetch. One process.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`] with the command that follows.
    pub(crate) fn require_data_here(&self) -> Result<()> {
        match self.code_home.as_ref().filter(|home| !home.is_named) {
            Some(CodeHome { branch, .. }) => {
                let view = View::load(self, std::slice::from_ref(branch), Freshness::Fetched)?;
                if !view.data_moved {
                    return Ok(());
                }
                let is_left = !view.list(branch, &[TASKS_DIR])?.is_empty();
                if is_left || self.changes_tasks(&view.tip(branch))? { view.require_home() } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    /// Whether local commits of a branch change task data.
    fn changes_tasks(&self, tip: &Tip) -> Result<bool> {
        let (Some(local), Some(published)) = (&tip.local, &tip.published) else { return Ok(false) };
        let Some(base) = merge::base(self.repository, local, published)? else { return Ok(false) };
        let changes = merge::changes(self.repository, &base, local)?;
        Ok(changes.iter().any(|change| [TASKS_DIR, PLANS_DIR].iter().any(|dir| change.path.starts_with(dir))))
    }

    /// Asks the remote again for its default branch, where that carries the tasks: another one may be the default
    /// meanwhile, while the old one stays. Clones that were made since have the tasks there, and two branches would get
    /// tasks. One connection.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`] with the commands that follow the new default branch, or keep the old one;
    /// [`Kind::BranchGone`] where that is gone; those of the connection.
    pub(crate) fn require_same_default(&self) -> Result<()> {
        let (Some(remote), Some(CodeHome { branch, is_named: false })) = (self.channel.remote(), &self.code_home)
        else {
            return Ok(());
        };
        let default = remote::ask_default(self.repository, remote, self.timeout)?;
        let Some(new) = default.filter(|default| default != branch) else { return Ok(()) };
        let lacking = self.refs.fetch(remote, &[branch.clone(), new.clone()], self.timeout)?;
        self.require_code_home(&lacking)?;
        let tips = self.refs.tips(&[branch.tracking(remote), new.tracking(remote)])?;
        let message = format!(
            "the default branch of {remote} is {new} now, and this clone has the tasks on {branch}, which stays"
        );
        let mut error = Error::new(Kind::NotInitialised, message);
        if let (Some(ours), Some(theirs)) = (tips.get(&branch.tracking(remote)), tips.get(&new.tracking(remote)))
            && !self.refs.is_ancestor(ours, theirs)?
        {
            let brings = format!("brings what is on {branch} to {new}");
            error = error.hint(if self.refs.is_ancestor(theirs, ours)? {
                command!["git push", remote, format!("{}:{}", branch.tracking(remote), new.full())].note(brings)
            } else {
                command!["git switch", new, "&& git merge", format!("{remote}/{branch}"), "&& git push", remote, new]
                    .note(brings)
            });
        }
        Err(error
            .hint(
                command!["git remote set-head", remote, new]
                    .note(format!("reads and writes the tasks on {new} from now on")),
            )
            .hint(
                command!["git config aitask.data", branch]
                    .note(format!("or keeps them on {branch}, in each clone that is told so")),
            ))
    }
}
