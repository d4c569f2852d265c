//! The records of tasks that are being created, in `.git/aitask/`: a command that is run again after it was interrupted
//! finds by them the task that it created, and does not create a second one. One record a file, JSON, named after a
//! nonce, or after the draft that becomes a task of a checkout.

use crate::coordination::process::{Liveness, ProcessIdentity};
use crate::error::{Error, Kind, Result};
use crate::files::records::RecordKind;
use crate::git::{Branch, Repository, merge};
use crate::ledger::View;
use crate::ledger::plan::trailer;
use crate::ops::drafts::DraftText;
use crate::project::index::CreationProgress;
use crate::project::task_files::TaskFiles;
use crate::task::TaskId;

/// The record of a task that is being published, or written in a checkout by the command of a script.
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
    /// The content of its file in a checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filed: Option<Vec<u8>>,
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
            filed: None,
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

/// What a task of a checkout is created from. By it the same command finds the task that it has begun to create.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A draft. The task is the only one that is ever created from it.
    Draft(DraftText),
    /// A command. The same words mean another task, unless they follow a run that was cut off.
    Command {
        /// The words, verbatim.
        words: String,
        /// The name of the record of this run.
        nonce: String,
    },
}

impl Origin {
    /// Saves the record of a task file that is about to be written.
    pub(crate) fn save(&self, files: &TaskFiles<'_>, id: TaskId, path: &str, bytes: Vec<u8>) -> Result<()> {
        let Some(context) = files.context else { return Ok(()) };
        let repository = &context.repository;
        match self {
            Self::Draft(draft) => {
                let record = DraftRecord { draft: draft.text.clone(), path: path.to_owned(), filed: bytes };
                repository.records().save(RecordKind::Filing, &draft.name, &record)
            }
            Self::Command { words, nonce } => {
                let record = CreationRecord::new(repository, words, nonce, id, path);
                CreationRecord { filed: Some(bytes), ..record }.save(repository)
            }
        }
    }

    /// What an earlier run had begun to write; `None` for a draft that has another text by now.
    pub(crate) fn begun(&self, files: &TaskFiles<'_>) -> Option<FiledTask> {
        let repository = &files.context?.repository;
        match self {
            Self::Draft(draft) => {
                let record: DraftRecord = repository.records().load(RecordKind::Filing, &draft.name)?;
                let DraftRecord { draft: text, path, filed: content } = record;
                (text == draft.text).then_some(FiledTask { path, filed: content, nonce: None })
            }
            Self::Command { words, .. } => {
                let CreationRecord { path, filed: content, nonce, .. } =
                    CreationRecord::cut_off(repository, words).into_iter().next()?;
                Some(FiledTask { path, filed: content?, nonce: Some(nonce) })
            }
        }
    }

    /// Makes the record of what an earlier run had begun one of this run, so that no other one continues it as well. To
    /// be called in the queue.
    pub(crate) fn adopt(&self, files: &TaskFiles<'_>, id: TaskId, begun: &FiledTask) -> Result<()> {
        if let (Some(context), Some(earlier)) = (files.context, &begun.nonce) {
            self.save(files, id, &begun.path, begun.filed.clone())?;
            CreationRecord::forget(&context.repository, earlier);
        }
        Ok(())
    }

    /// Removes the record: the caller was told of the task, and the draft no longer exists.
    pub(crate) fn forget(&self, files: &TaskFiles<'_>) {
        let Some(context) = files.context else { return };
        match self {
            Self::Draft(draft) => {
                let _ = context.repository.records().forget(RecordKind::Filing, &draft.name);
            }
            Self::Command { nonce, .. } => CreationRecord::forget(&context.repository, nonce),
        }
    }
}

/// The record of a draft that becomes a task of a checkout.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct DraftRecord {
    draft: Vec<u8>,
    path: String,
    filed: Vec<u8>,
}

/// A task file of a checkout that an earlier run wrote, or was about to write.
#[derive(Debug)]
pub(crate) struct FiledTask {
    /// Its path.
    pub(crate) path: String,
    /// Its content.
    pub(crate) filed: Vec<u8>,
    /// The name of the record of the command that began it.
    nonce: Option<String>,
}

impl FiledTask {
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
