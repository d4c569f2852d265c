//! The original's listing: which tasks, in which order, as which lines (specification 30, section 1).

use crate::task::{Document, Level, harmless};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// Keys that send a task through the gates (specification 30, section 8.1).
const GATE_KEYS: [&str; 3] = ["gates", "active_gates", "also_blocks_dependents"];

/// A task file as the listing sees it. Ids are texts here: `007` is not `7`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// The file's name.
    pub file: String,
    status: String,
    priority: Level,
    effort: Level,
    issue_type: String,
    labels: Vec<String>,
    depends: Vec<String>,
    has_children: bool,
    risks: [Option<Level>; 2],
    followup_kind: String,
    assigned_to: String,
    issue: String,
    pull_request: String,
    contributor: String,
    xdeps: Vec<String>,
    xdeprepo: String,
    gated: bool,
}

/// What is wanted; an option that is not given keeps everything.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// With exactly this status.
    pub status: Option<String>,
    /// With at least one of these labels.
    pub labels: Vec<String>,
    /// Of this issue type.
    pub issue_type: Option<String>,
    /// Of this kind of follow-up.
    pub followup_kind: Option<String>,
    /// Of no such kind.
    pub no_followup_kind: bool,
}

impl Item {
    /// Reads a task file (section 1.3): of a key that is there several times the last counts, and a key with an empty
    /// value overrides the default.
    #[must_use]
    pub fn parse(file: &str, document: &Document) -> Self {
        let text = |key: &str| document.scalar_last(key).unwrap_or_default().to_owned();
        let level = |key: &str| document.scalar_last(key).and_then(Level::recognise);
        let items = |key: &str| document.list_last(key).into_iter().map(|item| item.replace(char::is_whitespace, ""));
        let ids = |key: &str| -> Vec<String> { items(key).filter(|item| item != "None").collect() };
        Self {
            file: file.to_owned(),
            status: document.scalar_last("status").unwrap_or("Ready").to_owned(),
            priority: level("priority").unwrap_or_default(),
            effort: level("effort").unwrap_or_default(),
            issue_type: document.scalar_last("issue_type").unwrap_or("feature").to_owned(),
            labels: items("labels").collect(),
            depends: ids("depends"),
            has_children: !document.list_last("children_to_implement").is_empty(),
            risks: ["risk_code_health", "risk_goal_achievement"].map(level),
            followup_kind: text("followup_kind"),
            assigned_to: text("assigned_to"),
            issue: text("issue"),
            pull_request: text("pull_request"),
            contributor: text("contributor"),
            xdeps: ids("xdeps"),
            xdeprepo: text("xdeprepo"),
            gated: GATE_KEYS.iter().any(|key| document.contains(key)),
        }
    }

