//! A line of `aitask_ls.sh`, and the ids in it. The scripts compare ids as text: `007` is not `7`.

use crate::task::{ActiveIds, Candidate, Document, Fields, Items, Level, Reference, sanitise};
use std::fmt::Write as _;

/// The fields that make a task subject to gates.
const GATE_KEYS: [&str; 3] = ["gates", "active_gates", "also_blocks_dependents"];

/// A task file, as far as the listing reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskRow {
    file: String,
    is_child: bool,
    fields: Fields,
    /// Whether the field for children is not empty. The text `None` counts too, as in the scripts.
    has_children: bool,
    gated: bool,
}

impl Candidate for TaskRow {
    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn file_name(&self) -> &str {
        &self.file
    }
}

/// How much a line shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The name of the file.
    #[default]
    Name,
    /// Its fields as well.
    Fields,
}

impl TaskRow {
    /// Reads a task file; a child lies in a folder.
    pub(crate) fn parse(folder: Option<&str>, file: &str, document: &Document) -> Self {
        Self {
            file: file.to_owned(),
            is_child: folder.is_some(),
            fields: Fields::read(document, Items::WithoutBlanks),
            has_children: !document.list_last("children_to_implement").is_empty(),
            gated: GATE_KEYS.iter().any(|key| document.contains(key)),
        }
    }

    /// Whether it lies in the folder of a parent.
    pub(crate) fn is_child(&self) -> bool {
        self.is_child
    }

    /// Whether its gates decide if it blocks the tasks that depend on it.
    pub(crate) fn is_gated(&self) -> bool {
        self.gated
    }

    /// The ids it depends on, in the form of the active set: `10`, `t12_1`.
    pub(crate) fn waits_for(&self) -> impl Iterator<Item = String> {
        self.fields.depends.iter().map(|id| normal(id.as_written()))
    }

    /// The ids that block it, as the listing shows them: all its dependencies when one of them is active, and the
    /// first open task of another project; the rest is not asked for, since each costs a process. `status_elsewhere`
    /// gives the status of a task in another project.
    pub(crate) fn blocked_by(
        &self,
        active: &ActiveIds<&str>,
        status_elsewhere: &mut dyn FnMut(&str, &str) -> Option<String>,
    ) -> Vec<String> {
        let shown = |id: &Reference| {
            let id = id.as_written();
            if id.contains('_') { normal(id) } else { id.to_owned() }
        };
        let is_blocked = self.waits_for().any(|id| active.contains(id.as_str()));
        let here = self.fields.depends.iter().filter(|_| is_blocked).map(shown);
        let named =
            self.fields.xdeprepo.iter().flat_map(|project| self.fields.xdeps.iter().map(move |id| (project, id)));
        let elsewhere = named.filter_map(|(project, id)| {
            let id = id.as_written().strip_prefix('t').unwrap_or(id.as_written());
            match status_elsewhere(project, id) {
                Some(status) if status == "Done" => None,
                Some(_) => Some(format!("{project}#{id}")),
                None => Some(format!("{project}#{id} (UNREACHABLE)")),
            }
        });
        here.chain(elsewhere.take(1)).collect()
    }

    /// Its line, without the prefix of the tree.
    pub(crate) fn line(&self, blocked_by: &[String], detail: Detail) -> String {
        let mut line = self.file.clone();
        let fields = &self.fields;
        if detail == Detail::Fields {
            let status = match blocked_by {
                [] if self.has_children => "Has children".to_owned(),
                [] => fields.status.to_string(),
                ids => format!("Blocked (by {})", ids.join(",")),
            };
            let _ = write!(line, " [Status: {status}, Priority: {}", fields.priority.capitalised());
            let risks = [("CH-risk", fields.risk_code_health), ("GA-risk", fields.risk_goal_achievement)];
            for (name, risk) in risks.into_iter().filter_map(|(name, risk)| Some((name, risk?))) {
                let _ = write!(line, ", {name}: {}", Level::capitalised(risk));
            }
            let _ = write!(line, ", Effort: {}", fields.effort.capitalised());
            for (name, value) in [
                ("Type", Some(&fields.issue_type).filter(|text| !text.is_empty())),
                ("Follow-up", fields.followup_kind.as_ref()),
                ("Assigned", fields.assigned_to.as_ref()),
                ("Issue", fields.issue.as_ref()),
                ("PR", fields.pull_request.as_ref()),
                ("Contributor", fields.contributor.as_ref()),
            ] {
                if let Some(value) = value {
                    let _ = write!(line, ", {name}: {value}");
                }
            }
            line.push(']');
        }
        sanitise(&line)
    }
}

