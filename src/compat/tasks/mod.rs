//! The scripts that write task files.

pub mod anchors;
pub mod board;
pub mod board_column;
pub mod checks;
pub mod child_lock;
pub mod create;
pub mod filer;
pub mod find_by_file;
pub mod fold;
pub mod in_editor;
pub mod labels;
pub mod last_used;
pub mod new_file;
pub mod output;
pub mod update;
