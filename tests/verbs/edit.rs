//! `git aitask edit`.

use super::init::keys;
use crate::support::{Repo, Running, World, rounds};
use predicates::prelude::*;
use predicates::str::contains;

fn file(ann: &Repo) -> String {
    ann.world().remote_file("main", "aitasks/t1_add_login.md").unwrap()
}

fn world_with_a_task() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("Add login", &[("label", "ui")]);
    (world, ann)
}

#[test]
fn only_the_lines_that_were_named_change() {
    let (_world, ann) = world_with_a_task();
    let other = ann.task("Other", &[]);
    ann.task("Part", &[("parent", &other)]);
    let before = file(&ann);
    let args =
        ["edit", "1", "--status", "Editing", "--priority", "high", "--label", "+New One", "--label", "-ui", "--json"];
    let json = ann.aitask(&[&args[..], &["--depends", "t2_1", "--assign", "bob@example.com"]].concat()).ok().json();
    assert_eq!((keys(&json), &json["changed"]), ("schema task changed".into(), &serde_json::json!(true)));
    let expected = before
        .replace("status: Ready", "status: Editing")
        .replace("priority: medium", "priority: high")
        .replace("labels: [ui]", "labels: [new_one]\nassigned_to: bob@example.com")
        .replace("depends: []", "depends: [t2_1]");
    let without_time =
        |text: &str| text.lines().filter(|line| !line.starts_with("updated_at")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_time(&file(&ann)), without_time(&expected));
    assert_eq!(ann.read("aitasks/t1_add_login.md"), file(&ann));
    assert_eq!(ann.git(&["log", "-1", "--format=%s"]), "ait: Update task t1: add login\n");
}

#[test]
fn the_same_again_changes_nothing() {
    let (world, ann) = world_with_a_task();
    let tip = world.remote_branch("main");
    ann.aitask(&["edit", "1", "--priority", "medium", "--label", "ui"]).ok().assert().stdout(contains("unchanged"));
    assert_eq!(world.remote_branch("main"), tip);
}

#[test]
fn a_new_title_is_the_heading_and_the_file_keeps_its_name() {
    let (_world, ann) = world_with_a_task();
    ann.aitask(&["edit", "1", "--title", "Log in"]).ok().assert().stdout(contains("1  Log in  (changed)"));
    assert!(file(&ann).ends_with("\n---\n\n# Log in\n"));
}

#[test]
fn values_that_cannot_be_are_refused() {
    let (world, ann) = world_with_a_task();
    let tip = world.remote_branch("main");
    for bad in [["--status", "open"], ["--priority", "x"], ["--type", "epic"], ["--label", "!!!"], ["--assign", "a\nb"]]
    {
        ann.aitask(&["edit", "1", bad[0], bad[1]]).fails(2);
    }
    ann.aitask(&["edit", "9", "--priority", "low"]).fails(1).assert().stderr(contains("no task t9"));
    assert_eq!(world.remote_branch("main"), tip);
}

#[test]
fn a_task_is_ended_by_finish_or_archive_and_not_by_an_edit() {
    let (world, ann) = world_with_a_task();
    let tip = world.remote_branch("main");
    let run = ann.aitask(&["edit", "1", "--status", "Done"]).fails(2);
    for way in ["git aitask finish 1", "git aitask archive 1"] {
        assert!(run.stderr.contains(way), "{run}");
    }
    assert_eq!(world.remote_branch("main"), tip);
}

#[test]
fn edits_of_two_clones_at_once_are_both_kept() {
    let (world, ann) = world_with_a_task();
    let bob = world.initialised_on_main("bob");
    let running = [ann.start(&["edit", "1", "--priority", "high"]), bob.start(&["edit", "1", "--effort", "low"])];
    running.into_iter().map(Running::wait).for_each(|run| drop(run.ok()));
    assert!(file(&ann).contains("priority: high\n") && file(&ann).contains("effort: low\n"));
}

#[test]
fn labels_whose_object_is_missing_are_not_taken_for_none() {
    let (world, ann) = world_with_a_task();
    let object = ann.git(&["rev-parse", "origin/main:aitasks/metadata/labels.txt"]);
    let (folder, name) = object.trim().split_at(2);
    std::fs::remove_file(ann.path(".git/objects").join(folder).join(name)).unwrap();
    let before = world.remote_branch("main");
    for args in [&["edit", "1", "--label", "+new", "--json"][..], &["new", "Two", "--label", "new", "--json"]] {
        let run = ann.aitask(args).fails(128);
        let error = &run.error()["error"];
        assert_eq!(error["kind"], "damaged", "{run}");
        assert!(error["message"].as_str().unwrap().contains("aitasks/metadata/labels.txt"), "{run}");
    }
    assert_eq!(world.remote_branch("main"), before);
}

