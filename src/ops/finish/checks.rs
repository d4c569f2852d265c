//! The checks of a finish: what must pass on the merged tree before anything is published.
//!
//! They run outside the transaction, since a check may take hours and the queue of the clone is not held for that long.
//! The transaction only looks whether what it would publish has passed. Where it has not, because others moved the output
//! branch meanwhile, the transaction ends with nothing changed, and what is there now is checked.
//!
//! Those of one clone that wait for the same checks stand in line. The first checks its own merge together with those of
//! all that wait behind it, each made on top of the one before. Those that have passed together land together, in one swap
//! ([`Train`](crate::ledger::Train)): each makes and signs its own merge on top of the one before. So nothing is on the
//! branch that was checked only with what is not there; where one of them cannot land after all, the others are checked
//! again without it. Each of those behind hears, when it is the first, whether what it would publish has passed.

use crate::coordination::process;
use crate::digest;
use crate::error::{Error, Kind, Payload, Result};
use crate::git::{Branch, Freshness, Oid, remote};
use crate::landing::check::{self, Slot};
use crate::landing::line::{Entry, Place, Waited, is_harmless};
use crate::landing::merge::{self, Merge, MergeMode};
use crate::landing::train::{self, Known, Next};
use crate::landing::turn::{ClonesTurn, wait_for_turn};
use crate::landing::verdict::{self, Check, Companion, Failure, Verdict};
use crate::ledger::{Ledger, TrainEnd, TransactionResult, View};
use crate::ops::finish::decide::{FinishDecision, FinishRequest, TaskWork, decide};
use crate::ops::finish::outcome::CheckTold;
use crate::ops::finish::rules::CommitRules;
use crate::ops::finish::{FinishOperation, FinishOutcome};
use crate::report;
use crate::task::TaskName;
use crate::waiting;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many lines of a check that failed are kept for another process to tell, and how many of them a document has.
const KEPT_LINES: usize = 400;
const SHOWN_LINES: usize = 40;

/// How many are checked, and land, together at most: more would make the first ones wait for the last ones.
const MOST: usize = 16;

/// What must be left of the time of one who is to land with others.
const LEAST: Duration = Duration::from_secs(5);

/// How often one tries to land with others where somebody of them is missing, before it is checked alone.
const TRIES: usize = 2;

/// What the checks of one finish have found so far.
#[derive(Debug, Default)]
pub(super) struct Checking {
    /// The commands, in order.
    commands: Vec<String>,
    /// The contents that have passed all of them, as far as this process knows; with those who were checked along.
    passed: BTreeMap<String, Vec<Companion>>,
    /// Those on which one of them has failed.
    failed: BTreeSet<String>,
    /// The place in line, once this finish stands there.
    place: Option<Place>,
    /// The commits to check that were made, by what is merged and on what.
    commits: BTreeMap<[Oid; 2], Oid>,
    /// The merges of others, likewise; none for one that cannot be made there.
    merges: BTreeMap<[Oid; 2], Option<(Merge, String)>>,
    /// A merged tree, or for a fast-forward the tip of the task branch, with the digest of its content.
    content: Option<(Oid, String)>,
    /// Places in line of those with whom what the last attempt would publish has passed.
    with: Vec<u64>,
    /// Whether it waits for other clones no more.
    is_hasty: bool,
    /// Whether it is checked and lands alone from now on.
    is_alone: bool,
    /// How often somebody was missing who was to land with it.
    incomplete: usize,
    /// Whether the last attempt ended because what it would publish has not passed.
    is_missing: bool,
    /// The commands that this process has run, and that have passed.
    ran: BTreeSet<String>,
    /// What the answer tells of them.
    pub(super) told: Vec<CheckTold>,
    /// What they printed, where that was captured.
    pub(super) said: Vec<u8>,
}

/// A merge that is to be checked.
#[derive(Debug)]
struct Candidate {
    task: TaskName,
    tip: Oid,
    output: Oid,
    merge: Merge,
}

impl Candidate {
    /// The tree of the merge; for a fast-forward, the tip.
    fn tree(&self) -> &Oid {
        if let Merge::Tree(tree) = &self.merge { tree } else { &self.tip }
    }
}

