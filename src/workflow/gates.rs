//! Gates and checklists are kept by helper scripts of the project; where they are missing, everything is as without them
//! (specification 30, section 8).

use crate::git::run::{Call, Output};
use crate::settings::Environment;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a helper may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A helper script of the project at `root`, when there is one.
fn helper(environment: &Environment, root: &Path, name: &str) -> Option<PathBuf> {
    let folder = environment.text("AITASK_SCRIPT_DIR").map_or_else(|| root.join(".aitask-scripts"), Into::into);
    Some(folder.join(name)).filter(|path| path.is_file())
}

/// Which of these task files let their dependents go on although they are active.
#[must_use]
pub fn satisfied(environment: &Environment, root: &Path, paths: &[String]) -> Vec<String> {
    let Some(script) = helper(environment, root, "aitask_gate.sh") else { return Vec::new() };
    let call = Call::program(environment, script, root).arg("deps-unblock-batch").limit(LIMIT);
    let Ok(output) = call.input(paths.join("\n") + "\n").output() else {
        return Vec::new();
    };
    let rows = output.text();
    let satisfied =
        rows.lines().filter_map(|row| row.split_once('\t')).filter(|(decision, _)| *decision == "SATISFIED");
    satisfied.map(|(_, path)| path.to_owned()).collect()
}

/// What the gates say of archiving a task: `NO_GATES`, `ALL_PASS`, or `BLOCKED:` and those that have not passed; `None`
/// without the helper.
#[must_use]
pub fn archive_ready(environment: &Environment, root: &Path, id: &str) -> Option<String> {
    let script = helper(environment, root, "aitask_gate.sh")?;
    let output = Call::program(environment, script, root).args(["archive-ready", id]).limit(LIMIT).output().ok()?;
    let text = output.text();
    text.lines()
        .find(|line| matches!(*line, "NO_GATES" | "ALL_PASS") || line.starts_with("BLOCKED:"))
        .map(str::to_owned)
}

/// Where work on a task that has gone through gates goes on: `PLAN`, `IMPLEMENT` or `POSTIMPL`; `PLAN` when the helper
/// fails.
#[must_use]
pub fn resume_point(environment: &Environment, root: &Path, id: &str) -> String {
    let script = helper(environment, root, "aitask_gate.sh");
    let call = script.map(|script| Call::program(environment, script, root).args(["resume-point", id]).limit(LIMIT));
    let output = call.and_then(|call| call.output().ok()).filter(Output::success);
    let word =
        output.and_then(|output| output.text().lines().next().map(str::to_owned)).filter(|word| !word.is_empty());
    word.unwrap_or_else(|| "PLAN".to_owned())
}

/// Tells the store of rejected changes that a task is done: its effects alone count.
pub fn prune_shadow(environment: &Environment, root: &Path, id: &str) {
    if let Some(script) = helper(environment, root, "aitask_shadow_rejected.sh") {
        let _ = Call::program(environment, script, root).args(["prune", id]).limit(LIMIT).output();
    }
}
