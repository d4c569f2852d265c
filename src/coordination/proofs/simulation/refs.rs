//! The refs of one process: those of its clone in memory, with a connection that fails by chance. Before each call other
//! processes may run, or this one may be killed.

use super::World;
use super::commands::Fault;
use crate::error::{Error, Kind, Result};
use crate::git::objects::{BuiltObjects, NewCommit};
use crate::git::porcelain::cat_file::Object;
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::porcelain::push::{Flag, PushReport, PushedRef};
use crate::git::refs::Swap;
use crate::git::remote::{PushOptions, Pushed};
use crate::git::{Branch, Oid, RefName, RefUpdate, RemoteName};
use crate::ledger::backoff::Deadline;
use crate::ledger::memory::{Clone, PushFate};
use crate::ledger::refs::Refs;
use crate::ledger::{DATA, IDS, LOCKS};
use corosensei::Yielder;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

/// More waits than this do not fit into the time limit of a command.
const WAITS: u32 = 8;

/// The refs of a process.
pub(super) struct ProcessRefs<'w> {
    world: &'w World,
    clone: &'w Clone,
    command: usize,
    yielder: &'w Yielder<(), ()>,
    /// Whether something went wrong that a command may report as an error.
    disturbed: Cell<bool>,
}

impl std::fmt::Debug for ProcessRefs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the refs of command {}", self.command)
    }
}

impl<'w> ProcessRefs<'w> {
    pub(super) fn new(world: &'w World, clone: &'w Clone, command: usize, yielder: &'w Yielder<(), ()>) -> Self {
        Self { world, clone, command, yielder, disturbed: Cell::new(false) }
    }

    pub(super) fn was_disturbed(&self) -> bool {
        self.disturbed.get()
    }

    /// Lets other processes run.
    fn step(&self) {
        if !self.world.quiet.get() {
            self.yielder.suspend(());
        }
    }

    /// Something that happens once in so many times, and that the command may report.
    fn disturb(&self, times: usize) -> bool {
        let happens = !self.world.quiet.get() && self.world.chance.one_in(times);
        self.disturbed.set(self.disturbed.get() || happens);
        happens
    }

    fn fate(&self) -> PushFate {
        if self.world.quiet.get() {
            return PushFate::Answered;
        }
        let calls = || u8::try_from(self.world.chance.below(8)).unwrap();
        let fate = match self.world.chance.below(24) {
            0 | 1 => PushFate::Unheard,
            2 => PushFate::Lost,
            3 | 4 => PushFate::Late(calls()),
            5 => PushFate::Busy,
            6 => PushFate::Denied,
            7 | 8 => PushFate::Twice(calls()),
            _ => PushFate::Answered,
        };
        let is_heard = matches!(fate, PushFate::Answered | PushFate::Twice(_));
        self.disturbed.set(self.disturbed.get() || !is_heard);
        fate
    }

    /// The answer of the remote is on its way.
    fn travel(&self) {
        if !self.world.quiet.get() {
            (0..self.world.chance.below(4)).for_each(|_| self.step());
        }
    }
}

fn answer(update: &RefUpdate, flag: Flag) -> PushedRef {
    PushedRef { flag, to: update.name.clone(), summary: String::new(), reason: None }
}

fn unreachable() -> Error {
    Error::new(Kind::Unreachable, "the remote cannot be reached")
}

