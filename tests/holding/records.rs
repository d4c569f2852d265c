//! What this clone notes of a task it holds must outlive whatever comes between taking and finishing it.

use super::{WORK, committed, killed_after_push, kind, worked};
use crate::support::{Repo, Sleeper, World, share};

/// A clone with t1 and a published branch `develop` that has a commit of its own.
fn developing() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.git(&["switch", "-q", "-c", "develop"]);
    ann.write("develop.txt", "develop\n");
    ann.commit("develop");
    ann.git(&["push", "-q", "-u", "origin", "develop"]);
    ann.git(&["switch", "-q", "main"]);
    (world, ann)
}

/// The remote is away meanwhile.
fn offline<T>(world: &World, work: impl FnOnce() -> T) -> T {
    let away = world.root().join("away.git");
    std::fs::rename(world.origin(), &away).unwrap();
    let done = work();
    std::fs::rename(&away, world.origin()).unwrap();
    done
}

/// Commits `work.txt`, finishes, and fails unless it landed in `develop` alone.
#[track_caller]
fn finishes_into_develop(world: &World, ann: &Repo) {
    committed(ann, "work.txt");
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("develop", "work.txt").is_some());
    assert_eq!(world.remote_file("main", "work.txt"), None);
}

#[test]
fn a_pick_of_a_held_task_keeps_the_record_of_what_was_pushed() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["pick", "1"]).ok();
    committed(&ann, "work.txt");
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    assert_eq!(ann.aitask(&["pick", "1", "--json"]).ok().json()["took"], "mine");
    ann.at(WORK).git(&["commit", "-q", "--amend", "-m", "better"]);
    ann.aitask(&["finish", "1", "--no-push"]).ok();
}

#[test]
fn a_lock_of_a_held_task_keeps_its_base() {
    let (world, ann) = developing();
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    ann.aitask(&["pick", "1", "--base", "develop"]).ok();
    ann.aitask(&["lock", "1"]).ok();
    finishes_into_develop(&world, &ann);
}

#[test]
fn a_pick_that_fails_keeps_the_base_of_the_held_task() {
    for again in share(["pick", "lock"]) {
        let (world, ann) = developing();
        let dead = Sleeper::new();
        ann.env("AIT_AGENT_PID", dead.pid()).aitask(&["pick", "1", "--base", "develop"]).ok();
        dead.die();
        offline(&world, || ann.aitask(&[again, "1"]).fails(75));
        ann.aitask(&["pick", "1"]).ok();
        finishes_into_develop(&world, &ann);
    }
}

#[test]
fn a_takeover_that_fails_keeps_the_record_of_the_former_holder() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    offline(&world, || ann.aitask(&["pick", "1", "--steal"]).fails(75));
    let refused = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&refused), "not_holder");
    assert!(refused.error()["error"]["message"].as_str().unwrap().contains("was taken over"), "{refused}");
    bob.aitask(&["drop", "1"]).ok();
}

#[test]
fn work_that_had_landed_before_a_takeover_stands_for_no_later_work() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "--no-archive"]).ok();
    let held = ann.read(".git/aitask/held/t1.json");
    assert!(held.contains("\"merged\":true"), "{held}");
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    ann.aitask(&["list", "--fetch"]).ok();
    ann.aitask(&["pick", "1", "--steal", "--no-worktree"]).ok();
    let held = ann.read(".git/aitask/held/t1.json");
    assert!(held.contains("\"merged\":false"), "{held}");
}

#[test]
fn pick_next_takes_no_second_task_after_a_power_cut() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[("priority", "low")]);
    ann.task("Two", &[]);
    assert_eq!(killed_after_push(&ann).aitask(&["pick", "1", "--no-worktree"]).signal, Some(9));
    // The machine was started again since.
    let record = ann.read(".git/aitask/held/t1.json");
    let mut held: serde_json::Value = serde_json::from_str(&record).unwrap();
    held["taking"]["world"]["boot"] = "00000000-0000-4000-8000-000000000000".into();
    ann.write(".git/aitask/held/t1.json", &held.to_string());
    assert_eq!(ann.aitask(&["pick", "--next", "--no-worktree", "--json"]).ok().json()["task"]["id"], "1");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
}

#[test]
fn a_cut_off_taking_of_another_pid_namespace_may_be_under_way() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    assert_eq!(killed_after_push(&ann).aitask(&["pick", "1", "--no-worktree"]).signal, Some(9));
    let record = ann.read(".git/aitask/held/t1.json");
    let mut held: serde_json::Value = serde_json::from_str(&record).unwrap();
    held["taking"]["world"]["namespace"] = "4026539999".into();
    ann.write(".git/aitask/held/t1.json", &held.to_string());
    assert_eq!(ann.aitask(&["pick", "--next", "--no-worktree", "--json"]).ok().json()["task"]["id"], "2");
}
