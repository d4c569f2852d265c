//! The options of the demonstration, and what each agent did.

use serde::Serialize;

/// The options of `git aitask demo`.
#[derive(Debug, Clone)]
pub(crate) struct DemoOptions {
    /// The number of agent sessions.
    pub(crate) agents: usize,
    /// The number of tasks.
    pub(crate) tasks: usize,
    /// The number of clones, each of another person; never more than agents.
    pub(crate) clones: usize,
    /// Whether the folder is kept.
    pub(crate) keep: bool,
}

/// What one agent did.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Score {
    /// The session, such as `Ann/2`.
    pub(crate) name: String,
    /// The e-mail of its person.
    pub(crate) email: String,
    /// The number of tasks that it created.
    pub(crate) created: usize,
    /// The number of tasks that it finished.
    pub(crate) finished: usize,
    /// The number of its picks that were refused because another session held the task.
    pub(crate) picks_lost: usize,
    /// The duration of its commands, in seconds.
    pub(crate) seconds: f64,
}
