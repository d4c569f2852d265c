//! A task, as its file describes it.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};

use super::frontmatter::Document;
use super::id::TaskId;
use super::name::TaskName;
use super::paths::TaskPath;
use super::text::{as_text, sanitise};
use crate::error::{Error, Kind, Result};

/// The status of a task. Any status may follow any other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    /// It can be picked.
    Ready,
    /// Its text is being written.
    Editing,
    /// A session works on it.
    Implementing,
    /// It is postponed.
    Postponed,
    /// It is finished.
    Done,
    /// It was merged into another task.
    Folded,
    /// Its file cannot be read ([`Document::trouble`]): whatever it says, nobody is given the task.
    Unreadable,
    /// Any other text, or none. What is not understood is not `Ready`.
    Other(String),
}

impl Status {
    /// Parses the value in a task file, exactly as written.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "Ready" => Self::Ready,
            "Editing" => Self::Editing,
            "Implementing" => Self::Implementing,
            "Postponed" => Self::Postponed,
            "Done" => Self::Done,
            "Folded" => Self::Folded,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Parses the value of an option of a verb: one of the six, in any case.
    pub(crate) fn parse_option(text: &str) -> Result<Self> {
        let known = ["Ready", "Editing", "Implementing", "Postponed", "Done", "Folded"];
        Self::parse_known(known.into_iter().find(|known| known.eq_ignore_ascii_case(text)).unwrap_or(text))
    }

    /// Parses one of the six, case-sensitive.
    pub(crate) fn parse_known(text: &str) -> Result<Self> {
        match Self::parse(text) {
            Self::Other(_) => Err(Error::new(Kind::Usage, format!("there is no status {text:?}")).one_of(&[
                "Ready",
                "Editing",
                "Implementing",
                "Postponed",
                "Done",
                "Folded",
            ])),
            known => Ok(known),
        }
    }

    /// The status as written in the file.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Ready => "Ready",
            Self::Editing => "Editing",
            Self::Implementing => "Implementing",
            Self::Postponed => "Postponed",
            Self::Done => "Done",
            Self::Folded => "Folded",
            Self::Unreadable => "unreadable",
            Self::Other(text) => text,
        }
    }

    /// Whether nothing is left to do: `Done` or `Folded`.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Done | Self::Folded)
    }
}

/// A priority, an effort or a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) enum Level {
    /// `low`
    Low,
    /// `medium`
    #[default]
    Medium,
    /// `high`
    High,
}

impl Level {
    /// Parses the value in a task file; other texts are no level.
    pub(crate) fn try_parse(text: &str) -> Option<Self> {
        match text {
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            _ => None,
        }
    }

    /// Parses the value of an option.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::try_parse(text).ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no level {text:?}")).one_of(&["high", "medium", "low"])
        })
    }

    /// The level as written in the file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The level as the listing of the scripts shows it: `High`.
    pub(crate) fn capitalised(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// An item of an id list: the text as written and, if it is one, the id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    written: String,
    id: Option<TaskId>,
}

impl Reference {
    /// Parses one item of `depends` and the like.
    pub(crate) fn parse(text: &str) -> Self {
        Self { written: text.to_owned(), id: TaskId::try_parse(text) }
    }

    /// The id, if the text is one.
    pub(crate) fn id(&self) -> Option<TaskId> {
        self.id
    }

    /// The text as written.
    pub(crate) fn as_written(&self) -> &str {
        &self.written
    }
}

impl From<TaskId> for Reference {
    fn from(id: TaskId) -> Self {
        Self { written: id.in_list(), id: Some(id) }
    }
}

/// As the listing of the scripts shows it: a child as `tN_M`, everything else as written.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.written.starts_with('t') && self.id.is_some_and(TaskId::is_child) {
            f.write_str("t")?;
        }
        f.write_str(&self.written)
    }
}

/// The id without `t`, or the text that is none.
impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.id {
            Some(id) => id.serialize(serializer),
            None => serializer.serialize_str(&self.written),
        }
    }
}

super::text::schema_of_text!(Reference);

as_text!(Status, Level);

