//! What `--fix` leaves alone, and what is no finding while other commands run.

use super::planted::PLANTED;
use super::scene::{WORK, found, kinds, scene, work};
use crate::support::{Repo, When, World, share, wait_for};

/// The task of ann is archived by bob, with all its work landed; a file that git ignores is left in her worktree.
fn ended_elsewhere(world: &World) -> Repo {
    let ann = scene(world);
    ann.write(".git/info/exclude", &(ann.read(".git/info/exclude") + "*.env\n"));
    work(&ann, true);
    ann.at(WORK).write("my.env", "SECRET\n");
    let bob = world.clone("bob");
    bob.aitask(&["archive", "1"]);
    bob.aitask(&["pick", "1", "--steal", "--no-worktree"]);
    bob.aitask(&["archive", "1"]);
    ann
}

#[test]
fn a_worktree_of_an_ended_task_with_ignored_files_is_kept() {
    let world = World::new();
    let ann = ended_elsewhere(&world);
    let dry = ann.aitask(&["doctor", "--fix", "--dry-run", "--json"]).fails(1).json();
    assert!(kinds(&dry["findings"]).contains(&"ignored_files".to_owned()), "{dry}");
    ann.aitask(&["doctor", "--fix"]).fails(1);
    assert_eq!(ann.at(WORK).read("my.env"), "SECRET\n");
    // the command that is named does it
    ann.aitask(&["worktree", "prune"]).ok();
    assert!(!ann.path(WORK).exists());
    ann.aitask(&["doctor", "--fix"]).ok();
}

#[test]
fn what_a_dry_run_did_not_name_is_not_mended() {
    let world = World::new();
    let ann = ended_elsewhere(&world);
    std::fs::remove_file(ann.path(WORK).join("my.env")).unwrap();
    // whether the work has landed is told by this record in part
    ann.write(".git/aitask/held/t1.json", "[");
    ann.write(".git/aitask/held/t2.json", "[");
    ann.write("aiwork/t9_x/.git", "gitdir: /nowhere\n");
    let dry = ann.aitask(&["doctor", "--fix", "--dry-run", "--json"]).fails(1).json();
    let named: Vec<_> = dry["findings"].as_array().unwrap().iter().filter(|it| it["fixable"] == true).collect();
    let fixed = ann.aitask(&["doctor", "--fix", "--json"]).fails(1).json();
    for mended in fixed["mended"].as_array().unwrap() {
        assert!(named.contains(&mended), "{mended}\n{dry}");
    }
    let was_named = named.iter().any(|it| it["kind"] == "worktree_of_ended_task");
    assert_eq!(ann.path(WORK).exists(), !was_named, "{dry}\n{fixed}");
}

#[test]
fn a_lock_and_the_branch_that_can_go_after_it_go_in_one_run() {
    // With work that landed, and without a commit.
    for has_work in [true, false] {
        let world = World::new();
        let ann = scene(&world);
        if has_work {
            work(&ann, true);
        } else {
            std::fs::remove_file(ann.path(WORK).join("open.txt")).unwrap();
        }
        super::scene::rename(&world, "aitasks/t1_one.md", "aitasks/archived/t1_one.md");
        let dry = ann.aitask(&["doctor", "--fix", "--dry-run", "--json"]).fails(1).json();
        let run = ann.aitask(&["doctor", "--fix", "--json"]).ok().json();
        let mended = kinds(&run["mended"]);
        assert_eq!(mended[..2], ["lock_of_ended_task", "worktree_of_ended_task"], "{run}");
        assert_eq!(kinds(&dry["findings"]), mended, "{dry}");
        assert!(!ann.path(WORK).exists() && !ann.path(".git/aitask/held/t1.json").exists());
        assert_eq!((world.locks(), found(&ann)), (vec![], vec![]));
    }
}

