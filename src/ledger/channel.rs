//! Where the coordination branches are published: on a remote, or, where there is none, in this repository.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, RefName, RemoteName, Repository, remote};

/// Where the branches are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Channel {
    /// On a remote.
    Remote(RemoteName),
    /// In this repository, which has no remote.
    Local,
}

impl Channel {
    /// The channel of a repository: the named remote (`.` means no remote), else `origin`, else this repository.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the named remote is not configured; or when none was named, there is no `origin`, and another
    /// remote is configured: that one may carry the locks, and a clone that ignored them would take held tasks.
    pub(crate) fn of(repository: &Repository, named: Option<&str>) -> Result<Self> {
        if named == Some(".") {
            return Ok(Self::Local);
        }
        let channel = Self::of_script(repository, named)?;
        match (named, channel, remote::names(repository).first()) {
            (None, Self::Local, Some(name)) => Err(Error::new(
                Kind::Usage,
                format!("no remote is named origin, and {name} may have the coordination branches"),
            )
            .hint(command!["git config aitask.remote", name])
            .hint(
                command!["git config aitask.remote ."].note("use no remote: coordinate within this repository only"),
            )),
            (_, channel, _) => Ok(channel),
        }
    }

    /// [`Channel::of`] by the rule of the scripts, which know the remote `origin` or none.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the named remote is not configured.
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

    /// The ref of this repository that holds the published tip of a branch.
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
