//! The steps of a sync, repeated when the remote or the checkout changed meanwhile.
//!
//! Why the order is safe. Local edits are committed first, so that no later step can overwrite them. Then fetch; join
//! in the object store, which changes no branch; push with the fetched tip as the expected value; and only then
//! fast-forward the local branch and the checkout. Killed before the push, there is at most a local commit of the
//! user's own edits. Killed after it, the local branch is behind the remote, and the next sync fast-forwards it. The
//! local branch never has a merge that was not published, with one exception: resolutions by hand, which cannot be made
//! a second time, are kept locally before the push.

use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use crate::git::checkout::{self, CheckoutUpdate};
use crate::git::porcelain::status::StatusEntry;
use crate::git::remote::{self, PushOptions};
use crate::git::{AheadBehind, Branch, Oid, RefUpdate, RemoteName, merge, refs, update_checkout, worktree};
use crate::interrupt;
use crate::ledger::backoff::Deadline;
use crate::ledger::{publish, uncommitted_rename};
use crate::project::context::Context;
use crate::project::{data_state, local_edits};
use crate::sync::join::{self, Join};
use crate::sync::outcome::{Reconciled, SyncFailure, SyncOptions, SyncProgress};
use crate::sync::step::{NextStep, StepResult, Stop, SyncEffects, failed};
use crate::task::merge as task_merge;
use std::path::PathBuf;
use std::time::Duration;

/// The subject of the commit that takes local edits in.
pub(crate) const AUTO_COMMIT: &str = "ait: Auto-commit task changes before sync";
/// The time limit of one connection to the remote: a fetch and a push must fit into the limit of the whole sync, 25 s.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);
/// How often a commit is tried again while another git process has the index locked, a tenth of a second apart. Two
/// seconds are enough for any commit of task files; a lock that is older was left by a crash, and waiting does not
/// help.
const LOCK_TRIES: u32 = 20;
/// How often the sync starts again because the checkout or the remote changed meanwhile. The deadline ends it earlier
/// on a slow remote; on a local one, five changes in a row mean that something else writes continuously.
const MAX_ROUNDS: u32 = 5;

pub(crate) struct SyncRun<'a, 'm> {
    pub(crate) context: &'a Context,
    pub(crate) remote: &'a RemoteName,
    pub(crate) data: &'a Branch,
    /// The branch of the remote that it follows.
    pub(crate) published: Branch,
    pub(crate) checkout: Option<PathBuf>,
    pub(crate) options: SyncOptions<'m>,
    pub(crate) deadline: Deadline,
    pub(crate) effects: SyncEffects,
    /// Whether the remote-tracking tip is fresh.
    pub(crate) is_fetched: bool,
    /// The tip that our own push set at the remote.
    pub(crate) known: Option<Oid>,
    /// In a dry run, the commit of the local edits.
    pub(crate) dry_run_tip: Option<Oid>,
}

