//! Servers and hooks that say no.

use super::{kind, message, published, run, scene, status_of, work_on};
use crate::support::World;

/// The server refuses every push with `branch` in it, all refs of it, as its rule runs before anything is taken.
fn pre_receive_refuses(world: &World, branch: &str) {
    let text = format!("#!/bin/sh\nif grep -q refs/heads/{branch}; then echo 'not that one' >&2; exit 1; fi\n");
    world.script(&world.origin().join("hooks/pre-receive"), &text);
}

#[test]
fn locks_refused_is_denied_at_once() {
    let (world, ann) = scene(2);
    ann.count_connections();
    pre_receive_refuses(&world, "aitask-locks");
    let before = published(&world);
    for line in ["pick 1 --json", "lock 1 --json", "pick --next --json"] {
        let refused = run(&ann, line).fails(1);
        assert_eq!(kind(&refused), "denied", "{refused}");
        assert!(message(&refused).contains("aitask-locks"), "{refused}");
        assert!(!refused.stderr.to_lowercase().contains("race"), "{refused}");
        // a step that works, also for who may only read, and who can help
        let hints = refused.hints();
        assert_eq!(hints[0], "git aitask list   # reading needs no leave to push");
        assert!(hints[1].contains("ask who runs it for leave to push"), "{refused}");
        let seen = ann.connections();
        assert!(seen.len() <= 2, "{seen:?}\n{refused}");
        assert_eq!(published(&world), before);
        assert!(!ann.path("aiwork").exists());
        assert_eq!(ann.git(&["status", "--porcelain"]), "");
        assert_eq!(ann.git(&["rev-parse", "main"]), ann.git(&["rev-parse", "origin/main"]));
    }
}

/// What `pick` does where `main`, which carries the task data, is protected.
fn pick_takes_the_lock_alone(protect: impl Fn(&World)) {
    let (world, ann) = scene(1);
    protect(&world);
    let main = world.remote_branch("main");
    let picked = run(&ann, "pick 1").ok();
    assert!(picked.to_string().contains("git aitask init --data-branch"), "{picked}");
    assert_eq!((world.locks(), world.remote_branch("main")), (vec!["t1_lock.yaml".to_owned()], main));
    assert_eq!(ann.git(&["show", "main:aitasks/t1_job1.md"]).matches("status: Implementing").count(), 1);
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert!(ann.path("aiwork/t1_job1").is_dir());
    let bob = run(&world.clone("bob"), "pick 1 --json").fails(1);
    assert_eq!(kind(&bob), "held", "{bob}");
}

#[test]
fn main_protected_by_a_rule_for_the_branch() {
    pick_takes_the_lock_alone(|world| world.protect("main"));
}

#[test]
fn main_protected_by_a_rule_that_refuses_the_whole_push() {
    pick_takes_the_lock_alone(|world| pre_receive_refuses(world, "main"));
}

/// A person with work on task 1, and `main` protected on the server, except for whoever merges on the server.
fn protected_output() -> (World, crate::support::Repo) {
    let (world, ann) = scene(1);
    work_on(&ann, 1);
    world.protect("main");
    (world, ann)
}

#[test]
fn finish_into_a_protected_branch_lands_nothing() {
    let (world, ann) = protected_output();
    let before = published(&world);
    let refused = run(&ann, "finish 1 --json").fails(1);
    assert_eq!(kind(&refused), "denied", "{refused}");
    assert!(refused.stderr.contains("--no-push"), "{refused}");
    assert_eq!(published(&world), before);
    assert!(ann.path("aiwork/t1_job1/work/1").is_file());
    assert_eq!(ann.git(&["rev-parse", "main"]), ann.git(&["rev-parse", "origin/main"]));
}