/// How the items of the lists in a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Items {
    /// As written: a label may contain a blank.
    AsWritten,
    /// Without blanks, those within an item too: the listing of the scripts reads `my label` as `mylabel`, and callers
    /// filter by that.
    WithoutBlanks,
}

/// The issue type of a task whose file names none.
pub(super) const DEFAULT_ISSUE_TYPE: &str = "feature";

/// The fields of a task file. Of a repeated key the last counts, as in the listing of the scripts. Texts are as
/// written: neither unquoted nor safe for a terminal. An optional text is absent when its key is missing or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    /// The status; `Ready` when the key is missing.
    pub(crate) status: Status,
    /// The priority.
    pub(crate) priority: Level,
    /// The effort.
    pub(crate) effort: Level,
    /// The issue type; `feature` when the key is missing.
    pub(crate) issue_type: String,
    /// The labels.
    pub(crate) labels: Vec<String>,
    /// The tasks that it depends on.
    pub(crate) depends: Vec<Reference>,
    /// `children_to_implement`: the children that are not finished.
    pub(crate) children: Vec<TaskId>,
    /// Items of `children_to_implement` that are no ids. They count as open children: what cannot be read must not
    /// count as done.
    pub(crate) unreadable_children: Vec<String>,
    /// The assignee.
    pub(crate) assigned_to: Option<String>,
    /// The tasks of another project that it depends on.
    pub(crate) xdeps: Vec<Reference>,
    /// The other project.
    pub(crate) xdeprepo: Option<String>,
    /// The task that it was merged into.
    pub(crate) folded_into: Option<String>,
    /// The kind of follow-up.
    pub(crate) followup_kind: Option<String>,
    /// The risk to the health of the code.
    pub(crate) risk_code_health: Option<Level>,
    /// The risk of missing the goal.
    pub(crate) risk_goal_achievement: Option<Level>,
    /// The URL of the issue.
    pub(crate) issue: Option<String>,
    /// The URL of the pull request.
    pub(crate) pull_request: Option<String>,
    /// The contributor.
    pub(crate) contributor: Option<String>,
    /// Why the file cannot be read ([`Document::trouble`]).
    pub(super) trouble: Option<&'static str>,
    /// Values of priority and effort that are not known: `medium` counts.
    pub(super) unknown_levels: Vec<String>,
}

/// The trouble with a file whose object this clone lacks.
pub(crate) const LOST: &str = "its object is missing or broken in this clone";

impl Fields {
    /// What is not understood of the file, and what follows from that, in a sentence.
    pub(crate) fn doubt(&self) -> Option<String> {
        if let Some(why) = self.trouble {
            let cure = if why == LOST {
                "git fetch --refetch --all brings it"
            } else {
                "correct the file, then git aitask sync"
            };
            return Some(format!("{why}, so nobody is given this task; {cure}"));
        }
        match (&self.status, self.unknown_levels.as_slice()) {
            (Status::Other(text), _) => Some(format!("the status {text:?} is not known, so nobody is given this task")),
            (_, []) => None,
            (_, levels) => Some(format!("{} is not known, and counts as medium", levels.join(", "))),
        }
    }

    /// Values of priority and effort that are not known, each with its key: `effort huge`.
    pub(crate) fn unknown_levels(&self) -> &[String] {
        &self.unknown_levels
    }

