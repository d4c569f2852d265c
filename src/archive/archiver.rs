//! What archiving a task changes in the task data: its file and plans move to the archive, tasks that were folded into
//! it are deleted, it is removed from its parent's list, and a parent without further children is archived with it.
//!
//! The order of the edits has no effect of its own: they become one commit.

use crate::archive::request::{ArchiveRequest, ArchiveRules};
use crate::archive::task_store::{TaskStore, archived, is_active, is_archived};
use crate::coordination::Locks;
use crate::coordination::locks::unlock_step;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::Plan;
use crate::ledger::plan::Step;
use crate::task::{Document, Status, Task, TaskId, TaskPath, edits, paths};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use crate::archive::event::{ArchiveEvent, EventTask};

/// What archiving a task changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArchiveChanges {
    /// The tasks that are archived.
    pub(crate) tasks: Vec<TaskId>,
    /// The paths of their files and plans in the archive.
    pub(crate) targets: Vec<String>,
    /// What happens, in order, for the report.
    pub(crate) events: Vec<ArchiveEvent>,
    /// The edits of the task data.
    pub(crate) edits: Vec<Edit>,
    /// Paths whose uncommitted content in the checkout becomes part of the commit.
    pub(crate) adopt: Vec<String>,
    /// Parents whose own rename is in no commit, each with the child that goes from its list. They are changed in the
    /// checkout alone: a commit with only one of the two names would leave the task with two files, or with none.
    pub(crate) uncommitted: Vec<(String, TaskId)>,
    /// The commit's subject.
    pub(crate) subject: String,
    /// The tasks that were folded into them, whose files are deleted.
    pub(crate) folded: Vec<TaskId>,
}

struct Archiver<'a> {
    store: &'a TaskStore,
    request: ArchiveRequest,
    now: &'a str,
    /// Files that keep their path and get another content.
    edited: BTreeMap<String, Document>,
    /// Files that are moved or deleted.
    gone: BTreeSet<String>,
    changes: ArchiveChanges,
}

impl ArchiveChanges {
    /// Works out the changes for the task whose file is `path`. Pure.
    ///
    /// # Errors
    /// [`Kind::Occupied`] when the archive has a file of the same name, [`Kind::NotClaimable`] when two files have the
    /// parent's id.
    pub(crate) fn of(store: &TaskStore, path: &str, id: TaskId, request: ArchiveRequest, now: &str) -> Result<Self> {
        let changes = Self { subject: format!("ait: Archive completed {}", id.prefixed()), ..Self::default() };
        let (edited, gone) = Default::default();
        let mut filer = Archiver { store, request, now, edited, gone, changes };
        filer.run(path, id)?;
        Ok(filer.changes)
    }

    /// Notes for people: on the task that takes over deferred items, and on a parent that stays active.
    pub(crate) fn notes(&self) -> Vec<String> {
        let note = |event: &ArchiveEvent| match event {
            ArchiveEvent::CarriedOver(id, path) => {
                Some(format!("{} has the deferred items now: {path}", id.prefixed()))
            }
            ArchiveEvent::ParentStays(id, until) => {
                Some(format!("{} has no open child any more, and stays active until {until}", id.prefixed()))
            }
            _ => None,
        };
        self.events.iter().filter_map(note).collect()
    }

    /// The task as it is in the archive.
    pub(crate) fn filed(&self, id: TaskId) -> Option<Task> {
        self.edits.iter().find_map(|edit| match edit {
            Edit::Put { path, content } => {
                let path = TaskPath::parse(path).filter(|path| path.id() == id && path.is_archived())?;
                Some(Task::from_document(path, &Document::parse(content)))
            }
            _ => None,
        })
    }

    /// Adds the changes to a plan: the edits, and the removal of the locks of all archived and folded tasks.
    pub(crate) fn plan(&self, plan: Plan, data: &Branch, locks_branch: &Branch, locks: &Locks) -> Plan {
        let plan = plan.step(data, Step::edit(self.subject.clone(), self.edits.clone()));
        let gone = self.tasks.iter().chain(&self.folded).filter(|id| locks.is_held(**id));
        gone.fold(plan, |plan, id| plan.step(locks_branch, unlock_step(*id)))
    }
}

