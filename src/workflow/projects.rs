//! Other projects of the same person, found by name (specification 30, sections 1.6 and 1.7).

use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use crate::settings::Environment;
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
    let text = std::fs::read_to_string(index).unwrap_or_default();
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

/// Takes every `--project NAME` out of the arguments; the last name counts.
///
/// # Errors
/// [`Kind::Usage`] when one has no value.
pub fn take_project(args: &[String]) -> Result<(Option<String>, Vec<String>)> {
    let (mut project, mut rest) = (None, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg != "--project" {
            rest.push(arg.clone());
            continue;
        }
        let value = args.next().filter(|value| !value.is_empty());
        project = Some(value.ok_or_else(|| Error::new(Kind::Usage, "--project requires a value"))?.clone());
    }
    Ok((project, rest))
}

/// Becomes a script of another project, called at its root. Comes back only with the reason why it cannot.
#[must_use]
pub fn become_script(environment: &Environment, project: &str, script: &str, args: &[String]) -> Error {
    let root = match resolve(environment, project) {
        Ok(root) => root,
        Err(error) => return error,
    };
    let path = root.join(SCRIPTS_DIR).join(script);
    let error = Call::program(environment, &path, &root).args(args).replace_process();
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

    #[test]
    fn the_last_name_counts() {
        let args = ["--project", "a", "-v", "--project", "b", "5"].map(str::to_owned);
        assert_eq!(take_project(&args).unwrap(), (Some("b".to_owned()), vec!["-v".to_owned(), "5".to_owned()]));
        assert!(take_project(&args[..1]).is_err() && take_project(&["--project".to_owned(), String::new()]).is_err());
    }
}
