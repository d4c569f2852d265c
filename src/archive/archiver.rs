//! What archiving a task does to the task data (specification 30, sections 3.3 to 3.6): its file and plans move, tasks
//! folded into it go, its parent's list gets shorter, and a parent whose last child it was goes along.

use crate::archive::published::Published;
use crate::archive::task_store::{Shelf, is_archived};
use crate::coordination::Locks;
use crate::coordination::locks::unlock_step;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::{Plan, View};
use crate::project::context::Context;
use crate::project::index::Index;
use crate::task::{Document, Status, TaskId, TaskPath, edits, paths};
use std::collections::{BTreeMap, BTreeSet};

pub use crate::archive::note::{Kin, Note};
use crate::archive::task_store::archived;

/// How a task is filed away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// It was overtaken by another one.
    pub superseded: bool,
    /// A parent that stays is rewritten as the original's update does it.
    pub canonical: bool,
}

/// What archiving does.
#[derive(Debug, Clone, Default)]
pub struct Filing {
    /// The tasks that go.
    pub tasks: Vec<TaskId>,
    /// Where their files and plans go.
    pub targets: Vec<String>,
    /// Everything, in order.
    pub notes: Vec<Note>,
    /// What changes.
    pub edits: Vec<Edit>,
    /// Paths whose uncommitted state is part of it.
    pub adopt: Vec<String>,
    /// The commit's subject.
    pub subject: String,
    /// Tasks folded into them, which are deleted.
    pub folded: Vec<TaskId>,
}

struct Filer<'a> {
    shelf: &'a dyn Shelf,
    manner: Manner,
    now: String,
    documents: BTreeMap<String, Document>,
    /// Files that stay where they are with another content.
    edited: BTreeSet<String>,
    /// Files that go.
    gone: BTreeSet<String>,
    filing: Filing,
}

impl Filing {
    /// Files a task away as it is published.
    pub(crate) fn of(view: &View<'_>, index: &Index, path: &TaskPath) -> Result<Self> {
        Self::from_shelf(&Published { view, index }, path.as_str(), path.id(), Manner::default())
    }

