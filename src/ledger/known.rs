//! What this clone knew last of the coordination branches on the remote. It is kept outside of `refs/remotes`, where every
//! `git fetch --prune` removes what the remote does not have any more: in a file of ours for each branch, and, so that
//! git keeps the objects, in the refs that [`remote::fetch`] brings along.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::read_own;
use crate::files::records::RecordKind;
use crate::git::address::{Relation, masked};
use crate::git::{Branch, Oid, RefName, RemoteName, Repository, destination, refs, remote};
use crate::ledger::{Channel, DATA, IDS, LOCKS, Ledger};
use std::path::PathBuf;

/// A branch that this clone knew, and that the remote does not have any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostBranch {
    /// The commit it was at, as far as this clone knows.
    pub(crate) last: Oid,
    /// The newest known commit whose objects are still here.
    pub(crate) newest: Option<Oid>,
    /// The address of the remote then, where it has another one now.
    moved_from: Option<String>,
}

/// What a published tip says beside what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TipState {
    /// It is what counts.
    Current,
    /// It is an older state of what this clone knew, with other content, or goes on from one.
    SetBack(SetBack),
    /// The branch is gone.
    Gone(LostBranch),
}

/// What this clone knows of a branch that was set back to an older state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetBack {
    /// The commit it was at.
    pub(crate) newer: Oid,
    /// What the locks there are about that the branch lacks now.
    pub(crate) lost: Vec<String>,
}

/// What was noted of a branch.
#[derive(Debug)]
pub(super) struct KnownTip {
    /// The commit that it was at.
    last: Oid,
    /// The address of the remote then.
    address: String,
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

/// Whether this clone ever knew a branch of the remote. No process.
pub(crate) fn is_known(repository: &Repository, channel: &Channel, branch: &Branch) -> bool {
    file(repository, channel, branch).is_some_and(|file| file.exists())
}

impl LostBranch {
    /// The address that the remote had then, where that is not the repository it leads to now.
    pub(crate) fn moved_from(&self) -> Option<&str> {
        self.moved_from.as_deref()
    }
}

impl Ledger<'_> {
    fn file_of_known(&self, branch: &Branch) -> Option<PathBuf> {
        file(self.repository, &self.channel, branch)
    }

    /// What was noted.
    pub(super) fn load_known(&self, branch: &Branch) -> Option<KnownTip> {
        let name = name(&self.channel, branch)?;
        if let Some(KnownTipRecord { commit, address }) = self.repository.records().load(RecordKind::Known, &name) {
            return Some(KnownTip { last: Oid::parse(&commit)?, address });
        }
        // A line each, as it was before records had a format.
        let text = String::from_utf8(read_own(&self.file_of_known(branch)?).ok()?).ok()?;
        let mut lines = text.lines();
        Some(KnownTip { last: Oid::parse(lines.next()?)?, address: lines.next().unwrap_or_default().to_owned() })
    }

    /// The address of the remote, without a password: it is kept in a file.
    fn address(&self) -> String {
        let url = self.channel.remote().and_then(|remote| remote::url(self.repository, remote));
        url.map(masked).unwrap_or_default()
    }

    /// Whether the remote led to another repository when this clone noted the branch.
    pub(crate) fn has_moved(&self, branch: &Branch) -> bool {
        self.load_known(branch).is_some_and(|known| self.is_elsewhere(&known.address))
    }

    fn is_elsewhere(&self, address: &str) -> bool {
        destination::relation(self.repository, address, &self.address()) == Relation::Different
    }

    /// Notes where a branch is published. Best effort: without it, this clone has less to put back.
    pub(super) fn remember(&self, branch: &Branch, commit: &Oid) {
        let Some(name) = name(&self.channel, branch) else { return };
        let noted = KnownTipRecord { commit: commit.to_string(), address: self.address() };
        let _ = self.repository.records().note(RecordKind::Known, &name, &noted);
    }

    /// Notes where a branch is published, and gives the error for one that is gone, unless `local` has all that this clone
    /// knew of it: publishing that puts it back.
    pub(crate) fn lost(&self, branch: &Branch, published: Option<&Oid>, local: Option<&Oid>) -> Result<Option<Error>> {
        let TipState::Gone(gone) = self.standing(branch, published, self.load_known(branch))? else { return Ok(None) };
        let is_kept = match (&gone.newest, local) {
            (Some(newest), Some(local)) => self.refs.is_ancestor(newest, local)?,
            _ => false,
        };
        Ok(if is_kept { None } else { self.gone_error(std::iter::once((branch, &gone))) })
    }