impl<'a> Archiver<'a> {
    fn run(&mut self, path: &str, id: TaskId) -> Result<()> {
        let parent = self.parent_of(id)?;
        let parent_file = id.parent().map(|number| {
            let file = parent.or_else(|| self.store.archived_file(number));
            file.map_or_else(|| number.prefixed(), |file| file_name(file).to_owned())
        });
        self.event(ArchiveEvent::Begin(file_name(path).to_owned(), parent_file));
        self.record_links(EventTask::Own, id, path);
        if let Some(file) = parent {
            self.remove_from_parent(file, id)?;
        }
        self.delete_folded(path)?;
        self.file(EventTask::Own, path, id)?;
        match (id.parent(), parent) {
            // The parent was folded into this child, so its file is deleted already.
            (Some(_), Some(file)) if self.gone.contains(file) => {}
            (None, _) => {}
            (Some(number), Some(file)) => self.archive_finished_parent(number, file, id)?,
            (Some(number), None) => self.complete_moved_parent(number)?,
        }
        for (path, document) in std::mem::take(&mut self.edited) {
            if self.store.is_renamed(&path) {
                continue;
            }
            if self.store.is_uncommitted(&path) {
                self.changes.adopt.push(path.clone());
            }
            self.changes.edits.push(Edit::Put { content: document.to_bytes(), path });
        }
        self.changes.uncommitted.retain(|(parent, _)| !self.gone.contains(parent));
        self.changes.subject.push_str(" task and plan files");
        Ok(())
    }

    /// Archives the parent when its list is empty, no other child is open, and nothing else keeps it active.
    fn archive_finished_parent(&mut self, number: TaskId, file: &str, child: TaskId) -> Result<()> {
        let listed = !self.document(file).list("children_to_implement").is_empty();
        let open: Vec<_> = self
            .store
            .active()
            .filter(|(id, path)| id.parent() == Some(number) && *id != child && !self.gone.contains(*path))
            .filter(|(_, path)| !self.document(path).scalar("status").map_or(Status::Ready, Status::parse).is_closed())
            .map(|(id, _)| id)
            .collect();
        if listed || !open.is_empty() {
            if !listed {
                self.event(ArchiveEvent::StillOpen(number, open));
            }
            return Ok(());
        }
        if let Some(until) = &self.store.parent_stays {
            self.event(ArchiveEvent::ParentStays(number, until.clone()));
            return Ok(());
        }
        self.archive_parent(number, file)
    }

    /// Completes an earlier run that was interrupted before its commit, and had already moved the parent's file.
    fn complete_moved_parent(&mut self, number: TaskId) -> Result<()> {
        match self.store.archived_file(number) {
            Some(file) if self.store.is_uncommitted(file) => self.archive_parent(number, file),
            _ => Ok(()),
        }
    }

    fn archive_parent(&mut self, number: TaskId, file: &str) -> Result<()> {
        self.changes.subject.extend([" and parent ", &number.prefixed()]);
        self.event(ArchiveEvent::LastChild);
        self.record_links(EventTask::Parent, number, file);
        self.delete_folded(file)?;
        self.file(EventTask::Parent, file, number)
    }

    fn event(&mut self, event: ArchiveEvent) {
        self.changes.events.push(event);
    }

    fn document(&self, path: &str) -> Document {
        self.edited.get(path).cloned().unwrap_or_else(|| self.store.document(path))
    }

