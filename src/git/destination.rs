//! The destination of pushes. A published branch is read again from where fetches come from, so both must be one
//! repository: a lock that is pushed to another repository excludes nobody.

use crate::error::{Error, Hint, Kind, Result};
use crate::files::records::RecordKind;
use crate::git::address::{Address, AddressRelation, masked, resolved};
use crate::git::{Oid, RemoteName, Repository};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// Checks that pushes to a remote go where its fetches come from. No process, unless a push address is configured; no
/// connection, unless the texts of the two addresses leave it open, and then once for the two.
///
/// # Errors
/// [`Kind::Usage`] when pushes go to another repository, to several addresses, or to one that does not show the same
/// coordination branches; [`Kind::Unreachable`] when one of them cannot be reached.
pub(crate) fn require_one_repository(repository: &Repository, remote: &RemoteName, limit: Duration) -> Result<()> {
    if is_plain(repository, remote) {
        return Ok(());
    }
    let ask = |options: &[&str]| -> Result<Vec<String>> {
        let call = repository.read("remote").arg("get-url").args(options).args(["--all", "--", remote.as_str()]);
        Ok(call.run()?.text().lines().map(str::to_owned).collect())
    };
    let (fetch, push) = (ask(&[])?, ask(&["--push"])?);
    let (Some(fetch), [first, others @ ..]) = (fetch.first(), push.as_slice()) else { return Ok(()) };
    if !others.is_empty() {
        let all: Vec<_> = push.iter().map(|address| masked(address)).collect();
        let message = format!(
            "{remote} has {} addresses to push to, {}, and git cannot push to all of them atomically",
            all.len(),
            all.join(" and ")
        );
        return Err(Error::new(Kind::Usage, message).hint(push_where_fetched(remote)));
    }
    match relation(repository, fetch, first) {
        AddressRelation::Same => Ok(()),
        AddressRelation::Different => Err(elsewhere(remote, fetch, first, "which is another repository")),
        AddressRelation::Unclear => compare(repository, remote, fetch, first, limit),
    }
}

/// Whether the configuration has no separate address for pushes.
fn is_plain(repository: &Repository, remote: &RemoteName) -> bool {
    let config = repository.config();
    let urls = config.all(&format!("remote.{remote}.url"));
    let rewrites = |key: &str| {
        let begins = |prefix: &String| urls.iter().any(|url| url.starts_with(prefix.as_str()));
        key.starts_with("url.") && key.ends_with(".pushinsteadof") && config.all(key).iter().any(begins)
    };
    urls.len() < 2 && config.all(&format!("remote.{remote}.pushurl")).is_empty() && !config.keys().any(rewrites)
}

/// Whether two addresses are of one repository, as far as their texts and this file system tell.
pub(crate) fn relation(repository: &Repository, one: &str, two: &str) -> AddressRelation {
    let [one, two] = [one, two].map(|text| match Address::parse(text) {
        Address::Local(path) => Address::Local(resolved(&repository.root.join(path))),
        address => address,
    });
    let inode = |address: &Address| match address {
        Address::Local(path) => path.metadata().ok().map(|data| (data.dev(), data.ino())),
        _ => None,
    };
    let is_one_folder = inode(&one).is_some_and(|inode_of_one| inode(&two) == Some(inode_of_one));
    if is_one_folder { AddressRelation::Same } else { one.relation(&two) }
}

/// The record of the pairs of addresses that were found to be of one repository, without passwords.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Compared {
    same: Vec<Pair>,
}

#[derive(PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Pair {
    fetch: String,
    push: String,
}

/// Compares the coordination branches of both addresses. They change with every command, so two repositories hardly
/// ever show the same; the result is recorded for this pair of addresses.
fn compare(repository: &Repository, remote: &RemoteName, fetch: &str, push: &str, limit: Duration) -> Result<()> {
    let mut known: Compared = repository.records().load(RecordKind::OneRepository, "").unwrap_or_default();
    let pair = Pair { fetch: masked(fetch), push: masked(push) };
    if known.same.contains(&pair) {
        return Ok(());
    }
    let there = coordination_branches(repository, push, limit)?;
    let mut here = coordination_branches(repository, remote.as_str(), limit)?;
    if here != there {
        // Another command may have published between the two requests, so they are compared once more.
        here = coordination_branches(repository, remote.as_str(), limit)?;
        if here != there && coordination_branches(repository, push, limit)? != here {
            return Err(elsewhere(remote, fetch, push, "which has other coordination branches"));
        }
    }
    if here.is_empty() {
        let error = elsewhere(remote, fetch, push, "and nothing tells whether that is the same repository");
        return Err(error.hint(fetch_where_pushed(remote)));
    }
    known.same.push(pair);
    repository.records().note(RecordKind::OneRepository, "", &known)
}

/// The coordination branches of an address, or of a remote's name. One connection.
pub(crate) fn coordination_branches(
    repository: &Repository,
    address: &str,
    limit: Duration,
) -> Result<BTreeMap<String, Oid>> {
    let call = repository.git().network(&repository.root, "ls-remote", limit);
    let call = call.args(["--heads", "--", address, "refs/heads/aitask-*"]);
    let output = call.output()?;
    if !output.success() {
        return Err(call.not_connected(&masked(address), &output));
    }
    let text = output.text();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    let coordination = lines.filter(|(_, name)| name.starts_with("refs/heads/aitask-"));
    Ok(coordination.filter_map(|(oid, name)| Some((name.to_owned(), Oid::parse(oid)?))).collect())
}

fn elsewhere(remote: &RemoteName, fetch: &str, push: &str, why: &str) -> Error {
    let message = format!(
        "{remote} fetches from {} and pushes to {}, {why}: what is published must be read where it was written",
        masked(fetch),
        masked(push)
    );
    let hub = command!["git remote add hub \"$(git remote get-url", remote, ")\" && git config aitask.remote hub"];
    Error::new(Kind::Usage, message).hint(push_where_fetched(remote)).hint(hub.note(format!("{remote} stays as it is")))
}

/// The command that makes pushes go where fetches come from.
fn push_where_fetched(remote: &RemoteName) -> Hint {
    command!["git config --replace-all", format!("remote.{remote}.pushurl"), "\"$(git remote get-url", remote, ")\""]
}

/// The command that makes fetches come from where pushes go.
fn fetch_where_pushed(remote: &RemoteName) -> Hint {
    command![
        "git remote set-url",
        remote,
        "\"$(git remote get-url --push",
        remote,
        ")\" && git config --unset-all",
        format!("remote.{remote}.pushurl")
    ]
    .note("if the other one cannot be pushed to")
}
