//! Picking a task from the caller's checkout, as the scripts do: uncommitted changes of the task file, also of its name,
//! are part of the pick, since the scripts keep them, and the holder's address is added to `emails.txt`.

use crate::compat::archive::snapshot::project_prefix;
use crate::compat::invocation::Invocation;
use crate::compat::locks::lock::stale_locks;
use crate::coordination::Locks;
use crate::coordination::decide::LockConflict;
use crate::coordination::session::parse_email;
use crate::error::{Error, Kind, Result};
use crate::git::checkout::{self, UncommittedInput};
use crate::git::porcelain::status::StatusKind;
use crate::git::{Branch, Oid, worktree};
use crate::ledger::uncommitted_rename::UncommittedRename;
use crate::ledger::{Edit, View};
use crate::ops::pick::{PickRefusal, PickView, WorkState, WorkingCopy};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::{Document, Task, TaskId, TaskPath, edits, labels, paths};
use std::path::Path;

/// A pick by a script: the arguments, and the caller's checkout.
pub(crate) struct ScriptPick<'a> {
    /// The call of the script.
    pub(crate) invocation: &'a Invocation,
    /// The repository there.
    pub(crate) context: &'a Context,
    /// The task.
    pub(crate) id: TaskId,
    /// The address in the arguments.
    pub(crate) email: Option<&'a str>,
}

impl WorkingCopy for ScriptPick<'_> {
    /// Whether the pick has an address: from the arguments, the settings, or the task file of this checkout.
    fn may_be_somebodys(&self) -> Result<bool> {
        let bytes = self.path_here().and_then(|path| self.invocation.tree().load(path.as_str()).ok().flatten());
        let is_assigned =
            |bytes: &Vec<u8>| Document::parse(bytes).scalar("assigned_to").is_some_and(|email| !email.is_empty());
        Ok(self.holder_address("")?.is_some() || bytes.as_ref().is_some_and(is_assigned))
    }

    fn gather(&self, view: &View<'_>, data: &Branch) -> Result<PickView> {
        let home = project_prefix(self.context, &self.invocation.dir);
        let committed = self.find(&Index::load_below(view, data, &home)?)?;
        let renamed = self.renamed(&committed)?;
        let path = renamed.clone().unwrap_or_else(|| committed.clone());
        let tip = view.tip(data);
        let [file, old, addresses] =
            [path.as_str(), committed.as_str(), paths::EMAILS_FILE].map(|name| format!("{home}{name}"));
        let at = |name| [(tip.base.as_ref(), name), (tip.local.as_ref(), name)];
        let found = view.read_at(&[at(old.as_str()), at(addresses.as_str())].concat())?;
        let content = |commit: Option<&Oid>, path: &str| Some(found.file(commit?, path)?.to_vec());
        let [mut published, local] = [&tip.base, &tip.local].map(|commit| content(commit.as_ref(), &old));
        let [known, local_known] = [&tip.base, &tip.local].map(|commit| content(commit.as_ref(), &addresses));
        let (content, mut adopt) = self.newest(view, &file, published.clone(), local.as_ref())?;
        let document = Document::parse(&content);
        let text = |key: &str| document.scalar(key).unwrap_or_default().to_owned();
        let before = WorkState { status: text("status"), assigned: text("assigned_to") };
        let email = self.holder_address(&before.assigned)?;
        let mut also = Vec::new();
        if renamed.is_some() {
            // Both names change in one commit, so that the task never has two files.
            also.push(Edit::Remove { path: old.clone() });
            (published, adopt) = (None, vec![old, file.clone()]);
        }
        if let Some(email) = &email {
            let (list, dirty) = self.newest_emails(&addresses, [known.as_deref(), local_known.as_deref()], email)?;
            adopt.extend(dirty.then(|| addresses.clone()));
            if known.as_ref() != Some(&list) {
                also.push(Edit::Put { path: addresses, content: list });
            }
        }
        let task = Task::from_document(path, &document);
        let waiting = tip.base.filter(|base| tip.published.as_ref() != Some(base));
        Ok(PickView { file, published, before, email, also, adopt, waiting, ..PickView::new(&task, document) })
    }

    fn stale(&self, held: &Locks) -> Vec<TaskId> {
        stale_locks(self.invocation, held.tasks())
    }

    fn refuse(&self, refusal: PickRefusal) -> Result<LockConflict> {
        let message = match refusal {
            PickRefusal::Held(in_the_way) => return Ok(in_the_way),
            PickRefusal::Failed(error) => return Err(error),
            PickRefusal::Closed(task) => {
                format!("{} is {}; No task file found that can be claimed", task.id.prefixed(), task.status)
            }
            PickRefusal::NotUnderstood(task) => {
                format!("{}: {}", task.path, task.doubt().unwrap_or_default())
            }
            PickRefusal::Children(id, _) | PickRefusal::Blocked(id, _) => format!("{} is not ready", id.prefixed()),
        };
        Err(Error::new(Kind::NotClaimable, format!("Task {message}")))
    }
}

