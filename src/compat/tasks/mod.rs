//! The scripts that write task files.

pub(crate) mod anchors;
pub(crate) mod board;
pub(crate) mod board_column;
pub(crate) mod checks;
pub(crate) mod child_lock;
pub(crate) mod create;
pub(crate) mod creation;
pub(crate) mod find_by_file;
pub(crate) mod fold;
pub(crate) mod in_editor;
pub(crate) mod labels;
pub(crate) mod last_used;
pub(crate) mod new_file;
pub(crate) mod output;
pub(crate) mod update;
