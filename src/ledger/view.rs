//! The view: the tips of the branches of one transaction, and the files in them. A decision reads nothing else, so that
//! it can be repeated on a newer view.

use crate::error::{Error, Kind, Result};
use crate::files::records::Records;
use crate::git::porcelain::cat_file::Object;
use crate::git::porcelain::log_raw::{self, LoggedCommit};
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::{Branch, Freshness, Oid, RefUpdate, Repository, remote};
use crate::ledger::convoy::{PendingRef, PendingRefs};
use crate::ledger::fetched;
use crate::ledger::found::{Found, at, unreadable};
use crate::ledger::known::{LostBranch, SetBack, TipState};
use crate::ledger::refs::Refs;
use crate::ledger::{Channel, DATA, Ledger};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The tips of one branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tip {
    /// The published tip: that of the remote as far as known, or the local one where there is no remote. `None` where
    /// the branch is not published.
    pub(crate) published: Option<Oid>,
    /// The tip of the local branch.
    pub(crate) local: Option<Oid>,
    /// The commit that decisions read and that new commits are made on: the published tip; or, for the branch whose
    /// local commits are published along, the local tip where it contains the published one, else a merge of both.
    pub(crate) base: Option<Oid>,
}

/// A file as it is published, and as it is on the local branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileVersions {
    /// Its content as published.
    pub(crate) published: Option<Vec<u8>>,
    /// Its content on the local branch.
    pub(crate) local: Option<Vec<u8>>,
}

/// The branches that a transaction touches, as they were read.
///
/// All came by one fetch, and still they may be from before and after somebody's swap: git moves the refs of a push one after
/// the other, on the server and here, and shows them one by one; and commits do not tell which branches their swap moved, so
/// that nothing shows it here. The swap of a command that publishes finds it out. A command that only reads may for that moment
/// show a task with its new status and its former lock.
#[derive(Debug)]
pub(crate) struct View<'r> {
    repository: &'r Repository,
    refs: &'r dyn Refs,
    tips: BTreeMap<Branch, Tip>,
    channel: Channel,
    /// The task branches that the decision asked for.
    further: RefCell<BTreeMap<Branch, Tip>>,
    /// Those that it will ask for.
    announced: RefCell<BTreeSet<Branch>>,
    /// Whether this clone cannot know if one of these is published, so that the decision must be made again after a
    /// fetch.
    unanswered: RefCell<bool>,
    /// Whether the tips were just read from where the branches are published: by a fetch, or, without a remote, always.
    pub(crate) is_current: bool,
    /// The branches of this transaction that have landed already, on a server without atomic push.
    pub(crate) landed: BTreeSet<Branch>,
    tip_states: BTreeMap<Branch, TipState>,
    /// The refs for which the view has what other processes of this clone are about to publish.
    pending: PendingRefs,
    /// The code branches that the remote lacks, as the fetch of this view found; with the last tip that this clone knew.
    lacking: BTreeMap<Branch, Option<Oid>>,
    /// Whether the task data has a branch of its own, although this clone still has it on a code branch.
    pub(super) data_moved: bool,
}

impl<'r> View<'r> {
    /// Reads the tips as this repository knows them, and notes nothing of them unless they were just fetched. One process.
    pub(super) fn load(ledger: &Ledger<'r>, branches: &[Branch], freshness: Freshness) -> Result<Self> {
        let notes = freshness == Freshness::Fetched;
        Self::load_noting(ledger, branches, freshness, &PendingRefs::new(), notes)
    }

    /// [`Self::load`] for a command that publishes, with what other processes of this clone are about to publish in the
    /// place of what is published. Notes the published tips.
    pub(super) fn load_on(ledger: &Ledger<'r>, branches: &[Branch], pending: &PendingRefs) -> Result<Self> {
        Self::load_noting(ledger, branches, Freshness::AsKnown, pending, true)
    }

