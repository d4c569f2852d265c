//! Other projects of the same person, found by name (specification 30, sections 1.6 and 1.7).

use crate::compat::task_files::Project;
use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use crate::git::run::Call;
use crate::project::context::Context;
use crate::settings::Environment;
use crate::task::{Document, TaskId};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the scripts of a project lie.
const SCRIPTS_DIR: &str = ".aitask-scripts";

/// How long another project may take to say what a task's status is.
const LIMIT: Duration = Duration::from_secs(30);

/// The root of a project: as the index says (`AITASKS_PROJECTS_INDEX`, else `~/.config/aitasks/projects.yaml`), else as
/// `AITASKS_PROJECT_<NAME>` says.
///
/// # Errors
/// [`Kind::Usage`] when it is not registered, or is no folder any more.
pub fn resolve(environment: &Environment, name: &str) -> Result<PathBuf> {
    let home = environment.text("HOME").unwrap_or_default();
    let index = environment.text("AITASKS_PROJECTS_INDEX").map(PathBuf::from);
    let index = index.unwrap_or_else(|| Path::new(home).join(".config/aitasks/projects.yaml"));
    let text = read_own(&index).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let variable = environment.text(&format!("AITASKS_PROJECT_{name}")).map(str::to_owned);
    let found: Vec<_> = parse_index(&text, name).into_iter().chain(variable).collect();
    let expanded = |path: &String| match path.strip_prefix("~/") {
        Some(rest) => Path::new(home).join(rest),
        None => PathBuf::from(path),
    };
    if let Some(root) = found.iter().map(expanded).find(|root| root.is_dir()) {
        return Ok(root);
    }
    let cure = format!("Run `cd /path/to/{name} && ait projects add`");
    Err(Error::new(
        Kind::Usage,
        match found.first() {
            None => format!("Project '{name}' is not registered. {cure}."),
            Some(path) => {
                format!("Project '{name}' is registered but its path is stale: {name}:{path}. {cure} to refresh.")
            }
        },
    ))
}

/// The path of a project in the index: a list of mappings with `name` and `path`, in either order.
fn parse_index(text: &str, wanted: &str) -> Option<String> {
    let (mut name, mut path) = (None, None);
    for line in text.lines().chain(["-"]) {
        let item = line.trim_start();
        let entry = item.strip_prefix('-').map(str::trim_start);
        if entry.is_some() {
            (name, path) = (None, None);
        }
        let Some((key, value)) = entry.unwrap_or(item).split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        match key.trim() {
            "name" => name = Some(value),
            "path" => path = Some(value),
            _ => {}
        }
        if let (Some(wanted_name), Some(path)) = (&name, &path)
            && wanted_name == wanted
        {
            return Some(path.clone());
        }
    }
    None
}

/// Becomes a script of another project, called at its root. Comes back only with the reason why it cannot.
#[must_use]
pub fn become_script(environment: &Environment, project: &str, script: &str, args: &[String]) -> Error {
    let root = match resolve(environment, project) {
        Ok(root) => root,
        Err(error) => return error,
    };
    let path = root.join(SCRIPTS_DIR).join(script);
    let error = Call::program(environment, &path, &root).args(args).become_it();
    Error::new(Kind::Usage, format!("{} is missing or not executable in project '{project}' ({error})", path.display()))
}

/// The status of a task of another project, as its own script tells; `None` when it cannot be told.
#[must_use]
pub fn task_status(environment: &Environment, project: &str, id: &str) -> Option<String> {
    let root = resolve(environment, project).ok()?;
    let script = root.join(SCRIPTS_DIR).join("aitask_query_files.sh");
    let call = Call::program(environment, script, &root).args(["task-status", id]).limit(LIMIT);
    let output = call.output().ok()?.text();
    let status = output.lines().find_map(|line| line.strip_prefix("STATUS:"))?.to_owned();
    (!status.is_empty() && status != "NOT_FOUND").then_some(status)
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
pub fn lock_of(context: &Context, id: TaskId) -> Option<(crate::coordination::LockEntry, String)> {
    let branch = crate::ledger::Ledger::locks_branch().ok()?;
    let ledger = context.ledger();
    let view = ledger.view(std::slice::from_ref(&branch), true).ok()?;
    let lock = crate::coordination::ReadLocks::lock(&view, id).ok()?;
    let host = crate::coordination::session::host_name(&context.repository);
    Some((lock?, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_in_its_shapes() {
        let text = "projects:\n  - name: a\n    path: /x/a\n    # old\n  - path: \"/x/b\"\n    name: 'b'\n- name: c\n  path: ~/c\n  git: y\n- name: d\n";
        let find = |name| parse_index(text, name);
        assert_eq!(find("a").as_deref(), Some("/x/a"));
        assert_eq!(find("b").as_deref(), Some("/x/b"));
        assert_eq!(find("c").as_deref(), Some("~/c"));
        assert_eq!((find("d"), find("e"), find("")), (None, None, None));
    }
}
