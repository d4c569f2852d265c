//! `git aitask drop`.

use super::init::{everything, keys, local, on_data_branch};
use super::task_object::FREE;
use crate::support::{Repo, World, hints};
use predicates::prelude::*;
use predicates::str::contains;

const WORK: &str = "aiwork/t1_one";

/// A clone that holds t1.
fn holder() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    (world, ann)
}

fn branches(ann: &Repo) -> String {
    ann.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/aitask/"])
}

#[test]
fn status_lock_worktree_and_branch_are_given_back() {
    let (world, ann) = holder();
    let json = ann.aitask(&["drop", "1", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema task unlocked worktree_removed branch_deleted");
    assert_eq!(keys(&json["task"]), FREE);
    let flags = ["unlocked", "worktree_removed", "branch_deleted"].map(|key| json[key].as_bool());
    assert_eq!((flags, &json["task"]["status"]), ([Some(true); 3], &"Ready".into()));
    let file = world.remote_file("main", "aitasks/t1_one.md").unwrap();
    assert!(file.contains("status: Ready\n") && !file.contains("assigned_to"), "{file}");
    assert_eq!((world.locks(), branches(&ann)), (vec![], String::new()));
    assert!(!ann.path(WORK).exists());
}

#[test]
fn of_several_each_is_dropped_by_itself_and_the_worst_exit_code_counts() {
    let (world, ann) = holder();
    ann.task("Two", &[]);
    ann.task("Three", &[]);
    let take = || drop(ann.aitask(&["pick", "--next", "--max", "3"]).ok());
    ann.aitask(&["drop", "1"]).ok();
    take();
    ann.at(WORK).write("open.txt", "mine\n");
    let run = ann.aitask(&["drop", "2", "1", "9", "t2", "3"]).fails(1);
    assert_eq!(run.stdout.lines().filter(|line| line.contains("(dropped, Ready)")).count(), 2, "{run}");
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 2, "{run}");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    ann.aitask(&["drop", "1", "--discard"]).ok();
    take();
    ann.at(WORK).write("open.txt", "mine\n");
    let json = ann.aitask(&["drop", "2", "1", "3", "--json"]).fails(1).json();
    assert_eq!((&json["task"]["id"], &json["more"][0]["task"]["id"]), (&"2".into(), &"3".into()));
    assert_eq!((json["failed"][0]["kind"].as_str(), json["more"].as_array().unwrap().len()), (Some("dirty"), 1));
    let error = ann.aitask(&["drop", "1", "9", "--json"]).fails(1).error()["error"].clone();
    assert_eq!((&error["kind"], error["failed"].as_array().unwrap().len()), (&"dirty".into(), 2));
    ann.aitask(&["drop", "1", "2 x"]).fails(2);
}

#[test]
fn of_several_none_is_tried_after_one_that_could_not_reach_the_remote() {
    let (world, ann) = holder();
    for title in ["Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["pick", "2"]).ok();
    ann.aitask(&["pick", "3"]).ok();
    let url = ann.git(&["remote", "get-url", "origin"]);
    ann.git(&["remote", "set-url", "origin", "file:///nowhere.git"]);
    let run = ann.aitask(&["drop", "1", "2", "3"]).fails(75);
    assert_eq!(run.stderr.matches("error: ").count(), 1, "{run}");
    assert!(run.stderr.contains("; not tried: 2, 3\n"), "{run}");
    let run = ann.aitask(&["drop", "1", "2", "3", "--json"]).fails(75);
    let error = run.error()["error"].clone();
    assert_eq!(error["not_tried"], serde_json::json!(["2", "3"]), "{run}");
    assert_eq!(run.hints()[0], "git remote -v   # check the address");
    ann.git(&["remote", "set-url", "origin", url.trim()]);
    ann.follow(error["hints"].as_array().unwrap().last().unwrap()).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn a_branch_with_commits_stays_and_the_next_pick_goes_on_with_it() {
    let (world, ann) = holder();
    let tip = ann.at(WORK).commit("half of it");
    let run = ann.aitask(&["drop", "1"]).ok();
    run.assert().stdout(contains("its branch aitask/t1_one was pushed; the next pick continues with it"));
    assert!(!ann.path(WORK).exists());
    assert_eq!((branches(&ann).as_str(), world.locks()), ("aitask/t1_one\n", vec![]));
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!(ann.at(WORK).git(&["rev-parse", "HEAD"]).trim(), tip);
    let json = ann.aitask(&["drop", "1", "--json"]).ok().json();
    assert_eq!((&json["branch_kept"], &json["branch_deleted"]), (&"aitask/t1_one".into(), &false.into()));
}

#[test]
fn uncommitted_work_is_refused_and_lost_only_when_told() {
    let (world, ann) = holder();
    for (file, text) in [("untracked.txt", "new\n"), ("README.md", "changed\n")] {
        ann.at(WORK).write(file, text);
        let before = everything(&ann);
        let run = ann.aitask(&["drop", "1", "--json"]).fails(1);
        assert_eq!(run.error()["error"]["kind"], "dirty");
        assert!(run.error()["error"]["message"].as_str().unwrap().contains(file), "{run}");
        assert_eq!((everything(&ann), ann.at(WORK).read(file)), (before, text.to_owned()));
    }
    ann.aitask(&["drop", "1", "--discard"]).ok();
    assert_eq!((ann.path(WORK).exists(), world.locks().len()), (false, 0));
}

#[test]
fn the_refusal_names_discard() {
    let (_, ann) = holder();
    ann.at(WORK).write("untracked.txt", "new\n");
    ann.aitask(&["drop", "1"]).fails(1).assert().stderr(contains("--discard"));
}

#[test]
fn discard_loses_no_commits() {
    let (_, ann) = holder();
    let tip = ann.at(WORK).commit("kept");
    ann.at(WORK).write("untracked.txt", "lost\n");
    ann.aitask(&["drop", "1", "--discard"]).ok();
    assert_eq!(ann.git(&["rev-parse", "aitask/t1_one"]).trim(), tip);
}

#[test]
fn with_another_status() {
    let (world, ann) = holder();
    for bad in ["Done", "Folded", "Implementing", "postponed", ""] {
        ann.aitask(&["drop", "1", "--status", bad]).fails(2);
    }
    let run = ann.aitask(&["drop", "1", "--status", "Postponed"]).ok();
    run.assert().stdout(contains("1  One  (dropped, Postponed)").and(contains("its worktree was removed")));
    assert!(world.remote_file("main", "aitasks/t1_one.md").unwrap().contains("status: Postponed\n"));
}

#[test]
fn what_is_not_ours_is_refused() {
    let (world, ann) = holder();
    let bob = world.initialised("bob");
    let run = bob.aitask(&["drop", "1", "--json"]).fails(1);
    assert_eq!((&run.error()["error"]["kind"], world.locks().len()), (&"not_holder".into(), 1));
    ann.aitask(&["drop", "1"]).ok();
    let again = ann.aitask(&["drop", "1", "--json"]).fails(1);
    assert_eq!(again.error()["error"]["kind"], "not_holder");
    assert_eq!(ann.aitask(&["drop", "9", "--json"]).fails(1).error()["error"]["kind"], "no_such_task");
}

#[test]
fn inside_the_worktree_the_task_may_be_left_out() {
    let (world, ann) = holder();
    ann.at(WORK).write("deep/er/x", "");
    ann.at(WORK).commit("work");
    ann.aitask(&["drop"]).fails(2).assert().stderr(contains("no task is named"));
    let json = ann.at(WORK).at(ann.path("aiwork/t1_one/deep/er")).aitask(&["drop", "--json"]).ok().json();
    assert_eq!((&json["task"]["id"], world.locks().len()), (&"1".into(), 0));
}

#[test]
fn dry_run_changes_nothing() {
    let (_, ann) = holder();
    ann.at(WORK).commit("work");
    let before = everything(&ann);
    let run = ann.aitask(&["drop", "1", "--dry-run"]).ok();
    run.assert()
        .stdout(contains("refs/heads/aitask-locks").and(contains("git push ")).and(contains("git worktree remove ")));
    assert_eq!(everything(&ann), before);
}

#[test]
fn the_work_of_the_user_in_the_main_checkout_survives() {
    let (_, ann) = holder();
    ann.write("README.md", "half done\n");
    ann.write("mine.txt", "mine\n");
    ann.aitask(&["drop", "1"]).ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\n?? mine.txt\n");
    assert_eq!(ann.read("README.md"), "half done\n");
}

#[test]
fn without_a_remote_and_on_a_data_branch() {
    let world = World::new();
    for ann in [local(), on_data_branch(&world, "ann")] {
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let before = everything(&ann);
        ann.aitask(&["drop", "1", "--dry-run"]).ok();
        assert_eq!(everything(&ann), before);
        ann.aitask(&["drop", "1"]).ok();
        assert!(ann.read("aitasks/t1_one.md").contains("status: Ready\n"));
        assert_eq!((ann.aitask(&["locks"]).ok().stdout, branches(&ann)), (String::new(), String::new()));
    }
}

#[test]
fn a_task_without_a_worktree() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let json = ann.aitask(&["drop", "1", "--json"]).ok().json();
    let flags = ["unlocked", "worktree_removed", "branch_deleted"].map(|key| json[key].as_bool().unwrap());
    assert_eq!(flags, [true, false, false]);
}

#[test]
fn where_the_status_could_not_be_published_it_is_taken_back_here() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    world.protect("main");
    ann.aitask(&["pick", "1"]).ok();
    assert!(ann.read("aitasks/t1_one.md").contains("status: Implementing"));
    ann.aitask(&["drop", "1"]).ok();
    let text = ann.read("aitasks/t1_one.md");
    assert!(text.contains("status: Ready") && !text.contains("assigned_to"), "{text}");
    assert_eq!((ann.git(&["status", "--porcelain"]), world.locks()), (String::new(), vec![]));
}

#[test]
fn a_worktree_that_is_locked_keeps_its_task() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_one");
    work.write("work.txt", "work\n");
    work.commit("the work");
    ann.git(&["worktree", "lock", "aiwork/t1_one"]);
    for line in ["drop 1", "drop 1 --discard", "finish 1"] {
        let args: Vec<_> = line.split(' ').collect();
        let error = ann.aitask(&[&args[..], &["--json"]].concat()).fails(1).error();
        assert_eq!(hints(&error["error"])[0].split(" /").next(), Some("git worktree unlock"), "{line}");
        assert_eq!((world.locks().len(), world.remote_file("main", "work.txt")), (1, None), "{line}");
    }
    ann.git(&["worktree", "unlock", "aiwork/t1_one"]);
    ann.aitask(&["finish", "1"]).ok();
}
