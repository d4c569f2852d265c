//! The checks of a finish: what must pass on the merged tree before anything is published.
//!
//! They run outside the transaction, since a check may take hours and the queue of the clone is not held for that long.
//! The transaction only looks whether what it would publish has passed. Where it has not, because others moved the output
//! branch meanwhile, the transaction ends with nothing changed, and what is there now is checked.

use crate::error::{Error, Kind, Result};
use crate::git::{Branch, Freshness, Oid};
use crate::landing::check::{self, Slot};
use crate::landing::merge::{Merge, MergeMode};
use crate::landing::verdict::{self, Check};
use crate::ledger::{Ledger, TransactionResult, View};
use crate::ops::finish::decide::{FinishDecision, FinishRequest, TaskWork, decide};
use crate::ops::finish::outcome::CheckTold;
use crate::ops::finish::rules::CommitRules;
use crate::ops::finish::{FinishOperation, FinishOutcome};
use crate::task::TaskName;
use std::collections::BTreeSet;

/// What the checks of one finish have found so far.
#[derive(Debug, Default)]
pub(super) struct Checking {
    /// The commands, in order.
    commands: Vec<String>,
    /// The contents that have passed all of them, as far as this process knows.
    passed: BTreeSet<String>,
    /// The merged tree that was found to have passed; for a fast-forward, the tip of the task branch.
    tree: Option<Oid>,
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

impl Checking {
    /// The checks that the options name, else the settings.
    pub(super) fn new(options: &[String], settings: &[String]) -> Self {
        let commands = if options.is_empty() { settings } else { options };
        let commands = commands.iter().filter(|command| !command.trim().is_empty()).cloned().collect();
        Self { commands, ..Self::default() }
    }
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
        loop {
            let seen = if rehearses { self.rehearse(ledger, all)? } else { None };
            match ledger.transact_on(seen, &mark, all, |view| self.attempt(view)) {
                // Any other kind says more: that a push may have landed, for instance.
                Err(error) if self.checking.is_missing && error.kind() == Kind::Contention => rehearses = true,
                landed => return landed,
            }
        }
    }

    /// Does what may take long before the transaction, outside the queue in which other commands wait: the checks, and the
    /// user's rules, which may ask for a passphrase. Returns the view on which that was done; the transaction begins with
    /// it, and does only again what another view needs. A check is made on a view that was fetched.
    fn rehearse<'r>(&mut self, ledger: &'r Ledger<'_>, all: &[Branch]) -> Result<Option<View<'r>>> {
        let FinishRequest { options, mode, .. } = self.request;
        let has_checks = !self.checking.commands.is_empty();
        let may_have_rules = !options.no_push && mode != MergeMode::Ff && !self.context.dry_run;
        let has_rules = may_have_rules && CommitRules::has_any(self.context)?;
        if !has_checks && !has_rules {
            return Ok(None);
        }
        // What ran before and would say the same again.
        let is_final = |error: &Error| CommitRules::refused(error) || error.kind() == Kind::Interrupted;
        if !has_checks {
            let view = ledger.view(all, Freshness::AsKnown)?;
            match self.attempt(&view) {
                Ok(_) => return Ok(Some(view)),
                Err(error) if is_final(&error) => return Err(error),
                Err(_) => {}
            }
        }
        let view = ledger.view(all, Freshness::Fetched)?;
        if has_checks {
            match self.look(&view) {
                Ok(Some(candidate)) => self.prove(&candidate)?,
                Err(error) if is_final(&error) => return Err(error),
                // Any refusal is the same in the transaction, which first looks whether the view can be used.
                Ok(None) | Err(_) => return Ok(Some(view)),
            }
            if !has_rules {
                return Ok(Some(view));
            }
        }
        match self.attempt(&view) {
            Err(error) if is_final(&error) => Err(error),
            _ => Ok(Some(view)),
        }
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
        Some(Candidate { task: finishing.task.name.clone(), tip: tip.clone(), output, merge })
    }

    /// Requires that what would be published has passed.
    ///
    /// # Errors
    /// [`Kind::Contention`] where it has not, and is to be checked outside the transaction.
    pub(super) fn require_checked(&mut self, view: &View<'_>, finishing: &FinishDecision) -> Result<()> {
        self.checking.is_missing = false;
        let Some(candidate) = self.candidate(view, finishing) else { return Ok(()) };
        if self.checking.tree.as_ref() == Some(candidate.tree()) {
            return Ok(());
        }
        let content = self.content(candidate.tree())?;
        if self.has_passed(&candidate, &content) {
            return Ok(());
        }
        // A dry run publishes nothing that others could wait for; and where some branches have landed, on a server that
        // takes one after the other, the transaction must not end.
        if self.context.dry_run || !view.landed.is_empty() {
            return self.prove(&candidate);
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

    /// Whether a merge with this content has passed; notes for the answer how that is known.
    fn has_passed(&mut self, candidate: &Candidate, content: &str) -> bool {
        let records = self.context.repository.records();
        let told = self.checks(&candidate.task).into_iter().map(|check| {
            let verdict = check.verdict(&records, content);
            let is_known = self.checking.passed.contains(content) || verdict.is_some();
            is_known.then(|| CheckTold::new(check.command.clone(), self.checking.ran.contains(&check.command), verdict))
        });
        let told: Option<Vec<_>> = told.collect();
        let Some(told) = told else { return false };
        self.checking.told = told;
        self.checking.tree = Some(candidate.tree().clone());
        true
    }

    /// Runs the checks on a merge, as far as they have not passed on its content before.
    ///
    /// # Errors
    /// [`Kind::CheckFailed`] for the first one that fails.
    fn prove(&mut self, candidate: &Candidate) -> Result<()> {
        let task = &candidate.task;
        let content = self.content(candidate.tree())?;
        if self.has_passed(candidate, &content) {
            return Ok(());
        }
        let records = self.context.repository.records();
        let _slot = Slot::take(self.context)?;
        let commit = check::commit_of(&self.context.repository, &candidate.output, &candidate.merge, &candidate.tip)?;
        for check in self.checks(task) {
            // Again, since it may have passed elsewhere while this waited.
            if check.verdict(&records, &content).is_some() {
                continue;
            }
            let output = check::run(self.context, &check.command, task, &commit, self.context.json)?;
            check::require_passed(&output, &check.command, task)?;
            self.checking.said.extend([output.stdout, output.stderr].concat());
            if !self.context.dry_run {
                check.remember(&records, &content, false);
            }
            self.checking.ran.insert(check.command);
        }
        self.checking.passed.insert(content.clone());
        self.has_passed(candidate, &content);
        Ok(())
    }
}