/// One of the line, merged on top of those before it.
#[derive(Debug)]
struct Member {
    /// Its number in line.
    number: u64,
    task: String,
    tip: Oid,
    output: Oid,
    merge: Merge,
    content: String,
}

impl Member {
    fn companion(&self) -> Companion {
        Companion { number: self.number, tip: self.tip.to_string() }
    }
}

/// Whether others in line are checked along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Along {
    Others,
    Nobody,
}

impl Checking {
    /// Gives the place in line to the next one.
    pub(super) fn leave_line(&mut self) {
        self.place = None;
    }

    /// Prepares the next try after a train was not published.
    fn after_train(&mut self, end: Option<TrainEnd>) {
        match end {
            // The others go on without it, and it decides for itself when it is its turn.
            Some(TrainEnd::Missed) => self.place = None,
            Some(TrainEnd::Incomplete) => {
                self.incomplete += 1;
                self.is_alone |= self.incomplete >= TRIES;
            }
            Some(TrainEnd::Refused) => {
                self.is_alone = true;
                self.place.iter_mut().for_each(Place::stand_alone);
            }
            Some(TrainEnd::Again) | None => {}
        }
    }

    /// Places in line of those without whom what the last attempt planned must not be published.
    pub(super) fn with(&self) -> Vec<u64> {
        self.with.clone()
    }

    /// The checks that the options name, else the settings.
    pub(super) fn new(options: &[String], settings: &[String]) -> Self {
        let commands = if options.is_empty() { settings } else { options };
        let commands = commands.iter().filter(|command| !command.trim().is_empty()).cloned().collect();
        Self { commands, ..Self::default() }
    }
}

/// Whether what ran before would say the same again.
fn is_final(error: &Error) -> bool {
    CommitRules::refused(error) || error.kind() == Kind::Interrupted
}

