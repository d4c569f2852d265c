//! `aitask_find_by_file.sh` (specification 20, section 9).

use crate::compat::folders::Checkout;
use crate::compat::invocation::Scene;
use crate::compat::options::{ForProject, take_project, usage};
use crate::compat::sibling;
use crate::compat::tasks::fold;
use crate::error::Result;
use crate::task::paths;

const USAGE: &str = "\
Usage: aitask_find_by_file.sh [--project NAME] PATH

The pending tasks that refer to a file, as TASK:ID:FILE.";

/// Runs the script.
pub(crate) fn run(scene: &Scene, args: &[String]) -> u8 {
    run_in(scene, args).unwrap_or_else(|error| scene.fail(&error))
}

fn run_in(scene: &Scene, args: &[String]) -> Result<u8> {
    let ForProject { project, args } = take_project(args)?;
    if let Some(project) = project {
        return sibling::run_there(scene, &project, "aitask_find_by_file.sh", &args);
    }
    let console = scene.console;
    match args.first().map(String::as_str) {
        Some("--help" | "-h") => USAGE.lines().for_each(|line| console.line(line)),
        None => {
            USAGE.lines().for_each(|line| console.line_aside(line));
            return Err(usage("Missing required argument: <path>".to_owned()));
        }
        Some("") => return Err(usage("Empty path argument".to_owned())),
        Some(path) => {
            let shown = scene.environment.text("TASK_DIR").unwrap_or(paths::TASKS_DIR);
            let found = fold::pending(&Checkout::below(&scene.dir, shown).tasks, &[path]);
            for task in found {
                console.line(&format!("TASK:{}:{}", task.id, task.path));
            }
        }
    }
    Ok(0)
}
