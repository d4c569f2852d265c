//! What the demo is asked for, and what it found.

use serde::Serialize;

/// How large, and what becomes of the folder.
#[derive(Debug, Clone)]
pub struct Options {
    /// Agent sessions.
    pub agents: usize,
    /// Tasks.
    pub tasks: usize,
    /// Clones, each somebody else's; never more than agents.
    pub clones: usize,
    /// Keep the folder.
    pub keep: bool,
}

/// What one agent did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Score {
    /// The session, such as `Ann/2`.
    pub name: String,
    /// Whose it is.
    pub email: String,
    /// Tasks it filed.
    pub created: usize,
    /// Tasks it finished.
    pub finished: usize,
    /// Picks that somebody else won.
    pub picks_lost: usize,
    /// How long it was at work.
    pub seconds: f64,
}
