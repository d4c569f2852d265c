//! What has landed is said to have landed, whatever fails afterwards; and a dry run promises what the real run does.

use super::init::{everything, keys, of_kind};
use crate::support::{Repo, Run, Sleeper, World, share};
use predicates::prelude::*;
use predicates::str::contains;
use regex::Regex;
use serde_json::Value;

const WORK: &str = "aiwork/t1_one";

/// A clone with the task t1 in which no worktree with `a.bin` can be checked out.
fn without_filter() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.write(".gitattributes", "*.bin filter=big -text\n");
    ann.write("a.bin", "big\n");
    ann.commit("big");
    ann.git(&["push", "-q"]);
    for (key, value) in [("required", "true"), ("smudge", "no-such-program"), ("clean", "cat")] {
        ann.git(&["config", &format!("filter.big.{key}"), value]);
    }
    (world, ann)
}

/// A clone that holds t1 with a commit, into whose worktree a file comes while the server takes the push.
fn disturbed() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("the work");
    let late = ann.path(WORK).join("late.txt");
    world.script(&world.origin().join("hooks/post-receive"), &format!("#!/bin/sh\n: >'{}'\n", late.display()));
    (world, ann)
}

/// The file is gone, and the server does nothing of its own any more.
fn undisturbed(world: &World, ann: &Repo) {
    std::fs::remove_file(world.origin().join("hooks/post-receive")).unwrap();
    std::fs::remove_file(ann.path(WORK).join("late.txt")).unwrap();
}

fn hints(json: &Value) -> String {
    crate::support::hints(&json["incomplete"]).join("\n")
}

#[test]
fn pick_that_cannot_make_the_worktree_says_that_the_task_is_taken() {
    let (world, ann) = without_filter();
    let run = ann.aitask(&["pick", "1", "--json"]).ok();
    let json = run.json();
    assert_eq!(keys(&json), "schema task lock text took incomplete");
    assert_eq!((&json["task"]["status"], &json["took"]), (&"Implementing".into(), &"new".into()));
    assert_eq!(keys(&json["incomplete"]), "kind message hints");
    assert!(["git aitask worktree add 1", "git aitask drop 1"].iter().all(|way| hints(&json).contains(way)), "{run}");
    assert_eq!((world.locks().len(), ann.path(WORK).exists()), (1, false));
    // as text: first what has happened, then the trouble, then the ways on
    let run = ann.aitask(&["pick", "1"]).ok();
    let places = ["(you already hold it)", "its worktree could not be added", "git aitask worktree add 1", "drop 1"];
    let places = places.map(|text| run.stdout.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{run}")));
    assert!(places.is_sorted() && !run.stdout.contains("next:"), "{run}");
    // the same command completes it, and so does the other way on
    ann.git(&["config", "filter.big.smudge", "cat"]);
    assert_eq!(ann.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["created"], true);
    ann.aitask(&["drop", "1"]).ok();
    assert!(world.locks().is_empty());
}

#[test]
fn finish_that_cannot_remove_the_worktree_says_that_the_task_is_finished() {
    let (world, ann) = disturbed();
    let run = ann.aitask(&["finish", "1", "--json"]).ok();
    let json = run.json();
    assert_eq!((&json["task"]["status"], &json["unlocked"]), (&"Done".into(), &true.into()), "{run}");
    let flags = ["worktree_removed", "branch_deleted"].map(|key| json[key].as_bool());
    assert_eq!((flags, &json["incomplete"]["kind"]), ([Some(false); 2], &"dirty".into()), "{run}");
    assert!(hints(&json).contains("git aitask finish 1"), "{run}");
    assert!(world.remote_file("main", "work.txt").is_some() && world.locks().is_empty());
    undisturbed(&world, &ann);
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((&json["worktree_removed"], &json["branch_deleted"]), (&true.into(), &true.into()));
}

#[test]
fn drop_that_cannot_remove_the_worktree_says_that_the_task_is_dropped() {
    let (world, ann) = disturbed();
    let run = ann.aitask(&["drop", "1"]).ok();
    run.assert().stdout(contains("(dropped, Ready)").and(contains("late.txt")).and(contains("git aitask drop 1")));
    assert_eq!((world.locks().len(), ann.path(WORK).exists()), (0, true));
    undisturbed(&world, &ann);
    assert_eq!(ann.aitask(&["drop", "1", "--json"]).ok().json()["worktree_removed"], true);
}

/// Runs `git aitask ARGS` with an output that takes nothing.
fn onto_a_full_disk(ann: &Repo, args: &str) -> Run {
    ann.run("sh", &["-c", &format!("exec '{}' {args} >/dev/full", env!("CARGO_BIN_EXE_git-aitask"))])
}

#[test]
fn an_answer_that_cannot_be_written_does_not_say_that_nothing_was_done() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    let run = onto_a_full_disk(&ann, "pick 1 --json").fails(128);
    let error = &run.error()["error"];
    assert_eq!((&error["kind"], &error["done"]), (&"io".into(), &true.into()), "{run}");
    assert_eq!((world.locks().len(), ann.path(WORK).is_dir()), (1, true));
    ann.at(WORK).commit("work");
    let run = onto_a_full_disk(&ann, "finish 1").fails(128);
    assert!(run.stderr.contains("the command did its work") && !run.stderr.contains("try:"), "{run}");
    assert!(world.locks().is_empty());
}

