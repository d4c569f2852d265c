//! The scripts that write task files: `aitask_create.sh`, `aitask_update.sh`, `aitask_labels.sh`,
//! `aitask_find_by_file.sh` and `aitask_board_column.sh`. They promise to commit only in this clone: callers publish
//! later, with `ait sync` or `ait git push`. The path of the task file is the last line of both output streams.
//! The dispatch in `compat/mod.rs` runs them; no other module uses them.

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
