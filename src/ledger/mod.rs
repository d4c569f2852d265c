//! The coordination branches as a database: read a [`View`], decide on a [`Plan`], build its commits without a
//! checkout, publish them all in one compare-and-swap, and decide again if a tip really moved.

pub mod align;
pub mod backoff;
pub mod checkouts;
mod fence;
pub mod known;
mod look;
pub mod publish;
pub mod queue;
mod refusal;
mod stage;
pub mod transaction;
mod unheard;
pub mod view;

pub use crate::git::objects::Edit;
pub use fence::FENCE;
pub use transaction::{Decision, Landed, Plan};
pub use view::View;

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefName, RemoteName, Repository, registry, remote};
use std::path::PathBuf;
use std::time::Duration;

/// The branch of locks (specification 10, section 1.1).
pub const LOCKS: &str = "aitask-locks";
/// The branch of the id counter (specification 10, section 1.2).
pub const IDS: &str = "aitask-ids";
/// The branch of the task data, where it has one of its own (specification 40, section 2).
pub const DATA: &str = "aitask-data";

/// Where the swaps happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// On a remote.
    Remote(RemoteName),
    /// In this repository alone, for want of a remote.
    Local,
}

impl Channel {
    /// The channel of a repository: the remote that was named (`.` is none), else `origin`, else none.
    ///
    /// # Errors
    /// [`Kind::Usage`] when a remote was named that is not configured, or none was and there are others than `origin`:
    /// who coordinates by himself beside them would take tasks twice.
    pub fn of(repository: &Repository, named: Option<&str>) -> Result<Self> {
        if named == Some(".") {
            return Ok(Self::Local);
        }
        let channel = Self::of_script(repository, named)?;
        match (named, channel, remote::names(repository).first()) {
            (None, Self::Local, Some(name)) => Err(Error::new(
                Kind::Usage,
                format!("no remote is named origin, and {name} may be the one that coordinates"),
            )
            .hint(command!["git config aitask.remote", name])
            .hint(command!["git config aitask.remote ."].note("no remote: coordinate on this machine alone"))),
            (_, channel, _) => Ok(channel),
        }
    }

    /// The same as the scripts see it, for whom there is a remote of that name or none (specification 10, section 0).
    ///
    /// # Errors
    /// [`Kind::Usage`] when a remote was named that is not configured.
    pub fn of_script(repository: &Repository, named: Option<&str>) -> Result<Self> {
        let remote = RemoteName::parse(named.unwrap_or("origin"))?;
        match (remote::url(repository, &remote), named) {
            (Some(_), _) => Ok(Self::Remote(remote)),
            (None, None) => Ok(Self::Local),
            (None, Some(name)) => {
                Err(Error::new(Kind::Usage, format!("no remote is named {name:?}")).hint("git remote -v"))
            }
        }
    }

    /// Where a branch is published, as this repository knows it.
    #[must_use]
    pub(crate) fn published(&self, branch: &Branch) -> RefName {
        match self {
            Self::Remote(remote) => branch.tracking(remote),
            Self::Local => branch.full(),
        }
    }

    /// The remote, if there is one.
    #[must_use]
    pub fn remote(&self) -> Option<&RemoteName> {
        match self {
            Self::Remote(remote) => Some(remote),
            Self::Local => None,
        }
    }
}

/// The ledger of a repository.
#[derive(Debug, Clone)]
pub struct Ledger<'r> {
    /// The repository.
    pub repository: &'r Repository,
    /// Where its swaps happen.
    pub channel: Channel,
    /// Limit of the whole network part.
    pub timeout: Duration,
    /// The branch that holds nothing but task data, when there is one: commits that only this clone has are
    /// published along with ours. On a code branch they are the user's to push.
    pub own: Option<Branch>,
    /// Leave local branches and checkouts where they are.
    pub still: bool,
    /// This command makes or puts back branches that are missing; others refuse then.
    pub repairs: bool,
    /// Build and show, but publish nothing.
    pub dry_run: bool,
    /// Where narration goes, line by line.
    pub narrate: fn(&str),
}

impl Ledger<'_> {
    /// The branch of locks.
    pub fn locks_branch() -> Result<Branch> {
        Branch::parse(LOCKS)
    }

    /// The branch of the id counter.
    pub fn ids_branch() -> Result<Branch> {
        Branch::parse(IDS)
    }

    /// The data branch, where these branches are a code branch with task data: it may have moved since.
    fn overlooked(&self, branches: &[Branch]) -> Result<Option<Branch>> {
        // Readers have it as their own, too.
        let on_code = (self.own.is_none() || self.dry_run)
            && branches.iter().any(|branch| !branch.as_str().starts_with("aitask-"));
        let data = Branch::parse(DATA)?;
        Ok((on_code && !branches.contains(&data)).then_some(data))
    }

    /// Where `branch` is checked out; no process for the two places it usually is.
    pub fn checkout_of(&self, branch: &Branch) -> Result<Option<PathBuf>> {
        let repository = self.repository;
        if repository.root_branch.as_ref() == Some(branch) {
            return Ok(Some(repository.root.clone()));
        }
        let data = repository.root.join(".aitask-data");
        if branch.as_str() == DATA && registry::has_checked_out(&data, branch) {
            return Ok(Some(data));
        }
        if matches!(branch.as_str(), LOCKS | IDS) {
            return Ok(None);
        }
        Ok(repository.worktree_of(branch)?.map(|record| record.path))
    }
}

/// Some bytes that nobody else has: 16 of them, in hexadecimal.
pub fn nonce() -> Result<String> {
    Ok(format!("{:032x}", u128::from_le_bytes(random()?)))
}

/// Bytes from the system's random source.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::new(Kind::Io, format!("the system gives no random bytes: {error}")))?;
    }
    Ok(bytes)
}
