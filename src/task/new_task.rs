//! The file of a new task.

use super::frontmatter::Document;
use super::id::TaskId;
use super::model::{Level, Reference, Status};
use crate::error::Result;

/// The content of a new task. Lists may be empty; their keys are written all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewTask {
    /// The priority.
    pub(crate) priority: Level,
    /// The effort.
    pub(crate) effort: Level,
    /// The tasks that it depends on, written as given.
    pub(crate) depends: Vec<Reference>,
    /// The issue type.
    pub(crate) issue_type: String,
    /// The status.
    pub(crate) status: Status,
    /// The labels, in normal form.
    pub(crate) labels: Vec<String>,
    /// The assignee.
    pub(crate) assigned_to: Option<String>,
    /// The task that this one belongs to; for a child its parent, or the parent's own anchor.
    pub(crate) anchor: Option<TaskId>,
    /// Whether it is a draft.
    pub(crate) draft: bool,
    /// The number of the parent, only for the draft of a child.
    pub(crate) parent: Option<TaskId>,
    /// Further keys with their values as written; they are placed canonically.
    pub(crate) more: Vec<(String, String)>,
    /// The text.
    pub(crate) body: String,
}

impl Default for NewTask {
    fn default() -> Self {
        Self {
            priority: Level::Medium,
            effort: Level::Medium,
            depends: Vec::new(),
            issue_type: "feature".to_owned(),
            status: Status::Ready,
            labels: Vec::new(),
            assigned_to: None,
            anchor: None,
            draft: false,
            parent: None,
            more: Vec::new(),
            body: String::new(),
        }
    }
}

impl NewTask {
    /// The file, with keys in canonical order, and both timestamps `now`.
    pub(crate) fn document(&self, now: &str) -> Result<Document> {
        let mut document = Document::new(now)?;
        document.set("priority", self.priority.as_str())?;
        document.set("effort", self.effort.as_str())?;
        let depends: Vec<&str> = self.depends.iter().map(Reference::as_written).collect();
        document.set_list("depends", &depends)?;
        document.set("issue_type", &self.issue_type)?;
        document.set("status", self.status.as_str())?;
        document.set_list("labels", &self.labels)?;
        if self.draft {
            document.set("draft", "true")?;
        }
        if let Some(email) = self.assigned_to.as_ref().filter(|email| !email.is_empty()) {
            document.set("assigned_to", email)?;
        }
        if let Some(anchor) = self.anchor {
            document.set("anchor", &anchor.to_string())?;
        }
        if let Some(parent) = self.parent {
            document.set("parent", &parent.to_string())?;
        }
        for (key, value) in &self.more {
            document.set(key, value)?;
        }
        document.set_body(self.body.as_bytes());
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(task: &NewTask) -> String {
        String::from_utf8(task.document("<NOW>").unwrap().to_bytes()).unwrap()
    }

    /// As recorded from the script: the defaults.
    #[test]
    fn a_draft() {
        let task = NewTask { draft: true, body: "Fix the login issue".into(), ..NewTask::default() };
        assert_eq!(
            file(&task),
            "---\npriority: medium\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\ndraft: true\ncreated_at: <NOW>\nupdated_at: <NOW>\n---\n\nFix the login issue\n"
        );
    }

    /// As recorded from the script: with every option.
    #[test]
    fn a_task_with_everything() {
        let task = NewTask {
            priority: Level::High,
            effort: Level::Low,
            depends: ["3", "t4", "5_1"].map(Reference::parse).to_vec(),
            issue_type: "bug".into(),
            status: Status::Editing,
            labels: vec!["ui".into(), "new_one".into()],
            assigned_to: Some("dev@example.com".into()),
            more: vec![
                ("issue".into(), "https://x/1".into()),
                ("file_references".into(), "[src/a.rs:1-2, src/b.rs]".into()),
            ],
            body: "Line one\n\nLine two".into(),
            ..NewTask::default()
        };
        assert_eq!(
            file(&task),
            "---\npriority: high\neffort: low\ndepends: [3, t4, 5_1]\nissue_type: bug\nstatus: Editing\nlabels: [ui, new_one]\nfile_references: [src/a.rs:1-2, src/b.rs]\nassigned_to: dev@example.com\nissue: https://x/1\ncreated_at: <NOW>\nupdated_at: <NOW>\n---\n\nLine one\n\nLine two\n"
        );
    }

    /// As recorded from the script: a child, and drafts.
    #[test]
    fn children() {
        let child = NewTask { anchor: Some(TaskId::top(1)), body: "c1".into(), ..NewTask::default() };
        let plain = "---\npriority: medium\neffort: medium\ndepends: []\nissue_type: feature\nstatus: Ready\nlabels: []\nanchor: 1\ncreated_at: <NOW>\nupdated_at: <NOW>\n---\n\nc1\n";
        assert_eq!(file(&child), plain);
        let depends = vec![TaskId::child(1, 1).into(), TaskId::top(9).into()];
        assert_eq!(file(&NewTask { depends, ..child.clone() }), plain.replace("depends: []", "depends: [t1_1, 9]"));
        let draft = NewTask {
            draft: true,
            parent: Some(TaskId::top(1)),
            assigned_to: Some("dev@example.com".into()),
            labels: vec!["kidlabel".into()],
            ..child
        };
        assert_eq!(
            file(&draft),
            plain
                .replace("labels: []\n", "labels: [kidlabel]\ndraft: true\nassigned_to: dev@example.com\n")
                .replace("anchor: 1\n", "anchor: 1\nparent: 1\n")
        );
    }

    #[test]
    fn refused() {
        let task = NewTask { assigned_to: Some("a\nstatus: Done".into()), ..NewTask::default() };
        assert!(task.document("<NOW>").is_err());
        assert!(NewTask::default().document("1\n2").is_err());
        assert!(file(&NewTask::default()).ends_with("\n---\n\n"));
    }
}
