//! The checks of `git aitask finish`: what runs, what does not run again, and whom it keeps waiting.

use crate::support::{Repo, Run, World, sh_wait_for_file, wait_for, wait_for_file};
use serde_json::{Value, json};
use std::path::PathBuf;

const PROGRAM: &str = env!("CARGO_BIN_EXE_git-aitask");

/// A clone that holds t1 and has committed `work.txt` to its branch, and Bob's clone beside it.
fn worked() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    with_work(&ann, "1");
    let bob = world.clone("bob");
    (world, ann, bob)
}

/// Picks a new task and commits a file of its own to its branch.
pub(super) fn with_work(ann: &Repo, id: &str) {
    assert_eq!(ann.task("Job", &[]), id);
    ann.aitask(&["pick", id]).ok();
    let at = ann.at(format!("aiwork/t{id}_job"));
    at.write(&format!("work{id}.txt"), "work\n");
    at.commit("the work");
}

/// The file in which a check counts its runs, and the words that do so.
pub(super) fn counter(world: &World) -> (PathBuf, String) {
    let file = world.root().join("count");
    let count = format!("echo x >>'{}'", file.display());
    (file, count)
}

pub(super) fn runs(file: &std::path::Path) -> usize {
    std::fs::read_to_string(file).map_or(0, |text| text.lines().count())
}