#[test]
fn while_another_command_of_the_clone_runs_its_half_done_work_is_no_finding() {
    let world = World::new();
    let ann = scene(&world);
    for planted in PLANTED.iter().filter(|it| ["incomplete_worktree", "unreadable_record"].contains(&it.kind)) {
        (planted.plant)(&world, &ann);
    }
    let holder = ann.start_program("flock", &["-F", ".git/aitask/queue.lock", "sleep", "600"]);
    wait_for("the queue is held", || match ann.run("flock", &["-n", ".git/aitask/queue.lock", "true"]) {
        run if run.code == 0 => Err(run.stdout),
        _ => Ok(()),
    });
    let run = ann.aitask(&["doctor", "--fix", "--json", "--timeout", "4s"]).ok();
    assert_eq!(kinds(&run.json()["findings"]), Vec::<String>::new(), "{run}");
    assert!(run.json()["not_judged"].to_string().contains("another command"), "{run}");
    holder.kill();
    wait_for("the queue is free", || match ann.run("flock", &["-n", ".git/aitask/queue.lock", "true"]) {
        run if run.code == 0 => Ok(()),
        run => Err(run.stdout),
    });
    assert_eq!(found(&ann), ["incomplete_worktree", "unreadable_record"]);
}

#[test]
fn a_diagnosis_makes_no_queue_where_there_is_none_and_does_not_write_to_it() {
    let world = World::new();
    let ann = scene(&world);
    let queue = ann.path(".git/aitask/queue.lock");
    std::fs::write(&queue, "as it was").unwrap();
    ann.aitask(&["doctor", "--offline"]).ok();
    assert_eq!(std::fs::read_to_string(&queue).unwrap(), "as it was");
    std::fs::remove_file(&queue).unwrap();
    ann.aitask(&["doctor", "--offline"]).ok();
    assert!(!queue.exists());
}

#[test]
fn the_holder_of_a_lock_whose_record_is_unreadable_gets_it_back() {
    let world = World::new();
    let ann = scene(&world);
    ann.write(".git/aitask/held/t1.json", "{");
    let run = ann.aitask(&["doctor", "--fix", "--json"]).fails(1);
    let json = run.json();
    assert_eq!((kinds(&json["findings"]), kinds(&json["mended"])), (vec!["unreadable_record".to_owned()], vec![]));
    assert!(json["findings"][0]["cures"][0]["command"].to_string().contains("--steal"), "{run}");
    ann.at(WORK).commit("work");
    ann.aitask(&["pick", "1", "--steal"]).ok();
    assert_eq!(found(&ann), Vec::<String>::new());
    ann.at(WORK).aitask(&["finish"]).ok();
}

#[test]
fn after_a_takeover_the_record_goes_once_worktree_and_branch_have_gone() {
    let world = World::new();
    let ann = scene(&world);
    world.clone("bob").aitask(&["pick", "1", "--steal", "--no-worktree"]).ok();
    ann.aitask(&["doctor", "--fix"]).fails(1);
    assert!(ann.path(".git/aitask/held/t1.json").exists());
    std::fs::remove_file(ann.path(WORK).join("open.txt")).unwrap();
    ann.git(&["worktree", "remove", WORK]);
    ann.git(&["branch", "-qD", "aitask/t1_one"]);
    let json = ann.aitask(&["doctor", "--fix", "--json"]).ok().json();
    assert_eq!(kinds(&json["mended"]), ["record_of_other_lock"]);
    assert_eq!(found(&ann), Vec::<String>::new());
}

#[test]
fn a_forgotten_worktree_has_its_files_after_a_kill_at_any_call() {
    let forgotten = PLANTED.iter().find(|it| it.kind == "forgotten_worktree").unwrap();
    for k in share(4..20) {
        let world = World::new();
        let ann = scene(&world);
        let there = ann.at(WORK);
        there.write("gone.txt", "deleted later\n");
        there.commit("gone");
        std::fs::remove_file(ann.path(WORK).join("gone.txt")).unwrap();
        there.write("new.txt", "mine\n");
        (forgotten.plant)(&world, &ann);
        ann.killed_at(k, When::After, &["doctor", "--fix"]);
        ann.aitask(&["doctor", "--fix"]);
        // what the first one left may hide something from the second
        ann.aitask(&["doctor", "--fix"]).ok();
        assert_eq!(there.git(&["status", "--porcelain"]), " D gone.txt\n?? new.txt\n", "killed at call {k}");
    }
}

#[test]
fn a_held_task_whose_worktree_was_deleted_gets_it_back_by_the_command_that_is_named() {
    let world = World::new();
    let ann = scene(&world);
    std::fs::remove_dir_all(ann.path(WORK)).unwrap();
    let json = ann.aitask(&["doctor", "--json"]).fails(1).json();
    assert_eq!(kinds(&json["findings"]), ["missing_worktree"]);
    ann.follow(&json["findings"][0]["cures"][0]).ok();
    assert!(ann.path(WORK).is_dir());
    ann.aitask(&["doctor"]).ok();
}
