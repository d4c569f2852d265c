//! The script that creates tasks, killed at every call of git: given again with the same words it completes what it began,
//! and makes no second task.

use super::{Mode, Scene};
use crate::support::{Repo, When, in_turn};

const CREATE: [&str; 6] = ["compat", "aitask_create.sh", "--batch", "--name", "Write it down", "--desc"];

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&CREATE[..], more].concat()
}

/// The checkout with the tasks.
fn data(scene: &Scene) -> Repo {
    let apart = scene.ann.path(".aitask-data").exists();
    scene.ann.at(if apart { ".aitask-data" } else { "." })
}

/// The files of tasks with this name that are in the checkout, and those that are committed.
fn tasks(data: &Repo) -> [Vec<String>; 2] {
    let with_name =
        |text: String| text.lines().filter(|name| name.contains("write_it_down")).map(str::to_owned).collect();
    let there = data.run("find", &["aitasks", "-name", "*.md"]).ok().stdout;
    [with_name(there), with_name(data.git(&["ls-tree", "-r", "--name-only", "HEAD", "aitasks"]))]
}

/// Kills the command before and after its git calls (an eighth of them, and all pushes, in an ordinary run), and gives it
/// again.
#[track_caller]
fn sweep(scene: &Scene, args: &[&str], is_committed: bool) {
    scene.save();
    let data = data(scene);
    let (run, calls) = scene.ann.git_commands(args);
    run.ok();
    let [there, committed] = tasks(&data);
    assert_eq!((there.len(), committed.len()), (1, usize::from(is_committed)), "{there:?} {committed:?}");
    for (side, when) in [When::Before, When::After].into_iter().enumerate() {
        for k in (1..=calls.len()).filter(|k| calls[k - 1].starts_with("push") || in_turn(k + 2 * side)) {
            scene.restore();
            let killed = scene.ann.killed_at(k, when, args);
            let at = format!("{when:?} call {k}: git {}\n{killed}", calls[k - 1]);
            assert_eq!(killed.signal, Some(9), "{at}");
            let again = scene.ann.aitask(args);
            assert_eq!(again.code, 0, "{at}{again}");
            let [there, committed] = tasks(&data);
            assert_eq!((there.len(), committed.len()), (1, usize::from(is_committed)), "{there:?}\n{at}{again}");
            let path = there[0].trim_start_matches("./");
            assert!(again.stdout.contains(path), "{at}{again}");
            assert_eq!(data.git(&["status", "--porcelain", "-uall"]), "", "{at}{again}");
            // one id at most is lost
            let number = |path: &str| path.split(['t', '_']).find_map(|word| word.parse::<u64>().ok()).unwrap();
            let name = path.rsplit('/').next().unwrap();
            assert!(!is_committed || number(name) <= 4, "{at}{again}");
            // once the caller was told, the same words mean another task
            scene.ann.aitask(args).ok();
            assert_eq!(tasks(&data)[0].len(), 2, "{at}");
        }
    }
}

#[test]
fn create_and_commit() {
    sweep(&Scene::with_tasks(Mode::Remote, false), &words(&["x", "--labels", "new", "--commit"]), true);
}

#[test]
fn create_and_commit_on_a_data_branch() {
    sweep(&Scene::with_tasks(Mode::DataBranch, false), &words(&["x", "--commit", "--silent"]), true);
}

#[test]
fn create_a_child() {
    sweep(&Scene::with_tasks(Mode::Local, false), &words(&["x", "--parent", "2", "--commit"]), true);
}

#[test]
fn create_a_draft() {
    sweep(&Scene::with_tasks(Mode::Local, false), &words(&["x"]), false);
}

#[test]
fn a_draft_becomes_one_task() {
    let scene = Scene::with_tasks(Mode::Remote, false);
    let ann = &scene.ann;
    let draft = ann.aitask(&words(&["x", "--silent"])).ok().stdout;
    let args = ["compat", "aitask_create.sh", "--batch", "--finalize", draft.trim()];
    scene.save();
    let (run, calls) = ann.git_commands(&args);
    run.ok();
    for (side, when) in [When::Before, When::After].into_iter().enumerate() {
        for k in (1..=calls.len()).filter(|k| calls[k - 1].starts_with("push") || in_turn(k + 2 * side)) {
            scene.restore();
            let killed = ann.killed_at(k, when, &args);
            let again = ann.aitask(&args);
            let [there, committed] = tasks(&data(&scene));
            assert!(again.code == 0 && there == committed && there.len() == 1, "{there:?}\n{killed}{again}");
            assert_eq!(data(&scene).git(&["status", "--porcelain", "-uall"]), "", "{killed}{again}");
        }
    }
}

#[test]
fn what_a_hook_refused_is_committed_by_the_same_command() {
    let scene = Scene::with_tasks(Mode::Local, false);
    let ann = &scene.ann;
    let (args, hook) = (words(&["x", "--commit"]), ann.path(".git/hooks/pre-commit"));
    ann.world().script(&hook, "#!/bin/sh\necho no >&2\nexit 1\n");
    ann.aitask(&args).fails(1);
    std::fs::remove_file(hook).unwrap();
    ann.aitask(&args).ok();
    let [there, committed] = tasks(&data(&scene));
    assert!(there == committed && there.len() == 1, "{there:?} {committed:?}");
}

#[test]
fn the_same_words_of_two_processes_make_two_tasks() {
    let scene = Scene::with_tasks(Mode::Local, false);
    let args = words(&["x", "--commit"]);
    let running: Vec<_> = (0..3).map(|_| scene.ann.start(&args)).collect();
    for run in running {
        run.wait().ok();
    }
    assert_eq!(tasks(&data(&scene))[1].len(), 3);
}
