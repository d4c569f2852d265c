//! `git aitask archive`.

use super::init::{everything, keys, local, on_data_branch};
use crate::support::World;
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn task_and_plan_move_and_the_rest_of_the_file_stays() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("aitasks/t3_x.md", "---\nstatus: Ready\nodd: 'key'\nupdated_at: then\n---\nstatus: text\n");
    ann.write("aiplans/p3_x.md", "the plan\n");
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    let json = ann.aitask(&["archive", "3", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema tasks archived unlocked");
    assert_eq!(json["archived"], serde_json::json!(["aitasks/archived/t3_x.md", "aiplans/archived/p3_x.md"]));
    let file = world.remote_file("main", "aitasks/archived/t3_x.md").unwrap();
    let lines: Vec<_> = file.lines().collect();
    assert_eq!((lines[1], lines[2], lines[6]), ("status: Done", "odd: 'key'", "status: text"), "{file}");
    assert!(lines[3].starts_with("updated_at: 20") && lines[4].starts_with("completed_at: 20"), "{file}");
    assert_eq!(world.remote_file("main", "aiplans/archived/p3_x.md").as_deref(), Some("the plan\n"));
    assert_eq!(
        world.git(&["--git-dir=origin.git", "log", "-1", "--format=%s", "main"]),
        "ait: Archive completed t3 task and plan files\n"
    );
}

#[test]
fn several_at_once_and_people_see_where_they_are() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two"] {
        ann.task(title, &[]);
    }
    let run = ann.aitask(&["archive", "1", "t2"]).ok();
    assert_eq!(
        run.stdout,
        "1  One  (archived)\n2  Two  (archived)\n  aitasks/archived/t1_one.md\n  aitasks/archived/t2_two.md\n"
    );
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn the_parent_goes_with_its_last_child() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("Parent", &[]);
    for title in ["One", "Two"] {
        ann.task(title, &[("parent", "1")]);
    }
    ann.aitask(&["archive", "1"]).fails(1).assert().stderr(contains("t1 has open children: t1_1, t1_2"));
    let ids = |json: &serde_json::Value| {
        let tasks = json["tasks"].as_array().unwrap().iter();
        tasks.map(|task| task["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&ann.aitask(&["archive", "1_1", "--json"]).ok().json()), ["1_1"]);
    let parent = world.remote_file("main", "aitasks/t1_parent.md").unwrap();
    assert!(parent.contains("children_to_implement: [t1_2]\n"), "{parent}");
    let json = ann.aitask(&["archive", "1_2", "--json"]).ok().json();
    assert_eq!(ids(&json), ["1_2", "1"]);
    assert_eq!(
        json["archived"],
        serde_json::json!(["aitasks/archived/t1/t1_2_two.md", "aitasks/archived/t1_parent.md"])
    );
    assert_eq!(
        world.git(&["--git-dir=origin.git", "log", "-1", "--format=%s", "main"]).trim(),
        "ait: Archive completed t1_2 and parent t1 task and plan files"
    );
    assert!(!ann.path("aitasks/t1").exists());
}

#[test]
fn our_lock_is_released_and_another_s_refuses() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    bob.aitask(&["pick", "1", "--no-worktree"]).ok();
    let run = ann.aitask(&["archive", "1", "--json"]).fails(1);
    assert_eq!(run.error()["error"]["kind"], "not_holder");
    assert_eq!(bob.aitask(&["archive", "1", "--json"]).ok().json()["unlocked"], true);
    assert_eq!(world.locks(), Vec::<String>::new());
}

#[test]
fn archiving_again_succeeds_and_an_unknown_task_is_refused() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.aitask(&["archive", "1"]).ok();
    let before = everything(&ann);
    assert_eq!(ann.aitask(&["archive", "1"]).ok().stdout, "  aitasks/archived/t1_one.md\n");
    assert_eq!(everything(&ann), before);
    assert_eq!(ann.aitask(&["archive", "9", "--json"]).fails(1).error()["error"]["kind"], "no_such_task");
    ann.aitask(&["archive"]).fails(2);
}

#[test]
fn what_was_folded_into_it_goes_with_it() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("aitasks/t5_all.md", "---\nstatus: Ready\nfolded_tasks: [6, t7]\n---\n");
    ann.write("aitasks/t6_part.md", "---\nstatus: Folded\nfolded_into: 5\n---\n");
    ann.write("aitasks/t7_busy.md", "---\nstatus: Implementing\n---\n");
    ann.write("aiplans/p6_part.md", "plan\n");
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    ann.aitask(&["archive", "5"]).ok();
    let files = world.remote_files("main").join(" ");
    assert!(files.contains("aitasks/archived/t5_all.md") && files.contains("aitasks/t7_busy.md"), "{files}");
    assert!(!files.contains("6_part"), "{files}");
}

#[test]
fn dry_run_changes_nothing() {
    let ann = World::new().initialised_on_main("ann");
    ann.task("One", &[]);
    let before = everything(&ann);
    let run = ann.aitask(&["archive", "1", "--dry-run"]).ok();
    run.assert().stdout(contains("refs/heads/main").and(contains("git push ")));
    assert_eq!(everything(&ann), before);
}

#[test]
fn without_a_remote_and_on_a_data_branch() {
    let world = World::new();
    for ann in [local(), on_data_branch(&world, "ann")] {
        ann.task("One", &[]);
        ann.write("README.md", "half done\n");
        let before = everything(&ann);
        ann.aitask(&["archive", "1", "--dry-run"]).ok();
        assert_eq!(everything(&ann), before);
        ann.at("aitasks").aitask(&["archive", "1"]).ok();
        assert!(ann.path("aitasks/archived/t1_one.md").is_file() && !ann.path("aitasks/t1_one.md").exists());
        assert_eq!(ann.git(&["status", "--porcelain"]), " M README.md\n");
    }
}

#[test]
fn a_name_that_is_taken_in_the_archive_is_refused() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("aitasks/t5_x.md", "---\nstatus: Ready\n---\n");
    ann.write("aitasks/archived/t5_x.md", "---\nstatus: Done\n---\nkeep me\n");
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    assert_eq!(ann.aitask(&["archive", "5", "--json"]).fails(1).error()["error"]["kind"], "occupied");
    assert!(world.remote_file("main", "aitasks/archived/t5_x.md").unwrap().contains("keep me"));
}
