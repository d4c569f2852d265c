//! `aitask_find_by_file.sh`: lists the pending tasks that refer to a file.

use crate::compat::folders::TaskFolders;
use crate::compat::invocation::Invocation;
use crate::compat::options::{ForProject, take_project, usage};
use crate::compat::other_project;
use crate::compat::tasks::fold;
use crate::error::Result;
use crate::task::paths;

const USAGE: &str = "\
Usage: aitask_find_by_file.sh [--project NAME] PATH

Lists the pending tasks that refer to a file, as TASK:ID:FILE.";

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    run_in(invocation, args).unwrap_or_else(|error| invocation.fail(&error))
}

fn run_in(invocation: &Invocation, args: &[String]) -> Result<u8> {
    let ForProject { project, args } = take_project(args)?;
    if let Some(project) = project {
        return other_project::run_there(invocation, &project, "aitask_find_by_file.sh", &args);
    }
    let console = invocation.console;
    match args.first().map(String::as_str) {
        Some("--help" | "-h") => USAGE.lines().for_each(|line| console.line(line)),
        None => {
            USAGE.lines().for_each(|line| console.stderr_line(line));
            return Err(usage("Missing required argument: <path>".to_owned()));
        }
        Some("") => return Err(usage("Empty path argument".to_owned())),
        Some(path) => {
            let shown = invocation.environment.text("TASK_DIR").unwrap_or(paths::TASKS_DIR);
            let found = fold::pending(&TaskFolders::below(&invocation.dir, shown).tasks, &[path]);
            for task in found {
                console.line(&format!("TASK:{}:{}", task.id, task.path));
            }
        }
    }
    Ok(0)
}
