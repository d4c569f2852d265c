//! The branches that the header of a plan names are those of every later pick and finish of the task.

use crate::support::{Repo, World, hints, share};
use predicates::str::contains;

/// A clone with the task t1, a plan with this header, and the branch `dev` one commit ahead of `main`.
fn planned(header: &str) -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.git(&["checkout", "-q", "-b", "dev"]);
    ann.write("dev.txt", "dev\n");
    ann.commit("dev");
    ann.git(&["push", "-q", "-u", "origin", "dev"]);
    ann.git(&["checkout", "-q", "main"]);
    plan(&ann, header);
    (world, ann)
}

fn plan(ann: &Repo, header: &str) {
    ann.write("aiplans/p1_one.md", &format!("---\nTask: t1_one.md\n{header}plan_verified: []\n---\n\nThe plan.\n"));
    ann.aitask(&["sync"]).ok();
}

#[test]
fn the_branch_is_cut_from_the_base_and_merged_into_the_output_of_the_plan() {
    let (world, ann) = planned("Base branch: dev\nOutput branch: dev\n");
    ann.aitask(&["pick", "1"]).ok().assert().stdout(contains("cut from dev"));
    let work = ann.at("aiwork/t1_one");
    assert!(ann.path("aiwork/t1_one/dev.txt").exists());
    work.write("work.txt", "work\n");
    work.commit("the work");
    work.aitask(&["finish"]).ok();
    assert!(world.remote_file("dev", "work.txt").is_some() && world.remote_file("main", "work.txt").is_none());
}

#[test]
fn what_is_named_now_wins() {
    let (world, ann) = planned("Base branch: dev\nOutput branch: dev\n");
    ann.aitask(&["pick", "1", "--base", "main"]).ok();
    let work = ann.at("aiwork/t1_one");
    work.write("work.txt", "work\n");
    work.commit("the work");
    // The plan and the branch contradict each other, so nobody guesses.
    let error = work.aitask(&["finish", "--json"]).fails(1).error();
    assert_eq!(error["error"]["kind"], "conflict");
    assert_eq!(hints(&error["error"])[0], "git aitask finish 1 --into main");
    work.aitask(&["finish", "--into", "main"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some());
}

#[test]
fn a_name_that_is_none_stops_the_work_before_anything_is_taken() {
    for header in
        share(["Base branch: dev;rm\n", "Base branch: $(id)\n", "Base branch: ../dev\n", "Base branch: gone\n"])
    {
        let (world, ann) = planned(header);
        let run = ann.aitask(&["pick", "1"]);
        assert!(run.code == 1 || run.code == 2, "{run}");
        assert_eq!((world.locks(), ann.path("aiwork").exists()), (vec![], false), "{header}");
        ann.aitask(&["worktree", "add", "1"]);
        assert!(!ann.path("aiwork").exists());
    }
    let (world, ann) = planned("Base branch: main\n");
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_one");
    work.write("work.txt", "work\n");
    work.commit("the work");
    plan(&ann, "Base branch: main\nOutput branch: $(id)\n");
    work.aitask(&["finish"]).fails(1);
    assert!(world.remote_file("main", "work.txt").is_none());
}

#[test]
fn the_plan_that_is_published_counts_and_not_the_one_that_lies_here() {
    let (world, ann) = planned("Base branch: main\n");
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at("aiwork/t1_one");
    work.write("work.txt", "work\n");
    work.commit("the work");
    let bob = world.clone("bob");
    plan(&bob, "Base branch: main\nOutput branch: dev\n");
    work.aitask(&["finish"]).ok();
    assert!(world.remote_file("dev", "work.txt").is_some() && world.remote_file("main", "work.txt").is_none());
    ann.task("Two", &[]);
    bob.git(&["pull", "-q"]);
    bob.write("aiplans/p2_two.md", "---\nBase branch: dev\n---\n\nThe plan.\n");
    bob.aitask(&["sync"]).ok();
    ann.aitask(&["pick", "2"]).ok().assert().stdout(contains("cut from dev"));
}

#[test]
fn without_an_output_the_base_is_where_the_work_goes_whatever_is_checked_out() {
    let (world, ann) = planned("Base branch: main\n");
    ann.script("aitask_pick_own.sh", &["1", "--email", "ann@example.com"]).ok();
    ann.git(&["worktree", "add", "-q", "-b", "aitask/t1_one", "aiwork/t1_one", "main"]);
    let work = ann.at("aiwork/t1_one");
    work.write("work.txt", "work\n");
    work.commit("the work");
    ann.git(&["switch", "-q", "-c", "wip"]);
    ann.git(&["push", "-q", "-u", "origin", "wip"]);
    ann.git(&["switch", "-q", "main"]);
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some() && world.remote_file("wip", "work.txt").is_none());
}

#[test]
fn of_several_plans_the_one_of_the_tasks_name_counts_or_none() {
    let (world, ann) = planned("Base branch: main\nOutput branch: dev\n");
    ann.write("aiplans/p1_another.md", "---\nBase branch: dev\n---\n");
    ann.aitask(&["sync"]).ok();
    ann.aitask(&["pick", "1"]).ok().assert().stdout(contains("cut from main"));
    ann.aitask(&["drop", "1"]).ok();
    ann.git(&["mv", "aiplans/p1_one.md", "aiplans/p1_third.md"]);
    ann.aitask(&["sync"]).ok();
    let run = ann.aitask(&["pick", "1"]).fails(1);
    assert!(run.stderr.contains("several plans") && world.locks().is_empty(), "{run}");
}