fn told(run: Run) -> Vec<(String, bool)> {
    let json = run.ok().json();
    let told = |check: &Value| (check["command"].as_str().unwrap().to_owned(), check["ran"].as_bool().unwrap());
    json["checks"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn what_has_passed_does_not_run_again_and_the_answer_says_since_when() {
    let (world, ann, _) = worked();
    let (file, count) = counter(&world);
    world.protect("main");
    ann.aitask(&["finish", "1", "--check", &count]).fails(1);
    let shown = ann.aitask(&["finish", "1", "--check", &count, "--dry-run"]).ok();
    assert!(shown.stdout.contains("the check did not run again, it passed at 20"), "{shown}");
    assert!(shown.stdout.contains(" on the same content: echo x"), "{shown}");
    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    let json = ann.aitask(&["finish", "1", "--check", &count, "--json"]).ok().json();
    let check = &json["checks"][0];
    assert_eq!((&check["command"], &check["ran"], runs(&file)), (&json!(count), &json!(false), 1));
    assert!(check["since"].as_str().unwrap().len() > 19, "{check}");
}

#[test]
fn an_answer_tells_of_no_check_where_there_is_none() {
    let (_world, ann, _) = worked();
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!(json.get("checks"), None);
}

#[test]
fn tasks_that_others_file_while_a_check_runs_make_no_second_run() {
    let (world, ann, bob) = worked();
    let (file, count) = counter(&world);
    let new = format!("'{PROGRAM}' new x </dev/null");
    let check = format!("{count}; cd '{}' && {new} && {new} && {new} && {new}", bob.top().display());
    assert_eq!(told(ann.aitask(&["finish", "1", "--check", &check, "--json"])), [(check.clone(), true)]);
    assert_eq!((runs(&file), world.remote_file("main", "work1.txt").is_some()), (1, true));
    assert_eq!(world.remote_files("main").iter().filter(|file| file.ends_with("_x.md")).count(), 4);
}

#[test]
fn code_that_others_push_meanwhile_is_checked_and_nobody_waits_for_that() {
    let (world, ann, bob) = worked();
    let (file, count) = counter(&world);
    ann.task("Free", &[]);
    let pushed = bob.path("pushed");
    let check = format!(
        "{count}; cd '{}'; if [ -e {} ]; then cd ../ann && timeout 20 '{PROGRAM}' lock 2; else \
         git pull -q && echo x >pushed && git add pushed && git commit -qm pushed && git push -q; fi",
        bob.top().display(),
        pushed.display()
    );
    ann.aitask(&["finish", "1", "--check", &check, "--timeout", "10s"]).ok();
    assert_eq!((runs(&file), world.locks()), (2, vec!["t2_lock.yaml".to_owned()]));
    assert!(world.remote_file("main", "pushed").is_some() && world.remote_file("main", "work1.txt").is_some());
}

#[test]
fn several_checks_run_in_order_each_is_remembered_alone_and_the_first_failure_ends_it() {
    let (world, ann, _) = worked();
    let log = world.root().join("log");
    let [first, second, third] = ["a", "b", "c"].map(|name| {
        let fails =
            if name == "b" { format!("; test -e '{}'", world.root().join("mended").display()) } else { String::new() };
        format!("echo {name} >>'{}'{fails}", log.display())
    });
    for check in [&first, &second, &third] {
        ann.git(&["config", "--add", "aitask.check", check]);
    }
    let error = ann.aitask(&["finish", "1", "--json"]).fails(1).error()["error"].clone();
    assert!(error["kind"] == "check_failed" && error["message"].as_str().unwrap().ends_with(&second), "{error}");
    std::fs::write(world.root().join("mended"), "").unwrap();
    let told = told(ann.aitask(&["finish", "1", "--json"]));
    assert_eq!(told, [(first, false), (second, true), (third, true)]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\nb\nb\nc\n");
}

#[test]
fn the_option_takes_the_place_of_the_setting_and_may_be_repeated() {
    let (_world, ann, _) = worked();
    ann.git(&["config", "aitask.check", "false"]);
    let run = ann.aitask(&["finish", "1", "--check", "true", "--check", ":", "--json"]);
    assert_eq!(told(run), [("true".to_owned(), true), (":".to_owned(), true)]);
}

#[test]
fn another_value_of_a_variable_that_counts_is_another_check() {
    let (world, ann, _) = worked();
    let (file, count) = counter(&world);
    let check = format!("{count}; : $MODE");
    ann.git(&["config", "aitask.checkEnv", "TOOLS OTHER"]);
    let tries = |mode: &str, tools: &str, unnamed: &str| {
        let ann = ann.env("MODE", mode).env("TOOLS", tools).env("UNNAMED", unnamed);
        ann.aitask(&["finish", "1", "--check", &check]).fails(1);
        runs(&file)
    };
    world.protect("main");
    assert_eq!(tries("fast", "1", "x"), 1);
    assert_eq!(tries("fast", "1", "y"), 1);
    assert_eq!(tries("slow", "1", "y"), 2);
    assert_eq!(tries("slow", "2", "y"), 3);
    assert_eq!(tries("fast", "1", "z"), 3);
}

#[test]
fn a_dry_run_runs_the_check_and_remembers_nothing() {
    let (world, ann, _) = worked();
    let (file, count) = counter(&world);
    ann.aitask(&["finish", "1", "--check", &count, "--dry-run"]).ok();
    assert!(!ann.path(".git/aitask/verdicts").exists() && !ann.path(".git/aitask/check-slot.1").exists());
    ann.aitask(&["finish", "1", "--check", &count]).ok();
    assert_eq!(runs(&file), 2);
}

#[test]
fn one_check_at_a_time_runs_on_a_clone_unless_more_are_allowed() {
    let (world, ann, _) = worked();
    with_work(&ann, "2");
    with_work(&ann, "3");
    ann.git(&["push", "-q", "origin", "main:other"]);
    let [started, go] = ["started", "go"].map(|name| world.root().join(name));
    let slow = format!("touch '{}'; {}", started.display(), sh_wait_for_file(&go));
    let first = ann.start(&["finish", "1", "--check", &slow]);
    wait_for_file(&started);
    let taken = ann.path(".git/aitask/check-slot.1");
    wait_for("the slot names its holder", || {
        let pid = std::fs::read_to_string(&taken).unwrap_or_default();
        // after it, the process group of its check
        if pid.split(' ').next() == Some(&first.pid().to_string()) { Ok(()) } else { Err(pid) }
    });
    // another output branch, and so another landing
    ann.env("GIT_AITASK_CHECKJOBS", "2").aitask(&["finish", "3", "--into", "other", "--check", "true"]).ok();
    let waiting = ann.start(&["finish", "2", "--into", "other", "--check", "test -e work2.txt"]);
    let files = format!("/proc/{}/fd", waiting.pid());
    wait_for("it comes to the slot", || {
        let open = std::fs::read_dir(&files).into_iter().flatten().flatten();
        let open: Vec<_> = open.filter_map(|file| std::fs::read_link(file.path()).ok()).collect();
        if open.iter().any(|file| file == &taken) { Ok(()) } else { Err(format!("{open:?}")) }
    });
    std::fs::write(&go, "").unwrap();
    first.wait().ok();
    let run = waiting.wait().ok();
    assert!(run.stderr.contains("waiting for the check of another git aitask in this clone (pid "), "{run}");
}

#[test]
fn the_slower_of_two_finishes_of_a_task_does_not_name_a_holder_that_is_gone() {
    for session in [None, Some("one")] {
        let world = World::new();
        let ann = world.initialised("ann");
        let ann = session.map_or_else(|| ann.at("."), |session| ann.env("GIT_AITASK_SESSION", session));
        with_work(&ann, "1");
        let [begun, go_on] = ["begun", "go on"].map(|name| world.root().join(name));
        let check = format!(": >'{}'; {}", begun.display(), sh_wait_for_file(&go_on));
        let slow = ann.at("aiwork/t1_job").start(&["finish", "--check", &check]);
        wait_for_file(&begun);
        ann.aitask(&["finish", "1"]).ok();
        std::fs::write(&go_on, "").unwrap();
        let slow = slow.wait().ok();
        assert!(slow.stdout.contains("(finished)"), "{slow}");
    }
}
