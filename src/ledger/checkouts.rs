//! Updating local branches and checkouts to the published commits: by fast-forward, or, where the user has local
//! commits, by a merge that is computed in the object store. Never by a rebase, a reset or a stash, which could lose
//! work.

use crate::error::{Error, Hint, Kind, Result};
use crate::files::records::{self, RecordKind};
use crate::git::checkout::{self, CheckoutUpdate, UncommittedInput};
use crate::git::merge::{self, Renames};
use crate::git::objects::{self, NewCommit, ParentCommit};
use crate::git::porcelain::merge_tree::MergeTree;
use crate::git::{Branch, Oid, RefUpdate, refs, remote, update_checkout};
use crate::ledger::align::{self, Aligned};
use crate::ledger::plan::{Cause, CheckoutChange, OutdatedCheckout, Plan};
use crate::ledger::queue::Queue;
use crate::ledger::view::View;
use crate::ledger::{Channel, IDS, LOCKS, Ledger, fetched, uncommitted_rename};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The record of a checkout whose branch a local swap moves, so that its index and files must follow. It is written
/// before the refs move: when the command is killed in between, the next one finds it and finishes the update.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct PendingCheckoutUpdate {
    #[serde(with = "records::path")]
    path: PathBuf,
    branch: String,
    old: String,
    /// The commit that index and files are to be updated to; `old` is the one they are at.
    new: String,
    #[serde(default)]
    adopted: Vec<UncommittedInput>,
}

/// Where a branch is worked on, so that it cannot simply be moved.
enum Whereabouts {
    /// It is checked out there.
    CheckedOut(PathBuf),
    /// A rebase there will move it.
    BeingRebased(PathBuf),
    Nowhere,
}

/// The result of merging a local branch and the published one.
enum Joined {
    /// The merge commit.
    Commit(Oid),
    /// They could not be merged, for this reason.
    No(String),
}

impl PendingCheckoutUpdate {
    /// The name of the record. The commit is part of it, since a swap of another process may still land while this one
    /// runs.
    fn name(&self) -> String {
        format!("{}.{}", self.branch.replace('%', "%25").replace('/', "%2F"), self.new)
    }
}

/// The record of the time when the remote last answered.
#[derive(serde::Serialize, serde::Deserialize)]
struct AsOf {
    /// In seconds since 1970.
    answered: u64,
}

