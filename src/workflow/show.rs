//! One task whole.

use super::context::{Context, Wanted};
use super::list::{Look, Row};
use crate::error::Result;
use crate::git::Branch;
use crate::task::{Board, Document, Task};
use serde::Serialize;

/// A task whole.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// When the remote was last asked (RFC 3339); `null` when it never was.
    pub as_of: Option<String>,
    /// The task and its surroundings.
    pub task: Row,
    /// Its file.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanText>,
    /// The last commits of its branch that the main worktree's branch lacks: short name and subject.
    pub commits: Vec<String>,
    /// Further fields of its file.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// A plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlanText {
    /// Its file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Fields that [`Row`] has, or that say nothing to a reader.
const KNOWN: [&str; 8] =
    ["priority", "effort", "depends", "issue_type", "status", "labels", "assigned_to", "children_to_implement"];

/// Shows a task, active or archived.
pub fn show(context: &Context, wanted: &Wanted) -> Result<Shown> {
    let ledger = context.reading_ledger();
    let (look, view) = Look::load(context, &ledger, false)?;
    let ids = || std::iter::once(wanted.id).chain(wanted.or);
    let archived = ids().find_map(|id| look.index.archived(id));
    let path = match look.index.require_active(wanted) {
        Ok(path) => path,
        Err(error) => archived.ok_or(error)?,
    };
    let data = context.data_branch()?.clone();
    let plan = look.index.plan(path).map(|plan| plan.as_str().to_owned());
    let plan = plan.or_else(|| Some(path.plan().as_str().to_owned()).filter(|plan| look.index.has(plan)));
    let wants: Vec<(&Branch, String)> =
        std::iter::once(path.as_str().to_owned()).chain(plan.clone()).map(|path| (&data, path)).collect();
    let mut files = view.files(&wants)?.into_iter();
    let document = Document::parse(&files.next().flatten().unwrap_or_default());
    let plan = plan.zip(files.next().flatten());
    let plan = plan.map(|(path, bytes)| PlanText { path, text: String::from_utf8_lossy(&bytes).into_owned() });
    let task = Task::from_document(path.clone(), &document);
    let board = Board::new(&look.tasks);
    let row = look.row(context, &board, &task);
    let commits = match &row.worktree {
        Some(worktree) => commits(context, &worktree.branch)?,
        None => Vec::new(),
    };
    let fields = document.keys().filter(|key| !KNOWN.contains(key));
    let fields = fields.map(|key| (key.to_owned(), document.scalar_last(key).unwrap_or_default().into())).collect();
    Ok(Shown {
        as_of: look.as_of.clone(),
        path: path.as_str().to_owned(),
        text: String::from_utf8_lossy(document.body()).into_owned(),
        task: row,
        plan,
        commits,
        fields,
    })
}

fn commits(context: &Context, branch: &Branch) -> Result<Vec<String>> {
    let full = branch.full();
    let call =
        context.repository.read("log").args(["--format=%h %s", "-n", "20", full.as_str(), "--not", "HEAD", "--"]);
    Ok(call.run()?.text().lines().map(crate::task::harmless).collect())
}