    fn load_noting(
        ledger: &Ledger<'r>,
        branches: &[Branch],
        freshness: Freshness,
        pending: &PendingRefs,
        notes: bool,
    ) -> Result<Self> {
        let published = |branch: &Branch| ledger.channel.published(branch);
        let data_moved = ledger.unlisted_data_branch(branches)?;
        let names = branches.iter().chain(&data_moved).flat_map(|branch| [branch.full(), published(branch)]);
        let names: Vec<_> = names.collect();
        // Other commands write the record after they move the ref. Reading it before the ref makes sure that a record
        // newer than the ref means that the branch was set back, and not that another command published in between.
        let before: Vec<_> = branches.iter().map(|branch| ledger.load_known(branch)).collect();
        let known = ledger.refs.tips(&names)?;
        let data_moved =
            data_moved.is_some_and(|data| known.keys().any(|name| [data.full(), published(&data)].contains(name)));
        let (mut tips, mut tip_states) = (BTreeMap::new(), BTreeMap::new());
        for (branch, before) in branches.iter().zip(before) {
            let local = known.get(&branch.full()).cloned();
            let waiting = pending.get(&branch.full()).map(|pending| pending.to.clone());
            let is_waiting = waiting.is_some();
            let published = waiting.unwrap_or_else(|| known.get(&published(branch)).cloned());
            // What nobody has published yet is not noted as published.
            let tip_state = if is_waiting {
                TipState::Current
            } else {
                ledger.tip_state(branch, published.as_ref(), before, notes)?
            };
            let theirs = match &tip_state {
                TipState::Gone(gone) => gone.newest.clone(),
                TipState::Current | TipState::SetBack(_) => published.clone(),
            };
            let own = ledger.data_only_branch.as_ref() == Some(branch);
            let base = match (&theirs, &local) {
                (None, Some(_)) if own => local.clone(),
                (Some(theirs), Some(ours)) if own && theirs != ours => Some(ledger.combined_tip(branch, ours, theirs)?),
                _ => theirs,
            };
            tip_states.insert(branch.clone(), tip_state);
            tips.insert(branch.clone(), Tip { published, local, base });
        }
        let is_current = freshness == Freshness::Fetched || ledger.channel == Channel::Local;
        let Ledger { repository, refs, .. } = *ledger;
        Ok(Self {
            repository,
            refs,
            tips,
            channel: ledger.channel.clone(),
            further: RefCell::default(),
            announced: RefCell::default(),
            unanswered: RefCell::default(),
            is_current,
            landed: BTreeSet::new(),
            tip_states,
            pending: pending.clone(),
            lacking: BTreeMap::new(),
            data_moved,
        })
    }

    /// The view without what this clone still knows of code branches that are gone from the remote: a swap that expected
    /// their last tips would fail each time.
    pub(super) fn without(mut self, lacking: Vec<Branch>) -> Self {
        for branch in lacking {
            let Some(tip) = self.tips.get_mut(&branch) else { continue };
            let last = tip.published.take();
            if tip.base == last {
                tip.base = None;
            }
            // `git fetch --prune` removes what this clone knew of it; the local branch was published once.
            let remote = self.channel.remote();
            let was_published = || remote.is_some_and(|remote| remote::was_published(self.repository, remote, &branch));
            let last = last.or_else(|| tip.local.clone().filter(|_| was_published()));
            self.lacking.insert(branch, last);
        }
        self
    }

    /// The last known tip of a code branch that the remote lacks; `None` where it has the branch, or that is not known.
    pub(crate) fn last_of_lacking(&self, branch: &Branch) -> Option<&Oid> {
        self.lacking.get(branch)?.as_ref()
    }

    /// Whether the remote lacks a code branch, as a fetch has shown.
    pub(crate) fn is_lacking(&self, branch: &Branch) -> bool {
        self.lacking.contains_key(branch)
    }

    /// Refuses to use the task data on a code branch after it was moved to its own branch: the copy on the code branch
    /// is outdated, and changes made there would be lost to everybody else.
    ///
    /// # Errors
    /// [`Kind::NotInitialised`].
    pub(crate) fn require_home(&self) -> Result<()> {
        if !self.data_moved {
            return Ok(());
        }
        let folder = self.repository.root.join("aitasks").symlink_metadata();
        // A checkout of another branch than the one that had the tasks is not outdated, whatever folders it has.
        let is_there = self.repository.root_branch.as_ref().is_some_and(|branch| self.tips.contains_key(branch));
        if !is_there || !folder.is_ok_and(|folder| folder.is_dir()) {
            // A clone of a single branch did not know the data branch until this fetch; a second attempt finds it.
            let message = format!("the task data lives on {DATA}, which is not checked out here yet");
            return Err(Error::new(Kind::NotInitialised, message).hint("git aitask init").retryable());
        }
        let message = format!("the task data lives on {DATA}; this checkout still has it on its code branch");
        Err(Error::new(Kind::NotInitialised, message).hint("git aitask init --data-branch"))
    }

    /// The tips of a branch.
    pub(crate) fn tip(&self, branch: &Branch) -> Tip {
        let further = || self.further.borrow().get(branch).cloned();
        self.tips.get(branch).cloned().or_else(further).unwrap_or_default()
    }

