//! The records of tasks that are being created, in `.git/aitask/`: a command that is run again after it was interrupted
//! finds by them the task that it created, and does not create a second one. One record a file, JSON, named after the
//! nonce (a published task) or after the draft (a task of a checkout).

use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::error::{Error, Kind, Result};
use crate::files::records::{RecordKind, Records};
use crate::git::{Branch, Repository, merge};
use crate::ledger::View;
use crate::ledger::plan::trailer;
use crate::ops::drafts::DraftText;
use crate::project::index::CreationProgress;
use crate::project::task_files::TaskFiles;
use crate::task::TaskId;

/// The record of a task that is being published.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct CreationRecord {
    /// The request, verbatim. Only the same request looks for this record.
    request: String,
    /// The nonce in the trailers of its commits.
    nonce: String,
    /// The process that creates it.
    process: Option<ProcessIdentity>,
    /// The id that it gets.
    id: String,
    /// The path of its file.
    pub(crate) path: String,
}

impl CreationRecord {
    /// A record of this process.
    pub(crate) fn new(repository: &Repository, request: &str, nonce: &str, id: TaskId, path: &str) -> Self {
        let process = ProcessIdentity::of_process(repository, std::process::id());
        Self {
            request: request.to_owned(),
            nonce: nonce.to_owned(),
            process,
            id: id.to_string(),
            path: path.to_owned(),
        }
    }

    /// Saves the record. To be called before anything is published.
    pub(crate) fn save(&self, repository: &Repository) -> Result<()> {
        repository.records().save(RecordKind::Making, &self.nonce, self)
    }

    /// Removes the record: the task is published, or certainly is not.
    pub(crate) fn forget(repository: &Repository, nonce: &str) {
        let _ = repository.records().forget(RecordKind::Making, nonce);
    }

    /// The records of the same request whose process has ended. Records expire after a short time, since the same words
    /// may later mean another task.
    pub(crate) fn cut_off(repository: &Repository, request: &str) -> Vec<Self> {
        let records = repository.records();
        let found = records.names(RecordKind::Making).into_iter().filter_map(|name| {
            // A file that was renamed must not make us remove another record: its name must be its nonce.
            let record: Self = records.load(RecordKind::Making, &name).filter(|record: &Self| record.nonce == name)?;
            // A process that this machine cannot judge, such as one in another container, counts as ended: otherwise
            // the same request would create the task twice.
            let ended = record.process.as_ref().is_none_or(|process| process.liveness(repository) != Liveness::Alive);
            (ended && record.request == request).then_some(record)
        });
        found.collect()
    }

    /// The nonce in the trailers of its commits.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What of it was published, by the branches of a fresh view.
    fn reached(
        &self,
        repository: &Repository,
        view: &View<'_>,
        data: &Branch,
        ids: &Branch,
    ) -> Result<CreationProgress> {
        let has = |branch: &Branch| match view.base(branch) {
            Some(tip) => merge::has_message(repository, tip, &trailer(&self.nonce)),
            None => Ok(false),
        };
        if has(data)? {
            return Ok(CreationProgress::Task(self.path.clone()));
        }
        match TaskId::try_parse(&self.id) {
            Some(id) if !id.is_child() && has(ids)? => Ok(CreationProgress::Id(id)),
            _ => Ok(CreationProgress::Nothing),
        }
    }
}

/// What of these records was published, by a fresh view of the branches of data and ids: of several, the one that got
/// furthest.
///
/// # Errors
/// [`Kind::Unknown`] where the view is not fresh: the transaction then fetches first.
pub(crate) fn furthest(
    records: &[CreationRecord],
    repository: &Repository,
    view: &View<'_>,
    data: &Branch,
    ids: &Branch,
) -> Result<CreationProgress> {
    if !records.is_empty() && !view.is_current {
        return Err(Error::new(Kind::Unknown, "whether the task was created is only known after a fetch"));
    }
    let mut furthest = CreationProgress::Nothing;
    for record in records {
        match record.reached(repository, view, data, ids)? {
            CreationProgress::Nothing => {}
            id @ CreationProgress::Id(_) => furthest = id,
            task @ CreationProgress::Task(_) => return Ok(task),
        }
    }
    Ok(furthest)
}

/// The record of a draft that becomes a task of a checkout.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct DraftRecord {
    draft: Vec<u8>,
    /// The path of the task file.
    pub(crate) path: String,
    /// The content of the task file.
    pub(crate) filed: Vec<u8>,
}

impl DraftRecord {
    /// A record for a draft.
    pub(crate) fn new(draft: &DraftText, path: &str, filed: &[u8]) -> Self {
        Self { draft: draft.text.clone(), path: path.to_owned(), filed: filed.to_vec() }
    }

    fn records(files: &TaskFiles<'_>) -> Option<Records> {
        Some(files.context?.repository.records())
    }

    /// Saves the record. To be called before the task file is written.
    pub(crate) fn save(&self, files: &TaskFiles<'_>, draft: &DraftText) -> Result<()> {
        let Some(records) = Self::records(files) else { return Ok(()) };
        records.save(RecordKind::Filing, &draft.name, self)
    }

    /// Loads the record of a draft; `None` where the draft has another text by now.
    pub(crate) fn load(files: &TaskFiles<'_>, draft: &DraftText) -> Option<Self> {
        let filing: Self = Self::records(files)?.load(RecordKind::Filing, &draft.name)?;
        (filing.draft == draft.text).then_some(filing)
    }

    /// Whether a commit has added the file with this content.
    pub(crate) fn is_committed(&self, files: &TaskFiles<'_>) -> bool {
        let Some(context) = files.context else { return false };
        let (git, dir) = (context.repository.git(), files.data_dir());
        let log = git.read(&dir, "log").args(["-1", "--diff-filter=A", "--format=%H", "--", &self.path]).output();
        let commit = log.map(|output| output.text()).unwrap_or_default();
        let blob = git.read(&dir, "cat-file").args(["blob", &format!("{commit}:./{}", self.path)]).output();
        blob.is_ok_and(|blob| blob.success() && blob.stdout == self.filed)
    }
}

/// Removes the record of a draft that no longer exists.
pub(crate) fn forget_draft(files: &TaskFiles<'_>, draft: &DraftText) {
    if let Some(records) = DraftRecord::records(files) {
        let _ = records.forget(RecordKind::Filing, &draft.name);
    }
}
