//! `aitask_remote_drift_check.sh`: one line for every state of the branch and its remote.

use super::two;
use crate::support::{Repo, World};
use std::time::{Duration, Instant};

fn drift(repo: &Repo, args: &[&str]) -> String {
    repo.script("aitask_remote_drift_check.sh", args).ok().stdout
}

#[test]
fn drift_names_every_file_the_plan_names_and_none_that_only_we_changed() {
    let (_world, ann, bob) = two();
    bob.write("src/main.rs", "code\n");
    bob.write("Makefile", "all:\n");
    bob.commit("code");
    bob.git(&["push", "-q"]);
    ann.write("docs/x.md", "ours\n");
    ann.commit("ours");
    ann.write("plan.md", "Change src/main.rs and docs/x.md; src/main.rs.bak stays.\n");
    assert_eq!(drift(&ann, &["main", "plan.md"]), "AHEAD:1\nOVERLAP:src/main.rs\n");
    assert_eq!(drift(&ann.at("docs"), &["main", "../plan.md"]), "AHEAD:1\nOVERLAP:src/main.rs\n");
    ann.script("aitask_remote_drift_check.sh", &["--timeout", "soon", "main", "plan.md"]).fails(1);
    assert_eq!(drift(&ann, &["no-such", "plan.md"]), "LOCAL_BRANCH_MISSING\n");
}

#[test]
fn what_cannot_be_understood_is_refused_without_a_result() {
    let (_world, ann, _bob) = two();
    for (args, sentence) in [
        (&[][..], "<base-branch> is required"),
        (&["", "plan.md"], "<base-branch> is required"),
        (&["main"], "<plan-file> is required"),
        (&["main", ""], "<plan-file> is required"),
        (&["main", "plan.md", "more"], "Unexpected positional arg: more"),
        (&["main", "plan.md", "--bogus"], "Unknown option: --bogus"),
        (&["main", "plan.md", "--timeout"], "--timeout requires a number of seconds"),
        (&["--timeout", "0", "main", "plan.md"], "--timeout requires a number of seconds"),
        (&["--timeout", "-1", "main", "plan.md"], "--timeout requires a number of seconds"),
    ] {
        let run = ann.script("aitask_remote_drift_check.sh", args).fails(1);
        assert!(run.stdout.is_empty() && run.stderr.starts_with(&format!("Error: {sentence}")), "{run}");
    }
}

#[test]
fn the_state_is_asked_for_in_the_order_of_its_cost() {
    let world = World::new();
    let ann = world.clone("ann");
    let dial = world.root().join("hanging-dial");
    world.script(&dial, "#!/bin/sh\nsleep 600\n");
    ann.git(&["config", "remote.origin.url", &format!("ext::{} %S x", dial.display())]);
    // Nothing before the last line asks the remote, which would take a second.
    ann.git(&["tag", "v1"]);
    let begun = Instant::now();
    assert_eq!(drift(&ann, &["nowhere", "plan.md"]), "LEGACY_MODE_SKIP\n");
    for branch in ["nowhere", "v1", "HEAD", "refs/heads/main", "origin/main", "x/.."] {
        assert_eq!(drift(&ann, &[branch, "--unsynced", "plan.md"]), "LOCAL_BRANCH_MISSING\n");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(drift(&ann, &["--timeout", "1", "main", "--unsynced", "plan.md"]), "FETCH_FAILED\n");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    ann.git(&["remote", "rename", "origin", "other"]);
    assert_eq!(drift(&ann, &["main", "plan.md", "--unsynced"]), "NO_REMOTE\n");
}

#[test]
fn only_the_tracking_branch_is_written() {
    let (_world, ann, bob) = two();
    bob.write("a.rs", "1\n");
    bob.commit("a");
    bob.git(&["push", "-q"]);
    let state = || {
        let refs = ann.git(&["for-each-ref"]);
        let others: Vec<_> = refs.lines().filter(|line| !line.ends_with("\trefs/remotes/origin/main")).collect();
        ann.git(&["status", "--porcelain", "--ignored"]) + &others.join("\n")
    };
    let tip = || ann.git(&["rev-parse", "origin/main"]);
    let (before, old) = (state(), tip());
    let run = ann.script("aitask_remote_drift_check.sh", &["--debug", "main", "no-such-plan.md"]).ok();
    assert_eq!(run.stdout, "AHEAD:1\nNO_OVERLAP\n");
    assert!(run.stderr.lines().all(|line| line.starts_with("[debug] ")), "{run}");
    assert_eq!(state(), before);
    assert_ne!(tip(), old);
    assert!(!ann.path(".git/FETCH_HEAD").exists());
}