impl Ledger<'_> {
    /// Updates the local branches of the view and their checkouts: to `tips` where a branch is named there, else to the
    /// published tip.
    pub(crate) fn update_checkouts(
        &self,
        view: &View<'_>,
        tips: &BTreeMap<Branch, Oid>,
        adopted: &[UncommittedInput],
    ) -> Result<Vec<OutdatedCheckout>> {
        let Channel::Remote(remote) = &self.channel else { return self.finish_checkout_updates().map(|()| Vec::new()) };
        let mut lagging = Vec::new();
        for branch in view.branches() {
            let tip = view.tip(branch);
            let target = tips.get(branch).or(tip.published.as_ref());
            let (Some(target), Some(local)) = (target, &tip.local) else { continue };
            let moves_files = branch.as_str() != IDS && self.keep_checkouts;
            // A task branch is the work of its holder, who decides when to merge what others pushed to it.
            let is_of_task = branch.as_str().starts_with(remote::TASK_BRANCHES);
            if branch.as_str() == LOCKS || is_of_task || target == local || moves_files {
                continue;
            }
            if branch.as_str() == IDS {
                // The local counter is a mirror of the published one, unless it is ahead: then it was used before there
                // was a remote, and its value must not be lost.
                if !tips.contains_key(branch) && self.refs.is_ancestor(local, target)? {
                    self.refs.follow(&[(branch.full(), target)])?;
                }
                continue;
            }
            let at = self.whereabouts(branch)?;
            let renamed_twice = match &at {
                // A task file got one name there, uncommitted, and another one in the commits in between.
                Whereabouts::CheckedOut(path) if tip.published.as_ref() != Some(local) => {
                    uncommitted_rename::in_the_way(self.repository, path, local, target)?
                }
                _ => None,
            };
            let lag = match renamed_twice {
                Some(reason) => Some((Cause::Dirty, reason)),
                None => self.update_branch(branch, &at, [local, target], adopted)?,
            };
            if let Some((cause, reason)) = lag {
                let is_data = self.data_only_branch.as_ref() == Some(branch)
                    || self.code_home.as_ref().is_some_and(|home| home.branch == *branch);
                let merge = || command!["git merge --no-overwrite-ignore", format!("{remote}/{branch}")];
                let hint = match at {
                    Whereabouts::CheckedOut(path) if !path.is_dir() => Hint::from("git aitask doctor"),
                    Whereabouts::BeingRebased(path) => command!["git status"].within(path),
                    // It joins what a merge does not, and says what is in the way.
                    _ if is_data => Hint::from("git aitask sync"),
                    Whereabouts::CheckedOut(path) => merge().within(path),
                    Whereabouts::Nowhere => command![
                        "git switch",
                        branch,
                        "&& git merge --no-overwrite-ignore",
                        format!("{remote}/{branch}")
                    ],
                };
                lagging.push(OutdatedCheckout { branch: branch.clone(), reason, hint, cause });
            }
        }
        Ok(lagging)
    }

    fn whereabouts(&self, branch: &Branch) -> Result<Whereabouts> {
        Ok(match self.checkout_of(branch)? {
            Some(path) => Whereabouts::CheckedOut(path),
            None => self.repository.rebase_of(branch).map_or(Whereabouts::Nowhere, Whereabouts::BeingRebased),
        })
    }

    /// Updates one branch. `None` when it contains `target` afterwards, else the reason why not.
    fn update_branch(
        &self,
        branch: &Branch,
        at: &Whereabouts,
        [local, target]: [&Oid; 2],
        adopted: &[UncommittedInput],
    ) -> Result<Option<(Cause, String)>> {
        let repository = self.repository;
        let path = match at {
            Whereabouts::CheckedOut(path) => path,
            Whereabouts::BeingRebased(path) => {
                return Ok(Some((Cause::Other, format!("it is being rebased in {}", path.display()))));
            }
            Whereabouts::Nowhere => return self.update_branch_alone(branch, [local, target]),
        };
        if !path.is_dir() {
            return Ok(Some((Cause::Other, format!("its checkout is no longer at {}", path.display()))));
        }
        let refused = |said: String| {
            let dirty = ["local changes", "would be overwritten", "not uptodate", "unmerged"];
            let cause = if dirty.iter().any(|text| said.contains(text)) { Cause::Dirty } else { Cause::Other };
            Some((cause, first_line(&said)))
        };
        Ok(match update_checkout::fast_forward(repository, path, local, target, adopted)? {
            CheckoutUpdate::Done => None,
            CheckoutUpdate::Refused(said) => refused(said),
            CheckoutUpdate::Diverged => match self.join(branch, local, target)? {
                Joined::No(reason) => Some((Cause::Conflict, reason)),
                Joined::Commit(joined) => match update_checkout::fast_forward(repository, path, local, &joined, &[])? {
                    CheckoutUpdate::Done => None,
                    CheckoutUpdate::Refused(said) => refused(said),
                    CheckoutUpdate::Diverged => Some((Cause::Other, "it moved while it was being updated".to_owned())),
                },
            },
        })
    }

    /// Updates a branch that is checked out nowhere.
    fn update_branch_alone(&self, branch: &Branch, [local, target]: [&Oid; 2]) -> Result<Option<(Cause, String)>> {
        let repository = self.repository;
        let new = if merge::is_ancestor(repository, local, target)? {
            target.clone()
        } else if merge::is_ancestor(repository, target, local)? {
            return Ok(None);
        } else {
            match self.join(branch, local, target)? {
                Joined::Commit(new) => new,
                Joined::No(reason) => return Ok(Some((Cause::Conflict, reason))),
            }
        };
        let update = RefUpdate { name: branch.full(), old: Some(local.clone()), new: Some(new) };
        // A swap that fails is no error: the user moved the branch in the meantime, and that move stays.
        refs::swap(repository, &[update], "aitask: follow the remote")?;
        Ok(None)
    }

    /// A commit that contains both the local and the published tip: the newer of the two, else a merge of both. Where
    /// they conflict it is the published one, and also for readers, which build no commits.
    pub(crate) fn combined_tip(&self, branch: &Branch, local: &Oid, published: &Oid) -> Result<Oid> {
        if merge::is_ancestor(self.repository, published, local)? {
            return Ok(local.clone());
        }
        if self.dry_run || merge::is_ancestor(self.repository, local, published)? {
            return Ok(published.clone());
        }
        Ok(match self.join(branch, local, published)? {
            Joined::Commit(joined) => joined,
            Joined::No(_) => published.clone(),
        })
    }

    /// Merges both in the object store.
    fn join(&self, branch: &Branch, local: &Oid, target: &Oid) -> Result<Joined> {
        if let Channel::Remote(remote) = &self.channel {
            let tracking = branch.tracking(remote);
            if merge::rewritten(self.repository, &tracking, local, target)?.is_some() {
                return Ok(Joined::No(format!("{remote}/{branch} was rewritten")));
            }
        }
        let Aligned { ours, theirs, clashes } = align::aligned(self.repository, local, target)?;
        let conflict = |what: &str, paths: &mut dyn Iterator<Item = &PathBuf>| {
            let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
            Ok(Joined::No(format!("your own commits and the published ones {what} {}", paths.join(", "))))
        };
        if !clashes.is_empty() {
            return conflict("conflict in", &mut clashes.keys());
        }
        match merge::merge_tree(self.repository, &ours, &theirs, Renames::OfFilesAlone) {
            Err(error) => Ok(Joined::No(error.to_string())),
            Ok(MergeTree::Conflict { paths, .. }) => conflict("change the same lines of", &mut paths.iter()),
            Ok(MergeTree::Clean { tree }) => {
                let name = self.channel.remote().map_or_else(String::new, |remote| format!("{remote}/"));
                let message = format!("Merge remote-tracking branch '{name}{branch}'\n");
                let parent = ParentCommit::Commit(local.clone());
                let commit =
                    NewCommit { parent, merged: Some(target.clone()), tree: Some(tree), edits: Vec::new(), message };
                let built = objects::build(self.repository, &[commit])?;
                let joined = built.commits.into_iter().next();
                Ok(joined.map_or_else(|| Joined::No("git made no commit".to_owned()), Joined::Commit))
            }
        }
    }

    /// After a push: updates the remote-tracking refs that git does not update itself, since the remote's refspec does
    /// not cover them, and the local mirror of the counter. After one that was found in a view (`is_found`) only the
    /// mirror: the view was read from the other refs, and another process of this clone may have brought them further.
    pub(crate) fn update_tracking_refs(&self, view: &View<'_>, updates: &[RefUpdate], is_found: bool) {
        let Channel::Remote(name) = &self.channel else { return };
        let (mut follow, mut noted) = (Vec::new(), Vec::new());
        for update in updates {
            let (Some(branch), Some(new)) = (update.name.branch(), &update.new) else { continue };
            if !is_found {
                noted.push((branch.clone(), update.old.as_ref(), new));
                if branch.as_str() == LOCKS {
                    fetched::note_push(self.repository, name, update.old.as_ref(), new);
                }
                if !remote::tracks(self.repository, name, &branch) {
                    follow.push((branch.tracking(name), new));
                }
            }
            // The first commit of the counter hands out no id, so it gets no local mirror.
            if branch.as_str() == IDS && (update.old.is_some() || view.tip(&branch).local.is_some()) {
                follow.push((branch.full(), new));
            }
        }
        // Best effort: the remote has the current state, and the next fetch brings it.
        let _ = self.refs.follow(&follow);
        for (branch, old, new) in noted {
            self.remember_pushed(&branch, old, new);
        }
        let _ = self.record_answer_time();
    }

    /// Records that the remote answered now.
    pub(crate) fn record_answer_time(&self) -> Result<()> {
        let answered = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.repository.records().note(RecordKind::AsOf, "", &AsOf { answered })
    }

    /// When the remote last answered, as far as this clone knows.
    pub(crate) fn as_of(&self) -> Option<SystemTime> {
        match &self.channel {
            Channel::Local => Some(SystemTime::now()),
            Channel::Remote(remote) => {
                let known: Option<AsOf> = self.repository.records().load(RecordKind::AsOf, "");
                // A clone has heard the remote as a fetch does, where it brought what this program reads.
                let has_locks = || {
                    let locks = Self::locks_branch().ok()?.tracking(remote);
                    refs::may_exist(self.repository, &[locks]).then_some(())
                };
                let cloned = || has_locks().and_then(|()| fetched::cloned_at(self.repository, remote));
                let answered = known.map(|known| known.answered).or_else(cloned)?;
                UNIX_EPOCH.checked_add(Duration::from_secs(answered))
            }
        }
    }

    /// Before a local swap: checks that the checkouts of its branches can follow, and records them, so that a later
    /// command can finish what a killed one began. The check comes first because a branch that moved while its checkout
    /// cannot follow would show the change as undone by the user.
    pub(crate) fn prepare_checkouts(
        &self,
        updates: &[RefUpdate],
        change: &CheckoutChange<'_>,
    ) -> Result<Vec<PendingCheckoutUpdate>> {
        let (adopted, written) = (&change.adopted, change.written.as_deref());
        let mut carried = Vec::new();
        for update in updates.iter().filter(|update| !update.is_guard()) {
            let (Some(branch), Some(old), Some(new)) = (update.name.branch(), &update.old, &update.new) else {
                continue;
            };
            let path = match self.whereabouts(&branch)? {
                Whereabouts::CheckedOut(path) => path,
                Whereabouts::BeingRebased(path) => {
                    let message = format!("{branch} is being rebased in {}", path.display());
                    return Err(Error::new(Kind::Dirty, message).hint(command!["git status"].within(&path)));
                }
                Whereabouts::Nowhere => continue,
            };
            if let CheckoutUpdate::Refused(said) =
                checkout::can_follow_head(self.repository, &path, old, new, adopted, written)?
            {
                let place = path.display();
                let message = format!("uncommitted changes in {place} are in the way: {}", first_line(&said));
                return Err(Error::new(Kind::Dirty, message).hint(command!["git status"].within(&path)));
            }
            let (old, new) = (old.to_string(), new.to_string());
            let record = PendingCheckoutUpdate { path, branch: branch.to_string(), old, new, adopted: adopted.clone() };
            self.repository.records().save(RecordKind::Carry, &record.name(), &record)?;
            carried.push(record);
        }
        Ok(carried)
    }

    /// After a local swap that landed: updates index and files of the recorded checkouts to the new commit of their
    /// branch. A checkout that could not follow stays recorded for the next command, and is returned.
    pub(crate) fn update_prepared_checkouts(&self, carried: &[PendingCheckoutUpdate]) -> Result<Vec<OutdatedCheckout>> {
        let mut lagging = Vec::new();
        for record in carried {
            lagging.extend(self.update_pending(record)?);
        }
        Ok(lagging)
    }

    fn update_pending(&self, record: &PendingCheckoutUpdate) -> Result<Option<OutdatedCheckout>> {
        let branch = Branch::parse(&record.branch)?;
        if let (Some(old), Some(new)) = (Oid::parse(&record.old), Oid::parse(&record.new)) {
            let (path, adopted) = (&record.path, &record.adopted);
            if let CheckoutUpdate::Refused(said) =
                update_checkout::follow_head(self.repository, path, &old, &new, adopted)?
            {
                let hint = command!["git status && git aitask status"].within(&record.path);
                let reason = first_line(&said);
                return Ok(Some(OutdatedCheckout { branch, reason, hint, cause: Cause::Dirty }));
            }
        }
        self.forget_checkout_updates(std::slice::from_ref(record)).map(|()| None)
    }

    /// After a local swap that did not land and no longer can: removes the records, since there is nothing to follow.
    pub(crate) fn forget_checkout_updates(&self, carried: &[PendingCheckoutUpdate]) -> Result<()> {
        let records = self.repository.records();
        carried.iter().try_for_each(|record| records.forget(RecordKind::Carry, &record.name()))
    }

    /// Finishes what killed commands left behind in checkouts: what their git was doing to index and files, and
    /// checkouts whose branch a local swap moved. While the branch is still at its old commit, the git of that swap may
    /// still run, so the record stays. Where the branch has moved on since, or another branch is checked out, the user
    /// has taken over, and the record is removed.
    pub(crate) fn finish_checkout_updates(&self) -> Result<()> {
        update_checkout::finish_all(self.repository)?;
        let records = self.repository.records();
        let noted = records.names(RecordKind::Carry);
        for record in noted.iter().filter_map(|name| records.load(RecordKind::Carry, name)) {
            let record: &PendingCheckoutUpdate = &record;
            let branch = Branch::parse(&record.branch)?;
            let now = refs::load(self.repository, &[branch.full()])?.remove(&branch.full());
            let is_at = |commit: &str| now.as_ref().is_some_and(|now| now.as_str() == commit);
            if is_at(&record.old) {
                continue;
            }
            if !is_at(&record.new) || self.checkout_of(&branch)?.as_ref() != Some(&record.path) {
                self.forget_checkout_updates(std::slice::from_ref(record))?;
                continue;
            }
            checkout::refresh(self.repository, &record.path)?;
            if let Some(lagging) = self.update_pending(record)? {
                (self.progress)(&format!("the checkout of {} was not updated: {}", lagging.branch, lagging.reason));
            }
        }
        Ok(())
    }

    /// [`Self::finish_checkout_updates`] for a command that only reads: it does not wait for other processes, and a
    /// failure does not stop it.
    pub(crate) fn try_finish_checkout_updates(&self) {
        if self.channel == Channel::Local
            && !self.repository.records().names(RecordKind::Carry).is_empty()
            && let Ok(queue) = Queue::enter(self.repository, Duration::ZERO, self.progress)
            && queue.is_ours()
        {
            let _ = self.finish_checkout_updates();
        }
    }

    /// The present content of the files in the checkout whose uncommitted content is part of the plan.
    pub(crate) fn read_uncommitted_inputs(
        &self,
        plan: &Plan,
        blobs: &BTreeMap<String, Oid>,
    ) -> Result<Vec<UncommittedInput>> {
        for branch in plan.branches.iter().filter(|_| !plan.adopt.is_empty()) {
            if let Some(dir) = self.checkout_of(&branch.branch)? {
                return Ok(plan.adopted(blobs, &dir));
            }
        }
        Ok(Vec::new())
    }
}

fn first_line(said: &str) -> String {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next().unwrap_or("git gave no reason").trim_start_matches("error: ").to_owned()
}
