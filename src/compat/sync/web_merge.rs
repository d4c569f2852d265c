//! `aitask_web_merge.sh` (specification 40, section 11).

use crate::compat::invocation::Scene;
use crate::compat::sync::web;
use crate::error::Kind;
use crate::files::read_own;
use serde_json::Value;
use std::time::Duration;

const HELP: &str = "\
Usage: aitask_web_merge.sh [--fetch]
       aitask_web_merge.sh materialize <task_id> <marker.json>

Lists branches of origin that say their task is completed: COMPLETED:<branch>:<file>, or NONE.";

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    if let Some(("materialize", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return materialize(scene, rest);
    }
    let mut fetch = false;
    for arg in args {
        match arg.as_str() {
            "--fetch" => fetch = true,
            "--help" | "-h" => {
                HELP.lines().for_each(|line| scene.console.line(line));
                return 0;
            }
            option if option.starts_with('-') => return usage(scene, "Unknown option", option),
            other => return usage(scene, "Unexpected argument", other),
        }
    }
    let mut found = Vec::new();
    if let Ok(Some(context)) = scene.open() {
        if fetch && web::fetch(&context, Duration::from_secs(10)).is_err() {
            scene.console.warn("Fetch failed, using cached remote data");
        }
        found = web::completed(&context).unwrap_or_default();
    }
    for web::Marker { branch, file } in &found {
        scene.console.line(&format!("COMPLETED:{branch}:{file}"));
    }
    if found.is_empty() {
        scene.console.line("NONE");
    }
    0
}

fn usage(scene: &Scene, what: &str, arg: &str) -> u8 {
    scene.console.error(&format!("{what}: {arg}. Use --help for usage."));
    1
}

fn materialize(scene: &Scene, args: &[String]) -> u8 {
    let (line, code) = match args {
        [task, marker] => match provenance(scene, marker) {
            Ok(Some(file)) => settle(scene, task, &file),
            Ok(None) => ("WEBMAT_SKIP:no-profile".to_owned(), 0),
            Err(reason) => (format!("WEBMAT_INVALID:{reason}"), 1),
        },
        _ => ("WEBMAT_INVALID:usage: materialize <task_id> <marker.json>".to_owned(), 1),
    };
    scene.console.line(&line);
    code
}

/// The file of the profile that the marker names; it must be one of the project's, and say the same name.
fn provenance(scene: &Scene, marker: &str) -> Result<Option<String>, &'static str> {
    let text = read_own(&scene.file(marker)).map_err(|_| "bad-marker")?;
    let marker: Value = serde_json::from_slice(&text).map_err(|_| "bad-marker")?;
    let marker = marker.as_object().ok_or("bad-marker")?;
    let field = |name: &str| marker.get(name).filter(|value| !value.is_null());
    let (profile, file) = match (field("profile"), field("profile_filename")) {
        (None, None) => return Ok(None),
        (Some(profile), Some(file)) => (profile, file),
        _ => return Err("partial-provenance"),
    };
    let (Value::String(profile), Value::String(file)) = (profile, file) else { return Err("non-string-provenance") };
    let base = file.strip_prefix("local/").unwrap_or(file);
    let plain = base.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !plain || base.strip_suffix(".yaml").is_none_or(str::is_empty) {
        return Err("bad-profile-filename");
    }
    let tasks = scene.tasks();
    let text = tasks.tree().text(tasks.path("metadata/profiles").join(file)).map_err(|error| match error.kind() {
        // A link, most likely, since it is followed nowhere.
        Kind::Occupied => "outside-profiles-dir",
        _ => "profile-not-found",
    })?;
    let name = text.lines().find_map(|line| line.strip_prefix("name:"));
    let name = name.map(|name| name.trim().trim_matches(['"', '\'']));
    if name == Some(profile) { Ok(Some(file.clone())) } else { Err("name-mismatch") }
}

/// Hands over to the script that keeps the gates, which is not one of ours.
fn settle(scene: &Scene, task: &str, file: &str) -> (String, u8) {
    let script = scene.dir.join(".aitask-scripts/aitask_gate.sh");
    let Ok(Some(context)) = scene.open() else { return ("WEBMAT_FAIL:1:not inside a git repository".to_owned(), 1) };
    let profile = format!("aitasks/metadata/profiles/{file}");
    match web::ask_script(&context, &script, &["materialize-active", task, "--profile", &profile]) {
        Ok(web::Answer { code: 0, said }) => (format!("WEBMAT_OK:{}", said.lines().last().unwrap_or_default()), 0),
        Ok(web::Answer { code, said }) => (format!("WEBMAT_FAIL:{code}:{}", said.replace('\n', " ")), 1),
        Err(error) => (format!("WEBMAT_FAIL:127:{error}"), 1),
    }
}