#[test]
fn what_a_check_prints_is_no_part_of_the_document() {
    let (world, ann) = disturbed();
    let check = "echo noise; echo more >&2; printf half; test -e passed";
    let run = ann.aitask(&["finish", "1", "--json", "--check", check]).fails(1);
    assert_eq!(run.error()["error"]["output"], "noise\nhalf\nmore", "{run}");
    let passes = ["finish", "1", "--json", "--check", "echo noise; echo more >&2"];
    world.protect("main");
    assert_eq!(ann.aitask(&passes).fails(1).error()["error"]["kind"], "denied");
    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    // what has passed on this content would not run again
    let passes = ["finish", "1", "--json", "--check", "echo noise && echo more >&2"];
    let run = ann.aitask(&passes).ok();
    assert_eq!((&run.json()["task"]["id"], run.stderr.as_str()), (&"1".into(), "noise\nmore\n"));
}

/// The answer of a command, without what differs from run to run.
fn answer(run: &Run) -> Value {
    let mut json = run.json();
    json.as_object_mut().unwrap().remove("dry_run");
    let mut text = json.to_string();
    for pattern in ["[0-9a-f]{40}", r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?"] {
        text = Regex::new(pattern).unwrap().replace_all(&text, "<other>").into_owned();
    }
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_dry_run_promises_what_the_real_run_does() {
    for n in share([0, 1, 2]) {
        let (world, session) = (World::new(), Sleeper::new());
        let ann = of_kind(n, &world);
        let ann = ann.env("AIT_AGENT_PID", session.pid());
        let same = |line: &str| {
            let args: Vec<_> = line.split(' ').chain(["--json"]).collect();
            let before = everything(&ann);
            let promised = ann.aitask(&[&args[..], &["--dry-run"]].concat()).ok();
            assert_eq!(everything(&ann), before, "{promised}");
            let real = ann.aitask(&args).ok();
            assert_eq!(answer(&promised), answer(&real), "{promised}\n{real}");
        };
        let work = |task: &str| {
            let there = ann.at(format!("aiwork/{task}"));
            there.write(&format!("{task}.txt"), "work\n");
            there.commit("work");
        };
        same("new One");
        same("edit 1 --priority high");
        same("pick 1");
        same("pick 1");
        work("t1_one");
        same("drop 1");
        same("pick 1");
        same("drop 1 --status Postponed");
        same("pick 1");
        same("finish 1");
        for (id, mode) in [("2", "--squash"), ("3", "--no-archive")] {
            same("new Next");
            same(&format!("pick {id}"));
            work(&format!("t{id}_next"));
            same(&format!("finish {id} {mode}"));
        }
        same("archive 3");
        same("new Last");
        same("pick 4 --no-worktree");
        same("drop 4");
        same("pick 4");
        work("t4_last");
        same("finish 4 --no-push");
        same("finish 4 --merge");
    }
}
