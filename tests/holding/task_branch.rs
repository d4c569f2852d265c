//! What others pushed to a task branch.

use super::{WORK, committed, is_in, kind, worked};
use crate::support::{Repo, World, share};

/// Bob pushes a commit to the task branch on the remote.
fn reviewed(world: &World, name: &str) -> (Repo, String) {
    let bob = world.clone(name);
    bob.git(&["switch", "-q", "aitask/t1_one"]);
    bob.write("fix.txt", "fix\n");
    let fix = bob.commit("Review fix");
    bob.git(&["push", "-q"]);
    (bob, fix)
}

#[test]
fn finish_no_push_keeps_a_reviewers_commit_that_was_fetched() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    let (_, fix) = reviewed(&world, "bob");
    ann.git(&["fetch", "-q"]);
    committed(&ann, "more.txt");
    let run = ann.aitask(&["finish", "1", "--no-push", "--json"]).fails(1);
    assert_eq!((kind(&run).as_str(), is_in(&world, &fix, "aitask/t1_one")), ("behind", true), "{run}");
    let said = run.to_string();
    for part in ["Review fix", "bob@example.com", "git merge origin/aitask/t1_one"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn sync_in_a_worktree_behind_a_reviewers_commit_names_the_merge_once() {
    let (world, ann) = worked();
    ann.at(WORK).aitask(&["sync"]).ok();
    reviewed(&world, "bob");
    committed(&ann, "more.txt");
    ann.git(&["config", "aitask.publish", "true"]);
    let there = ann.at(WORK);
    let json = there.aitask(&["sync", "--json"]).ok().json();
    assert_eq!(json["incomplete"]["kind"], "behind", "{json}");
    there.follow(&json["incomplete"]["hints"][0]).ok();
    let run = there.aitask(&["sync"]).ok();
    assert!(run.to_string().contains("aitask/t1_one was pushed") && run.stderr.is_empty(), "{run}");
    reviewed(&world, "carl");
    committed(&ann, "again.txt");
    let run = there.aitask(&["sync"]).ok();
    assert_eq!(run.to_string().matches("was not published").count(), 1, "{run}");
}

#[test]
fn a_reviewers_commit_that_is_not_in_the_worktree_refuses_finish() {
    for fetched in share([false, true]) {
        let (world, ann) = worked();
        ann.aitask(&["finish", "1", "--no-push"]).ok();
        let (_, fix) = reviewed(&world, "bob");
        if fetched {
            ann.git(&["fetch", "-q"]);
        }
        let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
        assert_eq!(kind(&run), "behind", "{run}");
        assert!(run.to_string().contains("git merge --ff-only origin/aitask/t1_one"), "{run}");
        assert_eq!(world.remote_file("main", "work.txt"), None, "something was merged");
        ann.at(WORK).git(&["merge", "-q", "--ff-only", "origin/aitask/t1_one"]);
        ann.aitask(&["finish", "1", "--merge"]).ok();
        assert!(is_in(&world, &fix, "main"));
    }
}

#[test]
fn a_task_branch_that_only_another_clone_pushed_refuses_finish() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    bob.git(&["switch", "-q", "-c", "aitask/t1_one"]);
    bob.write("half.txt", "half\n");
    bob.commit("Half of it");
    bob.git(&["push", "-q", "-u", "origin", "HEAD"]);
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "behind", "{run}");
    assert!(run.to_string().contains("Half of it"), "{run}");
}

#[test]
fn what_this_clone_pushed_last_may_be_replaced_and_nothing_else() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    let there = ann.at(WORK);
    there.git(&["commit", "-q", "--amend", "-m", "better"]);
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    let amended = there.git(&["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(world.remote_branch("aitask/t1_one"), Some(amended.clone()));
    let (_, fix) = reviewed(&world, "bob");
    there.git(&["commit", "-q", "--amend", "-m", "better still"]);
    for args in share([["finish", "1", "--no-push", "--json"], ["finish", "1", "--squash", "--json"]]) {
        assert_eq!(kind(&ann.aitask(&args).fails(1)), "behind");
    }
    assert_eq!(world.remote_branch("aitask/t1_one"), Some(fix));
}

#[test]
fn a_tip_that_was_pushed_by_git_itself_may_go_forward_and_not_be_replaced() {
    let (world, ann) = worked();
    let there = ann.at(WORK);
    there.git(&["push", "-q", "-u", "origin", "HEAD"]);
    let more = committed(&ann, "more.txt");
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    assert_eq!(world.remote_branch("aitask/t1_one"), Some(more.clone()));
    // Once more by git, so that the tip there is not the one that was pushed by us.
    let third = committed(&ann, "third.txt");
    there.git(&["push", "-q"]);
    there.git(&["commit", "-q", "--amend", "-m", "other"]);
    assert_eq!(kind(&ann.aitask(&["finish", "1", "--no-push", "--json"]).fails(1)), "behind");
    assert_eq!(world.remote_branch("aitask/t1_one"), Some(third));
}

#[test]
fn in_a_clone_of_one_branch_finish_no_push_works_again() {
    let world = World::new();
    world.initialised("ann").task("One", &[]);
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth", "1", &url, "one"]);
    let one = world.clone("bob").at(world.root().join("one").to_str().unwrap());
    one.aitask(&["pick", "1"]).ok();
    let there = one.at(world.root().join("one").join(WORK).to_str().unwrap());
    there.write("x", "x\n");
    there.commit("x");
    for _ in 0..2 {
        there.aitask(&["finish", "--no-push"]).ok();
    }
    there.write("y", "y\n");
    let tip = there.commit("after the review");
    there.aitask(&["finish", "--no-push"]).ok();
    assert_eq!(world.remote_branch("aitask/t1_one"), Some(tip));
}

#[test]
fn a_task_branch_that_the_server_deleted_after_the_merge_is_no_obstacle() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    let bob = world.clone("bob");
    bob.git(&["merge", "-q", "--no-ff", "-m", "Merge the pull request", "origin/aitask/t1_one"]);
    bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
    committed(&ann, "more.txt");
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "more.txt").is_some());
}

#[test]
fn commits_of_the_published_branch_that_are_merged_already_are_not_missed() {
    let (world, ann) = worked();
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    let (bob, fix) = reviewed(&world, "bob");
    bob.git(&["switch", "-q", "main"]);
    bob.git(&["pull", "-q"]);
    bob.git(&["merge", "-q", "--no-ff", "-m", "Merge the pull request", "aitask/t1_one"]);
    bob.git(&["push", "-q"]);
    let merged = bob.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((json["merged"]["commit"].as_str(), json["merged"]["mode"].is_null()), (Some(merged.as_str()), true));
    assert!(is_in(&world, &fix, "main"));
}

#[test]
fn the_branch_of_a_renamed_task_is_named_and_can_be_finished() {
    let (world, ann) = worked();
    ann.git(&["pull", "-q"]);
    ann.script("aitask_update.sh", &["--batch", "1", "--name", "uno", "--commit"]).ok();
    ann.git(&["push", "-q"]);
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert!(run.to_string().contains("its work is on aitask/t1_one"), "{run}");
    ann.follow(&run.error()["error"]["hints"][0]).ok();
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some());
}
