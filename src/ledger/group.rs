//! The turn of a transaction in the queue of its clone, and the pushes that go along with its own.
//!
//! Every process decides for itself and builds its own commits. What it can leave to others is the push: where the one
//! behind it pushes the same way, it hands over and waits for the outcome ([`Convoy`]). So the decisions of a convoy are made
//! one after the other, each on what the one before it has planned, and one swap proves them all, with leases on what the
//! first one read. What has no swap that proves it, a refusal or "nothing to do", is decided after the convoy was pushed.

use crate::digest;
use crate::error::{Error, Kind, Result};
use crate::git::run::{is_local_variable, on_terminal};
use crate::git::{Branch, Freshness, RefUpdate, remote};
use crate::interrupt::{self, POLL_INTERVAL};
use crate::ledger::backoff::Deadline;
use crate::ledger::company::JOINING;
use crate::ledger::convoy::{Convoy, End, PendingRefs};
use crate::ledger::plan::{CheckoutChange, OutdatedCheckout, Plan};
use crate::ledger::publish::{LandedPush, Outcome, SwapResult, hooks};
use crate::ledger::queue::{Entry, Queue};
use crate::ledger::tickets::{Tickets, Waiting};
use crate::ledger::view::View;
use crate::ledger::{Channel, Company, DATA, IDS, LOCKS, Ledger};
use crate::waiting;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::time::Instant;

/// The turn of one transaction.
pub(super) struct Turn<'t, 'r> {
    pub(super) ledger: &'t Ledger<'r>,
    pub(super) nonce: &'t str,
    queue: Queue,
    /// Its number in the queue, once it has left.
    place: Option<u64>,
    has_left: bool,
    /// With whom its pushes may be joined; empty for nobody.
    group: OnceCell<String>,
    /// The commits of others that wait for a push.
    convoy: Option<Convoy>,
    /// Whether it pushes by itself from now on.
    is_alone: bool,
    /// The train to which it was called, until it has added its commits.
    pub(super) called: Option<Convoy>,
    /// Whether another clone was first before.
    has_lost: bool,
}

/// How a swap ended.
pub(super) enum Swapped {
    /// That of this process alone.
    Alone(SwapResult),
    /// That of several processes.
    Joined(JoinedSwap),
}

/// How the swap of several processes ended.
pub(super) struct JoinedSwap {
    pub(super) end: JoinedEnd,
    /// Whether this process pushed for all.
    pub(super) is_pusher: bool,
    /// The moves of this process, from what the refs had before the push.
    pub(super) updates: Vec<RefUpdate>,
}

/// The outcome for one of them.
pub(super) enum JoinedEnd {
    /// It landed; with the checkouts that could not be updated.
    Landed(Vec<OutdatedCheckout>),
    /// A ref did not have the expected value.
    Stale(String),
    /// Nothing was published; each is to try alone.
    Refused,
    /// It may have landed or not.
    Unknown(Error),
    /// Nothing was sent, and it would be the same for each alone.
    Failed(Error),
}

impl<'t, 'r> Turn<'t, 'r> {
    /// Waits for the head of the queue.
    pub(super) fn enter(ledger: &'t Ledger<'r>, nonce: &'t str) -> Result<Self> {
        let group = OnceCell::new();
        if let Some(train) = ledger.called_to() {
            return Self::enter_called(ledger, nonce, &train);
        }
        let name = || group.get_or_init(|| ledger.group(nonce)).clone();
        let entry = Entry { place: None, group: &name };
        let queue = Queue::enter_as(ledger.repository, ledger.timeout, ledger.progress, entry)?;
        let mut turn = Self {
            ledger,
            nonce,
            queue,
            place: None,
            has_left: false,
            group,
            convoy: None,
            is_alone: false,
            called: None,
            has_lost: false,
        };
        turn.look();
        Ok(turn)
    }

