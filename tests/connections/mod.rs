//! Connections to the remote, and the git commands that each verb runs.
//!
//! A connection costs a second on a real remote, a process milliseconds; both are counted here, so that one more is
//! a decision and not an accident.

mod cache;
mod commands;
mod detached;
mod documents;
mod files;
mod identity;
mod place;
mod processes;

use crate::support::{Repo, Run, World};
use std::time::{Duration, Instant};

/// A world in which ann knows everything there is, and her connections are counted.
fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for title in ["one", "two", "three"] {
        ann.task(title, &[]);
    }
    ann.count_connections();
    (world, ann)
}

/// Runs a command line, which must end with `code`, and answers the connections it made.
#[track_caller]
fn connections(repo: &Repo, line: &str, code: i32) -> (Run, Vec<&'static str>) {
    repo.connections();
    let run = repo.aitask(&line.split(' ').collect::<Vec<_>>()).fails(code);
    assert!(!repo.path(".git/FETCH_HEAD").exists(), "FETCH_HEAD was written\n{run}");
    (run, repo.connections())
}

#[track_caller]
fn expect(repo: &Repo, line: &str, code: i32, expected: &[&str]) {
    let (run, seen) = connections(repo, line, code);
    assert_eq!(seen, expected, "{run}");
}

#[test]
fn one_push_with_known_tips() {
    let (_world, ann) = scene();
    for line in ["new four", "lock 1", "unlock 1", "pick 1", "drop 1", "pick --next", "pick 2 --no-worktree", "drop 2"]
    {
        expect(&ann, line, 0, &["push"]);
    }
    for line in ["archive 3", "new five --label x", "lock 2", "unlock 2 --force"] {
        expect(&ann, line, 0, &["push"]);
    }
}