    /// Whether the gates have a say in whether it blocks others.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.gated
    }

    /// Whether it is wanted.
    #[must_use]
    pub fn is_wanted(&self, wanted: &Wanted) -> bool {
        wanted.status.as_ref().is_none_or(|status| *status == self.status)
            && (wanted.labels.is_empty() || wanted.labels.iter().any(|label| self.labels.contains(label)))
            && wanted.issue_type.as_ref().is_none_or(|kind| *kind == self.issue_type)
            && wanted.followup_kind.as_ref().is_none_or(|kind| *kind == self.followup_kind)
            && (!wanted.no_followup_kind || self.followup_kind.is_empty())
    }

    /// The ids it waits for, as they stand in the active set: `10`, `t12_1`.
    pub fn waits_for(&self) -> impl Iterator<Item = String> {
        self.depends.iter().map(|id| normal(id))
    }

    /// What it is blocked by, as the listing shows it; `None` when by nothing. `status_elsewhere` asks another project.
    pub fn blocked_by(
        &self,
        active: &Active,
        status_elsewhere: &mut dyn FnMut(&str, &str) -> Option<String>,
    ) -> Option<String> {
        let here = self.waits_for().any(|id| active.blocks(&id));
        let shown = |id: &String| if id.contains('_') { normal(id) } else { id.clone() };
        let here = here.then(|| self.depends.iter().map(shown).collect::<Vec<_>>().join(","));
        let mut elsewhere = || {
            let project = Some(&self.xdeprepo).filter(|project| !project.is_empty())?;
            self.xdeps.iter().map(|id| id.strip_prefix('t').unwrap_or(id)).find_map(|id| {
                match status_elsewhere(project, id) {
                    Some(status) if status == "Done" => None,
                    Some(_) => Some(format!("{project}#{id}")),
                    None => Some(format!("{project}#{id} (UNREACHABLE)")),
                }
            })
        };
        match (here, elsewhere()) {
            (Some(here), Some(elsewhere)) => Some(format!("{here},{elsewhere}")),
            (here, elsewhere) => here.or(elsewhere),
        }
    }

    /// Its line (section 1.4), without the prefix of the tree.
    #[must_use]
    pub fn line(&self, blocked_by: Option<&str>, verbose: bool) -> String {
        let mut line = self.file.clone();
        if verbose {
            let status = match blocked_by {
                Some(ids) => format!("Blocked (by {ids})"),
                None if self.has_children => "Has children".to_owned(),
                None => self.status.clone(),
            };
            let _ = write!(line, " [Status: {status}, Priority: {}", self.priority.capitalised());
            let risks = ["CH-risk", "GA-risk"].into_iter().zip(self.risks);
            for (name, risk) in risks.filter_map(|(name, risk)| Some((name, risk?))) {
                let _ = write!(line, ", {name}: {}", risk.capitalised());
            }
            let _ = write!(line, ", Effort: {}", self.effort.capitalised());
            for (name, value) in [
                ("Type", &self.issue_type),
                ("Follow-up", &self.followup_kind),
                ("Assigned", &self.assigned_to),
                ("Issue", &self.issue),
                ("PR", &self.pull_request),
                ("Contributor", &self.contributor),
            ] {
                if !value.is_empty() {
                    let _ = write!(line, ", {name}: {value}");
                }
            }
            line.push(']');
        }
        harmless(&line)
    }

    /// What it is sorted by (section 1.3, L8): blocked ones last, then priority, effort, file name in byte order.
    #[must_use]
    pub fn rank(&self, is_blocked: bool) -> (bool, Reverse<Level>, Level, &str) {
        (is_blocked, Reverse(self.priority), self.effort, &self.file)
    }
}

/// `N_M` and `tN_M` as `tN_M`, all others without a leading `t`.
fn normal(id: &str) -> String {
    let bare = id.strip_prefix('t').unwrap_or(id);
    if bare.contains('_') { format!("t{bare}") } else { bare.to_owned() }
}

/// The ids of all active files. A task counts as finished for those that wait for it exactly when it is not among them.
#[derive(Debug, Clone, Default)]
pub struct Active {
    counts: HashMap<String, usize>,
}

impl Active {
    /// Adds the file of a parent, `t12_x.md`.
    pub fn add_parent(&mut self, file: &str) {
        if let Some(id) = parent_id(file) {
            *self.counts.entry(id.to_owned()).or_insert(0) += 1;
        }
    }

    /// Adds the file of a child, `t12_1_x.md`.
    pub fn add_child(&mut self, file: &str) {
        if let Some(id) = child_id(file) {
            *self.counts.entry(id.to_owned()).or_insert(0) += 1;
        }
    }

    /// Whether an id, as [`Item::waits_for`] gives it, is active.
    #[must_use]
    pub fn blocks(&self, id: &str) -> bool {
        self.counts.contains_key(id)
    }

    /// Takes an id out: its gates let dependents go on.
    pub fn release(&mut self, id: &str) {
        self.counts.remove(id);
    }

    /// The ids that several files have, sorted.
    #[must_use]
    pub fn duplicates(&self) -> Vec<&str> {
        let several: BTreeMap<&str, usize> =
            self.counts.iter().filter(|(_, count)| **count > 1).map(|(id, count)| (id.as_str(), *count)).collect();
        several.into_keys().collect()
    }
}

/// The number in a file name `t<digits>_...`.
#[must_use]
pub fn parent_id(file: &str) -> Option<&str> {
    let (digits, rest) = crate::task::text::split_digits(file.strip_prefix('t')?);
    (!digits.is_empty() && rest.starts_with('_')).then_some(digits)
}

