//! `git aitask reopen`.

use super::init::{keys, local, on_data_branch};
use crate::support::{Repo, Running, World};
use predicates::prelude::*;
use predicates::str::contains;

const WORK: &str = "aiwork/t1_one";

/// Task 1 was picked and has a commit on its branch, which is returned.
fn work(ann: &Repo) -> String {
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("the work");
    ann.at(WORK).git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// Goes on with task 1 after it was opened again, and finishes it once more.
fn go_on(ann: &Repo) {
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at(WORK);
    assert_eq!(there.read("work.txt"), "work\n");
    there.write("work.txt", "work\nmore\n");
    there.commit("more");
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((&json["merged"]["into"], &json["task"]["status"]), (&"main".into(), &"Done".into()), "{json:#}");
    assert_eq!(ann.git(&["show", "main:work.txt"]), "work\nmore\n");
}

#[test]
fn file_and_plan_come_back_and_the_merged_branch_is_published_again() {
    for home in ["aitask-data", "main"] {
        let world = World::new();
        let ann = if home == "main" { world.initialised_on_main("ann") } else { world.initialised("ann") };
        let tip = work(&ann);
        let data = ann.at(if home == "main" { "." } else { ".aitask-data" });
        data.write("aiplans/p1_one.md", "Think.\n");
        data.commit("plan");
        ann.aitask(&["sync"]).ok();
        let before = world.remote_file(home, "aitasks/t1_one.md").unwrap();
        ann.aitask(&["finish", "1"]).ok();
        assert_eq!(world.remote_branch("aitask/t1_one"), None);
        // By somebody else, who has fetched nothing since.
        let bob = world.initialised("bob");
        let json = bob.aitask(&["reopen", "1", "--json"]).ok().json();
        assert_eq!(keys(&json), "schema task changed restored", "{json:#}");
        let task = ["status", "path", "branch"].map(|key| json["task"][key].as_str().unwrap());
        assert_eq!(task, ["Ready", "aitasks/t1_one.md", "aitask/t1_one"]);
        assert!(json["task"]["archived"] == false && json["task"].get("assigned_to").is_none(), "{json:#}");
        let restored = serde_json::json!(
            {"branch": "aitask/t1_one", "tip": tip, "merged_into": "main"}
        );
        assert_eq!(json["restored"], restored);
        assert_eq!(world.remote_branch("aitask/t1_one"), Some(tip));
        let files = world.remote_files(home);
        assert!(!files.iter().any(|file| file.contains("archived/")), "{files:?}");
        assert_eq!(world.remote_file(home, "aiplans/p1_one.md").as_deref(), Some("Think.\n"));
        let without = |text: &str| {
            let of_time =
                |line: &&str| !["updated_at", "assigned_to", "status"].iter().any(|key| line.starts_with(key));
            text.lines().filter(of_time).collect::<Vec<_>>().join("\n")
        };
        let file = world.remote_file(home, "aitasks/t1_one.md").unwrap();
        assert_eq!(without(&file), without(&before));
        assert_eq!(bob.read("aitasks/t1_one.md"), file);
        let json = ann.aitask(&["log", "1", "--json", "-n", "1"]).ok().json();
        assert!(json["events"][0]["what"] != "reopened");
        ann.aitask(&["list", "--fetch"]).ok();
        let json = ann.aitask(&["log", "1", "--json", "-n", "1"]).ok().json();
        assert_eq!(json["events"][0]["what"], "reopened", "{json:#}");
        go_on(&ann);
        assert_eq!(world.remote_branch("aitask/t1_one"), None);
    }
}

#[test]
fn without_a_remote_it_is_the_same() {
    let ann = local();
    let tip = work(&ann);
    ann.aitask(&["finish", "1"]).ok();
    let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
    assert_eq!(json["restored"]["tip"], *tip);
    go_on(&ann);
}

#[test]
fn what_was_merged_is_not_merged_again() {
    let world = World::new();
    let ann = world.initialised("ann");
    let tip = work(&ann);
    ann.aitask(&["finish", "1"]).ok();
    let main = world.remote_branch("main");
    ann.aitask(&["reopen", "1"]).ok().assert().stdout(contains("finish merges what comes on top"));
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).git(&["merge-base", "--is-ancestor", &tip, "HEAD"]);
    // Nothing was done since.
    let run = ann.aitask(&["finish", "1"]).fails(1);
    run.assert().stderr(contains("no commits of its own"));
    assert_eq!(world.remote_branch("main"), main);
    ann.aitask(&["drop", "1"]).ok();
    go_on(&ann);
}

#[test]
fn after_a_squash_or_a_fast_forward_every_clone_begins_at_main_again() {
    for mode in ["--squash", "--ff"] {
        let world = World::new();
        let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
        work(&ann);
        ann.aitask(&["finish", "1", mode]).ok();
        let notes = [&ann, &bob].map(|repo| {
            let json = repo.aitask(&["reopen", "1", "--dry-run", "--json"]).ok().json();
            assert!(json.get("restored").is_none(), "{mode}: {json:#}");
            json["notes"][0].as_str().unwrap().to_owned()
        });
        assert!(
            notes[0].contains("no merge commit names its branch") && notes[0].contains("begins at main"),
            "{notes:?}"
        );
        assert_eq!(notes[0], notes[1]);
        ann.aitask(&["reopen", "1"]).ok();
        assert_eq!(world.remote_branch("aitask/t1_one"), None);
        go_on(&ann);
    }
}