    /// The tips of a task branch, which a decision can name only after it has chosen the task. The branch becomes part of
    /// the view: the swap guards its published tip. Where this clone cannot know whether the branch is published, the
    /// transaction fetches it and decides again. One process, the first time.
    pub(crate) fn task_branch(&self, branch: &Branch) -> Result<Tip> {
        let known = self.tips.get(branch).or(self.further.borrow().get(branch)).cloned();
        if let Some(tip) = known {
            return Ok(tip);
        }
        let (here, there) = (branch.full(), self.channel.published(branch));
        let kept = self.channel.remote().and_then(fetched::kept_locks);
        let asked: Vec<_> = [here.clone(), there.clone()].into_iter().chain(kept.clone()).collect();
        let mut found = self.refs.tips(&asked)?;
        let Some(remote) = self.channel.remote() else {
            return Ok(Tip { local: found.remove(&here), ..Tip::default() });
        };
        let waiting = self.pending.get(&here).map(|pending| pending.to.clone());
        let (local, published) = (found.remove(&here), waiting.unwrap_or_else(|| found.remove(&there)));
        let kept = kept.and_then(|kept| found.remove(&kept));
        // Those who are about to move the lock branch publish no task branch with it.
        let locks_branch = Ledger::locks_branch()?;
        let before = self.pending.get(&locks_branch.full()).map(|pending| &pending.from);
        let locks = before.or_else(|| self.tips.get(&locks_branch)?.published.as_ref());
        let is_known = |locks| fetched::came_with_task_branches(self.repository, remote, locks, kept.as_ref());
        let is_seen = || self.is_current || locks.is_none_or(is_known);
        if published.is_none() && !(remote::fetches_task_branches(self.repository, remote) && is_seen()) {
            self.unanswered.replace(true);
        }
        let tip = Tip { published: published.clone(), local, base: published };
        self.further.borrow_mut().insert(branch.clone(), tip.clone());
        Ok(tip)
    }

    /// Whether a task branch that this clone does not have is not published, or the swap fails: the view was fetched; or it is
    /// on top of what others are about to push, whose lease on the lock branch is a tip that came with all task branches.
    pub(crate) fn has_all_task_branches(&self) -> Result<bool> {
        let (Some(remote), false) = (self.channel.remote(), self.is_current) else { return Ok(true) };
        let pending = self.pending.get(&Ledger::locks_branch()?.full());
        let Some(PendingRef { from, .. }) = pending.filter(|_| remote::fetches_task_branches(self.repository, remote))
        else {
            return Ok(false);
        };
        let kept = fetched::kept_locks(remote).map(|kept| self.refs.tips(std::slice::from_ref(&kept))).transpose()?;
        let kept = kept.and_then(|kept| kept.into_values().next());
        Ok(fetched::came_with_task_branches(self.repository, remote, from, kept.as_ref()))
    }

    /// Says that the decision will ask for this task branch, so that a fetch that comes before brings it along.
    pub(crate) fn will_ask(&self, branch: &Branch) {
        self.announced.borrow_mut().insert(branch.clone());
    }

    /// Adds the task branches that the decision asked for. Returns whether it must be made again after they were fetched.
    pub(super) fn asks_more(&self, branches: &mut Vec<Branch>) -> bool {
        let asked: BTreeSet<_> = self.announced.borrow().iter().chain(self.further.borrow().keys()).cloned().collect();
        branches.extend(asked.into_iter().filter(|branch| !self.tips.contains_key(branch)));
        *self.unanswered.borrow()
    }

    /// The branches that this clone knew and that are gone from the remote. Decisions read their last known state, and
    /// a swap that moves such a branch restores it.
    pub(super) fn all_gone(&self) -> impl Iterator<Item = (&Branch, &LostBranch)> {
        self.tip_states.iter().filter_map(|(branch, tip_state)| match tip_state {
            TipState::Gone(gone) => Some((branch, gone)),
            TipState::Current | TipState::SetBack(_) => None,
        })
    }

    /// The last known state of a branch that is gone from the remote.
    pub(crate) fn gone(&self, branch: &Branch) -> Option<&LostBranch> {
        self.all_gone().find(|(gone, _)| *gone == branch).map(|(_, gone)| gone)
    }

    /// The newer state that this clone knows of a branch that was set back to an older one.
    pub(crate) fn set_back(&self, branch: &Branch) -> Option<&SetBack> {
        match self.tip_states.get(branch) {
            Some(TipState::SetBack(set_back)) => Some(set_back),
            Some(TipState::Current | TipState::Gone(_)) | None => None,
        }
    }

    /// Whether no branch of it is gone from the remote, or was set back there.
    pub(super) fn is_sound(&self) -> bool {
        self.tip_states.values().all(|state| *state == TipState::Current)
    }

    /// The branches of this view.
    pub(crate) fn branches(&self) -> impl Iterator<Item = &Branch> {
        self.tips.keys()
    }

    /// The commit that decisions about a branch read.
    pub(crate) fn base(&self, branch: &Branch) -> Option<&Oid> {
        self.tips.get(branch).and_then(|tip| tip.base.as_ref())
    }

