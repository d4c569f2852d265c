//! Creating a task in this checkout, as the scripts do: its id, and the draft that it may be created from.

use crate::compat::tasks::child_lock::ChildLock;
use crate::error::{Error, Kind, Result};
use crate::ops::drafts;
use crate::ops::new::{self, CreatedHere, NewRequest, Number, Sibling};
use crate::ops::new_record::Origin;
use crate::project::task_files::TaskFiles;
use crate::settings::Environment;
use crate::task::{TaskId, fields, paths};
use std::fs::File;
use std::path::Path;

/// Why a task was not created.
#[derive(Debug)]
pub(crate) enum NotCreated {
    /// It got no id, so nothing of it was written.
    Unnumbered(Error),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for NotCreated {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl NotCreated {
    /// The error.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Unnumbered(error) | Self::Failed(error) => error,
        }
    }
}

/// Creates a top-level task with an id from `claim`. An id whose file exists here is skipped, at most five times as the
/// scripts do: the counter may lag behind ids that were given without it.
///
/// # Errors
/// Those of `claim`, and of the commit; nothing is written before there is an id.
pub(crate) fn create_top(
    checkout: &TaskFiles<'_>,
    request: &NewRequest,
    warn: &dyn Fn(&str),
    mut claim: impl FnMut() -> Result<u64, NotCreated>,
) -> Result<CreatedHere, NotCreated> {
    checkout.require_committable()?;
    let mut tries = 0;
    let number = loop {
        let id = TaskId::top(claim()?);
        if checkout.active(&id.to_string()).is_empty() {
            break Number::Claimed(id.number());
        }
        tries += 1;
        warn(&format!("Claimed task ID t{id} already exists as an active parent task; retrying ({tries}/5)."));
        if tries == 5 {
            let message = "Failed to claim a unique active parent task ID after 5 attempts.";
            return Err(NotCreated::Unnumbered(Error::new(Kind::Contention, message)));
        }
    };
    Ok(new::new_here(checkout, number, request)?)
}

/// Creates a child of a task, under the child lock, so that two processes of this checkout do not give one number
/// twice.
///
/// # Errors
/// [`Kind::NoSuchTask`] without an active parent, and those of the lock and the commit.
pub(crate) fn create_child(
    checkout: &TaskFiles<'_>,
    environment: &Environment,
    parent: &str,
    request: &NewRequest,
    warn: &dyn Fn(&str),
) -> Result<CreatedHere, NotCreated> {
    checkout.require_committable()?;
    let parent = parent.strip_prefix('t').unwrap_or(parent);
    let id = TaskId::try_parse(parent).filter(|id| !id.is_child() && id.to_string() == parent);
    let id = id.ok_or_else(|| new::no_parent(parent))?;
    let lock = ChildLock::acquire(environment, &checkout.root, parent, warn);
    let lock = lock.map_err(NotCreated::Unnumbered)?;
    let created = new::new_here(checkout, Number::ChildOf(id), request)?;
    lock.release()?;
    Ok(created)
}

/// A draft that becomes a task.
#[derive(Debug)]
pub(crate) struct DraftToFinalize {
    /// Its file.
    pub(crate) path: String,
    /// The parent, as the draft names it.
    pub(crate) parent: Option<String>,
    /// The gates of the draft that a task of its issue type never passes; they are left out.
    pub(crate) dropped_gates: Vec<String>,
    /// The task to create.
    pub(crate) request: NewRequest,
    /// Keeps other processes from making a second task of it.
    _lock: File,
}

/// Reads a draft by its name or path. Only the fields `draft` and `parent` are removed, and gates that its issue type
/// never passes.
///
/// # Errors
/// [`Kind::NoSuchTask`] for what is no file in the folder of drafts.
pub(crate) fn load_draft(checkout: &TaskFiles<'_>, named: &str) -> Result<DraftToFinalize> {
    let none = || Error::new(Kind::NoSuchTask, format!("Draft file not found: {named}"));
    let near = checkout.path(&drafts::path_of(named));
    if named.contains('/') && checkout.path(named).canonicalize().ok() != near.canonicalize().ok() {
        return Err(none());
    }
    let draft = drafts::load(&checkout.tree(), &checkout.root, named)?.ok_or_else(none)?;
    let mut document = draft.document;
    let issue_type = document.scalar("issue_type").unwrap_or_default().to_owned();
    let fields::PartedGates { reachable: kept, dropped: dropped_gates } =
        fields::reachable_gates(&issue_type, document.list("gates"));
    if !dropped_gates.is_empty() && kept.is_empty() {
        document.remove("gates");
    } else if !dropped_gates.is_empty() {
        document.set_list("gates", &kept)?;
    }
    let (slug, origin) = (draft.slug.ok_or_else(none)?, Some(Origin::Draft(draft.file)));
    let (sibling, depends, folds) = (Sibling::Free, Vec::new(), Vec::new());
    let request = NewRequest { slug, document, sibling, issue_type: None, depends, origin, folds };
    let parent = draft.parent.filter(|parent| !parent.is_empty());
    Ok(DraftToFinalize { path: draft.path, parent, dropped_gates, request, _lock: draft.lock })
}

/// The drafts that `--finalize-all` takes, in order of name.
pub(crate) fn all_drafts(checkout: &TaskFiles<'_>) -> Vec<String> {
    let names = checkout.tree().names(Path::new(paths::DRAFTS_DIR));
    let mut found: Vec<_> = names
        .filter(|name| name.starts_with("draft_") && paths::is_draft(&format!("{}/{name}", paths::DRAFTS_DIR)))
        .collect();
    found.sort();
    found
}

/// Removes a draft that has become a task.
pub(crate) fn discard_draft(checkout: &TaskFiles<'_>, draft: &DraftToFinalize) -> Result<()> {
    checkout.tree().remove(&draft.path)?;
    if let Some(origin) = &draft.request.origin {
        origin.forget(checkout);
    }
    Ok(())
}
