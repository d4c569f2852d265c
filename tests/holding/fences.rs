//! A takeover that is published while the server still looks at the push of the former holder: that push must not land.

use super::{is_in, kind, worked};
use crate::support::{World, sh_wait_for_file, share, wait_for_file};

/// Makes the server hold the next push that changes `branch` until [`let_go`].
fn hold(world: &World, branch: &str) {
    let root = world.root();
    for file in ["held", "go"] {
        let _ = std::fs::remove_file(root.join(file));
    }
    let (path, wait) = (root.display(), sh_wait_for_file(&root.join("go")));
    let hook = format!(
        "#!/bin/sh\nin=$(cat)\ncase $in in *refs/heads/{branch}*) ;; *) exit 0 ;; esac\n\
         rm '{path}/armed' 2>/dev/null || exit 0\n: >'{path}/held'\n{wait}\n"
    );
    world.script(&world.origin().join("hooks/pre-receive"), &hook);
    std::fs::write(root.join("armed"), "").unwrap();
}

fn wait_until_held(world: &World) {
    wait_for_file(&world.root().join("held"));
}

fn let_go(world: &World) {
    std::fs::write(world.root().join("go"), "").unwrap();
}

#[test]
fn a_push_of_a_former_holder_fails_when_the_takeover_lands_during_the_hook_of_the_server() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
    for (branch, args) in share([
        ("main", &["finish"][..]),
        ("main", &["finish", "--no-archive"]),
        ("main", &["finish", "--squash", "--no-archive"]),
        ("aitask/", &["finish", "--no-push"]),
        ("main", &["drop"]),
        ("main", &["archive"]),
        ("aitask-locks", &["unlock"]),
        ("main", &["edit", "--status", "Postponed"]),
    ]) {
        let id = ann.task("One", &[]);
        ann.aitask(&["pick", &id]).ok();
        let there = ann.at(format!("aiwork/t{id}_one"));
        there.write(&format!("work{id}.txt"), "work\n");
        let work = there.commit("work");
        hold(&world, branch);
        let running = ann.start(&[&args[..1], &[&id, "--json"], &args[1..]].concat());
        wait_until_held(&world);
        bob.aitask(&["pick", &id, "--steal", "--no-worktree"]).ok();
        let_go(&world);
        let run = running.wait().fails(1);
        assert_eq!(kind(&run), "not_holder", "{args:?}\n{run}");
        assert!(!is_in(&world, &work, "main"), "{args:?}");
        assert_eq!(world.remote_branch(&format!("aitask/t{id}_one")), None, "{args:?}");
        let task = world.remote_file("main", &format!("aitasks/t{id}_one.md")).unwrap();
        assert!(task.contains("status: Implementing") && task.contains("assigned_to: bob@example.com"), "{args:?}");
        assert!(world.locks().contains(&format!("t{id}_lock.yaml")), "{args:?}");
    }
}

#[test]
fn archiving_fails_when_the_task_is_locked_meanwhile() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
    ann.task("One", &[]);
    bob.git(&["fetch", "-q"]);
    hold(&world, "main");
    let running = ann.start(&["archive", "1", "--json"]);
    wait_until_held(&world);
    bob.aitask(&["lock", "1"]).ok();
    let_go(&world);
    assert_eq!(kind(&running.wait().fails(1)), "not_holder");
    assert!(world.remote_file("main", "aitasks/t1_one.md").is_some());
}

#[test]
fn a_status_is_changed_by_the_holder_alone() {
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
fn a_file_without_a_header_is_edited_by_the_holder_alone() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.clone("bob"));
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
fn a_task_that_another_took_on_the_way_to_the_next_one_leaves_no_record() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.clone("bob"));
    for title in ["One", "Two"] {
        ann.task(title, &[]);
    }
    hold(&world, "aitask-locks");
    let running = ann.start(&["pick", "--next", "--no-worktree", "--json"]);
    wait_until_held(&world);
    bob.aitask(&["pick", "1", "--no-worktree"]).ok();
    let_go(&world);
    running.wait().ok();
    let held: Vec<_> =
        ann.path(".git/aitask/held").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(held, ["t2.json"]);
}
