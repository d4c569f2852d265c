//! Another remote that has the coordination branches.

use crate::support::{Repo, World, share};

/// Ann holds t1 at the hub; bob's origin is a fork with the code alone.
fn fork() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    world.git(&["clone", "-q", "--bare", "--single-branch", "--branch", "main", "origin.git", "fork.git"]);
    let bob = world.clone("bob");
    bob.git(&["remote", "set-url", "origin", &world.root().join("fork.git").display().to_string()]);
    bob.git(&["fetch", "-q", "--prune"]);
    bob.git(&["remote", "add", "upstream", world.origin().to_str().unwrap()]);
    (world, bob)
}

fn branches(world: &World) -> String {
    world.git(&["--git-dir=fork.git", "for-each-ref", "--format=%(refname)"])
}

#[track_caller]
fn refused(bob: &Repo, args: &[&str], code: i32) {
    let run = bob.aitask(args).fails(code);
    for word in ["the remote upstream", "git config aitask.remote upstream", "git aitask init --remote origin"] {
        assert!(run.stderr.contains(word), "{word}\n{run}");
    }
}

#[test]
fn a_fork_gets_no_second_set_beside_the_one_of_upstream() {
    for fetched in share([true, false]) {
        let (world, bob) = fork();
        if fetched {
            bob.git(&["fetch", "-q", "upstream"]);
        }
        let before = branches(&world);
        refused(&bob, &["init"], 2);
        refused(&bob, &["init", "--data-branch"], 2);
        assert_eq!(branches(&world), before);
        bob.git(&["config", "aitask.remote", "upstream"]);
        bob.git(&["fetch", "-q", "upstream"]);
        bob.git(&["merge", "-q", "--ff-only", "upstream/main"]);
        bob.aitask(&["init"]).ok();
        bob.aitask(&["pick", "1"]).fails(1);
        assert_eq!(branches(&world), before);
    }
}

#[test]
fn verbs_name_the_remote_that_has_a_set() {
    let (_world, bob) = fork();
    bob.git(&["fetch", "-q", "upstream"]);
    refused(&bob, &["pick", "1"], 1);
    refused(&bob, &["new", "x"], 1);
}

#[test]
fn a_set_of_its_own_is_made_where_the_remote_is_named() {
    let (world, bob) = fork();
    bob.aitask(&["init", "--remote", "origin"]).ok();
    assert!(branches(&world).contains("aitask-locks"));
    bob.aitask(&["new", "x"]).ok();
    bob.git(&["fetch", "-q", "upstream"]);
    let run = bob.aitask(&["init"]).ok();
    assert!(run.stdout.contains("the remote upstream has coordination branches, too"), "{run}");
}

#[test]
fn a_remote_that_cannot_be_asked_is_not_taken_for_one_without() {
    let (world, bob) = fork();
    bob.git(&["remote", "set-url", "upstream", "/nowhere.git"]);
    let before = branches(&world);
    let run = bob.aitask(&["init", "--timeout", "5s"]).fails(75);
    assert!(run.stderr.contains("cannot tell whether the remote upstream"), "{run}");
    assert_eq!(branches(&world), before);
    bob.aitask(&["init", "--remote", "origin"]).ok();
}

#[test]
fn another_remote_without_a_set_is_no_obstacle() {
    let (world, bob) = fork();
    world.git(&["init", "-q", "--bare", "backup.git"]);
    bob.git(&["remote", "set-url", "upstream", "../backup.git"]);
    bob.aitask(&["init"]).ok();
}

#[test]
fn the_scripts_begin_one_on_origin_and_warn() {
    let (world, bob) = fork();
    bob.git(&["fetch", "-q", "upstream"]);
    let run = bob.script("aitask_lock.sh", &["--init"]).ok();
    assert!(run.stderr.contains("'upstream' has a lock branch"), "{run}");
    assert!(branches(&world).contains("aitask-locks"));
}

#[test]
fn an_edit_makes_no_lock_branch() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-locks"]);
    let cid = world.clone("cid");
    for change in [["--status", "Editing"], ["--assign", "cid@example.com"], ["--priority", "high"]] {
        cid.aitask(&[&["edit", "1"][..], &change].concat()).ok();
        assert_eq!(world.remote_branch("aitask-locks"), None);
    }
}
