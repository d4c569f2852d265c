//! Gates and checklists are kept by helper scripts of the project; where they are missing, everything is as without them.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::run::{Call, Output};
use crate::ledger::View;
use crate::project::context::Context;
use crate::settings::Environment;
use crate::task::{Document, TaskId, TaskPath, harmless};
use crate::worktrees::scratch::Scratch;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a helper may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A helper script of the project at `root`, when there is one.
fn find_script(environment: &Environment, root: &Path, name: &str) -> Option<PathBuf> {
    let folder = environment.text("AITASK_SCRIPT_DIR").map_or_else(|| root.join(".aitask-scripts"), Into::into);
    Some(folder.join(name)).filter(|path| path.is_file())
}

/// Which of these task files let their dependents go on although they are active.
pub(crate) fn satisfied(environment: &Environment, root: &Path, paths: &[String]) -> Vec<String> {
    let Some(script) = find_script(environment, root, "aitask_gate.sh") else { return Vec::new() };
    let call = Call::program(environment, script, root).arg("deps-unblock-batch").limit(LIMIT);
    let Ok(output) = call.input(paths.join("\n") + "\n").output() else {
        return Vec::new();
    };
    let rows = output.text();
    let satisfied =
        rows.lines().filter_map(|row| row.split_once('\t')).filter(|(decision, _)| *decision == "SATISFIED");
    satisfied.map(|(_, path)| path.to_owned()).collect()
}

/// What keeps a task from being archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PendingGates {
    /// Boxes of its checklist that are not ticked off; only a manual verification has one.
    Items(usize),
    /// Gates that it declares and that have not passed, with commas between them.
    Gates(String),
}

/// What keeps the task with this file from being archived. `ready` is asked what the gates say, if it declares any.
pub(crate) fn pending(
    document: &Document,
    ready: impl FnOnce() -> Result<Option<String>>,
) -> Result<Option<PendingGates>> {
    if document.scalar("issue_type") == Some("manual_verification") {
        let body = String::from_utf8_lossy(document.body()).into_owned();
        let open = body.lines().filter(|line| line.trim_start().starts_with("- [ ]")).count();
        if open > 0 {
            return Ok(Some(PendingGates::Items(open)));
        }
    }
    if !["gates", "active_gates", "also_blocks_dependents"].iter().any(|key| document.contains(key)) {
        return Ok(None);
    }
    let answer = ready()?;
    Ok(answer
        .as_deref()
        .and_then(|answer| answer.strip_prefix("BLOCKED:"))
        .map(|gates| PendingGates::Gates(gates.to_owned())))
}

/// What keeps a task from being ended, by its file as the view has it. The helper reads files, so where that of the main
/// worktree is another one, it is given a checkout of the view's commit.
///
/// # Errors
/// [`Kind::GatePending`] where the helper gives no answer; `again` is the command that goes on all the same.
pub(crate) fn load_pending(
    context: &Context,
    view: &View<'_>,
    path: &TaskPath,
    document: &Document,
    again: Hint,
) -> Result<Option<PendingGates>> {
    let (repository, id) = (&context.repository, path.id());
    let environment = repository.git().environment();
    let overriding = overriding(again);
    let ready = || {
        let find = |root: &Path| find_script(environment, root, "aitask_gate.sh");
        let ask = |script: Option<PathBuf>, root: &Path| {
            let answer = script.map(|script| ask_archive_ready(environment, script, root, &id.to_string()));
            answer.transpose().map_err(|error| error.hint(overriding.clone()))
        };
        let here = context.tree().load(context.data_dir().join(path.as_str())).ok().flatten();
        if here.is_some_and(|here| here == document.to_bytes()) {
            return ask(find(&repository.root), &repository.root);
        }
        let Some(commit) = view.base(context.data_branch()?) else { return Ok(None) };
        let scratch = Scratch::make(context, "gates", "tasks", commit)?;
        // A checkout that lags may lack the helper, too.
        let answer = ask(find(&repository.root).or_else(|| find(&scratch.path)), &scratch.path);
        scratch.remove(context)?;
        answer
    };
    pending(document, ready)
}

fn overriding(again: Hint) -> Hint {
    again.note("ends it all the same")
}

impl PendingGates {
    /// The refusal to end a task before it has passed; `again` is the command that goes on all the same.
    pub(crate) fn refusal(&self, id: TaskId, again: Hint) -> Error {
        let message = match self {
            Self::Items(open) => format!("{} is a manual verification with {open} open items", id.t()),
            Self::Gates(gates) => {
                let gates: Vec<_> = gates.split(',').map(harmless).collect();
                format!("{} has gates that have not passed: {}", id.t(), gates.join(", "))
            }
        };
        let error = Error::new(Kind::GatePending, message).hint(command!["git aitask show", id]);
        match self {
            Self::Items(_) => error.hint(command!["git aitask edit", id].note("tick off what was verified")),
            Self::Gates(gates) => error
                .hint(overriding(again))
                .with(Payload::Gates { gates: gates.split(',').map(str::to_owned).collect() }),
        }
    }
}

/// What the gates say of archiving a task: `NO_GATES`, `ALL_PASS`, or `BLOCKED:` and those that have not passed; `None`
/// without the helper, or where it does not say it.
pub(crate) fn archive_ready(environment: &Environment, root: &Path, id: &str) -> Option<String> {
    ask_archive_ready(environment, find_script(environment, root, "aitask_gate.sh")?, root, id).ok()
}

/// Asks the helper that is there.
///
/// # Errors
/// [`Kind::GatePending`] with what it said, where that is none of its answers.
fn ask_archive_ready(environment: &Environment, script: PathBuf, root: &Path, id: &str) -> Result<String> {
    let call = Call::program(environment, script, root).args(["archive-ready", id]).limit(LIMIT);
    let unknown = |why: String| {
        let message = format!("`{}` does not say whether the gates have passed{why}", call.line());
        Error::new(Kind::GatePending, message)
    };
    let output = call.output().map_err(|error| match error.kind() {
        Kind::Interrupted => error,
        _ => unknown(format!(": {error}")),
    })?;
    let text = output.text();
    let answer = text.lines().find(|line| matches!(*line, "NO_GATES" | "ALL_PASS") || line.starts_with("BLOCKED:"));
    answer.map(str::to_owned).ok_or_else(|| {
        let said: Vec<_> = [output.complaint(), text.clone()].into_iter().filter(|said| !said.is_empty()).collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", harmless(&said.join(" "))) };
        unknown(format!(" ({}){said}", output.ending()))
    })
}

/// Where work on a task that has gone through gates goes on: `PLAN`, `IMPLEMENT` or `POSTIMPL`; `PLAN` when the helper
/// fails.
pub(crate) fn resume_point(environment: &Environment, root: &Path, id: &str) -> String {
    let script = find_script(environment, root, "aitask_gate.sh");
    let call = script.map(|script| Call::program(environment, script, root).args(["resume-point", id]).limit(LIMIT));
    let output = call.and_then(|call| call.output().ok()).filter(Output::success);
    let word =
        output.and_then(|output| output.text().lines().next().map(str::to_owned)).filter(|word| !word.is_empty());
    word.unwrap_or_else(|| "PLAN".to_owned())
}

/// Tells the store of rejected changes that a task is done: its effects alone count.
pub(crate) fn prune_shadow(environment: &Environment, root: &Path, id: &str) {
    if let Some(script) = find_script(environment, root, "aitask_shadow_rejected.sh") {
        let _ = Call::program(environment, script, root).args(["prune", id]).limit(LIMIT).output();
    }
}
