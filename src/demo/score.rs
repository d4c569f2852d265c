//! What the demo is asked for, and what it found.

use serde::Serialize;

/// How large, and what becomes of the folder.
#[derive(Debug, Clone)]
pub(crate) struct DemoOptions {
    /// Agent sessions.
    pub(crate) agents: usize,
    /// Tasks.
    pub(crate) tasks: usize,
    /// Clones, each somebody else's; never more than agents.
    pub(crate) clones: usize,
    /// Keep the folder.
    pub(crate) keep: bool,
}

/// What one agent did.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Score {
    /// The session, such as `Ann/2`.
    pub(crate) name: String,
    /// Whose it is.
    pub(crate) email: String,
    /// Tasks it filed.
    pub(crate) created: usize,
    /// Tasks it finished.
    pub(crate) finished: usize,
    /// Picks that somebody else won.
    pub(crate) picks_lost: usize,
    /// How long it was at work.
    pub(crate) seconds: f64,
}
