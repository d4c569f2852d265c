//! The last known tips of the coordination branches on the remote. They tell that a branch was removed from the remote
//! or set back to an older state, and make it possible to restore it.
//!
//! They are kept outside of `refs/remotes`, where every `git fetch --prune` removes what the remote no longer has: as a
//! record for each branch, and as the refs `refs/aitask/known/<remote>/<branch>`, which keep git from removing the
//! objects.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::read_own;
use crate::files::records::RecordKind;
use crate::git::address::{AddressRelation, masked};
use crate::git::remote::record_name;
use crate::git::{Branch, Oid, RefName, RemoteName, Repository, destination, remote};
use crate::ledger::{Channel, DATA, IDS, LOCKS, Ledger};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A branch that this clone knew and that is gone from the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostBranch {
    /// The last known tip.
    pub(crate) last: Oid,
    /// The newest known commit whose objects this clone still has.
    pub(crate) newest: Option<Oid>,
    /// The former address of the remote, where it has changed since.
    moved_from: Option<String>,
}

/// How the published tip of a branch relates to the last known one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TipState {
    /// It is the current state.
    Current,
    /// It is an older state than the known one and lacks something of it, or continues such an older state.
    SetBack(SetBack),
    /// The branch is gone.
    Gone(LostBranch),
}

/// The newer state that this clone knows of a branch that was set back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetBack {
    /// The known tip, newer than the published one.
    pub(crate) newer: Oid,
    /// The tasks whose locks the published tip lacks.
    pub(crate) lost: Vec<String>,
}

/// The last known tip of a branch.
#[derive(Debug)]
pub(super) struct KnownTip {
    /// The commit.
    last: Oid,
    /// The address that the remote had then.
    address: String,
}

/// After a push of another clone was seen, a transaction begins with a fetch for so long, as long as that brings more.
const LATELY: Duration = Duration::from_secs(60);

/// When a push of another clone was seen, in seconds since 1970.
#[derive(serde::Serialize, serde::Deserialize)]
struct OthersPushRecord {
    seen: u64,
}

/// The record of a branch.
#[derive(serde::Serialize, serde::Deserialize)]
struct KnownTipRecord {
    commit: String,
    address: String,
}

/// The name of the record of a branch.
fn name(channel: &Channel, branch: &Branch) -> Option<String> {
    let remote = channel.remote().filter(|_| matches!(branch.as_str(), LOCKS | IDS | DATA))?;
    Some(format!("{}/{branch}", remote.as_str().replace('/', "%2F")))
}

fn file(repository: &Repository, channel: &Channel, branch: &Branch) -> Option<PathBuf> {
    name(channel, branch).map(|name| repository.records().path(RecordKind::Known, &name))
}

/// Whether this clone ever saw a branch on the remote. No process.
pub(crate) fn is_known(repository: &Repository, channel: &Channel, branch: &Branch) -> bool {
    file(repository, channel, branch).is_some_and(|file| file.exists())
}

fn load(repository: &Repository, channel: &Channel, branch: &Branch) -> Option<KnownTip> {
    let name = name(channel, branch)?;
    if let Some(KnownTipRecord { commit, address }) = repository.records().load(RecordKind::Known, &name) {
        return Some(KnownTip { last: Oid::parse(&commit)?, address });
    }
    // Before records had a format, the file was two lines: commit and address.
    let text = String::from_utf8(read_own(&file(repository, channel, branch)?).ok()?).ok()?;
    let mut lines = text.lines();
    Some(KnownTip { last: Oid::parse(lines.next()?)?, address: lines.next().unwrap_or_default().to_owned() })
}

/// Refuses to coordinate within this clone alone where it did so on the remote `origin`, which is not configured any more:
/// with locks of its own it would give away tasks that others hold. No process.
///
/// # Errors
/// [`Kind::BranchGone`].
pub(crate) fn require_former_remote(repository: &Repository, channel: &Channel) -> Result<()> {
    if *channel != Channel::Local {
        return Ok(());
    }
    let origin = RemoteName::parse("origin")?;
    let former = load(repository, &Channel::Remote(origin.clone()), &Ledger::locks_branch()?);
    let Some(KnownTip { last, address }) = former else { return Ok(()) };
    let last = last.short();
    let message = format!("the remote {origin} is not configured any more, and this clone knew its locks at {last}");
    let address = if address.is_empty() { "URL" } else { &address };
    Err(Error::new(Kind::BranchGone, message)
        .with(Payload::Reason { reason: "removed_remote" })
        .hint(command!["git remote add", origin, address])
        .hint(command!["git config aitask.remote ."].note("begins anew, with locks that nobody else sees")))
}