#[test]
fn finish_is_one_push_after_asking_for_the_task_branch() {
    let (_world, ann) = scene();
    for (id, mode) in [("1", "--merge"), ("2", "--squash"), ("3", "--ff")] {
        let worktree = ann.aitask(&["pick", id, "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
        let there = ann.at(&worktree);
        there.write(&format!("{id}.txt"), "work\n");
        there.commit("work");
        if mode == "--ff" {
            // the data lives on the output branch here, so it has moved on
            there.git(&["rebase", "--quiet", "main"]);
        }
        // Once the branch is known to be published, the swap itself finds out whether it moved.
        let known = id == "3";
        if known {
            there.git(&["push", "--quiet", "origin", "HEAD"]);
            ann.connections();
        }
        expect(&ann, &format!("finish {id} {mode}"), 0, if known { &["push"] } else { &["fetch", "push"] });
    }
}

#[test]
fn a_refusal_is_one_fetch() {
    let (world, ann) = scene();
    let bob = world.clone("bob");
    bob.aitask(&["pick", "1"]).ok();
    ann.git(&["fetch", "--quiet", "--no-write-fetch-head"]);
    for line in ["pick 1", "lock 1", "drop 1", "finish 1", "unlock 1", "pick 99"] {
        expect(&ann, line, 1, &["fetch"]);
    }
}

#[test]
fn readers_make_no_connection_but_locks() {
    let (_world, ann) = scene();
    ann.aitask(&["pick", "1"]).ok();
    for line in ["list", "show 1", "status", "whoami", "worktree list", "worktree path 1", "new --draft idea"] {
        expect(&ann, line, 0, &[]);
    }
    expect(&ann, "locks", 0, &["fetch"]);
    // It asks for the default branch, which carries the tasks, and sees that nothing is newer.
    for line in ["list --fetch", "status --fetch", "show 1 --fetch", "sync"] {
        expect(&ann, line, 0, &["fetch"]);
    }
    // no swap would find out that the view was old
    for line in ["pick 2 --dry-run", "drop 1 --dry-run", "new x --dry-run", "lock 2 --dry-run"] {
        expect(&ann, line, 0, &["fetch"]);
    }
}

#[test]
fn repeating_what_is_done_is_one_fetch() {
    let (_world, ann) = scene();
    let ann_in = ann.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
    ann.connections();
    let there = ann.at(&ann_in);
    expect(&there, "pick 1", 0, &["fetch"]);
    expect(&ann, "init", 0, &["fetch"]);
    expect(&ann, "unlock 2", 0, &["fetch"]);
}

#[test]
fn a_stale_view_costs_a_refused_push_and_a_fetch() {
    let (world, ann) = scene();
    let bob = world.clone("bob");
    bob.aitask(&["new", "moves main and ids"]).ok();
    bob.aitask(&["lock", "3"]).ok();
    expect(&ann, "pick 1", 0, &["push", "fetch", "push"]);
    let ids = |run: &Run| run.json()["tasks"].as_array().unwrap().len();
    assert_eq!(ids(&ann.aitask(&["list", "--json"]).ok()), 4);
}

#[test]
fn where_others_pushed_lately_a_fetch_comes_first() {
    let (world, ann) = scene();
    let bob = world.clone("bob");
    bob.aitask(&["lock", "3"]).ok();
    expect(&ann, "pick 1", 0, &["push", "fetch", "push"]);
    bob.aitask(&["lock", "2"]).ok();
    expect(&ann, "pick 2", 1, &["fetch"]);
    bob.aitask(&["new", "again"]).ok();
    expect(&ann, "new five", 0, &["fetch", "push"]);
    // as long as that brings something
    expect(&ann, "new six", 0, &["fetch", "push"]);
    expect(&ann, "new seven", 0, &["push"]);
    // and a minute at most
    bob.aitask(&["new", "eight"]).ok();
    expect(&ann, "new nine", 0, &["push", "fetch", "push"]);
    let seen =
        |time: &str| ann.write(".git/aitask/cache/others-push.origin", &format!("{{\"format\": 1, \"seen\": {time}}}"));
    for time in ["1700000000", "99999999999", "18446744073709551615", "-1", "null"] {
        seen(time);
        expect(&ann, "edit 6 --label +x", 0, &["push"]);
        expect(&ann, "edit 6 --label -x", 0, &["push"]);
    }
}

#[test]
fn a_clone_as_ci_makes_it_knows_no_tips() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for title in ["one", "two", "three"] {
        ann.task(title, &[]);
    }
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "--quiet", "--single-branch", "--depth", "1", &url, "ci"]);
    let ci = ann.at(world.root().join("ci"));
    let ci = ci.env("GIT_AITASK_EMAIL", "ci@example.com");
    // `ann`'s handle from the clone's directory; its connections are counted through git's own trace
    let count = |line: &str| {
        let args: Vec<_> = line.split(' ').collect();
        let (run, commands) = ci.git_commands(&args);
        let run = run.ok();
        let network = commands.iter().filter_map(|command| command.split(' ').next());
        let network = network.filter(|verb| ["fetch", "push", "ls-remote", "pull"].contains(verb));
        (run, network.map(ToOwned::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(count("new four").1, ["fetch", "push"]);
    let (run, seen) = count("pick 1 --json");
    // The tips of the locks came with the fetch for `new`; the task branches of others do not come to such a clone.
    assert_eq!(seen, ["fetch", "push"], "{run}");
    assert_eq!(run.json()["took"], "new");
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert_eq!(count("drop 1").1, ["push"]);
    assert_eq!(count("lock 2").1, ["push"]);
    assert_eq!(count("unlock 2").1, ["push"]);
    assert_eq!(world.locks(), Vec::<String>::new());
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt").unwrap(), "5\n");
    assert!(world.remote_file("main", "aitasks/t4_four.md").is_some());
}

#[test]
fn the_first_pick_of_a_clone_as_ci_makes_it() {
    for depth in ["--depth=1", "--no-tags"] {
        let world = World::new();
        world.initialised_on_main("ann").task("one", &[]);
        let url = format!("file://{}", world.origin().display());
        world.git(&["clone", "--quiet", "--single-branch", depth, &url, "ci"]);
        let ci = world.clone("bob").at(world.root().join("ci")).env("GIT_AITASK_EMAIL", "ci@example.com");
        let (run, commands) = ci.git_commands(&["pick", "1", "--json"]);
        assert_eq!(run.clone().ok().json()["took"], "new", "{depth}");
        let network: Vec<_> =
            commands.iter().filter(|line| line.starts_with("fetch") || line.starts_with("push")).collect();
        assert_eq!(network.len(), 2, "{depth}: {network:#?}\n{run}");
        assert_eq!(world.locks(), ["t1_lock.yaml"]);
    }
}

#[test]
fn pick_on_a_remote_nearby_is_quick() {
    let (_world, ann) = scene();
    let begun = Instant::now();
    let run = ann.aitask(&["pick", "1"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}\n{run}", begun.elapsed());
}
