//! The task that takes over the deferred items of a checklist. The commit that archives the old task creates it, so that
//! at every moment one active task has the items.

use crate::archive::archiver::{ArchiveChanges, ArchiveEvent};
use crate::coordination::ids;
use crate::error::Result;
use crate::git::Branch;
use crate::git::objects::Edit;
use crate::ledger::{Plan, View};
use crate::project::index::Index;
use crate::task::checklist::{CHECKLIST, Checklist};
use crate::task::fields::MANUAL_VERIFICATION;
use crate::task::{Document, Level, NewTask, Slug, TaskId, TaskName, TaskPath};

/// The task that takes over deferred items, before it exists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarryOver {
    number: u64,
    /// Whether its number is still to be claimed.
    is_unclaimed: bool,
}

impl CarryOver {
    /// A task with a number that was claimed before.
    pub(crate) fn numbered(number: u64) -> Self {
        Self { number, is_unclaimed: false }
    }

    /// A task with the next number; `None` where no item is deferred. `claimed` has the number of the attempt before: on
    /// a server without atomic pushes, the counter was published then.
    ///
    /// # Errors
    /// Those of the counter.
    pub(crate) fn next(
        view: &View<'_>,
        ids_branch: &Branch,
        index: &Index,
        document: &Document,
        claimed: Option<u64>,
    ) -> Result<Option<Self>> {
        if Checklist::of(document).deferred.is_empty() {
            return Ok(None);
        }
        if let Some(number) = claimed.filter(|_| view.landed.contains(ids_branch)) {
            return Ok(Some(Self::numbered(number)));
        }
        let number = ids::next(view, ids_branch, |counter| index.highest_from(view, counter))?;
        Ok(Some(Self { number, is_unclaimed: true }))
    }

    /// Its number.
    pub(crate) fn number(self) -> u64 {
        self.number
    }

    /// Adds the claim of its number to a plan. It comes before the task: on a server without atomic pushes a number may
    /// be lost, and is never given twice.
    pub(crate) fn claim(self, plan: Plan, ids_branch: &Branch) -> Plan {
        if self.is_unclaimed { ids::claim(plan, ids_branch, self.number) } else { plan }
    }

    /// Adds the task to the changes that archive `id`, whose file is `path`.
    ///
    /// # Errors
    /// When a value of the old task cannot be written.
    pub(crate) fn create(
        self,
        changes: &mut ArchiveChanges,
        id: TaskId,
        path: &str,
        document: &Document,
        now: &str,
    ) -> Result<()> {
        let old = TaskPath::parse(path);
        let slug = old.as_ref().map_or_else(|| "task".to_owned(), |old| old.name().slug().to_string());
        let name = TaskName::new(TaskId::top(self.number), &Slug::from_title(&format!("{slug}_carryover")));
        let path = TaskPath::new(name).as_str().to_owned();
        let content = follow_up(document, id, now)?.to_bytes();
        changes.edits.push(Edit::Put { path: path.clone(), content });
        changes.events.insert(0, ArchiveEvent::CarriedOver(TaskId::top(self.number), path));
        Ok(())
    }
}

/// The file of the new task. Its anchor is the start of the topic, as that of every follow-up.
fn follow_up(document: &Document, id: TaskId, now: &str) -> Result<Document> {
    let anchor = document.scalar("anchor").and_then(TaskId::try_parse);
    let filled = |key: &str| document.scalar(key).filter(|value| !value.is_empty()).map(str::to_owned);
    let baseline = filled("verification_baseline").map(|value| ("verification_baseline".to_owned(), value));
    let items: String = Checklist::of(document).deferred.iter().flat_map(|item| ["- [ ] ", item, "\n"]).collect();
    let task = NewTask {
        effort: Level::Low,
        issue_type: MANUAL_VERIFICATION.to_owned(),
        anchor: Some(anchor.unwrap_or_else(|| id.parent().unwrap_or(id))),
        more: [("followup_kind".to_owned(), "carry_over".to_owned())].into_iter().chain(baseline).collect(),
        body: format!("Items that were deferred when {} was archived.\n\n{CHECKLIST}\n\n{items}", id.prefixed()),
        ..NewTask::default()
    };
    let mut created = task.document(now)?;
    let verifies = document.list("verifies");
    if !verifies.is_empty() {
        created.set_list("verifies", &verifies)?;
    }
    Ok(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_go_over_with_what_they_verify() {
        let old = "---\nissue_type: manual_verification\nanchor: 3\nverifies: [5, 6_1]\nverification_baseline: abc @ then\n---\n\n\
                   ## Verification Checklist\n\n- [x] a\n- [defer] b\n- [defer] c\n";
        let created = follow_up(&Document::parse(old.as_bytes()), TaskId::child(4, 2), "now").unwrap();
        assert_eq!(
            String::from_utf8(created.to_bytes()).unwrap(),
            "---\npriority: medium\neffort: low\ndepends: []\nissue_type: manual_verification\nstatus: Ready\nlabels: []\n\
             verifies: [5, 6_1]\nverification_baseline: abc @ then\nanchor: 3\nfollowup_kind: carry_over\n\
             created_at: now\nupdated_at: now\n---\n\n\
             Items that were deferred when t4_2 was archived.\n\n## Verification Checklist\n\n- [ ] b\n- [ ] c\n"
        );
        let old = old.replace("anchor: 3\n", "");
        let created = follow_up(&Document::parse(old.as_bytes()), TaskId::child(4, 2), "now").unwrap();
        assert_eq!(created.scalar("anchor"), Some("4"));
    }
}
