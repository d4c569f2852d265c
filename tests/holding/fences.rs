//! A takeover that is published while the server still looks at the push of the former holder: that push must not land.

use super::{WORK, is_in, kind, worked};
use crate::support::{Repo, Running, World};
use std::time::{Duration, Instant};

/// Makes the server hold the next push that changes `branch` until a file appears.
fn hold(world: &World, branch: &str) {
    let (origin, root) = (world.origin(), world.root().display().to_string());
    let hook = format!(
        "#!/bin/sh\nin=$(cat)\ncase $in in *refs/heads/{branch}*) ;; *) exit 0 ;; esac\n\
         rm '{root}/armed' 2>/dev/null || exit 0\n: >'{root}/held'\n\
         n=0; until [ -e '{root}/go' ] || [ $n -ge 1500 ]; do sleep 0.02; n=$((n + 1)); done\n"
    );
    world.script(&origin.join("hooks/pre-receive"), &hook);
    std::fs::write(world.root().join("armed"), "").unwrap();
}

fn wait_until_held(world: &World) {
    let until = Instant::now() + Duration::from_secs(30);
    while !world.root().join("held").exists() {
        assert!(Instant::now() < until, "the push never reached the server");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `args` by Ann, takes t1 over by Bob while the server holds her push, and lets it go on.
fn raced(world: &World, ann: &Repo, bob: &Repo, branch: &str, args: &[&str]) -> crate::support::Run {
    hold(world, branch);
    let running: Running = ann.start(args);
    wait_until_held(world);
    bob.aitask(&["pick", "1", "--steal", "--no-worktree"]).ok();
    std::fs::write(world.root().join("go"), "").unwrap();
    running.wait()
}

#[test]
fn a_former_holder_landed_while_the_hook_of_the_server_ran() {
    for (branch, args) in [
        ("main", &["finish", "1", "--json"][..]),
        ("main", &["finish", "1", "--no-archive", "--json"]),
        ("main", &["finish", "1", "--squash", "--no-archive", "--json"]),
        ("aitask/t1_one", &["finish", "1", "--no-push", "--json"]),
        ("main", &["drop", "1", "--json"]),
        ("main", &["archive", "1", "--json"]),
        ("aitask-locks", &["unlock", "1", "--json"]),
        ("main", &["edit", "1", "--status", "Postponed", "--json"]),
    ] {
        let (world, ann) = worked();
        let bob = world.clone("bob");
        let work = ann.at(WORK).git(&["rev-parse", "HEAD"]).trim().to_owned();
        let run = raced(&world, &ann, &bob, branch, args).fails(1);
        assert_eq!(kind(&run), "not_holder", "{args:?}\n{run}");
        assert!(!is_in(&world, &work, "main"), "{args:?}");
        assert_eq!(world.remote_branch("aitask/t1_one"), None, "{args:?}");
        let task = world.remote_file("main", "aitasks/t1_one.md").unwrap();
        assert!(task.contains("status: Implementing") && task.contains("assigned_to: bob@example.com"), "{args:?}");
        assert_eq!(world.locks(), ["t1_lock.yaml"]);
    }
}

#[test]
fn a_task_was_locked_while_it_was_archived() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.git(&["fetch", "-q"]);
    hold(&world, "main");
    let running = ann.start(&["archive", "1", "--json"]);
    wait_until_held(&world);
    bob.aitask(&["lock", "1"]).ok();
    std::fs::write(world.root().join("go"), "").unwrap();
    assert_eq!(kind(&running.wait().fails(1)), "not_holder");
    assert!(world.remote_file("main", "aitasks/t1_one.md").is_some());
}

#[test]
fn a_status_was_changed_by_somebody_who_does_not_hold_the_task() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    let before = world.remote_branch("main");
    for change in [["--status", "Ready"], ["--status", "Done"]] {
        let run = bob.aitask(&["edit", "1", change[0], change[1], "--json"]).fails(1);
        assert_eq!(kind(&run), "not_holder", "{run}");
    }
    assert_eq!(world.remote_branch("main"), before);
    bob.aitask(&["edit", "1", "--priority", "high"]).ok();
    ann.aitask(&["edit", "1", "--status", "Editing"]).ok();
    assert!(world.remote_file("main", "aitasks/t1_one.md").unwrap().contains("status: Editing"));
}

#[test]
fn a_file_without_a_header_was_edited_past_its_lock() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    ann.task("One", &[]);
    ann.git(&["pull", "-q", "--rebase"]);
    ann.write("aitasks/t1_one.md", "Only text.\n");
    ann.git(&["commit", "-qam", "Text alone"]);
    ann.git(&["push", "-q"]);
    ann.aitask(&["lock", "1"]).ok();
    let before = world.remote_branch("main");
    let run = bob.aitask(&["edit", "1", "--priority", "high", "--json"]).fails(1);
    assert_eq!(kind(&run), "not_holder", "{run}");
    assert_eq!(world.remote_branch("main"), before);
    ann.aitask(&["edit", "1", "--priority", "high"]).ok();
    assert!(world.remote_file("main", "aitasks/t1_one.md").unwrap().contains("priority: high"));
}

#[test]
fn a_task_lost_on_the_way_to_the_next_one_was_called_taken_over() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    for title in ["One", "Two"] {
        ann.task(title, &[]);
    }
    hold(&world, "aitask-locks");
    let running = ann.start(&["pick", "--next", "--no-worktree", "--json"]);
    wait_until_held(&world);
    bob.aitask(&["pick", "1", "--no-worktree"]).ok();
    std::fs::write(world.root().join("go"), "").unwrap();
    running.wait().ok();
    let held: Vec<_> =
        ann.path(".git/aitask/held").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(held, ["t2.json"]);
}
