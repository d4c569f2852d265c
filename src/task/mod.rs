//! Tasks as files: ids, names, frontmatter, order. Pure: no git, no files, no clock, no printing.

pub mod bundle;
mod canonical;
pub mod change;
mod dialect;
pub mod edits;
pub mod fields;
mod frontmatter;
mod gate_runs;
pub mod id;
pub mod labels;
pub mod merge;
mod model;
mod name;
mod new_task;
mod order;
pub mod overlay;
pub mod paths;
pub mod plan_header;
pub mod query;
pub mod selection;
pub mod sheet;
mod slug;
pub mod text;

pub use frontmatter::Document;
pub use id::TaskId;
pub use model::{Fields, Items, Level, Reference, Status, Task};
pub use name::{BRANCH_PREFIX, TaskName, WORKTREES_DIR};
pub use new_task::NewTask;
pub use paths::{PlanPath, TaskPath};
pub use query::{Blocker, Board, Scan};
pub use selection::{Active, Candidate, Filter, FollowUps, Order, Selection};
pub use slug::{Slug, Title};
pub use text::harmless;
