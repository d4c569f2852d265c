//! A train: commits of several processes of one clone that land in one swap or not at all, since what they make of a branch
//! was checked only for all of them together.
//!
//! Its first member decides at the head of the queue and stays there. It notes its commits as a convoy does, and calls the
//! others one after the other by their places in the line of those who land. Each decides on what those before it have
//! planned, and adds its own commits; then the first one pushes. While others join, the time of nobody runs. Where one of them
//! does not come, cannot land, or is not waited for any longer, nothing is pushed, and all decide again.

use crate::error::{Error, Kind, Result};
use crate::files::records::Records;
use crate::git::RefUpdate;
use crate::interrupt;
use crate::ledger::Ledger;
use crate::ledger::backoff::Deadline;
use crate::ledger::company::{Company, JOINING, Train, TrainEnd};
use crate::ledger::convoy::{Convoy, End, cut_short};
use crate::ledger::group::{JoinedEnd, JoinedSwap, Turn};
use crate::ledger::plan::Plan;
use crate::ledger::view::View;
use std::time::{Duration, Instant};

/// What must be left of the time of one who is called: the push for all ends in time for the one who has the least.
const LEAST: Duration = Duration::from_millis(500);

/// The name of the train that calls the process with this place in line.
pub(crate) fn train_that_calls(records: &Records, place: u64) -> Option<String> {
    Convoy::that_calls(records, place)
}

impl Ledger<'_> {
    /// The name of the train to which this process is called.
    pub(super) fn called_to(&self) -> Option<String> {
        let Company::Train(train) = self.company else { return None };
        train.called.borrow_mut().take()
    }

    /// The error of one who was called and cannot add its commits.
    pub(super) fn missed(&self, why: &str) -> Error {
        self.ended_train(TrainEnd::Missed, why)
    }

    fn ended_train(&self, end: TrainEnd, why: &str) -> Error {
        if let Company::Train(train) = self.company {
            train.end.set(Some(end));
        }
        Error::new(Kind::Contention, why.to_owned()).advice("run the same command again")
    }
}

impl Turn<'_, '_> {
    /// Publishes the updates of a plan together with those of others: as the first of them, or as one that was called.
    pub(super) fn swap_in_train(
        &mut self,
        plan: &Plan,
        view: &View<'_>,
        updates: &[RefUpdate],
        guarded: &[RefUpdate],
        deadline: Deadline,
    ) -> Result<JoinedSwap> {
        let is_first = self.called.is_none();
        let may_share = self.ledger.may_share_push(view, updates);
        let left = deadline.remaining_for_attempt();
        let convoy = if is_first {
            self.settle(deadline)?;
            let way = self.ledger.way().filter(|_| may_share);
            let mut convoy = Convoy::new(
                way.ok_or_else(|| self.ledger.ended_train(TrainEnd::Refused, "it is pushed alone"))?,
                false,
            );
            if !convoy.add(guarded, left) {
                return Err(self.ledger.ended_train(TrainEnd::Refused, "it is pushed alone"));
            }
            let Company::Train(train) = self.ledger.company else {
                return Err(Error::new(
                    Kind::Bug,
                    "a plan for several is published by a command that takes nobody along",
                ));
            };
            convoy.call(&self.ledger.repository.records(), &train.name(self.nonce), plan.with.clone())?;
            let waited = self.wait_for_called(&mut convoy, train);
            if !matches!(waited, Ok(true)) {
                convoy.ended(cut_short());
                waited?;
                let why = "one of those that were checked together could not land";
                return Err(self.ledger.ended_train(TrainEnd::Incomplete, why));
            }
            convoy
        } else {
            // All without whom it must not land are called, too; so what the last one makes has passed as it is.
            let called = |convoy: &Convoy, place| convoy.calls().get(1..).is_some_and(|calls| calls.contains(place));
            let is_as_checked = |convoy: &&mut Convoy| plan.with.iter().all(|place| called(convoy, place));
            let joins = may_share && left >= LEAST;
            let joined = self.called.as_mut().filter(|_| joins).filter(is_as_checked).is_some_and(|convoy| {
                convoy.refresh();
                convoy.end().is_none() && convoy.add(guarded, left) && convoy.add_called().is_ok()
            });
            let Some(convoy) = self.called.take_if(|_| joined) else {
                return Err(self.ledger.missed("what was checked along cannot land now"));
            };
            convoy
        };
        let swap = self.swap_with_others(convoy, !is_first, updates, deadline)?;
        match &swap.end {
            JoinedEnd::Refused => Err(self.ledger.ended_train(TrainEnd::Refused, "the push for several was refused")),
            JoinedEnd::Stale(said) if !is_first => Err(self.ledger.ended_train(TrainEnd::Again, said)),
            _ => Ok(swap),
        }
    }

    /// Waits until all who were called have added their commits, at most [`JOINING`] for each. False where that will not be.
    /// The time does not count: they decide, merge and sign meanwhile.
    fn wait_for_called(&self, convoy: &mut Convoy, train: &Train) -> Result<bool> {
        let (mut since, mut missing) = (Instant::now(), convoy.calls().len());
        loop {
            convoy.refresh();
            if missing != convoy.calls().len() {
                (since, missing) = (Instant::now(), convoy.calls().len());
            }
            let Some(next) = convoy.calls().first() else { return Ok(convoy.end().is_none()) };
            if convoy.end().is_some() || since.elapsed() >= JOINING || !(train.listens)(self.ledger.repository, *next) {
                return Ok(false);
            }
            interrupt::pause(interrupt::POLL_INTERVAL)?;
        }
    }
}

impl Drop for Turn<'_, '_> {
    /// One that was called and adds nothing says so: nobody is to wait for it.
    fn drop(&mut self) {
        if let Some(convoy) = self.called.take() {
            convoy.ended(End::Stale("one of those that were checked together cannot land now".to_owned()));
        }
    }
}
