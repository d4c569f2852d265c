//! `git aitask show`.

use super::init::{everything, keys, local, on_data_branch};
use super::task_object::FREE;
use crate::support::{Sleeper, World};
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn one_task_whole() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("First", &[]);
    ann.aitask(&["new", "Add login", "-m", "The text.", "--label", "ui", "--depends", "1", "--priority", "high"]).ok();
    ann.write("aiplans/p2_add_login.md", "# The plan\n");
    ann.commit("plan");
    let agent = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", agent.pid());
    ann.aitask(&["pick", "2", "--ignore-blocked"]).ok();
    ann.at("aiwork/t2_add_login").commit("half of it");
    ann.write("aiwork/t2_add_login/new", "x");
    let text = ann.aitask(&["show", "2"]).ok().stdout;
    for part in [
        "2  Add login\n",
        "Implementing, high priority, medium effort, feature",
        "aitasks/t2_add_login.md",
        "labels    ui",
        "waits for 1",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let alive = format!("its session lives (pid {} is running)", agent.pid());
    for part in [
        &alive,
        ", uncommitted changes",
        "(1 ahead, ",
        "half of it",
        "The text.\n",
        "aiplans/p2_add_login.md\n# The plan",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn the_fields() {
    let ann = World::new().initialised("ann");
    ann.aitask(&["new", "One", "-m", "Text"]).ok();
    let json = ann.aitask(&["show", "t1", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema as_of task text commits fields");
    assert_eq!(keys(&json["task"]), FREE);
    assert!(json["text"].as_str().unwrap().ends_with("# One\n\nText"));
    assert_eq!((&json["task"]["path"], &json["commits"]), (&"aitasks/t1_one.md".into(), &serde_json::json!([])));
    assert!(json["fields"]["created_at"].is_string());
}

#[test]
fn archived_with_its_plan() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[]);
    ann.write("aiplans/p1_one.md", "the plan\n");
    ann.commit("plan");
    ann.git(&["push", "-q"]);
    ann.aitask(&["archive", "1"]).ok();
    let json = ann.aitask(&["show", "1", "--json"]).ok().json();
    assert_eq!(
        (&json["task"]["path"], &json["task"]["status"]),
        (&"aitasks/archived/t1_one.md".into(), &"Done".into())
    );
    assert_eq!(json["plan"], serde_json::json!({"path": "aiplans/archived/p1_one.md", "text": "the plan\n"}));
}

#[test]
fn a_parent_shows_its_children() {
    let ann = World::new().initialised("ann");
    ann.task("Parent", &[]);
    ann.task("Child", &[("parent", "1")]);
    ann.aitask(&["show", "1"]).ok().assert().stdout(contains("children  1_1\n"));
    assert_eq!(ann.aitask(&["show", "1", "--json"]).ok().json()["task"]["children"], serde_json::json!(["1_1"]));
}

#[test]
fn inside_the_worktree_the_task_may_be_left_out() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.write("aiwork/t1_one/src/x", "");
    assert_eq!(ann.at("aiwork/t1_one/src").aitask(&["show", "--json"]).ok().json()["task"]["id"], "1");
    ann.aitask(&["show"]).fails(2);
    let run = ann.aitask(&["show", "9", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "no_such_task");
}

#[test]
fn what_others_wrote_cannot_move_the_cursor() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write(
        "aitasks/t5_x.md",
        "---\nstatus: Ready\nassigned_to: \u{1b}[2Jeve\n---\n# T\u{1b}[31mitle\n\nbody \u{1b}]0;title\u{7}\r\u{202e}\n",
    );
    ann.commit("by hand");
    for args in [["show", "5"], ["list", "--fetch"]] {
        let text = ann.aitask(&args).ok().stdout;
        assert!(text.contains("itle") && !text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{text:?}");
    }
}

#[test]
fn without_a_remote_and_on_a_data_branch_it_changes_nothing() {
    let world = World::new();
    for ann in [local(), on_data_branch(&world, "ann")] {
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let before = everything(&ann);
        ann.aitask(&["show", "1"]).ok().assert().stdout(contains("1  One").and(contains("assigned  ann@example.com")));
        assert_eq!(everything(&ann), before);
    }
}

#[test]
fn what_waits_for_it_and_what_is_in_a_bundle() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[]);
    ann.task("Two", &[("depends", "1")]);
    ann.aitask(&["show", "1"]).ok().assert().stdout(contains("blocks    2\n"));
    ann.write("aiplans/p1_one.md", "the plan\n");
    ann.commit("plan");
    ann.git(&["push", "-q"]);
    ann.aitask(&["archive", "1", "2"]).ok();
    ann.aitask(&["compat", "aitask_zip_old.sh"]).ok();
    let json = ann.aitask(&["show", "1", "--json"]).ok().json();
    let bundled = "aitasks/archived/_b0/old0.tar.zst:t1_one.md";
    assert_eq!(json["task"]["path"], bundled);
    let listed = ann.aitask(&["list", "--archived", "--json"]).ok().json();
    assert!(listed["tasks"].as_array().unwrap().iter().any(|task| task["path"] == bundled), "{listed}");
    assert_eq!((&json["task"]["status"], &json["plan"]["text"]), (&"Done".into(), &"the plan\n".into()));
    ann.aitask(&["show", "3"]).fails(1);
}

#[test]
fn commits_of_others_are_not_those_of_the_task_where_the_local_main_is_old() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    for name in ["a", "b"] {
        bob.write(name, "x\n");
        bob.commit(&format!("of bob {name}"));
    }
    bob.git(&["push", "-q"]);
    ann.git(&["fetch", "-q"]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").write("one", "x\n");
    ann.at("aiwork/t1_one").commit("the work");
    let run = ann.aitask(&["show", "1"]).ok();
    assert!(run.stdout.contains("(1 ahead, 0 behind)") && run.stdout.contains(" the work\n"), "{run}");
    assert!(!run.stdout.contains("of bob"), "{run}");
    let json = |args: &[&str]| ann.aitask(args).ok().json();
    assert_eq!(json(&["status", "--json"])["active"][0]["worktree"]["ahead"], 1);
    assert_eq!(json(&["worktree", "list", "--json"])["worktrees"][0]["ahead"], 1);
    let picked = ann.at("aiwork/t1_one").aitask(&["pick", "--json"]).ok().json();
    assert_eq!((&picked["task"]["worktree"]["ahead"], &picked["worktree"]["ahead"]), (&1.into(), &1.into()));
}