    /// Takes the turn of one that is called to a train: the process that began it is at the head of the queue for all.
    fn enter_called(ledger: &'t Ledger<'r>, nonce: &'t str, train: &str) -> Result<Self> {
        let (queue, group) = (Queue::outside(), OnceCell::new());
        let way = ledger.way().unwrap_or_default();
        let Some(convoy) = Convoy::of_call(&ledger.repository.records(), train, &way) else {
            return Err(ledger.missed("it was not waited for"));
        };
        Ok(Self {
            ledger,
            nonce,
            queue,
            place: None,
            has_left: true,
            group,
            convoy: None,
            is_alone: false,
            called: Some(convoy),
            has_lost: false,
        })
    }

    /// The place at the head of the queue, which this turn gives away.
    pub(super) fn take_place(&mut self) -> Queue {
        std::mem::replace(&mut self.queue, Queue::outside())
    }

    fn group(&self) -> String {
        self.group.get_or_init(|| self.ledger.group(self.nonce)).clone()
    }

    /// Looks for commits of others that wait for a push.
    fn look(&mut self) {
        if self.queue.is_ours() {
            self.convoy = Convoy::pending(&self.ledger.repository.records(), &|| self.group());
        }
    }

    /// The view with which a transaction begins: a fetched one where nobody waits for a push, and another clone pushed lately
    /// or this is a dry run, which must have one in the end; else [`Self::view`].
    pub(super) fn first_view(&mut self, branches: &[Branch], deadline: Deadline) -> Result<View<'t>> {
        // In other clones the decision says which task branches are to be fetched.
        let Ledger { repository, channel, dry_run, .. } = self.ledger;
        let brings_all = |remote| *dry_run && remote::fetches_task_branches(repository, remote);
        let fetches = || channel.remote().is_some_and(brings_all) || self.ledger.forget_recent_push_of_others();
        let is_alone = self.called.is_none() && self.convoy.is_none();
        if is_alone && fetches() { self.fetch_view(branches, deadline) } else { self.view(branches) }
    }

    /// The view of the tips that this clone knows, and of those that wait for a push.
    pub(super) fn view(&self, branches: &[Branch]) -> Result<View<'t>> {
        let none = PendingRefs::new();
        let pending = self.called.as_ref().or(self.convoy.as_ref()).map_or(&none, Convoy::refs);
        View::load_on(self.ledger, branches, pending)
    }

    /// Pushes what others have handed over where the decision of this process may take long.
    pub(super) fn settle_unless_quick(&mut self, has_seen: bool, deadline: Deadline) -> Result<()> {
        let is_apart = matches!(self.ledger.company, Company::Train(_)) && self.called.is_none();
        if has_seen || is_apart { self.settle(deadline) } else { Ok(()) }
    }

    /// A fetched view; what waits for a push is pushed before.
    pub(super) fn fetch_view(&mut self, branches: &[Branch], deadline: Deadline) -> Result<View<'t>> {
        if self.called.is_some() {
            return Err(self.ledger.missed("what was checked along cannot land now"));
        }
        self.settle(deadline)?;
        self.ledger.fetch_view(branches, deadline)
    }

    /// Pushes what others have handed over, since this process cannot join them. However that ends, they are told.
    pub(super) fn settle(&mut self, deadline: Deadline) -> Result<()> {
        match self.convoy.take() {
            Some(convoy) => self.push(convoy, deadline).map(drop),
            None => Ok(()),
        }
    }

    /// Enters the queue again, at its former place, after others have pushed for it.
    pub(super) fn come_back(&mut self, deadline: Deadline) -> Result<()> {
        if !std::mem::take(&mut self.has_left) {
            return Ok(());
        }
        let group = || if self.is_alone { String::new() } else { self.group() };
        let entry = Entry { place: Some(self.place.unwrap_or(0)), group: &group };
        let Ledger { repository, timeout, progress, .. } = *self.ledger;
        self.queue = Queue::enter_as(repository, timeout.min(deadline.remaining()), progress, entry)?;
        self.look();
        if self.is_alone { self.settle(deadline) } else { Ok(()) }
    }

    /// As [`Self::come_back`], to try alone.
    pub(super) fn come_back_alone(&mut self, deadline: Deadline) -> Result<()> {
        self.is_alone = true;
        self.come_back(deadline)?;
        self.settle(deadline)
    }

    /// Publishes the updates of a plan: alone, or with those of others.
    pub(super) fn swap(
        &mut self,
        plan: &Plan,
        view: &View<'_>,
        updates: &[RefUpdate],
        change: &CheckoutChange<'_>,
        deadline: Deadline,
    ) -> Result<Swapped> {
        let guarded = [updates, &view.guards(updates)].concat();
        if self.called.is_some() || !plan.with.is_empty() {
            return self.swap_in_train(plan, view, updates, &guarded, deadline).map(Swapped::Joined);
        }
        let next = self.next();
        if (next.is_some() || self.convoy.is_some()) && self.ledger.may_join(plan, view, updates) {
            let mut convoy = self.convoy.take().unwrap_or_else(|| Convoy::new(self.group(), self.has_lost));
            if convoy.add(&guarded, deadline.remaining_for_attempt()) {
                let next = next.filter(|_| convoy.may_grow());
                let records = self.ledger.repository.records();
                let is_handed_over =
                    next.is_some_and(|next| convoy.hand_over(&records, self.nonce, next.number).is_ok());
                if is_handed_over || convoy.is_shared() {
                    let joined = self.swap_with_others(convoy, is_handed_over, updates, deadline)?;
                    self.has_lost |= matches!(joined.end, JoinedEnd::Stale(_));
                    return Ok(Swapped::Joined(joined));
                }
            } else {
                self.convoy = Some(convoy).filter(Convoy::is_shared);
            }
        }
        self.settle(deadline)?;
        Ok(Swapped::Alone(self.ledger.swap(&guarded, change, deadline)?))
    }

    /// The process behind this one, where the pushes of both may be joined.
    fn next(&self) -> Option<Waiting> {
        if !self.queue.is_ours() || self.is_alone {
            return None;
        }
        let next = self.queue.next(self.ledger.repository)?;
        (!next.group.is_empty() && next.group == self.group()).then_some(next)
    }

    pub(super) fn swap_with_others(
        &mut self,
        mut convoy: Convoy,
        is_handed_over: bool,
        updates: &[RefUpdate],
        deadline: Deadline,
    ) -> Result<JoinedSwap> {
        let before = convoy.before_push(updates);
        let joined = |end, is_pusher| Ok(JoinedSwap { end, is_pusher, updates: before });
        if is_handed_over {
            self.place = self.queue.leave().or(self.place);
            self.has_left = true;
            match self.wait_for_end(&mut convoy, deadline) {
                Ok(None) => {}
                Ok(Some(End::Landed)) => {
                    drop(convoy);
                    return joined(JoinedEnd::Landed(self.ledger.follow_others(updates)), false);
                }
                Ok(Some(End::Stale(said))) => return joined(JoinedEnd::Stale(said), false),
                Ok(Some(End::Refused)) => return joined(JoinedEnd::Refused, false),
                Ok(Some(End::Unknown(said))) => {
                    let error = Error::new(Kind::Unknown, format!("another process of this clone pushed: {said}"));
                    return joined(JoinedEnd::Unknown(error.advice("run the same command again")), false);
                }
                Ok(Some(End::Unreachable(said))) => {
                    let error = Error::new(Kind::Unreachable, said).advice("run the same command again");
                    return joined(JoinedEnd::Failed(error), false);
                }
                // A signal: others will push the commits of this process, or have done so.
                Err(error) => return joined(JoinedEnd::Unknown(error), false),
            }
        }
        let end = match self.push(convoy, deadline)? {
            Outcome::Landed(push) => JoinedEnd::Landed(push.lagging),
            Outcome::Stale(said) => JoinedEnd::Stale(said),
            Outcome::Denied(_) => JoinedEnd::Refused,
            Outcome::Failed(error) => JoinedEnd::Failed(error),
            Outcome::Unknown(error) => JoinedEnd::Unknown(error),
        };
        joined(end, true)
    }

    /// Waits until somebody has pushed what this process handed over; `None` where nobody will, and this process is at the
    /// head of the queue.
    fn wait_for_end(&mut self, convoy: &mut Convoy, deadline: Deadline) -> Result<Option<End>> {
        let repository = self.ledger.repository;
        let tickets = Tickets::new(repository.records());
        // The push ends before that for every member, which has kept time for a last query.
        let (mut since, mut limit) = (Instant::now(), deadline.remaining());
        // While others join a train, the time of nobody runs.
        let (is_train, mut stage) = (convoy.is_train(), convoy.stage());
        if is_train {
            limit = limit.saturating_add(JOINING);
        }
        let mut waited_for = None;
        loop {
            convoy.refresh();
            if is_train && stage != convoy.stage() {
                (since, stage) = (Instant::now(), convoy.stage());
            }
            if let Some(end) = convoy.end() {
                return Ok(Some(end.clone()));
            }
            if since.elapsed() >= limit {
                return Ok(Some(End::Unknown("it did not say how that ended".to_owned())));
            }
            let next = convoy.next();
            let mut goes_on = || since.elapsed() < limit && !convoy.has_ended();
            // Whoever begins a train stays at the head, and has no ticket that one could wait for.
            if next > 0 && waited_for.replace(next) != Some(next) {
                tickets.wait_for(next, &mut goes_on)?;
            } else if self.queue.come_to_head(repository, &mut || !is_train && goes_on())? {
                // The one behind has left without a push, or was killed.
                convoy.refresh();
                if convoy.next() != next {
                    self.queue.leave();
                    continue;
                }
                self.has_left = false;
                convoy.end_if_cut_off();
                let end = convoy.end().cloned();
                if end.is_some() {
                    self.look();
                }
                return Ok(end);
            } else if stage.1 || !is_train {
                waiting::pause(POLL_INTERVAL)?;
            } else {
                interrupt::pause(POLL_INTERVAL)?;
            }
        }
    }

    /// Pushes for all members of a convoy, and tells them how it ended.
    fn push(&self, mut convoy: Convoy, deadline: Deadline) -> Result<Outcome> {
        let updates = convoy.updates();
        convoy.begin_push()?;
        let change = CheckoutChange { subject: "aitask", adopted: Vec::new(), written: None };
        let (begun, limit) = (Instant::now(), convoy.left());
        let SwapResult { outcome, .. } = self.ledger.swap(&updates, &change, deadline.at_most(limit))?;
        Ok(match outcome {
            Outcome::Landed(push) => {
                let lagging = self.ledger.follow_all(&updates);
                convoy.ended(End::Landed);
                Outcome::Landed(LandedPush { lagging, ..push })
            }
            Outcome::Stale(said) => {
                convoy.ended(End::Stale(said.clone()));
                Outcome::Stale(said)
            }
            // It came before anything was sent, so it concerns this process alone.
            Outcome::Failed(error) if error.kind() == Kind::Interrupted => {
                convoy.ended(End::Stale(error.to_string()));
                Outcome::Failed(error)
            }
            // Within the time that all of them have.
            Outcome::Failed(error) if error.kind() == Kind::Unreachable && begun.elapsed() < limit => {
                convoy.ended(End::Unreachable(error.to_string()));
                Outcome::Failed(error)
            }
            Outcome::Denied(error) | Outcome::Failed(error) => {
                convoy.ended(End::Refused);
                Outcome::Denied(error)
            }
            Outcome::Unknown(error) => {
                convoy.ended(End::Unknown(error.to_string()));
                Outcome::Unknown(error)
            }
        })
    }
}