/// The id in a file name `t<digits>_<digits>_...`, with its `t`.
#[must_use]
pub fn child_id(file: &str) -> Option<&str> {
    let parent = parent_id(file)?;
    let (digits, rest) = crate::task::text::split_digits(file.get(parent.len() + 2..)?);
    let is_child = !digits.is_empty() && rest.starts_with('_');
    if is_child { file.get(..parent.len() + 2 + digits.len()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(file: &str, fields: &str) -> Item {
        Item::parse(file, &Document::parse(format!("---\n{fields}\n---\n").as_bytes()))
    }

    fn nowhere(_: &str, _: &str) -> Option<String> {
        None
    }

    #[test]
    fn lists_over_several_lines_and_windows_files_are_read() {
        let mut active = Active::default();
        active.add_parent("t20_x.md");
        for depends in
            ["depends: [1,\n  20]", "depends:\n  - 1\n  - t20", "depends: [1, 20]\r", "depends: ['1', \"20\"]"]
        {
            assert!(item("t1_x.md", depends).blocked_by(&active, &mut nowhere).is_some(), "{depends:?}");
        }
        assert_eq!(item("t1_x.md", "depends: None").blocked_by(&active, &mut nowhere), None);
        assert_eq!(item("t1_x.md", "depends: [20_1, 020]").blocked_by(&active, &mut nowhere), None);
    }

    #[test]
    fn every_segment_in_its_place() {
        let fields = "priority: low\neffort: high\nissue_type: bug\nstatus: Postponed\nrisk_code_health: high\n\
            risk_goal_achievement: odd\nfollowup_kind: docs_gap\nassigned_to: a@b\nissue: i\npull_request: p\ncontributor: c\tc";
        assert_eq!(
            item("t1_x.md", fields).line(None, true),
            "t1_x.md [Status: Postponed, Priority: Low, CH-risk: High, Effort: High, Type: bug, Follow-up: docs_gap, \
             Assigned: a@b, Issue: i, PR: p, Contributor: c c]"
        );
        let empty = item("t1_x.md", "status:\nissue_type:\nchildren_to_implement:");
        assert_eq!(empty.line(None, true), "t1_x.md [Status: , Priority: Medium, Effort: Medium]");
        assert!(!empty.is_wanted(&Wanted { status: Some("Ready".to_owned()), ..Wanted::default() }));
        let parent = item("t1_x.md", "children_to_implement: [t1_1]\nstatus: Postponed");
        assert_eq!(
            parent.line(Some("2"), true),
            "t1_x.md [Status: Blocked (by 2), Priority: Medium, Effort: Medium, Type: feature]"
        );
        assert!(parent.line(None, true).contains("Has children"));
        assert_eq!(parent.line(None, false), "t1_x.md");
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
        let active = Active::default();
        let one = item("t1_x.md", "xdeps: [t1, 2, 3]\nxdeprepo: sis");
        assert_eq!(one.blocked_by(&active, &mut ask).as_deref(), Some("sis#2"));
        assert_eq!(
            item("t1_x.md", "xdeps: [3]\nxdeprepo: sis").blocked_by(&active, &mut ask).as_deref(),
            Some("sis#3 (UNREACHABLE)")
        );
        assert_eq!(item("t1_x.md", "xdeprepo: sis").blocked_by(&active, &mut ask), None);
        assert_eq!(item("t1_x.md", "xdeps: [3]").blocked_by(&active, &mut ask), None);
        assert_eq!(asked, ["sis#1", "sis#2", "sis#3"]);
    }

    proptest::proptest! {
        #[test]
        fn the_order_is_that_of_a_text_with_all_that_counts(
            tasks in proptest::collection::vec((0..3_usize, 0..3_usize, 1..300_u32, proptest::bool::ANY), 0..20)
        ) {
            let levels = ["high", "medium", "low"];
            let all: Vec<_> = tasks
                .iter()
                .map(|(priority, effort, n, blocked)| {
                    let fields = format!("priority: {}\neffort: {}", levels[*priority], levels[*effort]);
                    let file = format!("t{n}_x.md");
                    (format!("{}{priority}{}{file}", u8::from(*blocked), 2 - effort), *blocked, item(&file, &fields))
                })
                .collect();
            let (mut by_rank, mut by_text) = (all.clone(), all);
            by_rank.sort_by(|a, b| a.2.rank(a.1).cmp(&b.2.rank(b.1)));
            by_text.sort_by(|a, b| a.0.cmp(&b.0));
            proptest::prop_assert_eq!(by_rank, by_text);
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
        let mut active = Active::default();
        for file in ["t1_a.md", "t1_b.md", "t2_a.md"] {
            active.add_parent(file);
        }
        active.add_child("t2_1_a.md");
        active.add_child("t2_1_b.md");
        assert_eq!(active.duplicates(), ["1", "t2_1"]);
    }
}