    /// Compares the published tip of a branch with what was known of it, and notes it. No process where it is the same.
    ///
    /// Another history is accepted, such as one that was compacted; locks that it lacks are said. An older state that lacks
    /// something is not noted, and what was known is kept although a fetch brought the older one: nobody else may have it.
    pub(super) fn standing(
        &self,
        branch: &Branch,
        published: Option<&Oid>,
        known: Option<KnownTip>,
    ) -> Result<TipState> {
        match (published, known) {
            (None, Some(KnownTip { last, address })) => Ok(TipState::Gone(self.gone(branch, last, address)?)),
            (None, None) => Ok(match self.kept_by_fetch(branch)? {
                Some(fetched) => TipState::Gone(self.gone(branch, fetched, self.address())?),
                None => TipState::Current,
            }),
            (Some(tip), Some(known)) if known.last == *tip => Ok(TipState::Current),
            (Some(tip), known) => {
                let set_back = known.map(|known| self.set_back(branch, known.last, tip)).transpose()?.flatten();
                let Some(set_back) = set_back else {
                    self.remember(branch, tip);
                    return Ok(TipState::Current);
                };
                self.keep(branch, &set_back.newer);
                Ok(TipState::SetBack(set_back))
            }
        }
    }

    /// The ref that keeps what fetches brought, for the branches that are looked after here.
    fn ref_of_known(&self, branch: &Branch) -> Option<RefName> {
        self.file_of_known(branch)?;
        RefName::parse(&remote::known(self.channel.remote()?, branch))
    }

    /// What the last fetch of ours brought of a branch. No process where there certainly is nothing.
    fn kept_by_fetch(&self, branch: &Branch) -> Result<Option<Oid>> {
        match self.ref_of_known(branch) {
            Some(kept) if refs::may_exist(self.repository, &kept) => {
                Ok(self.refs.tips(std::slice::from_ref(&kept))?.remove(&kept))
            }
            _ => Ok(None),
        }
    }

    /// What a published tip lacks, where it is an older state of what was known, or goes on from one; `None` where it counts.
    ///
    /// The lock branch was set back only where that loses a lock. Of another history, the locks that it lacks are said.
    fn set_back(&self, branch: &Branch, newer: Oid, tip: &Oid) -> Result<Option<SetBack>> {
        // What is not here any more is no ancestor of anything.
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
        // What goes on from an older state may have given up a lock of that state.
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

    /// Keeps git from removing a commit of a branch. Best effort: it keeps objects for weeks without a ref.
    fn keep(&self, branch: &Branch, commit: &Oid) {
        if let Some(kept) = self.ref_of_known(branch) {
            let _ = self.refs.follow(&[(kept, commit)]);
        }
    }

    /// Looks up what can be put back, and keeps git from removing it. Two processes, or three.
    fn gone(&self, branch: &Branch, last: Oid, address: String) -> Result<LostBranch> {
        let fetched = self.kept_by_fetch(branch)?;
        let is_here = self.refs.object(last.as_str())?.is_some();
        let newest = match fetched {
            Some(fetched) if fetched == last || !is_here => Some(fetched),
            Some(fetched) if self.refs.is_ancestor(&last, &fetched)? => Some(fetched),
            _ => is_here.then(|| last.clone()),
        };
        if let Some(newest) = &newest {
            self.keep(branch, newest);
        }
        Ok(LostBranch { last, newest, moved_from: Some(address).filter(|then| self.is_elsewhere(then)) })
    }

    /// The error for a branch that was set back.
    pub(super) fn set_back_error(&self, branch: &Branch, set_back: &SetBack) -> Error {
        let SetBack { newer, lost } = set_back;
        let error = Error::new(Kind::BranchGone, self.set_back_message(branch, set_back))
            .hint(command!["git aitask init"].note("brings it forward again"))
            .with(Payload::Lost { branches: vec![branch.to_string()], commit: newer.to_string() });
        let Some(file) = self.file_of_known(branch) else { return error };
        let without = if lost.is_empty() { "" } else { ", without those locks" };
        error.hint(command!["rm", file.display()].note(format!("takes the older state{without}")))
    }

    /// What happened to a branch that was set back.
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
            "puts it back as this clone knew it"
        } else {
            "in a clone that still has it; here it would begin anew"
        };
        let lost = Payload::Lost { branches: names, commit: what.newest.as_ref().unwrap_or(&what.last).to_string() };
        Some(Error::new(Kind::BranchGone, message).hint(command!["git aitask init"].note(note)).with(lost))
    }
}
