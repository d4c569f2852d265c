//! Task data on a code branch: a sync of the verbs publishes it alone. Commits of this clone with other files stay here;
//! the local branch gets the published commits by a merge.

use crate::error::{Error, Kind, Result};
use crate::git::checkout::CheckoutUpdate;
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::diff_raw;
use crate::git::{Oid, RefName, merge, refs};
use crate::ledger::nonce;
use crate::ledger::plan::trailer;
use crate::project::local_edits;
use crate::sync::outcome::{SyncFailure, SyncProgress};
use crate::sync::run::{AUTO_COMMIT, SyncRun};
use crate::sync::step::{NextStep, StepResult, failed};

/// The task data of a local branch whose other commits stay.
pub(crate) struct TaskDataApart {
    /// A commit with the changes of task data alone, on top of the newest common commit; none where nothing changed.
    commit: Option<Oid>,
    /// The newest common commit.
    base: Oid,
    /// What an earlier sync published, where the local branch did not follow it yet.
    behind: Option<Oid>,
}

impl SyncRun<'_, '_> {
    /// The task data apart from the code; `None` where every commit that only this clone has is one of task data alone,
    /// so that the branch can be published as it is.
    pub(crate) fn task_data_apart(&mut self, local: &Oid, theirs: &Oid) -> Result<Option<TaskDataApart>> {
        let repository = &self.context.repository;
        if self.context.has_data_branch() || !self.options.code_stays {
            return Ok(None);
        }
        let folders = local_edits::folders(self.context);
        let others = || folders.each_ref().map(|folder| format!(":(top,exclude){folder}"));
        let range = format!("{theirs}..{local}");
        let plain =
            repository.read("rev-list").args(["--count", "--no-merges", "--full-history", &range, "--", ":(top)"]);
        let count = plain.args(others()).run()?.text();
        // A merge may have a change that neither of its parents has.
        let in_merges = || {
            let log = repository.read("log").args(["--merges", "--full-history", "-c", "--name-only", "--format="]);
            log.args([&range, "--", ":(top)"]).args(others()).run().map(|output| !output.text().is_empty())
        };
        if count == "0" && !in_merges()? {
            return Ok(None);
        }
        let Some(base) = merge::base(repository, local, theirs)? else { return Ok(None) };
        // The push of an earlier sync landed, and the local branch did not follow: until it does, what was published
        // then would be published again, over what others changed since.
        let kept = self.kept_goal()?;
        let goal = refs::load(repository, std::slice::from_ref(&kept))?.remove(&kept);
        if let Some(goal) = goal.filter(|_| !self.context.dry_run)
            && merge::is_ancestor(repository, &goal, theirs)?
            && !merge::is_ancestor(repository, &goal, local)?
        {
            return Ok(Some(TaskDataApart { commit: None, base, behind: Some(goal) }));
        }
        let call = repository.read("diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
        let changes = diff_raw::parse(&call.args([base.as_str(), local.as_str()]).run()?.stdout)?;
        let own = changes.into_iter().filter(|change| folders.iter().any(|folder| change.path.starts_with(folder)));
        let edit = |change: diff_raw::FileDiff| {
            let path = change.path.to_str()?.to_owned();
            Some(match change.new {
                Some(oid) => Edit::Take { path, mode: change.new_mode, oid },
                None => Edit::Remove { path },
            })
        };
        let edits: Vec<_> = own.filter_map(edit).collect();
        (self.options.progress)(SyncProgress::CodeStays(count.parse().unwrap_or(0)));
        if edits.is_empty() {
            return Ok(Some(TaskDataApart { commit: None, base, behind: None }));
        }
        let (parent, message) =
            (ParentCommit::Commit(base.clone()), format!("{AUTO_COMMIT}\n\n{}\n", trailer(&nonce()?)));
        let made = objects::build(repository, &[NewCommit { parent, merged: None, tree: None, edits, message }])?;
        let commit = made.commits.into_iter().next().ok_or_else(|| Error::new(Kind::Bug, "git made no commit"))?;
        Ok(Some(TaskDataApart { commit: Some(commit), base, behind: None }))
    }

    /// Publishes it, and brings the local branch together with what is published.
    pub(crate) fn publish_apart(
        &mut self,
        own: &TaskDataApart,
        (local, theirs): (&Oid, &Oid),
        attempt: u32,
        blocked: &mut u32,
    ) -> StepResult<NextStep> {
        if let Some(goal) = &own.behind {
            return self.follow(local, goal, attempt, blocked).map(|_| NextStep::Again);
        }
        let goal = match &own.commit {
            None => theirs.clone(),
            Some(commit) if own.base == *theirs => commit.clone(),
            Some(commit) => self.joined(commit, theirs)?,
        };
        // What an earlier run published without hearing of it is there already.
        if merge::have_same_tree(&self.context.repository, &goal, theirs)? {
            return self.follow(local, theirs, attempt, blocked);
        }
        if let Some(push_elsewhere) = self.push_elsewhere() {
            return failed(SyncFailure::NoUpstream, push_elsewhere);
        }
        if self.context.dry_run {
            self.dry_run_push(Some(theirs), &goal);
            self.effects.pushed = true;
            return Ok(NextStep::Done);
        }
        // What the checkout cannot follow is not published.
        let joined = self.joined(local, &goal)?;
        if self.is_blocked(local, &joined, blocked)? {
            return Ok(NextStep::Again);
        }
        refs::follow(&self.context.repository, &[(self.kept_goal()?, &goal)])?;
        (self.options.progress)(SyncProgress::Pushing(1));
        if !self.push(Some(theirs), &goal)? {
            return self.lost_race(attempt).map(|()| NextStep::Again);
        }
        self.effects.pushed = true;
        self.known = Some(goal.clone());
        self.follow(local, &goal, attempt, blocked)
    }

    /// The ref of the commit that a sync publishes, written before the push.
    fn kept_goal(&self) -> Result<RefName> {
        let name = format!("refs/aitask/apart/{}", self.data);
        RefName::parse(&name).ok_or_else(|| Error::new(Kind::Bug, format!("{name} is no ref")))
    }

    /// Merges published commits into the local branch and its checkout.
    fn follow(&mut self, local: &Oid, to: &Oid, attempt: u32, blocked: &mut u32) -> StepResult<NextStep> {
        let repository = &self.context.repository;
        if merge::is_ancestor(repository, to, local)? || self.context.dry_run {
            return Ok(NextStep::Done);
        }
        let joined = self.joined(local, to)?;
        if self.is_blocked(local, &joined, blocked)? {
            return Ok(NextStep::Again);
        }
        match self.fast_forward(local, &joined)? {
            CheckoutUpdate::Done => {
                self.effects.pulled |= self.known.as_ref() != Some(to);
                Ok(NextStep::Done)
            }
            CheckoutUpdate::Diverged => self.lost_race(attempt).map(|()| NextStep::Again),
            CheckoutUpdate::Refused(said) => failed(SyncFailure::InTheWay, self.in_the_way(said)),
        }
    }

    /// Refuses to join a history that was rewritten on the server: what was removed there would be published again.
    pub(crate) fn refuse_rewritten(&self, local: &Oid, theirs: &Oid) -> StepResult {
        let repository = &self.context.repository;
        let tracking = self.published.tracking(self.remote);
        match merge::rewritten(repository, &tracking, local, theirs)? {
            None => Ok(()),
            Some(rewritten) => {
                let (dir, branch) = match &self.checkout {
                    Some(dir) => (dir, None),
                    None => (&repository.root, Some(self.data)),
                };
                let upstream = format!("{}/{}", self.remote, self.published);
                failed(SyncFailure::InTheWay, rewritten.error(dir, branch, &upstream))
            }
        }
    }
}
