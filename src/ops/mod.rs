//! The operations, one file each. Each reads top to bottom: gather (a typed view, one fetch at most), decide (a pure
//! function of view and request to a plan or a refusal), act (publish the plan, then the worktrees and checkouts).
//!
//! Promises: a refusal changes nothing; what is published is published in one swap; the outcome is a type that says
//! only what this command found or made true. No operation parses arguments or prints.
//!
//! Callers: the verbs (`cli`) and the scripts' face (`compat`). Where the two differ, the operation takes a value that
//! says how.

pub(crate) mod agents;
pub(crate) mod archive;
pub(crate) mod brief;
pub(crate) mod check;
pub(crate) mod data_location;
pub(crate) mod dependencies;
pub(crate) mod doctor;
pub(crate) mod drafts;
pub(crate) mod drop;
pub(crate) mod edit;
pub(crate) mod explore;
pub(crate) mod filter;
pub(crate) mod finish;
pub(crate) mod history;
pub(crate) mod hook;
pub(crate) mod in_flight;
pub(crate) mod init;
pub(crate) mod init_place;
pub(crate) mod init_plan;
pub(crate) mod known_tasks;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod new;
pub(crate) mod new_in_editor;
pub(crate) mod new_record;
pub(crate) mod next_step;
pub(crate) mod pick;
pub(crate) mod propose;
pub(crate) mod prune;
pub(crate) mod publish;
pub(crate) mod radar;
pub(crate) mod reopen;
pub(crate) mod setup;
pub(crate) mod shim;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod status_line;
pub(crate) mod sync;
pub(crate) mod task_info;
pub(crate) mod vocabulary;
pub(crate) mod whoami;
pub(crate) mod worktrees;
