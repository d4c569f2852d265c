//! Reading the branches: from the remote-tracking refs of this clone, or after a fetch.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, remote};
use crate::ledger::backoff::Deadline;
use crate::ledger::found::{Found, at};
use crate::ledger::view::View;
use crate::ledger::{Channel, DATA, LOCKS, Ledger};
use std::time::Duration;

impl Ledger<'_> {
    /// A view for a command that only reads.
    ///
    /// # Errors
    /// Those of the connection, and [`Kind::BranchGone`].
    pub(crate) fn view(&self, branches: &[Branch], freshness: Freshness) -> Result<View<'_>> {
        self.try_finish_checkout_updates();
        let deadline = Deadline::after(self.timeout);
        let mut view = match freshness {
            Freshness::Fetched => self.fetch_view(branches, deadline),
            Freshness::AsKnown => View::load(self, branches, freshness),
        }?;
        if !view.is_current && branches.iter().any(|branch| self.is_out_of_sight(&view, branch)) {
            view = self.fetch_view(branches, deadline)?;
        }
        let mut unusable_error = self.unusable_error(&view)?;
        if unusable_error.is_some() && !view.is_current {
            // Only a fetch can tell whether the remote lacks the branch too.
            view = self.fetch_view(branches, deadline)?;
            unusable_error = self.unusable_error(&view)?;
        }
        if let Some(error) = unusable_error {
            return Err(error);
        }
        self.report_set_back(&view);
        Ok(view)
    }

    pub(super) fn fetch_view(&self, branches: &[Branch], deadline: Deadline) -> Result<View<'_>> {
        let mut view = self.fetch_view_once(branches, deadline)?;
        // When a push of another process of this clone is answered, its git sets the ref here, also where this fetch has
        // brought a newer state meanwhile. So an older state counts only when two fetches find it.
        while view.branches().any(|branch| view.set_back(branch).is_some()) {
            let again = self.fetch_view_once(branches, deadline)?;
            let is_same = again.published() == view.published();
            view = again;
            if is_same {
                break;
            }
        }
        Ok(view)
    }

    fn fetch_view_once(&self, branches: &[Branch], deadline: Deadline) -> Result<View<'_>> {
        // All coordination branches are fetched by one pattern, so one more costs nothing.
        let mut all = [branches, self.unlisted_data_branch(branches)?.as_slice()].concat();
        all.extend(self.work.iter().filter(|work| !branches.contains(work)).cloned());
        let lacking = self.fetch_branches(&all, deadline)?;
        Ok(View::load(self, branches, Freshness::Fetched)?.without(lacking))
    }

    /// Whether this clone cannot know a branch of the coordination or of the task data, since nothing fetched it yet.
    /// Such clones are those of one branch, and the checkouts of jobs.
    fn is_out_of_sight(&self, view: &View<'_>, branch: &Branch) -> bool {
        let Channel::Remote(remote) = &self.channel else { return false };
        let is_home = self.code_home.as_ref().is_some_and(|home| home.branch == *branch);
        let is_ours = || matches!(branch.as_str(), LOCKS | DATA) && !remote::tracks(self.repository, remote, branch);
        view.tip(branch).published.is_none() && view.gone(branch).is_none() && (is_home || is_ours())
    }

    /// The error that keeps a command from using these branches, unless it is the one that repairs them.
    pub(super) fn unusable_error(&self, view: &View<'_>) -> Result<Option<Error>> {
        if self.repairs {
            return Ok(None);
        }
        Ok(match self.gone_error(view.all_gone()) {
            Some(error) => Some(error),
            None => self.unpublished_locks(view)?.map(|_| self.unpublished_error()),
        })
    }

    /// Reports branches that were set back, for a command that publishes nothing and so is not refused.
    pub(super) fn report_set_back(&self, view: &View<'_>) {
        for branch in view.branches().filter(|_| view.is_current && !self.repairs) {
            if let Some(set_back) = view.set_back(branch) {
                let message = self.set_back_message(branch, set_back);
                (self.progress)(&format!("{message}; git aitask init restores it"));
            }
        }
    }

    /// Reads files and folders as this clone knows them to be published. One process.
    pub(crate) fn read_known(&self, wanted: &[(&Branch, String)]) -> Result<Found> {
        let names = wanted.iter().map(|(branch, path)| (at(branch, path), at(self.channel.published(branch), path)));
        Found::load(self.refs, names)
    }

    /// Fetches, and reads files and folders as they are published. One connection and one more process.
    ///
    /// # Errors
    /// Those of the connection, and [`Kind::BranchGone`].
    pub(crate) fn fetch(&self, wanted: &[(&Branch, String)]) -> Result<Found> {
        let branches: Vec<_> = wanted.iter().map(|(branch, _)| (*branch).clone()).collect();
        self.fetch_branches(&branches, Deadline::after(self.timeout))?;
        let files = wanted.iter().map(|(branch, path)| (at(branch, path), at(self.channel.published(branch), path)));
        let tips = branches.iter().map(|branch| (tip_of(branch), self.channel.published(branch).to_string()));
        let found = Found::load(self.refs, files.chain(tips))?;
        for branch in &branches {
            let tip = found.named(&tip_of(branch)).map(|commit| &commit.oid);
            if let Some(gone) = self.lost(branch, tip, None)? {
                return Err(gone);
            }
        }
        Ok(found)
    }

    /// Fetches the branches, where there is a remote. Returns the code branches that it lacks.
    pub(super) fn fetch_branches(&self, branches: &[Branch], deadline: Deadline) -> Result<Vec<Branch>> {
        if let Channel::Remote(remote) = &self.channel {
            let mut tries = 0;
            let lacking = loop {
                match self.refs.fetch(remote, branches, deadline.remaining()) {
                    Ok(lacking) => break lacking,
                    // Another git that fetches at the same time has the remote-tracking ref locked; it soon ends.
                    Err(error) if error.kind() == Kind::Contention && self.refs.wait(deadline, tries)? => tries += 1,
                    Err(error) => return Err(error),
                }
            };
            self.record_answer_time()?;
            self.require_code_home(&lacking)?;
            return Ok(lacking);
        }
        Ok(Vec::new())
    }
}

/// The key of the tip of a branch in [`Found`]; no file has this name.
fn tip_of(branch: &Branch) -> String {
    branch.full().to_string()
}

/// Why a transaction did not land within its time limit.
#[derive(Debug, Clone, Copy)]
pub(super) enum TimeoutCause {
    /// Other writers kept moving the branches.
    Others,
    /// The branches did not move, and yet the server refused: a lock file of a git that was killed is left there.
    Lock,
    /// The last push got no answer in time, and has not landed.
    NoAnswer,
}

/// The error of a transaction that did not land within its time limit.
pub(super) fn out_of_time(timeout: Duration, obstacle: TimeoutCause, said: &str) -> Error {
    let seconds = timeout.as_secs_f32();
    let error = |message| Error::new(Kind::Contention, message).advice("run the same command again");
    match obstacle {
        TimeoutCause::Others => error(format!("others kept changing the same branches for {seconds} s")),
        TimeoutCause::Lock => error(format!(
            "the refs are still locked on the server after {seconds} s, although no other process moves them: {said}"
        ))
        .advice("look for a stale .lock file beside the ref on the server"),
        TimeoutCause::NoAnswer => {
            let message = format!("the push got no answer within {seconds} s, and it has not landed: {said}");
            Error::new(Kind::Unreachable, message).advice("run the same command again")
        }
    }
}