impl SyncRun<'_, '_> {
    pub(crate) fn run(&mut self) -> StepResult {
        self.commit()?;
        let mut blocked = 0;
        for attempt in 0.. {
            let (local, theirs) = self.fetch_tips(attempt)?;
            let repository = &self.context.repository;
            let goal = match (&local, &theirs) {
                (None, None) => return Ok(()),
                (Some(local), Some(theirs)) if local == theirs => return Ok(()),
                (None, Some(theirs)) => return Ok(self.create_local_branch(theirs)?),
                (Some(local), None) => local.clone(),
                (Some(local), Some(theirs)) => {
                    let AheadBehind { ahead, behind } = merge::ahead_behind(repository, local, theirs)?;
                    if behind > 0 {
                        (self.options.progress)(SyncProgress::Pulling(behind));
                        self.refuse_second_file(local, theirs)?;
                    }
                    if ahead > 0 {
                        self.refuse_rewritten(local, theirs)?;
                        if let Some(own) = self.task_data_apart(local, theirs)? {
                            match self.publish_apart(&own, (local, theirs), attempt, &mut blocked)? {
                                NextStep::Done => return Ok(()),
                                NextStep::Again => continue,
                            }
                        }
                    }
                    match (ahead, behind) {
                        (0, _) if self.context.dry_run => return self.dry_run_fast_forward(theirs),
                        (0, _) => match self.fast_forward(local, theirs)? {
                            CheckoutUpdate::Done => {
                                self.effects.pulled |= self.known.as_ref() != Some(theirs);
                                return Ok(());
                            }
                            CheckoutUpdate::Diverged => {
                                self.lost_race(attempt)?;
                                continue;
                            }
                            CheckoutUpdate::Refused(said) => {
                                blocked += 1;
                                self.commit_new_edits(blocked, said)?;
                                continue;
                            }
                        },
                        (_, 0) => local.clone(),
                        _ => match self.join(local, theirs, &mut blocked)? {
                            Some(joined) => joined,
                            None => continue,
                        },
                    }
                }
            };
            if let Some(push_elsewhere) = self.push_elsewhere() {
                return failed(SyncFailure::NoUpstream, push_elsewhere);
            }
            if let Some(local) = &local {
                let base = theirs.as_ref().map(|theirs| merge::ahead_behind(repository, local, theirs));
                (self.options.progress)(SyncProgress::Pushing(base.transpose()?.map_or(1, |counts| counts.ahead)));
            }
            if self.context.dry_run {
                self.dry_run_push(theirs.as_ref(), &goal);
                self.effects.pushed = true;
                return if local.as_ref() == Some(&goal) { Ok(()) } else { self.dry_run_fast_forward(&goal) };
            }
            if !self.push(theirs.as_ref(), &goal)? {
                self.lost_race(attempt)?;
                continue;
            }
            self.effects.pushed = true;
            self.known = Some(goal.clone());
            if local.as_ref() == Some(&goal) {
                return Ok(());
            }
            self.effects.pulled = true;
        }
        Ok(())
    }

    /// Waits before the next attempt, which fetches again.
    pub(super) fn lost_race(&mut self, attempt: u32) -> StepResult {
        if attempt >= MAX_ROUNDS || !self.deadline.wait(attempt)? {
            let message = format!("every push of {} lost a race with another one", self.data);
            return failed(SyncFailure::Push, Error::new(Kind::Contention, message));
        }
        self.is_fetched = false;
        Ok(())
    }

    /// Commits local edits of the task data, and no other file of the checkout.
    fn commit(&mut self) -> StepResult {
        let Some(dir) = self.checkout.clone() else { return Ok(()) };
        if let Some(marker) = data_state::unfinished(&dir).first().filter(|_| self.context.has_data_branch()) {
            let message = format!("{} is in the middle of {}", dir.display(), data_state::operation(marker));
            let error = Error::new(Kind::Dirty, message)
                .hint(command!["git status"].within(&dir).note("says how to finish it, or to give it up"));
            return failed(SyncFailure::Stuck(marker), error);
        }
        let repository = &self.context.repository;
        let status = local_edits::load(self.context, &dir)?;
        if status.branch.as_ref() != Some(self.data) {
            let message = format!("{} is not on the branch {}", dir.display(), self.data);
            let hint = command!["git switch", self.data].within(&dir);
            return failed(SyncFailure::Detached, Error::new(Kind::DetachedHead, message).hint(hint));
        }
        let changed = status.entries;
        if changed.is_empty() || !self.options.commit {
            return Ok(());
        }
        // During a merge git refuses to commit single files; during a revert it does not, and the commit would end the
        // revert.
        if let Some(what) = worktree::in_progress(&dir) {
            let message = format!("{} is in the middle of {what}", dir.display());
            return failed(SyncFailure::Commit, Error::new(Kind::Dirty, message).hint("git status"));
        }
        let marked = changed.iter().find(|entry| {
            let text = Tree::new(&dir).read(&entry.path).unwrap_or_default();
            task_merge::has_markers(&text)
        });
        if let Some(entry) = marked {
            let message = format!("{} still has conflict markers", entry.path.display());
            return failed(SyncFailure::Commit, Error::new(Kind::Conflict, message));
        }
        (self.options.progress)(SyncProgress::Committing(changed.iter().map(|entry| entry.path.clone()).collect()));
        if self.context.dry_run {
            return Ok(self.dry_run_commit(&dir, &changed)?);
        }
        let mut tries = 0;
        loop {
            match worktree::commit_files(repository, &dir, AUTO_COMMIT, &changed) {
                Ok(()) => return Ok(()),
                // Another git process has the index locked, perhaps the child of a killed command. It will finish soon.
                Err(error) if error.to_string().contains(".lock': File exists") && tries < LOCK_TRIES => {
                    tries += 1;
                    interrupt::pause(Duration::from_millis(100))?;
                }
                Err(error) => {
                    // The other process may have committed the same edits.
                    let left = local_edits::load(self.context, &dir)?;
                    let is_left = |entry: &StatusEntry| changed.iter().any(|changed| changed.path == entry.path);
                    let effects = !left.entries.iter().any(is_left);
                    return if effects { Ok(()) } else { failed(SyncFailure::Commit, error) };
                }
            }
        }
    }

