//! `aitask_web_merge.sh`: lists the remote branches whose task is completed, and passes the profile of such a branch to
//! the script that keeps the gates.

use crate::compat::invocation::Invocation;
use crate::compat::sync::web;
use crate::compat::worktrees::profile::ExecutionProfile;
use crate::error::Kind;
use crate::files::read_own;
use serde_json::Value;
use std::time::Duration;

/// The time limit of the fetch. After it the list is made from the remote-tracking refs that are here, with a warning.
const FETCH_LIMIT: Duration = Duration::from_secs(10);

/// The folder of the profiles among the task files.
const PROFILES: &str = "metadata/profiles";

const HELP: &str = "\
Usage: aitask_web_merge.sh [--fetch]
       aitask_web_merge.sh materialize <task_id> <marker.json>

Lists the branches of origin whose task is completed: COMPLETED:<branch>:<file>, or NONE.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    if let Some(("materialize", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return materialize(invocation, rest);
    }
    let mut fetch = false;
    for arg in args {
        match arg.as_str() {
            "--fetch" => fetch = true,
            "--help" | "-h" => {
                HELP.lines().for_each(|line| invocation.console.line(line));
                return 0;
            }
            option if option.starts_with('-') => return usage(invocation, "Unknown option", option),
            other => return usage(invocation, "Unexpected argument", other),
        }
    }
    let context = invocation.open().ok().flatten();
    if fetch && context.as_ref().is_none_or(|context| web::fetch(context, FETCH_LIMIT).is_err()) {
        invocation.console.warn("Fetch failed, using cached remote data");
    }
    let found = context.and_then(|context| web::completed(&context).ok()).unwrap_or_default();
    for web::CompletionMarker { branch, file } in &found {
        invocation.console.line(&format!("COMPLETED:{branch}:{file}"));
    }
    if found.is_empty() {
        invocation.console.line("NONE");
    }
    0
}

fn usage(invocation: &Invocation, what: &str, arg: &str) -> u8 {
    invocation.console.error(&format!("{what}: {arg}. Use --help for usage."));
    1
}

fn materialize(invocation: &Invocation, args: &[String]) -> u8 {
    let (line, code) = match args {
        [task, marker] => match profile_of_marker(invocation, marker) {
            Ok(Some(file)) => run_gate_script(invocation, task, &file),
            Ok(None) => ("WEBMAT_SKIP:no-profile".to_owned(), 0),
            Err(reason) => (format!("WEBMAT_INVALID:{reason}"), 1),
        },
        _ => ("WEBMAT_INVALID:usage: materialize <task_id> <marker.json>".to_owned(), 1),
    };
    invocation.console.line(&line);
    code
}

/// The file of the profile that the marker names. It must be one of the project's and have the same name in it: the
/// marker comes from another branch and could name any file.
fn profile_of_marker(invocation: &Invocation, marker: &str) -> Result<Option<String>, &'static str> {
    let text = read_own(&invocation.file(marker)).map_err(|_| "bad-marker")?;
    let marker: Value = serde_json::from_slice(&text).map_err(|_| "bad-marker")?;
    let marker = marker.as_object().ok_or("bad-marker")?;
    let field = |name: &str| match marker.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or("non-string-provenance"),
    };
    let (profile, file) = (field("profile")?, field("profile_filename")?);
    match (profile, file) {
        ("", "") => return Ok(None),
        ("", _) | (_, "") => return Err("partial-provenance"),
        _ => {}
    }
    let base = file.strip_prefix("local/").unwrap_or(file);
    let plain = base.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !plain || base.strip_suffix(".yaml").is_none_or(str::is_empty) {
        return Err("bad-profile-filename");
    }
    let tasks = invocation.tasks();
    let (profiles, tree) = (tasks.below(PROFILES), tasks.tree());
    let named = profiles.path(file);
    // A link to another of the profiles is one of them as well.
    let path = match tree.link_target(&named) {
        Some(target) if target.starts_with(profiles.shown("")) => tree.root().join(target),
        _ => named,
    };
    let content = tree.read(&path).map_err(|error| match error.kind() {
        // The tree refuses a path through a symbolic link with this kind.
        Kind::Occupied => "outside-profiles-dir",
        _ => "profile-not-found",
    })?;
    let name = ExecutionProfile::parse(&path, &content).ok().and_then(|found| found.name);
    if name.as_deref() == Some(profile) { Ok(Some(file.to_owned())) } else { Err("name-mismatch") }
}

/// Runs the project's script that keeps the gates, which this program does not stand in for.
fn run_gate_script(invocation: &Invocation, task: &str, file: &str) -> (String, u8) {
    let (environment, root) = (&invocation.environment, &invocation.dir);
    let script = environment.scripts_folder(root).join("aitask_gate.sh");
    let profile = invocation.tasks().below(PROFILES).shown(file);
    match web::run_script(environment, &script, root, &["materialize-active", task, "--profile", &profile]) {
        Ok(web::ScriptAnswer { code: 0, output }) => {
            (format!("WEBMAT_OK:{}", output.lines().last().unwrap_or_default()), 0)
        }
        Ok(web::ScriptAnswer { code, output }) => (format!("WEBMAT_FAIL:{code}:{}", output.replace('\n', " ")), 1),
        Err(error) => (format!("WEBMAT_FAIL:127:{error}"), 1),
    }
}
