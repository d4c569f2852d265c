//! The branch that a task branch is cut from, and goes to, where the one that it should be is over.

use super::init::{local, on_data_branch};
use crate::support::{Repo, Run, World};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

fn error(run: &Run) -> Value {
    run.error()["error"].clone()
}

/// Commits a file in a folder.
fn work(ann: &Repo, dir: &str, file: &str) -> String {
    ann.at(dir).write(file, "work\n");
    ann.at(dir).commit(file)
}

/// A clone with two tasks, whose main checkout was left on the branch of the first one, which is finished.
fn left_on_the_branch(ann: &Repo) {
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["switch", "-q", "-c", "aitask/t1_one"]);
    work(ann, "", "one.txt");
    // while it is held, too
    let planned = ann.aitask(&["pick", "2", "--dry-run", "--json"]).ok().json();
    assert_eq!(planned["worktree"]["base"], "main");
    ann.aitask(&["finish", "1"]).ok().assert().stdout(contains("next: git switch main"));
}

#[test]
fn after_work_in_the_main_checkout_the_next_task_is_neither_cut_from_nor_merged_into_the_finished_branch() {
    let world = World::new();
    let ann = world.initialised("ann");
    left_on_the_branch(&ann);
    let doctor = ann.aitask(&["doctor"]).fails(1);
    assert!(doctor.stdout.contains("its work is in main") && doctor.stdout.contains("git switch main"), "{doctor}");
    assert_eq!(ann.aitask(&["pick", "2", "--json"]).ok().json()["worktree"]["base"], "main");
    work(&ann, "aiwork/t2_two", "two.txt");
    assert_eq!(ann.aitask(&["finish", "2", "--json"]).ok().json()["merged"]["into"], "main");
    assert!(world.remote_file("main", "two.txt").is_some() && world.remote_branch("aitask/t1_one").is_none());
    // likewise without a worktree
    ann.task("Three", &[]);
    ann.aitask(&["pick", "3", "--no-worktree"]).ok();
    ann.git(&["switch", "-q", "-c", "aitask/t3_three"]);
    work(&ann, "", "three.txt");
    ann.aitask(&["finish", "3"]).ok();
    assert!(world.remote_file("main", "three.txt").is_some());
    ann.git(&["switch", "-q", "main"]);
    assert!(!ann.aitask(&["doctor"]).stdout.contains("still on it"));
}

#[test]
fn without_a_remote_nothing_is_cut_from_the_branch_of_another_task_unasked() {
    let ann = local();
    left_on_the_branch(&ann);
    let refused = ann.aitask(&["pick", "2", "--json"]).fails(128);
    assert!(error(&refused)["message"].as_str().unwrap().contains("aitask/t1_one, which is the branch of a task"));
    ann.aitask(&["pick", "2", "--base", "main"]).ok();
    assert!(ann.path("aiwork/t2_two/one.txt").exists());
}

#[test]
fn after_the_default_branch_was_renamed_on_the_server_pick_cuts_from_the_new_one() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["pick", "1"]).ok();
    work(&ann, "aiwork/t1_one", "one.txt");
    ann.aitask(&["pick", "2"]).ok();
    work(&ann, "aiwork/t2_two", "two.txt");
    world.git(&["--git-dir=origin.git", "branch", "-m", "main", "trunk"]);
    let note = "main is gone from the remote, and trunk is its default branch and continues it";
    ann.aitask(&["finish", "1"]).ok().assert().stdout(contains(note));
    let picked = ann.aitask(&["pick", "3"]).ok();
    picked.assert().stdout(contains(note).and(contains("cut from trunk")));
    assert!(ann.path("aiwork/t3_three/one.txt").exists());
    // what was cut before, when nothing of the old branch is known any more
    ann.git(&["fetch", "-q", "--prune"]);
    ann.aitask(&["finish", "2"]).ok().assert().stdout(contains(note));
    let findings = ann.aitask(&["doctor", "--json"]).fails(1).json()["findings"].clone();
    assert_eq!(findings[0]["kind"], "renamed_branch", "{findings}");
    ann.follow(&findings[0]["cures"][0]).ok();
    ann.aitask(&["doctor"]).ok();
    work(&ann, "aiwork/t3_three", "three.txt");
    ann.aitask(&["finish", "3"]).ok();
    assert!(["two.txt", "three.txt"].iter().all(|file| world.remote_file("trunk", file).is_some()));
    assert_eq!(world.remote_branch("main"), None);
}

#[test]
fn a_task_that_was_cut_from_one_that_landed_as_one_commit_brings_only_its_own_commits() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1"]).ok();
    work(&ann, "aiwork/t1_one", "one.txt");
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    ann.aitask(&["pick", "2", "--base", "aitask/t1_one"]).ok();
    work(&ann, "aiwork/t2_two", "two.txt");
    let bob = world.clone("bob");
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    bob.commit("One (#1)");
    bob.write("one.txt", "work\nlater\n");
    bob.commit("later");
    bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
    ann.aitask(&["finish", "1"]).ok();
    let refused = error(&ann.aitask(&["finish", "2", "--json"]).fails(1));
    let conflict = error(&ann.aitask(&["finish", "2", "--into", "main", "--json"]).fails(1));
    let rebase = |error: &Value| error["hints"][0]["command"].to_string();
    assert!(rebase(&refused).contains(r#""rebase","--onto","origin/main""#), "{refused}");
    assert_eq!(rebase(&refused), rebase(&conflict), "{conflict}");
    for hint in refused["hints"].as_array().unwrap().iter().take(2) {
        ann.follow(hint).ok();
    }
    assert_eq!(world.remote_file("main", "one.txt").as_deref(), Some("work\nlater\n"));
    assert!(world.remote_file("main", "two.txt").is_some());
}

#[test]
fn a_dry_run_shows_the_command_that_the_run_starts_where_the_local_main_is_old() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    work(&bob, "", "more.txt");
    bob.git(&["push", "-q"]);
    ann.git(&["fetch", "-q"]);
    let run = ann.aitask(&["pick", "1", "--dry-run"]).ok();
    let tip = world.remote_branch("main").unwrap();
    assert!(run.stdout.contains(&format!("/aiwork/t1_one {tip}\n")), "{run}");
    let (_, commands) = ann.git_commands(&["pick", "1"]);
    let added = commands.iter().find(|command| command.starts_with("worktree add")).unwrap();
    assert!(added.ends_with("<oid>"), "{added}");
}
