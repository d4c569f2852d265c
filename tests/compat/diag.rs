//! `aitask_lock_diag.sh`.

use super::{bare, lock, project, published, run, status};

const DIAG: &str = "aitask_lock_diag.sh";

#[test]
fn everything_is_checked_and_nothing_changed() {
    let (world, ann) = project(1);
    lock(&ann, "1", "ann").ok();
    let before = published(&world);
    let run = run(&ann, DIAG, "ignored").ok();
    assert!(run.stdout.starts_with("=== Lock System Diagnostics ===\n\n--- 1. Git ---\n"), "{run}");
    for line in
        ["  PASS: hostname available (box)", "  INFO: t1: locked by ann@example.com on box since ", "ALL CHECKS PASSED"]
    {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
    assert!(run.stdout.contains("Results: 12 passed, 0 failed, 12 total"), "{run}");
    let heads = run.stdout.lines().filter(|line| line.starts_with("--- ") && line.ends_with(" ---"));
    assert_eq!(heads.count(), 12, "{run}");
    assert_eq!((published(&world), status(&ann)), (before, String::new()));
}

#[test]
fn the_locks_are_those_of_the_list_in_its_order() {
    let (_world, ann) = project(0);
    assert!(run(&ann, DIAG, "").ok().stdout.contains("  INFO: No active locks\n"));
    for id in ["1", "10", "10_2"] {
        lock(&ann, id, "ann").ok();
    }
    let list = run(&ann, super::LOCK, "--list").ok().stdout;
    let infos = list.replace("t1", "  INFO: t1");
    let said = run(&ann, DIAG, "").ok();
    assert!(infos.starts_with("  INFO: t10_2:") && said.stdout.contains(&infos), "{said}");
}

#[test]
fn without_the_branch_or_the_remote_it_fails() {
    let (_world, ann) = bare(0);
    let missing = run(&ann, DIAG, "").fails(1);
    assert!(missing.stdout.contains("Results: 8 passed, 3 failed, 11 total"), "{missing}");
    assert!(missing.stdout.contains("  INFO: No locks (branch not initialized)\n"), "{missing}");
    std::fs::create_dir(ann.path(".aitask-data")).unwrap();
    let broken = run(&ann, DIAG, "").fails(1);
    assert!(broken.stdout.contains("Results: 8 passed, 4 failed, 12 total\nSOME CHECKS FAILED\n"), "{broken}");
    std::fs::remove_dir(ann.path(".aitask-data")).unwrap();
    ann.git(&["remote", "remove", "origin"]);
    assert!(run(&ann, DIAG, "").fails(1).stdout.contains("Results: 7 passed, 4 failed, 11 total"));
}

#[test]
fn a_password_in_the_url_is_not_shown() {
    let (_world, ann) = bare(0);
    ann.git(&["config", "remote.origin.url", "http://ann:sesame@127.0.0.1:1/x.git"]);
    let run = run(&ann, DIAG, "").fails(1);
    assert!(run.stdout.contains("127.0.0.1:1/x.git") && !run.to_string().contains("sesame"), "{run}");
}
