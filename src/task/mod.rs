//! Tasks as files: ids, names, frontmatter, order, queries and merges. Pure: no git, no files, no clock, no printing,
//! so that everything here is tested in-process.
//!
//! The module promises that a file which is parsed and written again has the same bytes, that a change of one field
//! leaves every other line as it is, and that unknown keys are kept. Every module above may use it; it uses only errors.

pub(crate) mod bundle;
mod canonical;
pub(crate) mod change;
pub(crate) mod checklist;
mod dialect;
pub(crate) mod editor_template;
pub(crate) mod edits;
pub(crate) mod fields;
mod frontmatter;
pub(crate) mod gate_runs;
pub(crate) mod id;
pub(crate) mod labels;
pub(crate) mod merge;
mod model;
mod name;
pub(crate) mod named_files;
mod new_task;
mod order;
mod packed_header;
pub(crate) mod paths;
pub(crate) mod plan_header;
pub(crate) mod query;
pub(crate) mod selection;
mod slug;
pub(crate) mod text;
pub(crate) mod text_change;
pub(crate) mod three_way_apply;
pub(crate) mod waits;

pub(crate) use frontmatter::Document;
pub(crate) use id::TaskId;
pub(crate) use model::{Fields, Header, Items, LOST, Level, Reference, Status, Task};
pub(crate) use name::{BRANCH_PREFIX, TaskName, WORKTREES_DIR};
pub(crate) use new_task::NewTask;
pub(crate) use paths::{PlanPath, TaskPath};
pub(crate) use query::{ActiveTasks, Blocker, Scan};
pub(crate) use selection::{ActiveIds, Candidate, Filter, FollowUps, Order, Selection};
pub(crate) use slug::{Slug, Title};
pub(crate) use text::sanitise;
