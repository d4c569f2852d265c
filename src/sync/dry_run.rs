//! The dry run of a sync. Local edits become a commit that no branch points to, so that the rest can be worked out as
//! in a real run; the refs that would be updated are reported.

use crate::error::{Error, Kind, Result, quoted};
use crate::files::Tree;
use crate::git::checkout::{self, CheckoutUpdate};
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::status::StatusEntry;
use crate::git::{Oid, remote};
use crate::sync::outcome::{SyncFailure, SyncProgress};
use crate::sync::run::{AUTO_COMMIT, SyncRun};
use crate::sync::step::{StepResult, failed};
use std::path::Path;

impl SyncRun<'_, '_> {
    /// Builds the commit of local edits without updating a branch. Files whose names are not UTF-8 are left out.
    pub(crate) fn dry_run_commit(&mut self, dir: &Path, changed: &[StatusEntry]) -> Result<()> {
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
        self.dry_run_tip = Some(made.ok_or_else(|| Error::new(Kind::Bug, "git made no commit"))?);
        let command = format!("git -C {} commit -m '{AUTO_COMMIT}' -- <{} files>", quoted(dir), changed.len());
        (self.options.progress)(SyncProgress::WouldRun(command));
        Ok(())
    }

    /// Reports the push.
    pub(crate) fn dry_run_push(&mut self, theirs: Option<&Oid>, goal: &Oid) {
        let (updates, options) = self.update(theirs, goal);
        let command = remote::push_call(&self.context.repository, self.remote, &updates, options).command_line();
        let [update] = updates;
        (self.options.progress)(SyncProgress::WouldSwap(update));
        (self.options.progress)(SyncProgress::WouldRun(command));
    }

    /// Reports the fast-forward of the local branch, or the files that would prevent it. These cannot be determined
    /// where local edits would be committed first.
    pub(crate) fn dry_run_fast_forward(&mut self, to: &Oid) -> StepResult {
        let (repository, (local, _)) = (&self.context.repository, self.tips()?);
        if let (Some(dir), Some(local), None) = (&self.checkout, &local, &self.dry_run_tip)
            && let CheckoutUpdate::Refused(said) = checkout::can_follow_head(repository, dir, local, to, &[], None)?
        {
            return failed(SyncFailure::InTheWay, Error::new(Kind::Dirty, said));
        }
        let place = self.checkout.as_ref().map_or(String::new(), |dir| format!("-C {} ", dir.display()));
        (self.options.progress)(SyncProgress::WouldRun(format!("git {place}merge --ff-only {to}")));
        self.effects.pulled = true;
        Ok(())
    }
}
