//! Whether an archived task can be opened again, and what that changes: a pure function of what was read.

use crate::coordination::LockEntry;
use crate::error::{Error, Kind, Result};
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::landing::former::FormerWork;
use crate::ledger::plan::Step;
use crate::ops::data_location::LoadedFile;
use crate::ops::dependencies::{NewWaits, OtherTasks};
use crate::task::{Document, Task, TaskId, TaskPath, edits};

/// An archived task, as it was read.
#[derive(Debug)]
pub(super) struct ReopenView {
    /// The path of its file once it is open.
    pub(super) path: TaskPath,
    /// Its file.
    pub(super) document: Document,
    /// The paths of its plans once it is open.
    pub(super) plans: Vec<String>,
    /// One of these paths that another file has.
    pub(super) occupied: Option<String>,
    /// The edits that bring back the file, and each of the plans.
    pub(super) moves: Vec<Vec<Edit>>,
    /// The refusal, where another session has locked it.
    pub(super) held: Option<Error>,
    /// Its lock.
    pub(super) lock: Option<LockEntry>,
    /// Its parent.
    pub(super) parent: Parent,
    /// What it waits for once it is open.
    pub(super) waits: NewWaits,
    /// What the check of that needs.
    pub(super) others: OtherTasks,
    /// Its branch.
    pub(super) branch: Branch,
    /// Whether that is there.
    pub(super) has_branch: bool,
    /// Its work, where that was merged and the branch is gone.
    pub(super) former: Option<FormerWork>,
}

/// The parent of an archived task.
#[derive(Debug)]
pub(super) enum Parent {
    /// It has none, or that is nowhere.
    None,
    /// It is open.
    Open(LoadedFile),
    /// It is archived.
    Archived(TaskId),
}

/// The decision: a task that is opened again.
#[derive(Debug)]
pub(super) struct ReopenDecision {
    /// The task.
    pub(super) task: Task,
    /// The commit of the task data.
    pub(super) step: Step,
}

/// A task before and after it is opened.
pub(super) fn as_open(path: &TaskPath, document: &Document, now: &str) -> Result<(Task, Task)> {
    let (mut closed, mut open) = (document.clone(), document.clone());
    closed.set("status", "Done")?;
    edits::reopen(&mut open, now)?;
    Ok((Task::from_document(path.clone(), &closed), Task::from_document(path.clone(), &open)))
}

