//! The scripts of worktrees and plans: `aitask_task_worktree.sh` finds and removes the worktree of a task,
//! `aitask_plan_externalize.sh` stores an agent's plan. They promise to remove nothing with uncommitted work and to
//! follow no path out of the project. The dispatch in `compat/mod.rs` runs them; `sync` uses the execution profiles.

pub(crate) mod names;
pub(crate) mod plan_externalize;
pub(crate) mod profile;
pub(crate) mod task_worktree;