impl LostBranch {
    /// The former address of the remote, where that is another repository than the present one.
    pub(crate) fn moved_from(&self) -> Option<&str> {
        self.moved_from.as_deref()
    }
}

impl Ledger<'_> {
    fn file_of_known(&self, branch: &Branch) -> Option<PathBuf> {
        file(self.repository, &self.channel, branch)
    }

    /// Reads the last known tip.
    pub(super) fn load_known(&self, branch: &Branch) -> Option<KnownTip> {
        load(self.repository, &self.channel, branch)
    }

    /// The address of the remote, without its password, since it is written to a file.
    fn address(&self) -> String {
        let url = self.channel.remote().and_then(|remote| remote::url(self.repository, remote));
        url.map(masked).unwrap_or_default()
    }

    /// Whether the remote was another repository when the known tip of the branch was recorded.
    pub(crate) fn has_moved(&self, branch: &Branch) -> bool {
        self.load_known(branch).is_some_and(|known| self.is_elsewhere(&known.address))
    }

    fn is_elsewhere(&self, address: &str) -> bool {
        destination::relation(self.repository, address, &self.address()) == AddressRelation::Different
    }

    /// Records the published tip of a branch. Best effort: without the record only a restore has less to work with.
    pub(super) fn remember(&self, branch: &Branch, commit: &Oid) {
        let Some(name) = name(&self.channel, branch) else { return };
        let noted = KnownTipRecord { commit: commit.to_string(), address: self.address() };
        let _ = self.repository.records().note(RecordKind::Known, &name, &noted);
    }

    /// Records what this process has published, unless another one of this clone has recorded what came after it. At most
    /// one process.
    pub(super) fn remember_pushed(&self, branch: &Branch, old: Option<&Oid>, new: &Oid) {
        let is_newer =
            |known: &Oid| Some(known) != old && known != new && self.refs.is_ancestor(new, known).unwrap_or(false);
        if !self.load_known(branch).is_some_and(|known| is_newer(&known.last)) {
            self.remember(branch, new);
        }
    }

    /// Notes that another clone has pushed. Best effort: it saves a connection at most.
    fn note_others(&self) {
        let Channel::Remote(remote) = &self.channel else { return };
        if self.dry_run {
            return;
        }
        let seen = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let _ =
            self.repository.records().note(RecordKind::OthersPush, &record_name(remote), &OthersPushRecord { seen });
    }

    /// Whether this clone has seen a push of another one within [`LATELY`], and forgets that. A decision on the tips that
    /// it knows would then often be for nothing: push, fetch, push, where fetch and push do. No process.
    pub(super) fn forget_recent_push_of_others(&self) -> bool {
        let Channel::Remote(remote) = &self.channel else { return false };
        if self.dry_run {
            return false;
        }
        let (records, name) = (self.repository.records(), record_name(remote));
        let Some(OthersPushRecord { seen }) = records.load(RecordKind::OthersPush, &name) else { return false };
        let age = UNIX_EPOCH.checked_add(Duration::from_secs(seen)).and_then(|seen| seen.elapsed().ok());
        records.forget(RecordKind::OthersPush, &name).is_ok() && age.is_some_and(|age| age <= LATELY)
    }

    /// Records the published tip of a branch, and returns the error for a branch that is gone, unless `local` contains
    /// all that this clone knew of it: then publishing `local` restores it.
    pub(crate) fn lost(&self, branch: &Branch, published: Option<&Oid>, local: Option<&Oid>) -> Result<Option<Error>> {
        let TipState::Gone(gone) = self.tip_state(branch, published, self.load_known(branch), true)? else {
            return Ok(None);
        };
        let is_kept = match (&gone.newest, local) {
            (Some(newest), Some(local)) => self.refs.is_ancestor(newest, local)?,
            _ => false,
        };
        Ok(if is_kept { None } else { self.gone_error(std::iter::once((branch, &gone))) })
    }

    /// Compares the published tip of a branch with the last known one, and records it where it `notes` what it finds; what
    /// only reads does not. No process where they are the same.
    ///
    /// An unrelated history is accepted, since somebody may have compacted the branch; locks that it lacks are
    /// reported. An older state that lacks something is not recorded, and the newer commit is kept: this clone may be
    /// the only one that still has it.
    pub(super) fn tip_state(
        &self,
        branch: &Branch,
        published: Option<&Oid>,
        known: Option<KnownTip>,
        notes: bool,
    ) -> Result<TipState> {
        match (published, known) {
            (None, Some(KnownTip { last, address })) => Ok(TipState::Gone(self.gone(branch, last, address, notes)?)),
            (None, None) => Ok(match self.kept_by_fetch(branch)? {
                Some(fetched) => TipState::Gone(self.gone(branch, fetched, self.address(), notes)?),
                None => TipState::Current,
            }),
            (Some(tip), Some(known)) if known.last == *tip => Ok(TipState::Current),
            (Some(tip), known) => {
                let is_known = known.is_some();
                let set_back = known.map(|known| self.set_back(branch, known.last, tip)).transpose()?.flatten();
                match &set_back {
                    Some(set_back) if notes => self.keep(branch, &set_back.newer),
                    None if notes => {
                        self.remember(branch, tip);
                        if is_known {
                            self.note_others();
                        }
                    }
                    _ => {}
                }
                Ok(set_back.map_or(TipState::Current, TipState::SetBack))
            }
        }
    }

    /// The ref that keeps the objects of a coordination branch; none for other branches.
    fn ref_of_known(&self, branch: &Branch) -> Option<RefName> {
        self.file_of_known(branch)?;
        RefName::parse(&remote::known(self.channel.remote()?, branch))
    }

    /// The commit of a branch that the last fetch of this program kept. At most one process.
    fn kept_by_fetch(&self, branch: &Branch) -> Result<Option<Oid>> {
        let kept = self.ref_of_known(branch);
        kept.map_or(Ok(None), |kept| Ok(self.refs.tips(std::slice::from_ref(&kept))?.remove(&kept)))
    }

    /// What the published tip lacks, where it is an older state than the known one or continues an older state; `None`
    /// where it is the current state.
    ///
    /// The lock branch counts as set back only where a lock was lost by it. Locks that an unrelated history lacks are
    /// reported.
    fn set_back(&self, branch: &Branch, newer: Oid, tip: &Oid) -> Result<Option<SetBack>> {
        // A known commit whose objects are gone can neither be compared nor restored, so the published tip counts.
        if self.refs.is_ancestor(&newer, tip).unwrap_or(true) {
            return Ok(None);
        }
        let parted = self.refs.base(&newer, tip)?;
        if parted.as_ref() != Some(tip) && branch.as_str() != LOCKS {
            return Ok(None);
        }
        let commits = [Some(&newer), Some(tip), parted.as_ref()].into_iter().flatten();
        let roots = self.refs.objects(&commits.map(|commit| format!("{commit}:")).collect::<Vec<_>>())?;
        let [Some(before), Some(now), common @ ..] = roots.as_slice() else { return Ok(None) };
        if branch.as_str() != LOCKS {
            return Ok((before.oid != now.oid).then(|| SetBack { newer, lost: Vec::new() }));
        }
        let [before, now] = [(self.lock_format.entries)(before)?, (self.lock_format.entries)(now)?];
        let is_held = |about: &String| now.iter().any(|other| other.about == *about);
        let mut lost: Vec<_> = before.into_iter().filter(|entry| !now.contains(entry)).collect();
        // A history that continues from an older state may have released a lock of that state; only locks taken after
        // it are lost.
        if let (Some(parted), [Some(common)]) = (&parted, common)
            && parted != tip
        {
            let common = (self.lock_format.entries)(common)?;
            lost.retain(|entry| !is_held(&entry.about) && !common.contains(entry));
        }
        let mut lost: Vec<_> = lost.into_iter().map(|entry| entry.about).collect();
        if parted.is_some() {
            return Ok((!lost.is_empty()).then_some(SetBack { newer, lost }));
        }
        lost.retain(|about| !is_held(about));
        if let (false, Some(remote)) = (lost.is_empty(), self.channel.remote()) {
            (self.progress)(&format!(
                "the branch {branch} on {remote} has another history than this clone knew at {newer}, and lacks the locks of {}",
                lost.join(", ")
            ));
        }
        Ok(None)
    }

    /// Keeps git from removing a commit of a branch. Best effort: git keeps unreferenced objects for two weeks anyway.
    fn keep(&self, branch: &Branch, commit: &Oid) {
        if let Some(kept) = self.ref_of_known(branch) {
            let _ = self.refs.follow(&[(kept, commit)]);
        }
    }

    /// Finds the commit that can be restored, and keeps git from removing it, unless it `notes` nothing. Two processes, or three.
    fn gone(&self, branch: &Branch, last: Oid, address: String, notes: bool) -> Result<LostBranch> {
        let fetched = self.kept_by_fetch(branch)?;
        let is_here = self.refs.object(last.as_str())?.is_some();
        let newest = match fetched {
            Some(fetched) if fetched == last || !is_here => Some(fetched),
            Some(fetched) if self.refs.is_ancestor(&last, &fetched)? => Some(fetched),
            _ => is_here.then(|| last.clone()),
        };
        if let Some(newest) = newest.as_ref().filter(|_| notes) {
            self.keep(branch, newest);
        }
        Ok(LostBranch { last, newest, moved_from: Some(address).filter(|then| self.is_elsewhere(then)) })
    }

    /// The error for a branch that was set back.
    pub(super) fn set_back_error(&self, branch: &Branch, set_back: &SetBack) -> Error {
        let SetBack { newer, lost } = set_back;
        let error = Error::new(Kind::BranchGone, self.set_back_message(branch, set_back))
            .hint(command!["git aitask init"].note("restores the newer state"))
            .with(Payload::Lost { branches: vec![branch.to_string()], commit: newer.to_string() });
        let Some(file) = self.file_of_known(branch) else { return error };
        let without = if lost.is_empty() { "" } else { ", without those locks" };
        error.hint(command!["rm", file.display()].note(format!("accepts the older state{without}")))
    }

    /// The message about a branch that was set back.
    pub(super) fn set_back_message(&self, branch: &Branch, set_back: &SetBack) -> String {
        let SetBack { newer, lost } = set_back;
        let remote = self.channel.remote().map_or("the remote", RemoteName::as_str);
        let lacks =
            if lost.is_empty() { String::new() } else { format!(", and lacks the locks of {}", lost.join(", ")) };
        format!("the branch {branch} on {remote} was set back to an older state than this clone knew ({newer}){lacks}")
    }

    /// The error for branches that are gone.
    pub(super) fn gone_error<'g>(&self, gone: impl Iterator<Item = (&'g Branch, &'g LostBranch)>) -> Option<Error> {
        let Channel::Remote(remote) = &self.channel else { return None };
        let gone: Vec<_> = gone.collect();
        let (first, what) = gone.first()?;
        let known = gone.iter().map(|(branch, gone)| {
            let lost = if gone.newest.is_none() { ", which is not in this clone any more" } else { "" };
            format!("{branch} at {}{lost}", gone.newest.as_ref().unwrap_or(&gone.last))
        });
        let known = known.collect::<Vec<_>>().join(" and ");
        let moved = what.moved_from.as_ref().map_or_else(String::new, |from| {
            let to = self.address();
            format!(" (its address was {from} then, and is {to} now)")
        });
        let is = if gone.len() == 1 { format!("branch {first} is") } else { "coordination branches are".to_owned() };
        let message = format!("the {is} gone from {remote}{moved}; this clone knew {known}");
        let names: Vec<_> = gone.iter().map(|(branch, _)| branch.to_string()).collect();
        let note = if gone.iter().all(|(_, gone)| gone.newest.is_some()) {
            "restores it as this clone knew it"
        } else {
            "in a clone that still has it; here it would start empty"
        };
        let lost = Payload::Lost { branches: names, commit: what.newest.as_ref().unwrap_or(&what.last).to_string() };
        Some(Error::new(Kind::BranchGone, message).hint(command!["git aitask init"].note(note)).with(lost))
    }
}
