//! One module a verb of `git aitask`.

mod after_landing;
mod agents;
mod archive;
mod demo;
mod drop;
mod edit;
mod face;
mod finish;
pub(crate) mod init;
mod kept;
mod landed;
mod list;
mod lock;
mod log;
mod new;
mod pages;
mod pick;
mod planned;
mod rules;
mod setup;
mod shim;
mod show;
mod status;
mod task_object;
mod whoami;
mod worktree;
mod worktree_care;
