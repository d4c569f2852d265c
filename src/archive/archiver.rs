//! What archiving a task does to the task data: its file and plans move, tasks
//! folded into it go, its parent's list gets shorter, and a parent whose last child it was goes along.

use crate::archive::request::{Request, Rules};
use crate::archive::shelf::{Shelf, archived, is_active, is_archived};
use crate::coordination::Locks;
use crate::coordination::locks::unlock_step;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::Plan;
use crate::ledger::plan::Step;
use crate::task::{Document, Status, TaskId, edits};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use crate::archive::note::{Kin, Note};

/// What archiving does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filing {
    /// The tasks that go.
    pub(crate) tasks: Vec<TaskId>,
    /// Where their files and plans go.
    pub(crate) targets: Vec<String>,
    /// Everything, in order.
    pub(crate) notes: Vec<Note>,
    /// What changes.
    pub(crate) edits: Vec<Edit>,
    /// Paths whose uncommitted state is part of it.
    pub(crate) adopt: Vec<String>,
    /// The commit's subject.
    pub(crate) subject: String,
    /// Tasks folded into them, which are deleted.
    pub(crate) folded: Vec<TaskId>,
}

struct Filer<'a> {
    shelf: &'a Shelf,
    request: Request,
    now: &'a str,
    /// Files that stay where they are with another content.
    edited: BTreeMap<String, Document>,
    /// Files that go.
    gone: BTreeSet<String>,
    filing: Filing,
}

impl Filing {
    /// Files away the task whose file is `path`. Reads nothing and asks nobody.
    ///
    /// # Errors
    /// [`Kind::Occupied`] when the archive has a file of the same name, [`Kind::NotClaimable`] when two files have the
    /// parent's id.
    pub(crate) fn of(shelf: &Shelf, path: &str, id: TaskId, request: Request, now: &str) -> Result<Self> {
        let filing = Self { subject: format!("ait: Archive completed {}", id.prefixed()), ..Self::default() };
        let (edited, gone) = Default::default();
        let mut filer = Filer { shelf, request, now, edited, gone, filing };
        filer.go(path, id)?;
        Ok(filer.filing)
    }

    /// Adds it to a plan: the files, then the locks of all that went.
    pub(crate) fn plan(&self, plan: Plan, data: &Branch, locks_branch: &Branch, locks: &Locks) -> Plan {
        let plan = plan.step(data, Step::edit(self.subject.clone(), self.edits.clone()));
        let gone = self.tasks.iter().chain(&self.folded).filter(|id| locks.is_held(**id));
        gone.fold(plan, |plan, id| plan.step(locks_branch, unlock_step(*id)))
    }
}

impl<'a> Filer<'a> {
    fn go(&mut self, path: &str, id: TaskId) -> Result<()> {
        let parent = self.parent_of(id)?;
        let parent_file = id.parent().map(|number| {
            let file = parent.or_else(|| self.shelf.archived_file(number));
            file.map_or_else(|| number.prefixed(), |file| file_name(file).to_owned())
        });
        self.note(Note::Begin(file_name(path).to_owned(), parent_file));
        self.links(Kin::Own, id, path);
        if let Some(file) = parent {
            self.leave_parent(file, id)?;
        }
        self.fold(path)?;
        self.file(Kin::Own, path, id)?;
        match (id.parent(), parent) {
            // It was folded into its own child.
            (Some(_), Some(file)) if self.gone.contains(file) => {}
            (None, _) => {}
            (Some(number), Some(file)) => self.file_parent(number, file, id)?,
            (Some(number), None) => self.file_moved_parent(number)?,
        }
        for (path, document) in std::mem::take(&mut self.edited) {
            if self.shelf.is_uncommitted(&path) {
                self.filing.adopt.push(path.clone());
            }
            self.filing.edits.push(Edit::Put { content: document.to_bytes(), path });
        }
        self.filing.subject.push_str(" task and plan files");
        Ok(())
    }

    /// The parent goes along when nothing of it is left to do.
    fn file_parent(&mut self, number: TaskId, file: &str, child: TaskId) -> Result<()> {
        let listed = !self.document(file).list("children_to_implement").is_empty();
        let open: Vec<_> = self
            .shelf
            .active()
            .filter(|(id, path)| id.parent() == Some(number) && *id != child && !self.gone.contains(*path))
            .filter(|(_, path)| !self.document(path).scalar("status").map_or(Status::Ready, Status::parse).is_closed())
            .map(|(id, _)| id)
            .collect();
        if listed || !open.is_empty() {
            if !listed {
                self.note(Note::StillOpen(number, open));
            }
            return Ok(());
        }
        self.take_parent_along(number, file)
    }

    /// A parent that went along with its last child in a run that was cut off before the commit.
    fn file_moved_parent(&mut self, number: TaskId) -> Result<()> {
        match self.shelf.archived_file(number) {
            Some(file) if self.shelf.is_uncommitted(file) => self.take_parent_along(number, file),
            _ => Ok(()),
        }
    }

    fn take_parent_along(&mut self, number: TaskId, file: &str) -> Result<()> {
        self.filing.subject.extend([" and parent ", &number.prefixed()]);
        self.note(Note::LastChild);
        self.links(Kin::Parent, number, file);
        self.fold(file)?;
        self.file(Kin::Parent, file, number)
    }

    fn note(&mut self, note: Note) {
        self.filing.notes.push(note);
    }