    /// Files away the task whose file is `path`.
    ///
    /// # Errors
    /// [`Kind::Occupied`] when the archive has a file of the same name, [`Kind::NotClaimable`] when two files have the
    /// parent's id.
    pub fn from_shelf(shelf: &dyn Shelf, path: &str, id: TaskId, manner: Manner) -> Result<Self> {
        let mut filer = Filer {
            shelf,
            manner,
            now: Context::now(),
            documents: BTreeMap::new(),
            edited: BTreeSet::new(),
            gone: BTreeSet::new(),
            filing: Self { subject: format!("ait: Archive completed {}", id.t()), ..Self::default() },
        };
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

impl Filer<'_> {
    fn go(&mut self, path: &str, id: TaskId) -> Result<()> {
        self.fetch(vec![path.to_owned()])?;
        let parent = self.parent_of(id)?;
        let mut near = self.folded_files(path);
        near.extend(parent.iter().map(|(_, parent)| parent.clone()));
        if let Some((number, _)) = &parent {
            let siblings = self.active().filter(|(other, _)| other.parent() == Some(*number));
            near.extend(siblings.map(|(_, path)| path.to_owned()));
        }
        self.fetch(near)?;
        let parent_file = id.parent().map(|number| match &parent {
            Some((_, file)) => file_name(file).to_owned(),
            None => self.archived_file(number).map_or_else(|| number.t(), |file| file_name(&file).to_owned()),
        });
        self.note(Note::Begin(file_name(path).to_owned(), parent_file));
        self.links(Kin::Own, id, path);
        if let Some((_, file)) = &parent {
            self.leave_parent(file, id)?;
        }
        self.fold(path)?;
        self.file(Kin::Own, path, id)?;
        match parent {
            Some((number, file)) => self.file_parent(number, &file, id)?,
            None => self.file_moved_parent(id)?,
        }
        for path in std::mem::take(&mut self.edited) {
            let Some(document) = self.documents.get(&path) else { continue };
            if self.shelf.changed(&path)?.is_some() {
                self.filing.adopt.push(path.clone());
            }
            self.filing.edits.push(Edit::Put { content: document.to_bytes(), path });
        }
        self.filing.subject.push_str(" task and plan files");
        Ok(())
    }

    /// The parent goes along when nothing of it is left to do (A4).
    fn file_parent(&mut self, number: TaskId, file: &str, child: TaskId) -> Result<()> {
        let listed = !self.document(file).list("children_to_implement").is_empty();
        let open: Vec<_> = self
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
    fn file_moved_parent(&mut self, child: TaskId) -> Result<()> {
        let Some(number) = child.parent() else { return Ok(()) };
        let Some(file) = self.archived_file(number) else { return Ok(()) };
        if self.shelf.changed(&file)?.is_none() {
            return Ok(());
        }
        self.fetch(vec![file.clone()])?;
        self.take_parent_along(number, &file)
    }

    fn take_parent_along(&mut self, number: TaskId, file: &str) -> Result<()> {
        self.filing.subject.extend([" and parent ", &number.t()]);
        self.note(Note::LastChild);
        self.links(Kin::Parent, number, file);
        self.fetch(self.folded_files(file))?;
        self.fold(file)?;
        self.file(Kin::Parent, file, number)
    }

    fn note(&mut self, note: Note) {
        self.filing.notes.push(note);
    }

    /// Reads files that were not read yet.
    fn fetch(&mut self, mut wanted: Vec<String>) -> Result<()> {
        wanted.retain(|path| !self.documents.contains_key(path));
        wanted.sort_unstable();
        wanted.dedup();
        let names: Vec<_> = wanted.iter().map(String::as_str).collect();
        let read = self.shelf.load(&names)?;
        self.documents.extend(wanted.into_iter().zip(read));
        Ok(())
    }

    fn document(&self, path: &str) -> Document {
        self.documents.get(path).cloned().unwrap_or_else(|| Document::parse(b""))
    }

    fn active(&self) -> impl Iterator<Item = (TaskId, &str)> {
        let paths = self.shelf.paths().iter().map(String::as_str).filter(|path| !is_archived(path));
        paths.filter_map(|path| Some((paths::loose_id(path)?, path)))
    }

    fn active_file(&self, id: TaskId) -> Option<String> {
        self.active().find(|(other, _)| *other == id).map(|(_, path)| path.to_owned())
    }

    fn archived_file(&self, id: TaskId) -> Option<String> {
        let mut paths = self.shelf.paths().iter().filter(|path| is_archived(path));
        paths.find(|path| paths::loose_id(path) == Some(id)).cloned()
    }

    /// The parent of a child and its active file; a child whose parent is archived goes alone (A5).
    fn parent_of(&self, id: TaskId) -> Result<Option<(TaskId, String)>> {
        let Some(parent) = id.parent() else { return Ok(None) };
        let mut files: Vec<_> =
            self.active().filter(|(other, _)| *other == parent).map(|(_, path)| path.to_owned()).collect();
        if files.len() > 1 {
            let message = format!("Multiple task files found for task {parent}: {}", files.join(", "));
            return Err(Error::new(Kind::NotClaimable, message).advice("git mv one of them to an id of its own"));
        }
        Ok(files.pop().map(|file| (parent, file)))
    }

    fn folded_ids(&self, path: &str) -> Vec<TaskId> {
        self.document(path).list("folded_tasks").iter().filter_map(|item| TaskId::recognise(item)).collect()
    }

    /// The files of folded tasks, and of the parents of folded children.
    fn folded_files(&self, path: &str) -> Vec<String> {
        let ids = self.folded_ids(path).into_iter();
        ids.flat_map(|id| std::iter::once(id).chain(id.parent())).filter_map(|id| self.active_file(id)).collect()
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

    /// A child leaves the list of its parent (section 3.5).
    fn leave_parent(&mut self, parent: &str, child: TaskId) -> Result<()> {
        let mut document = self.document(parent);
        if edits::remove_child(&mut document, child, &self.now)? {
            if self.manner.canonical {
                document = document.canonical(&self.now)?;
            }
            self.documents.insert(parent.to_owned(), document);
            self.edited.insert(parent.to_owned());
        }
        self.note(Note::ParentEdited(parent.to_owned(), child));
        Ok(())
    }

    /// Tasks folded into this one go; they are in its text (section 3.6). What is being worked on, or stands in no commit,
    /// stays (A10).
    fn fold(&mut self, path: &str) -> Result<()> {
        for id in self.folded_ids(path) {
            let Some(file) = self.active_file(id).filter(|file| file != path && !self.gone.contains(file)) else {
                continue;
            };
            let status = Status::parse(self.document(&file).scalar("status").unwrap_or_default());
            if matches!(status, Status::Implementing | Status::Done) || self.shelf.changed(&file)?.is_some() {
                self.note(Note::FoldedKept(id, status));
                continue;
            }
            self.links(Kin::Folded, id, &file);
            self.remove(&file);
            if let Some(parent) = id.parent().and_then(|parent| self.active_file(parent)) {
                self.leave_parent(&parent, id)?;
            }
            for plan in self.plans_of(id, false) {
                if self.shelf.changed(&plan)?.is_none() {
                    self.remove(&plan);
                }
            }
            self.note(Note::FoldedDeleted(id, file));
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

    fn plans_of(&self, id: TaskId, archived: bool) -> Vec<String> {
        let plans = self.shelf.paths().iter().filter(|path| is_archived(path) == archived);
        let mut plans: Vec<_> = plans.filter(|path| paths::loose_plan_id(path) == Some(id)).cloned().collect();
        plans.sort_unstable();
        plans
    }

    fn file(&mut self, kin: Kin, path: &str, id: TaskId) -> Result<()> {
        let mut document = self.document(path);
        edits::complete(&mut document, &self.now, self.manner.superseded)?;
        let target = archived(path);
        // Moved already, but in no commit: the move is finished.
        let is_moved = target == path;
        if is_moved {
            self.filing.adopt.push(target.clone());
            for old in self.shelf.left_behind(id) {
                self.remove(&old);
                self.filing.adopt.push(old);
            }
        } else {
            self.require_free(&target)?;
            if self.shelf.changed(path)?.is_some() {
                self.filing.adopt.push(path.to_owned());
            }
            self.remove(path);
        }
        self.filing.edits.push(Edit::Put { path: target.clone(), content: document.to_bytes() });
        self.note(Note::Moved(kin, id, path.to_owned(), target.clone()));
        self.filing.targets.push(target);
        for plan in self.plans_of(id, false) {
            let target = archived(&plan);
            self.require_free(&target)?;
            match self.shelf.changed(&plan)? {
                Some(content) => {
                    self.remove(&plan);
                    self.filing.adopt.push(plan.clone());
                    self.filing.edits.push(Edit::Put { path: target.clone(), content });
                }
                None => self.filing.edits.push(Edit::Rename { from: plan.clone(), to: target.clone() }),
            }
            self.move_plan(plan, target);
        }
        for plan in self.plans_of(id, true).into_iter().filter(|_| is_moved) {
            if let Some(content) = self.shelf.changed(&plan)? {
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
        if self.shelf.paths().iter().any(|path| path == target) {
            return Err(Error::new(Kind::Occupied, format!("{target} exists already"))
                .advice("git mv one of the two to an id of its own"));
        }
        Ok(())
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
