//! The operations, one file each: library calls with typed outcomes. No argument parsing, no printing.

pub mod archive;
pub mod drafts;
pub mod drop;
pub mod edit;
pub mod explore;
pub mod finish;
pub mod founding;
pub(crate) mod home;
pub mod init;
pub mod list;
pub mod lock;
pub mod log;
pub mod new;
pub mod new_in_editor;
pub mod new_record;
pub mod pick;
pub mod setup;
pub mod shim;
pub mod show;
pub mod status;
pub mod sync;
pub mod vocabulary;
pub mod whoami;
pub mod worktrees;
