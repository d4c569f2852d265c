//! What this clone knew last of the coordination branches on the remote. It is kept outside of `refs/remotes`, where every
//! `git fetch --prune` removes what the remote does not have any more: in a file of ours for each branch, and, so that
//! git keeps the objects, in the refs that [`remote::fetch`](crate::git::remote::fetch) brings along.

use crate::error::{Error, Kind, Result};
use crate::files::{read_own, save_private};
use crate::git::address::{Relation, masked};
use crate::git::{Branch, Oid, RefName, Repository, destination, merge, objects, refs, remote};
use crate::ledger::{Channel, DATA, IDS, LOCKS, Ledger, LockEntry};
use crate::task::TaskId;
use std::path::PathBuf;

/// A branch that this clone knew, and that the remote does not have any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The commit it was at, as far as this clone knows.
    pub last: Oid,
    /// The newest known commit whose objects are still here.
    pub newest: Option<Oid>,
    /// The address of the remote then, where it has another one now.
    moved_from: Option<String>,
}

/// What a published tip says beside what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is what counts.
    Current,
    /// It is an older state of what this clone knew, with other content.
    SetBack(Oid),
    /// The branch is gone.
    Gone(Gone),
}

/// Where the knowledge of a branch is kept: the commit, and the address of the remote, a line each.
fn file(repository: &Repository, channel: &Channel, branch: &Branch) -> Option<PathBuf> {
    let remote = channel.remote().filter(|_| matches!(branch.as_str(), LOCKS | IDS | DATA))?;
    let folder = format!("aitask/known/{}", remote.as_str().replace('/', "%2F"));
    Some(repository.common_dir.join(folder).join(branch.as_str()))
}

/// Whether this clone ever knew a branch of the remote. No process.
#[must_use]
pub fn is_known(repository: &Repository, channel: &Channel, branch: &Branch) -> bool {
    file(repository, channel, branch).is_some_and(|file| file.exists())
}

impl Gone {
    /// The address that the remote had then, where that is not the repository it leads to now.
    #[must_use]
    pub fn moved_from(&self) -> Option<&str> {
        self.moved_from.as_deref()
    }
}

