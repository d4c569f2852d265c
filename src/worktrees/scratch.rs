//! Detached worktrees for a moment, in the folder for temporary files, where no tool takes them for part of a
//! repository. A note in the repository says where each is; its lock says that somebody uses it, so that a later command
//! can remove what a killed one left.

use crate::error::{Error, Result};
use crate::files::records::{Location, RecordKind};
use crate::git::{Oid, worktree};
use crate::interrupt;
use crate::ledger::nonce;
use crate::ledger::queue::Queue;
use crate::project::context::Context;
use crate::project::leftovers::{PREFIX, remove};
use crate::project::marker::{Shared, share};
use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

/// One such worktree.
#[derive(Debug)]
pub(crate) struct Scratch {
    note: PathBuf,
    folder: PathBuf,
    /// The worktree.
    pub(crate) path: PathBuf,
    used: File,
}

impl Scratch {
    /// Makes one at a commit; `purpose` and `name` are words for people who come across it.
    pub(crate) fn make(context: &Context, purpose: &str, name: &str, commit: &Oid) -> Result<Self> {
        let repository = &context.repository;
        let random = nonce()?;
        let folder = std::env::temp_dir().join(format!("{PREFIX}{purpose}-{random}"));
        let io = |error: std::io::Error| Error::io("make", &folder, &error);
        let note = repository.records().path(RecordKind::Scratch, &random);
        let used =
            repository.records().save_locked(RecordKind::Scratch, &random, &Location { path: folder.clone() })?;
        // It holds a copy of the repository, and lies where everybody on the machine may look.
        std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(io)?;
        let scratch = Self { note, path: folder.join(name), folder, used };
        // A git that outlives this command keeps the note locked, and nobody removes what it is just making.
        share(&scratch.used, Shared::WithChildren);
        let made = Queue::enter(repository, context.settings.timeout, context.progress)
            .and_then(|_queue| worktree::add_detached(repository, &scratch.path, commit));
        share(&scratch.used, Shared::No);
        match made {
            Ok(()) => Ok(scratch),
            Err(error) => {
                let _ = interrupt::cleaning_up(|| remove(repository, &scratch.note, &scratch.folder));
                Err(error)
            }
        }
    }

    /// Removes it, whatever is in it.
    pub(crate) fn remove(self, context: &Context) -> Result<()> {
        interrupt::cleaning_up(|| {
            let _queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
            remove(&context.repository, &self.note, &self.folder)
        })
    }
}
