//! Moving what is finished out of the way: the task, its plan, and a parent whose last child it was.

use super::context::{Context, Wanted};
use super::drop::unlock_step;
use super::holding::require_holder;
use super::index::{Index, branches};
use super::outcome::Aside;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::held::Held;
use crate::ledger::transaction::Step;
use crate::ledger::{Decision, LockEntry, Locks, Plan, View, locks, nonce};
use crate::task::{Document, Status, TaskId, TaskPath, edits};
use serde::Serialize;

/// Tasks archived.
#[derive(Debug, Clone, Serialize)]
pub struct Archived {
    /// Their ids, parents that went along included.
    pub tasks: Vec<TaskId>,
    /// Where the files are now.
    pub archived: Vec<String>,
    /// Whether a lock was released.
    pub unlocked: bool,
    /// What else there is to say.
    #[serde(flatten)]
    pub aside: Aside,
}

/// What archiving does to the task data.
#[derive(Debug, Clone, Default)]
pub(super) struct Filing {
    /// The tasks that go.
    pub tasks: Vec<TaskId>,
    /// Where their files and plans go.
    pub targets: Vec<String>,
    folded: Vec<TaskId>,
    edits: Vec<Edit>,
    subject: String,
}

impl Filing {
    /// Files a task away (specification 30, sections 3.4 and 3.5): its file as Done, its plan, and, if it was the last
    /// child, its parent in the same commit.
    pub(super) fn of(view: &View<'_>, index: &Index, path: &TaskPath) -> Result<Self> {
        let mut filing = Self { subject: format!("ait: Archive completed {}", path.id().t()), ..Self::default() };
        let now = Context::now();
        let document = index.load_document(view, path.as_str())?;
        filing.drop_folded(view, index, &document)?;
        filing.file(index, path, document, &now)?;
        if let Some(parent) = path.id().parent().and_then(|id| index.active(id)) {
            let mut document = index.load_document(view, parent.as_str())?;
            let changed = edits::remove_child(&mut document, path.id(), &now)?;
            let open = !document.list("children_to_implement").is_empty()
                || index.children_of(parent.id()).any(|child| child != path.id());
            if !open {
                filing.subject.extend([" and parent ", &parent.id().t()]);
                filing.file(index, parent, document, &now)?;
            } else if changed {
                filing.edits.push(Edit::Put { path: parent.as_str().to_owned(), content: document.to_bytes() });
            }
        }
        filing.subject.push_str(" task and plan files");
        Ok(filing)
    }

    fn file(&mut self, index: &Index, path: &TaskPath, mut document: Document, now: &str) -> Result<()> {
        edits::complete(&mut document, now, false)?;
        let target = path.archived();
        if index.has(target.as_str()) {
            return Err(Error::new(Kind::Occupied, format!("{} exists already", target.as_str()))
                .hint("git mv one of the two to an id of its own"));
        }
        self.edits.push(Edit::Remove { path: path.as_str().to_owned() });
        self.edits.push(Edit::Put { path: target.as_str().to_owned(), content: document.to_bytes() });
        self.targets.push(target.as_str().to_owned());
        if let Some(plan) = index.plan(path) {
            let to = plan.archived().as_str().to_owned();
            self.edits.push(Edit::Rename { from: plan.as_str().to_owned(), to: to.clone() });
            self.targets.push(to);
        }
        self.tasks.push(path.id());
        Ok(())
    }

    /// Tasks folded into this one go with it; they are in its text (specification 30, section 3.6).
    fn drop_folded(&mut self, view: &View<'_>, index: &Index, document: &Document) -> Result<()> {
        let ids: Vec<_> = document.list("folded_tasks").iter().filter_map(|item| TaskId::recognise(item)).collect();
        for task in index.load_some(view, |id| ids.contains(&id))? {
            if matches!(task.status, Status::Implementing | Status::Done) {
                continue;
            }
            self.edits.push(Edit::Remove { path: task.path.as_str().to_owned() });
            self.edits.extend(index.plan(&task.path).map(|plan| Edit::Remove { path: plan.as_str().to_owned() }));
            self.folded.push(task.id);
        }
        Ok(())
    }

    /// Adds it to a plan: the files, then the locks of all that went.
    pub(super) fn plan(&self, plan: Plan, data: &Branch, locks_branch: &Branch, locks: &Locks) -> Plan {
        let plan = plan.step(data, Step::edit(self.subject.clone(), self.edits.clone()));
        let gone = self.tasks.iter().chain(&self.folded).filter(|id| locks.is_held(**id));
        gone.fold(plan, |plan, id| plan.step(locks_branch, unlock_step(*id)))
    }
}

/// Archives tasks and releases their locks, each in one swap.
///
/// # Errors
/// [`Kind::NotHolder`] for a task that somebody else holds.
pub fn archive(context: &Context, wanted: &[Wanted]) -> Result<Archived> {
    let mut all = Archived { tasks: vec![], archived: vec![], unlocked: false, aside: Aside::default() };
    for wanted in wanted {
        let one = archive_one(context, wanted)?;
        all.tasks.extend(one.tasks);
        all.archived.extend(one.archived);
        all.unlocked |= one.unlocked;
        all.aside.notes.extend(one.aside.notes);
        all.aside.lagging = one.aside.lagging;
        if let Some(more) = one.aside.dry_run {
            let dry_run = all.aside.dry_run.get_or_insert_default();
            dry_run.refs.extend(more.refs);
            dry_run.commands.extend(more.commands);
        }
    }
    Ok(all)
}

fn archive_one(context: &Context, wanted: &Wanted) -> Result<Archived> {
    let session = context.session()?;
    let (locks_branch, data) = branches(context)?;
    let landed = context.ledger().transact(&nonce()?, &[locks_branch.clone(), data.clone()], |view| {
        let index = Index::load(view, &data)?;
        let ids = || std::iter::once(wanted.id).chain(wanted.or);
        if ids().all(|id| index.active(id).is_none())
            && let Some(path) = ids().find_map(|id| index.archived(id))
        {
            // Archived already: the same command again is done.
            let filing =
                Filing { tasks: vec![path.id()], targets: vec![path.as_str().to_owned()], ..Filing::default() };
            return Ok(Decision::Nothing((filing, false)));
        }
        let path = index.require_active(wanted)?;
        let wants = [(&locks_branch, LockEntry::path(path.id())), Locks::request(&locks_branch)];
        let objects = view.objects(&wants)?;
        let lock = locks::entry(path.id(), objects.first().and_then(Option::as_ref));
        let locks = Locks::of(objects.get(1).and_then(Option::as_ref))?;
        if lock.is_some() {
            require_holder(context, &session, path.id(), lock.as_ref())?;
        }
        let open: Vec<_> = index.children_of(path.id()).map(TaskId::t).collect();
        if !open.is_empty() {
            let message = format!("{} has open children: {}", path.id().t(), open.join(", "));
            return Err(
                Error::new(Kind::NotClaimable, message).hint(format!("git aitask list --children {}", path.id()))
            );
        }
        let filing = Filing::of(view, &index, path)?;
        let plan = filing.plan(Plan::new(), &data, &locks_branch, &locks);
        Ok(Decision::Swap(plan, (filing, lock.is_some())))
    })?;
    let aside = Aside::of(context, &landed);
    let (filing, unlocked) = landed.value;
    if !context.dry_run {
        for task in &filing.tasks {
            Held::forget(&context.repository, *task)?;
        }
    }
    Ok(Archived { tasks: filing.tasks, archived: filing.targets, unlocked, aside })
}