impl Ledger<'_> {
    fn file_of_known(&self, branch: &Branch) -> Option<PathBuf> {
        file(self.repository, &self.channel, branch)
    }

    /// The commit and the address, as they were noted.
    fn load_known(&self, branch: &Branch) -> Option<(Oid, String)> {
        let text = String::from_utf8(read_own(&self.file_of_known(branch)?).ok()?).ok()?;
        let mut lines = text.lines();
        Some((Oid::parse(lines.next()?)?, lines.next().unwrap_or_default().to_owned()))
    }

    /// The address of the remote, without a password: it is kept in a file.
    fn address(&self) -> String {
        let url = self.channel.remote().and_then(|remote| remote::url(self.repository, remote));
        url.map(masked).unwrap_or_default()
    }

    /// Whether the remote led to another repository when this clone noted the branch.
    #[must_use]
    pub fn has_moved(&self, branch: &Branch) -> bool {
        self.load_known(branch).is_some_and(|(_, then)| self.is_elsewhere(&then))
    }

    fn is_elsewhere(&self, address: &str) -> bool {
        destination::relation(self.repository, address, &self.address()) == Relation::Different
    }

    /// Notes where a branch is published. Best effort: without it, this clone has less to put back.
    pub(super) fn remember(&self, branch: &Branch, commit: &Oid) {
        let Some(path) = self.file_of_known(branch) else { return };
        let _ = save_private(&path, format!("{commit}\n{}\n", self.address()).as_bytes());
    }

    /// Notes where a branch is published, and gives the error for one that is gone, unless `local` has all that this clone
    /// knew of it: publishing that puts it back.
    pub fn lost(&self, branch: &Branch, published: Option<&Oid>, local: Option<&Oid>) -> Result<Option<Error>> {
        let Standing::Gone(gone) = self.standing(branch, published)? else { return Ok(None) };
        let is_kept = match (&gone.newest, local) {
            (Some(newest), Some(local)) => merge::is_ancestor(self.repository, newest, local)?,
            _ => false,
        };
        Ok(if is_kept { None } else { self.gone_error(std::iter::once((branch, &gone))) })
    }

    /// Compares the published tip of a branch with what was known of it, and notes it. No process where it is the same.
    ///
    /// Another history is accepted, such as one that was compacted; locks that it lacks are said. An older state is not
    /// noted: this clone still knows the newer one.
    pub(super) fn standing(&self, branch: &Branch, published: Option<&Oid>) -> Result<Standing> {
        let known = self.load_known(branch);
        match (published, known) {
            (None, Some((last, address))) => Ok(Standing::Gone(self.gone(branch, last, address)?)),
            (None, None) => Ok(match self.kept_by_fetch(branch)? {
                Some(fetched) => Standing::Gone(self.gone(branch, fetched, self.address())?),
                None => Standing::Current,
            }),
            (Some(tip), Some((last, _))) if last == *tip => Ok(Standing::Current),
            (Some(tip), Some((last, _))) if self.is_set_back(branch, &last, tip)? => Ok(Standing::SetBack(last)),
            (Some(tip), _) => {
                self.remember(branch, tip);
                Ok(Standing::Current)
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
                Ok(refs::load(self.repository, std::slice::from_ref(&kept))?.remove(&kept))
            }
            _ => Ok(None),
        }
    }

    /// Whether a published tip is an older state with other content. Of another history, the locks that it lacks are said.
    fn is_set_back(&self, branch: &Branch, last: &Oid, tip: &Oid) -> Result<bool> {
        let repository = self.repository;
        // What is not here any more is no ancestor of anything.
        if merge::is_ancestor(repository, last, tip).unwrap_or(true) {
            return Ok(false);
        }
        let is_older = merge::is_ancestor(repository, tip, last).unwrap_or(false);
        if !is_older && branch.as_str() != LOCKS {
            return Ok(false);
        }
        let roots = objects::load(repository, &[format!("{last}:"), format!("{tip}:")])?;
        let [Some(before), Some(now)] = roots.as_slice() else { return Ok(false) };
        if is_older {
            return Ok(before.oid != now.oid);
        }
        let (before, now) = (objects::names_in(before)?, objects::names_in(now)?);
        let missing = before.iter().filter(|name| !now.contains(name)).filter_map(|name| LockEntry::task_of(name));
        let missing: Vec<_> = missing.map(TaskId::t).collect();
        if let (false, Some(remote)) = (missing.is_empty(), self.channel.remote()) {
            (self.narrate)(&format!(
                "the branch {branch} on {remote} has another history than this clone knew at {last}, and lacks the locks of {}",
                missing.join(", ")
            ));
        }
        Ok(false)
    }

    /// Looks up what can be put back, and keeps git from removing it. Two processes, or three.
    fn gone(&self, branch: &Branch, last: Oid, address: String) -> Result<Gone> {
        let repository = self.repository;
        let fetched = self.kept_by_fetch(branch)?;
        let is_here = objects::load(repository, &[last.to_string()])?.pop().flatten().is_some();
        let newest = match fetched {
            Some(fetched) if fetched == last || !is_here => Some(fetched),
            Some(fetched) if merge::is_ancestor(repository, &last, &fetched)? => Some(fetched),
            _ => is_here.then(|| last.clone()),
        };
        if let (Some(kept), Some(newest)) = (self.ref_of_known(branch), &newest) {
            // Best effort: git keeps objects for weeks without a ref.
            let _ = refs::follow(repository, &[(kept, newest)]);
        }
        Ok(Gone { last, newest, moved_from: Some(address).filter(|then| self.is_elsewhere(then)) })
    }

    /// The error for branches that are gone.
    pub(super) fn gone_error<'g>(&self, gone: impl Iterator<Item = (&'g Branch, &'g Gone)>) -> Option<Error> {
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
        let hint = if gone.iter().all(|(_, gone)| gone.newest.is_some()) {
            "git aitask init   # puts it back as this clone knew it"
        } else {
            "git aitask init   # in a clone that still has it; here it would begin anew"
        };
        Some(
            Error::new(Kind::BranchGone, message)
                .hint(hint)
                .detail("branches", names)
                .detail("commit", what.newest.as_ref().unwrap_or(&what.last).as_str()),
        )
    }
}
