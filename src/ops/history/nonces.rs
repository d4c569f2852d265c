//! Nonces of one branch that come again.

use crate::ops::history::events::{Deed, Event};
use crate::ops::history::findings::{Findings, Violation};
use std::collections::{BTreeMap, BTreeSet};

/// The nonces of one branch, each with its author and its subjects.
#[derive(Debug, Default)]
pub(super) struct Nonces<'a> {
    seen: BTreeMap<&'a str, (&'a str, BTreeSet<&'a str>)>,
}

impl<'a> Nonces<'a> {
    /// Checks the nonce of the next commit; whether it is the first of its transaction. All commits of a transaction have
    /// one author. On a server without atomic push others may come between them, and a fence may come again.
    pub(super) fn check(&mut self, event: &'a Event, findings: &mut Findings) -> bool {
        let Some(nonce) = event.nonce.as_deref() else { return false };
        let is_first = !self.seen.contains_key(nonce);
        let (by, subjects) = self.seen.entry(nonce).or_insert_with(|| (&event.by, BTreeSet::new()));
        let is_again = !subjects.insert(&event.subject) && !matches!(event.deed(), Deed::Fence(_));
        if is_again || *by != event.by {
            let message = format!("the nonce {nonce} is that of an earlier commit");
            findings.add(event, Violation::NonceRepeats, None, message);
        }
        is_first
    }
}
