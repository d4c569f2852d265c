//! A sync that changes nothing: local edits become a commit that no branch has, and what would be swapped is said.

use crate::error::{Error, Kind, Result, quoted};
use crate::files::Tree;
use crate::git::checkout::{self, CheckoutUpdate};
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::status::StatusEntry;
use crate::git::{Oid, remote};
use crate::sync::outcome::{Failure, Progress};
use crate::sync::run::{AUTO_COMMIT, Step, Work, failed};
use std::path::Path;

impl Work<'_, '_> {
    /// What would be committed. Files whose names are not UTF-8 are left out.
    pub(crate) fn rehearse_commit(&mut self, dir: &Path, changed: &[StatusEntry]) -> Result<()> {
        let (local, _) = self.tips()?;
        let edit = |entry: &StatusEntry| {
            let path = entry.path.to_str()?.to_owned();
            Some(match Tree::new(dir).load(&path).ok()? {
                Some(content) => Edit::Put { path, content },
                None => Edit::Remove { path },
            })
        };
        let commit = NewCommit {
            parent: local.map_or(ParentCommit::Root, ParentCommit::Commit),
            merged: None,
            tree: None,
            edits: changed.iter().filter_map(edit).collect(),
            message: format!("{AUTO_COMMIT}\n"),
        };
        let made = objects::build(&self.context.repository, &[commit])?.commits.into_iter().next();
        self.rehearsed = Some(made.ok_or_else(|| Error::new(Kind::Bug, "git made no commit"))?);
        let command = format!("git -C {} commit -m '{AUTO_COMMIT}' -- <{} files>", quoted(dir), changed.len());
        (self.manner.progress)(Progress::WouldRun(command));
        Ok(())
    }

    /// What would be published.
    pub(crate) fn rehearse_push(&mut self, theirs: Option<&Oid>, goal: &Oid) {
        let (updates, options) = self.update(theirs, goal);
        let command = remote::push_call(&self.context.repository, self.remote, &updates, options).command_line();
        let [update] = updates;
        (self.manner.progress)(Progress::WouldSwap(update));
        (self.manner.progress)(Progress::WouldRun(command));
    }

    /// How the branch here would follow, or what is in the way. Beside edits that would be committed first that cannot be
    /// told.
    pub(crate) fn rehearse_bring(&mut self, to: &Oid) -> Step {
        let (repository, (local, _)) = (&self.context.repository, self.tips()?);
        if let (Some(dir), Some(local), None) = (&self.checkout, &local, &self.rehearsed)
            && let CheckoutUpdate::Refused(said) = checkout::can_follow_head(repository, dir, local, to, &[], None)?
        {
            return failed(Failure::InTheWay, Error::new(Kind::Dirty, said));
        }
        let place = self.checkout.as_ref().map_or(String::new(), |dir| format!("-C {} ", dir.display()));
        (self.manner.progress)(Progress::WouldRun(format!("git {place}merge --ff-only {to}")));
        self.done.pulled = true;
        Ok(())
    }
}