    /// Reads the fields of a file.
    pub(crate) fn read(document: &Document, items: Items) -> Self {
        let text = |key: &str| document.scalar_last(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let level = |key: &str| document.scalar_last(key).and_then(Level::try_parse);
        let trouble = document.trouble();
        let unknown_level = |key: &&str| {
            let written = document.scalar_last(key).filter(|text| !text.is_empty())?;
            Level::try_parse(written).is_none().then(|| format!("{key} {}", sanitise(written)))
        };
        let list = |key: &str| match items {
            Items::AsWritten => document.list_last(key),
            Items::WithoutBlanks => {
                document.list_last(key).iter().map(|item| item.replace(char::is_whitespace, "")).collect()
            }
        };
        let references = |key: &str| -> Vec<Reference> {
            list(key).iter().filter(|item| *item != "None").map(|item| Reference::parse(item)).collect()
        };
        let (children, unreadable) =
            references("children_to_implement").into_iter().partition::<Vec<_>, _>(|child| child.id.is_some());
        Self {
            trouble,
            unknown_levels: ["priority", "effort"].iter().filter_map(unknown_level).collect(),
            status: match trouble {
                Some(_) => Status::Unreadable,
                None => document.scalar_last("status").map_or(Status::Ready, Status::parse),
            },
            priority: level("priority").unwrap_or_default(),
            effort: level("effort").unwrap_or_default(),
            issue_type: document.scalar_last("issue_type").unwrap_or(DEFAULT_ISSUE_TYPE).to_owned(),
            labels: list("labels"),
            depends: references("depends"),
            children: children.iter().filter_map(Reference::id).collect(),
            unreadable_children: unreadable.into_iter().map(|child| child.written).collect(),
            assigned_to: text("assigned_to"),
            xdeps: references("xdeps"),
            xdeprepo: text("xdeprepo"),
            folded_into: text("folded_into"),
            followup_kind: text("followup_kind"),
            risk_code_health: level("risk_code_health"),
            risk_goal_achievement: level("risk_goal_achievement"),
            issue: text("issue"),
            pull_request: text("pull_request"),
            contributor: text("contributor"),
        }
    }

    /// Whether the file lists children that are not finished.
    pub(crate) fn lists_children(&self) -> bool {
        !self.children.is_empty() || !self.unreadable_children.is_empty()
    }
}

/// What a task file says, whatever its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The heading at the beginning of the body.
    pub(super) heading: Option<String>,
    /// The fields.
    pub(super) fields: Fields,
}

impl Header {
    /// Reads it.
    pub(crate) fn read(document: &Document) -> Self {
        Self { heading: heading(document.body()), fields: Fields::read(document, Items::AsWritten) }
    }

    /// That of what is in the place of a task file and has no text of a task.
    pub(crate) fn unreadable(why: &'static str) -> Self {
        let Self { heading, fields } = Self::read(&Document::parse(b""));
        Self { heading, fields: Fields { status: Status::Unreadable, trouble: Some(why), ..fields } }
    }

    /// The task whose file is at this path.
    pub(crate) fn at(self, path: TaskPath) -> Task {
        Task {
            id: path.id(),
            title: self.heading.unwrap_or_else(|| path.name().slug().humanised()),
            fields: self.fields,
            path,
        }
    }
}

/// A task: a file with a well-formed name, and its [`Fields`], which can be used as if they were its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// The id.
    pub(crate) id: TaskId,
    /// The path of the file.
    pub(crate) path: TaskPath,
    /// The heading at the beginning of the body, else the slug with blanks; one line that is safe for a terminal.
    pub(crate) title: String,
    fields: Fields,
}

impl Task {
    /// The name.
    pub(crate) fn name(&self) -> &TaskName {
        self.path.name()
    }

    /// Reads a task from its file.
    pub(crate) fn from_document(path: TaskPath, document: &Document) -> Self {
        Header::read(document).at(path)
    }
}

