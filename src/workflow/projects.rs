//! Other projects on this machine, by their names (specification 20, section 6.4; 30, section 0).

use super::context::Context;
use super::project::Project;
use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use crate::settings::Environment;
use crate::task::{Document, TaskId, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The root of a registered project.
///
/// # Errors
/// [`Kind::NoSuchTask`] for a name that is not registered, or whose folder has gone.
pub fn resolve(environment: &Environment, name: &str) -> Result<PathBuf> {
    let variable = format!("AITASKS_PROJECT_{name}");
    let path = registered(environment, name).or_else(|| environment.text(&variable).map(PathBuf::from));
    let Some(path) = path else {
        return Err(Error::new(
            Kind::NoSuchTask,
            format!("Project '{name}' is not registered. Run `cd /path/to/{name} && ait projects add`."),
        ));
    };
    if path.join(paths::TASKS_DIR).is_dir() {
        return Ok(path);
    }
    let place = path.display();
    Err(Error::new(
        Kind::NoSuchTask,
        format!(
            "Project '{name}' is registered but its path is stale: {name}:{place}. Run `cd {place} && ait projects add` to \
             refresh."
        ),
    ))
}

/// The path the index file gives a name: entries of `name:` and `path:` lines.
fn registered(environment: &Environment, name: &str) -> Option<PathBuf> {
    let index = environment.text("AITASKS_PROJECTS_INDEX").map(PathBuf::from).or_else(|| {
        let config = environment.text("HOME").map(|home| Path::new(home).join(".config"))?;
        Some(config.join("aitasks/projects.yaml"))
    })?;
    let text = std::fs::read_to_string(index).ok()?;
    let (mut named, mut path) = (false, None);
    for line in text.lines().map(str::trim_start) {
        let item = line.strip_prefix("- ");
        if item.is_some() {
            (named, path) = (false, None);
        }
        let Some((key, value)) = item.unwrap_or(line).split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "name" => named = value == name,
            "path" => path = Some(PathBuf::from(value)),
            _ => {}
        }
        if let (true, Some(path)) = (named, &path) {
            return Some(path.clone());
        }
    }
    None
}

/// Checks a dependency on tasks of another project (specification 20, section 6.4).
///
/// # Errors
/// [`Kind::Usage`] for ids without a project; [`Kind::NoSuchTask`] for a project or task that is not there.
pub fn check_dependency(environment: &Environment, ids: &[String], project: &str) -> Result<()> {
    if project.is_empty() {
        if ids.is_empty() {
            return Ok(());
        }
        let message = "--xdeps requires --xdeprepo (xdeps without a project context cannot be resolved).";
        return Err(Error::new(Kind::Usage, message));
    }
    let root = resolve(environment, project)?;
    let there = Project { root, context: None, guarded: true };
    let has_status = |id: &str| {
        let file = TaskId::parse(id).and_then(|id| there.find_anywhere(id));
        file.is_ok_and(|file| Document::parse(&file).scalar("status").is_some_and(|status| !status.is_empty()))
    };
    match ids.iter().find(|id| !has_status(id.strip_prefix('t').unwrap_or(id))) {
        None => Ok(()),
        Some(id) => {
            let message = format!("--xdeps id {id} not found in cross-repo project '{project}'.");
            Err(Error::new(Kind::NoSuchTask, message))
        }
    }
}

/// What another project's own script answered.
#[derive(Debug)]
pub struct Answer {
    /// The project's root.
    pub root: PathBuf,
    /// Its exit code.
    pub code: u8,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Runs another project's own script in its root.
///
/// # Errors
/// Those of [`resolve`], and [`Kind::Io`] when the project has no such script.
pub fn run_there(
    environment: &Environment,
    name: &str,
    script: &str,
    args: &[String],
    input: Vec<u8>,
) -> Result<Answer> {
    use std::os::unix::fs::PermissionsExt as _;
    let root = resolve(environment, name)?;
    let file = root.join(".aitask-scripts").join(script);
    let runs = file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if !runs {
        let (root, file) = (root.display(), file.display());
        let message = format!("Resolved {name} → {root}, but {file} is missing or not executable");
        return Err(Error::new(Kind::Io, message));
    }
    let call = Call::program(environment, &file, &root).args(args).env("AIT_CROSS_REPO_REEXEC", "1");
    let output = call.input(input).limit(Duration::from_secs(600)).output()?;
    let code = output.code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(Answer { root, code, stdout: output.stdout, stderr: output.stderr })
}

/// The lock of a task, as far as it can be seen from here; it is looked at when another project asks for an update.
#[must_use]
pub fn lock_of(context: &Context, id: TaskId) -> Option<(crate::ledger::LockEntry, String)> {
    let branch = crate::ledger::Ledger::locks_branch().ok()?;
    let ledger = context.ledger();
    let view = ledger.view(std::slice::from_ref(&branch), true).ok()?;
    let object = view.objects(&[(&branch, crate::ledger::LockEntry::path(id))]).ok()?.pop()?;
    let host = crate::ledger::session::host_name(&context.repository);
    Some((crate::ledger::locks::entry(id, object.as_ref())?, host))
}