#[test]
fn the_editor_gets_the_file_with_help_and_gives_it_back() {
    let (world, ann) = world_with_a_task();
    let editor = world.root().join("editor.sh");
    world.script(&editor, "#!/bin/sh\ngrep -q '^#| priority' \"$1\" && sed -i 's/^effort:.*/effort: low/' \"$1\" && echo More. >>\"$1\"\n");
    let before = file(&ann);
    ann.env("EDITOR", editor.display()).aitask_at_terminal(&["edit", "1"]).ok();
    assert!(file(&ann).contains("effort: low\n") && file(&ann).ends_with("# Add login\nMore.\n"), "{}", file(&ann));
    assert_eq!(before.lines().count() + 1, file(&ann).lines().count());
    let run = ann.env("EDITOR", "true").aitask_at_terminal(&["edit", "1"]).fails(2);
    run.assert().stderr(contains("no changes were made").and(contains("kept").not()));
}

#[test]
fn an_editor_whose_standard_input_is_a_pipe_is_not_stopped() {
    let (world, ann) = world_with_a_task();
    let editor = world.root().join("editor.sh");
    // a script opens one there, and a verb does not;
    // this is what an editor does with a terminal, and a process in the background must not do
    world.script(&editor, "#!/bin/sh\nstty sane </dev/tty && sed -i 's/^effort:.*/effort: low/' \"$1\"\n");
    let program = env!("CARGO_BIN_EXE_git-aitask");
    let command = format!("echo x | EDITOR='{}' '{program}' compat aitask_update.sh 1", editor.display());
    ann.run("script", &["-qec", &command, "/dev/null"]).ok();
    let file = ann.read("aitasks/t1_add_login.md");
    assert!(file.contains("effort: low\n"), "{file}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let (world, ann) = world_with_a_task();
    let tip = world.remote_branch("main");
    ann.aitask(&["edit", "1", "--priority", "high", "--dry-run"]).ok().assert().stdout(contains("refs/heads/main"));
    assert_eq!(world.remote_branch("main"), tip);
}

/// Two tasks, of which 2 depends on 1.
fn one_waits(world: &World) -> Repo {
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[("depends", "1")]);
    ann
}

#[test]
fn a_circle_of_dependencies_is_refused_and_named() {
    let ann = one_waits(&World::new());
    let run = ann.aitask(&["edit", "1", "--depends", "2", "--json"]).fails(1);
    let error = &run.error()["error"];
    assert_eq!(
        (&error["kind"], &error["message"]),
        (&"circle".into(), &"t1 would wait for itself: 1 -> 2 -> 1".into())
    );
    assert_eq!(error["circles"], serde_json::json!([["1", "2"]]));
    ann.aitask(&["edit", "1", "--depends", "1"]).fails(1).assert().stderr(contains("1 -> 1"));
    // A parent waits for its children.
    ann.task("Child", &[("parent", "1")]);
    ann.aitask(&["edit", "1_1", "--depends", "1"]).fails(1).assert().stderr(contains("1_1 -> 1 -> 1_1"));
    ann.aitask(&["edit", "1_1", "--depends", "2"]).fails(1).assert().stderr(contains("1_1 -> 2 -> 1 -> 1_1"));
    let before = ann.aitask(&["show", "1", "--json"]).ok().json();
    assert_eq!(before["task"]["depends"], serde_json::json!([]));
    ann.aitask(&["edit", "2", "--depends", ""]).ok();
    ann.aitask(&["edit", "1", "--depends", "2"]).ok();
}

#[test]
fn an_unknown_dependency_is_refused_and_an_archived_one_is_known() {
    let ann = one_waits(&World::new());
    ann.task("Three", &[]);
    ann.aitask(&["edit", "1", "--depends", "9"]).fails(1).assert().stderr(contains("there is no task t9 to depend on"));
    ann.aitask(&["edit", "1", "--depends", "3_1"]).fails(1).assert().stderr(contains("no task t3_1"));
    ann.aitask(&["archive", "3"]).ok();
    ann.aitask(&["edit", "1", "--depends", "3"]).ok();
    ann.aitask(&["new", "Four", "-m", "", "--depends", "3_1"]).fails(1).assert().stderr(contains("no task t3_1"));
    ann.task("Four", &[("depends", "3")]);
}

#[test]
fn a_task_in_a_bundle_is_known_and_a_number_without_a_task_is_not() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for id in [3, 5] {
        ann.write(&format!("aitasks/archived/t{id}_x.md"), "---\nstatus: Done\n---\n");
    }
    ann.commit("old");
    ann.script("aitask_zip_old.sh", &[]).ok();
    assert!(ann.path("aitasks/archived/_b0/old0.tar.zst").exists() && !ann.path("aitasks/archived/t3_x.md").exists());
    ann.git(&["push", "-q"]);
    let id = ann.task("New", &[("depends", "3")]);
    ann.aitask(&["edit", &id, "--depends", "5"]).ok();
    for args in [&["edit", &id, "--depends", "4"][..], &["new", "X", "-m", "", "--depends", "4"]] {
        ann.aitask(args).fails(1).assert().stderr(contains("there is no task t4 to depend on"));
    }
    // What cannot be read may have it.
    ann.write("aitasks/archived/_b0/old0.tar.zst", "damaged");
    ann.commit("damaged");
    ann.git(&["push", "-q"]);
    ann.aitask(&["edit", &id, "--depends", "4"]).ok();
}

