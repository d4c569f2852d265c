//! Publishing: the compare-and-swap itself, and reading its outcome without guessing.
//!
//! Each ref is judged by its own line of `git push --porcelain`. A line that says "landed" is proof. A rejection is a
//! race only when the ref is not what was expected; every other rejection would come again, so it is an error. No line
//! (a broken connection, a time limit) means that the outcome is unknown, and the caller looks for the nonce in the
//! refs.

use crate::error::{Error, Kind, Payload, Result, sanitise};
use crate::files::records::RecordKind;
use crate::git::porcelain::push::{PushReport, Rejection};
use crate::git::refs::Swap;
use crate::git::remote::{PushOptions, Pushed, TASK_BRANCHES, record_name};
use crate::git::{Branch, RefUpdate, RemoteName};
use crate::interrupt;
use crate::ledger::backoff::Deadline;
use crate::ledger::plan::{CheckoutChange, OutdatedCheckout};
use crate::ledger::{Channel, IDS, LOCKS, Ledger};

/// The outcome of a swap.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Every ref has its new value.
    Landed(LandedPush),
    /// A ref did not have the expected value, or another process had it locked. With the reason that git gave.
    Stale(String),
    /// The server refused, and would refuse again.
    Denied(Error),
    /// It may have landed or not: no answer came.
    Unknown(Error),
    /// Nothing was sent.
    Failed(Error),
}

/// What there is to say of a swap that landed.
#[derive(Debug, Default)]
pub(crate) struct LandedPush {
    /// The checkouts that could not be updated.
    pub(crate) lagging: Vec<OutdatedCheckout>,
    /// The addresses that the server offered for a task branch, such as the one that opens a pull request.
    pub(crate) addresses: Vec<String>,
}

/// The outcome of a swap, and the branches that had landed before it.
#[derive(Debug)]
pub(crate) struct SwapResult {
    /// The branches that had landed, on a server without atomic push.
    pub(crate) before: Vec<Branch>,
    /// The outcome.
    pub(crate) outcome: Outcome,
}

impl From<Outcome> for SwapResult {
    fn from(outcome: Outcome) -> Self {
        Self { before: Vec::new(), outcome }
    }
}

impl Ledger<'_> {
    /// Publishes all updates at once: one connection. On a server without atomic push one connection for each; the
    /// branches that landed before a failure are returned too.
    pub(crate) fn swap(
        &self,
        updates: &[RefUpdate],
        change: &CheckoutChange<'_>,
        deadline: Deadline,
    ) -> Result<SwapResult> {
        match &self.channel {
            Channel::Local => Ok(self.swap_here(updates, change)?.into()),
            Channel::Remote(remote) => self.swap_there(remote, updates, deadline),
        }
    }

    fn swap_here(&self, updates: &[RefUpdate], change: &CheckoutChange<'_>) -> Result<Outcome> {
        // A checkout update that a killed command left may belong to a swap that landed after the view was read.
        self.finish_checkout_updates()?;
        let carried = match self.prepare_checkouts(updates, change) {
            Ok(carried) => carried,
            Err(error) => return Ok(Outcome::Failed(error)),
        };
        if let Err(error) = interrupt::check() {
            self.forget_checkout_updates(&carried)?;
            return Ok(Outcome::Failed(error));
        }
        let swapped = match self.refs.swap(updates, change.subject) {
            // git was ended by a signal, perhaps after it moved the refs.
            Err(error) if error.kind() == Kind::Interrupted => return Ok(Outcome::Unknown(error)),
            swapped => swapped?,
        };
        Ok(match swapped {
            Swap::Done => {
                let lagging = self.update_prepared_checkouts(&carried).unwrap_or_else(|error| {
                    (self.progress)(&format!("the checkouts could not be updated: {error}"));
                    Vec::new()
                });
                Outcome::Landed(LandedPush { lagging, ..LandedPush::default() })
            }
            Swap::Refused(said) => {
                self.forget_checkout_updates(&carried)?;
                self.finish_checkout_updates()?;
                Outcome::Stale(said)
            }
            Swap::CutOff(said) => {
                Outcome::Unknown(Error::new(Kind::Unknown, format!("git update-ref was cut off: {said}")))
            }
        })
    }

    /// Whether the server is known to have no atomic push.
    pub(crate) fn lacks_atomic_push(&self) -> bool {
        self.channel.remote().is_some_and(|remote| self.is_marked(remote))
    }

    fn is_marked(&self, remote: &RemoteName) -> bool {
        let (records, name) = (self.repository.records(), record_name(remote));
        let marker: Option<NoAtomicPushRecord> = records.load(RecordKind::NoAtomicPush, &name);
        // A record of a newer version cannot be read, but it exists only for a server without atomic push.
        marker.is_some_and(|marker| marker.remote == remote.as_str())
            || records.is_newer(RecordKind::NoAtomicPush, &name)
    }

    fn swap_there(&self, remote: &RemoteName, updates: &[RefUpdate], deadline: Deadline) -> Result<SwapResult> {
        if updates.len() == 1 || !self.is_marked(remote) {
            let outcome = self.push(remote, updates, updates.len() > 1, deadline)?;
            let Some(outcome) = outcome else {
                let marker = NoAtomicPushRecord { remote: remote.to_string() };
                self.repository.records().note(RecordKind::NoAtomicPush, &record_name(remote), &marker)?;
                (self.progress)(&format!(
                    "the server of {remote} has no atomic push, so branches are pushed one after the other; \
                     run a command again if it was interrupted"
                ));
                // The plan was built for an atomic push. It is built again, now with the fence first.
                return Ok(Outcome::Stale("the server takes one branch after the other".to_owned()).into());
            };
            return Ok(outcome.into());
        }
        // A guard protects only refs of the same push, so alone it does nothing.
        let updates: Vec<_> = updates.iter().filter(|update| !update.is_guard()).collect();
        let mut all = LandedPush::default();
        for (n, update) in updates.iter().enumerate() {
            let outcome = self.push(remote, std::slice::from_ref(*update), false, deadline)?;
            match outcome.unwrap_or_else(|| Outcome::Stale("no answer".to_owned())) {
                Outcome::Landed(push) => all.addresses.extend(push.addresses),
                other => {
                    // A branch that is moved twice counts as landed only after its second move.
                    let (done, left) = updates.split_at(n);
                    let landed = done.iter().filter(|update| left.iter().all(|other| other.name != update.name));
                    let before = landed.filter_map(|update| update.name.branch()).collect();
                    return Ok(SwapResult { before, outcome: other });
                }
            }
        }
        Ok(Outcome::Landed(all).into())
    }

    /// One push; `None` when the server cannot do it atomically.
    fn push(
        &self,
        remote: &RemoteName,
        updates: &[RefUpdate],
        atomic: bool,
        deadline: Deadline,
    ) -> Result<Option<Outcome>> {
        let limit = deadline.remaining_for_attempt();
        let options = PushOptions { atomic, hooks: hooks(updates), dry_run: false, limit };
        let pushed = self.refs.push(remote, updates, options)?;
        let offered = match &pushed {
            Pushed::Answered(report) => self.pass_on_addresses(updates, report),
            _ => Vec::new(),
        };
        Ok(match outcome(remote, pushed) {
            Some(Outcome::Landed(push)) => Some(Outcome::Landed(LandedPush { addresses: offered, ..push })),
            other => other,
        })
    }

    /// Passes on what the server says of a task branch with an address in it: where a pull request can be opened. Returns
    /// the addresses.
    fn pass_on_addresses(&self, updates: &[RefUpdate], report: &PushReport) -> Vec<String> {
        let mut addresses = Vec::new();
        let is_task_branch = |update: &RefUpdate| {
            let branch = update.name.branch();
            update.new.is_some() && branch.is_some_and(|branch| branch.as_str().starts_with(TASK_BRANCHES))
        };
        if report.rejection().is_none() && updates.iter().any(is_task_branch) {
            for line in report.said.iter().filter(|line| line.contains("://")) {
                (self.progress)(&sanitise(line.trim()));
                addresses.extend(line.split_whitespace().filter(|word| word.contains("://")).map(sanitise));
            }
        }
        addresses
    }
}