impl Refs for ProcessRefs<'_> {
    fn tips(&self, names: &[RefName]) -> Result<BTreeMap<RefName, Oid>> {
        self.step();
        self.clone.tips(names)
    }

    fn fetch(&self, remote: &RemoteName, _: &[Branch], _: Duration) -> Result<Vec<Branch>> {
        self.step();
        if self.disturb(24) {
            return Err(unreachable());
        }
        // one fetch brings all coordination branches, whichever it is for
        let branches = [LOCKS, IDS, DATA].map(|name| Branch::parse(name).unwrap());
        let names: Vec<_> = branches.iter().map(|branch| branch.tracking(remote)).collect();
        let before = self.clone.tips(&names)?;
        let answer = self.clone.ask(&branches);
        self.travel();
        if self.disturb(24) {
            return Err(unreachable());
        }
        // git sets a ref only where it still has the value that was read when the fetch began
        if self.clone.tips(&names)? != before {
            return Err(Error::new(Kind::Contention, "another git has moved the ref"));
        }
        self.clone.receive(remote, answer);
        Ok(Vec::new())
    }

    fn objects(&self, names: &[String]) -> Result<Vec<Option<Object>>> {
        self.step();
        self.clone.objects(names)
    }

    fn list(&self, commit: &Oid, folders: &[&str]) -> Result<Vec<TreeEntry>> {
        self.step();
        self.clone.list(commit, folders)
    }

    fn is_ancestor(&self, ancestor: &Oid, commit: &Oid) -> Result<bool> {
        self.step();
        self.clone.is_ancestor(ancestor, commit)
    }

    fn base(&self, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>> {
        self.step();
        self.clone.base(ours, theirs)
    }

    fn build(&self, commits: &[NewCommit]) -> Result<BuiltObjects> {
        self.step();
        if self.world.fault != Some(Fault::NoNonce) {
            return self.clone.build(commits);
        }
        let without = |commit: &NewCommit| {
            let message = commit.message.split("\n\n").next().unwrap_or_default().to_owned();
            NewCommit { message, ..commit.clone() }
        };
        self.clone.build(&commits.iter().map(without).collect::<Vec<_>>())
    }

    fn removed(&self, pairs: String) -> Result<Vec<Vec<u8>>> {
        self.step();
        self.clone.removed(pairs)
    }

    fn push(&self, remote: &RemoteName, updates: &[RefUpdate], options: PushOptions) -> Result<Pushed> {
        self.step();
        let mut updates = updates.to_vec();
        if self.world.fault == Some(Fault::NoLease) {
            updates.retain(|update| !update.is_guard());
            for update in &mut updates {
                update.old = self.world.remote.tip(&update.name);
            }
        }
        // git compares what it does not send, such as a guard, only with what the remote has when the push begins
        let is_there = |update: &RefUpdate| self.world.remote.tip(&update.name) == update.new;
        let (kept, sent): (Vec<_>, Vec<_>) = updates.into_iter().partition(is_there);
        if sent.iter().all(|update| self.world.remote.tip(&update.name) == update.old) {
            self.travel();
        }
        let kept = kept.iter().map(|update| answer(update, Flag::UpToDate));
        self.clone.next_push(self.command, self.fate());
        let pushed = self.clone.push(remote, &sent, options)?;
        self.travel();
        Ok(match (self.world.fault, pushed) {
            (Some(Fault::UnknownIsLost), Pushed::Unknown(_)) => Pushed::NotSent(unreachable()),
            (Some(Fault::UnknownIsWon), Pushed::Unknown(_)) => {
                let refs = sent.iter().map(|update| answer(update, Flag::FastForward)).chain(kept).collect();
                Pushed::Answered(PushReport { refs, done: true, said: Vec::new() })
            }
            (_, Pushed::Answered(mut report)) => {
                report.refs.extend(kept);
                Pushed::Answered(report)
            }
            (_, pushed) => pushed,
        })
    }

    fn swap(&self, updates: &[RefUpdate], reason: &str) -> Result<Swap> {
        self.step();
        self.clone.swap(updates, reason)
    }

    fn follow(&self, refs: &[(RefName, &Oid)]) -> Result<()> {
        self.step();
        self.clone.follow(refs)
    }

    fn wait(&self, _: Deadline, attempt: u32) -> Result<bool> {
        self.step();
        let is_over = attempt >= WAITS;
        self.disturbed.set(self.disturbed.get() || is_over);
        Ok(!is_over && !self.disturb(40))
    }
}