    /// Reads the local and the published tip, after a fetch where one is due.
    fn fetch_tips(&mut self, attempt: u32) -> StepResult<(Option<Oid>, Option<Oid>)> {
        let repository = &self.context.repository;
        let branches = [std::slice::from_ref(&self.published), self.options.also].concat();
        let mut tries = 0;
        if attempt == 0 {
            (self.options.progress)(SyncProgress::Fetching);
        }
        if attempt == 0 && self.options.push_first {
            let (local, theirs) = self.tips()?;
            self.is_fetched = theirs.is_some() && local != theirs;
        }
        while !self.is_fetched {
            match remote::fetch(repository, self.remote, &branches, self.limit()) {
                Ok(lacking) => {
                    if let Err(gone) = self.context.ledger().require_code_home(&lacking) {
                        return failed(SyncFailure::NoUpstream, gone);
                    }
                    if let Err(moved) = self.context.ledger().require_data_here() {
                        return failed(SyncFailure::NoUpstream, moved);
                    }
                    self.is_fetched = true;
                }
                // Another git process is updating the same remote-tracking ref.
                Err(error) if error.kind() == Kind::Contention && self.deadline.wait(tries)? => tries += 1,
                Err(error) => return failed(SyncFailure::NoNetwork, error),
            }
        }
        let (local, mut theirs) = self.tips()?;
        if let Some(gone) = self.context.ledger().lost(&self.published, theirs.as_ref(), local.as_ref())? {
            return failed(SyncFailure::NoUpstream, gone);
        }
        // A code branch that was deleted at the remote leaves a remote-tracking ref, which a fetch does not prune. The
        // push that expects its tip then fails, so the remote is queried before the next attempt.
        let stays = attempt > 0 && self.known.is_none() && !self.context.has_data_branch();
        if stays && !remote::has_branch(repository, self.remote, &self.published, self.limit())? {
            theirs = None;
        }
        if theirs.is_none() && !self.context.has_data_branch() && self.upstream().is_none() {
            let message = format!("{} was never published on {}", self.data, self.remote);
            let error = Error::new(Kind::NotInitialised, message);
            return failed(SyncFailure::NoUpstream, error.hint(command!["git push -u", self.remote, self.data]));
        }
        Ok((local, theirs))
    }

    pub(crate) fn tips(&self) -> Result<(Option<Oid>, Option<Oid>)> {
        let [local, theirs] = [self.data.full(), self.published.tracking(self.remote)];
        let mut known = refs::load(&self.context.repository, &[local.clone(), theirs.clone()])?;
        Ok((self.dry_run_tip.clone().or_else(|| known.remove(&local)), known.remove(&theirs)))
    }

    pub(crate) fn limit(&self) -> Duration {
        self.deadline.remaining().min(CONNECTION_LIMIT)
    }

    fn upstream(&self) -> Option<&str> {
        self.context.repository.config().last(&format!("branch.{}.merge", self.data))
    }

    /// Refuses to put a second file of a task beside one that was renamed here; a sync that commits has committed the
    /// rename, and joins it or reports the conflict.
    fn refuse_second_file(&self, local: &Oid, theirs: &Oid) -> StepResult {
        let Some(dir) = self.checkout.as_ref().filter(|_| !self.options.commit) else { return Ok(()) };
        match uncommitted_rename::in_the_way(&self.context.repository, dir, local, theirs)? {
            None => Ok(()),
            Some(said) => failed(SyncFailure::InTheWay, Error::new(Kind::Dirty, said)),
        }
    }

