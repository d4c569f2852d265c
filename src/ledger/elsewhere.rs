//! Other sets of coordination branches than the one of the channel: on another remote, or in this repository from the
//! time before it had a remote. Two sets would let two people hold one task, so each case is an error that names the
//! command.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::address::masked;
use crate::git::{Branch, Oid, RefName, RemoteName, destination, remote};
use crate::ledger::found::unreadable;
use crate::ledger::view::{Tip, View};
use crate::ledger::{IDS, LOCKS, Ledger};

impl Ledger<'_> {
    /// The configured remotes with another address than the channel's.
    fn others(&self) -> Vec<RemoteName> {
        let repository = self.repository;
        let ours = self.channel.remote().and_then(|ours| remote::url(repository, ours));
        let names = remote::names(repository).into_iter().filter_map(|name| RemoteName::parse(name).ok());
        names.filter(|name| ours.is_some() && remote::url(repository, name) != ours).collect()
    }

    /// Whether a remote with another address is configured.
    pub(crate) fn has_other_remotes(&self) -> bool {
        !self.others().is_empty()
    }

    /// A remote with another address that has coordination branches, by the remote-tracking refs. No process where
    /// there is no such remote.
    pub(crate) fn other_remote_with_branches(&self) -> Result<Option<RemoteName>> {
        let others = self.others();
        if others.is_empty() {
            return Ok(None);
        }
        let (locks, ids) = (Self::locks_branch()?, Self::ids_branch()?);
        let tracking = |name: &RemoteName| [locks.tracking(name), ids.tracking(name)];
        let names: Vec<RefName> = others.iter().flat_map(tracking).collect();
        let known = self.refs.tips(&names)?;
        Ok(others.into_iter().find(|name| tracking(name).iter().any(|branch| known.contains_key(branch))))
    }

    /// Refuses to create coordination branches while another remote, or the `former` address of this one, has some.
    /// Remotes that were never fetched are queried.
    ///
    /// # Errors
    /// [`Kind::Usage`] when one has; [`Kind::Unreachable`] when one cannot be asked.
    pub(crate) fn require_no_other_branches(&self, former: Option<&str>) -> Result<()> {
        let Some(ours) = self.channel.remote() else { return Ok(()) };
        let all_the_same = command!["git aitask init --remote", ours].note("creates a second set there anyway");
        let found = |other: &str, hint: Hint| {
            let message = format!(
                "{ours} has no coordination branches, and {other} has: with a second set, two people can hold one task"
            );
            Err(Error::new(Kind::Usage, message).hint(hint).hint(all_the_same.clone()))
        };
        let has_some = |other: &str, address: &str| {
            let asked = destination::coordination_branches(self.repository, address, self.timeout);
            let branches = asked.map_err(|error| {
                let message = format!("cannot tell whether {other} has coordination branches: {error}");
                Error::new(error.kind(), message)
                    .hint(command!["git ls-remote", masked(address)])
                    .hint(all_the_same.clone())
            })?;
            Ok::<_, Error>([LOCKS, IDS].iter().any(|branch| branches.contains_key(&format!("refs/heads/{branch}"))))
        };
        let use_it = |name: &RemoteName| command!["git config aitask.remote", name];
        if let Some(name) = self.other_remote_with_branches()? {
            return found(&format!("the remote {name}"), use_it(&name));
        }
        for name in self.others() {
            let other = format!("the remote {name}");
            if has_some(&other, name.as_str())? {
                return found(&other, use_it(&name));
            }
        }
        if let Some(address) = former {
            let other = format!("{}, where {ours} was before,", masked(address));
            if has_some(&other, address)? {
                return found(&other, command!["git remote set-url", ours, masked(address)]);
            }
        }
        Ok(())
    }

    /// Adds to an error about missing branches the name of another remote that has them.
    pub(crate) fn with_other_remote_hint(&self, error: Error, view: &View<'_>) -> Error {
        let is_unreadable = |branch: &&Branch| {
            let tip = view.tip(branch).published.filter(|_| matches!(branch.as_str(), LOCKS | IDS));
            tip.is_some_and(|tip| !self.refs.object(&format!("{tip}:")).is_ok_and(|root| root.is_some()))
        };
        if error.kind() == Kind::NotInitialised
            && let Some(branch) = view.branches().find(is_unreadable)
        {
            return unreadable(branch.as_str());
        }
        let is_missing = [Self::locks_branch(), Self::ids_branch()]
            .into_iter()
            .flatten()
            .any(|branch| view.branches().any(|other| *other == branch) && view.tip(&branch).published.is_none());
        let missing = error.kind() == Kind::NotInitialised && is_missing && !self.repairs;
        match (self.channel.remote(), missing.then(|| self.other_remote_with_branches())) {
            (Some(ours), Some(Ok(Some(name)))) => {
                let message = format!("{ours} has no coordination branches, and the remote {name} has");
                Error::new(Kind::NotInitialised, message)
                    .hint(command!["git config aitask.remote", name])
                    .hint(command!["git aitask init --remote", ours].note("creates a second set there anyway"))
            }
            _ => error,
        }
    }

    /// The local branch of locks, where it was made before there was a remote, and the remote lacks it or locks on it.
    /// No process where there is no such branch.
    ///
    /// A branch with an upstream, as `git switch` makes it, is a copy of the remote's branch and does not count.
    pub(crate) fn unpublished_locks(&self, view: &View<'_>) -> Result<Option<Oid>> {
        let branch = Self::locks_branch()?;
        let Tip { local, published, .. } = view.tip(&branch);
        let follows = self.repository.config().last(&format!("branch.{branch}.remote")).is_some();
        let Some(local) = local.filter(|_| self.channel.remote().is_some() && !follows) else { return Ok(None) };
        let Some(published) = published else { return Ok(Some(local)) };
        if published == local || self.refs.is_ancestor(&local, &published)? {
            return Ok(None);
        }
        Ok((self.lock_format.has_own_locks_missing_in)(self.repository, &local, &published)?.then_some(local))
    }

    /// The error for a clone with a local branch of locks that the remote does not have.
    pub(crate) fn unpublished_error(&self) -> Error {
        let remote = self.channel.remote().map_or("the remote", RemoteName::as_str);
        let message =
            format!("this clone has a branch {LOCKS} from when it had no remote, and {remote} lacks the locks on it");
        Error::new(Kind::NotInitialised, message)
            .hint(command!["git aitask init"].note("publishes them"))
            .hint(command!["git branch -D", LOCKS].note("if it is an old copy of the remote's"))
            .with(Payload::Unpublished { branch: LOCKS })
    }
}
