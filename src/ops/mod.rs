//! The operations, one file each: library calls with typed outcomes. No argument parsing, no printing.

pub(crate) mod archive;
pub(crate) mod data_location;
pub(crate) mod drafts;
pub(crate) mod drop;
pub(crate) mod edit;
pub(crate) mod explore;
pub(crate) mod finish;
pub(crate) mod init;
pub(crate) mod init_plan;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod new;
pub(crate) mod new_in_editor;
pub(crate) mod new_record;
pub(crate) mod pick;
pub(crate) mod setup;
pub(crate) mod shim;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod vocabulary;
pub(crate) mod whoami;
pub(crate) mod worktrees;