impl Ledger<'_> {
    /// Whether a plan may be published by another process: it adds commits to branches of this program alone, and neither a
    /// hook of the user nor a file of a checkout has to do with it.
    fn may_join(&self, plan: &Plan, view: &View<'_>, updates: &[RefUpdate]) -> bool {
        let is_plain = plan.adopt.is_empty()
            && plan.branches.iter().all(|branch| branch.start.is_none() && !branch.steps.is_empty())
            && plan
                .branches
                .iter()
                .flat_map(|branch| &branch.steps)
                .all(|step| step.merge.is_none() && step.tree.is_none());
        let moves = updates.iter().all(|RefUpdate { name, old, new }| {
            old.is_some() && new.is_some() && name.branch().is_some_and(|branch| self.is_joinable(&branch))
        });
        is_plain && moves && self.may_share_push(view, updates)
    }

    /// Whether commits on such a view may be published by another process, and together with those of others.
    pub(super) fn may_share_push(&self, view: &View<'_>, updates: &[RefUpdate]) -> bool {
        view.is_sound() && view.landed.is_empty() && !(hooks(updates) && remote::runs_pre_push(self.repository))
    }

    /// Whether moves of a branch may be pushed by another process.
    fn is_joinable(&self, branch: &Branch) -> bool {
        matches!(branch.as_str(), LOCKS | IDS | DATA)
            || self.data_only_branch.as_ref() == Some(branch)
            || self.code_home.as_ref().is_some_and(|home| home.branch == *branch)
    }

    /// With whom pushes may be joined; empty for nobody.
    fn group(&self, nonce: &str) -> String {
        let is_apart = matches!(self.company, Company::Train(_)) || nonce.is_empty();
        if is_apart { String::new() } else { self.way().unwrap_or_default() }
    }

    /// The way that pushes go: they may be joined with those that go to the same place in the same way, of the same user.
    /// `None` where they are nobody else's: where git could ask a person for a password, or signs the push.
    pub(crate) fn way(&self) -> Option<String> {
        let Channel::Remote(remote) = &self.channel else { return None };
        let config = self.repository.config();
        let signs = config.last("push.gpgsign").is_some_and(|value| !["false", "no", "off", "0"].contains(&value));
        if self.dry_run || signs || on_terminal() || self.lacks_atomic_push() {
            return None;
        }
        let uid = rustix::process::getuid().as_raw().to_string();
        let mut words = vec![env!("CARGO_PKG_VERSION").to_owned(), uid, remote.to_string()];
        let of_remote = format!("remote.{remote}.");
        let reaches =
            |key: &&str| key.starts_with(&of_remote) || ["url.", "core.", "ssh."].iter().any(|it| key.starts_with(it));
        words.extend(config.keys().filter(reaches).map(|key| format!("{key}={:?}", config.all(key))));
        let variables = self.repository.git().environment().all();
        let variables = variables.filter(|(name, _)| reaches_push(&name.to_string_lossy()));
        words.extend(variables.map(|(name, value)| format!("{}={}", name.display(), value.display())));
        Some(digest::of(words.join("\n").as_bytes()))
    }

    /// After a push for several: brings this clone to what all of them published. What goes wrong is reported, and no error:
    /// it is published.
    fn follow_all(&self, updates: &[RefUpdate]) -> Vec<OutdatedCheckout> {
        let moved: Vec<_> = updates.iter().filter(|update| !update.is_guard()).cloned().collect();
        let tips: BTreeMap<_, _> =
            moved.iter().filter_map(|update| Some((update.name.branch()?, update.new.clone()?))).collect();
        let there = updates.iter().filter(|update| update.new.is_some());
        let branches: Vec<_> = there.filter_map(|update| update.name.branch()).collect();
        let followed = View::load(self, &branches, Freshness::AsKnown).and_then(|view| {
            self.update_tracking_refs(&view, &moved, false);
            self.update_checkouts(&view, &tips, &[])
        });
        self.reported(followed)
    }

    /// After another process has pushed for this one: makes sure that the local branch with the task data has it.
    fn follow_others(&self, updates: &[RefUpdate]) -> Vec<OutdatedCheckout> {
        let followed = self.try_to_follow_others(updates);
        self.reported(followed)
    }

    fn try_to_follow_others(&self, updates: &[RefUpdate]) -> Result<Vec<OutdatedCheckout>> {
        let moved = updates.iter().filter_map(|update| Some((update.name.branch()?, update.new.as_ref()?)));
        let moved: BTreeMap<_, _> = moved.filter(|(branch, _)| !matches!(branch.as_str(), LOCKS | IDS)).collect();
        if moved.is_empty() || self.keep_checkouts {
            return Ok(Vec::new());
        }
        let names: Vec<_> = moved.keys().map(Branch::full).collect();
        let here = self.refs.tips(&names)?;
        let mut behind = Vec::new();
        for (branch, new) in moved {
            if let Some(tip) = here.get(&branch.full())
                && !self.refs.is_ancestor(new, tip)?
            {
                behind.push(branch);
            }
        }
        if behind.is_empty() {
            return Ok(Vec::new());
        }
        let _queue = Queue::enter(self.repository, self.timeout, self.progress)?;
        let view = View::load(self, &behind, Freshness::AsKnown)?;
        self.update_checkouts(&view, &BTreeMap::new(), &[])
    }

    fn reported(&self, followed: Result<Vec<OutdatedCheckout>>) -> Vec<OutdatedCheckout> {
        followed.unwrap_or_else(|error| {
            (self.progress)(&format!("this is published, but the checkouts could not be updated: {error}"));
            Vec::new()
        })
    }
}