    /// The active file of a task's parent; `None` where the parent is archived.
    fn parent_of(&self, id: TaskId) -> Result<Option<&'a str>> {
        let Some(parent) = id.parent() else { return Ok(None) };
        let files: Vec<_> = self.store.active_files(parent).collect();
        if files.len() > 1 {
            let message = format!("Multiple task files found for task {parent}: {}", files.join(", "));
            return Err(Error::new(Kind::NotClaimable, message).advice("git mv one of them to an id of its own"));
        }
        Ok(files.first().copied())
    }

    fn record_links(&mut self, kin: EventTask, id: TaskId, path: &str) {
        let document = self.document(path);
        let one = |key: &str| document.scalar(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let issue = one("issue").map(|url| ("ISSUE", url));
        let related = document.list("related_issues").into_iter().map(|url| ("RELATED_ISSUE", url));
        let pull_request = one("pull_request").map(|url| ("PR", url));
        for (word, url) in issue.into_iter().chain(related).chain(pull_request) {
            self.event(ArchiveEvent::Link(kin, id, word, url));
        }
    }

    /// Removes a child from its parent's list.
    fn remove_from_parent(&mut self, parent: &str, child: TaskId) -> Result<()> {
        let mut document = self.document(parent);
        if edits::remove_child(&mut document, child, self.now)? {
            if self.request.rules == ArchiveRules::Checkout {
                document = document.canonical(self.now)?;
            }
            self.edited.insert(parent.to_owned(), document);
            if self.store.is_renamed(parent) {
                self.changes.uncommitted.push((parent.to_owned(), child));
            }
        }
        self.event(ArchiveEvent::ParentEdited(parent.to_owned(), child));
        Ok(())
    }

    /// Deletes the tasks that were folded into this one: its text contains theirs. One that is in work, or whose file
    /// is in no commit, is kept, since its content may exist nowhere else.
    fn delete_folded(&mut self, path: &str) -> Result<()> {
        for id in self.store.folded_ids(path) {
            let Some(file) = self.store.active_files(id).next() else { continue };
            if file == path || self.gone.contains(file) {
                continue;
            }
            let status = Status::parse(self.document(file).scalar("status").unwrap_or_default());
            if matches!(status, Status::Implementing | Status::Done) || self.store.is_uncommitted(file) {
                self.event(ArchiveEvent::FoldedKept(id, status));
                continue;
            }
            self.record_links(EventTask::Folded, id, file);
            self.remove(file);
            let parent = id.parent().and_then(|parent| self.store.active_files(parent).next());
            if let Some(parent) = parent.filter(|parent| !self.gone.contains(*parent)) {
                self.remove_from_parent(parent, id)?;
            }
            for plan in self.store.plans_of(id, is_active) {
                if !self.store.is_uncommitted(&plan) {
                    self.remove(&plan);
                }
            }
            self.event(ArchiveEvent::FoldedDeleted(id, file.to_owned()));
            self.event(ArchiveEvent::Released(id));
            self.changes.folded.push(id);
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.gone.insert(path.to_owned());
        self.edited.remove(path);
        self.changes.edits.push(Edit::Remove { path: path.to_owned() });
    }

    fn file(&mut self, kin: EventTask, path: &str, id: TaskId) -> Result<()> {
        let mut document = self.document(path);
        edits::complete(&mut document, self.now, self.request.ending)?;
        let target = archived(path);
        // An interrupted run has moved the file, and no commit has the move: the move is completed here.
        let is_moved = target == path;
        if is_moved {
            self.changes.adopt.push(target.clone());
        } else {
            self.require_free(&target)?;
            if self.store.is_uncommitted(path) {
                self.changes.adopt.push(path.to_owned());
            }
            self.remove(path);
        }
        // A renamed task file goes under its old name, too, else the archived task would have an active file again.
        if is_moved || self.store.is_renamed(path) {
            for old in self.store.left_behind(id).filter(|old| is_moved || paths::loose_id(old) == Some(id)) {
                self.remove(old);
                self.changes.adopt.push(old.clone());
            }
        }
        self.changes.edits.push(Edit::Put { path: target.clone(), content: document.to_bytes() });
        self.event(ArchiveEvent::Moved(kin, id, path.to_owned(), target.clone()));
        self.changes.targets.push(target);
        for plan in self.store.plans_of(id, is_active) {
            let target = archived(&plan);
            self.require_free(&target)?;
            match self.store.uncommitted.get(&plan).cloned() {
                Some(content) => {
                    self.remove(&plan);
                    self.changes.adopt.push(plan.clone());
                    self.changes.edits.push(Edit::Put { path: target.clone(), content });
                }
                None => self.changes.edits.push(Edit::Rename { from: plan.clone(), to: target.clone() }),
            }
            self.move_plan(plan, target);
        }
        for plan in self.store.plans_of(id, is_archived).into_iter().filter(|_| is_moved) {
            if let Some(content) = self.store.uncommitted.get(&plan).cloned() {
                self.changes.adopt.push(plan.clone());
                self.changes.edits.push(Edit::Put { path: plan.clone(), content });
                self.move_plan(plan.clone(), plan);
            }
        }
        self.changes.tasks.push(id);
        self.event(ArchiveEvent::Released(id));
        Ok(())
    }

    fn move_plan(&mut self, from: String, to: String) {
        self.changes.targets.push(to.clone());
        self.event(ArchiveEvent::PlanMoved(from, to));
    }

    fn require_free(&self, target: &str) -> Result<()> {
        if self.store.has(target) {
            return Err(Error::new(Kind::Occupied, format!("{target} exists already"))
                .advice("git mv one of the two to an id of its own"));
        }
        Ok(())
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
