//! Other projects of the same person, found by name, for `--project NAME` and for dependencies on their tasks. Such a
//! project is read and changed through its own scripts, since it may have another version of them.

use crate::error::{Error, Kind, Result};
use crate::files::{read_own, yaml};
use crate::git::Freshness;
use crate::git::run::Call;
use crate::project::context::Context;
use crate::project::task_files::TaskFiles;
use crate::settings::Environment;
use crate::task::{Document, TaskId, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the scripts of a project lie.
const SCRIPTS_DIR: &str = ".aitask-scripts";

/// How long another project's script may take to give the status of a task. It reads a few files; a listing waits for
/// it, so after this time the task is shown as unreachable.
const STATUS_LIMIT: Duration = Duration::from_secs(30);

/// How long another project's script may take for a whole call. It may wait for locks and for a slow remote, so this
/// only ends a call that hangs.
const CALL_LIMIT: Duration = Duration::from_secs(600);

/// The root of a project: as the index says (`AITASKS_PROJECTS_INDEX`, else `~/.config/aitasks/projects.yaml`), else as
/// `AITASKS_PROJECT_<NAME>` says.
///
/// # Errors
/// [`Kind::Usage`] when it is not registered, or its folder is gone or no project any more; [`Kind::Unparsable`] for an
/// index that is no YAML.
pub(crate) fn resolve(environment: &Environment, name: &str) -> Result<PathBuf> {
    let home = environment.text("HOME").unwrap_or_default();
    let index = environment.text("AITASKS_PROJECTS_INDEX").map(PathBuf::from);
    let index = index.unwrap_or_else(|| Path::new(home).join(".config/aitasks/projects.yaml"));
    let content = read_own(&index).unwrap_or_default();
    let variable = environment.text(&format!("AITASKS_PROJECT_{name}")).map(str::to_owned);
    let listed = match parse_index(&index, &content, name) {
        Err(error) if variable.is_none() => return Err(error),
        listed => listed.ok().flatten(),
    };
    let found: Vec<_> = listed.into_iter().chain(variable).collect();
    let expanded = |path: &String| match path.strip_prefix("~/") {
        Some(rest) => Path::new(home).join(rest),
        None => PathBuf::from(path),
    };
    if let Some(root) = found.iter().map(expanded).find(|root| root.join(paths::PROJECT_FILE).is_file()) {
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

/// The index of projects, a list below this key.
#[derive(Debug, Default, serde::Deserialize)]
struct ProjectIndex {
    projects: Option<Vec<Registration>>,
}

/// A project in the index.
#[derive(Debug, serde::Deserialize)]
struct Registration {
    name: Option<String>,
    path: Option<String>,
}

/// The path of a project in the index.
fn parse_index(file: &Path, content: &[u8], wanted: &str) -> Result<Option<String>> {
    let parsed = yaml::parse::<ProjectIndex>(file, content, yaml::Repeated::First);
    let listed = match parsed {
        Ok(index) => index.projects.unwrap_or_default(),
        // The list may also stand alone, without the key above it.
        Err(error) => yaml::parse(file, content, yaml::Repeated::First).map_err(|_| error)?,
    };
    let mut named = listed.into_iter().filter(|project: &Registration| project.name.as_deref() == Some(wanted));
    Ok(named.find_map(|project| project.path))
}

/// A call of a script of the project at `root`. It must run the other scripts of its own project, and not of ours.
fn call(environment: &Environment, root: &Path, script: &str) -> Call {
    let folder = root.join(SCRIPTS_DIR);
    Call::program(environment, folder.join(script), root).env("AITASK_SCRIPT_DIR", folder)
}

/// Replaces this process by a script of another project, in its root. Returns only the error when it cannot.
pub(crate) fn exec_script(environment: &Environment, project: &str, script: &str, args: &[String]) -> Error {
    let root = match resolve(environment, project) {
        Ok(root) => root,
        Err(error) => return error,
    };
    let error = call(environment, &root, script).args(args).exec();
    let path = root.join(SCRIPTS_DIR).join(script);
    Error::new(Kind::Usage, format!("{} is missing or not executable in project '{project}' ({error})", path.display()))
}

/// The status of a task of another project, from its own script; `None` when it cannot be determined.
pub(crate) fn task_status(environment: &Environment, project: &str, id: &str) -> Option<String> {
    let root = resolve(environment, project).ok()?;
    let call = call(environment, &root, "aitask_query_files.sh").args(["task-status", id]).limit(STATUS_LIMIT);
    let output = call.output().ok()?.text();
    let status = output.lines().find_map(|line| line.strip_prefix("STATUS:"))?.to_owned();
    (!status.is_empty() && status != "NOT_FOUND").then_some(status)
}

/// Checks a dependency on tasks of another project: the project must be registered, and each task must have a status
/// there, so that a misspelt id is refused when it is written and not found out later.
///
/// # Errors
/// [`Kind::Usage`] for ids without a project; [`Kind::NoSuchTask`] for a project or task that is not there.
pub(crate) fn check_dependency(environment: &Environment, ids: &[String], project: &str) -> Result<()> {
    if project.is_empty() {
        if ids.is_empty() {
            return Ok(());
        }
        let message = "--xdeps requires --xdeprepo (xdeps without a project context cannot be resolved).";
        return Err(Error::new(Kind::Usage, message));
    }
    let root = resolve(environment, project)?;
    let there = TaskFiles { root, context: None, guarded: true };
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

/// The result of another project's own script.
#[derive(Debug)]
pub(crate) struct ProjectAnswer {
    /// The project's root.
    pub(crate) root: PathBuf,
    /// Its exit code.
    pub(crate) code: u8,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: Vec<u8>,
}

/// Runs another project's own script in its root.
///
/// # Errors
/// Those of [`resolve`], and [`Kind::Io`] when the project has no such script.
pub(crate) fn run_there(
    environment: &Environment,
    name: &str,
    script: &str,
    args: &[String],
    input: Vec<u8>,
) -> Result<ProjectAnswer> {
    use std::os::unix::fs::PermissionsExt as _;
    let root = resolve(environment, name)?;
    let file = root.join(SCRIPTS_DIR).join(script);
    let runs = file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if !runs {
        let (root, file) = (root.display(), file.display());
        let message = format!("Resolved {name} → {root}, but {file} is missing or not executable");
        return Err(Error::new(Kind::Io, message));
    }
    let call = call(environment, &root, script).args(args).env("AIT_CROSS_REPO_REEXEC", "1");
    let output = call.input(input).limit(CALL_LIMIT).output()?;
    let code = output.code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ProjectAnswer { root, code, stdout: output.stdout, stderr: output.stderr })
}

/// The lock of a task and the name of this host; `None` where it is free or cannot be read. It is read when another
/// project asks for an update, which must not change a task that somebody else works on.
pub(crate) fn lock_of(context: &Context, id: TaskId) -> Option<(crate::coordination::LockEntry, String)> {
    let branch = crate::ledger::Ledger::locks_branch().ok()?;
    let ledger = context.ledger();
    let view = ledger.view(std::slice::from_ref(&branch), Freshness::Fetched).ok()?;
    let lock = crate::coordination::ReadLocks::lock(&view, id).ok()?;
    let host = crate::coordination::session::host_name(&context.repository);
    Some((lock?, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(text: &str, name: &str) -> Result<Option<String>> {
        parse_index(Path::new("projects.yaml"), text.as_bytes(), name)
    }

    #[test]
    fn the_index_is_read_with_and_without_its_key() {
        let entries = "- name: a\n  path: /x/a # old\n- path: \"/x/b\"\n  name: 'b'\n  git: y\n\
            - {name: 7, path: ~/c}\n- name: d\n";
        let nested = format!("# mine\nprojects:\n  {}\nversion: 1\n", entries.trim_end().replace('\n', "\n  "));
        for text in [entries, &nested, &format!("projects:\n{entries}")] {
            let find = |name| path_of(text, name).unwrap();
            assert_eq!(find("a").as_deref(), Some("/x/a"), "{text}");
            assert_eq!(find("b").as_deref(), Some("/x/b"), "{text}");
            assert_eq!(find("7").as_deref(), Some("~/c"), "{text}");
            assert_eq!((find("d"), find("e"), find("")), (None, None, None), "{text}");
        }
        for text in ["", "projects:\n", "projects: []\n", "other: 1\n"] {
            assert_eq!(path_of(text, "a").unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn an_index_that_is_no_yaml_says_where() {
        let error = path_of("projects:\n  - name: a\n    path: [\n", "a").unwrap_err();
        assert!(error.kind() == Kind::Unparsable && error.to_string().contains("projects.yaml"), "{error}");
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
