//! Bringing local branches and checkouts forward to what was published: by fast-forward, or by a merge made off to
//! the side when the user has commits of their own. Never a rebase, a reset or a stash.

use crate::error::{Error, Result, quoted};
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
use crate::ledger::{Channel, IDS, LOCKS, Ledger};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A checkout whose `HEAD` a local swap moves: its folder, and the commit its files are at.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct PendingCheckoutUpdate {
    #[serde(with = "records::path")]
    path: PathBuf,
    branch: String,
    old: String,
    /// The commit it is to be carried to.
    new: String,
    #[serde(default)]
    adopted: Vec<UncommittedInput>,
}

/// What came of joining a local branch and the published one.
enum Joined {
    /// This merge of both.
    Commit(Oid),
    /// There is none, for this reason.
    No(String),
}

impl PendingCheckoutUpdate {
    /// Each swap has a record of its own: another one may still land beside it.
    fn name(&self) -> String {
        format!("{}.{}", self.branch.replace('%', "%25").replace('/', "%2F"), self.new)
    }
}

/// The record of the remote's last answer.
#[derive(serde::Serialize, serde::Deserialize)]
struct AsOf {
    /// In seconds since 1970.
    answered: u64,
}

impl Ledger<'_> {
    /// Brings the local branches of the view forward, to `tips` where named there, else to what is published.
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
            // What others pushed to a task branch comes here when its holder merges it.
            let is_of_task = branch.as_str().starts_with(remote::TASK_BRANCHES);
            if branch.as_str() == LOCKS || is_of_task || target == local || moves_files {
                continue;
            }
            if branch.as_str() == IDS {
                // The mirror follows, also after a killed claim; a counter that was only ever local is no mirror.
                if !tips.contains_key(branch) && self.refs.is_ancestor(local, target)? {
                    self.refs.follow(&[(branch.full(), target)])?;
                }
                continue;
            }
            if let Some((cause, reason)) = self.update_branch(branch, local, target, adopted)? {
                let command = match self.checkout_of(branch)? {
                    Some(path) => format!("cd {} && git merge --no-overwrite-ignore {remote}/{branch}", quoted(path)),
                    None => format!("git switch {branch} && git merge --no-overwrite-ignore {remote}/{branch}"),
                };
                lagging.push(OutdatedCheckout { branch: branch.clone(), reason, command, cause });
            }
        }
        Ok(lagging)
    }

    /// `None` when the branch is at `target` or beyond, else why it is not.
    fn update_branch(
        &self,
        branch: &Branch,
        local: &Oid,
        target: &Oid,
        adopted: &[UncommittedInput],
    ) -> Result<Option<(Cause, String)>> {
        let repository = self.repository;
        let Some(path) = self.checkout_of(branch)? else {
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
            // Whoever moved it meanwhile brought it somewhere on purpose.
            refs::swap(repository, &[update], "aitask: follow the remote")?;
            return Ok(None);
        };
        let refused = |said: String| {
            let dirty = ["local changes", "would be overwritten", "not uptodate", "unmerged"];
            let cause = if dirty.iter().any(|text| said.contains(text)) { Cause::Dirty } else { Cause::Other };
            Some((cause, first_line(&said)))
        };
        Ok(match update_checkout::fast_forward(repository, &path, local, target, adopted)? {
            CheckoutUpdate::Done => None,
            CheckoutUpdate::Refused(said) => refused(said),
            CheckoutUpdate::Diverged => match self.join(branch, local, target)? {
                Joined::No(reason) => Some((Cause::Conflict, reason)),
                Joined::Commit(joined) => {
                    match update_checkout::fast_forward(repository, &path, local, &joined, &[])? {
                        CheckoutUpdate::Done => None,
                        CheckoutUpdate::Refused(said) => refused(said),
                        CheckoutUpdate::Diverged => {
                            Some((Cause::Other, "it moved while it was being brought forward".to_owned()))
                        }
                    }
                }
            },
        })
    }

    /// A commit that has what the local branch and the published one have: the newer of the two, else a merge. The
    /// published one where they conflict, and for readers, who build nothing.
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

    /// A merge of both, made in the object store.
    fn join(&self, branch: &Branch, local: &Oid, target: &Oid) -> Result<Joined> {
        let Aligned { ours, theirs, clashes } = align::aligned(self.repository, local, target)?;
        let conflict = |what: &str, paths: &mut dyn Iterator<Item = &PathBuf>| {
            let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
            Ok(Joined::No(format!("your own commits and the published ones {what} {}", paths.join(", "))))
        };
        if !clashes.is_empty() {
            return conflict("do not go together in", &mut clashes.keys());
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

    /// Remote-tracking refs that git does not keep by itself, and the local mirror of the counter.
    pub(crate) fn update_tracking_refs(&self, view: &View<'_>, updates: &[RefUpdate]) {
        let Channel::Remote(name) = &self.channel else { return };
        let (mut follow, mut noted) = (Vec::new(), Vec::new());
        for update in updates {
            let (Some(branch), Some(new)) = (update.name.branch(), &update.new) else { continue };
            noted.push((branch.clone(), new));
            if !remote::tracks(self.repository, name, &branch) {
                follow.push((branch.tracking(name), new));
            }
            // Its first commit is no claim, and leaves no mirror.
            if branch.as_str() == IDS && (update.old.is_some() || view.tip(&branch).local.is_some()) {
                follow.push((branch.full(), new));
            }
        }
        // Best effort: the truth is on the remote, and the next fetch brings it.
        let _ = self.refs.follow(&follow);
        for (branch, new) in noted {
            self.remember(&branch, new);
        }
        let _ = self.record_answer_time();
    }

    /// Notes that the remote answered now.
    pub(crate) fn record_answer_time(&self) -> Result<()> {
        let answered = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.repository.records().note(RecordKind::AsOf, "", &AsOf { answered })
    }

    /// When the remote last answered, as far as this clone knows.
    pub(crate) fn as_of(&self) -> Option<SystemTime> {
        match self.channel {
            Channel::Local => Some(SystemTime::now()),
            Channel::Remote(_) => {
                let known: AsOf = self.repository.records().load(RecordKind::AsOf, "")?;
                UNIX_EPOCH.checked_add(Duration::from_secs(known.answered))
            }
        }
    }

    /// Before a local swap: makes sure that the checkouts it moves can follow, and notes them, so that a later command
    /// can finish what a killed one began.
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
            let Some(path) = self.checkout_of(&branch)? else { continue };
            if let CheckoutUpdate::Refused(said) =
                checkout::can_follow_head(self.repository, &path, old, new, adopted, written)?
            {
                let place = path.display();
                let message = format!("uncommitted changes in {place} are in the way: {}", first_line(&said));
                return Err(Error::new(crate::error::Kind::Dirty, message).hint(command!["git status"].within(&path)));
            }
            let (old, new) = (old.to_string(), new.to_string());
            let record = PendingCheckoutUpdate { path, branch: branch.to_string(), old, new, adopted: adopted.clone() };
            self.repository.records().save(RecordKind::Carry, &record.name(), &record)?;
            carried.push(record);
        }
        Ok(carried)
    }

    /// After a local swap that landed: brings index and files of its checkouts to the commit that their branch was moved to.
    /// What could not be carried stays noted for the next command, and is said.
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
                let path = quoted(&record.path);
                let command = format!("cd {path} && git status && git aitask status");
                let reason = first_line(&said);
                return Ok(Some(OutdatedCheckout { branch, reason, command, cause: Cause::Dirty }));
            }
        }
        self.forget_checkout_updates(std::slice::from_ref(record)).map(|()| None)
    }

    /// After a local swap that did not land, and cannot: its checkouts have nothing to follow.
    pub(crate) fn forget_checkout_updates(&self, carried: &[PendingCheckoutUpdate]) -> Result<()> {
        let records = self.repository.records();
        carried.iter().try_for_each(|record| records.forget(RecordKind::Carry, &record.name()))
    }

    /// Finishes what commands that were killed left behind in checkouts: what their git was doing to index and files, and the
    /// checkouts that a local swap moved. Within a local swap git may be at work still, so while the branch is
    /// where it was, the checkout stays noted. One that has moved on since, or has another branch checked out, is the
    /// user's.
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
                (self.progress)(&format!("the checkout of {} stays behind: {}", lagging.branch, lagging.reason));
            }
        }
        Ok(())
    }

    /// The same for a reader, who does not wait for others and has other questions: best effort.
    pub(crate) fn try_finish_checkout_updates(&self) {
        if self.channel == Channel::Local
            && !self.repository.records().names(RecordKind::Carry).is_empty()
            && let Ok(queue) = Queue::enter(self.repository, Duration::ZERO, self.progress)
            && queue.is_ours()
        {
            let _ = self.finish_checkout_updates();
        }
    }

    /// What stands now in the checkout in the place of the files that a plan was made from.
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
