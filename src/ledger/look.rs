//! Looks at the branches: what this clone knows of them, or what the remote says now.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, remote};
use crate::ledger::backoff::Deadline;
use crate::ledger::view::View;
use crate::ledger::{Channel, Ledger};
use std::time::Duration;

impl Ledger<'_> {
    /// A look at the branches for reading; asks the remote first if `fetch`, or if it never was asked.
    pub fn view(&self, branches: &[Branch], fetch: bool) -> Result<View<'_>> {
        if fetch { self.refreshed(branches, Deadline::after(self.timeout)) } else { View::load(self, branches, false) }
    }

    pub(super) fn refreshed(&self, branches: &[Branch], deadline: Deadline) -> Result<View<'_>> {
        // All coordination branches come with one pattern, so asking for this one, too, costs nothing.
        self.ask(&[branches, self.overlooked(branches)?.as_slice()].concat(), deadline)?;
        View::load(self, branches, true)
    }

    /// Fetches the branches, where there is a remote.
    pub(super) fn ask(&self, branches: &[Branch], deadline: Deadline) -> Result<()> {
        if let Channel::Remote(remote) = &self.channel {
            let mut tries = 0;
            while let Err(error) = remote::fetch(self.repository, remote, branches, deadline.left_for_a_question()) {
                // Another git that fetches into the same remote-tracking ref is no reason to give up.
                if error.kind() != Kind::Contention || !deadline.wait(tries)? {
                    return Err(error);
                }
                tries += 1;
            }
            self.touch_as_of()?;
        }
        Ok(())
    }
}

/// The error of a transaction whose time is up.
pub(super) fn out_of_time(timeout: Duration, raced: bool, said: &str) -> Error {
    let seconds = timeout.as_secs_f32();
    let message = if raced {
        format!("others kept changing the same branches for {seconds} s")
    } else {
        format!("the refs stay locked on the server after {seconds} s, although nobody moves them: {said}")
    };
    let error = Error::new(Kind::Contention, message).hint("run the same command again");
    if raced { error } else { error.hint("look for a stale .lock file beside the ref on the server") }
}

/// The error of a push whose outcome cannot be found out.
pub(super) fn cannot_tell(said: &str) -> Error {
    Error::new(Kind::Unknown, format!("the push was cut off and the remote cannot be asked what came of it: {said}"))
        .hint("run the same command again: it finds out, and finishes the job")
}