impl Deref for Task {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

/// The `# heading` at the beginning of a body.
fn heading(body: &[u8]) -> Option<String> {
    let line = body.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    let line = String::from_utf8_lossy(line);
    let title = sanitise(line.strip_prefix("# ")?);
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A task from a file at this path.
    pub(in crate::task) fn task(path: &str, file: &str) -> Task {
        Task::from_document(TaskPath::parse(path).unwrap(), &Document::parse(file.as_bytes()))
    }

    #[test]
    fn all_defaults() {
        for file in ["", "---\n---\n", "--- priority:high effort:low depends:1,4\n"] {
            let task = task("aitasks/t7_add_login.md", file);
            assert_eq!(
                (task.id, task.title.as_str(), task.name().as_str()),
                (TaskId::top(7), "add login", "t7_add_login")
            );
            assert_eq!((&task.status, task.priority, task.effort), (&Status::Ready, Level::Medium, Level::Medium));
            assert_eq!((task.issue_type.as_str(), task.labels.len(), task.depends.len()), ("feature", 0, 0));
            assert!(!task.lists_children() && task.assigned_to.is_none());
        }
    }

    #[test]
    fn all_fields() {
        let task = task(
            "aitasks/t1/t1_2_x.md",
            "---\npriority: high\neffort: low\ndepends: [3, t4, 5_1, x]\nissue_type: bug\nstatus: Waiting\nlabels: [ui, new_one]\nxdeps: [1_2]\nxdeprepo: sis\nchildren_to_implement: [t1_1, 1_3, what]\nfolded_tasks: [8]\nfolded_into: 9\nassigned_to: dev@example.com\nanchor: 1\nrisk_code_health: low\nissue: u\ncreated_at: c\nupdated_at: u\ncompleted_at: d\n---\n\n#  Fix\tthe \u{1b}[31mlogin \n\nText\n",
        );
        assert_eq!(task.title, "Fix the  [31mlogin");
        assert_eq!(
            (task.status.clone(), task.priority, task.effort),
            (Status::Other("Waiting".into()), Level::High, Level::Low)
        );
        let depends: Vec<String> = task.depends.iter().map(ToString::to_string).collect();
        assert_eq!(depends, ["3", "t4", "t5_1", "x"]);
        assert_eq!(serde_json::to_string(&task.depends).unwrap(), r#"["3","4","5_1","x"]"#);
        assert_eq!(task.children, [TaskId::child(1, 1), TaskId::child(1, 3)]);
        assert_eq!(task.unreadable_children, ["what"]);
        assert_eq!(task.assigned_to.as_deref(), Some("dev@example.com"));
        assert_eq!((task.xdeps[0].to_string(), task.xdeprepo.as_deref()), ("t1_2".into(), Some("sis")));
        assert_eq!((task.risk_code_health, task.risk_goal_achievement), (Some(Level::Low), None));
        assert_eq!((task.folded_into.as_deref(), task.issue.as_deref()), (Some("9"), Some("u")));
    }

    #[test]
    fn values_that_override_or_do_not() {
        let task = task(
            "aitasks/t1_x.md",
            "---\npriority: urgent\nstatus:\nissue_type:\nassigned_to:\ndepends: None\nstatus: \n---\n## no title\n",
        );
        assert_eq!((task.priority, task.status.as_str(), task.issue_type.as_str()), (Level::Medium, "", ""));
        assert_eq!((&task.assigned_to, task.depends.len(), task.title.as_str()), (&None, 0, "x"));
    }

    #[test]
    fn what_is_not_understood_is_not_ready_and_is_said() {
        for (file, status, said) in [
            ("---\nstatus: Ready\n", "unreadable", "no line --- ends its header"),
            ("---\nstatus: Waiting\n---\n", "Waiting", "the status \"Waiting\" is not known"),
            ("---\nstatus:\n---\n", "", "the status \"\" is not known"),
            (
                "---\npriority: urgent\neffort: low\n---\n",
                "Ready",
                "priority urgent is not known, and counts as medium",
            ),
        ] {
            let task = task("aitasks/t1_x.md", file);
            assert_eq!(task.status.as_str(), status);
            assert!(task.doubt().is_some_and(|doubt| doubt.starts_with(said)), "{:?}", task.doubt());
        }
        for file in ["", "---\n---\n", "---\nstatus: Done\npriority:\n---\n"] {
            assert_eq!(task("aitasks/t1_x.md", file).doubt(), None);
        }
    }

    #[test]
    fn statuses_and_levels() {
        for text in ["Ready", "Editing", "Implementing", "Postponed", "Done", "Folded"] {
            assert_eq!(Status::parse_known(text).unwrap().to_string(), text);
        }
        assert_eq!(Status::parse_known("ready").unwrap_err().kind(), Kind::Usage);
        assert_eq!(Status::parse_option("ready").unwrap(), Status::Ready);
        assert_eq!(Status::parse_option("read").unwrap_err().kind(), Kind::Usage);
        assert_eq!(Status::parse("\"Ready\"").to_string(), "\"Ready\"");
        for text in ["low", "medium", "high"] {
            assert_eq!(Level::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Level::parse("High").unwrap_err().kind(), Kind::Usage);
        assert_eq!(serde_json::to_string(&(Status::Done, Level::High)).unwrap(), r#"["Done","high"]"#);
    }
}