#[test]
fn the_editor_shows_a_circle_at_the_field_and_keeps_the_text() {
    let ann = one_waits(&World::new());
    let run = ann.env("EDITOR", "sed -i 's/^depends:.*/depends: [2]/'").aitask_at_terminal(&["edit", "1"]).fails(1);
    run.assert().stderr(contains("t1 would wait for itself: 1 -> 2 -> 1").and(contains("your text is kept in")));
    let file = run_file(&run.stderr);
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.contains("#! t1 would wait for itself: 1 -> 2 -> 1\ndepends: [2]\n"), "{kept}");
    let run = ann.env("EDITOR", "sed -i 's/^depends:.*/depends: [9]/'").aitask_at_terminal(&["edit", "1"]).fails(1);
    run.assert().stderr(contains("there is no task t9"));
}

/// The file that a hint names.
fn run_file(stderr: &str) -> &str {
    stderr.split("your text is kept in ").nth(1).unwrap().lines().next().unwrap().trim()
}

#[test]
fn a_circle_that_is_there_already_is_named_and_refuses_no_other_edit() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for (id, on) in [(1, 2), (2, 1), (3, 1)] {
        ann.write(&format!("aitasks/t{id}_x.md"), &format!("---\nstatus: Ready\ndepends: [{on}, 99]\n---\n"));
    }
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    ann.aitask(&["edit", "1", "--priority", "high"]).ok();
    ann.aitask(&["edit", "1", "--label", "+ui"]).ok();
    let json = ann.aitask(&["status", "--json"]).ok().json();
    assert_eq!(json["circles"], serde_json::json!([["1", "2"]]));
    let hint = "git aitask edit 1 --depends ''";
    ann.aitask(&["status"])
        .ok()
        .assert()
        .stdout(contains("these wait for each other: 1 -> 2 -> 1").and(contains(hint)));
    let run = ann.aitask(&["pick", "--next"]).fails(1);
    run.assert().stderr(contains("these wait for each other: 1 -> 2 -> 1").and(contains(hint)));
    let run = ann.aitask(&["pick", "2", "--json"]).fails(1);
    let error = &run.error()["error"];
    assert_eq!((&error["kind"], &error["circles"]), (&"blocked".into(), &serde_json::json!([["2", "1"]])));
    // One that only waits for them is in no circle.
    ann.aitask(&["pick", "3"]).fails(1).assert().stderr(contains("t3 waits for 1").and(contains("each other").not()));
    ann.aitask(&["edit", "1", "--depends", ""]).ok();
    assert!(ann.aitask(&["status", "--json"]).ok().json().get("circles").is_none());
    ann.aitask(&["pick", "--next", "--no-worktree"]).ok();
}

#[test]
fn the_advice_that_ends_a_circle_ends_it_where_a_task_lists_another_as_its_child() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.write("aitasks/t2_x.md", "---\nstatus: Ready\nchildren_to_implement: [t3]\ndepends: [3]\n---\n");
    ann.write("aitasks/t3_x.md", "---\nstatus: Ready\ndepends: [2]\n---\n");
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    let advice = || contains("git aitask edit 3 --depends ''").and(contains("git aitask edit 2").not());
    ann.aitask(&["status"]).ok().assert().stdout(contains("2 -> 3 -> 2").and(advice()));
    ann.aitask(&["pick", "--next"]).fails(1).assert().stderr(contains("2 -> 3 -> 2").and(advice()));
    ann.aitask(&["edit", "3", "--depends", ""]).ok();
    assert!(ann.aitask(&["status", "--json"]).ok().json().get("circles").is_none());
}

#[test]
fn of_two_who_each_add_half_of_a_circle_one_is_refused() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two"] {
        ann.task(title, &[]);
    }
    let bob = world.initialised("bob");
    for round in 0..rounds(8) {
        let runs = [
            ann.start(&["edit", "1", "--depends", "2", "--json"]),
            bob.start(&["edit", "2", "--depends", "1", "--json"]),
        ];
        let runs = runs.map(Running::wait);
        let refused: Vec<_> = runs.iter().filter(|run| run.code != 0).collect();
        assert_eq!(refused.len(), 1, "round {round}: {} {}", runs[0], runs[1]);
        assert_eq!(refused[0].error()["error"]["kind"], "circle");
        for task in ["1", "2"] {
            ann.aitask(&["edit", task, "--depends", ""]).ok();
        }
    }
}