    /// Creates the local branch in a clone that has none.
    fn create_local_branch(&mut self, theirs: &Oid) -> Result<()> {
        self.effects.pulled = true;
        if self.context.dry_run {
            (self.options.progress)(SyncProgress::WouldRun(format!("git branch {} {theirs}", self.data)));
            return Ok(());
        }
        let update = RefUpdate { name: self.data.full(), old: None, new: Some(theirs.clone()) };
        refs::swap(&self.context.repository, &[update], "aitask: follow the remote")?;
        Ok(())
    }

    /// Fast-forwards the local branch and the checkout.
    pub(super) fn fast_forward(&self, local: &Oid, to: &Oid) -> Result<CheckoutUpdate> {
        let repository = &self.context.repository;
        if let Some(dir) = &self.checkout {
            return update_checkout::fast_forward(repository, dir, local, to, &[]);
        }
        let update = RefUpdate { name: self.data.full(), old: Some(local.clone()), new: Some(to.clone()) };
        let said = match refs::swap(repository, &[update], "aitask: follow the remote")? {
            refs::Swap::Done => return Ok(CheckoutUpdate::Done),
            refs::Swap::Refused(said) | refs::Swap::CutOff(said) => said,
        };
        let full = self.data.full();
        // A branch that did not move was refused by a hook or a lock file, and would be again.
        let stays = refs::load(repository, std::slice::from_ref(&full))?.get(&full) == Some(local);
        Ok(if stays { CheckoutUpdate::Refused(said) } else { CheckoutUpdate::Diverged })
    }

    /// Whether the checkout cannot follow from `local` to `to`. What was edited meanwhile is committed then, so that the
    /// steps can start again.
    pub(super) fn is_blocked(&mut self, local: &Oid, to: &Oid, blocked: &mut u32) -> StepResult<bool> {
        let Some(dir) = &self.checkout else { return Ok(false) };
        let update = checkout::can_follow_head(&self.context.repository, dir, local, to, &[], None)?;
        let CheckoutUpdate::Refused(said) = update else { return Ok(false) };
        *blocked += 1;
        self.commit_new_edits(*blocked, said).map(|()| true)
    }

    /// A file was edited since the first step, and prevents the fast-forward: the edit is committed, too.
    fn commit_new_edits(&mut self, blocked: u32, said: String) -> StepResult {
        if blocked < MAX_ROUNDS && self.options.commit {
            let tip = || refs::load(&self.context.repository, &[self.data.full()]);
            let before = tip()?;
            self.commit()?;
            if tip()? != before {
                return Ok(());
            }
        }
        failed(SyncFailure::InTheWay, self.in_the_way(said))
    }

    /// The error for uncommitted work that keeps the checkout from following.
    pub(super) fn in_the_way(&self, said: String) -> Error {
        let again = said.contains("would be overwritten").then(|| {
            let dir = self.checkout.as_ref().unwrap_or(&self.context.repository.root);
            // Where only such a file is in the way, git stashes nothing, and would then give back an older stash.
            let hint = match untracked_in_the_way(&said) {
                Some(file) => command!["mv -n", file, format!("{file}.mine"), "&& git aitask sync"],
                None => command!["git stash && git aitask sync; git stash pop"],
            };
            hint.within(dir)
        });
        again.into_iter().fold(Error::new(Kind::Dirty, said), Error::hint)
    }

    /// Makes the commit that joins two histories.
    pub(super) fn joined(&mut self, ours: &Oid, theirs: &Oid) -> StepResult<Oid> {
        let upstream = format!("{}/{}", self.remote, self.published);
        let SyncOptions { rules, resolutions, .. } = self.options;
        match join::join(&self.context.repository, ours, theirs, &upstream, rules, resolutions) {
            Ok(Join::Joined { commit, merged }) => {
                self.effects.merged |= !merged.is_empty();
                for path in merged {
                    (self.options.progress)(SyncProgress::Merged(path));
                }
                Ok(commit)
            }
            Ok(Join::Conflict(unresolved)) => Err(Stop::Answer(Reconciled::Conflict(unresolved))),
            Err(error) => failed(SyncFailure::InTheWay, error),
        }
    }

