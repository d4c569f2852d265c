//! Gates and checklists, which can refuse that a task is archived. Gates are recorded and judged by scripts of the
//! project (`aitask_gate.sh`); a project without these scripts has no gates.

use crate::error::{Error, Hint, Kind, Payload, Result};
use crate::git::run::{Call, Output};
use crate::ledger::View;
use crate::project::context::Context;
use crate::settings::Environment;
use crate::task::checklist::Checklist;
use crate::task::{Document, TaskId, TaskPath, sanitise};
use crate::worktrees::scratch::Scratch;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time limit of one gate script. They read files and answer in well under a second; a minute is generous on a slow
/// disk and short enough that a hanging script does not look like a hanging command.
const LIMIT: Duration = Duration::from_secs(60);

/// Finds a gate script of the project at `root`.
fn find_script(environment: &Environment, root: &Path, name: &str) -> Option<PathBuf> {
    Some(environment.scripts_folder(root).join(name)).filter(|path| path.is_file())
}

/// Which of these task files unblock the tasks that depend on them although they are still active.
pub(crate) fn satisfied(environment: &Environment, root: &Path, paths: &[String]) -> Vec<String> {
    let Some(script) = find_script(environment, root, "aitask_gate.sh") else { return Vec::new() };
    let call = Call::script(environment, script, root).arg("deps-unblock-batch").limit(LIMIT);
    let Ok(output) = call.input(paths.join("\n") + "\n").output() else {
        return Vec::new();
    };
    let rows = output.text();
    let satisfied =
        rows.lines().filter_map(|row| row.split_once('\t')).filter(|(decision, _)| *decision == "SATISFIED");
    satisfied.map(|(_, path)| path.to_owned()).collect()
}

/// What has not passed yet and refuses that a task is archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PendingGates {
    /// Items of its checklist; only a manual verification has one.
    Items {
        /// How many are open.
        open: usize,
        /// How many are deferred.
        deferred: usize,
    },
    /// Gates that it declares and that have not passed, separated by commas.
    Gates(String),
}

/// What becomes of the deferred items of a checklist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Deferred {
    /// They refuse that the task is archived.
    #[default]
    Refuse,
    /// A new task takes them over.
    CarryOver,
}

/// What has not passed for the task with this file. `ready` reads the answer of the gates; it is called only where the
/// file declares any.
pub(crate) fn pending(
    document: &Document,
    deferred: Deferred,
    ready: impl FnOnce() -> Result<Option<String>>,
) -> Result<Option<PendingGates>> {
    let checklist = Checklist::of(document);
    if checklist.open > 0 || (deferred == Deferred::Refuse && !checklist.deferred.is_empty()) {
        return Ok(Some(PendingGates::Items { open: checklist.open, deferred: checklist.deferred.len() }));
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

/// What has not passed for a task, by its file in the view. The gate script reads files from disk. Where the file in
/// the main worktree differs from the view, the script gets a temporary checkout of the view's commit, so that its
/// answer is about the content that will be archived.
///
/// # Errors
/// [`Kind::GatePending`] where the script gives no answer. `verb` is the command, for the hints.
pub(crate) fn load_pending(
    context: &Context,
    view: &View<'_>,
    path: &TaskPath,
    document: &Document,
    deferred: Deferred,
    verb: &'static str,
) -> Result<Option<PendingGates>> {
    let (repository, id) = (&context.repository, path.id());
    let environment = repository.git().environment();
    let overriding = overriding(verb, id);
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
        // A main worktree that is behind may not have the script yet.
        let answer = ask(find(&repository.root).or_else(|| find(&scratch.path)), &scratch.path);
        scratch.remove(context)?;
        answer
    };
    pending(document, deferred, ready)
}

fn overriding(verb: &'static str, id: TaskId) -> Hint {
    Hint::from(verb).word(&id).text("--override-gates").note("ignores the gates")
}

impl PendingGates {
    /// The refusal; `verb` is the command, for the hints.
    pub(crate) fn refusal(&self, id: TaskId, verb: &'static str) -> Error {
        let message = match self {
            Self::Items { open, deferred } => {
                let (count, state) = if *open > 0 { (open, "open") } else { (deferred, "deferred") };
                format!("{} is a manual verification with {count} {state} items", id.prefixed())
            }
            Self::Gates(gates) => {
                let gates: Vec<_> = gates.split(',').map(sanitise).collect();
                format!("{} has gates that have not passed: {}", id.prefixed(), gates.join(", "))
            }
        };
        let error = Error::new(Kind::GatePending, message).hint(command!["git aitask show", id]);
        match self {
            Self::Items { open: 0, .. } => {
                let again = Hint::from(verb).word(&id).text("--carry-over");
                error.hint(again.note("a new task takes them over"))
            }
            Self::Items { .. } => error.hint(command!["git aitask edit", id].note("tick the items that were verified")),
            Self::Gates(gates) => error
                .hint(overriding(verb, id))
                .with(Payload::Gates { gates: gates.split(',').map(str::to_owned).collect() }),
        }
    }
}

/// The answer of the gates about archiving a task: `NO_GATES`, `ALL_PASS`, or `BLOCKED:` and those that have not
/// passed; `None` without the script, or where it prints none of these.
pub(crate) fn archive_ready(environment: &Environment, root: &Path, id: &str) -> Option<String> {
    ask_archive_ready(environment, find_script(environment, root, "aitask_gate.sh")?, root, id).ok()
}

/// Runs the gate script and reads its answer.
///
/// # Errors
/// [`Kind::GatePending`] with its output, where that is none of the answers.
fn ask_archive_ready(environment: &Environment, script: PathBuf, root: &Path, id: &str) -> Result<String> {
    let call = Call::script(environment, script, root).args(["archive-ready", id]).limit(LIMIT);
    let unknown = |why: String| {
        let message = format!("`{}` does not say whether the gates have passed{why}", call.command_line());
        Error::new(Kind::GatePending, message)
    };
    let output = call.output().map_err(|error| match error.kind() {
        Kind::Interrupted => error,
        _ => unknown(format!(": {error}")),
    })?;
    let text = output.text();
    let answer = text.lines().find(|line| matches!(*line, "NO_GATES" | "ALL_PASS") || line.starts_with("BLOCKED:"));
    answer.map(str::to_owned).ok_or_else(|| {
        let said: Vec<_> = [output.stderr_text(), text.clone()].into_iter().filter(|said| !said.is_empty()).collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", sanitise(&said.join(" "))) };
        unknown(format!(" ({}){said}", output.ending()))
    })
}

/// The stage at which work on a task with gates resumes: `PLAN`, `IMPLEMENT` or `POSTIMPL`; `PLAN` when the script
/// fails.
pub(crate) fn resume_point(environment: &Environment, root: &Path, id: &str) -> String {
    let script = find_script(environment, root, "aitask_gate.sh");
    let call = script.map(|script| Call::script(environment, script, root).args(["resume-point", id]).limit(LIMIT));
    let output = call.and_then(|call| call.output().ok()).filter(Output::success);
    let word =
        output.and_then(|output| output.text().lines().next().map(str::to_owned)).filter(|word| !word.is_empty());
    word.unwrap_or_else(|| "PLAN".to_owned())
}

/// Tells the script that keeps rejected changes that a task is done. Its output and exit code are ignored, as by the
/// scripts: a leftover there blocks nothing.
pub(crate) fn prune_shadow(environment: &Environment, root: &Path, id: &str) {
    if let Some(script) = find_script(environment, root, "aitask_shadow_rejected.sh") {
        let _ = Call::script(environment, script, root).args(["prune", id]).limit(LIMIT).output();
    }
}