    fn document(&self, path: &str) -> Document {
        self.edited.get(path).cloned().unwrap_or_else(|| self.shelf.document(path))
    }

    /// The active file of a task's parent; a child whose parent is archived goes alone.
    fn parent_of(&self, id: TaskId) -> Result<Option<&'a str>> {
        let Some(parent) = id.parent() else { return Ok(None) };
        let files: Vec<_> = self.shelf.active_files(parent).collect();
        if files.len() > 1 {
            let message = format!("Multiple task files found for task {parent}: {}", files.join(", "));
            return Err(Error::new(Kind::NotClaimable, message).advice("git mv one of them to an id of its own"));
        }
        Ok(files.first().copied())
    }

    fn links(&mut self, kin: Kin, id: TaskId, path: &str) {
        let document = self.document(path);
        let one = |key: &str| document.scalar(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let issue = one("issue").map(|url| ("ISSUE", url));
        let related = document.list("related_issues").into_iter().map(|url| ("RELATED_ISSUE", url));
        let pull_request = one("pull_request").map(|url| ("PR", url));
        for (word, url) in issue.into_iter().chain(related).chain(pull_request) {
            self.note(Note::Link(kin, id, word, url));
        }
    }

    /// A child leaves the list of its parent.
    fn leave_parent(&mut self, parent: &str, child: TaskId) -> Result<()> {
        let mut document = self.document(parent);
        if edits::remove_child(&mut document, child, self.now)? {
            if self.request.rules == Rules::Checkout {
                document = document.canonical(self.now)?;
            }
            self.edited.insert(parent.to_owned(), document);
        }
        self.note(Note::ParentEdited(parent.to_owned(), child));
        Ok(())
    }

    /// Tasks folded into this one go; they are in its text. What is being worked on, or stands in no commit,
    /// stays.
    fn fold(&mut self, path: &str) -> Result<()> {
        for id in self.shelf.folded_ids(path) {
            let Some(file) = self.shelf.active_files(id).next() else { continue };
            if file == path || self.gone.contains(file) {
                continue;
            }
            let status = Status::parse(self.document(file).scalar("status").unwrap_or_default());
            if matches!(status, Status::Implementing | Status::Done) || self.shelf.is_uncommitted(file) {
                self.note(Note::FoldedKept(id, status));
                continue;
            }
            self.links(Kin::Folded, id, file);
            self.remove(file);
            let parent = id.parent().and_then(|parent| self.shelf.active_files(parent).next());
            if let Some(parent) = parent.filter(|parent| !self.gone.contains(*parent)) {
                self.leave_parent(parent, id)?;
            }
            for plan in self.shelf.plans_of(id, is_active) {
                if !self.shelf.is_uncommitted(&plan) {
                    self.remove(&plan);
                }
            }
            self.note(Note::FoldedDeleted(id, file.to_owned()));
            self.note(Note::Released(id));
            self.filing.folded.push(id);
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.gone.insert(path.to_owned());
        self.edited.remove(path);
        self.filing.edits.push(Edit::Remove { path: path.to_owned() });
    }

    fn file(&mut self, kin: Kin, path: &str, id: TaskId) -> Result<()> {
        let mut document = self.document(path);
        edits::complete(&mut document, self.now, self.request.ending)?;
        let target = archived(path);
        // Moved already, but in no commit: the move is finished.
        let is_moved = target == path;
        if is_moved {
            self.filing.adopt.push(target.clone());
            for old in self.shelf.left_behind(id) {
                self.remove(old);
                self.filing.adopt.push(old.clone());
            }
        } else {
            self.require_free(&target)?;
            if self.shelf.is_uncommitted(path) {
                self.filing.adopt.push(path.to_owned());
            }
            self.remove(path);
        }
        self.filing.edits.push(Edit::Put { path: target.clone(), content: document.to_bytes() });
        self.note(Note::Moved(kin, id, path.to_owned(), target.clone()));
        self.filing.targets.push(target);
        for plan in self.shelf.plans_of(id, is_active) {
            let target = archived(&plan);
            self.require_free(&target)?;
            match self.shelf.uncommitted.get(&plan).cloned() {
                Some(content) => {
                    self.remove(&plan);
                    self.filing.adopt.push(plan.clone());
                    self.filing.edits.push(Edit::Put { path: target.clone(), content });
                }
                None => self.filing.edits.push(Edit::Rename { from: plan.clone(), to: target.clone() }),
            }
            self.move_plan(plan, target);
        }
        for plan in self.shelf.plans_of(id, is_archived).into_iter().filter(|_| is_moved) {
            if let Some(content) = self.shelf.uncommitted.get(&plan).cloned() {
                self.filing.adopt.push(plan.clone());
                self.filing.edits.push(Edit::Put { path: plan.clone(), content });
                self.move_plan(plan.clone(), plan);
            }
        }
        self.filing.tasks.push(id);
        self.note(Note::Released(id));
        Ok(())
    }

    fn move_plan(&mut self, from: String, to: String) {
        self.filing.targets.push(to.clone());
        self.note(Note::PlanMoved(from, to));
    }

    fn require_free(&self, target: &str) -> Result<()> {
        if self.shelf.has(target) {
            return Err(Error::new(Kind::Occupied, format!("{target} exists already"))
                .advice("git mv one of the two to an id of its own"));
        }
        Ok(())
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