    /// The published tips, to compare two views.
    pub(super) fn published(&self) -> BTreeMap<&Branch, Option<&Oid>> {
        self.tips.iter().map(|(branch, tip)| (branch, tip.published.as_ref())).collect()
    }

    /// The guards of a swap: the published tips that the decision read and that `updates` do not move. They must still
    /// be the same when the swap lands, or the decision was made on an outdated view.
    pub(super) fn guards(&self, updates: &[RefUpdate]) -> Vec<RefUpdate> {
        let further = self.further.borrow();
        let others = self.tips.iter().chain(further.iter());
        let others = others.map(|(branch, tip)| (branch.full(), tip.published.clone()));
        let others = others.filter(|(name, _)| updates.iter().all(|update| update.name != *name));
        others.filter_map(|(name, published)| Some(RefUpdate::guard(name, published?))).collect()
    }

    /// Reads files and folders; an empty path is the root of a branch. One process, however many.
    ///
    /// # Errors
    /// [`Kind::Damaged`] where a root cannot be read: what is in it would seem not to be there, and held tasks free.
    pub(crate) fn read(&self, wanted: &[(&Branch, String)]) -> Result<Found> {
        let named = |(branch, path): &(&Branch, String)| Some((at(branch, path), at(self.base(branch)?, path)));
        let found = Found::load(self.refs, wanted.iter().filter_map(named))?;
        let mut roots = wanted.iter().filter(|(branch, path)| path.is_empty() && self.base(branch).is_some());
        let unread = roots.find(|(branch, _)| found.object(branch, "").is_none());
        unread.map_or(Ok(found), |(branch, _)| Err(unreadable(branch.as_str())))
    }

    /// Reads the object at one path. One process.
    pub(crate) fn object(&self, branch: &Branch, path: &str) -> Result<Option<Object>> {
        let Some(base) = self.base(branch) else { return Ok(None) };
        self.refs.object(&at(base, path))
    }

    /// Reads one file. One process.
    pub(crate) fn document(&self, branch: &Branch, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.object(branch, path)?.map(|object| object.data))
    }

    /// Reads a file as it is published, and as the local branch has it. One process.
    pub(crate) fn published_and_local(&self, branch: &Branch, path: &str) -> Result<FileVersions> {
        let Tip { published, local, .. } = self.tip(branch);
        let found = self.read_at(&[(published.as_ref(), path), (local.as_ref(), path)])?;
        let side = |commit: Option<Oid>| Some(found.file(commit?, path)?.to_vec());
        Ok(FileVersions { published: side(published), local: side(local) })
    }

    /// Reads files of commits; a missing commit has none. One process.
    pub(crate) fn read_at(&self, wanted: &[(Option<&Oid>, &str)]) -> Result<Found> {
        let names = wanted.iter().filter_map(|(commit, path)| Some(at((*commit)?, path)));
        Found::load(self.refs, names.map(|name| (name.clone(), name)))
    }

    /// The last version of a file in the history of a branch, as far as this clone has it; the file may have been
    /// removed since. Two processes.
    pub(crate) fn last_written(&self, branch: &Branch, path: &str) -> Result<Option<Object>> {
        let Some(tip) = self.tip(branch).published else { return Ok(None) };
        let call =
            self.repository.read("log").args(["-1", "--diff-filter=AM", "--format=%H", tip.as_str(), "--", path]);
        let Some(commit) = Oid::parse(&call.run()?.text()) else { return Ok(None) };
        self.refs.object(&at(&commit, path))
    }

    /// The last commits that changed a file of a branch, newest first, as far as this clone has them. One process.
    pub(crate) fn changes_of(&self, branch: &Branch, path: &str) -> Result<Vec<LoggedCommit>> {
        let Some(tip) = self.tip(branch).published else { return Ok(Vec::new()) };
        let call = self.repository.read("log").args(["-z", "--max-count=32", "--raw", "--no-abbrev", "--no-renames"]);
        let call = call.args(["--encoding=UTF-8", &format!("--format={}", log_raw::FORMAT), tip.as_str(), "--", path]);
        log_raw::parse(&call.run()?.stdout)
    }

    /// Reads blobs by name, in order. One process.
    pub(crate) fn blobs(&self, names: &[Oid]) -> Result<Vec<Option<Object>>> {
        self.refs.objects(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// Where what was read of the commits of this view is kept.
    pub(crate) fn kept(&self) -> Option<Records> {
        self.refs.kept()
    }

    /// The files of a branch below a folder. One process.
    pub(crate) fn list(&self, branch: &Branch, folders: &[&str]) -> Result<Vec<TreeEntry>> {
        self.base(branch).map_or(Ok(Vec::new()), |base| self.refs.list(base, folders))
    }
}
