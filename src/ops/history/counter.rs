//! The history of the id counter.

use crate::coordination::ids;
use crate::git::Oid;
use crate::ops::history::events::{Change, Deed, Event, Place};
use crate::ops::history::findings::{CUT, Findings, Violation};
use crate::ops::history::nonces::Nonces;
use crate::task::TaskId;
use std::collections::BTreeSet;

/// What a commit did to the counter.
#[derive(Debug, Clone, Copy)]
enum Counted {
    /// Nothing.
    Stays,
    /// It is this now.
    Is(u64),
    /// It is gone, or no number.
    Broken,
    /// Its text is not in this clone.
    Unknown,
}

impl Counted {
    fn of(change: Option<&Change>) -> Self {
        let Some(change) = change else { return Self::Stays };
        match change.new.as_ref().map(|new| &new.text) {
            Some(None) => Self::Unknown,
            Some(Some(text)) => ids::parse(text.as_bytes()).map_or(Self::Broken, Self::Is),
            None => Self::Broken,
        }
    }
}

/// The counter so far.
#[derive(Debug, Default)]
struct Counter<'a> {
    value: Option<u64>,
    highest: Option<u64>,
    blob: Option<&'a Oid>,
    given: BTreeSet<u64>,
}

/// Judges the counter; the highest value that it had.
pub(super) fn highest_id(events: &[Event], findings: &mut Findings) -> Option<u64> {
    let mut counter = Counter::default();
    let mut nonces = Nonces::default();
    for event in events.iter().filter(|event| event.place == Place::Ids) {
        let change = event.change_of(ids::FILE);
        let (now, deed) = (Counted::of(change), event.deed());
        if event.is_cut {
            findings.cannot_judge(event, CUT);
        } else {
            nonces.check(event, findings);
            counter.judge_files(event, change, findings);
            counter.judge(event, &deed, now, findings);
        }
        if let Deed::Claim(id, _) = deed {
            counter.given.insert(id);
        }
        if let Some(change) = change {
            counter.blob = change.new.as_ref().map(|new| &new.oid);
        }
        if let Counted::Is(value) = now {
            counter.value = Some(value);
            counter.highest = counter.highest.max(counter.value);
        }
    }
    counter.highest
}

impl Counter<'_> {
    fn judge_files(&self, event: &Event, change: Option<&Change>, findings: &mut Findings) {
        if event.parents > 1 {
            findings.add(event, Violation::MergedHistories, None, "two histories of the id counter were merged");
        }
        for foreign in event.changes.iter().filter(|change| event.parents > 0 && change.path != ids::FILE) {
            findings.add(event, Violation::ForeignFile, None, format!("it changed {}", foreign.path));
        }
        if change.is_some_and(|change| change.old.as_ref().map(|old| &old.oid) != self.blob) {
            let message = "the counter is not the one that the commits before it left";
            findings.add(event, Violation::BrokenHistory, None, message);
        }
    }

    fn judge(&self, event: &Event, deed: &Deed<'_>, counted: Counted, findings: &mut Findings) {
        let before = self.value.unwrap_or_default();
        let who = if event.nonce.is_some() { "a commit" } else { "a commit of a script" };
        let mut add = |kind, id: Option<u64>, message: String| {
            findings.add(event, kind, id.map(TaskId::top), message);
        };
        match (counted, deed) {
            (Counted::Unknown, _) => findings.cannot_judge(event, "an id counter is not in this clone"),
            (Counted::Broken, _) => {
                add(Violation::CounterUnreadable, None, "the id counter is no number any more".to_owned());
            }
            (Counted::Stays, Deed::Claim(id, _)) => {
                let message = format!("{who} gives the id {id} again: the counter stays at {before}");
                add(Violation::CounterStays, Some(*id), message);
            }
            (Counted::Is(new), _) if new < before => {
                let message = format!("the id counter goes back from {before} to {new}");
                add(Violation::CounterWentBack, None, message);
            }
            (Counted::Is(_), Deed::Claim(id, _)) if self.given.contains(id) || *id < before => {
                add(Violation::IdGivenTwice, Some(*id), format!("{who} gives the id {id}, which was given before"));
            }
            (Counted::Is(new), Deed::Claim(id, next)) if new.checked_sub(1) != Some(*id) || new != *next => {
                add(Violation::CounterWrong, Some(*id), format!("the id {id} is given, and the counter is {new}"));
            }
            (Counted::Is(_) | Counted::Stays, _) => {}
        }
    }
}
