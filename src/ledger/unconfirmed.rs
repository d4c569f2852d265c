//! Pushes whose answer was not received: each may have landed, may still land, or is lost. They are looked up in the
//! refs until one of the three is certain.

use crate::error::{Error, Kind};
use crate::git::checkout::UncommittedInput;
use crate::git::{Oid, RefUpdate, remote};
use crate::ledger::Ledger;
use crate::ledger::view::View;
use std::collections::BTreeMap;

/// A push, with what is needed to finish the transaction once the push turns out to have landed.
#[derive(Debug)]
pub(super) struct SentPush<T> {
    pub(super) updates: Vec<RefUpdate>,
    pub(super) value: T,
    pub(super) blobs: BTreeMap<String, Oid>,
    pub(super) adopted: Vec<UncommittedInput>,
    pub(super) command: String,
}

/// The unconfirmed pushes of one transaction. At most one of them can land: each names the tips that it expects, and
/// the first that lands moves them.
#[derive(Debug)]
pub(super) struct UnconfirmedPushes<T> {
    sent: Vec<SentPush<T>>,
    /// The error of the last of them.
    last: Option<Error>,
}

impl<T> UnconfirmedPushes<T> {
    pub(super) fn new() -> Self {
        Self { sent: Vec::new(), last: None }
    }

    pub(super) fn add(&mut self, sent: SentPush<T>, error: Error) {
        self.sent.push(sent);
        self.last = Some(error);
    }

    /// Looks for them in a view: returns the one that landed, and forgets those that can no longer land.
    pub(super) fn look_up(&mut self, ledger: &Ledger<'_>, view: &View<'_>) -> Option<SentPush<T>> {
        if let Some(n) = self.sent.iter().position(|sent| ledger.contains(view, &sent.updates)) {
            return Some(self.sent.swap_remove(n));
        }
        if view.is_current {
            let together = !ledger.lacks_atomic_push();
            // A server may show the refs of one atomic push one after the other: where some have moved, the rest will.
            self.sent.retain(|sent| {
                may_land(ledger, view, &sent.updates, together)
                    || sent.updates.iter().any(|update| ledger.has(view, update))
            });
        }
        None
    }

    /// Whether a view shows a part of an atomic push and not the rest: the refs of this clone were read while another
    /// process set them one after the other. A decision on such a view would be on a state that never was; it could make
    /// the same change twice, or call it undone.
    pub(super) fn is_half_seen(&self, ledger: &Ledger<'_>, view: &View<'_>) -> bool {
        let mut updates = self.sent.iter().flat_map(|sent| &sent.updates);
        let is_made = |update: &RefUpdate| update.new.is_some() && !is_of_task(update);
        !ledger.lacks_atomic_push() && updates.any(|update| is_made(update) && ledger.has(view, update))
    }

    /// The error in place of "nothing to do" while a push may still land: that may be what left nothing to do.
    pub(super) fn still_open(&self) -> Option<Error> {
        let last = self.last.as_ref().filter(|_| !self.sent.is_empty())?;
        Some(self.explain(Error::new(Kind::Unknown, last.to_string())))
    }

    /// The error to report for an error of the transaction: while a push may have landed, or may still land, that
    /// uncertainty outweighs whatever happened afterwards.
    pub(super) fn explain(&self, error: Error) -> Error {
        let Some(last) = self.last.as_ref().filter(|_| !self.sent.is_empty()) else { return error };
        let (said, why) = (last.to_string(), error.to_string());
        let why = if why.contains(&said) { String::new() } else { format!("; then: {why}") };
        let message = format!("it is not known whether this was published, and it may still be: {said}{why}");
        let unknown = Error::new(Kind::Unknown, message);
        let unknown = last.payloads().iter().cloned().fold(unknown, Error::with);
        unknown.advice("run the same command again: it finds out, and finishes the job")
    }
}

/// Whether a push that has not landed still can: as long as the refs have not moved on from the values it expects. A ref
/// never returns to an earlier value, since every commit of a swap has a nonce and is new; a view that shows one is older
/// than the push, since another process of this clone has set the refs back meanwhile, and proves nothing.
fn may_land(ledger: &Ledger<'_>, view: &View<'_>, updates: &[RefUpdate], together: bool) -> bool {
    let mut refs = updates.iter().map(|update| {
        let tip = update.name.branch().and_then(|branch| view.tip(&branch).published);
        let is_older = || match (&tip, &update.old) {
            (Some(tip), Some(old)) => ledger.refs.is_ancestor(tip, old).unwrap_or(true),
            _ => false,
        };
        tip == update.old || is_older()
    });
    if together { refs.all(|is_as_expected| is_as_expected) } else { refs.any(|is_as_expected| is_as_expected) }
}

fn is_of_task(update: &RefUpdate) -> bool {
    update.name.branch().is_some_and(|branch| branch.as_str().starts_with(remote::TASK_BRANCHES))
}

impl Ledger<'_> {
    /// Whether all updates are published: a commit with a nonce is unlike any other, so finding it in the history
    /// proves that this push landed, also when others have published on top of it. A task branch proves nothing: it gets
    /// no commit with a nonce, and the next holder may have moved it on or removed it. It landed with the rest, unless the
    /// server has no atomic push.
    fn contains(&self, view: &View<'_>, updates: &[RefUpdate]) -> bool {
        let skips = !self.lacks_atomic_push() && !updates.iter().all(is_of_task);
        updates.iter().filter(|update| !(skips && is_of_task(update))).all(|update| self.has(view, update))
    }

    fn has(&self, view: &View<'_>, update: &RefUpdate) -> bool {
        let tip = update.name.branch().and_then(|branch| view.tip(&branch).published);
        match (&update.new, tip) {
            (Some(new), Some(tip)) => self.refs.is_ancestor(new, &tip).unwrap_or(false),
            (None, tip) => tip.is_none(),
            (Some(_), None) => false,
        }
    }
}