#[test]
fn of_a_parent_that_ended_with_its_last_child_no_branch_is_published() {
    for message in [&["-m", "The work"][..], &[]] {
        let world = World::new();
        let ann = world.initialised("ann");
        ann.task("Parent", &[]);
        ann.task("Kid", &[("parent", "1")]);
        ann.aitask(&["pick", "1_1"]).ok();
        let there = ann.at("aiwork/t1_1_kid");
        there.write("work.txt", "work\n");
        there.commit("the work");
        let tip = there.git(&["rev-parse", "HEAD"]).trim().to_owned();
        ann.aitask(&[&["finish", "1_1"], message].concat()).ok();
        let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
        assert!(json["changed"] == true && json.get("restored").is_none(), "{json:#}");
        let published = world.git(&["--git-dir=origin.git", "for-each-ref", "refs/heads/aitask/"]);
        assert_eq!(published, "");
        let json = ann.aitask(&["reopen", "1_1", "--json"]).ok().json();
        assert_eq!(json["restored"]["tip"], *tip, "{json:#}");
    }
}

#[test]
fn a_merge_of_a_pull_request_is_found_and_one_that_reverts_it_is_not_taken_for_it() {
    let world = World::new();
    let ann = world.initialised("ann");
    let tip = work(&ann);
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    ann.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #1 from ann/aitask/t1_one", "aitask/t1_one"]);
    ann.git(&["switch", "-qc", "revert-1-aitask/t1_one"]);
    ann.git(&["revert", "-m", "1", "--no-edit", "HEAD"]);
    ann.git(&["switch", "-q", "main"]);
    ann.git(&["push", "-q"]);
    ann.aitask(&["finish", "1"]).ok();
    ann.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge pull request #2 from ann/revert-1-aitask/t1_one",
        "revert-1-aitask/t1_one",
    ]);
    ann.git(&["push", "-q"]);
    assert_eq!(world.remote_branch("aitask/t1_one"), None);
    assert_eq!(ann.aitask(&["reopen", "1", "--json"]).ok().json()["restored"]["tip"], *tip);
}

#[test]
fn a_branch_that_is_still_there_stays_as_it_is() {
    let world = World::new();
    let ann = world.initialised("ann");
    let tip = work(&ann);
    ann.aitask(&["archive", "1"]).ok();
    let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
    assert!(json.get("restored").is_none() && json.get("notes").is_none(), "{json:#}");
    assert_eq!(ann.git(&["rev-parse", "aitask/t1_one"]).trim(), tip);
    go_on(&ann);
}

#[test]
fn out_of_a_bundle_whose_other_files_stay() {
    for others in [true, false] {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        let count = if others { 3 } else { 1 };
        for n in 1..=count {
            ann.task(&format!("Task {n}"), &[]);
            ann.write(&format!("aiplans/p{n}_task_{n}.md"), "Think.\n");
        }
        ann.commit("plans");
        ann.aitask(&["sync"]).ok();
        for n in 1..=count {
            ann.aitask(&["archive", &n.to_string()]).ok();
        }
        ann.script("aitask_zip_old.sh", &[]).ok();
        ann.git(&["push", "-q"]);
        let has_bundle = |root: &str| ann.path(format!("{root}/archived/_b0/old0.tar.zst")).exists();
        assert!(has_bundle("aitasks") && !ann.path("aitasks/archived/t1_task_1.md").exists());
        let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
        assert_eq!(json["task"]["path"], "aitasks/t1_task_1.md");
        let file = ann.read("aitasks/t1_task_1.md");
        assert!(file.contains("status: Ready\n") && !file.contains("completed_at"), "{file}");
        assert_eq!(ann.read("aiplans/p1_task_1.md"), "Think.\n");
        assert_eq!((has_bundle("aitasks"), has_bundle("aiplans")), (others, others));
        let shown = |id: &str| ann.aitask(&["show", id, "--json"]).ok().json();
        assert_eq!(shown("1")["task"]["archived"], false);
        if others {
            assert_eq!(shown("2")["task"]["archived"], true);
            assert_eq!(shown("3")["plan"]["text"], "Think.\n");
            ann.aitask(&["archive", "1"]).ok();
            ann.script("aitask_zip_old.sh", &[]).ok();
            assert_eq!(shown("1")["task"]["archived"], true);
        }
    }
}

