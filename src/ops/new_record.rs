//! What this clone remembers of tasks it is about to publish, or to make of a draft in a checkout, so that the command, given
//! again after it was cut off, finds the task it made instead of making a second one.

use crate::coordination::process::{Anchor, Liveness};
use crate::error::{Error, Kind, Result};
use crate::files::records::{RecordKind, Records};
use crate::git::{Branch, Repository, merge};
use crate::ledger::View;
use crate::ledger::plan::trailer;
use crate::ops::drafts::DraftText;
use crate::project::index::Reached;
use crate::project::task_files::TaskFiles;
use crate::task::TaskId;

/// The record of one making.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct CreationRecord {
    /// What was asked for, word for word.
    request: String,
    /// What marks its commits.
    nonce: String,
    /// The process that makes it.
    process: Option<Anchor>,
    /// The id it was to get.
    id: String,
    /// The file it was to be.
    pub(crate) path: String,
}

impl CreationRecord {
    /// A making by this process.
    pub(crate) fn new(repository: &Repository, request: &str, nonce: &str, id: TaskId, path: &str) -> Self {
        let process = Anchor::of_process(repository, std::process::id());
        Self {
            request: request.to_owned(),
            nonce: nonce.to_owned(),
            process,
            id: id.to_string(),
            path: path.to_owned(),
        }
    }

    /// Notes it, before anything is published.
    pub(crate) fn save(&self, repository: &Repository) -> Result<()> {
        repository.records().save(RecordKind::Making, &self.nonce, self)
    }

    /// Forgets it: it is published, or certainly is not.
    pub(crate) fn forget(repository: &Repository, nonce: &str) {
        let _ = repository.records().forget(RecordKind::Making, nonce);
    }

    /// The makings of the same task that were cut off a short while ago; later the same words mean another task.
    pub(crate) fn cut_off(repository: &Repository, request: &str) -> Vec<Self> {
        let records = repository.records();
        let found = records.names(RecordKind::Making).into_iter().filter_map(|name| {
            // The name of the file is the nonce, and nothing else is removed by it.
            let record: Self = records.load(RecordKind::Making, &name).filter(|record: &Self| record.nonce == name)?;
            // One that this machine cannot judge, such as of another container, has ended rather than that it were made twice.
            let ended = record.process.as_ref().is_none_or(|process| process.liveness(repository) != Liveness::Alive);
            (ended && record.request == request).then_some(record)
        });
        found.collect()
    }

    /// What marks its commits.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// How far it got, as the branches of a fresh view say.
    fn reached(&self, repository: &Repository, view: &View<'_>, data: &Branch, ids: &Branch) -> Result<Reached> {
        let has = |branch: &Branch| match view.base(branch) {
            Some(tip) => merge::has_message(repository, tip, &trailer(&self.nonce)),
            None => Ok(false),
        };
        if has(data)? {
            return Ok(Reached::Task(self.path.clone()));
        }
        match TaskId::recognise(&self.id) {
            Some(id) if !id.is_child() && has(ids)? => Ok(Reached::Id(id)),
            _ => Ok(Reached::Nothing),
        }
    }
}

/// How far makings of one task got, as a fresh view of the branches of data and ids says: of several, the one that got
/// furthest.
///
/// # Errors
/// One that makes the transaction look at the remote first, where the view is not fresh.
pub(crate) fn furthest(
    records: &[CreationRecord],
    repository: &Repository,
    view: &View<'_>,
    data: &Branch,
    ids: &Branch,
) -> Result<Reached> {
    if !records.is_empty() && !view.fresh {
        return Err(Error::new(Kind::Unknown, "whether the task was made must be asked of the remote"));
    }
    let mut furthest = Reached::Nothing;
    for record in records {
        match record.reached(repository, view, data, ids)? {
            Reached::Nothing => {}
            id @ Reached::Id(_) => furthest = id,
            task @ Reached::Task(_) => return Ok(task),
        }
    }
    Ok(furthest)
}

/// The record of a draft that becomes a task in a checkout.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct DraftRecord {
    draft: Vec<u8>,
    /// The file that it was to be.
    pub(crate) path: String,
    /// What was to be in it.
    pub(crate) filed: Vec<u8>,
}

impl DraftRecord {
    /// Of a draft.
    pub(crate) fn new(draft: &DraftText, path: &str, filed: &[u8]) -> Self {
        Self { draft: draft.text.clone(), path: path.to_owned(), filed: filed.to_vec() }
    }

    fn records(files: &TaskFiles<'_>) -> Option<Records> {
        Some(files.context?.repository.records())
    }

    /// Notes it, before anything is written.
    pub(crate) fn save(&self, files: &TaskFiles<'_>, draft: &DraftText) -> Result<()> {
        let Some(records) = Self::records(files) else { return Ok(()) };
        records.save(RecordKind::Filing, &draft.name, self)
    }

    /// The one of this draft, unless the draft has another text now.
    pub(crate) fn load(files: &TaskFiles<'_>, draft: &DraftText) -> Option<Self> {
        let filing: Self = Self::records(files)?.load(RecordKind::Filing, &draft.name)?;
        (filing.draft == draft.text).then_some(filing)
    }

    /// Whether a commit has brought the file.
    pub(crate) fn is_committed(&self, files: &TaskFiles<'_>) -> bool {
        let Some(context) = files.context else { return false };
        let (git, dir) = (context.repository.git(), files.data_dir());
        let log = git.read(&dir, "log").args(["-1", "--diff-filter=A", "--format=%H", "--", &self.path]).output();
        let commit = log.map(|output| output.text()).unwrap_or_default();
        let blob = git.read(&dir, "cat-file").args(["blob", &format!("{commit}:./{}", self.path)]).output();
        blob.is_ok_and(|blob| blob.success() && blob.stdout == self.filed)
    }
}

/// Forgets the record of a draft that has gone.
pub(crate) fn forget_draft(files: &TaskFiles<'_>, draft: &DraftText) {
    if let Some(records) = DraftRecord::records(files) {
        let _ = records.forget(RecordKind::Filing, &draft.name);
    }
}
