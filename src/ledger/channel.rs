//! Where the coordination branches are published: on a remote, or in this repository alone.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefName, RemoteName, Repository, remote};

/// Where the swaps happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Channel {
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
    pub(crate) fn of(repository: &Repository, named: Option<&str>) -> Result<Self> {
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

    /// The same as the scripts see it, for whom there is a remote of that name or none.
    ///
    /// # Errors
    /// [`Kind::Usage`] when a remote was named that is not configured.
    pub(crate) fn of_script(repository: &Repository, named: Option<&str>) -> Result<Self> {
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
    pub(crate) fn published(&self, branch: &Branch) -> RefName {
        match self {
            Self::Remote(remote) => branch.tracking(remote),
            Self::Local => branch.full(),
        }
    }

    /// The remote, if there is one.
    pub(crate) fn remote(&self) -> Option<&RemoteName> {
        match self {
            Self::Remote(remote) => Some(remote),
            Self::Local => None,
        }
    }
}