#[test]
fn a_child_is_on_the_list_of_its_parent_again() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("Parent", &[]);
    for title in ["One", "Two"] {
        ann.task(title, &[("parent", "1")]);
    }
    ann.aitask(&["archive", "1_1"]).ok();
    ann.aitask(&["reopen", "1_1"]).ok();
    let children = |ann: &Repo| ann.aitask(&["show", "1", "--json"]).ok().json()["task"]["children"].clone();
    assert_eq!(children(&ann), serde_json::json!(["1_1", "1_2"]));
    ann.aitask(&["archive", "1_1"]).ok();
    ann.aitask(&["archive", "1_2"]).ok();
    let run = ann.aitask(&["reopen", "1_1"]).fails(1);
    run.assert().stderr(contains("t1, the parent of t1_1, is archived, too").and(contains("git aitask reopen 1")));
    // The parent comes back alone.
    ann.aitask(&["reopen", "1"]).ok();
    assert_eq!(children(&ann), serde_json::json!([]));
    ann.aitask(&["reopen", "1_1"]).ok();
    assert_eq!(children(&ann), serde_json::json!(["1_1"]));
    ann.aitask(&["archive", "1"]).fails(1);
}

#[test]
fn what_cannot_be_opened_is_refused_and_changes_nothing() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["edit", "1", "--depends", "2"]).ok();
    ann.aitask(&["archive", "1"]).ok();
    ann.aitask(&["edit", "2", "--depends", "1"]).ok();
    ann.write("aitasks/archived/t3_three.md", "---\nstatus: Done\n---\n");
    ann.write("aitasks/archived/t4_held.md", "---\nstatus: Done\n---\n");
    ann.commit("by hand");
    ann.git(&["push", "-q"]);
    let bob = world.initialised("bob");
    bob.aitask(&["pick", "2", "--no-worktree"]).fails(0);
    let tips = || ["main", "aitask-locks"].map(|branch| world.remote_branch(branch));
    let before = tips();
    for (id, code, kind, said) in [
        ("9", 1, "no_such_task", "no task t9"),
        ("x", 2, "usage", "names no task"),
        ("1", 1, "circle", "t1 would wait for itself: 1 -> 2 -> 1"),
        ("2", 1, "held", "t2 is open, and held by bob@example.com"),
        ("3", 1, "occupied", "t3 has two files"),
    ] {
        let error = ann.aitask(&["reopen", id, "--json"]).fails(code).error();
        assert_eq!(error["error"]["kind"], kind, "{id} {error:#}");
        assert!(error["error"]["message"].as_str().unwrap().contains(said), "{error:#}");
    }
    assert_eq!(tips(), before);
    let run = ann.aitask(&["pick", "1"]).fails(1);
    run.assert().stderr(contains("is archived").and(contains("git aitask reopen 1")));
}

#[test]
fn the_same_again_says_that_it_is_open_and_of_two_at_once_both_succeed() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    work(&ann);
    ann.aitask(&["finish", "1"]).ok();
    let runs = [ann.start(&["reopen", "1", "--json"]), bob.start(&["reopen", "1", "--json"])];
    let changed = runs.map(|run| Running::wait(run).ok().json()["changed"] == true);
    assert_eq!(changed.iter().filter(|changed| **changed).count(), 1);
    let tips = || ["aitask-data", "aitask-locks"].map(|branch| world.remote_branch(branch));
    let before = tips();
    ann.aitask(&["reopen", "1"]).ok().assert().stdout(contains("1  One  (open already)"));
    let json = bob.aitask(&["reopen", "t1_one", "--json"]).ok().json();
    assert_eq!((keys(&json), &json["changed"]), ("schema task changed".into(), &false.into()));
    assert_eq!(tips(), before);
}

#[test]
fn a_dry_run_says_what_would_move_and_moves_nothing() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    work(&ann);
    ann.aitask(&["finish", "1"]).ok();
    let refs = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let run = ann.aitask(&["reopen", "1", "--dry-run"]).ok();
    for name in ["refs/heads/aitask-data", "refs/heads/aitask-locks", "refs/heads/aitask/t1_one"] {
        assert!(run.stdout.contains(name), "{run}");
    }
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), refs);
}

#[test]
fn a_server_that_refuses_its_branch_does_not_keep_the_task_closed() {
    let world = World::new();
    let ann = world.initialised("ann");
    work(&ann);
    ann.aitask(&["finish", "1"]).ok();
    world.protect("aitask/t1_one");
    let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
    assert!(json["changed"] == true && json.get("restored").is_none(), "{json:#}");
    assert!(json["notes"][0].as_str().unwrap().contains("was not published again"), "{json:#}");
}

#[test]
fn work_that_was_merged_into_another_branch_is_found_when_the_task_is_opened_again() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.git(&["push", "-q", "origin", "main:release"]);
    ann.git(&["fetch", "-q"]);
    let tip = work(&ann);
    ann.aitask(&["finish", "1", "--into", "release"]).ok();
    let json = ann.aitask(&["reopen", "1", "--json"]).ok().json();
    let restored = &json["restored"];
    assert_eq!((&restored["tip"], &restored["merged_into"]), (&tip.into(), &"release".into()), "{json}");
    // its branch stays until its work is in the branch that it goes to, and that is said
    let run = ann.aitask(&["archive", "1"]).ok();
    run.assert().stdout(contains("aitask/t1_one stays on origin").and(contains("git aitask worktree prune")));
}
