//! Temporary detached worktrees. They are below the system's folder for temporary files, so that no editor or build
//! tool takes them for a part of the repository. A record in `.git/aitask/` names the folder of each and is locked
//! while it is in use, so that a later command can remove one that a killed command left: its record is no longer
//! locked.

use crate::error::{Error, Result};
use crate::files::records::{Location, RecordKind};
use crate::git::worktree::Coverage;
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

/// A temporary worktree.
#[derive(Debug)]
pub(crate) struct Scratch {
    record: PathBuf,
    folder: PathBuf,
    /// The worktree.
    pub(crate) path: PathBuf,
    lock: File,
}

impl Scratch {
    /// Adds a worktree at a commit. `purpose` and `name` become part of its path, for people who find it.
    pub(crate) fn make(context: &Context, purpose: &str, name: &str, commit: &Oid) -> Result<Self> {
        let repository = &context.repository;
        let random = nonce()?;
        let folder = std::env::temp_dir().join(format!("{PREFIX}{purpose}-{random}"));
        let io = |error: std::io::Error| Error::io("make", &folder, &error);
        let record = repository.records().path(RecordKind::Scratch, &random);
        let lock =
            repository.records().save_locked(RecordKind::Scratch, &random, &Location { path: folder.clone() })?;
        // Every user of the machine can list the folder for temporary files, and this one will hold a copy of the code.
        std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(io)?;
        let scratch = Self { record, path: folder.join(name), folder, lock };
        // The child processes inherit the lock: a git that outlives this command keeps the record locked, so that no
        // other command removes the worktree while git writes it.
        share(&scratch.lock, Shared::WithChildren);
        let made = Queue::enter(repository, context.settings.timeout, context.progress)
            .and_then(|_queue| worktree::add_detached(repository, &scratch.path, commit, Coverage::Full));
        share(&scratch.lock, Shared::No);
        match made {
            Ok(()) => Ok(scratch),
            Err(error) => {
                let _ = interrupt::cleaning_up(|| remove(repository, &scratch.record, &scratch.folder));
                Err(error)
            }
        }
    }

    /// Removes the worktree with everything in it.
    pub(crate) fn remove(self, context: &Context) -> Result<()> {
        interrupt::cleaning_up(|| {
            let _queue = Queue::enter(&context.repository, context.settings.timeout, context.progress)?;
            remove(&context.repository, &self.record, &self.folder)
        })
    }
}
