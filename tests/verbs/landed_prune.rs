//! `git aitask worktree prune`: what landed is removed, and why the rest is kept.

use super::init::{everything, keys, on_data_branch};
use super::landed::{WORK, by_branch, proposed};
use crate::support::{Repo, World};

/// Tasks that are archived while this clone has their branches.
fn archived(ann: &Repo, ids: &[&str]) {
    for id in ids {
        ann.aitask(&["archive", id]).ok();
    }
}

#[test]
fn prune_removes_what_landed_and_says_why_it_keeps_the_rest() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    for (n, title) in (1..).zip(["Landed", "Other", "Dirty", "Active"]) {
        ann.task(title, &[]);
        ann.aitask(&["pick", &n.to_string()]).ok();
        let there = ann.at(format!("aiwork/t{n}_{}", title.to_lowercase()));
        there.write(&format!("f{n}"), "work\n");
        there.commit("work");
        there.git(&["push", "-q", "origin", "HEAD"]);
    }
    for branch in ["t1_landed", "t3_dirty", "t4_active"] {
        ann.git(&["merge", "-q", "--squash", &format!("aitask/{branch}")]);
        ann.commit("squashed");
    }
    ann.git(&["push", "-q"]);
    archived(&ann, &["1", "2", "3"]);
    ann.write("aiwork/t3_dirty/more", "x\n");
    let before = everything(&ann);
    let text = ann.aitask(&["worktree", "prune", "--dry-run"]).ok().stdout;
    assert!(text.contains("git worktree remove ") && text.contains("--delete refs/heads/aitask/t1_landed"), "{text}");
    assert_eq!(everything(&ann), before);
    let run = ann.aitask(&["worktree", "prune", "--json"]).ok();
    let json = run.json();
    assert_eq!(keys(&json), "schema removed kept", "{run}");
    assert_eq!(keys(&json["removed"][0]), "task_id branch into landed_at worktree here on_remote", "{run}");
    let [removed, kept] = ["removed", "kept"].map(|key| by_branch(&json[key]));
    let one = &removed["aitask/t1_landed"];
    assert_eq!((&one["here"], &one["on_remote"], &one["into"]), (&true.into(), &true.into(), &"main".into()), "{run}");
    let states = ["t2_other", "t3_dirty", "t4_active"].map(|name| kept[&format!("aitask/{name}")]["state"].as_str());
    assert_eq!(states, [Some("not_landed"), Some("landed"), Some("landed")], "{run}");
    let why = |name: &str| kept[&format!("aitask/{name}")]["why"].as_str().unwrap().to_owned();
    assert!(why("t3_dirty").contains("uncommitted work") && why("t4_active").contains("git aitask finish 4"), "{run}");
    let there = |name: &str| ann.path(format!("aiwork/{name}")).is_dir();
    assert_eq!(["t1_landed", "t2_other", "t3_dirty", "t4_active"].map(there), [false, true, true, true]);
    assert_eq!(world.remote_branch("aitask/t1_landed"), None);
    assert!(world.remote_branch("aitask/t2_other").is_some() && world.remote_branch("aitask/t4_active").is_some());
    let page = ann.aitask(&["worktree", "prune"]).ok().stdout;
    assert!(page.contains("aitask/t2_other was kept: its work is not in main\n"), "{page}");
}

#[test]
fn prune_keeps_a_published_branch_that_has_moved_on_or_that_the_server_protects() {
    let (world, ann, bob) = proposed();
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    bob.commit("One (#7)");
    bob.git(&["push", "-q"]);
    archived(&ann, &["1"]);
    bob.git(&["switch", "-q", "aitask/t1_one"]);
    bob.write("more", "x\n");
    bob.commit("more");
    bob.git(&["push", "-q"]);
    let run = ann.aitask(&["worktree", "prune", "--json"]).ok();
    assert_eq!(run.json()["kept"][0]["state"], "not_landed", "{run}");
    bob.git(&["push", "-q", "-f", "origin", "HEAD~1:aitask/t1_one"]);
    world.protect("aitask/t1_one");
    let run = ann.aitask(&["worktree", "prune", "--json"]).ok();
    let json = run.json();
    assert_eq!((&json["removed"][0]["here"], &json["removed"][0]["on_remote"]), (&true.into(), &false.into()), "{run}");
    assert!(json["kept"][0]["why"].as_str().unwrap().starts_with("origin did not delete it"), "{run}");
    assert!(world.remote_branch("aitask/t1_one").is_some());
}

#[test]
fn prune_leaves_the_branch_of_a_task_that_it_does_not_know() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.git(&["push", "--quiet", "origin", "main:aitask/t9_mine"]);
    ann.aitask(&["worktree", "prune"]).ok();
    assert!(world.remote_branch("aitask/t9_mine").is_some());
}

#[test]
fn prune_leaves_what_landed_in_a_branch_that_is_gone_from_the_remote() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.git(&["push", "--quiet", "origin", "main:dev"]);
    ann.git(&["fetch", "--quiet"]);
    ann.aitask(&["pick", "1", "--base", "dev"]).ok();
    ann.at(WORK).write("f", "x\n");
    ann.at(WORK).commit("work");
    ann.at(WORK).git(&["push", "--quiet", "origin", "HEAD", "HEAD:dev"]);
    ann.git(&["fetch", "--quiet"]);
    ann.aitask(&["archive", "1", "--json"]);
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/dev"]);
    ann.aitask(&["worktree", "prune"]);
    assert!(world.remote_branch("aitask/t1_one").is_some());
}

#[test]
fn prune_in_a_clone_without_the_local_branch_keeps_the_commits_under_a_name() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("f", "work\n");
    let tip = ann.at(WORK).commit("work");
    ann.aitask(&["drop", "1"]).ok();
    ann.git(&["merge", "-q", "--squash", "aitask/t1_one"]);
    ann.commit("squashed");
    ann.git(&["push", "-q"]);
    archived(&ann, &["1"]);
    let bob = world.clone("bob");
    let json = bob.aitask(&["worktree", "prune", "--json"]).ok().json();
    let removed = &json["removed"][0];
    assert_eq!((removed["on_remote"].as_bool(), removed["here"].as_bool()), (Some(true), Some(false)), "{json}");
    assert_eq!(bob.git(&["rev-parse", "refs/aitask/squashed/t1_one"]).trim(), tip);
}

#[test]
fn prune_says_nothing_of_active_tasks_whose_work_is_not_merged() {
    let ann = World::new().initialised("ann");
    for title in ["Held", "Worked", "Over"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["pick", "1"]).ok();
    ann.aitask(&["pick", "2"]).ok();
    ann.at("aiwork/t2_worked").write("f", "work\n");
    ann.at("aiwork/t2_worked").commit("work");
    ann.aitask(&["drop", "2"]).ok();
    let run = ann.aitask(&["worktree", "prune"]).ok();
    assert_eq!(run.stdout, "no task branch is left over\n", "{run}");
    ann.aitask(&["pick", "3"]).ok();
    ann.at("aiwork/t3_over").write("f", "work\n");
    ann.at("aiwork/t3_over").commit("work");
    archived(&ann, &["3"]);
    let run = ann.aitask(&["worktree", "prune"]).ok();
    assert_eq!(run.stdout, "aitask/t3_over was kept: its work is not in main\n", "{run}");
}
