//! `aitask_find_by_file.sh` (specification 30, section 6.1): which pending tasks name a file.

use super::scene::Scene;
use crate::task::Document;
use crate::task::listing::{child_id, parent_id};
use crate::workflow::checkout::{Checkout, is_file, load_each};
use crate::workflow::projects;

const HELP: &str = "\
Usage: aitask_find_by_file.sh [--project NAME] PATH

Prints TASK:<id>:<file> for every task with status Ready or Editing whose file_references name PATH.";

/// Runs the script.
pub(super) fn run(scene: &Scene, args: &[String]) -> u8 {
    let fail = |text: &str| {
        scene.console.error(text);
        1
    };
    let rest = match projects::take_project(args) {
        Ok((None, rest)) => rest,
        Ok((Some(name), rest)) => {
            let error = projects::become_script(&scene.environment, &name, "aitask_find_by_file.sh", &rest);
            return fail(&error.to_string());
        }
        Err(error) => return fail(&error.to_string()),
    };
    match rest.first().map(String::as_str) {
        None => {
            HELP.lines().for_each(|line| (scene.narrate)(line));
            fail("Missing required argument: <path>")
        }
        Some("") => fail("Empty path argument"),
        Some("-h" | "--help") => {
            HELP.lines().for_each(|line| scene.console.line(line));
            0
        }
        Some(path) => find(scene, path),
    }
}

fn find(scene: &Scene, wanted: &str) -> u8 {
    let tasks = Checkout::of_environment(&scene.environment, &scene.dir).tasks;
    let is_task = |name: &str| is_file(name, "t");
    let parents = tasks.names(is_task).into_iter().filter_map(|name| {
        let id = parent_id(&name)?.to_owned();
        Some((id, tasks.shown(&name)))
    });
    let children = tasks.folders('t').into_iter().flat_map(|folder| {
        let folder = tasks.below(&folder);
        let names = folder.names(is_task);
        names.into_iter().filter_map(move |name| {
            let id = child_id(&name)?.trim_start_matches('t').to_owned();
            Some((id, folder.shown(&name)))
        })
    });
    let files: Vec<(String, String)> = parents.chain(children).collect();
    let paths: Vec<_> = files.iter().map(|(_, shown)| scene.dir.join(shown)).collect();
    let matching = load_each(&paths, |_, head| {
        let document = Document::parse(head);
        let is_pending = document.scalar("status").is_some_and(|status| matches!(status, "Ready" | "Editing"));
        let names = |entry: &String| entry.split(':').next() == Some(wanted);
        is_pending && document.list("file_references").iter().any(names)
    });
    for ((id, shown), _) in files.iter().zip(matching).filter(|(_, matches)| *matches == Some(true)) {
        scene.console.line(&format!("TASK:{id}:{shown}"));
    }
    0
}