impl ScriptPick<'_> {
    /// The address of the holder: `--email`, else the task's assignee, else the one in `userconfig.yaml`.
    fn holder_address(&self, assigned: &str) -> Result<Option<String>> {
        let assigned = Some(assigned.trim_matches(['"', '\''])).filter(|text| !text.is_empty());
        let found = self.email.or(assigned).map(str::to_owned).or_else(|| self.invocation.user_email());
        found.map(|email| parse_email(&email)).transpose()
    }

    /// The path of the task's file in this checkout. A file in another folder, which `TASK_DIR` names, has no path that
    /// could be committed.
    fn path_here(&self) -> Option<TaskPath> {
        let files = self.invocation.active_files();
        let mut paths = files.iter().filter_map(|path| TaskPath::parse(path));
        paths.find(|path| path.id() == self.id && self.invocation.dir.join(path.as_str()).exists())
    }

    /// The path of the task's active file: the published one, else the one in this checkout, which may not be
    /// committed yet.
    fn find(&self, index: &Index) -> Result<TaskPath> {
        let is_archived = index.archived(self.id).is_some();
        index.active(self.id).cloned().or_else(|| self.path_here().filter(|_| !is_archived)).ok_or_else(|| {
            let what = match self.id.parent() {
                Some(_) => format!("No child task file found for t{} (No task file found)", self.id),
                None => format!("No task file found for task number {}", self.id),
            };
            Error::new(Kind::NoSuchTask, what)
        })
    }

    /// The name that the task's file has in this checkout, where it was renamed and the rename is not committed yet.
    fn renamed(&self, committed: &TaskPath) -> Result<Option<TaskPath>> {
        let dir = if self.context.has_data_branch() { self.context.data_dir() } else { self.invocation.dir.clone() };
        let renamed = UncommittedRename::of_published(&self.context.repository, &dir, committed)?;
        Ok(renamed.map(|rename| rename.to).filter(|here| self.path_here().as_ref() == Some(here)))
    }

    /// The content of a file in this checkout, by its path in git.
    fn load_here(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.invocation
            .tree()
            .load(path.strip_prefix(&project_prefix(self.context, &self.invocation.dir)).unwrap_or(path))
    }

    /// The content that the pick changes: the uncommitted version of this checkout, else the published one; and the
    /// paths whose uncommitted changes become part of the pick. It refuses where both were changed, since one would
    /// be lost.
    fn newest(
        &self,
        view: &View<'_>,
        path: &str,
        base: Option<Vec<u8>>,
        local: Option<&Vec<u8>>,
    ) -> Result<(Vec<u8>, Vec<String>)> {
        let here = self.load_here(path)?;
        let Some(here) = here.filter(|here| Some(here) != local) else {
            return Ok((base.unwrap_or_default(), Vec::new()));
        };
        self.require_whole(path)?;
        if base.as_ref() == local || base.is_none() {
            return Ok((here, vec![path.to_owned()]));
        }
        // A pick that was interrupted after its push has published these changes already; only the checkout is behind.
        if base.as_deref().is_some_and(|base| edits::is_start_of(&here, base)) {
            self.adopt_published(view, path)?;
            return Ok((base.unwrap_or_default(), vec![path.to_owned()]));
        }
        let message = format!("{path} has uncommitted changes here and was changed on the remote");
        Err(Error::new(Kind::Dirty, message + "; commit them with './ait git', then claim again"))
    }

    fn adopt_published(&self, view: &View<'_>, path: &str) -> Result<()> {
        let (data, dir) = (self.context.data_branch()?, self.context.data_dir());
        let object = view.object(data, path)?;
        let adopted: Vec<_> =
            object.iter().map(|object| UncommittedInput::read(&dir, path, Some(&object.oid))).collect();
        checkout::accept_committed(&self.context.repository, &dir, &adopted)
    }

    /// Refuses a file in conflict, or with a staged version that differs from the one in the work tree: the pick
    /// keeps one version of a file, so the other one would be lost.
    fn require_whole(&self, path: &str) -> Result<()> {
        let status = worktree::load_status(&self.context.repository, &self.context.data_dir())?;
        let entry = status.entries.iter().find(|entry| entry.path == Path::new(path));
        match entry.map(|entry| (entry.kind, entry.code)) {
            Some((StatusKind::Unmerged, _)) => Err(Error::new(Kind::Conflict, format!("{path} is in conflict here"))),
            Some((StatusKind::Ordinary | StatusKind::Renamed, [staged, here])) if staged != '.' && here != '.' => {
                let message = format!("{path} has staged and unstaged changes");
                Err(Error::new(Kind::Dirty, message + "; commit it with './ait git', then claim again"))
            }
            _ => Ok(()),
        }
    }

    /// The content of `emails.txt` with the published addresses, the uncommitted ones and this one, sorted, each
    /// once; and whether the checkout has uncommitted changes of it.
    fn newest_emails(&self, path: &str, known: [Option<&[u8]>; 2], email: &str) -> Result<(Vec<u8>, bool)> {
        let [base, local] = known;
        let here = self.load_here(path)?;
        let dirty = here.as_deref().is_some_and(|here| Some(here) != local);
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let (base, here) = (text(base), text(here.as_deref().filter(|_| dirty)));
        let lines: Vec<_> = here.lines().chain([email]).map(str::to_owned).collect();
        Ok((labels::add_to_vocabulary(&base, &lines).unwrap_or(base).into_bytes(), dirty))
    }
}
