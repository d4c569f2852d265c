//! Connections that break off: before the push, after it, and for good.

use super::{kind, run, scene, status_of, tasks, work_on};
use crate::support::First;

/// Runs each verb with its first push broken, and sees that it is done once.
fn each_verb(first: First) {
    let (world, ann) = scene(3);
    let commits = |branch: &str| {
        world.git(&["--git-dir=origin.git", "rev-list", "--count", branch]).trim().parse::<usize>().unwrap()
    };
    let once = |line: &str, (locks, main, ids): (usize, usize, usize)| {
        let before = [commits("aitask-locks"), commits("main"), commits("aitask-ids")];
        let run = run(&ann.with_broken_push(first), line).ok();
        let after = [commits("aitask-locks"), commits("main"), commits("aitask-ids")];
        let made = [after[0] - before[0], after[1] - before[1], after[2] - before[2]];
        assert_eq!(made, [locks, main, ids], "commits on locks, main and ids\n{run}");
        assert_eq!(ann.git(&["status", "--porcelain"]), "", "{run}");
    };
    once("new job4", (0, 1, 1));
    assert_eq!(tasks(&world), 4);
    once("lock 1", (1, 0, 0));
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    once("unlock 1", (1, 0, 0));
    once("pick 1", (1, 1, 0));
    assert_eq!((world.locks().len(), status_of(&world, 1)), (1, "Implementing".into()));
    assert!(ann.path("aiwork/t1_job1/README.md").is_file());
    once("drop 1", (1, 1, 0));
    assert_eq!((world.locks().len(), status_of(&world, 1)), (0, "Ready".into()));
    assert!(!ann.path("aiwork/t1_job1").exists());
    work_on(&ann, 2);
    // the work, its merge, the archive
    once("finish 2", (1, 3, 0));
    assert!(world.remote_file("main", "work/2").is_some() && world.locks().is_empty());
    assert!(!ann.path("aiwork/t2_job2").exists());
    assert_eq!(tasks(&world), 3);
}

#[test]
fn accepted_and_reported_failed_is_recognised() {
    each_verb(First::Lands);
}

#[test]
fn what_a_hook_of_the_server_says_is_no_sign_that_nothing_was_sent() {
    each_verb(First::LandsAndTalks);
}

#[test]
fn failed_without_landing_is_tried_again() {
    each_verb(First::Fails);
}

#[test]
fn with_the_remote_gone_it_is_unknown_and_the_same_command_finishes() {
    let (world, ann) = scene(2);
    let cut_off = |line: &str| {
        let cut = run(&ann.with_broken_push(First::LandsAndGoes), &format!("{line} --json")).fails(75);
        assert_eq!(kind(&cut), "unknown", "{cut}");
        ann.bring_remote_back();
        run(&ann, line).ok();
    };
    cut_off("lock 1");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    cut_off("unlock 1");
    assert_eq!(world.locks(), Vec::<String>::new());
    cut_off("pick 1");
    assert_eq!((world.locks().len(), status_of(&world, 1)), (1, "Implementing".into()));
    assert!(ann.path("aiwork/t1_job1/README.md").is_file());
    cut_off("drop 1");
    assert_eq!((world.locks().len(), status_of(&world, 1)), (0, "Ready".into()));
    assert!(!ann.path("aiwork/t1_job1").exists());
    work_on(&ann, 2);
    cut_off("finish 2");
    assert!(world.remote_file("main", "work/2").is_some() && world.locks().is_empty());
    assert!(!ann.path("aiwork/t2_job2").exists());
    assert_eq!(ann.git(&["for-each-ref", "refs/heads/aitask/"]), "");
}

#[test]
fn new_with_the_remote_gone_makes_one_task_in_all() {
    let (world, ann) = scene(0);
    let cut = run(&ann.with_broken_push(First::LandsAndGoes), "new job1 --json").fails(75);
    assert_eq!(kind(&cut), "unknown", "{cut}");
    ann.bring_remote_back();
    run(&ann, "new job1").ok();
    assert_eq!(tasks(&world), 1, "{:?}\n{cut}", world.remote_files("main"));
}