/// The record of a server without atomic push.
#[derive(serde::Serialize, serde::Deserialize)]
struct NoAtomicPushRecord {
    remote: String,
}

/// The outcome of a push; `None` when the server has no atomic push.
pub(crate) fn outcome(remote: &RemoteName, pushed: Pushed) -> Option<Outcome> {
    Some(match pushed {
        Pushed::NoAtomic => return None,
        Pushed::NotSent(error) => Outcome::Failed(error),
        Pushed::Unknown(error) => Outcome::Unknown(error),
        Pushed::Answered(report) => judge(remote, &report),
    })
}

/// Whether a push runs the user's hooks: one of task data or code does. One of the coordination branches alone does
/// not: a `pre-push` hook that runs the tests of the project would make every lock wait for them.
pub(crate) fn hooks(updates: &[RefUpdate]) -> bool {
    let changed = updates.iter().filter(|update| !update.is_guard());
    changed.filter_map(|update| update.name.branch()).any(|branch| !matches!(branch.as_str(), LOCKS | IDS))
}

/// The answers for the refs of a push as one outcome: a refusal outweighs a race, since trying again would not help.
fn judge(remote: &RemoteName, report: &PushReport) -> Outcome {
    // "Up to date" means that an earlier attempt of this same push landed: no other process can build a commit with
    // this nonce.
    let Some(worst) = report.rejection() else { return Outcome::Landed(LandedPush::default()) };
    let Some(pushed) = report.refs.iter().find(|pushed| pushed.rejection() == Some(worst)) else {
        return Outcome::Landed(LandedPush::default());
    };
    let said = pushed.reason.clone().unwrap_or_else(|| pushed.summary.clone());
    if worst != Rejection::Denied {
        return Outcome::Stale(said);
    }
    // A hook of the server can refuse the whole push, and then every ref is reported as refused.
    let denied = report.refs.iter().filter(|pushed| pushed.rejection() == Some(worst));
    let names: Vec<_> =
        denied.map(|pushed| pushed.to.branch().map_or_else(|| pushed.to.to_string(), |b| b.to_string())).collect();
    let words = [vec![said], report.said.clone()].concat().join("; ");
    let message = format!("the server of {remote} refused the push to {}: {words}", names.join(", "));
    Outcome::Denied(Error::new(Kind::Denied, message).with(Payload::Refused { branches: names }))
}
