//! Showing one task with its text, plan and fields.

use crate::error::Result;
use crate::git::{Branch, Freshness, Oid};
use crate::ledger::View;
use crate::ops::list::ReadView;
use crate::ops::task_info::{PlanText, TaskInfo};
use crate::project::context::{Context, Wanted};
use crate::task::bundle::Member;
use crate::task::{Document, Task, TaskId, TaskPath, bundle, paths};
use crate::worktrees::landed::counted_from;
use serde::Serialize;

/// The outcome: a task with everything that is known of it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Shown {
    /// When the remote was last fetched (RFC 3339); `null` when it never was.
    pub(crate) as_of: Option<String>,
    /// The task with its lock, worktree and dependencies.
    pub(crate) task: TaskInfo,
    /// Whether this session holds it and it has no worktree in this clone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lacks_worktree: bool,
    /// Its text.
    pub(crate) text: String,
    /// Its plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<PlanText>,
    /// The active tasks that depend on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) blocks: Vec<TaskId>,
    /// The last commits of its branch that the one lacks from which it was cut: abbreviated id and subject.
    pub(crate) commits: Vec<String>,
    /// The other fields of its file.
    pub(crate) fields: serde_json::Map<String, serde_json::Value>,
}

/// The fields that [`TaskInfo`] already shows.
const KNOWN: [&str; 8] =
    ["priority", "effort", "depends", "issue_type", "status", "labels", "assigned_to", "children_to_implement"];

/// Shows a task, active or archived.
pub(crate) fn show(context: &Context, wanted: &Wanted, freshness: Freshness) -> Result<Shown> {
    let ledger = context.reading_ledger();
    let (loaded, view) = ReadView::load(context, &ledger, freshness)?;
    let ids = || std::iter::once(wanted.id).chain(wanted.or);
    let archived = ids().find_map(|id| loaded.index.archived(id));
    let data = context.data_branch()?.clone();
    let path = match loaded.index.require_active(wanted) {
        Ok(path) => path,
        Err(error) => match archived {
            Some(path) => path,
            None => {
                return BundledTask::find(&loaded, &view, &data, ids())?.map(|found| found.show(&loaded)).ok_or(error);
            }
        },
    };
    let plan = loaded.index.plan(path).map(|plan| plan.as_str().to_owned());
    let plan = plan.or_else(|| Some(path.plan().as_str().to_owned()).filter(|plan| loaded.index.has(plan)));
    let wanted: Vec<_> = std::iter::once(path.as_str()).chain(plan.as_deref()).collect();
    let mut contents = loaded.index.contents(&view, &wanted)?.into_iter();
    let document = contents.next().flatten().ok_or_else(|| loaded.index.unreadable(path.as_str()))?;
    let document = Document::parse(&document);
    let plan = plan.zip(contents.next().flatten());
    let plan = plan.map(|(path, text)| PlanText { path, text: String::from_utf8_lossy(&text).into_owned() });
    let task = Task::from_document(path.clone(), &document);
    let info = loaded.describe(&task);
    let commits = match &info.worktree {
        // Where there is none, git needs not be asked which.
        Some(worktree) if worktree.ahead != Some(0) => commits(context, &worktree.branch)?,
        Some(_) | None => Vec::new(),
    };
    let waiting = loaded.tasks.iter().filter(|other| other.depends.iter().any(|entry| entry.id() == Some(task.id)));
    Ok(Shown {
        as_of: loaded.as_of.clone(),
        lacks_worktree: info.lacks_worktree(context),
        text: String::from_utf8_lossy(document.body()).into_owned(),
        blocks: waiting.filter(|_| !path.is_archived()).map(|other| other.id).collect(),
        task: info,
        plan,
        commits,
        fields: fields(&document),
    })
}

fn fields(document: &Document) -> serde_json::Map<String, serde_json::Value> {
    // Of a repeated key the last counts.
    let fields = document.scalars().filter(|(key, _)| !KNOWN.contains(key));
    fields.map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// A task that is in a bundle.
struct BundledTask {
    bundle: String,
    path: TaskPath,
    document: Document,
    plan: Option<PlanText>,
}

impl BundledTask {
    /// Searches the bundles that may contain one of these ids. One process for each bundle.
    fn find(
        loaded: &ReadView<'_>,
        view: &View<'_>,
        data: &Branch,
        ids: impl Iterator<Item = TaskId>,
    ) -> Result<Option<Self>> {
        for id in ids {
            let Some((bundle, task)) = Self::member(loaded, view, data, 't', id)? else { continue };
            let Some(path) = TaskPath::parse(&format!("{}/{}", paths::ARCHIVED_TASKS_DIR, task.name)) else { continue };
            let plan = Self::member(loaded, view, data, 'p', id)?;
            let plan = plan.map(|(bundle, plan)| PlanText {
                path: format!("{bundle}:{}", plan.name),
                text: String::from_utf8_lossy(&plan.content).into_owned(),
            });
            return Ok(Some(Self { bundle, path, document: Document::parse(&task.content), plan }));
        }
        Ok(None)
    }

    fn member(
        loaded: &ReadView<'_>,
        view: &View<'_>,
        data: &Branch,
        letter: char,
        id: TaskId,
    ) -> Result<Option<(String, Member)>> {
        let root = if letter == 't' { paths::ARCHIVED_TASKS_DIR } else { paths::ARCHIVED_PLANS_DIR };
        let id = id.to_string();
        let names = bundle::names_for(&id).into_iter().map(|name| format!("{root}/{name}"));
        for name in names.filter(|name| loaded.index.has(name)) {
            let bytes = view.document(data, &name)?.ok_or_else(|| loaded.index.unreadable(&name))?;
            if let Some(member) = bundle::find(&name, &bytes, letter, &id)? {
                return Ok(Some((name, member)));
            }
        }
        Ok(None)
    }

    fn show(self, loaded: &ReadView<'_>) -> Shown {
        let mut task = loaded.describe(&Task::from_document(self.path.clone(), &self.document));
        task.path = format!(
            "{}:{}",
            self.bundle,
            self.path.as_str().trim_start_matches(paths::ARCHIVED_TASKS_DIR).trim_start_matches('/')
        );
        Shown {
            lacks_worktree: false,
            as_of: loaded.as_of.clone(),
            task,
            text: String::from_utf8_lossy(self.document.body()).into_owned(),
            plan: self.plan,
            blocks: Vec::new(),
            commits: Vec::new(),
            fields: fields(&self.document),
        }
    }
}

fn commits(context: &Context, branch: &Branch) -> Result<Vec<String>> {
    let (full, base) = (branch.full(), counted_from(context, branch));
    let base = base.as_ref().map_or("HEAD", Oid::as_str);
    let call = context.repository.read("log").args(["--format=%h %s", "-n", "20", full.as_str(), "--not", base, "--"]);
    let output = call.output()?;
    // A worktree may be on a branch that has no commit, or was deleted.
    let is_unborn = output.stderr_text().contains("bad revision");
    if output.success() || is_unborn {
        return Ok(output.text().lines().map(crate::task::sanitise).collect());
    }
    Err(call.failure(&output))
}
