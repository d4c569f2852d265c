//! The transaction: read a view, decide, build the commits, publish them, and start again only if a tip really moved.
//!
//! Why this order is safe: until the push nothing is visible to anybody, so a command that is killed before it has done
//! nothing. The push moves all refs or none and compares each with the tip the decision read, so what lands was decided
//! on the current state. Local branches and checkouts follow after it; when a command is killed there, they lag behind
//! and the next command brings them forward.

use crate::error::{Error, Kind, Result};
use crate::git::objects::{Edit, NewCommit, ParentCommit};
use crate::git::{Branch, Oid, RefUpdate, destination, remote};
use crate::ledger::backoff::Deadline;
use crate::ledger::fetch::{TimeoutCause, out_of_time};
use crate::ledger::group::{JoinedEnd, JoinedSwap, Swapped, Turn};
use crate::ledger::plan::{CheckoutChange, Decision, Plan, TransactionResult, marked};
use crate::ledger::publish::{Outcome, SwapResult, hooks};
use crate::ledger::unconfirmed::{SentPush, UnconfirmedPushes};
use crate::ledger::view::View;
use crate::ledger::{Channel, Company, Ledger};
use crate::report::activity;
use std::collections::{BTreeMap, BTreeSet};

/// How often the refs are read again while they show a part of a push. They are set within milliseconds.
const LOOKS: u32 = 20;

/// The error to report when some branches have landed already, on a server without atomic push. Unless it is a refusal,
/// it becomes [`Kind::Unknown`]: then the operations keep their records, and the same command, run again, finishes the
/// job.
fn after(error: Error, landed: &BTreeSet<Branch>) -> Error {
    if landed.is_empty() {
        return error;
    }
    let names: Vec<_> = landed.iter().map(Branch::as_str).collect();
    let more = format!("; already published: {}", names.join(", "));
    if error.kind() == Kind::Unknown || error.kind().exit_code() == 1 {
        return error.append(&more);
    }
    Error::new(Kind::Unknown, format!("{error}{more}")).advice("run the same command again: it finishes the job")
}

/// Whether a tree that has one of these files cannot have the other, since one is the folder of the other.
fn excludes(one: &str, other: &str) -> bool {
    let is_below = |file: &str, folder: &str| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    is_below(one, other) || is_below(other, one)
}

/// The commits of a plan in the object store.
pub(super) struct BuiltPlan {
    /// The refs to move.
    pub(super) updates: Vec<RefUpdate>,
    /// The blobs of the files that were written, by path.
    pub(super) blobs: BTreeMap<String, Oid>,
}

