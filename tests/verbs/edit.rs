//! `git aitask edit`.

use super::init::keys;
use crate::support::{Repo, Running, World};
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
    let before = file(&ann);
    let args =
        ["edit", "1", "--status", "Editing", "--priority", "high", "--label", "+New One", "--label", "-ui", "--json"];
    let json = ann.aitask(&[&args[..], &["--depends", "t4_1", "--assign", "bob@example.com"]].concat()).ok().json();
    assert_eq!((keys(&json), &json["changed"]), ("schema task changed".into(), &serde_json::json!(true)));
    let expected = before
        .replace("status: Ready", "status: Editing")
        .replace("priority: medium", "priority: high")
        .replace("labels: [ui]", "labels: [new_one]\nassigned_to: bob@example.com")
        .replace("depends: []", "depends: [t4_1]");
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
    for bad in
        [["--status", "ready"], ["--priority", "x"], ["--type", "epic"], ["--label", "!!!"], ["--assign", "a\nb"]]
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
fn the_editor_gets_the_file_with_help_and_gives_it_back() {
    let (world, ann) = world_with_a_task();
    let editor = world.root().join("editor.sh");
    world.script(&editor, "#!/bin/sh\ngrep -q '^#| priority' \"$1\" && sed -i 's/^effort:.*/effort: low/' \"$1\" && echo More. >>\"$1\"\n");
    let before = file(&ann);
    ann.env("EDITOR", editor.display()).aitask(&["edit", "1"]).ok();
    assert!(file(&ann).contains("effort: low\n") && file(&ann).ends_with("# Add login\nMore.\n"), "{}", file(&ann));
    assert_eq!(before.lines().count() + 1, file(&ann).lines().count());
    let run = ann.env("EDITOR", "true").aitask(&["edit", "1"]).fails(2);
    run.assert().stderr(contains("no changes were made").and(contains("kept").not()));
}

#[test]
fn an_editor_whose_standard_input_is_a_pipe_is_not_stopped() {
    let (world, ann) = world_with_a_task();
    let editor = world.root().join("editor.sh");
    // what an editor does with a terminal, and a process in the background must not do
    world.script(&editor, "#!/bin/sh\nstty sane </dev/tty && sed -i 's/^effort:.*/effort: low/' \"$1\"\n");
    let program = env!("CARGO_BIN_EXE_git-aitask");
    let command = format!("echo x | EDITOR='{}' '{program}' edit 1", editor.display());
    ann.run("script", &["-qec", &command, "/dev/null"]).ok();
    assert!(file(&ann).contains("effort: low\n"), "{}", file(&ann));
}

#[test]
fn a_dry_run_changes_nothing() {
    let (world, ann) = world_with_a_task();
    let tip = world.remote_branch("main");
    ann.aitask(&["edit", "1", "--priority", "high", "--dry-run"]).ok().assert().stdout(contains("refs/heads/main"));
    assert_eq!(world.remote_branch("main"), tip);
}