impl FinishOperation<'_> {
    /// Publishes the finish. Where the output branch has moved to a content that has not passed the checks, they run on
    /// that, and it is tried again; `rehearses`: also before the first try.
    pub(super) fn land(
        &mut self,
        ledger: &Ledger<'_>,
        all: &[Branch],
        mut rehearses: bool,
    ) -> Result<TransactionResult<FinishOutcome>> {
        let mark = self.mark.clone();
        let mut uncertain = None;
        loop {
            let seen = match rehearses.then(|| self.rehearse(ledger, all)).transpose() {
                Ok(seen) => seen.flatten(),
                Err(error) => return Err(uncertain.unwrap_or(error)),
            };
            self.checking.is_missing = false;
            let is_old = seen.is_some() && !self.checking.ran.is_empty();
            let mut is_refused = false;
            let landed = ledger.transact_on(seen, &mark, all, |view| {
                let decided = self.attempt(view);
                is_refused = decided.is_err();
                decided
            });
            let end = self.train.end.take();
            match landed {
                // Any other kind says more.
                Err(error)
                    if (self.checking.is_missing || end.is_some())
                        && matches!(error.kind(), Kind::Contention | Kind::Unknown) =>
                {
                    // A push may have landed, or may still land: the next view shows whether it has, and then there is
                    // nothing left to do. Else, whatever keeps this finish from landing, that is not certain.
                    if error.kind() == Kind::Unknown {
                        uncertain = Some(error);
                    }
                    self.checking.after_train(end);
                    rehearses = true;
                }
                // The view is as old as the check, in which another command may have finished the task and removed its
                // worktree: then this refusal is of what is no more.
                Err(error) if is_old && is_refused && !is_final(&error) => rehearses = false,
                landed => return landed.map_err(|error| uncertain.unwrap_or(error)),
            }
        }
    }

    /// Does what may take long before the transaction, outside the queue in which other commands wait: the checks, and the
    /// user's rules, which may ask for a passphrase. Returns the view on which that was done, where it was; the
    /// transaction begins with it, and does only again what another view needs. A check is made on a view that was fetched.
    fn rehearse<'r>(&mut self, ledger: &'r Ledger<'_>, all: &[Branch]) -> Result<Option<View<'r>>> {
        let FinishRequest { options, mode, .. } = self.request;
        let has_checks = !self.checking.commands.is_empty();
        let may_have_rules = !options.no_push && mode != MergeMode::Ff && !self.context.dry_run;
        let has_rules = may_have_rules && CommitRules::has_any(self.context)?;
        if !has_checks && !has_rules {
            return Ok(None);
        }
        if !has_checks {
            let view = ledger.view(all, Freshness::AsKnown)?;
            match self.attempt(&view) {
                Ok(_) => return Ok(Some(view)),
                Err(error) if is_final(&error) => return Err(error),
                Err(_) => {}
            }
        }
        let view = if has_checks {
            match self.checked_view(ledger, all)? {
                Some((view, true)) => view,
                // Any refusal is the same in the transaction, which first looks whether the view can be used.
                Some((view, false)) => return Ok(Some(view)),
                None => return Ok(None),
            }
        } else {
            ledger.view(all, Freshness::Fetched)?
        };
        match has_rules.then(|| self.attempt(&view)) {
            Some(Err(error)) if is_final(&error) => Err(error),
            _ => Ok(Some(view)),
        }
    }

    /// Waits in line, and checks what would be published. Returns the view on which that has passed, and true; or, where there
    /// is nothing to check, for a refusal for instance, false. `None` where it is called to a train, for which it has passed.
    fn checked_view<'r>(&mut self, ledger: &'r Ledger<'_>, all: &[Branch]) -> Result<Option<(View<'r>, bool)>> {
        let mut view = ledger.view(all, Freshness::Fetched)?;
        let mut is_fresh = true;
        loop {
            let candidate = match self.look(&view) {
                Ok(Some(candidate)) => candidate,
                Err(error) if error.kind() == Kind::Interrupted => return Err(error),
                Ok(None) | Err(_) => return Ok(Some((view, false))),
            };
            self.stand_in_line(&candidate, ledger)?;
            let repository = &self.context.repository;
            let is_stopped = |pid| process::is_stopped(repository, pid);
            let waited = self.checking.place.as_mut().map(|place| place.wait(self.context.progress, &is_stopped));
            match waited.transpose()? {
                Some(Waited::Called(train)) => {
                    self.train.called.replace(Some(train));
                    return Ok(None);
                }
                Some(Waited::First { has_waited: true }) => {
                    // What those before have published is known here, without a connection.
                    view = ledger.view(all, Freshness::AsKnown)?;
                    is_fresh = false;
                    continue;
                }
                Some(Waited::First { has_waited: false }) | None => {}
            }
            let content = self.content(candidate.tree())?;
            if self.has_passed(&candidate, &content)
                || (is_fresh && self.is_turn_of_clone()? && self.prove(&candidate, content, Along::Others)?)
            {
                return Ok(Some((view, true)));
            }
            // A check may take hours, so that the next one is on what is published then.
            view = ledger.view(all, Freshness::Fetched)?;
            is_fresh = true;
        }
    }

    /// Waits until no other clone of this machine checks and lands. Returns whether nobody had to be waited for: else the
    /// output branch has moved.
    fn is_turn_of_clone(&mut self) -> Result<bool> {
        let Some(place) = self.checking.place.as_ref().filter(|_| !self.checking.is_hasty) else { return Ok(true) };
        let turn = wait_for_turn(self.context, place)?;
        self.checking.is_hasty = turn == ClonesTurn::NotWaitedFor;
        Ok(turn == ClonesTurn::Ours)
    }

    /// What is to be checked, on a view; `None` where nothing is.
    fn look(&mut self, view: &View<'_>) -> Result<Option<Candidate>> {
        let (seen, _) = self.gather(view)?;
        Ok(self.candidate(view, &decide(seen, &self.request)?))
    }

    fn candidate(&self, view: &View<'_>, finishing: &FinishDecision) -> Option<Candidate> {
        let TaskWork { tip, merge, .. } = finishing.work.as_ref()?;
        let merge = merge.clone().filter(|merge| *merge != Merge::Already && !self.checking.commands.is_empty())?;
        let output = view.base(self.request.into)?.clone();
        Some(Candidate { task: finishing.task.name().clone(), tip: tip.clone(), output, merge })
    }

    /// Requires that what would be published has passed.
    ///
    /// # Errors
    /// [`Kind::Contention`] where it has not, and is to be checked outside the transaction.
    pub(super) fn require_checked(&mut self, view: &View<'_>, finishing: &FinishDecision) -> Result<()> {
        (self.checking.is_missing, self.checking.with) = Default::default();
        let Some(candidate) = self.candidate(view, finishing) else { return Ok(()) };
        let content = match self.checking.content.take().filter(|(tree, _)| tree == candidate.tree()) {
            Some((_, content)) => content,
            None => self.content(candidate.tree())?,
        };
        if self.has_passed(&candidate, &content) {
            return Ok(());
        }
        // A dry run publishes nothing that others could wait for; and where some branches have landed, on a server that
        // takes one after the other, the transaction must not end.
        if self.context.dry_run || !view.landed.is_empty() {
            return self.prove(&candidate, content, Along::Nobody).map(drop);
        }
        self.checking.is_missing = true;
        Err(Error::new(Kind::Contention, format!("{} moved to what has not passed the check", self.request.into)))
    }

    /// The digest of the content of a merged tree.
    fn content(&self, tree: &Oid) -> Result<String> {
        verdict::content(&self.context.repository, tree, self.request.into == self.request.data)
    }

    /// The checks of a task.
    fn checks(&self, task: &TaskName) -> Vec<Check> {
        self.checking.commands.iter().map(|command| Check::new(self.context, command, task)).collect()
    }

    /// Whether a merge with this content has passed; notes for the answer how that is known, and with whom it passed.
    fn has_passed(&mut self, candidate: &Candidate, content: &str) -> bool {
        let Some(with) = self.companions(&self.checks(&candidate.task), content) else { return false };
        let told = self.checks(&candidate.task).into_iter().map(|check| {
            let verdict = self.verdict(&check, content);
            CheckTold::new(check.command.clone(), self.checking.ran.contains(&check.command), verdict)
        });
        self.checking.told = told.collect();
        self.checking.content = Some((candidate.tree().clone(), content.to_owned()));
        self.checking.with = with.into_iter().map(|companion| companion.number).collect();
        true
    }

    /// With whom a content has passed all checks; `None` where it has not, or where that does not count.
    fn companions(&self, checks: &[Check], content: &str) -> Option<Vec<Companion>> {
        if let Some(with) = self.checking.passed.get(content).filter(|with| self.counts(with)) {
            return Some(with.clone());
        }
        let verdicts: Option<Vec<_>> = checks.iter().map(|check| self.verdict(check, content)).collect();
        Some(verdicts?.into_iter().map(|verdict| verdict.with).max_by_key(Vec::len).unwrap_or_default())
    }

    /// The verdict of a check on a content, where it counts.
    fn verdict(&self, check: &Check, content: &str) -> Option<Verdict> {
        let verdict = check.verdict(&self.context.repository.records(), content);
        verdict.filter(|verdict| self.counts(&verdict.with))
    }

    /// Whether what passed together with others counts: all of them still wait in line with the same commits. Where one
    /// has left without landing, or cannot come, the content of the others has never been checked as it is.
    fn counts(&self, with: &[Companion]) -> bool {
        if with.is_empty() {
            return true;
        }
        let Some(place) = self.checking.place.as_ref().filter(|_| !self.checking.is_alone) else { return false };
        let behind = place.behind();
        with.iter().all(|Companion { number, tip }| {
            let is_companion = |(other, entry): &(u64, Entry)| {
                let is_same = other == number && entry.tip == *tip && entry.group.is_some();
                is_same && entry.listens(&self.context.repository)
            };
            behind.iter().any(is_companion)
        })
    }

    /// Takes the last place in the line of those who land on the output branch, where this finish has none.
    fn stand_in_line(&mut self, candidate: &Candidate, ledger: &Ledger<'_>) -> Result<()> {
        let (context, FinishRequest { options, mode, into, .. }) = (self.context, self.request);
        let lands = !options.no_push && !context.dry_run && !check::runs_for_this_clone(context);
        if !lands || self.checking.place.is_some() {
            return Ok(());
        }
        let (own, is_renamed) = self.own.clone();
        // What is no merge of the tip changes what those behind it are merged into.
        let can_go_along = mode == MergeMode::Merge && !is_renamed && !self.checking.is_alone;
        // One push for all ends in time for the one who has the least.
        let can_go_along = can_go_along && waiting::left() >= LEAST;
        // Those who push another way do not land in one swap.
        let way = ledger.way().filter(|_| can_go_along && !remote::runs_pre_push(&context.repository));
        let group = |way: String| digest::of((way + &verdict::group(&self.checks(&candidate.task))).as_bytes());
        let entry = Entry {
            into: into.to_string(),
            task: candidate.task.id().prefixed(),
            branch: candidate.task.branch_name(),
            tip: candidate.tip.to_string(),
            own,
            group: way.map(group),
            pid: std::process::id(),
            leads: false,
        };
        match Place::take(&context.repository.records(), entry) {
            Ok(place) => self.checking.place = Some(place),
            Err(error) if is_harmless(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Runs the checks on a merge with this content, and on those of the line behind it, as far as they have not passed
    /// before. Returns whether it has passed; else it is to be looked again, since only the others were the cause.
    ///
    /// # Errors
    /// [`Kind::CheckFailed`] where it does not pass.
    fn prove(&mut self, candidate: &Candidate, content: String, along: Along) -> Result<bool> {
        let checks = self.checks(&candidate.task);
        let line = self.line(candidate, content, along)?;
        let known: Vec<_> = line.iter().map(|member| self.known(&checks, member)).collect();
        let run = match train::next(&known) {
            Next::Refuse => return Err(self.refusal(&checks, &line, &candidate.task)),
            Next::Land(passed) => {
                let passed = line.get(..passed).unwrap_or_default();
                let with = passed.last().and_then(|last| self.companions(&checks, &last.content));
                self.remember(&checks, passed, &with.unwrap_or_default());
                true
            }
            Next::Check(count) => self.check(&checks, line.get(..count).unwrap_or_default(), &candidate.task)?,
        };
        Ok(run && line.first().is_some_and(|own| self.has_passed(candidate, &own.content)))
    }

    /// The line: this finish, and those behind it that want the same, each merged on top of the ones before. What cannot be
    /// merged there is left out, and decides for itself when it is the first.
    fn line(&mut self, candidate: &Candidate, content: String, along: Along) -> Result<Vec<Member>> {
        let place = self.checking.place.as_ref().filter(|_| along == Along::Others && !self.checking.is_alone);
        let group = place.and_then(|place| place.entry.group.clone());
        let mut behind = place.filter(|_| group.is_some()).map(Place::behind).unwrap_or_default();
        behind.retain(|(_, entry)| entry.listens(&self.context.repository));
        behind.truncate(MOST - 1);
        let mut line = vec![Member {
            number: place.map_or(0, |place| place.number),
            task: candidate.task.id().prefixed(),
            tip: candidate.tip.clone(),
            output: candidate.output.clone(),
            merge: candidate.merge.clone(),
            content,
        }];
        for (number, entry) in behind.into_iter().take_while(|(_, entry)| entry.group == group) {
            let (Some((branch, tip)), Some(before)) = (entry.work(), line.last()) else { continue };
            let output = self.commit(before)?;
            let key = [output.clone(), tip.clone()];
            if !self.checking.merges.contains_key(&key) {
                let merged = self.merge_of_another(&output, (&branch, &tip), &entry.own)?;
                self.checking.merges.insert(key.clone(), merged);
            }
            if let Some(Some((merge, content))) = self.checking.merges.get(&key) {
                let (merge, content) = (merge.clone(), content.clone());
                line.push(Member { number, task: entry.task, tip, output, merge, content });
            }
        }
        Ok(line)
    }

    fn merge_of_another(
        &self,
        output: &Oid,
        (branch, tip): (&Branch, &Oid),
        own: &[String],
    ) -> Result<Option<(Merge, String)>> {
        let own: Vec<_> = own.iter().map(String::as_str).collect();
        match merge::plan(self.context, MergeMode::Merge, output, self.request.into, tip, branch, &own) {
            Ok(Merge::Tree(tree)) => Ok(Some((Merge::Tree(tree.clone()), self.content(&tree)?))),
            Err(error) if error.kind() == Kind::Interrupted => Err(error),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// The commit of a merge, to be checked and to be merged into.
    fn commit(&mut self, member: &Member) -> Result<Oid> {
        let key = [member.output.clone(), member.tip.clone()];
        if let Some(commit) = self.checking.commits.get(&key) {
            return Ok(commit.clone());
        }
        let commit = check::commit_of(&self.context.repository, &member.output, &member.merge, &member.tip)?;
        self.checking.commits.insert(key, commit.clone());
        Ok(commit)
    }

    fn known(&self, checks: &[Check], member: &Member) -> Known {
        let (records, content) = (self.context.repository.records(), &member.content);
        let has_failed = |check: &Check| check.failure(&records, content, member.number).is_some();
        if self.companions(checks, content).is_some() {
            Known::Passed
        } else if self.checking.failed.contains(content) || checks.iter().any(has_failed) {
            Known::Failed
        } else {
            Known::Unknown
        }
    }

    /// Remembers that merges, one on top of the other, have passed together, and with those who come on top of them.
    fn remember(&mut self, checks: &[Check], members: &[Member], on_top: &[Companion]) {
        let records = self.context.repository.records();
        for (n, member) in members.iter().enumerate() {
            let with: Vec<_> =
                members.iter().skip(n + 1).map(Member::companion).chain(on_top.iter().cloned()).collect();
            let unknown = checks.iter().filter(|check| self.verdict(check, &member.content).is_none());
            for check in unknown.filter(|_| !self.context.dry_run) {
                check.remember(&records, &member.content, with.clone());
            }
            self.checking.passed.insert(member.content.clone(), with);
        }
    }

    /// Runs the checks on the last of these, which are made one on top of the other; returns whether they have passed.
    ///
    /// # Errors
    /// [`Kind::CheckFailed`] where only the first one can be the cause.
    fn check(&mut self, checks: &[Check], members: &[Member], task: &TaskName) -> Result<bool> {
        let (context, Some(last)) = (self.context, members.last()) else { return Ok(true) };
        let (records, is_alone) = (context.repository.records(), members.len() == 1);
        let slot = Slot::take(context)?;
        if !is_alone {
            let tasks: Vec<_> = members.iter().map(|member| member.task.as_str()).collect();
            (context.progress)(&format!("the check runs for {} together", tasks.join(", ")));
        }
        // What a check looks at between the commit and its first parent is the work of all of them.
        let commit = match members.first().filter(|_| !is_alone) {
            Some(first) => {
                let all = self.commit(last)?;
                check::commit_of(&context.repository, &first.output, &last.merge, &all)?
            }
            None => self.commit(last)?,
        };
        for check in checks {
            // It may have passed elsewhere while this waited.
            if self.verdict(check, &last.content).is_some_and(|verdict| verdict.with.is_empty()) {
                continue;
            }
            let output = check::run(context, &slot, &check.command, task, &commit, context.json || !is_alone)?;
            if is_alone {
                check::require_passed(&output, &check.command, task)?;
            } else if !output.success() {
                let (message, lines) = (check::failed(&output.ending(), &check.command), output.last_lines(KEPT_LINES));
                // One that was killed tells nothing of what it ran on.
                if output.code.is_some() {
                    check.note_failure(&records, &last.content, &Failure { message, lines, up_to: last.number });
                }
                self.checking.failed.insert(last.content.clone());
                return Ok(false);
            }
            self.checking.said.extend([output.stdout, output.stderr].concat());
            if !context.dry_run {
                check.remember(&records, &last.content, Vec::new());
            }
            self.checking.ran.insert(check.command.clone());
        }
        self.remember(checks, members, &[]);
        Ok(true)
    }

    /// The refusal of a merge that another finish of the line has found to fail, with what the check printed there.
    fn refusal(&self, checks: &[Check], line: &[Member], task: &TaskName) -> Error {
        let records = self.context.repository.records();
        let of =
            |member: &Member| checks.iter().find_map(|check| check.failure(&records, &member.content, member.number));
        let Some(Failure { message, lines, .. }) = line.first().and_then(of) else {
            return check::with_hint(Error::new(Kind::CheckFailed, "the check failed on the merged tree"), task);
        };
        if !self.context.json {
            report::pass_on(
                &lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect::<Vec<_>>(),
            );
        }
        let shown = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n");
        let error = check::with_hint(Error::new(Kind::CheckFailed, message), task);
        if shown.is_empty() { error } else { error.with(Payload::Output { output: shown }) }
    }
}