/// `finish --no-push`, a merge on the server by somebody else, and `finish` again.
fn merged_by_somebody_else(merge: &[&str]) {
    let (world, ann) = protected_output();
    run(&ann, "finish 1 --no-push").ok();
    assert!(world.remote_branch("aitask/t1_job1").is_some());
    assert_eq!((world.locks().len(), status_of(&world, 1)), (1, "Implementing".into()));
    assert!(ann.path("aiwork/t1_job1/work/1").is_file());

    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    let bob = world.clone("bob");
    bob.git(&["fetch", "--quiet"]);
    bob.git(&[&["merge", "--quiet"], merge, &["origin/aitask/t1_job1"]].concat());
    bob.commit("pull request 1");
    bob.git(&["push", "--quiet"]);

    let finished = run(&ann, "finish 1 --json").ok();
    let answer = finished.json();
    assert_eq!((&answer["unlocked"], &answer["worktree_removed"]), (&true.into(), &true.into()), "{finished}");
    assert_eq!(world.locks(), Vec::<String>::new());
    assert!(world.remote_file("main", "aitasks/archived/t1_job1.md").is_some());
    assert!(!ann.path("aiwork/t1_job1").exists(), "{finished}");
    assert_eq!(ann.git(&["for-each-ref", "refs/heads/aitask/"]), "", "{finished}");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    let merges = world.git(&["--git-dir=origin.git", "log", "--format=%s", "main"]);
    assert!(!merges.contains("Merge branch 'aitask/t1_job1'"), "it was merged twice:\n{merges}");
}

#[test]
fn a_later_finish_notices_the_merge() {
    merged_by_somebody_else(&["--no-ff", "-m", "merged on the server"]);
}

#[test]
fn a_later_finish_notices_the_squash() {
    merged_by_somebody_else(&["--squash"]);
}

#[test]
fn the_users_hook_runs_for_task_data_alone() {
    let (world, ann) = scene(1);
    let log = world.root().join("hook.log");
    let hook = ann.path(".git/hooks/pre-push");
    world.script(&hook, &format!("#!/bin/sh\necho run >>'{}'\n", log.display()));
    let count = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    run(&ann, "lock 1").ok();
    run(&ann, "unlock 1").ok();
    assert_eq!(count(), 0);
    run(&ann, "new more").ok();
    assert_eq!(count(), 1);
    run(&ann, "pick 1").ok();
    assert_eq!(count(), 2);
}

#[test]
fn the_users_hook_can_refuse() {
    let (world, ann) = scene(1);
    ann.count_connections();
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\necho 'tests are red' >&2\nexit 1\n");
    let before = published(&world);
    for line in ["pick 1 --json", "new more --json"] {
        let refused = run(&ann, line);
        assert!(refused.code != 0 && refused.stderr.contains("tests are red"), "{refused}");
        assert_eq!(kind(&refused), "denied", "{refused}");
        let seen = ann.connections();
        assert!(seen.len() <= 2, "{seen:?}\n{refused}");
        assert_eq!(published(&world), before);
        assert_eq!(ann.git(&["status", "--porcelain"]), "");
        assert!(!ann.path("aiwork").exists());
    }
}

#[test]
fn a_task_branch_that_the_server_refuses_is_pushed_by_another_name_by_the_command_that_is_named() {
    let refused = |is_in_the_way: bool| {
        let (world, ann) = scene(1);
        work_on(&ann, 1);
        if is_in_the_way {
            world.git(&["--git-dir=origin.git", "branch", "aitask", "main"]);
        } else {
            pre_receive_refuses(&world, "aitask/");
        }
        let refused = run(&ann, "finish 1 --no-push --json").fails(1);
        let hints = refused.hints().join("\n");
        assert!(kind(&refused) == "denied" && !hints.contains("init --data-branch"), "{refused}");
        ann.follow(&refused.error()["error"]["hints"][0]).ok();
        assert!(world.remote_branch("t1_job1").is_some(), "{refused}");
        // It is for a pull request all the same.
        let waits = run(&ann, "finish 1 --json").fails(1);
        assert!(kind(&waits) == "not_merged" && message(&waits).contains("has no such branch"), "{waits}");
        run(&ann, "finish 1 --merge").ok();
        hints
    };
    assert!(refused(true).contains("rename the branch aitask on origin"));
    assert!(!refused(false).contains("rename"));
}
