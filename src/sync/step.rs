//! The result of one step of a sync, and what the steps so far have done.

use crate::error::Error;
use crate::sync::outcome::{Reconciled, SyncFailure};

/// Why no further step follows.
pub(crate) enum Stop {
    /// The outcome is known.
    Answer(Reconciled),
    /// An error that is no outcome of a sync.
    Broke(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broke(error)
    }
}

/// What follows a step.
pub(crate) enum NextStep {
    /// The sync is complete.
    Done,
    /// The remote or the checkout changed meanwhile, so the steps start again.
    Again,
}

pub(crate) type StepResult<T = ()> = Result<T, Stop>;

pub(crate) fn failed<T>(failure: SyncFailure, error: Error) -> StepResult<T> {
    Err(Stop::Answer(Reconciled::Failed(failure, error)))
}

#[derive(Debug, Default)]
pub(crate) struct SyncEffects {
    pub(crate) pulled: bool,
    pub(crate) pushed: bool,
    pub(crate) merged: bool,
}

impl SyncEffects {
    pub(crate) fn answer(&self) -> Reconciled {
        match self {
            Self { merged: true, .. } => Reconciled::Merged,
            Self { pulled: true, pushed: true, .. } => Reconciled::Both,
            Self { pushed: true, .. } => Reconciled::Pushed,
            Self { pulled: true, .. } => Reconciled::Pulled,
            _ => Reconciled::Nothing,
        }
    }
}