/// The form of an id in the active set: `N_M` and `tN_M` become `tN_M`, all others lose a leading `t`.
fn normal(id: &str) -> String {
    let bare = id.strip_prefix('t').unwrap_or(id);
    if bare.contains('_') { format!("t{bare}") } else { bare.to_owned() }
}

/// The number in a file name `t<digits>_...`.
pub(crate) fn parent_id(file: &str) -> Option<&str> {
    let (digits, rest) = crate::task::text::split_digits(file.strip_prefix('t')?);
    (!digits.is_empty() && rest.starts_with('_')).then_some(digits)
}

/// The id in a file name `t<digits>_<digits>_...`, with its `t`.
pub(crate) fn child_id(file: &str) -> Option<&str> {
    let parent = parent_id(file)?;
    let (digits, rest) = crate::task::text::split_digits(file.get(parent.len() + 2..)?);
    let is_child = !digits.is_empty() && rest.starts_with('_');
    if is_child { file.get(..parent.len() + 2 + digits.len()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{ActiveTasks, Filter, Order, Selection, Status, Task, TaskId, TaskPath};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn item(file: &str, fields: &str) -> TaskRow {
        TaskRow::parse(None, file, &Document::parse(format!("---\n{fields}\n---\n").as_bytes()))
    }

    fn nowhere(_: &str, _: &str) -> Option<String> {
        None
    }

    #[test]
    fn lists_over_several_lines_and_windows_files_are_read() {
        let active = ActiveIds::from_iter(["20"]);
        for depends in
            ["depends: [1,\n  20]", "depends:\n  - 1\n  - t20", "depends: [1, 20]\r", "depends: ['1', \"20\"]"]
        {
            assert!(!item("t1_x.md", depends).blocked_by(&active, &mut nowhere).is_empty(), "{depends:?}");
        }
        for depends in ["depends: None", "depends: [20_1, 020]"] {
            assert!(item("t1_x.md", depends).blocked_by(&active, &mut nowhere).is_empty(), "{depends:?}");
        }
    }

    #[test]
    fn the_line_shows_every_field_in_its_place() {
        let fields = "priority: low\neffort: high\nissue_type: bug\nstatus: Postponed\nrisk_code_health: high\n\
            risk_goal_achievement: odd\nfollowup_kind: docs_gap\nassigned_to: a@b\nissue: i\npull_request: p\n\
            contributor: c\tc";
        assert_eq!(
            item("t1_x.md", fields).line(&[], Detail::Fields),
            "t1_x.md [Status: Postponed, Priority: Low, CH-risk: High, Effort: High, Type: bug, Follow-up: docs_gap, \
             Assigned: a@b, Issue: i, PR: p, Contributor: c c]"
        );
        let empty = item("t1_x.md", "status:\nissue_type:\nchildren_to_implement:");
        assert_eq!(empty.line(&[], Detail::Fields), "t1_x.md [Status: , Priority: Medium, Effort: Medium]");
        let ready = Filter { status: Some(Status::Ready), ..Filter::default() };
        assert!(!ready.matches(empty.fields()));
        let parent = item("t1_x.md", "children_to_implement: [t1_1]\nstatus: Postponed");
        assert_eq!(
            parent.line(&["2".to_owned()], Detail::Fields),
            "t1_x.md [Status: Blocked (by 2), Priority: Medium, Effort: Medium, Type: feature]"
        );
        assert!(parent.line(&[], Detail::Fields).contains("Has children"));
        assert_eq!(parent.line(&[], Detail::Name), "t1_x.md");
    }

    #[test]
    fn another_project_is_asked_until_one_blocks() {
        let mut asked = Vec::new();
        let mut ask = |project: &str, id: &str| {
            asked.push(format!("{project}#{id}"));
            match id {
                "1" => Some("Done".to_owned()),
                "2" => Some("Ready".to_owned()),
                _ => None,
            }
        };
        let active = ActiveIds::from_iter(["9", "t9_1"]);
        let mut blocked_by = |fields| item("t1_x.md", fields).blocked_by(&active, &mut ask).join(",");
        assert_eq!(blocked_by("xdeps: [t1, 2, 3]\nxdeprepo: sis"), "sis#2");
        assert_eq!(blocked_by("depends: [t9, 9_1, 8]\nxdeps: [3]\nxdeprepo: sis"), "t9,t9_1,8,sis#3 (UNREACHABLE)");
        assert_eq!(blocked_by("xdeprepo: sis"), "");
        assert_eq!(blocked_by("xdeps: [3]"), "");
        assert_eq!(asked, ["sis#1", "sis#2", "sis#3"]);
    }

    /// The texts of task files by their ids: what they wait for, their priority, effort, status and labels.
    fn files() -> impl Strategy<Value = BTreeMap<TaskId, String>> {
        let id = (1..9_u64, proptest::option::of(1..12_u64));
        let id = id.prop_map(|(number, child)| child.map_or(TaskId::top(number), |child| TaskId::child(number, child)));
        let level = proptest::sample::select(vec!["high", "medium", "low", "odd"]);
        let status = proptest::sample::select(vec!["Ready", "Done", "Implementing", ""]);
        let depends = proptest::collection::vec(id.clone(), 0..3);
        let file =
            (depends, level.clone(), level, status, "[ab]").prop_map(|(depends, priority, effort, status, label)| {
                let depends: Vec<_> = depends.into_iter().map(TaskId::in_list).collect();
                format!(
                    "---\ndepends: [{}]\npriority: {priority}\neffort: {effort}\nstatus: {status}\n\
                 labels: [{label}]\n---\n",
                    depends.join(", ")
                )
            });
        proptest::collection::btree_map(id, file, 0..25)
    }

    proptest! {
        /// For well-formed files the scripts and the verbs list the same tasks, in the same order, with the same ones
        /// blocked.
        #[test]
        fn the_scripts_list_what_the_verbs_list(files in files(), ready: bool, label: bool) {
            let filter = Filter {
                status: ready.then_some(Status::Ready),
                labels: label.then(|| "a".to_owned()).into_iter().collect(),
                ..Filter::default()
            };
            let selection = Selection { filter, order: Order::BestByFileName };
            let path = |id: TaskId| match id.parent() {
                Some(parent) => format!("aitasks/t{parent}/t{id}_x.md"),
                None => format!("aitasks/t{id}_x.md"),
            };
            let read = |(id, text): (&TaskId, &String)| {
                let path = TaskPath::parse(&path(*id)).unwrap();
                Task::from_document(path, &Document::parse(text.as_bytes()))
            };
            let tasks: Vec<_> = files.iter().map(read).collect();
            let board = ActiveTasks::new(&tasks);
            let verbs = board.choose(&selection, board.tasks()).into_iter();
            let verbs: Vec<_> =
                verbs.map(|task| (task.path.file_name().to_owned(), board.is_blocked(task))).collect();

            let ids: Vec<_> = files.keys().map(|id| id.in_list()).collect();
            let active: ActiveIds<&str> = ids.iter().map(String::as_str).collect();
            let items = files.iter().map(|(id, text)| {
                let (folder, file) = (id.parent().map(TaskId::prefixed), format!("t{id}_x.md"));
                TaskRow::parse(folder.as_deref(), &file, &Document::parse(text.as_bytes()))
            });
            let scripts = selection.choose(items, |item| item.blocked_by(&active, &mut nowhere)).into_iter();
            let scripts: Vec<_> =
                scripts.map(|one| (one.task.file_name().to_owned(), !one.blockers.is_empty())).collect();
            prop_assert_eq!(scripts, verbs);
        }
    }

    #[test]
    fn ids_of_files() {
        for (file, parent, child) in [
            ("t12_x.md", Some("12"), None),
            ("t12_1_x.md", Some("12"), Some("t12_1")),
            ("t12_1x.md", Some("12"), None),
            ("todo_list.md", None, None),
            ("t_x.md", None, None),
            ("t12.md", None, None),
        ] {
            assert_eq!((parent_id(file), child_id(file)), (parent, child), "{file}");
        }
    }
}