/// Decides whether it can be opened.
pub(super) fn decide(seen: ReopenView, now: &str) -> Result<ReopenDecision> {
    let ReopenView { path, mut document, plans, occupied, moves, held, parent, waits, mut others, .. } = seen;
    let id = path.id();
    if let Some(error) = held {
        return Err(error);
    }
    if let Some(path) = occupied {
        return Err(Error::new(Kind::Occupied, format!("{path} exists already"))
            .advice("git mv one of the two to an id of its own"));
    }
    let mut changes: Vec<_> = moves.into_iter().flatten().collect();
    edits::reopen(&mut document, now)?;
    let task = Task::from_document(path.clone(), &document);
    changes.push(Edit::Put { path: path.as_str().to_owned(), content: document.to_bytes() });
    match parent {
        Parent::None => {}
        Parent::Archived(parent) => {
            let message = format!("{}, the parent of {}, is archived, too", parent.prefixed(), id.prefixed());
            return Err(Error::new(Kind::NotClaimable, message)
                .hint(command!["git aitask reopen", parent].note("first; then the child")));
        }
        Parent::Open(LoadedFile { path, mut document }) => {
            edits::add_child(&mut document, id, now)?;
            if let Some(path) = TaskPath::parse(&path) {
                let with_child = Task::from_document(path, &document);
                others
                    .active
                    .iter_mut()
                    .filter(|other| other.id == with_child.id)
                    .for_each(|other| *other = with_child.clone());
            }
            changes.push(Edit::Put { path, content: document.to_bytes() });
        }
    }
    waits.require(&task, &others)?;
    let with_plan = if plans.is_empty() { "" } else { " with its plan" };
    let title = path.name().slug().humanised();
    Ok(ReopenDecision { task, step: Step::edit(format!("ait: Reopen {}{with_plan}: {title}", id.prefixed()), changes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &str = "---\nstatus: Done\narchived_reason: superseded\ndepends: [2]\nassigned_to: a@x\ncreated_at: c\nupdated_at: u\ncompleted_at: d\n---\n\n# X\n";

    fn file(path: &str, text: &str) -> LoadedFile {
        LoadedFile { path: path.to_owned(), document: Document::parse(text.as_bytes()) }
    }

    fn task(path: &str, text: &str) -> Task {
        Task::from_document(TaskPath::parse(path).unwrap(), &Document::parse(text.as_bytes()))
    }

    fn seen(path: &str, parent: Parent, others: Vec<Task>) -> ReopenView {
        let path = TaskPath::parse(path).unwrap();
        let document = Document::parse(DONE.as_bytes());
        let (before, after) = as_open(&path, &document, "now").unwrap();
        ReopenView {
            waits: NewWaits::between(&before, &after),
            branch: Branch::parse("aitask/t1_x").unwrap(),
            path,
            document,
            plans: Vec::new(),
            occupied: None,
            moves: Vec::new(),
            held: None,
            lock: None,
            parent,
            others: OtherTasks { active: others, unknown: Vec::new() },
            has_branch: false,
            former: None,
        }
    }

    fn put<'e>(step: &'e Step, wanted: &str) -> Option<&'e str> {
        step.edits.iter().find_map(|edit| match edit {
            Edit::Put { path, content } if path == wanted => std::str::from_utf8(content).ok(),
            _ => None,
        })
    }

    #[test]
    fn what_the_archive_added_is_taken_out() {
        let opened = decide(seen("aitasks/t1_x.md", Parent::None, vec![]), "now").unwrap();
        let expected = "---\nstatus: Ready\ndepends: [2]\ncreated_at: c\nupdated_at: now\n---\n\n# X\n";
        assert_eq!(put(&opened.step, "aitasks/t1_x.md"), Some(expected));
        assert_eq!(opened.step.subject, "ait: Reopen t1: x");
    }

    #[test]
    fn a_child_is_on_the_list_of_its_parent_again_and_needs_an_open_one() {
        let parent = || file("aitasks/t1_p.md", "---\nstatus: Ready\nupdated_at: u\n---\n");
        let opened = decide(seen("aitasks/t1/t1_2_x.md", Parent::Open(parent()), vec![]), "now").unwrap();
        let list = put(&opened.step, "aitasks/t1_p.md").unwrap();
        assert!(list.contains("children_to_implement: [t1_2]\n"), "{list}");
        let refused = decide(seen("aitasks/t1/t1_2_x.md", Parent::Archived(TaskId::top(1)), vec![]), "now");
        assert_eq!(refused.unwrap_err().kind(), Kind::NotClaimable);
    }

    #[test]
    fn a_task_that_would_wait_for_itself_stays_archived() {
        let other = |text: &str| vec![task("aitasks/t2_y.md", text)];
        let waits = other("---\nstatus: Ready\ndepends: [1]\n---\n");
        let refused = decide(seen("aitasks/t1_x.md", Parent::None, waits), "now");
        assert_eq!(refused.unwrap_err().kind(), Kind::Circle);
        let free = other("---\nstatus: Ready\n---\n");
        assert!(decide(seen("aitasks/t1_x.md", Parent::None, free), "now").is_ok());
        // By way of its parent, which waits for its children.
        let parent = file("aitasks/t1_p.md", "---\nstatus: Ready\n---\n");
        let parent_task = task("aitasks/t1_p.md", "---\nstatus: Ready\n---\n");
        let others = [other("---\nstatus: Ready\ndepends: [1]\n---\n"), vec![parent_task]].concat();
        let refused = decide(seen("aitasks/t1/t1_2_x.md", Parent::Open(parent), others), "now");
        assert_eq!(refused.unwrap_err().kind(), Kind::Circle);
    }

    #[test]
    fn what_is_in_the_way_refuses() {
        let held =
            ReopenView { held: Some(Error::new(Kind::Held, "held")), ..seen("aitasks/t1_x.md", Parent::None, vec![]) };
        assert_eq!(decide(held, "now").unwrap_err().kind(), Kind::Held);
        let occupied = Some("aiplans/p1_x.md".to_owned());
        let occupied = ReopenView { occupied, ..seen("aitasks/t1_x.md", Parent::None, vec![]) };
        assert_eq!(decide(occupied, "now").unwrap_err().kind(), Kind::Occupied);
    }
}
