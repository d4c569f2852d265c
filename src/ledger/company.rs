//! With whom a push may go along: with those that happen to wait, or only with those without whom it must not be.

use crate::git::Repository;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// How long one who was called is waited for: about what a program that signs takes, at most, where nobody types anything.
pub(super) const JOINING: Duration = Duration::from_secs(10);

/// Whether a push may carry the commits of several processes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Company<'t> {
    /// It may.
    Welcome,
    /// Only those with which it is a train: its decision may take long, such as one that signs, and nobody else is to wait
    /// for that.
    Train(&'t Train),
}

/// What a transaction has to do with a train.
#[derive(Debug)]
pub(crate) struct Train {
    /// Whether the process with this place in line would hear a call.
    pub(super) listens: fn(&Repository, u64) -> bool,
    /// The name of the train to which this process is called.
    pub(crate) called: RefCell<Option<String>>,
    /// How it ended, where nothing was published.
    pub(crate) end: Cell<Option<TrainEnd>>,
    /// How many this process has begun: each has a record of its own.
    begun: Cell<u32>,
}

impl Train {
    /// Nothing yet; `listens`: whether the process with this place in line would hear a call.
    pub(crate) fn new(listens: fn(&Repository, u64) -> bool) -> Self {
        let (called, end, begun) = Default::default();
        Self { listens, called, end, begun }
    }

    /// The name of the next train that this process begins.
    pub(super) fn name(&self, nonce: &str) -> String {
        self.begun.set(self.begun.get() + 1);
        format!("{nonce}.{}", self.begun.get())
    }
}

/// Why a train was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrainEnd {
    /// This process was called, and could not add its commits.
    Missed,
    /// One of the others did not come, or could not.
    Incomplete,
    /// Something else was published meanwhile, or the process that had called this one is gone.
    Again,
    /// It was refused, and that may be due to the commits of one of them: each is to try alone.
    Refused,
}