    /// Makes the commit that joins both histories; `None` where the checkout changed meanwhile, so that the steps start
    /// again.
    fn join(&mut self, local: &Oid, theirs: &Oid, blocked: &mut u32) -> StepResult<Option<Oid>> {
        let joined = self.joined(local, theirs)?;
        if self.context.dry_run {
            return Ok(Some(joined));
        }
        if self.is_blocked(local, &joined, blocked)? {
            return Ok(None);
        }
        if !self.options.resolutions.is_empty() {
            // Resolutions by hand are kept on the local branch, whatever the outcome of the push.
            return Ok(match self.fast_forward(local, &joined)? {
                CheckoutUpdate::Done => Some(joined),
                _ => None,
            });
        }
        Ok(Some(joined))
    }

    /// The ref update of the push, and its options.
    pub(crate) fn update(&self, theirs: Option<&Oid>, goal: &Oid) -> ([RefUpdate; 1], PushOptions) {
        let update = RefUpdate { name: self.published.full(), old: theirs.cloned(), new: Some(goal.clone()) };
        ([update], PushOptions { atomic: false, hooks: true, dry_run: false, limit: self.limit() })
    }

    /// The refusal to push to a branch of another name, which `git push` itself would do only with
    /// `push.default=upstream` (see git-config(1)).
    pub(super) fn push_elsewhere(&self) -> Option<Error> {
        let config = self.context.repository.config();
        let to_upstream = config.last("push.default").is_some_and(|to| matches!(to, "upstream" | "tracking"));
        if self.published == *self.data || to_upstream {
            return None;
        }
        let (data, published) = (self.data, &self.published);
        let message = format!(
            "{data} follows {published} of {}, which has another name, so {data} is not pushed to it",
            self.remote
        );
        Some(Error::new(Kind::NotInitialised, message).hint(command!["git switch", published]))
    }

    /// Pushes; `false` when the remote has moved.
    pub(super) fn push(&mut self, theirs: Option<&Oid>, goal: &Oid) -> StepResult<bool> {
        let repository = &self.context.repository;
        let (updates, options) = self.update(theirs, goal);
        match publish::outcome(self.remote, remote::push(repository, self.remote, &updates, options)?) {
            Some(publish::Outcome::Landed(_)) => {
                if !remote::tracks(repository, self.remote, &self.published) {
                    refs::follow(repository, &[(self.published.tracking(self.remote), goal)])?;
                }
                if self.upstream().is_none() {
                    worktree::set_upstream(repository, self.data, self.remote)?;
                }
                (self.options.progress)(SyncProgress::Published { from: theirs.cloned(), to: goal.clone() });
                Ok(true)
            }
            Some(publish::Outcome::Stale(_)) | None => Ok(false),
            Some(publish::Outcome::Denied(error)) => failed(SyncFailure::Push, error),
            Some(publish::Outcome::Failed(error)) if matches!(error.kind(), Kind::Denied | Kind::Usage) => {
                failed(SyncFailure::Push, error)
            }
            Some(publish::Outcome::Unknown(error) | publish::Outcome::Failed(error)) => {
                failed(SyncFailure::NoNetwork, error)
            }
        }
    }
}

/// The first file that git does not track, or ignores, of those that a refusal says would be overwritten.
fn untracked_in_the_way(said: &str) -> Option<&str> {
    let line = said.lines().find(|line| line.contains("would be overwritten"))?;
    if let Some((file, _)) = line.split_once(" is ignored there") {
        return Some(file);
    }
    let (_, file) = line.split_once("ntracked working tree file")?;
    match file.split_once(" '") {
        Some((_, file)) => file.rsplit_once("' would be").map(|(file, _)| file),
        None => file.split_once(": ").map(|(_, file)| file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untracked_file_in_the_way_is_found_in_each_message() {
        for (said, file) in [
            ("a b is ignored there, and would be overwritten", Some("a b")),
            ("Untracked working tree file 'it's' would be overwritten by merge.", Some("it's")),
            ("The following untracked working tree files would be overwritten by merge: a b\n\tc\nPlease", Some("a b")),
            ("Your local changes to the following files would be overwritten by merge: f\nPlease", None),
            ("Entry 'f' would be overwritten by merge. Cannot merge.", None),
            ("Entry 'f' not uptodate. Cannot merge.", None),
        ] {
            assert_eq!(untracked_in_the_way(said), file, "{said}");
        }
    }
}