impl Ledger<'_> {
    /// Reads `branches`, lets `decide` make a plan, and publishes it in one swap; `nonce` marks every commit.
    ///
    /// The first view may be of the tips this clone knows, which saves a connection: if the swap succeeds, they were
    /// current. A refusal, or "nothing to do", has no swap that would prove this, so it is returned only after a fetch.
    pub(crate) fn transact<T>(
        &self,
        nonce: &str,
        branches: &[Branch],
        decide: impl FnMut(&View<'_>) -> Result<Decision<T>>,
    ) -> Result<TransactionResult<T>> {
        self.transact_on(None, nonce, branches, decide)
    }

    /// As [`Self::transact`], with a first view that was read before. The swap proves that it was current.
    pub(crate) fn transact_on<T>(
        &self,
        seen: Option<View<'_>>,
        nonce: &str,
        branches: &[Branch],
        mut decide: impl FnMut(&View<'_>) -> Result<Decision<T>>,
    ) -> Result<TransactionResult<T>> {
        let mut turn = Turn::enter(self, nonce)?;
        if turn.called.is_none() {
            self.finish_checkout_updates()?;
        }
        let (mut unconfirmed, mut landed) = (UnconfirmedPushes::new(), BTreeSet::new());
        let all = self.with_fence(branches.to_vec())?;
        let outcome = self.attempts(&mut turn, seen, nonce, all, &mut decide, (&mut unconfirmed, &mut landed));
        activity::note_attempt(0);
        let outcome = outcome.map_err(|error| after(unconfirmed.explain(error), &landed))?;
        let queue = matches!(self.company, Company::Train(_)).then(|| turn.take_place());
        Ok(TransactionResult { queue, ..outcome })
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one attempt from the view to the outcome, which is read from top to bottom"
    )]
    fn attempts<'l, T>(
        &'l self,
        turn: &mut Turn<'l, '_>,
        seen: Option<View<'l>>,
        nonce: &str,
        mut branches: Vec<Branch>,
        decide: &mut dyn FnMut(&View<'_>) -> Result<Decision<T>>,
        (unconfirmed, landed): (&mut UnconfirmedPushes<T>, &mut BTreeSet<Branch>),
    ) -> Result<TransactionResult<T>> {
        let deadline = Deadline::after(self.timeout);
        let mut looks = 0;
        turn.settle_unless_quick(seen.is_some(), deadline)?;
        let mut view = seen.map_or_else(|| turn.first_view(&branches, deadline), Ok)?;
        for attempt in 0.. {
            activity::note_attempt(attempt);
            // Before anything else: a push without an answer may have landed, and pushing again would do the change
            // twice.
            if let Some(sent) = unconfirmed.look_up(self, &view) {
                return Ok(self.landed(&view, sent, true));
            }
            if view.is_current && unconfirmed.is_half_seen(self, &view) {
                looks += 1;
                if looks > LOOKS {
                    return Err(Error::new(Kind::Contention, "other processes of this clone kept setting the refs"));
                }
                view = turn.fetch_view(&branches, deadline)?;
                continue;
            }
            if view.is_current {
                view.require_home()?;
            }
            if let Some(error) = self.unusable_error(&view)? {
                if view.is_current {
                    return Err(error);
                }
                view = turn.fetch_view(&branches, deadline)?;
                continue;
            }
            // The task data seems to have moved to its own branch. Only a fetched view can prove that.
            if view.data_moved {
                view = turn.fetch_view(&branches, deadline)?;
                continue;
            }
            // On a server without atomic push `decide` must not plan again what has landed already.
            view.landed.clone_from(landed);
            let decision = decide(&view);
            if view.asks_more(&mut branches) {
                view = turn.fetch_view(&branches, deadline)?;
                continue;
            }
            let (plan, value) = match decision {
                // A dry run has no swap that would discover an outdated view, so it needs a fetched one.
                Ok(Decision::Publish(plan, value)) if view.is_current || !self.dry_run => (plan, value),
                Ok(_) | Err(_) if !view.is_current => {
                    view = turn.fetch_view(&branches, deadline)?;
                    continue;
                }
                Ok(Decision::Publish(plan, value)) => (plan, value),
                Ok(Decision::NoChange(value)) => {
                    if let Some(error) = unconfirmed.still_open() {
                        return Err(error);
                    }
                    self.report_set_back(&view);
                    let forward = || self.update_checkouts(&view, &BTreeMap::new(), &[]);
                    let lagging = if self.dry_run { Vec::new() } else { forward()? };
                    return Ok(TransactionResult { lagging, ..TransactionResult::unmoved(value) });
                }
                Err(error) => {
                    self.report_set_back(&view);
                    return Err(self.with_other_remote_hint(error, &view));
                }
            };
            let plan = self.fenced_from_home(&view, plan)?;
            if let Some(error) = self.refusal(&view, &plan)? {
                if view.is_current {
                    return Err(self.with_other_remote_hint(error, &view));
                }
                view = turn.fetch_view(&branches, deadline)?;
                continue;
            }
            // The objects exist from here on, but no ref points to them: a command that is killed now has changed
            // nothing.
            let BuiltPlan { updates, blobs } = self.build(&view, &plan, nonce)?;
            let command = self.command(&updates)?;
            if self.dry_run {
                return Ok(TransactionResult { updates, blobs, command, ..TransactionResult::unmoved(value) });
            }
            // Read before the swap: what the user types into these files from now on must survive the update of the
            // checkout.
            let adopted = self.read_uncommitted_inputs(&plan, &blobs)?;
            let subject =
                plan.branches.iter().flat_map(|plan| &plan.steps).find_map(|step| step.subject.lines().next());
            let change = CheckoutChange { subject: subject.unwrap_or("aitask"), adopted, written: plan.written() };
            let swapped = turn.swap(&plan, &view, &updates, &change, deadline)?;
            let mut sent = SentPush { updates, value, blobs, adopted: change.adopted, command };
            let outcome = match swapped {
                Swapped::Alone(SwapResult { before, outcome }) => {
                    let is_fence =
                        |branch: &Branch| plan.branches.iter().any(|plan| plan.branch == *branch && plan.is_fence());
                    landed.extend(before.into_iter().filter(|branch| !is_fence(branch)));
                    outcome
                }
                Swapped::Joined(JoinedSwap { end, is_pusher, updates }) => match end {
                    JoinedEnd::Landed(lagging) => {
                        let SentPush { updates, value, blobs, command, .. } = sent;
                        let unmoved = TransactionResult::unmoved(value);
                        return Ok(TransactionResult { updates, blobs, lagging, command, ..unmoved });
                    }
                    JoinedEnd::Refused => {
                        turn.come_back_alone(deadline)?;
                        view = turn.view(&branches)?;
                        continue;
                    }
                    // Who pushed fetches before anybody else comes to the head again.
                    JoinedEnd::Stale(_) if !is_pusher && !deadline.remaining_for_attempt().is_zero() => {
                        turn.come_back(deadline)?;
                        view = turn.view(&branches)?;
                        continue;
                    }
                    JoinedEnd::Stale(said) => Outcome::Stale(said),
                    JoinedEnd::Failed(error) => Outcome::Failed(error),
                    JoinedEnd::Unknown(error) => {
                        sent.updates = updates;
                        Outcome::Unknown(error)
                    }
                },
            };
            let (said, answered) = match outcome {
                Outcome::Landed(push) => {
                    let mut landed = self.landed(&view, sent, false);
                    landed.lagging.extend(push.lagging);
                    return Ok(TransactionResult { addresses: push.addresses, ..landed });
                }
                Outcome::Denied(error) | Outcome::Failed(error) => return Err(error),
                Outcome::Stale(said) => (said, true),
                Outcome::Unknown(error) => {
                    let said = error.to_string();
                    unconfirmed.add(sent, error);
                    (said, false)
                }
            };
            turn.come_back(deadline)?;
            // The view is fetched also after the last wait: it tells whether the push landed after all, and whether
            // other writers or a lock file on the server were in the way.
            let is_last = !self.refs.wait(deadline, attempt)?;
            let before = view.published().into_iter().map(|(b, oid)| (b.clone(), oid.cloned())).collect::<Vec<_>>();
            view = turn.fetch_view(&branches, deadline)?;
            if is_last {
                let moved = view.published().into_iter().map(|(b, oid)| (b.clone(), oid.cloned())).ne(before);
                let obstacle = match (answered, moved) {
                    (false, _) => TimeoutCause::NoAnswer,
                    (true, true) => TimeoutCause::Others,
                    (true, false) => TimeoutCause::Lock,
                };
                let found = unconfirmed.look_up(self, &view);
                let landed = found.map(|sent| self.landed(&view, sent, true));
                return landed.ok_or_else(|| out_of_time(self.timeout, obstacle, &said));
            }
        }
        Err(Error::new(Kind::Bug, "an endless loop ended"))
    }

    pub(super) fn build(&self, view: &View<'_>, plan: &Plan, nonce: &str) -> Result<BuiltPlan> {
        let mut commits = Vec::new();
        let plan = &if self.lacks_atomic_push() { plan.clone().fenced_first() } else { plan.clone() };
        for branch in &plan.branches {
            let base = branch.start.clone().or_else(|| view.base(&branch.branch).cloned());
            for (n, step) in branch.steps.iter().enumerate() {
                let parent = match &base {
                    _ if n > 0 => ParentCommit::Previous,
                    Some(base) => ParentCommit::Commit(base.clone()),
                    None => ParentCommit::Root,
                };
                let (merged, tree) = step.merge.clone().map_or((None, step.tree.clone()), |(m, t)| (Some(m), Some(t)));
                // The scripts commit locally and push later, so no commit of theirs needs to be found again by a nonce.
                let subject = &step.subject;
                let message = if nonce.is_empty() { format!("{subject}\n") } else { marked(subject, nonce) };
                commits.push(NewCommit { parent, merged, tree, edits: step.edits.clone(), message });
            }
        }
        let built = self.refs.build(&commits)?;
        if built.may_remove {
            self.guard(&commits, &built.commits)?;
        }
        let paths = commits.iter().flat_map(|commit| &commit.edits).filter_map(|edit| match edit {
            Edit::Put { path, .. } => Some(path.clone()),
            Edit::Take { .. } | Edit::Remove { .. } | Edit::Rename { .. } => None,
        });
        let blobs = paths.zip(built.blobs).collect();
        let mut made = built.commits.into_iter();
        let (mut updates, mut first) = (Vec::new(), None);
        for branch in &plan.branches {
            let made: Vec<_> = made.by_ref().take(branch.steps.len()).collect();
            let (name, old) = (branch.branch.full(), view.tip(&branch.branch).published);
            let new = made.last().cloned().or_else(|| branch.start.clone());
            // The fence is pushed by itself before all other branches, and the rest of its branch in its turn.
            let fence = made.first().filter(|_| branch.has_fence_first()).cloned();
            if let Some(fence) = &fence {
                first = Some(RefUpdate { name: name.clone(), old: old.clone(), new: Some(fence.clone()) });
            }
            updates.push(RefUpdate { name, old: fence.or(old), new });
        }
        Ok(BuiltPlan { updates: first.into_iter().chain(updates).collect(), blobs })
    }

    /// Checks that no commit loses a file that the plan did not name: a mistake here would release locks or delete
    /// tasks of others. A tree in which the files of the plan have no place is refused. One process.
    fn guard(&self, commits: &[NewCommit], built: &[Oid]) -> Result<()> {
        let mut pairs = String::new();
        let mut expected = BTreeSet::new();
        let mut previous: Option<&Oid> = None;
        for (commit, new) in commits.iter().zip(built) {
            let parent = match &commit.parent {
                ParentCommit::Root => None,
                ParentCommit::Commit(oid) => Some(oid),
                ParentCommit::Previous => previous,
            };
            if let (Some(from), None) = (parent, &commit.tree) {
                pairs.extend([new.as_str(), " ", from.as_str(), "\n"]);
            }
            expected.extend(commit.edits.iter().filter_map(|edit| match edit {
                Edit::Remove { path } | Edit::Rename { from: path, .. } => Some(path.clone().into_bytes()),
                Edit::Put { .. } | Edit::Take { .. } => None,
            }));
            previous = Some(new);
        }
        let removed = self.refs.removed(pairs)?;
        let Some(path) = removed.into_iter().find(|path| !expected.contains(path)) else { return Ok(()) };
        let path = String::from_utf8_lossy(&path).into_owned();
        let edits = commits.iter().flat_map(|commit| &commit.edits);
        let named = edits.filter_map(|edit| match edit {
            Edit::Remove { path } => Some(path.as_str()),
            edit => edit.written(),
        });
        match named.into_iter().find(|file| excludes(&path, file)) {
            // Somebody put a file, a link or a submodule where a folder must be, or the reverse.
            Some(file) => Err(Error::new(Kind::Occupied, format!("{path} is in the place of {file}"))
                .hint(command!["git log --", path].note("shows who put it there; it must be moved or removed"))),
            None => {
                Err(Error::new(Kind::Bug, format!("the new commit would remove {path}, which the plan does not name")))
            }
        }
    }

    fn command(&self, updates: &[RefUpdate]) -> Result<String> {
        Ok(match &self.channel {
            Channel::Local => "git update-ref --stdin".to_owned(),
            Channel::Remote(name) => {
                destination::require_one_repository(self.repository, name, self.timeout)?;
                let options = remote::PushOptions {
                    atomic: updates.len() > 1,
                    hooks: hooks(updates),
                    dry_run: false,
                    limit: self.timeout,
                };
                remote::push_call(self.repository, name, updates, options).command_line()
            }
        })
    }

    /// Finishes a transaction that has landed, as was answered, or as was found in a view. What goes wrong here is reported
    /// but is no error: the change is published.
    fn landed<T>(&self, view: &View<'_>, sent: SentPush<T>, is_found: bool) -> TransactionResult<T> {
        let SentPush { updates, value, blobs, adopted, command } = sent;
        let tips = updates.iter().filter_map(|update| Some((update.name.branch()?, update.new.clone()?))).collect();
        self.update_tracking_refs(view, &updates, is_found);
        let lagging = self.update_checkouts(view, &tips, &adopted).unwrap_or_else(|error| {
            (self.progress)(&format!("this is published, but the checkouts could not be updated: {error}"));
            Vec::new()
        });
        let unmoved = TransactionResult::unmoved(value);
        TransactionResult { updates, blobs, lagging, command, looked_up: is_found, ..unmoved }
    }
}

#[cfg(test)]
mod tests;