/// Whether a variable of the environment may say how git pushes: where to, as whom, through what. Those of the commits are not
/// among them, since every process builds its own.
fn reaches_push(name: &str) -> bool {
    const NOT: [&str; 8] = [
        "GIT_AUTHOR_",
        "GIT_COMMITTER_",
        "GIT_AITASK_",
        "GIT_EDITOR",
        "GIT_SEQUENCE_EDITOR",
        "GIT_PAGER",
        "GIT_OPTIONAL_LOCKS",
        // every call that uses the network sets it
        "GIT_TERMINAL_PROMPT",
    ];
    const PREFIXES: [&str; 14] = [
        "GIT_",
        "SSH_AUTH_",
        "SSH_ASKPASS",
        "SSL_",
        "CURL_",
        "LD_",
        "KRB5",
        "GCM_",
        "GH_",
        "GITHUB_",
        "GITLAB_",
        "AWS_",
        "AZURE_",
        "GOOGLE_",
    ];
    const NAMES: [&str; 8] =
        ["HOME", "PATH", "NETRC", "GNUPGHOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "USER"];
    const PARTS: [&str; 5] = ["TOKEN", "PASSWORD", "SECRET", "CREDENTIAL", "_PROXY"];
    if is_local_variable(name) || NOT.iter().any(|prefix| name.starts_with(prefix)) {
        return false;
    }
    let upper = name.to_ascii_uppercase();
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || PARTS.iter().any(|part| upper.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_how_git_pushes_is_compared_and_what_says_who_commits_is_not() {
        for name in [
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_COUNT",
            "GIT_CONFIG_KEY_0",
            "GIT_CONFIG_PARAMETERS",
            "GIT_CONFIG_GLOBAL",
            "GIT_ASKPASS",
            "SSH_AUTH_SOCK",
            "HOME",
            "https_proxy",
            "MY_DEPLOY_TOKEN",
        ] {
            assert!(reaches_push(name), "{name}");
        }
        for name in [
            "GIT_AUTHOR_DATE",
            "GIT_COMMITTER_NAME",
            "GIT_AITASK_SESSION",
            "GIT_TERMINAL_PROMPT",
            "GIT_DIR",
            "AIT_AGENT_PID",
            "PWD",
            "TERM",
        ] {
            assert!(!reaches_push(name), "{name}");
        }
    }
}
