//! `aitask_lock.sh --cleanup`: which locks go, and what is said when they cannot.

use super::peer::{Peer, four_lines};
use super::{LOCK, bare, lock, plain, project, published, run, subjects, task_text};
use crate::support::{Repo, Run, World};

/// Locks of the tasks 1 and 2, and 1 is archived.
fn one_stale() -> (World, Repo) {
    let (world, ann) = project(2);
    lock(&ann, "1", "ann").ok();
    lock(&ann, "2", "ann").ok();
    archive(&ann, "aitasks/t1_job.md", "aitasks/archived/t1_job.md");
    (world, ann)
}

fn archive(repo: &Repo, from: &str, to: &str) {
    repo.write(to, &repo.read(from));
    std::fs::remove_file(repo.path(from)).unwrap();
}

#[track_caller]
fn silent(run: &Run) {
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{run}");
}

#[test]
fn with_nothing_to_do_it_is_silent() {
    let (world, ann) = bare(1);
    silent(&run(&ann, LOCK, "--cleanup"));
    assert_eq!(world.remote_branch("aitask-locks"), None);
    run(&ann, LOCK, "--init").ok();
    silent(&run(&ann, LOCK, "--cleanup"));
    lock(&ann, "1", "ann").ok();
    let before = published(&world);
    silent(&run(&ann, LOCK, "--cleanup"));
    assert_eq!(published(&world), before);
    ann.git(&["remote", "remove", "origin"]);
    silent(&run(&ann, LOCK, "--cleanup"));
}

#[test]
fn stale_locks_go_in_one_commit_and_other_files_stay() {
    let (world, ann) = one_stale();
    archive(&ann, "aitasks/t2_job.md", "aitasks/archived/t2_job.md");
    let peer = Peer::new(&world, "peer");
    peer.put("aitask-locks", "notes.txt", Some("t1\n"), "note");
    peer.put("aitask-locks", "tx_lock.yaml", Some("odd\n"), "odd");
    peer.lock("3", &four_lines("3", "x@example.com", "far"));
    let cleaned = run(&ann, LOCK, "--cleanup").ok();
    assert_eq!(plain(&cleaned.stdout), "Removing 2 stale lock(s)...\nCleaned up 2 stale lock(s)\n");
    assert_eq!(cleaned.stderr, "");
    assert_eq!(world.remote_files("aitask-locks"), ["notes.txt", "t3_lock.yaml", "tx_lock.yaml"]);
    assert_eq!(subjects(&world, "aitask-locks")[0], "ait: Cleanup 2 stale lock(s)");
}

#[test]
fn children_are_judged_each_for_itself() {
    let (world, ann) = project(0);
    for file in ["aitasks/archived/t10_x.md", "aitasks/t10/t10_2_active.md", "aitasks/archived/t11/t11_1_done.md"] {
        ann.write(file, &task_text("status: Ready"));
    }
    ann.write("aitasks/t11_parent.md", &task_text("status: Ready"));
    for id in ["10", "10_1", "10_2", "11", "11_1", "11_2"] {
        lock(&ann, id, "ann").ok();
    }
    run(&ann, LOCK, "--cleanup").ok();
    // the parent is gone, its active child is not; a child alone is archived; what is nowhere stays
    assert_eq!(world.locks(), ["t10_2_lock.yaml", "t11_2_lock.yaml", "t11_lock.yaml"]);
}

#[test]
fn a_lock_of_a_task_in_a_bundle_is_stale() {
    let (world, ann) = one_stale();
    std::fs::create_dir_all(ann.path("aitasks/archived/_b0")).unwrap();
    ann.at("aitasks/archived").run("tar", &["-czf", "_b0/old0.tar.gz", "t1_job.md"]).ok();
    std::fs::remove_file(ann.path("aitasks/archived/t1_job.md")).unwrap();
    run(&ann, LOCK, "--cleanup").ok();
    assert_eq!(world.locks(), ["t2_lock.yaml"]);
}

#[test]
fn an_unreachable_remote_is_exit_code_11_and_nothing_is_listed() {
    let (world, ann) = one_stale();
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    let failed = run(&ann, LOCK, "--cleanup").fails(11);
    for fragment in ["lock branch", "cleanup did not run", "remote unreachable", "./ait lock --cleanup"] {
        assert!(failed.stderr.contains(fragment), "{fragment}\n{failed}");
    }
    assert!(!failed.stderr.contains("push attempt(s)"), "{failed}");
}

#[test]
fn a_refused_push_is_exit_code_12_and_the_lock_stays() {
    let (world, ann) = one_stale();
    world.protect("aitask-locks");
    let failed = run(&ann, LOCK, "--cleanup").fails(12);
    for fragment in ["1 stale lock(s)", "after 1 push attempt(s)", "./ait lock --unlock"] {
        assert!(failed.stderr.contains(fragment), "{fragment}\n{failed}");
    }
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
}

/// Runs a cleanup with `before` just before its first push, and `after` just after it was refused.
fn disturbed(ann: &Repo, before: &str, after: &str) -> Run {
    let text = format!(
        "if [ \"$1\" = push ] && mkdir @DIR@/once 2>/dev/null; then {before}; @GIT@ \"$@\"; n=$?; {after}; exit $n; fi"
    );
    run(&ann.with_git_that(&text), LOCK, "--cleanup")
}

#[test]
fn a_branch_that_cannot_be_read_again_is_exit_code_11_with_the_count() {
    let (world, ann) = one_stale();
    let tip = world.remote_branch("aitask-locks").unwrap();
    // the first push is refused, as the branch has moved, and then the remote is away
    let back = format!("@GIT@ --git-dir={0} update-ref refs/heads/aitask-locks {tip}^", world.origin().display());
    let failed = disturbed(&ann, &back, &format!("mv {0} {0}.away", world.origin().display())).fails(11);
    assert!(failed.stderr.contains("1 stale lock(s) left in place"), "{failed}");
    assert!(failed.stderr.contains("./ait lock --cleanup") && !failed.stderr.contains("push attempt(s)"), "{failed}");
}

#[test]
fn a_branch_deleted_meanwhile_is_not_made_again() {
    let (world, ann) = one_stale();
    let delete = format!("@GIT@ --git-dir={} update-ref -d refs/heads/aitask-locks", world.origin().display());
    silent(&disturbed(&ann, &delete, "true"));
    assert_eq!(world.remote_branch("aitask-locks"), None);
}
